//! The logs of this machine: systemd's journal and syslog.

use std::fmt::Write as _;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use camino::Utf8Path;

use super::Environment;

/// Where journald takes entries (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>).
const JOURNAL: &str = "/run/systemd/journal/socket";
/// Where syslog daemons do (syslog(3)).
const SYSLOG: &str = "/dev/log";
/// As whom we speak.
const NAME: &str = "tieline";
/// How long a log that does not take entries holds us up.
const PATIENCE: Duration = Duration::from_secs(2);

/// How much an entry matters (syslog(3)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Priority {
    /// Somebody has to act now: `LOG_ALERT`.
    Alert = 1,
    /// Something failed: `LOG_ERR`.
    Error = 3,
    /// Something may become a failure: `LOG_WARNING`.
    Warning = 4,
    /// Something happened that was meant to: `LOG_NOTICE`.
    Notice = 5,
}

/// One entry: a line of text, and fields that say the same to programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// How much it matters.
    pub priority: Priority,
    /// The text.
    pub message: String,
    /// Fields by name: upper-case letters, digits and underscores, as journald wants them.
    pub fields: Vec<(&'static str, String)>,
}

/// A log of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// systemd's journal.
    Journal,
    /// A syslog daemon.
    Syslog,
}

impl Log {
    /// The log this machine has: the journal where there are both; `None` where there is neither.
    #[must_use]
    pub fn found() -> Option<Self> {
        let there = |path: &str| Utf8Path::new(path).exists();
        match () {
            () if there(JOURNAL) => Some(Self::Journal),
            () if there(SYSLOG) => Some(Self::Syslog),
            () => None,
        }
    }

    /// Writes an entry.
    pub fn write(self, entry: &Entry) -> io::Result<()> {
        match self {
            Self::Journal => send(JOURNAL, &native(entry)),
            Self::Syslog => send(SYSLOG, traditional(entry, std::process::id()).as_bytes()),
        }
    }
}

/// Whether standard error is the journal already (systemd.exec(5), `JOURNAL_STREAM`), so that what
/// is written to both would be there twice.
#[must_use]
pub fn stderr_is_the_journal(environment: &dyn Environment) -> bool {
    let named = environment.get("JOURNAL_STREAM");
    let found = rustix::fs::fstat(io::stderr());
    match (named, found) {
        (Some(named), Ok(found)) => *named == format!("{}:{}", found.st_dev, found.st_ino),
        _ => false,
    }
}

fn send(path: &str, entry: &[u8]) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.send_to(entry, path).map(drop)
}

/// `FIELD=value` lines. A value of several lines comes with its length instead, so that none can
/// pass for a field.
fn native(entry: &Entry) -> Vec<u8> {
    let priority = (entry.priority as u8).to_string();
    let own = [("MESSAGE", entry.message.as_str()), ("PRIORITY", &priority)];
    let own = own.into_iter().chain([("SYSLOG_IDENTIFIER", NAME)]);
    let all = own.chain(entry.fields.iter().map(|(name, value)| (*name, value.as_str())));
    let mut bytes = Vec::new();
    for (name, value) in all {
        bytes.extend(name.as_bytes());
        if value.contains('\n') {
            bytes.push(b'\n');
            bytes.extend((value.len() as u64).to_le_bytes());
        } else {
            bytes.push(b'=');
        }
        bytes.extend(value.as_bytes());
        bytes.push(b'\n');
    }
    bytes
}

/// RFC 3164 as a local daemon takes it, without the time and the host, which it knows; the fields
/// follow in brackets, as structured data of RFC 5424 look.
fn traditional(entry: &Entry, process: u32) -> String {
    /// `LOG_DAEMON` of syslog(3).
    const FACILITY: u8 = 3 << 3;
    let line = |text: &str| text.replace(|c: char| c.is_control(), " ");
    let number = FACILITY | entry.priority as u8;
    let mut text = format!("<{number}>{NAME}[{process}]: {}", line(&entry.message));
    if !entry.fields.is_empty() {
        text.push_str(" [");
        for (place, (name, value)) in entry.fields.iter().enumerate() {
            let value = line(value).replace('\\', "\\\\").replace('"', "\\\"").replace(']', "\\]");
            let space = if place == 0 { "" } else { " " };
            // Writing to a String cannot fail.
            let _ = write!(text, "{space}{name}=\"{value}\"");
        }
        text.push(']');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            priority: Priority::Notice,
            message: "perth: release 7 applied".to_owned(),
            fields: vec![("TIELINE_RELEASE", "7".to_owned()), ("TIELINE_X", "a]\"".to_owned())],
        }
    }

    #[test]
    fn as_the_journal_takes_it() {
        let text = String::from_utf8(native(&entry())).unwrap();
        let expected = "MESSAGE=perth: release 7 applied\nPRIORITY=5\nSYSLOG_IDENTIFIER=tieline\n\
                        TIELINE_RELEASE=7\nTIELINE_X=a]\"\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn no_value_passes_for_a_field() {
        let message = "a\nPRIORITY=0".to_owned();
        let bytes = native(&Entry { message, fields: Vec::new(), ..entry() });
        let start = b"MESSAGE\n\x0c\0\0\0\0\0\0\0a\nPRIORITY=0\nPRIORITY=5\n";
        assert!(bytes.starts_with(start), "{}", bytes.escape_ascii());
    }

    #[test]
    fn as_syslog_takes_it() {
        let expected = "<29>tieline[7]: perth: release 7 applied [TIELINE_RELEASE=\"7\" \
                        TIELINE_X=\"a\\]\\\"\"]";
        assert_eq!(traditional(&entry(), 7), expected);
        let message = "a\nb".to_owned();
        let plain = traditional(&Entry { message, fields: Vec::new(), ..entry() }, 7);
        assert_eq!(plain, "<29>tieline[7]: a b");
    }

    #[test]
    fn an_entry_arrives_and_no_log_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let path = path.to_str().unwrap();
        assert!(send(path, b"x").is_err());
        let socket = UnixDatagram::bind(path).unwrap();
        send(path, b"hello").unwrap();
        let mut heard = [0; 16];
        let length = socket.recv(&mut heard).unwrap();
        assert_eq!(&heard[..length], b"hello");
    }
}
