//! Clients of the PostgreSQL protocol that mean no good, or leave.

#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::net::TcpListener;
use vitals_access::{Caller, Gate, Keys, Unreachable};
use vitals_model::TenantId;
use vitals_model::limits::{
    ATTEMPTS_FAILED_MAX, CONNECTIONS_PER_TENANT_MAX, WIRE_MESSAGE_BYTES_MAX,
};
use vitals_query::answers::Description;
use vitals_query::{Answers, QueryError, Question, Rows};
use vitals_wire::{Doors, pg};

const PATIENCE: Duration = Duration::from_secs(20);

/// One key, of one tenant.
#[derive(Debug)]
struct OneKey;

#[async_trait]
impl Keys for OneKey {
    async fn caller_of(&self, token: &str) -> Result<Option<Caller>, Unreachable> {
        let tenant = TenantId(uuid::Uuid::nil());
        Ok((token == "right").then(|| Caller { tenant, slug: "gym".to_owned() }))
    }
}

/// Answers that never come; counts those that are waited for.
#[derive(Debug, Default)]
struct Never(Arc<AtomicUsize>);

struct Waited(Arc<AtomicUsize>);

impl Drop for Waited {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Answers for Never {
    async fn answer(&self, _: Question) -> Result<Rows, QueryError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let _waited = Waited(Arc::clone(&self.0));
        std::future::pending().await
    }

    async fn describe(&self, question: Question) -> Result<Description, QueryError> {
        self.answer(question).await.map(|_| unreachable!("it never comes"))
    }
}

/// A door; gives its address, and how many questions are under way.
fn door() -> (SocketAddr, Arc<AtomicUsize>) {
    let (told, address) = std::sync::mpsc::sync_channel(1);
    let waited = Arc::<AtomicUsize>::default();
    let answers = Arc::new(Never(Arc::clone(&waited)));
    std::thread::spawn(move || {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            told.send(listener.local_addr().unwrap()).unwrap();
            let gate = Arc::new(Gate::new(Arc::new(OneKey)));
            let doors = Doors { answers, gate, identity: None };
            pg::serve(listener, doors, Box::pin(std::future::pending())).await;
        });
    });
    (address.recv().unwrap(), waited)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn startup(user: &str) -> Vec<u8> {
    let body = [&196_608_i32.to_be_bytes()[..], b"user\0", user.as_bytes(), b"\0\0"].concat();
    [&i32::try_from(body.len() + 4).unwrap().to_be_bytes()[..], &body].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len() + 4).unwrap();
    [&[kind][..], &length.to_be_bytes(), body].concat()
}

/// The next message: its kind and its body; `None` at the end.
fn read(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 5];
    stream.read_exact(&mut head).ok()?;
    let length = i32::from_be_bytes(head[1..].try_into().unwrap());
    let mut body = vec![0; usize::try_from(length).unwrap() - 4];
    stream.read_exact(&mut body).ok()?;
    Some((head[0], body))
}

/// Reads until a message of this kind.
fn until(stream: &mut TcpStream, kind: u8) -> Vec<u8> {
    loop {
        let (it, body) = read(stream).expect("the door goes on");
        if it == kind {
            return body;
        }
    }
}

/// A connection that may ask; its number and its secret.
fn enter(address: SocketAddr) -> (TcpStream, Vec<u8>) {
    let mut stream = connect(address);
    stream.write_all(&startup("gym")).unwrap();
    until(&mut stream, b'R');
    stream.write_all(&message(b'p', b"right\0")).unwrap();
    let key = until(&mut stream, b'K');
    until(&mut stream, b'Z');
    (stream, key)
}

fn wait_for(count: &AtomicUsize, expected: usize) {
    let began = Instant::now();
    while count.load(Ordering::SeqCst) != expected {
        assert!(began.elapsed() < PATIENCE, "{} are under way", count.load(Ordering::SeqCst));
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}

#[test]
fn nobody_asks_before_they_are_known() {
    let (address, waited) = door();
    for first in [
        message(b'Q', b"SELECT 1\0"),
        [startup("gym"), message(b'Q', b"SELECT 1\0")].concat(),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0xff; 64],
        [&9_999_999_i32.to_be_bytes()[..], &[0; 16]].concat(),
    ] {
        let mut stream = connect(address);
        stream.write_all(&first).unwrap();
        let mut kinds = Vec::new();
        while let Some((kind, _)) = read(&mut stream) {
            kinds.push(kind);
        }
        assert!(kinds.iter().all(|kind| matches!(kind, b'R' | b'E')), "{kinds:?}");
    }
    assert_eq!(waited.load(Ordering::SeqCst), 0);
    enter(address);
}

#[test]
fn a_message_is_no_longer_than_it_may_be() {
    let (address, _) = door();
    for length in [i32::try_from(WIRE_MESSAGE_BYTES_MAX).unwrap() + 1, i32::MAX, -1, 3] {
        let (mut stream, _) = enter(address);
        stream.write_all(&[&b"Q"[..], &length.to_be_bytes()].concat()).unwrap();
        let body = text(&until(&mut stream, b'E'));
        assert!(body.contains("FATAL") && body.contains("08P01"), "{length}: {body}");
        assert_eq!(read(&mut stream), None);
    }
    // A message whose inside is shorter than it says ends its own connection alone.
    let (mut stream, _) = enter(address);
    stream.write_all(&message(b'B', b"\0\0")).unwrap();
    while read(&mut stream).is_some() {}
    enter(address);
}

#[test]
fn who_leaves_or_cancels_ends_the_work() {
    let (address, waited) = door();
    let (mut stream, _) = enter(address);
    stream.write_all(&message(b'Q', b"SELECT 1\0")).unwrap();
    wait_for(&waited, 1);
    drop(stream);
    wait_for(&waited, 0);

    let (mut stream, key) = enter(address);
    stream.write_all(&message(b'Q', b"SELECT 1\0")).unwrap();
    wait_for(&waited, 1);
    let mut wrong = key.clone();
    *wrong.last_mut().unwrap() ^= 1;
    for key in [wrong, key] {
        assert_eq!(waited.load(Ordering::SeqCst), 1, "only the secret cancels");
        let request = [&80_877_102_i32.to_be_bytes()[..], &key].concat();
        let length = i32::try_from(request.len() + 4).unwrap();
        let mut other = connect(address);
        other.write_all(&[&length.to_be_bytes()[..], &request].concat()).unwrap();
        assert_eq!(other.read(&mut [0]).unwrap(), 0, "nobody is told what came of it");
    }
    assert!(text(&until(&mut stream, b'E')).contains("57014"));
    until(&mut stream, b'Z');
    assert_eq!(waited.load(Ordering::SeqCst), 0);

    let script = "SET statement_timeout = 50; SELECT 1\0";
    stream.write_all(&message(b'Q', script.as_bytes())).unwrap();
    assert!(text(&until(&mut stream, b'E')).contains("statement_timeout"));
    assert_eq!(waited.load(Ordering::SeqCst), 0);
}

#[test]
fn a_tenant_takes_no_more_than_its_places() {
    let (address, _) = door();
    let mut inside: Vec<_> = (0..CONNECTIONS_PER_TENANT_MAX).map(|_| enter(address)).collect();
    let refused = || {
        let mut stream = connect(address);
        stream.write_all(&startup("gym")).unwrap();
        until(&mut stream, b'R');
        stream.write_all(&message(b'p', b"right\0")).unwrap();
        text(&read(&mut stream).unwrap().1).contains("53300")
    };
    assert!(refused());
    inside.pop();
    let began = Instant::now();
    while refused() {
        assert!(began.elapsed() < PATIENCE, "the place does not come back");
    }
}

#[test]
fn who_guesses_waits() {
    let (address, _) = door();
    let attempt = |user: &str, key: &[u8]| {
        let mut stream = connect(address);
        stream.write_all(&startup(user)).unwrap();
        until(&mut stream, b'R');
        stream.write_all(&message(b'p', key)).unwrap();
        let (kind, body) = read(&mut stream).unwrap();
        (kind, text(&body))
    };
    let (kind, nobody) = attempt("nobody", b"right\0");
    let (_, wrong) = attempt("gym", b"wrong\0");
    assert_eq!(kind, b'E');
    assert_eq!(nobody.replace("nobody", "gym"), wrong, "nobody learns which of the two was wrong");
    for _ in 2..ATTEMPTS_FAILED_MAX {
        attempt("gym", b"wrong\0");
    }
    let (kind, said) = attempt("gym", b"right\0");
    assert!(kind == b'E' && said.contains("too many attempts"), "{said}");
}
