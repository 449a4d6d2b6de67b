//! The worst day, and the way out of it: the release key is stolen, the thief publishes with numbers
//! that leave none for anybody else, two of three root holders replace the key, and every gateway is
//! back at its next run without anyone touching it. With the real program, OpenVPN and git server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod support;

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use support::cli::Desk;
use support::gateways::TOOLS;
use support::office::{Office, build, move_ports};
use support::releases::run;
use support::{forge, sandbox};
use tieline::primitives::Digest;
use tieline::tuf::{KeyPair, Signer as _};

/// The highest number there is: no release can follow it.
const HIGHEST: u64 = 9_007_199_254_740_991;

/// Where the honest ports are, and where the thief moves them.
const HONEST: u16 = 11000;
const STOLEN: u16 = 13000;

/// Root is held by two of Anna, Bob and Carol; CI holds the rest. Releases 1 and 2 are out.
fn begun() -> (Office, String) {
    let desk = Desk::new();
    for key in ["anna", "bob", "carol", "ci", "ci2"] {
        desk.ok(&format!("key generate {key}.pem"));
    }
    desk.ok("root init --yes --mesh test --key anna.pem --key bob.pem --root-key carol.pem.pub \
         --root-threshold 2 --release-key ci=ci.pem.pub");
    let office = Office::new(desk, 2);
    let url = office.serve();
    for _ in 0..2 {
        office.build();
        office.desk.ok("sign --yes --key ci.pem");
        office.desk.ok(&format!("publish {url}"));
    }
    for n in [1, 2] {
        office.site.gateway(n).converge();
    }
    assert_eq!(releases(&office), [2, 2]);
    assert_eq!(office.all_ports(), [HONEST, HONEST]);
    (office, url)
}

/// The release that each gateway trusts.
fn releases(office: &Office) -> Vec<u64> {
    let release = |n| {
        let mut status = office.site.gateway(n).status_command();
        let text = run(status.args(["--format", "json"]));
        let status: Value = serde_json::from_str(&text).unwrap();
        status["metadata"]["release"].as_u64().unwrap()
    };
    [1, 2].map(release).to_vec()
}

/// What a thief does who has a copy of CI's key and may push: a release of his own mesh, with the
/// highest numbers there are, in a clone of the record.
fn steal(office: &Office, url: &str, ci: &str) -> Desk {
    let den = Desk::new();
    let clone = den.path("repository");
    run(Command::new("git").args(["clone", "-q", "-b", "release", url]).arg(&clone));
    den.write("ci.pem", ci);
    let mut mesh = office.site.mesh.clone();
    move_ports(&mut mesh, STOLEN);
    build(&den, &mesh);
    den.ok("sign --yes --key ci.pem --root repository/metadata/1.root.json");
    forward(&den, &KeyPair::from_pem(ci).unwrap());
    den.ok(&format!("publish {url}"));
    den
}

/// Signs the newest release of a repository again, with the highest numbers there are.
fn forward(den: &Desk, key: &KeyPair) {
    let read = |file: &str| -> Value {
        serde_json::from_slice::<Value>(&den.read(&format!("repository/metadata/{file}"))).unwrap()
            ["signed"]
            .clone()
    };
    let id = key.public().id().to_string();
    let seal = |mut signed: Value| {
        signed["version"] = json!(HIGHEST);
        let sig = key.sign(&serde_json::to_vec(&signed).unwrap()).unwrap();
        let file = json!({"signatures": [{"keyid": id, "sig": sig}], "signed": signed});
        serde_json::to_vec(&file).unwrap()
    };
    let describe = |bytes: &[u8]| json!({"version": HIGHEST, "length": bytes.len(), "hashes": {"sha256": Digest::of(bytes)}});
    let write = |file: &str, bytes: &[u8]| den.write(&format!("repository/metadata/{file}"), bytes);
    let newest = read("timestamp.json")["meta"]["snapshot.json"]["version"].clone();
    let mut snapshot = read(&format!("{newest}.snapshot.json"));
    let newest = snapshot["meta"]["targets.json"]["version"].clone();
    let targets = seal(read(&format!("{newest}.targets.json")));
    snapshot["meta"]["targets.json"] = describe(&targets);
    let snapshot = seal(snapshot);
    let mut timestamp = read("timestamp.json");
    timestamp["meta"]["snapshot.json"] = describe(&snapshot);
    write(&format!("{HIGHEST}.targets.json"), &targets);
    write(&format!("{HIGHEST}.snapshot.json"), &snapshot);
    write("timestamp.json", &seal(timestamp));
}

/// Two of three root holders replace the stolen key.
fn ceremony(desk: &Desk) {
    desk.ok("root replace-key ci ci2=ci2.pem.pub");
    let verified = desk.run("root verify");
    assert_eq!(verified.code, 20, "nobody has signed: {}{}", verified.out, verified.err);
    desk.ok("root sign --yes --key carol.pem");
    desk.refused("root rotate --yes", 20, "");
    desk.ok("root sign --yes --key anna.pem");
    assert_eq!(desk.run("root verify").code, 0, "two of three are enough");
    desk.ok("root rotate --yes");
}

fn git(directory: &Path, arguments: &[&str]) -> String {
    run(Command::new("git").arg("-C").arg(directory).args(arguments))
}

/// Every gateway, at its next run, without anyone touching it.
fn all_recover(office: &Office, release: u64) {
    for n in [1, 2] {
        let said = office.site.gateway(n).converge();
        assert!(said.contains(&format!("release {release} applied")), "{said}");
    }
    assert_eq!(releases(office), [release, release]);
    assert_eq!(office.all_ports(), [HONEST, HONEST]);
}

#[test]
fn a_stolen_release_key() {
    sandbox::enter("a_stolen_release_key", TOOLS, || {
        let (mut office, url) = begun();
        let record = office.site.git.directory.clone();
        let honest = git(&record, &["rev-parse", "release"]).trim().to_owned();
        let stolen = String::from_utf8(office.desk.read("ci.pem")).unwrap();
        let den = steal(&office, &url, &stolen);
        for n in [1, 2] {
            office.site.gateway(n).converge();
        }
        assert_eq!(releases(&office), [HIGHEST, HIGHEST], "the key is good: gateways follow");
        assert_eq!(office.all_ports(), [STOLEN, STOLEN]);

        // With the old key there is no way back: the numbers are used up.
        office.build();
        office.desk.ok("sign --yes --key ci.pem");
        office.desk.refused(&format!("publish {url}"), 21, "this repository has");

        // The holders take the record as it was before the theft, and replace the key.
        let repository = office.desk.path("repository");
        std::fs::remove_dir_all(&repository).unwrap();
        run(Command::new("git").args(["clone", "-q", "-b", "release", &url]).arg(&repository));
        git(&repository, &["checkout", "-q", &honest]);
        ceremony(&office.desk);
        office.desk.refused("sign --yes --key ci.pem", 20, "the targets role needs 1");
        let said = office.desk.ok("sign --yes --key ci2.pem");
        assert!(said.contains("release 3 of") && said.contains("keys of root 1"), "{said}");
        office.desk.ok(&format!("publish {url}"));
        all_recover(&office, 3);

        // The thief still may push, and still has the key. It is worth nothing.
        den.refused(&format!("publish {url}"), 21, "has root version 2 already");
        for n in [1, 2] {
            put_in_place(&den, &record, &format!("gw-{n}"));
            let ended = office.site.gateway(n).reconcile();
            assert_eq!(ended.code, 20, "{}", ended.stderr);
        }
        assert_eq!(office.all_ports(), [HONEST, HONEST]);
        // Life goes on: an ordinary release, with an ordinary number.
        office.move_ports(15000);
        office.build();
        office.desk.ok("sign --yes --key ci2.pem");
        office.desk.ok(&format!("publish {url}"));
        for n in [1, 2] {
            assert!(office.site.gateway(n).converge().contains("release 4 applied"));
        }
        assert_eq!(office.all_ports(), [15000, 15000]);
        // To go back by hand leads to what ran before, which is not the thief's, whatever its number.
        let gateway = office.site.gateway(1);
        let mut back = gateway.command(env!("CARGO_BIN_EXE_tieline"));
        let config = gateway.directory.join("gateway.yaml");
        run(back.args(["rollback", "--config"]).arg(config));
        assert_eq!(office.ports(1), HONEST);
    });
}

/// Puts the thief's repository where a gateway fetches, as whoever owns the git server can.
fn put_in_place(den: &Desk, record: &Path, gateway: &str) {
    let tree = den.path("repository");
    let index = den.path("index");
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.arg("--git-dir").arg(record).arg("--work-tree").arg(&tree).args(arguments);
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "thief");
            command.env(format!("GIT_{who}_EMAIL"), "thief@example.net");
        }
        run(command.env("GIT_INDEX_FILE", &index))
    };
    git(&["add", "--all", "--force", "metadata", "targets"]);
    let written = git(&["write-tree"]);
    let commit = git(&["commit-tree", "-m", "again", written.trim()]);
    git(&["update-ref", &format!("refs/heads/gateway/{gateway}"), commit.trim()]);
}

/// The same where nobody has the record from before the theft: the holders name the last release
/// that is theirs, and go on from it in the repository as the thief left it.
#[test]
fn a_stolen_release_key_and_no_other_record() {
    sandbox::enter("a_stolen_release_key_and_no_other_record", TOOLS, || {
        let (office, url) = begun();
        let stolen = String::from_utf8(office.desk.read("ci.pem")).unwrap();
        steal(&office, &url, &stolen);
        for n in [1, 2] {
            office.site.gateway(n).converge();
        }
        let repository = office.desk.path("repository");
        std::fs::remove_dir_all(&repository).unwrap();
        run(Command::new("git").args(["clone", "-q", "-b", "release", &url]).arg(&repository));
        ceremony(&office.desk);
        office.build();
        office.desk.refused("sign --yes --key ci2.pem", 1, "sign --after N");
        office.desk.ok("sign --yes --key ci2.pem --after 2");
        office.desk.ok(&format!("publish {url}"));
        all_recover(&office, 3);
    });
}

/// Without one more root holder nothing can be changed, with a stolen root key neither.
#[test]
fn one_root_key_is_not_enough() {
    let desk = Desk::new();
    for key in ["anna", "bob", "carol", "ci", "ci2"] {
        desk.ok(&format!("key generate {key}.pem"));
    }
    desk.ok("root init --yes --mesh test --key anna.pem --key bob.pem --root-key carol.pem.pub \
         --root-threshold 2 --release-key ci=ci.pem.pub");
    desk.ok("root replace-key ci ci2=ci2.pem.pub");
    desk.ok("root sign --yes --key bob.pem");
    desk.refused("root rotate --yes", 20, "");
    // Nor by hand: a gateway follows no root that one of three has signed.
    let mut root: Value =
        serde_json::from_slice(&desk.read("repository/metadata/1.root.json")).unwrap();
    root["signed"]["version"] = json!(2);
    let pem = String::from_utf8(desk.read("bob.pem")).unwrap();
    let bob = KeyPair::from_pem(&pem).unwrap();
    let message = serde_json::to_vec(&root["signed"]).unwrap();
    let signature =
        json!({"keyid": bob.public().id().to_string(), "sig": bob.sign(&message).unwrap()});
    root["signatures"] = json!([signature]);
    let mut files = support::cli::tree(&desk.path("repository"));
    files.insert("metadata/2.root.json".to_owned(), serde_json::to_vec(&root).unwrap());
    let now = tieline::tuf::UtcTime::from_clock(std::time::SystemTime::now().into()).to_string();
    let updated = forge::update(&forge::provisioned(&files), &files, &now);
    assert_eq!(updated.release.unwrap_err().kind(), tieline::tuf::TrustErrorKind::Signature);
    assert_eq!(updated.stored.root, files["metadata/1.root.json"]);
}
