//! OpenVPN's management interface (doc/management-notes.txt of OpenVPN 2.6).

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use camino::Utf8Path;
use time::OffsetDateTime;

use super::TunnelState;

/// How long a process has for each part of an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// How much of an answer is read, in bytes.
const LIMIT: u64 = 1 << 16;

/// The state of the tunnel whose management socket is at `socket`.
pub(super) fn state(socket: &Utf8Path) -> TunnelState {
    ask(socket, PATIENCE).ok().flatten().unwrap_or(TunnelState::Silent)
}

/// Whether the process answers within `patience`. It does once it has its key and its device.
pub(in crate::host) fn answers(socket: &Utf8Path, patience: Duration) -> bool {
    matches!(ask(socket, patience), Ok(Some(_)))
}

fn ask(socket: &Utf8Path, patience: Duration) -> io::Result<Option<TunnelState>> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.write_all(b"state\n")?;
    let answer = BufReader::new(stream.take(LIMIT));
    for line in answer.lines() {
        let line = line?;
        // Lines that begin with > are notices, which may come at any time.
        if line == "END" || line.starts_with("ERROR:") {
            break;
        }
        if !line.starts_with('>') {
            return Ok(parse_state(&line));
        }
    }
    Ok(None)
}

/// `1700000000,CONNECTED,SUCCESS,…`: since when, which state.
fn parse_state(line: &str) -> Option<TunnelState> {
    let mut fields = line.split(',');
    let since = OffsetDateTime::from_unix_timestamp(fields.next()?.parse().ok()?).ok()?;
    match fields.next()? {
        "CONNECTED" => Some(TunnelState::Connected { since }),
        // One of OpenVPN's words. The socket is its user's, and the word ends up on a terminal.
        state if !state.is_empty() && state.len() <= 32 && state.bytes().all(is_of_a_word) => {
            Some(TunnelState::Connecting { state: state.to_owned() })
        }
        _ => None,
    }
}

fn is_of_a_word(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;

    /// What is made of `answer` when a process gives it.
    fn hear(answer: &'static str) -> TunnelState {
        let directory = tempfile::tempdir().unwrap();
        let socket = Utf8Path::from_path(directory.path()).unwrap().join("s");
        let listener = UnixListener::bind(&socket).unwrap();
        let process = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            let mut question = [0; 6];
            stream.read_exact(&mut question).unwrap();
            question
        });
        let state = super::state(&socket);
        assert_eq!(&process.join().unwrap(), b"state\n");
        state
    }

    #[test]
    fn understands_openvpn() {
        let since = OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
        let connected = ">INFO:OpenVPN Management Interface Version 5\r\n1700000000,CONNECTED,SUCCESS,172.19.0.1,10.0.0.2,11001,,\r\nEND\r\n";
        assert_eq!(hear(connected), TunnelState::Connected { since });
        let state = "RECONNECTING".to_owned();
        let trying = "1700000000,RECONNECTING,ping-restart,,,,,\r\nEND\r\n";
        assert_eq!(hear(trying), TunnelState::Connecting { state });
        for nothing in
            ["", "END\r\n", "ERROR: no\r\n", "garbage\r\n", "\u{0}\r\n", "1,\u{1b}[2J,\r\n"]
        {
            assert_eq!(hear(nothing), TunnelState::Silent, "{nothing:?}");
        }
    }

    #[test]
    fn no_socket_is_silence() {
        assert_eq!(super::state("/no/such/socket".into()), TunnelState::Silent);
    }
}
