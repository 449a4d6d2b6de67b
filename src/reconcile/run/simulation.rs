//! A gateway in memory with a repository of its own, for the tests of whole runs.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Gateway, Run, RunError, run};
use crate::bundle::{Build, BuiltBundle, FileEntry, Manifest, Route, Sysctl, Unit, pack};
use crate::host::fake::{Died, Fake, Fate};
use crate::host::{Files as _, Ipv6, Network as _};
use crate::identity::enroll;
use crate::lang::{nftables, openvpn};
use crate::primitives::{ArtifactPath, ArtifactSet, Device, Digest, Fingerprint, Name, UnitId};
use crate::reconcile::{Events, GatewayConfig, Machine, OnDrift, Outcome, Report};
use crate::tuf::repository::{Audit, ReleaseTerms, RepositoryError, RoleTerms, RootTerms};
use crate::tuf::repository::{NewFile, first_root, release};
use crate::tuf::{Draft, KeyPair, Role, Signer, UtcTime};

/// What a release says: the port of the tunnel to each peer, by the peer's number.
pub(super) type Tunnels<'a> = &'a [(u16, u16)];

pub(super) struct Simulation {
    pub(super) host: Fake,
    pub(super) config: GatewayConfig,
    /// The certificate of the gateway's key pair.
    pub(super) identity: Fingerprint,
    pub(super) drift: OnDrift,
    /// Whether releases have a relay behind the device of each tunnel.
    pub(super) relays: bool,
    key: KeyPair,
    repository: BTreeMap<String, Vec<u8>>,
}

pub(super) const STATE: &str = "/var/lib/tieline";
pub(super) const RUN: &str = "/run/tieline";

fn signed_at() -> UtcTime {
    "2029-12-20T00:00:00Z".parse().unwrap()
}

impl Simulation {
    /// A gateway that knows a root, and a remote that has no release yet.
    pub(super) fn new() -> Self {
        let text = "gateway: perth\nmesh: test\nremotes: [https://git.example.net/mesh]\n";
        let config = GatewayConfig::parse(text, "gateway.yaml".into()).unwrap();
        let key = KeyPair::from_seed(&[7; 32]);
        let role = || RoleTerms { keys: vec![key.public().clone()], threshold: NonZeroU64::MIN };
        let terms = RootTerms {
            mesh: name("test"),
            root: role(),
            targets: role(),
            snapshot: role(),
            timestamp: role(),
            signed_at: signed_at(),
            expires: signed_at().plus_days(365),
        };
        let files = first_root(&terms, &[&key]).unwrap();
        let host = Fake::default();
        host.put("/etc/tieline/root.json", &files[0].content);
        host.with(|world| {
            world.network.attached.insert("192.168.1.0/24".parse().unwrap());
            world.network.addresses.insert("192.168.1.1".parse().unwrap());
        });
        host.put("/dev/net/tun", b"");
        for (path, content) in key_pair() {
            host.put(path.as_str(), content);
        }
        let identity = Fingerprint::of_der(b"perth");
        let mut simulation = Self {
            host,
            config,
            identity,
            drift: OnDrift::Repair,
            relays: false,
            key,
            repository: BTreeMap::new(),
        };
        simulation.add(files);
        simulation
    }

    /// The same, with a relay behind each tunnel of every release.
    pub(super) fn with_relays() -> Self {
        Self { relays: true, ..Self::new() }
    }

    fn add(&mut self, files: Vec<NewFile>) {
        self.repository.extend(files.into_iter().map(|file| (file.path, file.content)));
    }

    /// Signs and publishes a release with these tunnels.
    pub(super) fn release(&mut self, tunnels: Tunnels) {
        self.release_for(tunnels, 90);
    }

    /// The same, valid for so many days, of which twelve have passed.
    pub(super) fn release_for(&mut self, tunnels: Tunnels, days: u32) {
        let bytes = bundle(tunnels, self.relays);
        let entry = BuiltBundle { length: bytes.len() as u64, sha256: Digest::of(&bytes) };
        let build = Build {
            format: Build::FORMAT,
            mesh: name("test"),
            source_commit: None,
            tieline: None,
            gateways: [(name("perth"), entry)].into(),
        };
        let root = self.repository["metadata/root.json"].clone();
        let audit: Result<Audit, RepositoryError> =
            Audit::new(root, |request| Ok(self.repository.get(&request.path).cloned()));
        let expires = signed_at().plus_days(days);
        let terms = ReleaseTerms {
            signed_at: signed_at(),
            targets_expire: expires,
            snapshot_expires: expires,
            timestamp_expires: expires,
        };
        let bundles = [(name("perth"), bytes)].into();
        let new = release(&audit.unwrap(), &build, &bundles, &terms, &[&self.key]).unwrap();
        self.add(new.files);
        let served = self.repository.clone();
        self.host.with(|world| world.served = served);
    }

    /// Signs and serves a new version of the root, which says the same.
    pub(super) fn rotate_root(&mut self) {
        let mut root: serde_json::Value =
            serde_json::from_slice(&self.repository["metadata/root.json"]).unwrap();
        let version = root["signed"]["version"].as_u64().unwrap() + 1;
        root["signed"]["version"] = version.into();
        root["signatures"] = serde_json::json!([]);
        let mut draft = Draft::read(root.to_string().as_bytes(), Role::Root).unwrap();
        draft.sign(&self.key.public().id(), &self.key).unwrap();
        let content = draft.to_bytes().unwrap();
        for name in [format!("{version}.root.json"), "root.json".to_owned()] {
            self.repository.insert(format!("metadata/{name}"), content.clone());
        }
        let served = self.repository.clone();
        self.host.with(|world| world.served = served);
    }

    /// Does something with the gateway, with this fate; `None` if it died.
    pub(super) fn act<T>(&self, fate: Fate, act: impl FnOnce(&Gateway) -> T) -> Option<T> {
        self.host.begin(fate);
        match catch_unwind(AssertUnwindSafe(|| self.again(act))) {
            Ok(ended) => Some(ended),
            Err(payload) if payload.is::<Died>() => None,
            Err(payload) => std::panic::resume_unwind(payload),
        }
    }

    /// Does something more with the gateway, as if what was done last went on.
    pub(super) fn again<T>(&self, act: impl FnOnce(&Gateway) -> T) -> T {
        let host = &self.host;
        let machine = Machine {
            files: host,
            clock: host,
            network: host,
            services: host,
            probes: host,
            remotes: host,
            mirrors: host,
        };
        let (config, identity, drift) = (&self.config, self.identity, self.drift);
        let events = &Events::default();
        let gateway =
            Gateway { machine, config, identity, owner: 7, attended: false, drift, events };
        act(&gateway)
    }

    /// One run with this fate; `None` if it died.
    pub(super) fn run(&self, fate: Fate) -> Option<(Result<Outcome, RunError>, Report)> {
        self.act(fate, |gateway| {
            let Run { ended, report } = run(gateway);
            (ended, report)
        })
    }

    /// One undisturbed run, which must succeed, and its summary.
    pub(super) fn converge(&self) -> String {
        let (ended, report) = self.run(Fate::Kind).unwrap();
        assert!(converged(&ended), "{ended:?}");
        assert_eq!(report.warnings, [""; 0]);
        report.summary()
    }

    pub(super) fn effects(&self) -> Vec<String> {
        self.host.with(|world| world.effects.clone())
    }

    /// Everything on the disk.
    pub(super) fn disk(&self) -> Vec<String> {
        self.host.disk(Utf8Path::new(STATE))
    }

    /// Whether everything that runs is what a release with these tunnels asks for.
    pub(super) fn runs(&self, tunnels: Tunnels) -> bool {
        self.host.with(|world| {
            let devices: Vec<_> = tunnels.iter().map(|(peer, _)| device(*peer)).collect();
            let mut units: Vec<_> = devices.iter().map(|of| UnitId::new("tunnel", of)).collect();
            if self.relays {
                units.extend(devices.iter().map(|of| UnitId::new("relay", of)));
            }
            units.sort();
            let read = |(peer, port): &(u16, u16)| {
                let has = |kind, text: Vec<u8>| {
                    world.read.get(&UnitId::new(kind, &device(*peer))) == Some(&text)
                };
                has("tunnel", conf(*peer, *port)) && (!self.relays || has("relay", relay(*port)))
            };
            world.processes.keys().eq(&units)
                && world.network.links.keys().copied().eq(devices.iter().copied())
                && world.network.ipv6.keys().eq(world.network.links.keys())
                && world.network.ipv6.values().all(|ipv6| *ipv6 == Ipv6::default())
                && world.network.routes.len() == devices.len()
                && world.network.table.is_some()
                && tunnels.iter().all(read)
        })
    }
}

/// Whether a run ended with all as it should be.
pub(super) fn converged(ended: &Result<Outcome, RunError>) -> bool {
    matches!(ended, Ok(Outcome::Converged))
}

impl Simulation {
    /// Whether nothing of ours is on the host, and the kernel settings are as they were.
    pub(super) fn is_bare(&self) -> bool {
        let setting = self.host.setting(Sysctl::Ip4Forward.name()).unwrap();
        self.host.with(|world| {
            let network = &world.network;
            let empty =
                network.links.is_empty() && network.routes.is_empty() && network.table.is_none();
            empty && world.processes.is_empty() && setting == "0"
        })
    }

    /// Lets so many seconds pass.
    pub(super) fn wait(&self, seconds: u64) {
        self.host.with(|world| world.passed += Duration::from_secs(seconds));
    }
}

/// The files of a key pair. They stand for the one whose fingerprint bundles have.
fn key_pair() -> impl Iterator<Item = &'static (Utf8PathBuf, Vec<u8>)> {
    static MADE: LazyLock<Vec<(Utf8PathBuf, Vec<u8>)>> = LazyLock::new(|| {
        let host = Fake::default();
        let made = enroll(&host, &host, "/etc/tieline/identity".into(), &name("perth")).unwrap();
        let read = |path: Utf8PathBuf| (path.clone(), host.read(&path, u64::MAX).unwrap());
        [made.key, made.certificate].map(read).to_vec()
    });
    MADE.iter()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn device(peer: u16) -> Device {
    format!("tl-{peer}").parse().unwrap()
}

fn conf(peer: u16, port: u16) -> Vec<u8> {
    let far = name(&format!("peer-{peer}"));
    let current = Fingerprint::of_der(&peer.to_be_bytes());
    let config = openvpn::Config {
        device: device(peer),
        local: "172.19.0.1".parse().unwrap(),
        remote: format!("172.19.0.{peer}").parse().unwrap(),
        mtu: 1420,
        transport: openvpn::Transport::Udp4,
        local_port: port,
        connect: None,
        role: openvpn::Role::Server,
        peer: openvpn::Certificates { current, next: None },
    };
    let title = openvpn::Title { mesh: &name("test"), gateway: &name("perth"), peer: &far };
    config.write(&title).into_bytes()
}

/// The configuration of a relay.
fn relay(port: u16) -> Vec<u8> {
    format!("port {port}\n").into_bytes()
}

fn bundle(tunnels: Tunnels, relays: bool) -> Vec<u8> {
    let mut files = ArtifactSet::default();
    let table = "nftables/tieline.nft".parse().unwrap();
    let ruleset = nftables::Ruleset { forward: vec![nftables::Rule::ClampSegments] };
    files.insert("nftables/tieline.nft".parse().unwrap(), ruleset.write());
    let mut units = vec![
        Unit::Sysctl { settings: [(Sysctl::Ip4Forward, "1".to_owned())].into() },
        Unit::Nftables { file: table },
    ];
    let mut routes = Vec::new();
    for (peer, port) in tunnels {
        let file: ArtifactPath = format!("openvpn/tl-{peer}.conf").parse().unwrap();
        files.insert(file.clone(), conf(*peer, *port));
        units.push(Unit::Tunnel {
            device: device(*peer),
            peer: name(&format!("peer-{peer}")),
            local: "172.19.0.1".parse().unwrap(),
            remote: format!("172.19.0.{peer}").parse().unwrap(),
            mtu: 1420,
            file,
        });
        routes.push(Route {
            to: format!("192.168.{peer}.0/24").parse().unwrap(),
            device: device(*peer),
            source: "192.168.1.1".parse().unwrap(),
        });
    }
    units.push(Unit::Routes { routes });
    for (peer, port) in tunnels.iter().filter(|_| relays) {
        let file: ArtifactPath = format!("relay/tl-{peer}.conf").parse().unwrap();
        files.insert(file.clone(), relay(*port));
        units.push(Unit::Relay { device: device(*peer), file });
    }
    let entry = |bytes: &[u8]| FileEntry { length: bytes.len() as u64, sha256: Digest::of(bytes) };
    let manifest = Manifest {
        format: Manifest::FORMAT,
        mesh: name("test"),
        gateway: name("perth"),
        identity: vec![Fingerprint::of_der(b"perth")],
        files: files.iter().map(|(path, bytes)| (path.clone(), entry(bytes))).collect(),
        units,
    };
    pack(&manifest, &files).bytes
}
