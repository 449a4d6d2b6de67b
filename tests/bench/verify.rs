//! How long a gateway takes to verify a release of many gateways, beside nothing but hashing the
//! same bytes: the ratio says more than the milliseconds of one machine.

#![allow(missing_docs, dead_code, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, clippy::panic)]
#![allow(clippy::indexing_slicing)]

#[path = "../support/mesh.rs"]
mod mesh;
#[path = "../support/releases.rs"]
mod releases;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use tieline::bundle::{FileEntry, Manifest, pack};
use tieline::primitives::{ArtifactPath, ArtifactSet, Digest, Name};
use tieline::tuf::{Stored, Update, VerifiedBundle};

use releases::Repository;

fn main() {
    println!(
        "{:>9} {:>10} {:>12} {:>12} {:>12} {:>7}",
        "gateways", "bytes", "first run", "later run", "SHA-256", "ratio"
    );
    for (gateways, runs) in [(10, 201), (100, 201), (1000, 101)] {
        measure(gateways, runs);
    }
    println!(
        "median; the first run verifies all metadata and one bundle, a later one that nothing is"
    );
    println!("new; SHA-256 is over the same bytes as the first run; ratio is first run / SHA-256");
}

fn measure(gateways: u32, runs: usize) {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path(), 1);
    let names = (1..=gateways).map(|n| name(&format!("gw-{n}")));
    let bundles: BTreeMap<_, _> = names.map(|name| (name.clone(), bundle(&name))).collect();
    repository.release_bytes(&bundles, 365);
    let gateway = name("gw-7");
    let provisioned = Stored::provisioned(repository.root());

    let (mut first, mut later, mut hashed) = (Vec::new(), Vec::new(), Vec::new());
    let mut bytes = 0;
    for _ in 0..runs {
        let (read, known, time) = verify(directory.path(), &provisioned, &gateway, true);
        first.push(time);
        later.push(verify(directory.path(), &known, &gateway, false).2);
        let start = Instant::now();
        for file in &read {
            std::hint::black_box(Digest::of(file));
        }
        hashed.push(start.elapsed());
        bytes = read.iter().map(Vec::len).sum();
    }
    let (first, later, hashed) = (median(first), median(later), median(hashed));
    let ratio = first.as_secs_f64() / hashed.as_secs_f64();
    println!(
        "{gateways:>9} {bytes:>10} {:>9.2} ms {:>9.2} ms {:>9.2} ms {ratio:>7.1}",
        first.as_secs_f64() * 1e3,
        later.as_secs_f64() * 1e3,
        hashed.as_secs_f64() * 1e3,
    );
}

/// One update from `stored`: the files it read, what is trusted afterwards, and how long it took, the
/// disk apart.
fn verify(
    directory: &Path,
    stored: &Stored,
    gateway: &Name,
    with_bundle: bool,
) -> (Vec<Vec<u8>>, Stored, Duration) {
    let mut files = Vec::new();
    let mut disk = Duration::ZERO;
    let mut read = |path: &str| {
        let start = Instant::now();
        let bytes = std::fs::read(directory.join(path)).ok();
        files.extend(bytes.clone());
        disk += start.elapsed();
        bytes
    };
    let start = Instant::now();
    let mut update = Update::start(stored.clone(), SystemTime::now().into()).unwrap();
    update.seek_bundle(gateway).unwrap();
    while let Some(request) = update.next() {
        update.supply(read(&request.path)).unwrap();
    }
    let trusted = update.stored().clone();
    let release = update.finish().unwrap();
    let target = release.target(gateway).unwrap();
    if with_bundle {
        let bundle: VerifiedBundle = target.accept(read(&target.request().path).unwrap()).unwrap();
        std::hint::black_box(bundle);
    }
    let time = start.elapsed() - disk;
    (files, trusted, time)
}

/// A bundle of some kilobytes that gzip cannot make smaller.
fn bundle(gateway: &Name) -> Vec<u8> {
    let path: ArtifactPath = "note".parse().unwrap();
    let seeds = (0..512_u32).map(|n| Digest::of(format!("{gateway} {n}").as_bytes()));
    let content = seeds.flat_map(|digest| digest.to_string().into_bytes()).collect::<Vec<_>>();
    let entry = FileEntry { length: content.len() as u64, sha256: Digest::of(&content) };
    let manifest = Manifest {
        format: Manifest::FORMAT,
        mesh: name("test"),
        gateway: gateway.clone(),
        identity: Vec::new(),
        files: [(path.clone(), entry)].into(),
        units: Vec::new(),
    };
    let mut files = ArtifactSet::default();
    files.insert(path, content);
    pack(&manifest, &files).bytes
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
