//! The `tieline` binary: arguments, the real host, the exit code.

use std::process::ExitCode;

use tieline::host::{Host, close_to_others};

fn main() -> ExitCode {
    close_to_others();
    tieline::cli::run(std::env::args_os(), Host::real())
}
