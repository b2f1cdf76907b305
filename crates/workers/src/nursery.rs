//! Where workers are started and buried: a thread of its own.
//!
//! A worker dies with the thread that started it (that is what the kernel means by a parent), and the
//! threads of a runtime come and go. Promises that none is left, neither running nor a zombie, once
//! [`Nursery::close`] has ended.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::oneshot;
use vitals_model::limits::WORKERS_MAX;

/// The allocator reserves a gigabyte at once unless told otherwise, in KiB; a worker may not have so much.
const ALLOCATOR: (&str, &str) = ("MIMALLOC_ARENA_RESERVE", "65536");

/// What a worker is started from. The program must hand its standard input to [`crate::child::run`].
#[derive(Clone, Debug)]
pub struct Program {
    /// The file.
    pub path: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// All of its environment but what every worker gets.
    pub environment: Vec<(String, String)>,
}

impl Program {
    /// This very program, with the one argument that makes a worker of it. Found by what the kernel knows of
    /// the running file, so that it is the same one even while another version is put in its place.
    #[must_use]
    pub fn own(argument: &str) -> Self {
        let path = PathBuf::from("/proc/self/exe");
        Self { path, args: vec![argument.to_owned()], environment: Vec::new() }
    }

    fn start(&self) -> io::Result<Born> {
        let (here, there) = UnixStream::pair()?;
        here.set_nonblocking(true)?;
        let child = Command::new(&self.path)
            .arg0("vitals")
            .args(&self.args)
            .env_clear()
            .env(ALLOCATOR.0, ALLOCATOR.1)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            // What a terminal says to its foreground is for the service, which tells its workers.
            .process_group(0)
            .stdin(OwnedFd::from(there))
            .stdout(Stdio::null())
            // What a dying program says may quote a row.
            .stderr(Stdio::null())
            .spawn()?;
        Ok((child, here))
    }
}

type Born = (Child, UnixStream);

enum Request {
    Start(oneshot::Sender<io::Result<Born>>),
    Bury(Child),
}

/// The thread, and the way to it.
#[derive(Debug)]
pub(crate) struct Nursery {
    requests: Mutex<Option<SyncSender<Request>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Nursery {
    pub(crate) fn open(program: Program) -> io::Result<Self> {
        // Each worker is started once and buried once at a time.
        let (requests, received) = sync_channel(2 * WORKERS_MAX);
        let thread = std::thread::Builder::new()
            .name("workers".to_owned())
            .spawn(move || serve(&program, &received))?;
        Ok(Self { requests: Mutex::new(Some(requests)), thread: Mutex::new(Some(thread)) })
    }

    fn request(&self, request: Request) -> Result<(), Request> {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        match requests.as_ref() {
            Some(to) => to.try_send(request).map_err(|error| match error {
                std::sync::mpsc::TrySendError::Full(it)
                | std::sync::mpsc::TrySendError::Disconnected(it) => it,
            }),
            None => Err(request),
        }
    }

    /// Starts a worker.
    pub(crate) async fn start(&self) -> io::Result<Born> {
        let (to, born) = oneshot::channel();
        let closed = || io::Error::other("no worker is started any more");
        self.request(Request::Start(to)).map_err(|_| closed())?;
        born.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Ends a worker, whatever it is doing.
    pub(crate) fn bury(&self, mut child: Child) {
        // An error means that it has ended by itself.
        child.kill().unwrap_or_default();
        if let Err(Request::Bury(child)) = self.request(Request::Bury(child)) {
            wait(child);
        }
    }

    /// Waits until all that were to be buried are. Blocks.
    pub(crate) fn close(&self) {
        drop(self.requests.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            thread.join().unwrap_or_default();
        }
    }
}

fn serve(program: &Program, requests: &Receiver<Request>) {
    while let Ok(request) = requests.recv() {
        match request {
            Request::Start(to) => {
                // Whoever asked may have gone meanwhile.
                if let Err(Ok((mut child, _))) = to.send(program.start()) {
                    child.kill().unwrap_or_default();
                    wait(child);
                }
            }
            Request::Bury(child) => wait(child),
        }
    }
}

/// Takes the exit of a process that was killed.
fn wait(mut child: Child) {
    drop(child.wait());
}
