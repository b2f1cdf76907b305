//! Messages of the protocol, read and written within limits.
//!
//! Promises that no more than one message of [`WIRE_MESSAGE_BYTES_MAX`] is held, whatever length its head
//! claims; that a broken message is told from a connection that ended; and that whoever takes nothing is
//! not written to for ever.

use std::io;
use std::time::Duration;

use bytes::{Buf, BufMut, BytesMut};
use pgwire::messages::{
    DecodeContext, PgWireBackendMessage, PgWireFrontendMessage, ProtocolVersion,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use vitals_model::limits::{WIRE_IDLE_S_MAX, WIRE_MESSAGE_BYTES_MAX};

/// Longest message before a connection is known: PostgreSQL's own limit.
const START_BYTES_MAX: usize = 10_000;
/// Shortest: a length and a code.
const START_BYTES_MIN: usize = 8;
/// Bytes read at a time.
const READ_BYTES: usize = 8 * 1024;
/// Bytes that wait to be sent before they are.
const SEND_BYTES: usize = 64 * 1024;

/// The reading half of a connection.
#[derive(Debug)]
pub(super) struct Reader<R> {
    input: R,
    buffer: BytesMut,
    context: DecodeContext,
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

impl<R: AsyncRead + Unpin> Reader<R> {
    pub(super) fn new(input: R) -> Self {
        let context = DecodeContext::new(ProtocolVersion::default());
        Self { input, buffer: BytesMut::new(), context }
    }

    /// One that goes on with what another has read and not understood.
    pub(super) fn resumed(input: R, buffer: BytesMut) -> Self {
        Self { buffer, ..Self::new(input) }
    }

    /// The stream it reads from.
    pub(super) fn input(&mut self) -> &mut R {
        &mut self.input
    }

    /// What was read and not yet understood, with the stream it came from.
    pub(super) fn into_input(self) -> (R, BytesMut) {
        (self.input, self.buffer)
    }

    /// Messages are those of a known connection from now on.
    pub(super) fn started(&mut self, version: ProtocolVersion) {
        self.context.protocol_version = version;
        self.context.awaiting_frontend_ssl = false;
        self.context.awaiting_frontend_startup = false;
    }

    /// The next message of somebody who is not known yet; `None` when they are gone.
    pub(super) async fn opening(&mut self) -> io::Result<Option<PgWireFrontendMessage>> {
        let Some(frame) = self.frame(0, (START_BYTES_MIN, START_BYTES_MAX)).await? else {
            return Ok(None);
        };
        // An opening is looked at twice: as a wish for encryption, and as everything else.
        self.context.awaiting_frontend_ssl = true;
        let wish = decode(frame.clone(), &self.context)?;
        self.context.awaiting_frontend_ssl = false;
        use pgwire::messages::SslNegotiationMetaMessage as Meta;
        match wish {
            PgWireFrontendMessage::SslNegotiation(Meta::None) => {
                decode(frame, &self.context).map(Some)
            }
            wish => Ok(Some(wish)),
        }
    }

    /// The next message; `None` when the client is gone.
    pub(super) async fn next(&mut self) -> io::Result<Option<PgWireFrontendMessage>> {
        match self.frame(1, (4, WIRE_MESSAGE_BYTES_MAX)).await? {
            Some(frame) => decode(frame, &self.context).map(Some),
            None => Ok(None),
        }
    }

    /// The bytes of one message, whose length stands `at` so many bytes behind its beginning.
    async fn frame(
        &mut self,
        at: usize,
        (least, most): (usize, usize),
    ) -> io::Result<Option<BytesMut>> {
        loop {
            if let Some(head) = self.buffer.get(at..at + 4) {
                let length = usize::try_from((&head[..]).get_i32()).unwrap_or(usize::MAX);
                if length < least || length > most {
                    return Err(broken("a message is longer than it may be, or shorter"));
                }
                if self.buffer.len() >= at + length {
                    return Ok(Some(self.buffer.split_to(at + length)));
                }
            }
            self.buffer.reserve(READ_BYTES);
            if self.input.read_buf(&mut self.buffer).await? == 0 {
                let whole = self.buffer.is_empty();
                return if whole { Ok(None) } else { Err(broken("a message broke off")) };
            }
        }
    }

    /// Ends when the client is gone. What it says meanwhile is kept, up to one message.
    pub(super) async fn gone(&mut self) {
        while self.buffer.len() <= WIRE_MESSAGE_BYTES_MAX {
            self.buffer.reserve(READ_BYTES);
            match self.input.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        std::future::pending::<()>().await;
    }
}

fn decode(mut frame: BytesMut, context: &DecodeContext) -> io::Result<PgWireFrontendMessage> {
    let decoded = PgWireFrontendMessage::decode(&mut frame, context);
    let decoded = decoded.map_err(|_| broken("a message cannot be understood"))?;
    decoded.ok_or_else(|| broken("a message is shorter than it says"))
}

/// The writing half of a connection.
#[derive(Debug)]
pub(super) struct Writer<W> {
    output: W,
    buffer: BytesMut,
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    pub(super) fn new(output: W) -> Self {
        Self { output, buffer: BytesMut::new() }
    }

    /// Puts a message behind those that wait to be sent.
    pub(super) fn put(&mut self, message: &PgWireBackendMessage) -> io::Result<()> {
        message.encode(&mut self.buffer).map_err(io::Error::other)
    }

    /// Puts a row of so many values behind those that wait to be sent.
    pub(super) fn put_row(
        &mut self,
        values: usize,
        write: impl FnOnce(&mut BytesMut) -> io::Result<()>,
    ) -> io::Result<()> {
        self.buffer.put_u8(b'D');
        let head = self.buffer.len();
        self.buffer.put_i32(0);
        self.buffer.put_i16(i16::try_from(values).map_err(io::Error::other)?);
        write(&mut self.buffer)?;
        let length = i32::try_from(self.buffer.len() - head).map_err(io::Error::other)?;
        self.buffer[head..head + 4].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }

    /// Sends what waits when it is much.
    pub(super) async fn relieve(&mut self) -> io::Result<()> {
        if self.buffer.len() < SEND_BYTES { Ok(()) } else { self.flush().await }
    }

    /// Sends what waits.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        let sent = async {
            self.output.write_all_buf(&mut self.buffer).await?;
            self.output.flush().await
        };
        let patience = Duration::from_secs(WIRE_IDLE_S_MAX);
        tokio::time::timeout(patience, sent).await.map_err(io::Error::other)?
    }
}
