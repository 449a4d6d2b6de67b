//! Numbers for what is new, tombstones for what is gone.

use std::collections::{BTreeMap, BTreeSet};

use super::{Entry, Format, Lock, NumberOwner, number_at};
use crate::model::{Mesh, NumberProblem};
use crate::primitives::{GatewayNumber, Name};

/// A mesh.lock brought up to its mesh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The new mesh.lock.
    pub lock: Lock,
    /// What was given a number, in order of number.
    pub added: Vec<(GatewayNumber, NumberOwner)>,
    /// What has its number retired, in order of number.
    pub retired: Vec<(GatewayNumber, NumberOwner)>,
}

impl Update {
    /// Whether anything is new.
    #[must_use]
    pub fn is_change(&self) -> bool {
        !self.added.is_empty() || !self.retired.is_empty()
    }
}

/// The gateways of a mesh, each with its uplinks besides the first.
type Gateways = BTreeMap<Name, BTreeSet<Name>>;

impl Lock {
    /// Gives numbers to the gateways that have none, by name, and retires those of gateways that
    /// are gone. One that comes back under its old name gets a new number: it may be another
    /// machine, and others may still know the old one. The same goes for further uplinks, which go
    /// with their gateway.
    pub fn update(&self, mesh: &Mesh) -> Result<Update, NumberProblem> {
        // mesh.yaml knows one uplink a gateway for now.
        let gateways = mesh.gateways().map(|(_, gateway)| (gateway.name.clone(), BTreeSet::new()));
        self.update_to(&gateways.collect())
    }

    fn update_to(&self, wanted: &Gateways) -> Result<Update, NumberProblem> {
        let mut lock = Self { format: Format::Two, ..self.clone() };
        let mut retired = Vec::new();
        for (index, entry) in lock.entries.iter_mut().enumerate() {
            if !entry.removed && !is_wanted(&entry.owner, wanted) {
                entry.removed = true;
                retired.extend(number_at(index).map(|number| (number, entry.owner.clone())));
            }
        }
        let present: BTreeSet<NumberOwner> = lock.alive().map(|(_, owner)| owner.clone()).collect();
        let mut added = Vec::new();
        for owner in owners(wanted).filter(|owner| !present.contains(owner)) {
            let Some(number) = number_at(lock.entries.len()) else {
                return Err(NumberProblem::NoNumberLeft { gateway: owner.gateway });
            };
            lock.entries.push(Entry { owner: owner.clone(), removed: false });
            added.push((number, owner));
        }
        Ok(Update { lock, added, retired })
    }
}

fn is_wanted(owner: &NumberOwner, wanted: &Gateways) -> bool {
    let Some(uplinks) = wanted.get(&owner.gateway) else { return false };
    owner.uplink.as_ref().is_none_or(|uplink| uplinks.contains(uplink))
}

/// All that needs a number: first every gateway, then every further uplink, each by name.
fn owners(wanted: &Gateways) -> impl Iterator<Item = NumberOwner> {
    let gateways = wanted.keys().map(|name| NumberOwner { gateway: name.clone(), uplink: None });
    let uplinks = wanted.iter().flat_map(|(name, uplinks)| {
        let owner =
            |uplink: &Name| NumberOwner { gateway: name.clone(), uplink: Some(uplink.clone()) };
        uplinks.iter().map(owner)
    });
    gateways.chain(uplinks)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use proptest::collection::{btree_map, btree_set, vec};
    use proptest::prelude::*;

    fn name(index: u8) -> Name {
        format!("n-{index}").parse().unwrap()
    }

    /// Some gateways, each with some further uplinks.
    fn gateways() -> impl Strategy<Value = Gateways> {
        let names = || (0_u8..6).prop_map(name);
        btree_map(names(), btree_set(names(), 0..3), 0..6)
    }

    proptest! {
        /// Whatever comes and goes in whatever order: a number belongs to one gateway or uplink for
        /// ever, each keeps its number while it stays, and one that comes back gets a new one.
        #[test]
        fn numbers_are_never_changed_or_reused(history in vec(gateways(), 1..20)) {
            let mut lock = Lock::default();
            let mut given: BTreeMap<GatewayNumber, NumberOwner> = BTreeMap::new();
            let mut before: BTreeMap<NumberOwner, GatewayNumber> = BTreeMap::new();
            for wanted in history {
                lock = lock.update_to(&wanted).unwrap().lock;
                let gateways = lock.numbers().into_iter().map(|(gateway, number)| {
                    (NumberOwner { gateway, uplink: None }, number)
                });
                let now: BTreeMap<_, _> = gateways.chain(lock.uplinks()).collect();
                prop_assert_eq!(
                    now.keys().cloned().collect::<BTreeSet<_>>(),
                    owners(&wanted).collect::<BTreeSet<_>>()
                );
                for (owner, &number) in &now {
                    if let Some(&old) = before.get(owner) {
                        prop_assert_eq!(number, old);
                    } else {
                        prop_assert_eq!(given.insert(number, owner.clone()), None);
                    }
                }
                // What is written is what is read.
                prop_assert_eq!(Lock::parse(&lock.to_string()).unwrap(), lock.clone());
                before = now;
            }
        }
    }

    #[test]
    fn a_gateway_takes_its_uplinks_with_it() {
        let with = |uplinks: &[u8]| -> Gateways {
            [(name(1), uplinks.iter().map(|uplink| name(*uplink)).collect())].into()
        };
        let lock = Lock::default().update_to(&with(&[7, 8])).unwrap().lock;
        let gone = lock.update_to(&Gateways::new()).unwrap();
        let told: Vec<_> = gone.retired.iter().map(|(n, owner)| format!("{n} {owner}")).collect();
        assert_eq!(told, ["1 n-1", "2 n-1/n-7", "3 n-1/n-8"]);
        let back = gone.lock.update_to(&with(&[8])).unwrap();
        let told: Vec<_> = back.added.iter().map(|(n, owner)| format!("{n} {owner}")).collect();
        assert_eq!(told, ["4 n-1", "5 n-1/n-8"]);
    }

    #[test]
    fn says_when_no_number_is_left() {
        let owner = NumberOwner { gateway: name(0), uplink: None };
        let entries = vec![Entry { owner, removed: true }; usize::from(u16::MAX)];
        let lock = Lock { entries, ..Lock::default() };
        let gateway = name(1);
        let wanted = [(gateway.clone(), BTreeSet::new())].into();
        let error = lock.update_to(&wanted).unwrap_err();
        assert_eq!(error, NumberProblem::NoNumberLeft { gateway });
    }
}
