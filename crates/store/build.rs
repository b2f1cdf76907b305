//! Tells cargo that a new migration is a reason to compile: they are embedded in the library.

#[allow(clippy::print_stdout, reason = "how a build script speaks to cargo")]
fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
