//! A TUF repository written by hand, honestly or not: independent of the code under test save for
//! the signatures themselves.

use std::collections::BTreeMap;

use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::{EncodePublicKey as _, LineEnding};
use serde_json::{Value, json};
use tieline::bundle::{FileEntry, Manifest, pack};
use tieline::primitives::{ArtifactSet, Digest, Name};
use tieline::tuf::{
    KeyPair, PublicKey, Role, Signer as _, Stored, TrustError, Update, VerifiedRelease,
};

/// The files of a repository by path.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The time at which tests take place, and what is valid then.
pub const NOW: &str = "2030-01-01T00:00:00Z";
/// When everything expires unless a test says otherwise.
pub const EXPIRES: &str = "2031-01-01T00:00:00Z";

/// The key pair number `n`.
pub fn key(n: u8) -> KeyPair {
    KeyPair::from_seed(&[n; 32])
}

/// From this number on, keys are of the other kind: ECDSA on P-256.
pub const ECDSA: u8 = 200;

/// The ECDSA key pair number `n`.
fn ecdsa(n: u8) -> p256::ecdsa::SigningKey {
    p256::ecdsa::SigningKey::from_slice(&[n; 32]).unwrap()
}

fn public_key(n: u8) -> PublicKey {
    if n < ECDSA {
        return key(n).public().clone();
    }
    let pem = ecdsa(n).verifying_key().to_public_key_pem(LineEnding::LF).unwrap();
    PublicKey::from_pem(&pem).unwrap()
}

/// The signature of key `n`, in hexadecimal.
pub fn sign(n: u8, message: &[u8]) -> String {
    if n < ECDSA {
        return key(n).sign(message).unwrap();
    }
    let signature: p256::ecdsa::Signature = ecdsa(n).sign(message);
    hex(signature.to_der().as_bytes())
}

/// The other of the two signatures that stand for one: with S negated.
pub fn mirrored(n: u8, message: &[u8]) -> String {
    let signature: p256::ecdsa::Signature = ecdsa(n).sign(message);
    let (r, s) = signature.split_scalars();
    hex(p256::ecdsa::Signature::from_scalars(r, -s).unwrap().to_der().as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// The id that tools give key `n` by default.
pub fn id(n: u8) -> String {
    public_key(n).id().to_string()
}

/// Key `n` as root metadata list it.
pub fn public(n: u8) -> Value {
    serde_json::to_value(public_key(n)).unwrap()
}

/// A metadata file: `signed`, and a signature by each key under an id.
pub fn seal(signed: &Value, by: &[(String, u8)]) -> Vec<u8> {
    // Compact JSON with sorted keys is the canonical form of what tests write: plain ASCII, where
    // line ends in keys stand as they are.
    let message = serde_json::to_string(signed).unwrap().replace("\\n", "\n").into_bytes();
    let signatures: Vec<_> =
        by.iter().map(|(id, n)| json!({"keyid": id, "sig": sign(*n, &message)})).collect();
    serde_json::to_vec(&json!({"signatures": signatures, "signed": signed})).unwrap()
}

/// Signatures by the keys under their own ids.
pub fn by(keys: &[u8]) -> Vec<(String, u8)> {
    keys.iter().map(|n| (id(*n), *n)).collect()
}

/// A repository of mesh `test` with bundles for `perth` and `sydney`. Key 1 holds root, 2 targets,
/// 3 snapshot, 4 timestamp.
#[derive(Clone)]
pub struct Forge {
    /// What each role says.
    pub signed: BTreeMap<Role, Value>,
    /// Who signs for each role: key id and key.
    pub signers: BTreeMap<Role, Vec<(String, u8)>>,
    /// What becomes of each role's file after signing; who describes it describes the result.
    pub after: BTreeMap<Role, fn(Value) -> Value>,
    /// Root metadata before the newest.
    pub roots: Files,
    /// Each gateway's bundle.
    pub bundles: BTreeMap<Name, Vec<u8>>,
    /// Delegated roles by name: what each says, and who signs for it.
    pub delegated: BTreeMap<String, (Value, Vec<(String, u8)>)>,
    /// The delegated role that speaks of a bundle, where it is not the top-level targets.
    pub speakers: BTreeMap<Name, String>,
}

impl Forge {
    /// Release 1.
    pub fn new() -> Self {
        let role = |n: u8| json!({"keyids": [id(n)], "threshold": 1});
        let root = json!({
            "_type": "root", "spec_version": "1.0.31", "version": 1, "expires": EXPIRES,
            "consistent_snapshot": true, "x-tieline-mesh": "test",
            "keys": {id(1): public(1), id(2): public(2), id(3): public(3), id(4): public(4)},
            "roles": {"root": role(1), "targets": role(2), "snapshot": role(3), "timestamp": role(4)},
        });
        let plain = |kind: &str| json!({"_type": kind, "spec_version": "1.0.31", "version": 1, "expires": EXPIRES});
        let signed = [
            (Role::Root, root),
            (Role::Targets, plain("targets")),
            (Role::Snapshot, plain("snapshot")),
            (Role::Timestamp, plain("timestamp")),
        ];
        let signers = [
            (Role::Root, by(&[1])),
            (Role::Targets, by(&[2])),
            (Role::Snapshot, by(&[3])),
            (Role::Timestamp, by(&[4])),
        ];
        let bundles =
            ["perth", "sydney"].map(|name| (name.parse().unwrap(), bundle(name, "test", 1)));
        let mut forge = Self {
            signed: signed.into(),
            signers: signers.into(),
            after: BTreeMap::new(),
            roots: Files::new(),
            bundles: bundles.into(),
            delegated: BTreeMap::new(),
            speakers: BTreeMap::new(),
        };
        forge.describe_bundles();
        forge
    }

    /// What `role` says, to be changed.
    pub fn of(&mut self, role: Role) -> &mut Value {
        self.signed.get_mut(&role).unwrap()
    }

    /// Sets a field of what `role` says.
    pub fn set(mut self, role: Role, pointer: &str, value: Value) -> Self {
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        let parent = self.of(role).pointer_mut(parent).unwrap();
        parent.as_object_mut().unwrap().insert(field.to_owned(), value);
        self
    }

    /// Has other keys sign for `role`.
    pub fn signed_by(mut self, role: Role, signers: &[(String, u8)]) -> Self {
        self.signers.insert(role, signers.to_vec());
        self
    }

    /// The next release: other bundles, all versions one higher.
    pub fn next(mut self) -> Self {
        let release = self.version(Role::Targets) + 1;
        for (name, bytes) in &mut self.bundles {
            *bytes = bundle(name.as_str(), "test", release);
        }
        self.describe_bundles();
        for role in [Role::Targets, Role::Snapshot, Role::Timestamp] {
            let version = self.version(role) + 1;
            self = self.set(role, "/version", version.into());
        }
        for (signed, _) in self.delegated.values_mut() {
            signed["version"] = (signed["version"].as_u64().unwrap() + 1).into();
        }
        self
    }

    /// Has `from`, the top-level targets or a delegated role, delegate to the role `name`, which
    /// key `n` holds: `more` are the fields of the delegation that say what for, and whether
    /// somebody is asked after it.
    pub fn delegate(mut self, from: &str, name: &str, n: u8, more: &Value) -> Self {
        let mut delegation =
            json!({"name": name, "keyids": [id(n)], "threshold": 1, "terminating": false});
        delegation.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let signed = self.targets_of(from);
        if signed.get("delegations").is_none() {
            signed["delegations"] = json!({"keys": {}, "roles": []});
        }
        signed["delegations"]["keys"][id(n)] = public(n);
        signed["delegations"]["roles"].as_array_mut().unwrap().push(delegation);
        let plain = json!({
            "_type": "targets", "spec_version": "1.0.31", "version": 1, "expires": EXPIRES, "targets": {},
        });
        self.delegated.entry(name.to_owned()).or_insert((plain, by(&[n])));
        self
    }

    /// Has a team that holds key 5 speak of the bundle for `perth`.
    pub fn delegating(self) -> Self {
        let mut forge =
            self.delegate("targets", "team/west", 5, &json!({"paths": ["perth.tar.gz"]}));
        forge.speakers.insert("perth".parse().unwrap(), "team/west".to_owned());
        forge.describe_bundles();
        forge
    }

    /// What the top-level targets or a delegated role say.
    pub fn targets_of(&mut self, name: &str) -> &mut Value {
        if name == "targets" {
            return self.of(Role::Targets);
        }
        &mut self.delegated.get_mut(name).unwrap().0
    }

    /// Gives the delegated roles another version.
    pub fn delegated_version(mut self, version: u64) -> Self {
        for (signed, _) in self.delegated.values_mut() {
            signed["version"] = version.into();
        }
        self
    }

    /// Gives a role something to say of a target.
    pub fn target(mut self, role: &str, path: &str, content: &[u8]) -> Self {
        let file = json!({"length": content.len(), "hashes": {"sha256": Digest::of(content)}});
        self.targets_of(role)["targets"][path] = file;
        self
    }

    /// The version of `role`'s metadata.
    pub fn version(&self, role: Role) -> u64 {
        self.signed[&role]["version"].as_u64().unwrap()
    }

    /// Ends the present version of root metadata and begins the next, which is signed by the same
    /// keys unless a test says otherwise.
    pub fn next_root(mut self) -> Self {
        let version = self.version(Role::Root);
        self.roots.insert(format!("metadata/{version}.root.json"), self.sealed(Role::Root));
        self.set(Role::Root, "/version", (version + 1).into())
    }

    /// Says what the bundles are, each by whoever speaks of it.
    pub fn describe_bundles(&mut self) {
        self.of(Role::Targets)["targets"] = json!({});
        for (name, bytes) in self.bundles.clone() {
            let custom = json!({"gateway": name, "mesh": "test", "format": 1});
            let (length, hash) = (bytes.len(), Digest::of(&bytes));
            let file = json!({"length": length, "hashes": {"sha256": hash}, "custom": custom});
            let speaker = self.speakers.get(&name).map_or("targets", String::as_str).to_owned();
            self.targets_of(&speaker)["targets"][format!("{name}.tar.gz")] = file;
        }
    }

    /// The metadata file of one role, of what it says now.
    pub fn sealed(&self, role: Role) -> Vec<u8> {
        let bytes = seal(&self.signed[&role], &self.signers[&role]);
        match self.after.get(&role) {
            None => bytes,
            Some(bend) => {
                let changed = bend(serde_json::from_slice(&bytes).unwrap());
                serde_json::to_vec(&changed).unwrap()
            }
        }
    }

    /// The whole repository. What a test has set in `meta` stays; else every file is described as
    /// it is.
    pub fn files(mut self) -> Files {
        let mut files = std::mem::take(&mut self.roots);
        files.insert(
            format!("metadata/{}.root.json", self.version(Role::Root)),
            self.sealed(Role::Root),
        );
        for (name, (signed, signers)) in self.delegated.clone() {
            let (version, bytes) = (signed["version"].as_u64().unwrap(), seal(&signed, &signers));
            self.describe(Role::Snapshot, &format!("{name}.json"), version, &bytes);
            files.insert(delegated_path(&name, version), bytes);
        }
        let targets = self.sealed(Role::Targets);
        self.describe(Role::Snapshot, "targets.json", self.version(Role::Targets), &targets);
        files.insert(format!("metadata/{}.targets.json", self.version(Role::Targets)), targets);
        let snapshot = self.sealed(Role::Snapshot);
        self.describe(Role::Timestamp, "snapshot.json", self.version(Role::Snapshot), &snapshot);
        files.insert(format!("metadata/{}.snapshot.json", self.version(Role::Snapshot)), snapshot);
        files.insert("metadata/timestamp.json".to_owned(), self.sealed(Role::Timestamp));
        for (name, bytes) in &self.bundles {
            files.insert(format!("targets/{}.{name}.tar.gz", Digest::of(bytes)), bytes.clone());
        }
        files
    }

    fn describe(&mut self, role: Role, file: &str, version: u64, bytes: &[u8]) {
        let signed = self.of(role);
        if signed.get("meta").is_none() {
            signed["meta"] = json!({});
        }
        let meta = json!({
            "version": version, "length": bytes.len(), "hashes": {"sha256": Digest::of(bytes)},
        });
        let place = signed["meta"].as_object_mut().unwrap();
        place.entry(file).or_insert(meta);
    }
}

/// Where the metadata of a delegated role are, if its name has no other character than these.
pub fn delegated_path(name: &str, version: u64) -> String {
    format!("metadata/{version}.{}.json", name.replace('%', "%25").replace('/', "%2F"))
}

/// A repository that no clock of a real machine finds expired, in which a team speaks of the
/// bundle for `perth`.
pub fn lasting() -> Forge {
    let expires = json!("2999-01-01T00:00:00Z");
    let mut forge = Forge::new().delegating();
    for role in Role::ALL {
        forge = forge.set(role, "/expires", expires.clone());
    }
    forge.targets_of("team/west")["expires"] = expires;
    forge
}

/// A bundle that differs from release to release.
pub fn bundle(gateway: &str, mesh: &str, release: u64) -> Vec<u8> {
    let content = format!("release {release} of {gateway}\n").into_bytes();
    let entry = FileEntry { length: content.len() as u64, sha256: Digest::of(&content) };
    let path: tieline::primitives::ArtifactPath = "note.txt".parse().unwrap();
    let manifest = Manifest {
        format: Manifest::FORMAT,
        mesh: mesh.parse().unwrap(),
        gateway: gateway.parse().unwrap(),
        identity: Vec::new(),
        files: [(path.clone(), entry)].into(),
        units: Vec::new(),
    };
    let mut files = ArtifactSet::default();
    files.insert(path, content);
    pack(&manifest, &files).bytes
}

/// A gateway that was provisioned with the first root of `files`.
pub fn provisioned(files: &Files) -> Stored {
    Stored::provisioned(files["metadata/1.root.json"].clone())
}

/// The time `text`.
pub fn time(text: &str) -> time::OffsetDateTime {
    text.parse::<tieline::tuf::UtcTime>().unwrap().to_clock()
}

/// One update of a gateway: what it ends with, what it keeps, and what it asked for.
pub struct Updated {
    pub release: Result<VerifiedRelease, TrustError>,
    pub stored: Stored,
    pub asked: Vec<String>,
}

/// Lets a gateway that holds `stored` update from `files` at the time `now`.
pub fn update(stored: &Stored, files: &Files, now: &str) -> Updated {
    let mut asked = Vec::new();
    let mut update = match Update::start(stored.clone(), time(now)) {
        Ok(update) => update,
        Err(error) => return Updated { release: Err(error), stored: stored.clone(), asked },
    };
    for gateway in ["perth", "sydney"] {
        update.seek_bundle(&gateway.parse().unwrap()).unwrap();
    }
    while let Some(request) = update.next() {
        // As a careful reader does: one byte more than wanted, and no further.
        let limit = usize::try_from(request.limit).unwrap() + 1;
        let bytes = files.get(&request.path).map(|bytes| bytes[..bytes.len().min(limit)].to_vec());
        asked.push(request.path);
        if let Err(error) = update.supply(bytes) {
            assert_eq!(update.next(), None, "after an error nothing more is asked for");
            let stored = update.stored().clone();
            let again = update.finish();
            assert!(matches!(again, Err(TrustError::Unfinished)), "nor is there a release");
            return Updated { release: Err(error), stored, asked };
        }
    }
    let stored = update.stored().clone();
    Updated { release: update.finish(), stored, asked }
}

/// An update that must succeed: the release's number, and what is kept.
pub fn accepted(stored: &Stored, files: &Files) -> (u64, Stored) {
    let updated = update(stored, files, NOW);
    (updated.release.unwrap().number(), updated.stored)
}
