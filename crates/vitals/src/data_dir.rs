//! The data directory: who holds it, and how others reach the holder.
//!
//! Promises that one process at a time uses a directory (an exclusive lock that ends with the process,
//! however it ends), and that a running `vitals up` can be found through `run.json`. Does not look inside
//! the log or the database: they have their own folders.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vitals_api::ControlToken;

use crate::failure::{Failure, OrFail, Outcome};

/// The files and folders of one data directory.
#[derive(Clone, Debug)]
pub(crate) struct DataDir {
    root: PathBuf,
}

/// What a running `vitals up` says about itself, for commands of the same directory. Holds secrets: the
/// file is for its owner only.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RunFile {
    /// Its process.
    pub(crate) pid: u32,
    /// Where it serves HTTP.
    pub(crate) http: SocketAddr,
    /// Where it serves the PostgreSQL protocol.
    #[serde(default)]
    pub(crate) pg: Option<SocketAddr>,
    /// Where it serves Flight SQL.
    #[serde(default)]
    pub(crate) flight: Option<SocketAddr>,
    /// Where its control door is.
    pub(crate) control: SocketAddr,
    /// What opens the door.
    pub(crate) token: ControlToken,
}

/// Who holds a directory.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Holder {
    /// Its process.
    pub(crate) pid: u32,
    /// Which command it runs.
    pub(crate) command: String,
}

/// The directory, held until dropped.
#[derive(Debug)]
pub(crate) struct Held {
    dir: DataDir,
    // The lock is released when the file is closed, by us or by the kernel.
    _lock: File,
}

/// What came of trying to hold a directory.
#[derive(Debug)]
pub(crate) enum Hold {
    /// It is ours now.
    Ours(Held),
    /// Another process has it.
    Theirs(Holder),
}

impl DataDir {
    /// The directory at `root`, which need not exist yet.
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.root
    }

    /// Folder of the embedded log.
    pub(crate) fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    /// Folder of the lake.
    pub(crate) fn lake(&self) -> PathBuf {
        self.root.join("lake")
    }

    /// Folder of the engine's checkpoints.
    pub(crate) fn checkpoints(&self) -> PathBuf {
        self.root.join("engine")
    }

    /// Folder of the embedded PostgreSQL.
    pub(crate) fn postgres(&self) -> PathBuf {
        self.root.join("postgres")
    }

    fn run_file(&self) -> PathBuf {
        self.root.join("run.json")
    }

    fn lock_file(&self) -> PathBuf {
        self.root.join("vitals.lock")
    }

    /// Tries to hold the directory, creating it when it is not there.
    pub(crate) fn hold(&self, command: &str) -> Outcome<Hold> {
        let cannot = format!("the data directory {} cannot be used", self.root.display());
        let mend = "check --data-dir and its permissions";
        std::fs::create_dir_all(&self.root).or_fail(&cannot, mend)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.lock_file())
            .or_fail(&cannot, mend)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                file.read_to_string(&mut text).or_fail(&cannot, mend)?;
                // The holder may be just about to write who it is.
                return Ok(Hold::Theirs(serde_json::from_str(&text).unwrap_or_default()));
            }
            Err(TryLockError::Error(error)) => return Err(error).or_fail(&cannot, mend),
        }
        // What a killed process left behind describes nobody any more.
        remove(&self.run_file()).or_fail(&cannot, mend)?;
        let holder = Holder { pid: std::process::id(), command: command.to_owned() };
        let text = serde_json::to_string(&holder).or_fail(&cannot, mend)?;
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(text.as_bytes()))
            .or_fail(&cannot, mend)?;
        Ok(Hold::Ours(Held { dir: self.clone(), _lock: file }))
    }

    /// What a `vitals up` of this directory says about itself; `None` when there is no such file.
    pub(crate) fn run(&self) -> Option<RunFile> {
        serde_json::from_slice(&std::fs::read(self.run_file()).ok()?).ok()
    }
}

impl Held {
    /// The directory.
    pub(crate) fn dir(&self) -> &DataDir {
        &self.dir
    }

    /// Tells other commands how to reach this process. The file appears whole or not at all.
    pub(crate) fn announce(&self, run: &RunFile) -> Outcome {
        let (path, draft) = (self.dir.run_file(), self.dir.root.join("run.json.new"));
        let text = serde_json::to_vec_pretty(run).or_fail("run.json cannot be written", "")?;
        remove(&draft)
            .and_then(|()| OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft))
            .and_then(|mut file| {
                file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
                file.write_all(&text)
            })
            .and_then(|()| std::fs::rename(&draft, &path))
            .or_fail(
                format_args!("{} cannot be written", path.display()),
                "check the data directory's permissions and free space",
            )
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.dir.run_file()) {
            tracing::warn!(%error, "run.json could not be removed");
        }
    }
}

fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

impl Holder {
    /// Why a directory cannot be used, and what to do.
    pub(crate) fn refuse(&self, dir: &DataDir) -> Failure {
        let whom = match (self.command.as_str(), self.pid) {
            ("", _) => "another vitals command".to_owned(),
            (command, pid) => format!("'vitals {command}' (process {pid})"),
        };
        let at =
            dir.run().map_or_else(String::new, |run| format!(" and serves http://{}", run.http));
        Failure::new(
            format_args!("{whom} already uses the data directory {}{at}", dir.path().display()),
            "stop it first, or choose another --data-dir",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_and_the_other_learns_who() {
        let temporary = tempfile::tempdir().expect("a directory");
        let dir = DataDir::new(&temporary.path().join("new"));
        let Hold::Ours(held) = dir.hold("up").expect("usable") else { panic!("free") };
        let run = RunFile {
            pid: 7,
            http: SocketAddr::from(([127, 0, 0, 1], 8080)),
            pg: None,
            flight: None,
            control: SocketAddr::from(([127, 0, 0, 1], 1)),
            token: ControlToken::random(),
        };
        held.announce(&run).expect("announced");
        let mode = std::fs::metadata(dir.run_file()).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let Hold::Theirs(holder) = dir.hold("import").expect("usable") else { panic!("held") };
        let text = holder.refuse(&dir).to_string();
        assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
        assert!(text.contains("http://127.0.0.1:8080"), "{text}");
        drop(held);
        assert!(dir.run().is_none());
        // A process that another test is starting has a copy of every open file for a moment.
        let freed = (0..500).any(|_| {
            let ours = matches!(dir.hold("import"), Ok(Hold::Ours(_)));
            std::thread::sleep(std::time::Duration::from_millis(if ours { 0 } else { 10 }));
            ours
        });
        assert!(freed);
    }

    #[test]
    fn what_a_killed_process_left_is_swept_away() {
        let temporary = tempfile::tempdir().expect("a directory");
        let dir = DataDir::new(temporary.path());
        std::fs::write(dir.run_file(), "{}").expect("written");
        let Hold::Ours(_held) = dir.hold("up").expect("usable") else { panic!("free") };
        assert!(!dir.run_file().exists());
    }
}
