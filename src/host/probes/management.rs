//! OpenVPN's management interface (doc/management-notes.txt of OpenVPN 2.6).

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use camino::Utf8Path;
use rustix::process::geteuid;
use socket2::{Domain, SockAddr, Socket, Type};
use time::OffsetDateTime;

use super::TunnelState;

/// How long a process has for a whole answer, from the connection on. It is an unprivileged user's,
/// and must not be able to hold anybody up by dripping.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long to wait before a socket is tried again whose process has not accepted the others yet.
const RETRY: Duration = Duration::from_millis(10);

/// How much of an answer is read, in bytes.
const LIMIT: u64 = 1 << 16;

/// The state of the tunnel whose management socket is at `socket`.
pub(super) fn state(socket: &Utf8Path) -> TunnelState {
    as_told(ask(socket, PATIENCE), geteuid().is_root())
}

/// What an answer comes to, for root or another user, to whom OpenVPN says nothing and hangs up.
fn as_told(answer: io::Result<Option<TunnelState>>, root: bool) -> TunnelState {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, PermissionDenied};
    match answer {
        Ok(Some(state)) => state,
        Ok(None) if !root => TunnelState::Closed,
        Err(error)
            if !root && matches!(error.kind(), BrokenPipe | ConnectionReset | PermissionDenied) =>
        {
            TunnelState::Closed
        }
        _ => TunnelState::Silent,
    }
}

/// Whether the process answers within `patience`. It does once it has its key and its device.
pub(in crate::host) fn answers(socket: &Utf8Path, patience: Duration) -> bool {
    matches!(ask(socket, patience), Ok(Some(_)))
}

fn ask(socket: &Utf8Path, patience: Duration) -> io::Result<Option<TunnelState>> {
    let mut stream = Timed::connect(socket, Instant::now() + patience)?;
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

/// A connection with one deadline for all that is done with it.
struct Timed {
    deadline: Instant,
    stream: UnixStream,
}

/// The time until `deadline`.
fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

impl Timed {
    /// Where nobody accepts and the backlog is full, connect(2) would wait for ever; without blocking
    /// it says EAGAIN instead (unix(7)).
    fn connect(path: &Utf8Path, deadline: Instant) -> io::Result<Self> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        let address = SockAddr::unix(path)?;
        while let Err(error) = socket.connect(&address) {
            if error.kind() != io::ErrorKind::WouldBlock {
                return Err(error);
            }
            thread::sleep(RETRY.min(left(deadline)?));
        }
        socket.set_nonblocking(false)?;
        Ok(Self { deadline, stream: UnixStream::from(OwnedFd::from(socket)) })
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(left(self.deadline)?))?;
        self.stream.read(buffer)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(left(self.deadline)?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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
        let state = as_told(ask(&socket, PATIENCE), true);
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

    /// Who asks is not held up by whoever is asked: one that never accepts, until its backlog is full and
    /// beyond, one that never answers, and one that drips.
    #[test]
    fn no_process_holds_anybody_up() {
        let directory = tempfile::tempdir().unwrap();
        let directory = Utf8Path::from_path(directory.path()).unwrap();
        let patience = Duration::from_millis(300);
        let quickly = |socket: &Utf8Path| {
            let start = Instant::now();
            assert!(!answers(socket, patience));
            let spent = start.elapsed();
            assert!(spent >= patience && spent < 4 * patience, "{spent:?}");
        };
        let backlog = directory.join("backlog");
        let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        listener.bind(&SockAddr::unix(&backlog).unwrap()).unwrap();
        listener.listen(0).unwrap();
        for _ in 0..3 {
            quickly(&backlog);
        }
        // Those who have asked and gone are still in it, so nobody else gets in.
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        let full = socket.connect(&SockAddr::unix(&backlog).unwrap());
        assert_eq!(full.unwrap_err().kind(), io::ErrorKind::WouldBlock);

        let drips = directory.join("drips");
        let listener = UnixListener::bind(&drips).unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            while stream.write_all(b">").is_ok() {
                thread::sleep(patience / 10);
            }
        });
        quickly(&drips);
    }

    #[test]
    fn no_socket_is_silence() {
        assert_eq!(super::state("/no/such/socket".into()), TunnelState::Silent);
    }
}
