//! What a worker gives up before it reads its first question.
//!
//! Promises that it ends with its parent, has no more memory, files and file sizes than it needs, leaves no
//! core, and gains no privileges; and that it has no network where the kernel lets an ordinary process give
//! it up. Must run while the process has one thread: a namespace is entered by a thread, and inherited by
//! those it starts.

use std::io;

use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};
use rustix::thread::{UnshareFlags, set_no_new_privs};
use vitals_model::limits::{WORKER_ADDRESS_BYTES_MAX, WORKER_FILES_MAX};

/// Gives it all up.
pub(crate) fn confine() -> io::Result<()> {
    // Where the kernel refuses, the guard and an empty list of object stores remain.
    let _network_stays = leave_network();
    // After the namespaces: entering a user namespace forgets it.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    set_no_new_privs(true)?;
    for (resource, most) in [
        (Resource::Core, 0),
        // Nothing is written but to the socket.
        (Resource::Fsize, 0),
        (Resource::Nofile, WORKER_FILES_MAX),
        (Resource::As, WORKER_ADDRESS_BYTES_MAX),
    ] {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

/// Moves to a network that has nothing, not even loopback: as root directly, else within a user namespace.
#[expect(
    deprecated,
    reason = "the safe form; no files are unshared, which is what can go wrong with it"
)]
fn leave_network() -> rustix::io::Result<()> {
    let network = UnshareFlags::NEWNET;
    rustix::thread::unshare(network)
        .or_else(|_| rustix::thread::unshare(network | UnshareFlags::NEWUSER))
}
