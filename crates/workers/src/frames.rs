//! Frames on a socket: a head as JSON, a body of bytes, both bounded.
//!
//! Promises that what is written is read whole or not at all, that a reader may be dropped and asked again
//! between two frames and within one, and that nobody is made to hold more than a frame may have. A full
//! socket makes its writer wait: that is the back-pressure.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use vitals_model::limits::WORKER_FRAME_BYTES_MAX;

/// Most bytes of a head: a question's text and parameters, with room for what JSON escapes.
const HEAD_BYTES_MAX: usize = 1024 * 1024;
/// The lengths of head and body, in front of each frame.
const LENGTHS: usize = 8;

/// Writes a frame.
pub(crate) async fn write<H: Serialize>(
    to: &mut (impl AsyncWrite + Unpin),
    head: &H,
    body: &[u8],
) -> io::Result<()> {
    let head = serde_json::to_vec(head)?;
    if head.len() > HEAD_BYTES_MAX || body.len() > WORKER_FRAME_BYTES_MAX {
        return Err(too_long());
    }
    let length = |of: usize| u32::try_from(of).map(u32::to_le_bytes).map_err(|_| too_long());
    let mut bytes = Vec::with_capacity(LENGTHS + head.len());
    bytes.extend(length(head.len())?);
    bytes.extend(length(body.len())?);
    bytes.extend(head);
    to.write_all(&bytes).await?;
    to.write_all(body).await
}

fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a frame is too long")
}

/// Reads frames.
#[derive(Debug)]
pub(crate) struct Frames<R> {
    from: R,
    /// The frame under way: its lengths, and once these are known the rest of it.
    part: Vec<u8>,
    filled: usize,
    head: Option<usize>,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    /// Frames that come from here.
    pub(crate) fn new(from: R) -> Self {
        Self { from, part: vec![0; LENGTHS], filled: 0, head: None }
    }

    /// The next frame; `None` when the other side has closed. May be dropped and called again.
    pub(crate) async fn next<H: DeserializeOwned>(&mut self) -> io::Result<Option<(H, Vec<u8>)>> {
        loop {
            while self.filled < self.part.len() {
                let read = self.from.read(&mut self.part[self.filled..]).await?;
                if read == 0 {
                    let between = self.filled == 0 && self.head.is_none();
                    return if between {
                        Ok(None)
                    } else {
                        Err(io::ErrorKind::UnexpectedEof.into())
                    };
                }
                self.filled += read;
            }
            match self.head {
                None => {
                    let (head, body) = lengths(&self.part)?;
                    (self.part, self.filled, self.head) = (vec![0; head + body], 0, Some(head));
                }
                Some(head) => {
                    let mut frame = std::mem::replace(&mut self.part, vec![0; LENGTHS]);
                    (self.filled, self.head) = (0, None);
                    let body = frame.split_off(head);
                    return Ok(Some((serde_json::from_slice(&frame)?, body)));
                }
            }
        }
    }
}

fn lengths(bytes: &[u8]) -> io::Result<(usize, usize)> {
    let length = |at: usize| {
        let bytes = bytes.get(at..at + 4).and_then(|it| it.try_into().ok());
        bytes.map(u32::from_le_bytes).and_then(|it| usize::try_from(it).ok())
    };
    match (length(0), length(4)) {
        (Some(head), Some(body)) if head <= HEAD_BYTES_MAX && body <= WORKER_FRAME_BYTES_MAX => {
            Ok((head, body))
        }
        _ => Err(too_long()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_come_as_they_were_sent_however_the_bytes_arrive() {
        let (mut here, there) = tokio::io::duplex(3);
        let mut frames = Frames::new(there);
        let sent = async {
            for n in 0..4_u8 {
                write(&mut here, &format!("head {n}"), &vec![n; usize::from(n) * 7]).await.unwrap();
            }
            drop(here);
        };
        let came = async {
            for n in 0..4_u8 {
                let (head, body): (String, _) = frames.next().await.unwrap().unwrap();
                assert_eq!((head, body), (format!("head {n}"), vec![n; usize::from(n) * 7]));
            }
            assert!(frames.next::<String>().await.unwrap().is_none());
        };
        tokio::join!(sent, came);
    }

    #[tokio::test]
    async fn a_reader_that_is_dropped_within_a_frame_goes_on_in_it() {
        let (mut here, there) = tokio::io::duplex(1024);
        let mut frames = Frames::new(there);
        let mut bytes = Vec::new();
        write(&mut bytes, &"head", b"body").await.unwrap();
        for byte in bytes {
            tokio::select! {
                biased;
                early = frames.next::<String>() => panic!("{early:?}"),
                () = std::future::ready(()) => {}
            }
            here.write_all(&[byte]).await.unwrap();
        }
        assert_eq!(frames.next().await.unwrap(), Some(("head".to_owned(), b"body".to_vec())));
    }

    #[tokio::test]
    async fn a_frame_that_claims_too_much_or_breaks_off_is_an_error() {
        let claims = |head: u32, body: u32| [head.to_le_bytes(), body.to_le_bytes()].concat();
        for bytes in [claims(u32::MAX, 0), claims(0, u32::MAX), claims(2, 0), b"x".to_vec()] {
            let outcome = Frames::new(bytes.as_slice()).next::<String>().await;
            assert!(outcome.is_err(), "{bytes:?}");
        }
        let long = vec![0; WORKER_FRAME_BYTES_MAX + 1];
        assert!(write(&mut Vec::new(), &"head", &long).await.is_err());
    }
}
