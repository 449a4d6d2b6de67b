//! What is done with foreign bytes, one function for each parser, and what must be true of it besides
//! that nothing panics, hangs or takes much memory. Each is a target of `make fuzz`, and is run on its
//! seeds in `tests/fuzz_seeds.rs`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use tieline::bundle::{Limits, Manifest, pack, unpack, unpack_within};
use tieline::compile::compile;
use tieline::host::git::{RemoteUrl, RemoteUrlError};
use tieline::host::http::{MirrorUrl, MirrorUrlError, redirect_target};
use tieline::lang::{nftables, openvpn};
use tieline::model::{Lock, number, resolve};
use tieline::primitives::{Name, SshKey};
use tieline::reconcile::units::Applied;
use tieline::reconcile::{Backoff, GatewayConfig, Hold, Journal, Label, LastRun};
use tieline::spec::{SourceFile, parse};
use tieline::tuf::{Draft, KeyPair, PublicKey, Role, Signer as _, Stored, Update, UtcTime};

/// The files of a repository that verifies, and the gateway whose bundle is sought.
struct Repository {
    files: BTreeMap<String, Vec<u8>>,
    gateway: Name,
}

fn repository() -> &'static Repository {
    static REPOSITORY: OnceLock<Repository> = OnceLock::new();
    REPOSITORY.get_or_init(|| {
        // The program's directory, or that of the fuzz targets in it.
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        let mut places = place.map(|place| place.join("bundles/five-lans"));
        let place = places.find(|place| place.is_dir()).unwrap();
        let mut files = BTreeMap::new();
        for directory in ["metadata", "targets"] {
            for entry in std::fs::read_dir(place.join(directory)).unwrap() {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                files.insert(format!("{directory}/{name}"), std::fs::read(entry.path()).unwrap());
            }
        }
        Repository { files, gateway: "perth".parse().unwrap() }
    })
}

/// An update in which some files are the fuzzer's. The first byte says which; whatever they are,
/// the outcome is that of the honest repository, or an error.
pub fn metadata(data: &[u8]) {
    let Some((&choice, bytes)) = data.split_first() else { return };
    for role in Role::ALL {
        let _ = Draft::read(bytes, role);
    }
    let honest = repository();
    let mut files = honest.files.clone();
    let replaced =
        ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json", "root.json"];
    let replaced = replaced[usize::from(choice & 0x7f) % replaced.len()];
    let mut root = files["metadata/1.root.json"].clone();
    if replaced == "root.json" {
        // Such as what a disk made of it. Whoever can write there needs no fuzzer.
        root = bytes.to_vec();
    } else {
        files.insert(format!("metadata/{replaced}"), bytes.to_vec());
    }
    let stored = if choice & 0x80 == 0 {
        Stored::provisioned(root)
    } else {
        // What is stored is the fuzzer's as well.
        let disk = [(replaced.trim_start_matches(['1', '2', '.']).to_owned(), bytes.to_vec())];
        Stored::of_files(disk.into(), root)
    };
    let now: UtcTime = "2026-06-01T00:00:00Z".parse().unwrap();
    let Ok(mut update) = Update::start(stored, now.to_clock()) else { return };
    if update.seek_bundle(&honest.gateway).is_err() {
        return;
    }
    let mut asked = 0;
    while let Some(request) = update.next() {
        asked += 1;
        assert!(asked < 1000, "it asks without end");
        if update.supply(files.get(&request.path).cloned()).is_err() {
            let _ = update.stored();
            return;
        }
    }
    let Ok(release) = update.finish() else { return };
    if let Ok(target) = release.target(&honest.gateway) {
        assert_eq!(release.number(), 1);
        let digest = target.digest().to_string();
        assert!(honest.files.contains_key(&format!("targets/{digest}.perth.tar.gz")));
    }
}

/// Keys as people hand them over, in PEM and as ssh writes them.
pub fn key(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(key) = PublicKey::from_pem(text)
        && let Some(pem) = key.to_pem()
    {
        assert_eq!(PublicKey::from_pem(&pem).as_ref(), Ok(&key));
        assert!(!key.verifies(b"", text));
    }
    if let Ok(key) = text.parse::<SshKey>() {
        let _ = PublicKey::from_ssh(&key);
    }
    if let Ok(pair) = KeyPair::from_pem(text) {
        let again = KeyPair::from_pem(&pair.to_pem().unwrap()).unwrap();
        assert_eq!(pair.public(), again.public());
    }
    // How a root lists it.
    if let Ok(key) = serde_json::from_slice::<PublicKey>(data) {
        let _ = (key.id(), key.kind(), key.verifies(b"message", "00"));
    }
}

/// What is accepted can be written again, and is then the same.
pub fn bundle(data: &[u8]) {
    // The archive packed, and as it is inside: so the fuzzer need not guess checksums of gzip.
    for bytes in [data, &gzip(data)] {
        if let Ok((manifest, files)) = unpack_within(bytes, &Limits::GATEWAY) {
            let again = unpack(&pack(&manifest, &files).bytes);
            assert!(again.is_ok_and(|again| again == (manifest, files)));
        }
    }
}

/// A gzip stream of stored blocks (RFC 1951, section 3.2.4; RFC 1952).
fn gzip(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let mut chunks = data.chunks(0xffff).peekable();
    while let Some(chunk) = chunks.next() {
        let length = u16::try_from(chunk.len()).unwrap();
        out.push(u8::from(chunks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(chunk);
    }
    let mut crc = !0_u32;
    for byte in data {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    out.extend((!crc).to_le_bytes());
    out.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    out
}

/// bundle.json: what is read is what was written.
pub fn manifest(data: &[u8]) {
    let Ok(manifest) = serde_json::from_slice::<Manifest>(data) else { return };
    let again: Manifest = serde_json::from_slice(&manifest.to_json()).unwrap();
    assert_eq!(again, manifest);
    for unit in &manifest.units {
        let _ = (unit.name(), unit.file());
    }
}

/// mesh.yaml, as far as a small mesh goes through the compiler.
pub fn mesh(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    // What stands between form feeds, which no YAML has, are the files it includes.
    let mut texts = text.split('\u{c}');
    let mesh = texts.next().unwrap_or_default();
    let included = texts.take(16).zip(0..).map(|(text, n)| (SourceFile::Included(n), text));
    let resolved = match resolve(parse(mesh).with(included)) {
        Ok(resolved) => resolved,
        Err(findings) => {
            assert!(!findings.is_empty(), "refused without a reason");
            return;
        }
    };
    let Ok(update) = Lock::default().update(&resolved.mesh) else { return };
    let Ok(numbered) = number(&resolved.mesh, &update.lock) else { return };
    if resolved.mesh.gateways().count() <= 8 {
        for (gateway, bundle) in compile(&numbered) {
            let (manifest, _) = unpack(&bundle.bytes).expect("a bundle of ours is one");
            assert_eq!(manifest.gateway, gateway);
        }
    }
}

/// mesh.lock: what is read is what would be written.
pub fn lock(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(lock) = Lock::parse(text) {
        let written = lock.to_string();
        let again = Lock::parse(&written).unwrap();
        assert_eq!(again.to_string(), written);
        assert_eq!((again.numbers(), again.removed()), (lock.numbers(), lock.removed()));
    }
}

/// gateway.yaml.
pub fn gateway(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    match GatewayConfig::parse(text, "gateway.yaml".into()) {
        Ok(config) => assert!(!config.remotes.is_empty()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// What daemons are told: what is read says line by line what would be written, but for comments.
pub fn lang(data: &[u8]) {
    let says = |text: &[u8]| {
        let text = str::from_utf8(text).unwrap().to_owned();
        let says = |line: &&str| !matches!(line.trim_start().bytes().next(), None | Some(b'#'));
        text.lines().filter(says).map(str::to_owned).collect::<Vec<_>>()
    };
    if let Ok(config) = openvpn::read(data) {
        let name = "a".parse().unwrap();
        let title = openvpn::Title { mesh: &name, gateway: &name, peer: &name };
        let again = config.write(&title);
        assert_eq!(openvpn::read(again.as_bytes()), Ok(config));
        assert_eq!(says(again.as_bytes()), says(data));
    }
    if let Ok(ruleset) = nftables::read(data) {
        let again = ruleset.write();
        assert_eq!(nftables::read(again.as_bytes()), Ok(ruleset));
        assert_eq!(says(again.as_bytes()), says(data));
    }
}

/// What a gateway keeps on its disk: a journal, labels, notes.
pub fn state(data: &[u8]) {
    if let Ok(Some(journal)) = Journal::read(data) {
        let written = serde_json::to_vec(&journal).unwrap();
        assert_eq!(Journal::read(&written).unwrap(), Some(journal));
    }
    let _ = serde_json::from_slice::<Label>(data);
    if let Some(applied) = Applied::read(data) {
        let written = serde_json::to_vec(&applied).unwrap();
        assert_eq!(Applied::read(&written), Some(applied));
    }
    let _ = serde_json::from_slice::<LastRun>(data);
    let _ = serde_json::from_slice::<Hold>(data);
    let _ = serde_json::from_slice::<Backoff>(data);
}

/// The addresses of remotes, and where a mirror leads. The first line is an address, the second
/// what a server says of it.
pub fn url(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let (text, location) = text.split_once('\n').unwrap_or((text, ""));
    let remote: Result<RemoteUrl, RemoteUrlError> = text.parse();
    if let Ok(url) = remote {
        assert_eq!(url.to_string().parse(), Ok(url.clone()));
        assert!(!url.as_str().chars().any(|c| c.is_control() || c.is_whitespace()));
        assert!(!url.host().starts_with('-') && !url.user().is_some_and(|user| user.contains(':')));
        let _ = url.origin();
    }
    let mirror: Result<MirrorUrl, MirrorUrlError> = text.parse();
    if let Ok(url) = mirror {
        assert_eq!(url.as_str().parse(), Ok(url.clone()));
        assert!(!url.origin().contains('@'));
        if let Some(to) = redirect_target(url.as_str(), location) {
            let place = |url: &MirrorUrl| {
                let port = if url.is_https() { ":443" } else { ":80" };
                url.origin().to_ascii_lowercase().trim_end_matches(port).to_owned()
            };
            // Without the query, which the address of a mirror cannot have.
            let to = to.split(['?', '#']).next().unwrap_or_default();
            if let Ok(to) = to.parse::<MirrorUrl>() {
                assert_eq!(place(&to), place(&url), "it leads to another server");
            }
        }
    }
}
