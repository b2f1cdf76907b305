//! The server's process: launched, watched, ended.
//!
//! A thread of its own launches it and waits for it, so that it is reaped whenever it ends, and so that
//! the kernel, which ties a child to the thread that made it, ends it exactly when our process ends.

use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use super::account::Account;
use super::cluster::Cluster;
use super::{STOP_TIMEOUT, files, signal};
use crate::error::EmbeddedError;

/// How often a server that ends while starting is launched.
pub(super) const TRIES_MAX: u32 = 40;
/// How long after a fast shutdown that does nothing an immediate one may take.
const IMMEDIATE_TIMEOUT: Duration = Duration::from_secs(10);

/// The server's settings. Ours is one writer with large transactions and a few dozen readers; the log of
/// changes is kept long enough that checkpoints are rare while importing, and short enough that recovery
/// takes seconds. What keeps data safe (fsync, full_page_writes, synchronous_commit) stays as it is: on.
const SETTINGS: [&str; 18] = [
    "listen_addresses=",
    "port=5432",
    "unix_socket_permissions=0700",
    "max_connections=100",
    "shared_buffers=128MB",
    "work_mem=16MB",
    "maintenance_work_mem=128MB",
    "wal_buffers=16MB",
    "wal_compression=on",
    "min_wal_size=256MB",
    "max_wal_size=2GB",
    "checkpoint_timeout=10min",
    "checkpoint_completion_target=0.9",
    "autovacuum_naptime=15s",
    "jit=off",
    "timezone=UTC",
    "log_timezone=UTC",
    "logging_collector=off",
];

/// Set when the process has ended and is reaped.
type Ended = Arc<(Mutex<bool>, Condvar)>;

/// A process of PostgreSQL, ended when dropped.
#[derive(Debug)]
pub(super) struct Server {
    pid: u32,
    ended: Ended,
}

impl Server {
    pub(super) fn launch(
        cluster: &Cluster,
        programs: &Path,
        account: &Account,
    ) -> Result<Self, EmbeddedError> {
        let program = programs.join("postgres");
        let mut command = account.command(&program);
        let log = cluster.log();
        let out = OpenOptions::new().create(true).append(true).open(&log);
        let out = out.map_err(files("open", &log))?;
        let err = out.try_clone().map_err(files("open", &log))?;
        command.arg("-D").arg(cluster.data());
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        let mut socket = std::ffi::OsString::from("unix_socket_directories=");
        // A list of directories, where a comma or a quote would mean something.
        socket.push("\"");
        socket.push(cluster.socket());
        socket.push("\"");
        command.arg("-c").arg(socket);
        // Its own group: an interrupt typed at a terminal is for us, and we end it when we are done.
        command.process_group(0).current_dir("/");
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        signal::end_with_us(&mut command);
        let ended = Ended::default();
        let pid = watch(command, Arc::clone(&ended)).map_err(files("run", &program))?;
        Ok(Self { pid, ended })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn has_ended(&self) -> bool {
        *self.ended.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it ended within `bound`.
    fn wait(&self, bound: Duration) -> bool {
        let (flag, changed) = &*self.ended;
        let guard = flag.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = changed.wait_timeout_while(guard, bound, |ended| !*ended);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for (how, bound) in [(signal::FAST, STOP_TIMEOUT), (signal::IMMEDIATE, IMMEDIATE_TIMEOUT)] {
            if self.has_ended() {
                return;
            }
            signal::send(self.pid, how);
            if self.wait(bound) {
                return;
            }
        }
        tracing::error!(pid = self.pid, "the embedded database server does not end");
    }
}

/// Launches the command on a thread that waits for it as long as it runs.
fn watch(mut command: Command, ended: Ended) -> std::io::Result<u32> {
    let (tell, told) = mpsc::sync_channel(1);
    std::thread::Builder::new().name("postgres".into()).spawn(move || {
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                tell.send(Err(error)).ok();
                return;
            }
        };
        tell.send(Ok(child.id())).ok();
        if let Err(error) = child.wait() {
            tracing::error!(%error, "cannot wait for the embedded database server");
        }
        *ended.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        ended.1.notify_all();
    })?;
    told.recv().map_err(std::io::Error::other)?
}

/// Whether a server that said this while starting may start a moment later: the processes of a killed
/// one are still there, and go when they notice.
pub(super) fn may_pass(said: &str) -> bool {
    ["pre-existing shared memory block", "lock file", "Is another postmaster"]
        .into_iter()
        .any(|reason| said.contains(reason))
}

/// Ends a server that runs on the cluster without us, as after a kill -9. The caller holds the lock: no
/// living process of ours owns that server. A pid file left by one that is dead is PostgreSQL's to judge,
/// which also looks for processes that outlived it; but if its process id has become another program's,
/// PostgreSQL would wait for that one, and the file goes.
pub(super) fn end_former(cluster: &Cluster) -> Result<(), EmbeddedError> {
    let pid_file = cluster.data().join("postmaster.pid");
    let Ok(text) = fs::read_to_string(&pid_file) else { return Ok(()) };
    let pid: Option<u32> = text.lines().next().and_then(|line| line.trim().parse().ok());
    let Some(pid) = pid.filter(|pid| Path::new(&format!("/proc/{pid}")).exists()) else {
        return Ok(());
    };
    if !serves(pid, cluster) {
        return match fs::remove_file(&pid_file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(files("remove", &pid_file)(error))
            }
            _ => Ok(()),
        };
    }
    tracing::info!(pid, "ending a database server that was left running");
    for (how, bound) in [(signal::FAST, STOP_TIMEOUT), (signal::IMMEDIATE, IMMEDIATE_TIMEOUT)] {
        signal::send(pid, how);
        let deadline = Instant::now() + bound;
        while serves(pid, cluster) {
            if Instant::now() > deadline {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        if !serves(pid, cluster) {
            return Ok(());
        }
    }
    Err(cluster.slow("stop", STOP_TIMEOUT))
}

/// Whether this process is a server of this cluster: a process id alone is soon another's. A server's
/// working directory is its cluster.
fn serves(pid: u32, cluster: &Cluster) -> bool {
    fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == cluster.data())
}
