//! The three system calls that the standard library does not wrap.

#![allow(unsafe_code, reason = "system calls without a safe wrapper; each says why it is sound")]

use std::os::unix::process::CommandExt;
use std::process::Command;

/// As whom this process acts.
pub(super) fn effective_uid() -> u32 {
    // SAFETY: takes nothing, cannot fail, touches no memory of ours.
    unsafe { libc::geteuid() }
}

/// PostgreSQL's "fast" shutdown: ends the sessions, writes everything, ends.
pub(super) const FAST: i32 = libc::SIGINT;
/// Its "immediate" shutdown: ends, and recovers at the next start. Loses nothing committed.
pub(super) const IMMEDIATE: i32 = libc::SIGQUIT;

/// Sends a signal to one process; one that is gone has no need of it.
pub(super) fn send(pid: u32, signal: i32) {
    // A pid of 0 or below would mean a group of processes.
    let Ok(pid @ 1..) = i32::try_from(pid) else { return };
    // SAFETY: passes two integers and touches no memory of ours.
    unsafe { libc::kill(pid, signal) };
}

/// Has the kernel send the child a fast shutdown when the thread that spawns it ends: the server ends
/// with us even when we are killed.
pub(super) fn end_with_us(command: &mut Command) {
    #[cfg(target_os = "linux")]
    // SAFETY: between fork and exec only prctl is called, which is async-signal-safe, with integers.
    unsafe {
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, FAST) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
}
