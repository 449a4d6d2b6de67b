//! Numbers that gateways had, and have.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::RepositoryError;
use crate::primitives::Name;

/// The addresses of gateways in the tunnel network; each follows from a number.
pub type Addresses = BTreeMap<Name, BTreeSet<IpAddr>>;

/// A tunnel network that moves takes all addresses with it, by a multiple of this. Numbers alone
/// do not change by so much.
const MOVE: u128 = 256;

/// Refuses other addresses than before, save for gateways that `may` have others: somebody has exchanged
/// lines of mesh.lock, or made it anew. Uplinks that come or go change nobody's number, and neither
/// does a tunnel network that is another one for all.
pub fn check_renumbered(
    before: &Addresses,
    after: &Addresses,
    may: &[Name],
) -> Result<(), RepositoryError> {
    let both: Vec<_> =
        before.iter().filter_map(|(name, was)| Some((name, was, after.get(name)?))).collect();
    if moved(&both) {
        return Ok(());
    }
    let changed: Vec<_> = both
        .iter()
        .filter(|(name, was, is)| !may.contains(name) && !was.is_subset(is) && !is.is_subset(was))
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    let list = |addresses: &BTreeSet<IpAddr>| {
        addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
    };
    let describe = |(name, was, is): &&(&Name, &BTreeSet<IpAddr>, &BTreeSet<IpAddr>)| {
        format!("{name} ({} would be {})", list(was), list(is))
    };
    Err(RepositoryError::Renumbers {
        gateways: changed.iter().map(|(name, ..)| (*name).clone()).collect(),
        changed: changed.iter().map(describe).collect(),
    })
}

/// Whether all addresses are others by the same distance, and that of a network.
fn moved(both: &[(&Name, &BTreeSet<IpAddr>, &BTreeSet<IpAddr>)]) -> bool {
    let distances: BTreeSet<Option<u128>> = both
        .iter()
        .map(|(_, was, is)| Some(bits(is.first()?).wrapping_sub(bits(was.first()?))))
        .collect();
    distances.len() == 1 && distances.first().copied().flatten().is_some_and(|d| d % MOVE == 0)
}

fn bits(address: &IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(before: &[(&str, &str)], after: &[(&str, &str)], may: &[&str]) -> Vec<String> {
        let addresses = |of: &[(&str, &str)]| -> Addresses {
            of.iter()
                .map(|(name, list)| {
                    let list = list.split(' ').map(|address| address.parse().unwrap());
                    (name.parse().unwrap(), list.collect())
                })
                .collect()
        };
        let may: Vec<Name> = may.iter().map(|name| name.parse().unwrap()).collect();
        match check_renumbered(&addresses(before), &addresses(after), &may) {
            Err(RepositoryError::Renumbers { gateways, .. }) => {
                gateways.iter().map(ToString::to_string).collect()
            }
            _ => Vec::new(),
        }
    }

    #[test]
    fn numbers_stay_with_their_gateways() {
        let before = [("perth", "172.19.0.1"), ("sydney", "172.19.0.2")];
        let none: [&str; 0] = [];
        let exchanged = [("perth", "172.19.0.2"), ("sydney", "172.19.0.1")];
        assert_eq!(refused(&before, &exchanged, &[]), ["perth", "sydney"]);
        assert_eq!(refused(&before, &exchanged, &["perth"]), ["sydney"]);
        assert_eq!(refused(&before, &exchanged, &["perth", "sydney"]), none);
        let anew = [("perth", "172.19.0.2"), ("sydney", "172.19.0.3")];
        assert_eq!(refused(&before, &anew, &[]), ["perth", "sydney"], "all by one");
        let elsewhere = [("perth", "172.20.0.1"), ("sydney", "172.20.0.2")];
        assert_eq!(refused(&before, &elsewhere, &[]), none, "another network");
        let both = [("perth", "172.20.0.2"), ("sydney", "172.20.0.1")];
        assert_eq!(refused(&before, &both, &[]), ["perth", "sydney"]);
        let more = [("perth", "172.19.0.1 172.19.0.3"), ("hobart", "172.19.0.4")];
        assert_eq!(refused(&before, &more, &[]), none, "an uplink more");
        assert_eq!(refused(&more, &before, &[]), none, "an uplink less");
        let taken = [("perth", "172.19.0.2 172.19.0.3"), ("sydney", "172.19.0.1")];
        assert_eq!(refused(&before, &taken, &[]), ["perth", "sydney"]);
    }
}
