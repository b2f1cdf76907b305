//! As whom the server runs: as us, or, since PostgreSQL refuses root, as a user without rights.
//!
//! As root, the server is `postgres`, or else `nobody`, and owns its directory. If a directory on the way
//! there is closed to that user (a home of mode 0700), the server is given one right of root's: to pass
//! through directories. It is the least that lets `--data-dir` mean what it says.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::cluster::Cluster;
use super::{files, signal};
use crate::error::EmbeddedError;

/// Capabilities by number, from Linux's `include/uapi/linux/capability.h`.
const PASSING: [(&str, u32); 2] = [("dac_read_search", 2), ("dac_override", 1)];

/// A user of the machine to run PostgreSQL's programs as.
#[derive(Clone, Debug)]
pub(super) struct Account {
    uid: u32,
    /// The user's group, when it is not us.
    other: Option<Other>,
}

#[derive(Clone, Debug)]
struct Other {
    gid: u32,
    /// The right the server needs to reach its directory, if it needs one.
    capability: Option<&'static str>,
}

impl Account {
    /// The account for this cluster.
    pub(super) fn choose(cluster: &Cluster) -> Result<Self, EmbeddedError> {
        let uid = signal::effective_uid();
        if uid != 0 {
            return Ok(Self { uid, other: None });
        }
        let users = fs::read_to_string("/etc/passwd").map_err(files("read", "/etc/passwd"))?;
        let (name, uid, gid) = ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| find(&users, name))
            .ok_or(EmbeddedError::NoAccount)?;
        let capability = match closed(cluster.root(), uid, gid) {
            None => None,
            Some(closed) => Some(capability().ok_or_else(|| EmbeddedError::Unreachable {
                account: name.to_owned(),
                dir: cluster.root().to_owned(),
                closed,
            })?),
        };
        Ok(Self { uid, other: Some(Other { gid, capability }) })
    }

    pub(super) fn uid(&self) -> u32 {
        self.uid
    }

    /// A command that runs `program` as this account, with nothing of our environment: a stray PGDATA or
    /// PGPORT is not for our server.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = match &self.other {
            Some(Other { gid, capability: Some(capability) }) => {
                let mut command = Command::new("setpriv");
                command.args([
                    format!("--reuid={}", self.uid),
                    format!("--regid={gid}"),
                    "--clear-groups".to_owned(),
                    format!("--inh-caps=-all,+{capability}"),
                    format!("--ambient-caps=+{capability}"),
                    // The kernel forgets whom a process ends with when its user changes.
                    "--pdeathsig=INT".to_owned(),
                ]);
                command.args([OsString::from("--"), program.into()]);
                command
            }
            Some(Other { gid, capability: None }) => {
                let mut command = Command::new(program);
                // std drops the supplementary groups with it.
                command.uid(self.uid).gid(*gid);
                command
            }
            None => Command::new(program),
        };
        let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
        command.env_clear().env("PATH", path).env("LC_ALL", "C");
        command
    }

    /// Gives the account one file or directory.
    pub(super) fn own(&self, path: &Path) -> Result<(), EmbeddedError> {
        let Some(other) = &self.other else { return Ok(()) };
        let it = fs::symlink_metadata(path).map_err(files("look at", path))?;
        if it.uid() != self.uid {
            chown(path, Some(self.uid), Some(other.gid))
                .map_err(files("change the owner of", path))?;
        }
        if it.is_dir() && it.mode() & 0o777 != 0o700 {
            let closed = fs::Permissions::from_mode(0o700);
            fs::set_permissions(path, closed).map_err(files("change the mode of", path))?;
        }
        Ok(())
    }

    /// Gives the account a directory and all that is in it, as when it was made by another user. Links are
    /// not followed.
    pub(super) fn own_all(&self, path: &Path) -> Result<(), EmbeddedError> {
        let Some(other) = &self.other else { return Ok(()) };
        let mut found: Vec<PathBuf> = vec![path.to_owned()];
        while let Some(path) = found.pop() {
            let it = fs::symlink_metadata(&path).map_err(files("look at", &path))?;
            std::os::unix::fs::lchown(&path, Some(self.uid), Some(other.gid))
                .map_err(files("change the owner of", &path))?;
            if it.is_dir() {
                let inside = fs::read_dir(&path).map_err(files("list", &path))?;
                for entry in inside {
                    found.push(entry.map_err(files("list", &path))?.path());
                }
            }
        }
        Ok(())
    }
}

/// A user's line of `/etc/passwd`: `name:password:uid:gid:..`.
fn find<'a>(users: &str, name: &'a str) -> Option<(&'a str, u32, u32)> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let named = fields.next()? == name;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        named.then_some((name, uid, gid))
    })
}

/// The first directory above `root` that the user may not pass.
fn closed(root: &Path, uid: u32, gid: u32) -> Option<PathBuf> {
    let above: Vec<&Path> = root.ancestors().skip(1).collect();
    above.into_iter().rev().find(|dir| !may_pass(dir, uid, gid)).map(Path::to_owned)
}

fn may_pass(dir: &Path, uid: u32, gid: u32) -> bool {
    let Ok(it) = fs::metadata(dir) else { return false };
    let execute = if it.uid() == uid {
        0o100
    } else if it.gid() == gid {
        0o010
    } else {
        0o001
    };
    it.mode() & execute != 0
}

/// A right of ours to pass through closed directories that we can hand on, the smaller first. Containers
/// often withhold some.
fn capability() -> Option<&'static str> {
    if !Path::new("/usr/bin/setpriv").exists() && !Path::new("/bin/setpriv").exists() {
        return None;
    }
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("CapPrm:"))?;
    let permitted = u64::from_str_radix(line.trim(), 16).ok()?;
    PASSING.into_iter().find(|(_, bit)| permitted & (1 << bit) != 0).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_their_whole_name() {
        let users =
            "root:x:0:0::/root:/bin/sh\nxpostgres:x:1:1::/:/\npostgres:x:101:104:a:/v:/bin/sh";
        assert_eq!(find(users, "postgres"), Some(("postgres", 101, 104)));
        assert_eq!(find(users, "nobody"), None);
    }
}
