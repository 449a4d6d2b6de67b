//! Talking to an agent over its socket.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use camino::Utf8Path;

use super::wire::{self, Answer};
use super::{Agent, AgentError};
use crate::primitives::SshKey;

/// The agent of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealAgent;

/// The longest answer that is read, in bytes: what OpenSSH's agent and clients allow themselves.
const LONGEST: u32 = 256 << 10;

/// How long the list of keys may take.
const LISTING: Duration = Duration::from_secs(10);

/// How long a signature may take: somebody may have to confirm it (`ssh-add -c`).
const SIGNING: Duration = Duration::from_mins(2);

impl Agent for RealAgent {
    fn keys(&self, socket: &Utf8Path) -> Result<Vec<SshKey>, AgentError> {
        let answer = ask(socket, &wire::list(), LISTING)?;
        given(socket, wire::listed(&answer), "list of keys")
    }

    fn sign(
        &self,
        socket: &Utf8Path,
        key: &SshKey,
        message: &[u8],
    ) -> Result<[u8; 64], AgentError> {
        let answer = ask(socket, &wire::sign(key, message), SIGNING)?;
        given(socket, wire::signed(&answer), "ed25519 signature")
    }
}

fn given<T>(socket: &Utf8Path, answer: Answer<T>, wanted: &'static str) -> Result<T, AgentError> {
    match answer {
        Answer::Given(value) => Ok(value),
        Answer::Refused => Err(AgentError::Refused),
        Answer::Nonsense => Err(AgentError::Nonsense { socket: socket.to_owned(), wanted }),
    }
}

/// Sends one request and reads its answer, all within `limit`.
fn ask(socket: &Utf8Path, request: &[u8], limit: Duration) -> Result<Vec<u8>, AgentError> {
    let fail = |source: io::Error| match source.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            AgentError::TimedOut { socket: socket.to_owned(), limit }
        }
        _ => AgentError::Talk { socket: socket.to_owned(), source },
    };
    let mut line = Line {
        stream: UnixStream::connect(socket).map_err(fail)?,
        deadline: Instant::now() + limit,
    };
    let length = u32::try_from(request.len()).unwrap_or(u32::MAX);
    line.send(&[&length.to_be_bytes(), request].concat()).map_err(fail)?;
    let length = u32::from_be_bytes(line.receive::<4>().map_err(fail)?);
    if length > LONGEST {
        return Err(AgentError::TooLarge { socket: socket.to_owned(), limit: LONGEST });
    }
    let mut answer = vec![0; usize::try_from(length).unwrap_or_default()];
    line.fill(&mut answer).map_err(fail)?;
    Ok(answer)
}

/// A connection with a deadline for all that goes over it, so that an agent that sends a byte now
/// and then cannot hold us up.
struct Line {
    stream: UnixStream,
    deadline: Instant,
}

impl Line {
    fn left(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }

    fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.stream.set_write_timeout(Some(self.left()?))?;
            match self.stream.write(bytes) {
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn receive<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, mut room: &mut [u8]) -> io::Result<()> {
        while !room.is_empty() {
            self.stream.set_read_timeout(Some(self.left()?))?;
            match self.stream.read(room) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => room = room.get_mut(read..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use camino::Utf8PathBuf;

    use super::*;

    /// What `ask` says of an agent that does `act` with every connection, given 300 ms.
    fn asked(act: impl FnOnce(UnixStream) + Send + 'static) -> Result<Vec<u8>, AgentError> {
        let directory = tempfile::tempdir().unwrap();
        let socket = Utf8PathBuf::from_path_buf(directory.path().join("agent")).unwrap();
        let listener = UnixListener::bind(&socket).unwrap();
        let agent = thread::spawn(move || act(listener.accept().unwrap().0));
        let answer = ask(&socket, &wire::list(), Duration::from_millis(300));
        agent.join().unwrap();
        answer
    }

    fn until_it_hangs_up(mut stream: UnixStream) {
        let _ = io::copy(&mut stream, &mut io::sink());
    }

    #[test]
    fn an_agent_that_hangs() {
        assert!(matches!(asked(until_it_hangs_up), Err(AgentError::TimedOut { .. })));
    }

    #[test]
    fn an_agent_that_drips() {
        let drip = |mut stream: UnixStream| {
            let _ = stream.write_all(&[0, 0, 1, 0]);
            while stream.write_all(&[12]).is_ok() {
                thread::sleep(Duration::from_millis(20));
            }
        };
        assert!(matches!(asked(drip), Err(AgentError::TimedOut { .. })));
    }

    #[test]
    fn an_agent_that_promises_too_much_or_hangs_up() {
        let much = |mut stream: UnixStream| {
            let _ = stream.write_all(&(LONGEST + 1).to_be_bytes());
            while stream.write_all(&[0; 4096]).is_ok() {}
        };
        assert!(matches!(asked(much), Err(AgentError::TooLarge { .. })));
        assert!(matches!(asked(drop), Err(AgentError::Talk { .. })));
        let half = |mut stream: UnixStream| {
            let _ = stream.read(&mut [0; 64]);
            let _ = stream.write_all(&[0, 0, 0, 9, 12]);
        };
        assert!(matches!(asked(half), Err(AgentError::Talk { .. })));
        let good = |mut stream: UnixStream| {
            let _ = stream.read(&mut [0; 64]);
            let _ = stream.write_all(&[0, 0, 0, 1, 5, 99]);
        };
        assert_eq!(asked(good).unwrap(), [5]);
    }
}
