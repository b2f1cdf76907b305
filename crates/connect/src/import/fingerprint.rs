//! Which file it is, so that a checkpoint is never applied to another.

use std::fmt::Write;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::lines::opening;
use crate::error::Error;

/// The SHA-256 of a file's bytes as they lie on disk, in hexadecimal. A checkpoint belongs to it, to the
/// preset and to the tenant: a file with one line more may group otherwise, and is another file.
///
/// # Errors
/// There is no such file, or it cannot be read.
pub fn fingerprint(path: &Path) -> Result<String, Error> {
    let hash = || -> io::Result<String> {
        let mut file = File::open(path)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 256 * 1024];
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                count => hasher.update(&buffer[..count]),
            }
        }
        let mut text = String::with_capacity(64);
        for byte in hasher.finalize() {
            write!(text, "{byte:02x}").expect("a String takes all text");
        }
        Ok(text)
    };
    hash().map_err(|cause| opening(path, cause))
}
