//! What a gateway refuses: with which exit code, in which words, and that nothing changes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use support::gateways::{Ended, Site, TOOLS};
use support::mesh;
use support::releases::Repository;
use support::sandbox;
use tieline::bundle::{Manifest, Unit, pack};
use tieline::compile::compile;
use tieline::primitives::{ArtifactSet, Name};

/// What a refused run must end with.
struct Refused {
    code: i32,
    says: &'static [&'static str],
}

/// Has gateway 1 of `site` run, and demands that it refuses and stays as it was.
fn demand(site: &Site, what: &str, refused: &Refused) {
    let gateway = site.gateway(1);
    let (state, running, up) = (gateway.state(), gateway.running(), connected(site));
    let ended = gateway.reconcile();
    assert_eq!(ended.code, refused.code, "{what}: {}", ended.stderr);
    for part in refused.says {
        assert!(ended.stderr.contains(part), "{what}: {part:?} in {}", ended.stderr);
    }
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("error: gw-1: "), "{what}: {lines:#?}");
    assert!(lines[1].starts_with("help: "), "{what}: {lines:#?}");
    assert_eq!(ended.stdout, "", "{what}");
    assert_eq!(gateway.state(), state, "{what}: the disk changed");
    assert_eq!(gateway.running(), running, "{what}: what runs changed");
    assert_eq!(connected(site), up, "{what}: the tunnel");
}

/// The same, and that not even the trusted metadata changed: nothing of it was verified.
fn demand_nothing_trusted(site: &Site, what: &str, refused: &Refused) {
    let trusted = site.gateway(1).trusted();
    demand(site, what, refused);
    assert_eq!(site.gateway(1).trusted(), trusted, "{what}: the trusted metadata changed");
}

/// Whether a packet of LAN 1 gets through the tunnel to LAN 2 and back, now.
fn connected(site: &Site) -> bool {
    let gateway = site.gateway(1);
    !gateway.processes().is_empty()
        && gateway.reaches("10.0.1.1", "10.0.2.1", Duration::from_millis(1))
}

/// Both gateways of `site` with the release that is published, and the tunnel between them up.
fn bring_up(site: &Site) {
    site.gateway(1).converge();
    site.gateway(2).converge();
    let up = site.gateway(1).reaches("10.0.1.1", "10.0.2.1", Duration::from_secs(30));
    assert!(up, "the tunnel does not come up");
}

fn bundles_of(tree: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(tree.join("targets")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn what_is_not_as_signed_is_refused() {
    sandbox::enter("what_is_not_as_signed_is_refused", TOOLS, || {
        let mut site = Site::new(2);
        site.release();
        let old = fs::read(site.repository.directory.join("metadata/timestamp.json")).unwrap();
        bring_up(&site);
        mesh::add(&mut site.mesh, 3);
        site.repository.release(&mesh::numbered(&site.mesh), 30);

        // The bundle, with one bit flipped.
        site.git.publish_with(&site.repository, "gw-1", |tree| {
            for path in bundles_of(tree) {
                let mut bytes = fs::read(&path).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs::write(path, bytes).unwrap();
            }
        });
        let says = &["is not trusted", "not the bundle that release 2 signs"];
        demand(&site, "a flipped bit in the bundle", &Refused { code: 23, says });

        // Another gateway's bundle in place of its own.
        let other = fs::read_dir(site.repository.directory.join("targets")).unwrap();
        let newest = compile(&mesh::numbered(&site.mesh))[&mesh::name("gw-2")].digest.to_string();
        let other = other.map(|entry| entry.unwrap().path());
        let other =
            other.into_iter().find(|path| path.to_str().unwrap().contains(&newest)).unwrap();
        site.git.publish_with(&site.repository, "gw-1", |tree| {
            for path in bundles_of(tree) {
                fs::copy(&other, path).unwrap();
            }
        });
        let says = &["the bundle for gateway gw-1 is that of gateway gw-2"];
        demand(&site, "another gateway's bundle", &Refused { code: 22, says });

        // A bit flipped in what is signed.
        site.git.publish_with(&site.repository, "gw-1", |tree| {
            let path = tree.join("metadata/timestamp.json");
            let text =
                fs::read_to_string(&path).unwrap().replacen("\"version\": 2", "\"version\": 3", 1);
            let text = text.replacen("\"version\":2", "\"version\":3", 1);
            fs::write(path, text).unwrap();
        });
        let says = &["is not trusted", "timestamp.json"];
        demand_nothing_trusted(&site, "changed metadata", &Refused { code: 20, says });

        // Something else altogether, in words that would command a terminal and forge a line.
        site.git.publish_with(&site.repository, "gw-1", |tree| {
            let kind = "\u{1b}]0;owned\u{7}\nerror: gw-1: forged";
            let other = serde_json::json!({ "signatures": [], "signed": { "_type": kind } });
            fs::write(tree.join("metadata/timestamp.json"), other.to_string()).unwrap();
        });
        let says = &["is \\u{1b}]0;owned\\u{7} error: gw-1: forged"];
        demand_nothing_trusted(&site, "escape sequences", &Refused { code: 20, says });
        let shown = Ended::from(site.gateway(1).status_command().output().unwrap());
        assert!(shown.stdout.contains("\\u{1b}]0;owned"), "{shown:?}");
        assert!(!shown.stdout.contains('\u{1b}'), "{shown:?}");

        // A release signed with other keys.
        let stranger = Repository::new(&site.gateway(2).directory.join("stranger"), 100);
        stranger.release(&mesh::numbered(&site.mesh), 30);
        site.git.publish(&stranger, "gw-1");
        demand_nothing_trusted(
            &site,
            "other keys",
            &Refused { code: 20, says: &["is not signed as 1.root.json demands"] },
        );

        // The true release is taken, and after that nothing older.
        site.publish();
        site.gateway(1).converge();
        site.git.publish_with(&site.repository, "gw-1", |tree| {
            fs::write(tree.join("metadata/timestamp.json"), &old).unwrap();
        });
        assert!(connected(&site));
        demand_nothing_trusted(
            &site,
            "an older release",
            &Refused { code: 21, says: &["goes back"] },
        );
    });
}

#[test]
fn what_is_signed_but_expired_is_refused_and_tunnels_stay() {
    sandbox::enter("what_is_signed_but_expired_is_refused_and_tunnels_stay", TOOLS, || {
        let mut site = Site::new(2);
        site.release();
        bring_up(&site);
        mesh::add(&mut site.mesh, 3);
        site.repository.release(&mesh::numbered(&site.mesh), 5);
        site.publish();
        demand(
            &site,
            "expired metadata",
            &Refused { code: 11, says: &["expired at", "`tieline sign --refresh`"] },
        );
    });
}

#[test]
fn no_root_and_no_remote_are_no_reason_to_trust() {
    sandbox::enter("no_root_and_no_remote_are_no_reason_to_trust", TOOLS, || {
        let site = Site::new(1);
        let gateway = site.gateway(1);
        demand(
            &site,
            "nothing published",
            &Refused { code: 22, says: &["nothing for a gateway gw-1"] },
        );
        site.release();
        fs::remove_file(gateway.directory.join("root.json")).unwrap();
        demand(&site, "no root", &Refused { code: 78, says: &["no trusted root", "root.json"] });
        fs::create_dir(gateway.directory.join("root.json")).unwrap();
        demand(
            &site,
            "a directory",
            &Refused { code: 78, says: &["no trusted root", "root.json"] },
        );
        fs::remove_dir(gateway.directory.join("root.json")).unwrap();
        fs::write(gateway.directory.join("root.json"), "{}").unwrap();
        demand(&site, "a root that is none", &Refused { code: 78, says: &["is no root to trust"] });
        // Anybody's root is a root, but not the one that signed.
        let stranger = Repository::new(&gateway.directory.join("stranger"), 100);
        fs::write(gateway.directory.join("root.json"), stranger.root()).unwrap();
        demand(&site, "another mesh's root", &Refused { code: 20, says: &["is not signed as"] });
    });
}

/// A signed bundle for gateway 1 after `change` did what it likes to it.
fn signed(site: &Site, change: impl Fn(&mut Manifest, &mut BTreeMap<String, String>)) {
    let name = mesh::name("gw-1");
    let mut bundles: BTreeMap<Name, Vec<u8>> = compile(&mesh::numbered(&site.mesh))
        .into_iter()
        .map(|(name, bundle)| (name, bundle.bytes))
        .collect();
    let (mut manifest, files) = tieline::bundle::unpack(&bundles[&name]).unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut texts: BTreeMap<_, _> =
        files.iter().map(|(path, content)| (path.to_string(), text(content))).collect();
    change(&mut manifest, &mut texts);
    let mut files = ArtifactSet::default();
    for (path, content) in &texts {
        let path: tieline::primitives::ArtifactPath = path.parse().unwrap();
        let entry = manifest.files.get_mut(&path).unwrap();
        entry.length = content.len() as u64;
        entry.sha256 = tieline::primitives::Digest::of(content.as_bytes());
        files.insert(path, content.as_bytes());
    }
    bundles.insert(name, pack(&manifest, &files).bytes);
    site.repository.release_bytes(&bundles, 30);
    site.publish();
}

#[test]
fn what_is_signed_but_not_allowed_here_is_refused() {
    sandbox::enter("what_is_signed_but_not_allowed_here_is_refused", TOOLS, || {
        let site = Site::new(2);
        site.release();
        bring_up(&site);
        let conf = |files: &mut BTreeMap<String, String>, line: &str| {
            let conf = files.get_mut("openvpn/tl-2.conf").unwrap();
            conf.push_str(line);
        };
        let route = |manifest: &mut Manifest, to: &str| {
            for unit in &mut manifest.units {
                if let Unit::Routes { routes } = unit {
                    routes[0].to = to.parse().unwrap();
                }
            }
        };
        let refused = |says| Refused { code: 24, says };

        signed(&site, |_, files| conf(files, "up /bin/sh\n"));
        demand(&site, "a program", &refused(&["openvpn/tl-2.conf, line ", "up /bin/sh"]));

        for (line, weaker) in [
            ("tls-version-min 1.3\n", "tls-version-min 1.2\n"),
            ("data-ciphers AES-256-GCM:CHACHA20-POLY1305\n", ""),
        ] {
            signed(&site, |_, files| {
                let conf = files.get_mut("openvpn/tl-2.conf").unwrap();
                *conf = conf.replace(line, weaker);
            });
            let says = &["openvpn/tl-2.conf, line ", "upgrade this gateway first"];
            demand(&site, "weaker encryption", &refused(says));
        }

        signed(&site, |_, files| {
            files.get_mut("nftables/tieline.nft").unwrap().push_str("flush ruleset\n");
        });
        demand(
            &site,
            "a foreign table",
            &refused(&["nftables/tieline.nft, line ", "flush ruleset"]),
        );

        signed(&site, |manifest, _| route(manifest, "10.0.1.128/25"));
        demand(&site, "its own LAN", &refused(&["10.0.1.0/24", "is attached to"]));

        signed(&site, |manifest, _| route(manifest, "8.8.8.0/24"));
        demand(&site, "the internet", &refused(&["8.8.8.0/24", "policy.allowed_networks"]));

        signed(&site, |manifest, _| route(manifest, "fd20::/64"));
        let says = &["fd20::/64", "10.0.1.1", "the other family of IP"];
        demand(&site, "IPv6 with an IPv4 source", &refused(says));

        let inside = |site: &Site, line: &str| {
            assert!(
                site.gateway(1).command("ip").args(line.split(' ')).status().unwrap().success()
            );
        };
        inside(&site, "address add fd10::1/64 dev lan nodad");
        signed(&site, |manifest, _| {
            route(manifest, "fd20::/64");
            for unit in &mut manifest.units {
                if let Unit::Routes { routes } = unit {
                    routes[0].source = "fd10::1".parse().unwrap();
                }
            }
        });
        let says = &["fd20::/64", "tl-2, which carries no IPv6"];
        demand(&site, "IPv6 through a tunnel without", &refused(says));
        inside(&site, "address delete fd10::1/64 dev lan");

        signed(&site, |manifest, _| {
            manifest.identity = vec![tieline::primitives::Fingerprint::of_der(b"another")];
        });
        let says = &["another certificate of gw-1", "mesh.yaml does not list it"];
        demand(&site, "another certificate", &Refused { code: 22, says });

        // A release that behaves is welcome as ever.
        site.release();
        let said = site.gateway(1).converge();
        assert!(said.starts_with("gw-1: well again; runs had failed since "), "{said}");
        assert_eq!(site.gateway(1).converge(), "");
    });
}

#[test]
fn a_bad_remote_is_passed_by() {
    sandbox::enter("a_bad_remote_is_passed_by", TOOLS, || {
        let site = Site::new(2);
        site.release();
        let gateway = site.gateway(1);
        let away = "file:///nowhere/mesh.git".to_owned();
        gateway.configure(&[away.clone(), site.git.url()], "");
        gateway.converge();
        assert_eq!(gateway.converge(), "", "a remote that is down is no news");

        let bad = support::releases::Git::new(&gateway.directory.join("bad.git"));
        bad.publish_with(&site.repository, "gw-1", |tree| {
            fs::write(tree.join("metadata/timestamp.json"), "{}").unwrap();
        });
        gateway.configure(&[bad.url(), site.git.url()], "");
        let said = gateway.converge();
        let start = format!("warning: gw-1: {} is not trusted: ", bad.url());
        assert!(said.starts_with(&start) && said.lines().count() == 1, "{said}");
        assert_eq!(gateway.converge(), "", "said once");
    });
}

/// The branch of gateway 1 in a repository, to be moved by whoever owns the server.
fn branch(git: &Path, arguments: &[&str]) -> String {
    let mut command = std::process::Command::new("git");
    let said = support::releases::run(command.arg("--git-dir").arg(git).args(arguments));
    said.trim().to_owned()
}

#[test]
fn whatever_happens_on_the_way_to_the_remotes_tunnels_stay() {
    sandbox::enter("whatever_happens_on_the_way_to_the_remotes_tunnels_stay", TOOLS, || {
        let mut site = Site::new(2);
        site.release();
        bring_up(&site);
        let gateway = site.gateway(1);
        let reference = "refs/heads/gateway/gw-1";
        let old = branch(&site.git.directory, &["rev-parse", reference]);
        let stale = gateway.directory.join("stale.git");
        let mut copy = std::process::Command::new("cp");
        support::releases::run(copy.arg("-a").arg(&site.git.directory).arg(&stale));
        let (git, stale) = (site.git.url(), format!("file://{}", stale.display()));
        let nobody = "git://127.0.0.1:9/mesh.git";

        for (what, url) in [
            ("no route", "git://198.51.100.1/mesh.git"),
            ("no name service", "git://no-such-host.invalid/mesh.git"),
            ("connection refused", nobody),
            ("no repository", "file:///nowhere/mesh.git"),
        ] {
            gateway.configure(&[url.to_owned()], "");
            demand(&site, what, &Refused { code: 10, says: &["no remote answered: "] });
        }

        // The newest release is known; from now on nothing older is believed.
        gateway.configure(std::slice::from_ref(&git), "");
        mesh::add(&mut site.mesh, 3);
        site.release();
        let gateway = site.gateway(1);
        gateway.converge();
        let new = branch(&site.git.directory, &["rev-parse", reference]);

        branch(&site.git.directory, &["update-ref", "-d", reference]);
        let says = &["gateway/gw-1 is not on the remote"];
        demand(&site, "a vanished branch", &Refused { code: 22, says });
        branch(&site.git.directory, &["update-ref", reference, &old]);
        let goes_back = Refused { code: 21, says: &["goes back"] };
        demand_nothing_trusted(&site, "forced back to an older commit", &goes_back);
        let gateway = site.gateway(1);
        gateway.configure(&[nobody.to_owned(), stale], "");
        demand_nothing_trusted(&site, "the first one down, the second one stale", &goes_back);

        // It heals by itself, whatever was left behind.
        branch(&site.git.directory, &["update-ref", reference, &new]);
        let gateway = site.gateway(1);
        gateway.configure(&[git], "");
        gateway.converge();
        assert!(connected(&site));
    });
}

#[test]
fn a_damaged_cache_is_thrown_away() {
    sandbox::enter("a_damaged_cache_is_thrown_away", TOOLS, || {
        let site = Site::new(1);
        site.release();
        let gateway = site.gateway(1);
        gateway.converge();
        let cache = gateway.directory.join("state/git");
        for part in ["", "home", "home/.gitconfig", "files", "staged", "scratch.git", "lock"] {
            let path = if part.is_empty() { cache.clone() } else { cache.join(part) };
            let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
            if part == "lock" || part.ends_with("config") {
                fs::create_dir_all(path.join("in/the/way")).unwrap();
            } else {
                fs::write(&path, "in the way").unwrap();
            }
            assert_eq!(gateway.converge(), "", "{part:?} is damaged");
            // Both the run that met it, and one that has nothing left to do.
            assert_eq!(gateway.converge(), "", "{part:?} was damaged");
        }
    });
}
