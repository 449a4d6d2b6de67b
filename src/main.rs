//! The `tieline` binary: arguments, the real host, the exit code.

use std::process::ExitCode;

use tieline::host::Host;

fn main() -> ExitCode {
    tieline::cli::run(std::env::args_os(), Host::real())
}
