//! How long a mesh takes from mesh.yaml to bundles, beside `tar czf` of the same files in the
//! same run: the ratio says more than the seconds of one machine.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tieline::bundle::{Bundle, Manifest, unpack};
use tieline::compile::compile;
use tieline::model::{Lock, number, resolve};
use tieline::primitives::{Fingerprint, Name};
use tieline::spec::parse;

fn main() {
    println!(
        "{:>14} {:>9} {:>9} {:>10} {:>11} {:>6}",
        "gateways", "tunnels", "check", "build", "tar czf", "ratio"
    );
    for (gateways, runs) in [(5, 21), (50, 11), (300, 3)] {
        measure(gateways, runs);
    }
    println!(
        "median; check is mesh.yaml to a numbered mesh, build is all from mesh.yaml to bundles;"
    );
    println!("tar czf is one run per gateway over the same files; ratio is build / tar czf");
}

fn measure(gateways: u16, runs: usize) {
    let source = mesh_yaml(gateways);
    let lock = lock_of(&source);
    let mut checks = Vec::new();
    let mut builds = Vec::new();
    let mut bundles = BTreeMap::new();
    for _ in 0..runs {
        let start = Instant::now();
        let resolved = resolve(parse(&source)).unwrap();
        let lock = Lock::parse(&lock).unwrap();
        let numbered = number(&resolved.mesh, &lock).unwrap();
        checks.push(start.elapsed());
        bundles = compile(&numbered);
        builds.push(start.elapsed());
    }
    let directory = tempfile::tempdir().unwrap();
    lay_out(directory.path(), &bundles);
    let tars: Vec<_> = (0..runs.min(5)).map(|_| tar(directory.path(), &bundles)).collect();
    let (check, build, tar) = (median(checks), median(builds), median(tars));
    let tunnels = usize::from(gateways) * usize::from(gateways - 1) / 2;
    let ratio = build.as_secs_f64() / tar.as_secs_f64();
    println!(
        "{gateways:>14} {tunnels:>9} {:>6.1} ms {:>7.1} ms {:>8.1} ms {ratio:>6.2}",
        check.as_secs_f64() * 1e3,
        build.as_secs_f64() * 1e3,
        tar.as_secs_f64() * 1e3,
    );
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// A full mesh of LANs with a gateway each.
fn mesh_yaml(gateways: u16) -> String {
    let mut text =
        "mesh: bench\ntunnels: { network: 172.19.0.0/16, ports: 11000-11999 }\nlans:\n".to_owned();
    for n in 1..=gateways {
        let [high, low] = n.to_be_bytes();
        let certificate = Fingerprint::of_der(&n.to_be_bytes());
        writeln!(
            text,
            "  lan-{n}:\n    networks: [10.{high}.{low}.0/24]\n    gateways:\n      gw-{n}:\n        \
             endpoint: gw-{n}.example.net\n        address: 10.{high}.{low}.1\n        \
             certificates: [\"{certificate}\"]"
        )
        .unwrap();
    }
    text
}

fn lock_of(source: &str) -> String {
    let resolved = resolve(parse(source)).unwrap();
    Lock::default().update(&resolved.mesh).unwrap().lock.to_string()
}

/// Writes the files of every bundle into a directory of its own.
fn lay_out(directory: &Path, bundles: &BTreeMap<Name, Bundle>) {
    for (gateway, bundle) in bundles {
        let (manifest, files) = unpack(&bundle.bytes).unwrap();
        let directory = directory.join(gateway.as_str());
        std::fs::create_dir(&directory).unwrap();
        std::fs::write(directory.join(Manifest::PATH), manifest.to_json()).unwrap();
        for (path, content) in files.iter() {
            let path = directory.join(path.as_str());
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
    }
}

/// How long GNU tar and gzip take for all of them.
fn tar(directory: &Path, bundles: &BTreeMap<Name, Bundle>) -> Duration {
    let start = Instant::now();
    for gateway in bundles.keys() {
        let status = Command::new("tar")
            .args(["-C", directory.join(gateway.as_str()).to_str().unwrap(), "-czf"])
            .arg(directory.join(format!("{gateway}.tar.gz")))
            .arg(".")
            .stdin(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "tar failed");
    }
    start.elapsed()
}
