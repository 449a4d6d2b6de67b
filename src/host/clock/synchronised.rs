//! Whether something keeps the system clock right.
//!
//! The kernel knows (`STA_UNSYNC` of adjtimex(2)) but tells it in no file, so its keepers are
//! asked: systemd, which reads it for whichever of them runs, and chrony where there is no systemd.

use std::time::Duration;

use crate::host::{Command, Processes};

/// How long one of them may take to answer.
const LIMIT: Duration = Duration::from_secs(5);

/// What the keepers of the clock say; `None` where there is none that can be asked.
pub(super) fn ask(processes: &dyn Processes) -> Option<bool> {
    let systemd = || {
        let ask = ["show", "--property=NTPSynchronized", "--value"];
        systemd(&output(processes, Command::system("timedatectl").args(ask))?)
    };
    let chrony =
        || chrony(&output(processes, Command::system("chronyc").args(["-n", "tracking"]))?);
    systemd().or_else(chrony)
}

fn output(processes: &dyn Processes, command: Command) -> Option<String> {
    let output = processes.demand(&command.limit(LIMIT)).ok()?;
    Some(String::from_utf8_lossy(&output).into_owned())
}

/// The answer of timedatectl(1).
fn systemd(text: &str) -> Option<bool> {
    match text.trim() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

/// The answer of chronyc(1), whose last line is `Leap status     : Normal`.
fn chrony(text: &str) -> Option<bool> {
    let status = text.lines().find_map(|line| line.strip_prefix("Leap status")?.split_once(':'));
    status.map(|(_, status)| status.trim() != "Not synchronised")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_understood() {
        assert_eq!(systemd("yes\n"), Some(true));
        assert_eq!(systemd("no\n"), Some(false));
        assert_eq!(systemd(""), None);
        let tracking = |status: &str| {
            format!(
                "Reference ID    : 00000000 ()\nStratum         : 0\nLeap status     : {status}\n"
            )
        };
        assert_eq!(chrony(&tracking("Normal")), Some(true));
        assert_eq!(chrony(&tracking("Insert second")), Some(true));
        assert_eq!(chrony(&tracking("Not synchronised")), Some(false));
        assert_eq!(chrony("506 Cannot talk to daemon\n"), None);
    }
}
