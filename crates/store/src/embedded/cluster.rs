//! The server's directory: what is where in it, and how it comes to be.
//!
//! `cluster/` is PostgreSQL's own, `socket/` has the socket, `lock` says who may start a server,
//! `server.log` is what it says, `programs/` a downloaded PostgreSQL. A cluster is made beside its place
//! and moved there when it is whole: a half-made one is never taken for one.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::account::Account;
use super::{files, server};
use crate::error::EmbeddedError;

/// Longest path of a socket, in bytes: `sun_path` has 108 and ends with a zero.
const SOCKET_PATH_BYTES_MAX: usize = 107;
/// The socket's name for port 5432, which it has whether or not anything listens on a port.
const SOCKET_NAME: &str = ".s.PGSQL.5432";
/// How the name of a socket's directory begins where it is not in the cluster's.
const SOCKET_DIR_PREFIX: &str = "vitals-socket-";
/// An empty one older than this is nobody's: a server that starts puts its socket there within minutes.
const SOCKET_DIR_STALE: Duration = Duration::from_secs(3_600);
/// Most entries of the directory for temporary files that are looked at.
const SWEPT_MAX: usize = 10_000;
/// A log longer than this is begun anew at the next start.
const LOG_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A server's directory.
#[derive(Clone, Debug)]
pub(super) struct Cluster {
    root: PathBuf,
    socket: PathBuf,
}

impl Cluster {
    /// The directory at `root`, made if it is not there.
    pub(super) fn at(root: &Path) -> Result<Self, EmbeddedError> {
        fs::create_dir_all(root).map_err(files("create", root))?;
        let root = root.canonicalize().map_err(files("find", root))?;
        let mut socket = root.join("socket");
        if socket.as_os_str().len() + 1 + SOCKET_NAME.len() > SOCKET_PATH_BYTES_MAX {
            // The place must be found again by another process, so it is named by the directory's inode.
            let it = fs::metadata(&root).map_err(files("look at", &root))?;
            let name = format!("{SOCKET_DIR_PREFIX}{:x}-{:x}", it.dev(), it.ino());
            socket = std::env::temp_dir().join(name);
        }
        Ok(Self { root, socket })
    }

    /// PostgreSQL's data directory.
    pub(super) fn data(&self) -> PathBuf {
        self.root.join("cluster")
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Where a downloaded PostgreSQL is kept.
    pub(super) fn downloads(&self) -> PathBuf {
        self.root.join("programs")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.root.join("server.log")
    }

    /// The URL of a database of the server.
    pub(super) fn url(&self, database: &str) -> String {
        let mut host = String::new();
        for byte in self.socket.as_os_str().as_encoded_bytes() {
            host.push_str(&format!("%{byte:02X}"));
        }
        format!("postgres://postgres@localhost:5432/{database}?host={host}&sslmode=disable")
    }

    /// The right to start a server here, until it is dropped.
    pub(super) fn lock(&self) -> Result<Lock, EmbeddedError> {
        let path = self.root.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(files("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => Err(EmbeddedError::InUse { dir: self.root.clone() }),
            Err(TryLockError::Error(source)) => Err(files("lock", &path)(source)),
        }
    }

    /// The cluster, if its server is up and its socket there.
    pub(super) fn running_socket(&self) -> Option<&Self> {
        self.socket.join(SOCKET_NAME).exists().then_some(self)
    }

    /// The major version the cluster was made by, if there is one.
    pub(super) fn major(&self) -> Option<u32> {
        fs::read_to_string(self.data().join("PG_VERSION")).ok()?.trim().parse().ok()
    }

    /// Makes everything ready for a launch: no other server, a whole cluster, a private socket, and all
    /// of it the account's.
    pub(super) fn prepare(&self, programs: &Path, account: &Account) -> Result<(), EmbeddedError> {
        server::end_former(self)?;
        account.own(&self.root)?;
        if self.major().is_none() {
            self.create(programs, account)?;
        }
        let data = self.data();
        if fs::metadata(&data).map_err(files("look at", &data))?.uid() != account.uid() {
            account.own_all(&data)?;
        }
        self.make_socket_dir(account)?;
        let log = self.log();
        if fs::metadata(&log).is_ok_and(|it| it.len() > LOG_BYTES_MAX) {
            fs::remove_file(&log).map_err(files("remove", &log))?;
        }
        Ok(())
    }

    fn create(&self, programs: &Path, account: &Account) -> Result<(), EmbeddedError> {
        let making = self.root.join("cluster.new");
        for left in [&making, &self.data()] {
            if left.exists() {
                // Without a PG_VERSION it is no cluster; initdb writes that before it has done anything.
                fs::remove_dir_all(left).map_err(files("remove", left))?;
            }
        }
        let mut initdb: Command = account.command(&programs.join("initdb"));
        initdb
            .arg("-D")
            .arg(&making)
            .args(["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"])
            .arg("--data-checksums")
            .current_dir("/")
            .stdin(Stdio::null());
        let output = initdb.output().map_err(files("run", programs.join("initdb")))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
            return Err(EmbeddedError::Program { program: "initdb", said });
        }
        fs::rename(&making, self.data()).map_err(files("rename", &making))?;
        let root = File::open(&self.root).map_err(files("open", &self.root))?;
        root.sync_all().map_err(files("write", &self.root))
    }

    /// What takes the socket's directory away, if it is outside of ours: nobody would find it later.
    pub(super) fn socket_dir(&self) -> SocketDir {
        SocketDir((!self.socket.starts_with(&self.root)).then(|| self.socket.clone()))
    }

    /// The socket's directory, closed to all but the account. It may be in a place where anybody can
    /// make directories: one that is not ours is refused.
    fn make_socket_dir(&self, account: &Account) -> Result<(), EmbeddedError> {
        let path = &self.socket;
        if !path.starts_with(&self.root) {
            sweep(&std::env::temp_dir());
        }
        match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => account.own(path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let it = fs::symlink_metadata(path).map_err(files("look at", path))?;
                let ours = it.uid() == account.uid() || it.uid() == super::signal::effective_uid();
                if it.is_dir() && ours && it.mode() & 0o077 == 0 {
                    return account.own(path);
                }
                let source = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
                Err(files("use somebody else's", path)(source))
            }
            Err(error) => Err(files("create", path)(error)),
        }
    }

    /// The last lines of the server's log, for an error message.
    pub(super) fn last_said(&self) -> String {
        let tail = || -> std::io::Result<String> {
            let mut log = File::open(self.log())?;
            let length = log.metadata()?.len();
            log.seek(SeekFrom::Start(length.saturating_sub(2_048)))?;
            let mut bytes = Vec::new();
            log.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let text = tail().unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(4).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("; ")
    }

    pub(super) fn slow(&self, doing: &'static str, bound: Duration) -> EmbeddedError {
        EmbeddedError::Slow { doing, dir: self.root.clone(), seconds: bound.as_secs() }
    }
}

/// The right to start a server.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    /// Closing the file is not enough: a child that another thread is just starting has it open too, until
    /// it becomes its program.
    fn drop(&mut self) {
        self.0.unlock().ok();
    }
}

/// A socket's directory outside of the cluster's, removed when dropped: after the server, which empties it.
#[derive(Debug)]
pub(super) struct SocketDir(Option<PathBuf>);

impl Drop for SocketDir {
    fn drop(&mut self) {
        if let Some(dir) = &self.0
            && let Err(error) = fs::remove_dir(dir)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(dir = %dir.display(), %error, "the socket's directory stays behind");
        }
    }
}

/// Removes what killed servers left in `temporary`: socket directories that are old and empty.
fn sweep(temporary: &Path) {
    let Ok(entries) = fs::read_dir(temporary) else { return };
    for entry in entries.take(SWEPT_MAX).filter_map(Result::ok) {
        let ours = entry.file_name().as_encoded_bytes().starts_with(SOCKET_DIR_PREFIX.as_bytes());
        let age = || entry.metadata().ok()?.modified().ok()?.elapsed().ok();
        if ours && age().is_some_and(|age| age > SOCKET_DIR_STALE) {
            // Refused of one that is not empty, or not ours to remove: both are right.
            fs::remove_dir(entry.path()).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_and_empty_socket_directories_are_swept() {
        let temporary = tempfile::tempdir().expect("a directory");
        let make = |name: &str, age: Duration| {
            let dir = temporary.path().join(name);
            fs::create_dir(&dir).expect("made");
            dir_with_age(&dir, age);
            dir
        };
        let (old, young) = (SOCKET_DIR_STALE * 2, SOCKET_DIR_STALE / 2);
        let left = make("vitals-socket-1-1", old);
        let starting = make("vitals-socket-1-2", young);
        let stranger = make("other-socket", old);
        let used = make("vitals-socket-1-3", old);
        fs::write(used.join(SOCKET_NAME), "").expect("written");
        dir_with_age(&used, old);
        sweep(temporary.path());
        assert!(!left.exists());
        assert!(starting.exists() && stranger.exists() && used.join(SOCKET_NAME).exists());
    }

    fn dir_with_age(dir: &Path, age: Duration) {
        let then = File::open(dir).expect("there").metadata().expect("read").modified();
        let then = then.expect("a time") - age;
        File::open(dir).expect("there").set_modified(then).expect("set");
    }
}
