//! The program `banto`.

use std::process::ExitCode;

fn main() -> ExitCode {
    banto::cli::main()
}
