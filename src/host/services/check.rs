//! Whether a daemon could use a configuration, in the words of its own program.

use std::time::Duration;

use super::{Service, ServiceError};
use crate::host::{Command, Processes, RealProcesses};

/// How long a program has for reading a configuration.
const LIMIT: Duration = Duration::from_secs(20);

/// Runs the program that checks the configuration of `service`, if there is one.
pub(super) fn check(service: &Service) -> Result<(), ServiceError> {
    let Some((program, arguments)) = service.check.as_deref().and_then(<[_]>::split_first) else {
        return Ok(());
    };
    let command = Command::system(program.as_str()).args(arguments.iter().cloned()).limit(LIMIT);
    let fail = |source| service.fail("use its configuration", source);
    RealProcesses.demand(&command).map(drop).map_err(fail)
}

#[cfg(test)]
mod tests {
    use super::super::tests::service;
    use super::*;

    #[test]
    fn the_daemon_s_own_program_decides() {
        let (_directory, mut service) = service();
        check(&service).unwrap();
        let shell = |script: &str| Some(["sh", "-c", script].map(str::to_owned).to_vec());
        service.check = shell("exit 0");
        check(&service).unwrap();
        service.check = shell("echo line 7 >&2; exit 1");
        let error = crate::primitives::error_chain(&check(&service).unwrap_err());
        assert!(error.starts_with("relay one: cannot use its configuration: "), "{error}");
        assert!(error.contains("line 7"), "{error}");
    }
}
