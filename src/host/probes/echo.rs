//! ICMP echo requests to many at once, without a process and without a thread.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{Domain, Protocol, Socket, Type};

use super::EchoTarget;
use super::icmp::{Family, Question, TOKEN};

/// How many are asked at the same time: each takes a file descriptor, and 1024 are the usual limit.
const TOGETHER: usize = 256;

/// The most packets that are read from one socket before the others have their turn. More than a
/// few come only from somebody who wants to keep us busy.
const BURST: usize = 16;

/// Longer than any answer to what we send.
const PACKET: usize = 256;

/// Asks all of them. They have `patience` together, or every [`TOGETHER`] of them.
pub(super) fn echo(targets: &[EchoTarget], patience: Duration) -> Vec<Option<Duration>> {
    targets.chunks(TOGETHER).flat_map(|some| round(some, patience)).collect()
}

fn round(targets: &[EchoTarget], patience: Duration) -> Vec<Option<Duration>> {
    let mut asked: Vec<_> = targets.iter().map(|target| Asked::new(target).ok()).collect();
    let begun = Instant::now();
    for asked in asked.iter_mut().flatten() {
        asked.send();
    }
    loop {
        let waited = begun.elapsed();
        let waiting = || asked.iter().flatten().filter(|asked| asked.answer.is_none());
        if waited >= patience || waiting().next().is_none() {
            break;
        }
        let again = patience / 2;
        let next = if waited < again { again } else { patience };
        let sockets = waiting().map(|asked| &asked.socket);
        let mut polled: Vec<_> = sockets.map(|socket| PollFd::new(socket, PollFlags::IN)).collect();
        let timeout = Timespec::try_from(next.saturating_sub(waited)).ok();
        // Whatever poll(2) says, the sockets are looked at: nothing there is no error.
        let _ = poll(&mut polled, timeout.as_ref());
        drop(polled);
        let late = begun.elapsed() >= again;
        for asked in asked.iter_mut().flatten().filter(|asked| asked.answer.is_none()) {
            asked.listen();
            if late && asked.answer.is_none() && asked.sent.len() < 2 {
                asked.send();
            }
        }
    }
    asked.into_iter().map(|asked| asked.and_then(|asked| asked.answer)).collect()
}

/// One target, and the socket that only its answers come to.
struct Asked {
    socket: Socket,
    question: Question,
    /// When each request was sent, by its sequence number.
    sent: Vec<Instant>,
    answer: Option<Duration>,
}

impl Asked {
    fn new(target: &EchoTarget) -> io::Result<Self> {
        let (domain, protocol, family) = match target.address {
            IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4, Family::V4),
            IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6, Family::V6),
        };
        let mut random = [0; TOKEN + 2];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let ([high, low], token) = random.split_first_chunk().ok_or(io::ErrorKind::Other)?;
        let identifier = u16::from_be_bytes([*high, *low]);
        let token = token.try_into().map_err(io::Error::other)?;
        let socket = Socket::new(domain, Type::RAW.nonblocking(), Some(protocol))?;
        if let Some(device) = target.device {
            // The question leaves and the answer comes through this device, whatever routes say.
            socket.bind_device(Some(device.to_string().as_bytes()))?;
        }
        // The kernel hands out what comes from this address, and nothing else (raw(7)).
        socket.connect(&SocketAddr::new(target.address, 0).into())?;
        let question = Question { family, identifier, token };
        Ok(Self { socket, question, sent: Vec::new(), answer: None })
    }

    fn send(&mut self) {
        let sequence = u16::try_from(self.sent.len()).unwrap_or(u16::MAX);
        self.sent.push(Instant::now());
        // What cannot be sent is not answered.
        let _ = self.socket.send(&self.question.request(sequence));
    }

    fn listen(&mut self) {
        let mut packet = [0; PACKET];
        for _ in 0..BURST {
            // An error that the network reports, such as "no route to host", is no answer. Reading
            // it takes it away, so it does not come again and again.
            let Ok(length) = self.socket.read(&mut packet) else { return };
            let packet = packet.get(..length).unwrap_or_default();
            let sent = self.question.answered_by(packet).map(usize::from);
            if let Some(sent) = sent.and_then(|sequence| self.sent.get(sequence)) {
                self.answer = Some(sent.elapsed());
                return;
            }
        }
    }
}
