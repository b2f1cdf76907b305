//! The canonical workload.
fn main() {}
