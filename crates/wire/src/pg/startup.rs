//! From a socket to a connection that may ask: encryption, the key, the database.
//!
//! Promises that nobody learns whether a tenant exists without its key; that nothing that came before the
//! encryption is taken as if it had come within; and that all this takes [`WIRE_START_S_MAX`] at most.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pgwire::messages::response::{ReadyForQuery, TransactionStatus};
use pgwire::messages::startup::{
    Authentication, BackendKeyData, NegotiateProtocolVersion, ParameterStatus, Startup,
};
use pgwire::messages::{
    PgWireBackendMessage as Said, PgWireFrontendMessage as Heard, ProtocolVersion,
    SslNegotiationMetaMessage as Meta,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use vitals_access::{Place, Refused};
use vitals_model::limits::WIRE_START_S_MAX;

use super::House;
use super::connection::{Connection, Parts};
use super::frames::{Reader, Writer};
use super::refusal::{Refusal, Trouble};
use super::settings::Settings;

/// The one database there is.
const DATABASE: &str = "vitals";
/// The first byte of a TLS handshake.
const HANDSHAKE: u8 = 0x16;

/// A socket with what was said on it before anybody was known.
struct Opened<S> {
    reader: Reader<S>,
    startup: Startup,
}

/// Serves one socket until its end.
pub(super) async fn receive(
    house: &Arc<House>,
    stream: TcpStream,
    peer: SocketAddr,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let place = house.places.enter();
    let patience = Duration::from_secs(WIRE_START_S_MAX);
    let deadline = Instant::now() + patience;
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    let mut first = [0];
    let peeked =
        tokio::time::timeout_at(deadline, stream.peek(&mut first)).await.map_err(late)??;
    let mut reader = Reader::new(stream);
    let wants_tls = if peeked == 1 && first[0] == HANDSHAKE {
        true
    } else {
        match tokio::time::timeout_at(deadline, opening(house, &mut reader))
            .await
            .map_err(late)??
        {
            Asked::Startup(startup) => {
                let opened = Opened { reader, startup };
                return admit(house, opened, (peer, false, deadline), place.ok()).await;
            }
            Asked::Encryption => true,
            Asked::Nothing => false,
        }
    };
    let (stream, early) = reader.into_input();
    let Some(identity) = house.doors.identity.as_ref().filter(|_| wants_tls && early.is_empty())
    else {
        return Ok(());
    };
    let secured = identity.acceptor().accept(stream);
    let secured = tokio::time::timeout_at(deadline, secured).await.map_err(late)??;
    let mut reader = Reader::new(secured);
    match tokio::time::timeout_at(deadline, opening(house, &mut reader)).await.map_err(late)?? {
        Asked::Startup(startup) => {
            let opened = Opened { reader, startup };
            admit(house, opened, (peer, true, deadline), place.ok()).await
        }
        Asked::Encryption | Asked::Nothing => Ok(()),
    }
}

/// What somebody unknown asks for.
enum Asked {
    Encryption,
    Startup(Startup),
    Nothing,
}

/// Hears somebody out until they say who they are, or ask for what is done without knowing them.
async fn opening<S: AsyncRead + AsyncWrite + Unpin>(
    house: &House,
    reader: &mut Reader<S>,
) -> io::Result<Asked> {
    // Each may be asked for once.
    for _ in 0..3 {
        match reader.opening().await? {
            Some(Heard::SslNegotiation(Meta::PostgresSsl(_))) if house.doors.identity.is_some() => {
                reader.input().write_all(b"S").await?;
                return Ok(Asked::Encryption);
            }
            Some(Heard::SslNegotiation(_)) => reader.input().write_all(b"N").await?,
            Some(Heard::CancelRequest(request)) => {
                house.cancels.request(request.pid, &request.secret_key);
                return Ok(Asked::Nothing);
            }
            Some(Heard::Startup(startup)) => return Ok(Asked::Startup(startup)),
            Some(_) | None => return Ok(Asked::Nothing),
        }
    }
    Ok(Asked::Nothing)
}

/// Asks for the key, and serves whoever has it.
async fn admit<S: AsyncRead + AsyncWrite + Unpin + Send>(
    house: &Arc<House>,
    opened: Opened<S>,
    (peer, secure, deadline): (SocketAddr, bool, Instant),
    place: Option<Place>,
) -> io::Result<()> {
    let Opened { reader, startup } = opened;
    let (stream, early) = reader.into_input();
    let (input, output) = tokio::io::split(stream);
    let mut talk = Talk { reader: Reader::resumed(input, early), writer: Writer::new(output) };
    let known = async {
        let place = place.ok_or_else(full)?;
        talk.identify(house, &startup, (peer, secure), place).await
    };
    let known = tokio::time::timeout_at(deadline, known).await;
    let known = known.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
    match known {
        Ok(parts) => {
            let Talk { reader, writer } = talk;
            Connection::new(Arc::clone(house), (reader, writer), parts).run().await
        }
        Err(Trouble::Refused(refusal)) => {
            talk.writer.put(&refusal.message())?;
            talk.writer.flush().await
        }
        Err(Trouble::Lost(error)) => Err(error),
    }
}

fn full() -> Refusal {
    Refusal::fatal("53300", "there are too many connections", "close some, or try again later")
}

struct Talk<S> {
    reader: Reader<tokio::io::ReadHalf<S>>,
    writer: Writer<tokio::io::WriteHalf<S>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Talk<S> {
    async fn identify(
        &mut self,
        house: &House,
        startup: &Startup,
        (peer, secure): (SocketAddr, bool),
        place: Place,
    ) -> Result<Parts, Trouble> {
        let version = self.version(startup)?;
        if house.doors.identity.is_some() && !secure && !peer.ip().to_canonical().is_loopback() {
            let message = "this door is encrypted";
            return Err(Refusal::fatal("28000", message, "connect with sslmode=require").into());
        }
        let word = |name: &str| startup.parameters.get(name).map(String::as_str);
        if word("replication").is_some_and(|it| !matches!(it, "false" | "off" | "no" | "0")) {
            return Err(Refusal::fatal("0A000", "replication is not offered here", "").into());
        }
        let user = word("user").unwrap_or_default();
        self.reader.started(version);
        self.writer.put(&Said::Authentication(Authentication::CleartextPassword))?;
        self.writer.flush().await?;
        let Some(Heard::PasswordMessageFamily(password)) = self.reader.next().await? else {
            return Err(Trouble::Lost(io::Error::from(io::ErrorKind::UnexpectedEof)));
        };
        let password = password.into_password().map_err(io::Error::other)?.password;
        let now = Instant::now().into_std();
        let caller = house.doors.gate.open((peer.ip(), now), Some(user), &password).await;
        let caller = caller.map_err(|refused| wrong(refused, user))?;
        let database = word("database").unwrap_or(user);
        if database != DATABASE && database != caller.slug {
            let message = format!("there is no database \"{database}\"");
            return Err(Refusal::fatal("3D000", message, "the database is called vitals").into());
        }
        let place = place.of(caller.tenant).map_err(|_| full())?;
        let settings = settings(startup).map_err(|it| Refusal { fatal: true, ..it })?;
        let cancel = house.cancels.register(version);
        self.writer.put(&Said::Authentication(Authentication::Ok))?;
        for (name, value) in settings.told() {
            self.writer.put(&Said::ParameterStatus(ParameterStatus::new(name, value)))?;
        }
        let slug = caller.slug.clone();
        let session = ParameterStatus::new("session_authorization".to_owned(), slug);
        self.writer.put(&Said::ParameterStatus(session))?;
        let key = BackendKeyData::new(cancel.pid, cancel.secret.clone());
        self.writer.put(&Said::BackendKeyData(key))?;
        let ready = ReadyForQuery::new(TransactionStatus::Idle);
        self.writer.put(&Said::ReadyForQuery(ready))?;
        self.writer.flush().await?;
        Ok(Parts { caller, place, settings, cancel })
    }

    /// The version of the protocol that both sides know.
    fn version(&mut self, startup: &Startup) -> Result<ProtocolVersion, Trouble> {
        let (major, minor) = (startup.protocol_number_major, startup.protocol_number_minor);
        if let Some(version) = ProtocolVersion::from_version_number(major, minor) {
            return Ok(version);
        }
        let newest = ProtocolVersion::PROTOCOL3_2;
        if major != newest.version_number().0 {
            return Err(
                Refusal::fatal("0A000", "this version of the protocol is not spoken", "").into()
            );
        }
        let negotiated = NegotiateProtocolVersion::new(newest.into(), Vec::new());
        self.writer.put(&Said::NegotiateProtocolVersion(negotiated))?;
        Ok(newest)
    }
}

fn wrong(refused: Refused, user: &str) -> Refusal {
    match refused {
        Refused::Wrong => Refusal::fatal(
            "28P01",
            format!("password authentication failed for user \"{user}\""),
            "the user is a tenant's slug, the password one of its API keys",
        ),
        Refused::TooOften { retry_after } => Refusal::fatal(
            "28P01",
            format!("too many attempts failed; wait {} s", retry_after.as_secs() + 1),
            "",
        ),
        Refused::Unreachable => {
            Refusal::fatal("57P03", "the keys cannot be read at the moment", "try again")
        }
    }
}

/// The settings a client begins with.
fn settings(startup: &Startup) -> Result<Settings, Refusal> {
    let mut settings = Settings::default();
    for (name, value) in &startup.parameters {
        match name.as_str() {
            "user" | "database" | "replication" => {}
            "options" => {
                for (name, value) in options(value) {
                    settings.set(name, Some(value.to_owned()))?;
                }
            }
            extension if extension.starts_with("_pq_.") => {}
            name => {
                settings.set(name, Some(value.clone()))?;
            }
        }
    }
    Ok(settings)
}

/// `-c name=value` and `--name=value`.
fn options(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let words = text.split_whitespace().filter(|word| *word != "-c");
    words.filter_map(|word| {
        let word = word.strip_prefix("--").or_else(|| word.strip_prefix("-c")).unwrap_or(word);
        word.split_once('=')
    })
}
