//! Teams: the keys of their own gateways and of no others.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use serde_json::{Value, json};
use support::forge::{EXPIRES, Files, NOW, bundle, by, id, key, provisioned, public, seal, time};
use tieline::bundle::{Build, BuiltBundle};
use tieline::primitives::{Digest, Name};
use tieline::tuf::repository::{
    Audit, Delegate, NewFile, ProposedRelease, ReleaseTerms, RepositoryError, RoleTerms, RootTerms,
    complete, delegate, first_root, propose, propose_for_team,
};
use tieline::tuf::{KeyPair, RoleName, Signer, Stored, TrustErrorKind, Update, UtcTime};

/// Key 1 holds root, key 2 everything else; key 5 is team north's, key 6 a thief's.
const CI: u8 = 2;
const NORTH: u8 = 5;
const THIEF: u8 = 6;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn team(text: &str) -> RoleName {
    text.to_owned().try_into().unwrap()
}

fn at(text: &str) -> UtcTime {
    text.parse().unwrap()
}

fn terms() -> ReleaseTerms {
    let expires = at(EXPIRES);
    ReleaseTerms {
        signed_at: at(NOW),
        targets_expire: expires,
        snapshot_expires: expires,
        timestamp_expires: expires,
    }
}

type Bundles = BTreeMap<Name, Vec<u8>>;

/// Bundles that differ by number, and what lists them.
fn built(gateways: &[(&str, u64)]) -> (Build, Bundles) {
    let bundles: Bundles =
        gateways.iter().map(|(gateway, n)| (name(gateway), bundle(gateway, "test", *n))).collect();
    let entry =
        |bytes: &Vec<u8>| BuiltBundle { length: bytes.len() as u64, sha256: Digest::of(bytes) };
    let gateways = bundles.iter().map(|(gateway, bytes)| (gateway.clone(), entry(bytes))).collect();
    let build =
        Build { format: 1, mesh: name("test"), source_commit: None, tieline: None, gateways };
    (build, bundles)
}

/// A repository, and the gateways that look at it.
#[derive(Clone)]
struct Town {
    files: Files,
    gateways: BTreeMap<&'static str, Stored>,
}

impl Town {
    /// Release 1: perth 1, sydney 1, hobart 1, all by CI.
    fn new() -> Self {
        let role =
            |n: u8| RoleTerms { keys: vec![key(n).public().clone()], threshold: NonZeroU64::MIN };
        let terms = RootTerms {
            mesh: name("test"),
            root: role(1),
            targets: role(CI),
            snapshot: role(CI),
            timestamp: role(CI),
            signed_at: at(NOW),
            expires: at(EXPIRES),
        };
        let mut town = Self { files: Files::new(), gateways: BTreeMap::new() };
        town.write(first_root(&terms, &[&key(1)]).unwrap());
        for gateway in ["perth", "sydney", "hobart"] {
            town.gateways.insert(gateway, provisioned(&town.files));
        }
        town.sign(1).unwrap();
        town
    }

    fn write(&mut self, files: Vec<NewFile>) {
        self.files.extend(files.into_iter().map(|file| (file.path, file.content)));
    }

    fn audit(&self) -> Audit {
        let root = self.files["metadata/1.root.json"].clone();
        let audit: Result<Audit, RepositoryError> =
            Audit::new(root, |request| Ok(self.files.get(&request.path).cloned()));
        audit.unwrap()
    }

    /// Has these keys sign a proposal, and adds it.
    fn add(
        &mut self,
        proposal: Result<ProposedRelease, RepositoryError>,
        keys: &[u8],
    ) -> Result<(), RepositoryError> {
        let audit = self.audit();
        let mut proposal = proposal?;
        let pairs: Vec<KeyPair> = keys.iter().map(|n| key(*n)).collect();
        let signers: Vec<&dyn Signer> = pairs.iter().map(|pair| pair as &dyn Signer).collect();
        if let Some(missing) = proposal.metadata.sign(&audit, &terms(), &signers)? {
            return Err(missing.into());
        }
        self.write(complete(&audit, proposal, at(NOW))?.files);
        Ok(())
    }

    /// CI signs a build in which all bundles have the number `n`.
    fn sign(&mut self, n: u64) -> Result<(), RepositoryError> {
        let (build, bundles) = built(&[("perth", n), ("sydney", n), ("hobart", n)]);
        self.add(propose(&self.audit(), &build, &bundles, &terms()), &[CI])
    }

    /// Team north signs such a build, CI the rest.
    fn sign_north(&mut self, n: u64, keys: &[u8]) -> Result<(), RepositoryError> {
        let (build, bundles) = built(&[("perth", n), ("sydney", n), ("hobart", n)]);
        self.add(propose_for_team(&self.audit(), &team("north"), &build, &bundles, &terms()), keys)
    }

    /// Gives these gateways to team north, with a build of the number `n`.
    fn give(&mut self, gateways: &[&str], keys: &[u8], n: u64) -> Result<(), RepositoryError> {
        let (build, bundles) = built(&[("perth", n), ("sydney", n), ("hobart", n)]);
        let change = Delegate::Set {
            team: team("north"),
            keys: keys.iter().map(|n| key(*n).public().clone()).collect(),
            threshold: NonZeroU64::MIN,
            gateways: gateways.iter().map(|gateway| name(gateway)).collect(),
        };
        self.add(delegate(&self.audit(), change, &build, &bundles, &terms()), &[CI])
    }

    /// Which bundle a gateway installs now: its number, or why none.
    fn update(&mut self, gateway: &'static str) -> Result<u64, TrustErrorKind> {
        let stored = self.gateways[gateway].clone();
        let mut update = Update::start(stored, time(NOW)).unwrap();
        let run = |update: &mut Update| {
            update.seek_bundle(&name(gateway))?;
            while let Some(request) = update.next() {
                update.supply(self.files.get(&request.path).cloned())?;
            }
            Ok(())
        };
        let ended = run(&mut update);
        let stored = update.stored().clone();
        self.gateways.insert(gateway, stored);
        ended.map_err(|error: tieline::tuf::TrustError| error.kind())?;
        let release = update.finish().unwrap();
        let target = release.target(&name(gateway)).map_err(|error| error.kind())?;
        let bytes = self.files[&target.request().path].clone();
        let bundle = target.accept(bytes.clone()).unwrap();
        bundle.unpack().unwrap();
        let number = (1..100).find(|n| support::forge::bundle(gateway, "test", *n) == bytes);
        Ok(number.unwrap())
    }

    fn all(&mut self) -> [Result<u64, TrustErrorKind>; 3] {
        ["perth", "sydney", "hobart"].map(|gateway| self.update(gateway))
    }

    fn meta(&self, path: &str) -> Value {
        serde_json::from_slice::<Value>(&self.files[path]).unwrap()["signed"].clone()
    }
}

#[track_caller]
fn refused<T>(result: Result<T, RepositoryError>, says: &str) {
    let Err(error) = result else { panic!("nothing was refused, and it should be: {says}") };
    let mut text = error.to_string();
    if let Some(source) = std::error::Error::source(&error) {
        text = format!("{text}: {source}");
    }
    assert!(text.contains(says), "{says:?} is not in {text:?}");
}

/// The whole life of a delegation, seen from gateways that follow every step and from those that
/// follow none but the last.
#[test]
fn a_team_takes_over_its_gateways_and_gives_them_back() {
    let mut town = Town::new();
    assert_eq!(town.all(), [Ok(1); 3]);
    let fresh = town.gateways.clone();
    // Until the team has signed, CI goes on to answer for its gateways.
    town.give(&["perth", "hobart"], &[NORTH], 2).unwrap();
    assert_eq!(town.all(), [Ok(2); 3]);
    let summary = town.audit().teams().remove(0);
    assert_eq!(
        (summary.paths, summary.gateways.len(), summary.expires),
        (vec!["hobart.tar.gz".to_owned(), "perth.tar.gz".to_owned()], 0, None)
    );
    town.sign_north(3, &[NORTH, CI]).unwrap();
    assert_eq!(town.all(), [Ok(2); 3], "CI still lists them");
    // From CI's next release on, the team alone answers for them.
    town.sign(4).unwrap();
    assert_eq!(town.all(), [Ok(3), Ok(4), Ok(3)]);
    let targets = &town.meta("metadata/3.targets.json")["targets"];
    assert_eq!(targets.as_object().unwrap().keys().collect::<Vec<_>>(), ["sydney.tar.gz"]);
    // Each goes its way: neither signs for the other.
    town.sign_north(5, &[NORTH, CI]).unwrap();
    assert_eq!(town.all(), [Ok(5), Ok(4), Ok(5)]);
    town.sign(6).unwrap();
    assert_eq!(town.all(), [Ok(5), Ok(6), Ok(5)]);
    // One gateway is taken back, one stays.
    town.give(&["perth"], &[NORTH], 7).unwrap();
    assert_eq!(town.all(), [Ok(5), Ok(7), Ok(7)]);
    let (build, bundles) = built(&[("perth", 8), ("sydney", 8), ("hobart", 8)]);
    let change = Delegate::Remove { team: team("north") };
    let proposal = delegate(&town.audit(), change, &build, &bundles, &terms());
    town.add(proposal, &[CI]).unwrap();
    assert_eq!(town.all(), [Ok(8); 3]);
    assert!(town.audit().teams().is_empty());
    town.gateways = fresh;
    assert_eq!(town.all(), [Ok(8); 3]);
}

/// North signs for its own; what it says of others counts for nothing.
#[test]
fn a_team_has_no_say_over_others() {
    let mut town = Town::new();
    town.give(&["perth"], &[NORTH], 1).unwrap();
    town.sign_north(2, &[NORTH, CI]).unwrap();
    town.sign(3).unwrap();
    assert_eq!(town.all(), [Ok(2), Ok(3), Ok(3)]);
    let north = &town.meta("metadata/1.north.json")["targets"];
    assert_eq!(north.as_object().unwrap().keys().collect::<Vec<_>>(), ["perth.tar.gz"]);
    // By hand, with the team's key and CI's help: all three, and even one that nobody has.
    let mut evil = town.meta("metadata/1.north.json");
    evil["version"] = json!(2);
    for gateway in ["sydney", "hobart", "perth"] {
        let bytes = bundle(gateway, "test", 66);
        let digest = Digest::of(&bytes);
        evil["targets"][format!("{gateway}.tar.gz")] = json!({
            "length": bytes.len(), "hashes": {"sha256": digest},
            "custom": {"gateway": gateway, "mesh": "test", "format": 1},
        });
        town.files.insert(format!("targets/{digest}.{gateway}.tar.gz"), bytes);
    }
    let mut crooked = town.clone();
    serve(&mut crooked, "north", &seal(&evil, &by(&[NORTH])), 2);
    assert_eq!(crooked.all(), [Ok(66), Ok(3), Ok(3)], "its own gateway, and no other");
    // CI's tools see through it as well: the next release lists what is CI's.
    crooked.sign(4).unwrap();
    assert_eq!(crooked.all(), [Ok(66), Ok(4), Ok(4)]);
    // Without a valid signature by the team it says nothing at all.
    for signer in [CI, THIEF] {
        let mut forged = town.clone();
        serve(&mut forged, "north", &seal(&evil, &by(&[signer])), 2);
        let all = [Err(TrustErrorKind::Signature), Ok(3), Ok(3)];
        assert_eq!(forged.all(), all, "signed by {signer}");
    }
    // The team's key is no key of any other role.
    refused(town.sign_north(5, &[NORTH]), "the snapshot role needs 1");
    let (build, bundles) = built(&[("perth", 5), ("sydney", 5), ("hobart", 5)]);
    let proposal = propose(&town.audit(), &build, &bundles, &terms());
    refused(town.add(proposal, &[NORTH]), "the targets role needs 1");
}

/// Lets snapshot and timestamp, signed by CI, say that the team's metadata are these.
fn serve(town: &mut Town, team: &str, content: &[u8], version: u64) {
    let describe = |version: u64, bytes: &[u8]| json!({"version": version, "length": bytes.len(), "hashes": {"sha256": Digest::of(bytes)}});
    let timestamp = town.meta("metadata/timestamp.json");
    let number = timestamp["meta"]["snapshot.json"]["version"].as_u64().unwrap();
    let mut snapshot = town.meta(&format!("metadata/{number}.snapshot.json"));
    snapshot["version"] = json!(number + 1);
    snapshot["meta"][format!("{team}.json")] = describe(version, content);
    let snapshot = seal(&snapshot, &by(&[CI]));
    let mut timestamp = timestamp;
    timestamp["version"] = json!(timestamp["version"].as_u64().unwrap() + 1);
    timestamp["meta"]["snapshot.json"] = describe(number + 1, &snapshot);
    town.files.insert(format!("metadata/{version}.{team}.json"), content.to_vec());
    town.files.insert(format!("metadata/{}.snapshot.json", number + 1), snapshot);
    town.files.insert("metadata/timestamp.json".to_owned(), seal(&timestamp, &by(&[CI])));
}

/// A team's key is stolen: the targets role gives the team another one, and from that moment on what
/// the thief signed counts for nothing, and no gateway is without a bundle.
#[test]
fn a_stolen_team_key_is_replaced() {
    let mut town = Town::new();
    town.give(&["perth"], &[NORTH], 1).unwrap();
    town.sign_north(2, &[NORTH, CI]).unwrap();
    town.sign(3).unwrap();
    town.sign_north(66, &[NORTH, CI]).unwrap();
    assert_eq!(town.all(), [Ok(66), Ok(3), Ok(3)]);
    town.give(&["perth"], &[7], 4).unwrap();
    assert_eq!(town.all(), [Ok(4), Ok(4), Ok(4)], "CI's build again, until the team has signed");
    refused(town.sign_north(67, &[NORTH, CI]), "the north role needs 1");
    town.sign_north(5, &[7, CI]).unwrap();
    town.sign(6).unwrap();
    assert_eq!(town.all(), [Ok(5), Ok(6), Ok(6)]);
}

/// Whoever stole the targets key may have delegated to himself. After the root holders replaced the
/// key, nothing of that is carried on unseen.
#[test]
fn a_thiefs_delegations_do_not_survive_the_change_of_keys() {
    let mut town = Town::new();
    town.give(&["perth"], &[THIEF], 1).unwrap();
    town.sign_north(66, &[THIEF, CI]).unwrap();
    town.sign(3).unwrap();
    assert_eq!(town.all(), [Ok(66), Ok(3), Ok(3)]);
    let mut root = town.meta("metadata/1.root.json");
    root["version"] = json!(2);
    root["keys"][id(22)] = public(22);
    for role in ["targets", "snapshot", "timestamp"] {
        root["roles"][role] = json!({"keyids": [id(22)], "threshold": 1});
    }
    town.files.insert("metadata/2.root.json".to_owned(), seal(&root, &by(&[1])));
    let (build, bundles) = built(&[("perth", 4), ("sydney", 4), ("hobart", 4)]);
    let propose = |audit: &Audit| propose(audit, &build, &bundles, &terms());
    refused(propose(&town.audit()), "the delegations to north were signed with keys");
    assert_eq!(town.audit().inherited(), [team("north")]);
    let dropped = |town: &Town| town.audit().inherit(false);
    // As `add` does, with the decision made.
    let finish = |town: &mut Town, audit: Audit| {
        let mut proposal = propose(&audit).unwrap();
        let new = key(22);
        assert_eq!(proposal.metadata.sign(&audit, &terms(), &[&new]).unwrap(), None);
        town.write(complete(&audit, proposal, at(NOW)).unwrap().files);
    };
    let mut kept = town.clone();
    let audit = dropped(&town);
    finish(&mut town, audit);
    assert_eq!(town.all(), [Ok(4); 3]);
    assert!(town.audit().teams().is_empty());
    // Kept on purpose, a delegation goes on to count.
    let audit = kept.audit().inherit(true);
    finish(&mut kept, audit);
    assert_eq!(kept.all(), [Ok(66), Ok(4), Ok(4)]);
}

#[test]
fn delegations_that_make_no_sense() {
    let mut town = Town::new();
    refused(town.sign_north(1, &[NORTH, CI]), "delegates nothing to north");
    refused(town.give(&["darwin"], &[NORTH], 1), "the build has no gateway darwin");
    refused(town.give(&["perth"], &[], 1), "the north role has 0 keys");
    town.give(&["perth"], &[NORTH], 1).unwrap();
    let (build, bundles) = built(&[("perth", 1), ("sydney", 1), ("hobart", 1)]);
    let south = |gateway: &str| Delegate::Set {
        team: team("south"),
        keys: vec![key(9).public().clone()],
        threshold: NonZeroU64::MIN,
        gateways: [name(gateway)].into(),
    };
    let proposal = delegate(&town.audit(), south("perth"), &build, &bundles, &terms());
    refused(proposal, "perth is delegated to north already");
    let proposal = delegate(&town.audit(), south("sydney"), &build, &bundles, &terms());
    town.add(proposal, &[CI]).unwrap();
    assert_eq!(town.audit().teams().len(), 2);
    let west = Delegate::Remove { team: team("west") };
    refused(delegate(&town.audit(), west, &build, &bundles, &terms()), "delegates nothing to west");
    let (build, bundles) = built(&[("sydney", 2)]);
    let nothing = propose_for_team(&town.audit(), &team("north"), &build, &bundles, &terms());
    refused(nothing, "none of the gateways in the build is delegated to north");
}

/// A team's file that somebody changed in the repository is noticed, not passed over: CI would else
/// take the team's gateways for its own.
#[test]
fn a_damaged_team_file_stops_the_next_release() {
    let mut town = Town::new();
    town.give(&["perth"], &[NORTH], 1).unwrap();
    town.sign_north(2, &[NORTH, CI]).unwrap();
    let audit = |town: &Town| {
        let root = town.files["metadata/1.root.json"].clone();
        Audit::new(root, |request| Ok::<_, RepositoryError>(town.files.get(&request.path).cloned()))
    };
    assert!(audit(&town).is_ok());
    let path = "metadata/1.north.json";
    let mut bent = town.clone();
    bent.files.get_mut(path).unwrap()[40] ^= 1;
    refused(audit(&bent), "1.north.json is not the file that snapshot.json describes");
    town.files.remove(path);
    refused(audit(&town), "the repository has no metadata/1.north.json");
}
