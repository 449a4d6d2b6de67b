//! bundles/five-lans is what this version builds and signs, bit for bit.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods)]

mod support;

use std::path::{Path, PathBuf};

use support::cli::{Desk, tree};
use support::forge::{provisioned, update};
use tieline::tuf::VerifiedRelease;

const DATES: &str = "--signed-at 2026-01-01T00:00:00Z --expires 2126-01-01T00:00:00Z";

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Builds and signs, as bundles/README.md says.
fn made() -> Desk {
    let desk = Desk::new();
    // In another place than examples/, under another clock: neither may matter.
    for file in ["mesh.yaml", "mesh.lock"] {
        desk.write(file, std::fs::read(here("examples/five-lans").join(file)).unwrap());
    }
    for key in ["root.pem", "release.pem", "release.pem.pub"] {
        desk.write(key, std::fs::read(here(&format!("bundles/keys/TEST-ONLY-{key}"))).unwrap());
    }
    desk.ok("build --source-commit none");
    desk.ok(&format!(
        "root init --yes --mesh acme --key root.pem --release-key release.pem.pub {DATES}"
    ));
    desk.ok(&format!("sign --yes --key release.pem {DATES}"));
    desk
}

#[test]
fn the_reference_release_is_rebuilt_bit_for_bit() {
    let made = tree(&made().path("repository"));
    let directory = here("bundles/five-lans");
    if std::env::var_os("TIELINE_UPDATE").is_some_and(|value| value == "1") {
        let _ = std::fs::remove_dir_all(&directory);
        for (path, content) in &made {
            let path = directory.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        return;
    }
    let stored = tree(&directory);
    let paths = |files: &support::forge::Files| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(paths(&made), paths(&stored), "TIELINE_UPDATE=1 cargo test writes it again");
    for (path, content) in &made {
        assert!(*content == stored[path], "{path}: TIELINE_UPDATE=1 cargo test writes it again");
    }
}

#[test]
fn a_gateway_accepts_the_reference_release() {
    let files = tree(&made().path("repository"));
    let release: VerifiedRelease =
        update(&provisioned(&files), &files, "2026-01-01T00:00:00Z").release.unwrap();
    assert_eq!((release.number(), release.mesh().unwrap().as_str()), (1, "acme"));
    let gateways = files.keys().filter_map(|path| {
        let bundle = path.strip_prefix("targets/")?.strip_suffix(".tar.gz")?;
        bundle.split_once('.').map(|(_, gateway)| gateway)
    });
    let mut seen = 0;
    for gateway in gateways {
        let target = release.target(&gateway.parse().unwrap()).unwrap();
        let bytes = files[&target.request().path].clone();
        let (manifest, _) = target.accept(bytes).unwrap().unpack().unwrap();
        assert_eq!(manifest.gateway.as_str(), gateway);
        seen += 1;
    }
    assert_eq!(seen, 5);
}

/// Nobody must take the test keys for real ones.
#[test]
fn test_keys_say_so() {
    for entry in here("bundles/keys").read_dir().unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "README.md" || name.starts_with("TEST-ONLY-"), "{name}");
    }
}
