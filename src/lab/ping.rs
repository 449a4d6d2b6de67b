//! Who reaches whom: from every LAN's host to every other, between all their addresses.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Serialize;

use super::{Topology, host_netns, parallel};
use crate::host::{Command, Output, Processes};
use crate::primitives::Name;

/// How long silent addresses are asked again: the first packet to a new neighbour may be lost
/// while addresses are resolved. Later, once is enough, so that a lab in which nothing works does
/// not take for ever to say so.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often at most an address is asked.
const ATTEMPTS: u32 = 3;

/// What came of asking from one LAN's host for another's.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Pair {
    /// The LAN of the host that asks.
    pub from: Name,
    /// The LAN of the host that is asked.
    pub to: Name,
    /// Every address of the one with every address of the other.
    pub paths: Vec<Path>,
}

/// What came of asking from one address for another.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Path {
    /// The address that asks.
    pub source: IpAddr,
    /// The address that is asked.
    pub destination: IpAddr,
    /// How long the answer took, in milliseconds; absent if none came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub milliseconds: Option<f64>,
}

impl Pair {
    /// Whether every address answered every other.
    #[must_use]
    pub fn answers(&self) -> bool {
        self.paths.iter().all(|path| path.milliseconds.is_some())
    }

    /// The slowest answer in milliseconds; `None` if any is missing.
    #[must_use]
    pub fn milliseconds(&self) -> Option<f64> {
        let times: Option<Vec<_>> = self.paths.iter().map(|path| path.milliseconds).collect();
        times?.into_iter().reduce(f64::max)
    }
}

/// Pings between all ordered pairs of hosts.
pub fn ping_all(processes: &dyn Processes, topology: &Topology) -> Vec<Pair> {
    let hosts = topology.hosts.values();
    let pairs: Vec<_> = hosts
        .clone()
        .flat_map(|from| hosts.clone().map(move |to| (from, to)))
        .filter(|(from, to)| from.lan != to.lan)
        .collect();
    let begun = Instant::now();
    parallel::each(&pairs, |(from, to)| {
        let both = from.addresses.iter().flat_map(|source| {
            let same = move |to: &&ipnet::IpNet| to.addr().is_ipv4() == source.addr().is_ipv4();
            to.addresses.iter().filter(same).map(|to| (source.addr(), to.addr()))
        });
        let ask = |(source, destination)| {
            let netns = host_netns(&from.lan);
            let milliseconds = (0..ATTEMPTS)
                .take_while(|&attempt| attempt == 0 || begun.elapsed() < PATIENCE)
                .find_map(|_| ping(processes, &netns, source, destination));
            Path { source, destination, milliseconds }
        };
        Pair { from: from.lan.clone(), to: to.lan.clone(), paths: both.map(ask).collect() }
    })
}

/// The milliseconds until `destination` answered `source`.
fn ping(
    processes: &dyn Processes,
    netns: &str,
    source: IpAddr,
    destination: IpAddr,
) -> Option<f64> {
    let command = Command::system("ping")
        .args(["-n", "-c", "1", "-W", "1", "-I"])
        .args([source.to_string(), destination.to_string()])
        .netns(netns)
        .limit(Duration::from_secs(5));
    let output = processes.run(&command).ok().filter(Output::success)?;
    round_trip(&String::from_utf8_lossy(&output.stdout))
}

/// The time in a line such as `64 bytes from 10.0.0.2: icmp_seq=1 ttl=62 time=0.482 ms`.
fn round_trip(output: &str) -> Option<f64> {
    let (_, after) = output.split_once(" time=").or_else(|| output.split_once(" time<"))?;
    after.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_ping_prints() {
        let line = "64 bytes from 10.0.0.2: icmp_seq=1 ttl=62 time=0.482 ms\n";
        assert_eq!(round_trip(line), Some(0.482));
        assert_eq!(round_trip("1 packets transmitted, 0 received, time 0ms"), None);
    }

    #[test]
    fn one_silent_address_silences_the_pair() {
        let path = |milliseconds| Path {
            source: "10.0.0.2".parse().unwrap(),
            destination: "10.1.0.2".parse().unwrap(),
            milliseconds,
        };
        let pair = |paths| Pair { from: "a".parse().unwrap(), to: "b".parse().unwrap(), paths };
        let good = pair(vec![path(Some(0.5)), path(Some(2.5))]);
        assert!(good.answers() && good.milliseconds() == Some(2.5));
        let bad = pair(vec![path(Some(0.5)), path(None)]);
        assert!(!bad.answers() && bad.milliseconds().is_none());
    }
}
