//! Nobody takes addresses that somebody else has: LANs, the tunnel network, reserved networks
//! and endpoints do not overlap.

use std::fmt;

use ipnet::Ipv4Net;

use crate::model::Endpoint;
use crate::model::draft::Draft;
use crate::spec::{Code, Finding, Placed, Printable};

pub(super) fn check(draft: &Draft, findings: &mut Vec<Finding>) {
    findings.extend(conflicts(claims(draft)).iter().map(|(a, b)| finding(a, b)));
}

/// Somebody's claim to the addresses of a prefix.
#[derive(Clone, Copy)]
struct Claim<'a> {
    network: Placed<Ipv4Net>,
    owner: Owner<'a>,
}

#[derive(Clone, Copy)]
enum Owner<'a> {
    Lan(Printable<'a>),
    Tunnels,
    Reserved(Printable<'a>),
    Endpoint(Printable<'a>),
}

impl Owner<'_> {
    const KINDS: usize = 4;

    fn kind(&self) -> usize {
        match self {
            Self::Lan(_) => 0,
            Self::Tunnels => 1,
            Self::Reserved(_) => 2,
            Self::Endpoint(_) => 3,
        }
    }

    /// What is reserved twice is still only reserved; two equal endpoints have a rule of their
    /// own.
    fn minds(&self, kind: usize) -> bool {
        match self {
            Self::Lan(_) | Self::Tunnels => true,
            Self::Reserved(_) | Self::Endpoint(_) => self.kind() != kind,
        }
    }
}

impl fmt::Display for Claim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let network = self.network.value;
        match self.owner {
            Owner::Lan(name) => write!(f, "LAN {name} {network}"),
            Owner::Tunnels => write!(f, "the tunnel network {network}"),
            Owner::Reserved(reason) => write!(f, "reserved network {network} ({reason})"),
            Owner::Endpoint(gateway) => {
                write!(f, "endpoint {} of gateway {gateway}", network.addr())
            }
        }
    }
}

fn claims<'a>(draft: &Draft<'a>) -> Vec<Claim<'a>> {
    let mut claims = Vec::new();
    let mut claim = |network, owner| claims.push(Claim { network, owner });
    for (lan, network) in draft.lan_networks() {
        claim(network, Owner::Lan(lan.label.value));
    }
    if let Some(network) = draft.network {
        claim(network, Owner::Tunnels);
    }
    for reserved in &draft.reserved {
        if let Some(network) = reserved.network {
            claim(network, Owner::Reserved(reserved.reason));
        }
    }
    for (_, gateway) in draft.gateways() {
        if let Some(Placed { value: Some(Endpoint::Address(address)), place }) = &gateway.endpoint
            && let std::net::IpAddr::V4(address) = address
        {
            let network = Placed::new(Ipv4Net::from(*address), *place);
            claim(network, Owner::Endpoint(gateway.label.value));
        }
    }
    claims
}

/// Pairs that are all reported. Beyond that many, a claim is reported with the nearest claim
/// around it alone, so that a hostile file cannot make a report of quadratic size.
const ALL_PAIRS_UP_TO: usize = 1000;

/// The pairs of claims that cannot live with each other, the larger network first.
///
/// Two prefixes are either disjoint or one is inside the other. Sorted by first address, the
/// larger first, a prefix comes after all that contain it, and what does not contain it will
/// contain nothing that follows: a stack of open prefixes for each kind is enough, and the whole
/// takes O(n log n) where comparing pairs would take O(n²).
fn conflicts(mut claims: Vec<Claim<'_>>) -> Vec<(Claim<'_>, Claim<'_>)> {
    claims.sort_by_key(|claim| {
        let network = claim.network.value;
        (network.network(), network.prefix_len(), claim.network.place)
    });
    let mut open: [Vec<Claim<'_>>; Owner::KINDS] = Default::default();
    let mut found = Vec::new();
    for claim in claims {
        for (kind, open) in open.iter_mut().enumerate() {
            while open.last().is_some_and(|around| !contains(around, &claim)) {
                open.pop();
            }
            if claim.owner.minds(kind) {
                let most = ALL_PAIRS_UP_TO.saturating_sub(found.len()).max(1);
                found.extend(open.iter().rev().take(most).map(|around| (*around, claim)));
            }
        }
        if let Some(own) = open.get_mut(claim.owner.kind()) {
            own.push(claim);
        }
    }
    found
}

fn contains(around: &Claim, claim: &Claim) -> bool {
    around.network.value.contains(&claim.network.value)
}

/// What is further down in the file is what was probably added last.
fn finding(a: &Claim, b: &Claim) -> Finding {
    let (first, second) = if a.network.place < b.network.place { (a, b) } else { (b, a) };
    let message = format!("{second} overlaps {first}");
    let finding = Finding::new(Code::Overlap, second.network.place, message);
    let finding = finding.label("this").related(first.network.place, "overlaps this");
    finding.hint(remedy(first.owner, second.owner))
}

fn remedy(first: Owner<'_>, second: Owner<'_>) -> &'static str {
    match (first, second) {
        (Owner::Tunnels, _) | (_, Owner::Tunnels) => {
            "choose another tunnel network: it is used for nothing but mesh addresses"
        }
        (Owner::Endpoint(_), _) | (_, Owner::Endpoint(_)) => {
            "packets to this endpoint would be routed into the tunnel they are to carry: write \
             the address at which the gateway is reached from outside"
        }
        (Owner::Lan(a), Owner::Lan(b)) if a.0 == b.0 => "list only the larger of the two",
        _ => "a packet can only go to one of them: renumber one, or list the part in use only",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Place;
    use proptest::prelude::*;

    fn claim(index: usize, network: Ipv4Net, kind: usize) -> Claim<'static> {
        let nobody = Printable("x");
        let owner = match kind {
            0 => Owner::Lan(nobody),
            1 => Owner::Tunnels,
            2 => Owner::Reserved(nobody),
            _ => Owner::Endpoint(nobody),
        };
        let length = if kind >= 3 { 32 } else { network.prefix_len() };
        let network = Ipv4Net::new(network.addr(), length).unwrap().trunc();
        Claim { network: Placed::new(network, Place::mesh(index..index)), owner }
    }

    fn mind_each_other(a: &Claim, b: &Claim) -> bool {
        (contains(a, b) || contains(b, a)) && a.owner.minds(b.owner.kind())
    }

    /// The places of a pair, in the order of the file.
    fn pair(a: &Claim, b: &Claim) -> (Place, Place) {
        let (a, b) = (a.network.place, b.network.place);
        (a.min(b), a.max(b))
    }

    proptest! {
        #[test]
        fn finds_what_comparing_all_pairs_finds(
            raw in prop::collection::vec((0_u32..64, 24_u8..=32, 0_usize..4), 0..40)
        ) {
            let claims: Vec<_> = raw.iter().enumerate().map(|(index, &(bits, length, kind))| {
                let address = std::net::Ipv4Addr::from(0x0a00_0000 | bits << 3);
                claim(index, Ipv4Net::new(address, length).unwrap().trunc(), kind)
            }).collect();
            let mut expected = Vec::new();
            for (index, a) in claims.iter().enumerate() {
                for b in claims.iter().skip(index + 1).filter(|b| mind_each_other(a, b)) {
                    expected.push(pair(a, b));
                }
            }
            let found = conflicts(claims);
            prop_assert!(found.iter().all(|(around, inner)| contains(around, inner)));
            let mut found: Vec<_> = found.iter().map(|(a, b)| pair(a, b)).collect();
            found.sort();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn fifty_thousand_prefixes_are_not_compared_pairwise() {
        // Pairs would be 1.25 billion comparisons, some ten seconds in a test build.
        let network = |index: usize| {
            let address =
                std::net::Ipv4Addr::from(0x0a00_0000 + (u32::try_from(index).unwrap() << 4));
            Ipv4Net::new(address, 28).unwrap()
        };
        let apart: Vec<_> = (0..50_000).map(|index| claim(index, network(index), 0)).collect();
        let start = std::time::Instant::now();
        assert_eq!(conflicts(apart).len(), 0);
        // All the same, and reserved: nothing minds, and the stack grows to its deepest.
        let same: Vec<_> = (0..50_000).map(|index| claim(index, network(0), 2)).collect();
        assert_eq!(conflicts(same).len(), 0);
        let clashing: Vec<_> = (0..50_000).map(|index| claim(index, network(0), 0)).collect();
        assert!(conflicts(clashing).len() < 50_000 + 2 * ALL_PAIRS_UP_TO);
        assert!(start.elapsed() < std::time::Duration::from_secs(3), "{:?}", start.elapsed());
    }
}
