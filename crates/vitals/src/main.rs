//! The program `vitals`: everything it does is in the library of the same name.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(vitals::main(std::env::args_os()))
}
