//! The rules of publishing: never back, never two releases of one number, the record first, and
//! whatever was interrupted is completed by the next run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, missing_docs)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use support::forge::{NOW, lasting, provisioned, update};
use support::git_client::{Inbox, publish, publish_at};
use support::git_servers::GitServer;
use support::notes::{Releases, files};
use tieline::host::{Clock as _, RealClock};
use tieline::publish::PublishError;
use tieline::tuf::TrustErrorKind;

fn tieline(releases: &Releases, server: &GitServer, options: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tieline"))
        .args(["publish", server.remote.url.as_str(), "--repository", releases.path().as_str()])
        .args(options)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn many_branches_are_a_number() {
    let server = GitServer::daemon();
    let releases = Releases::new();
    let gateways: Vec<_> = (1..=7).map(|n| format!("gw-{n}")).collect();
    let bundles: Vec<_> = gateways.iter().map(|name| (name.as_str(), "1")).collect();
    releases.add(&bundles);
    let output = tieline(&releases, &server, &[]);
    assert_eq!(said(&output), "published release 1: created 8 branches\n");
    assert_eq!(server.branches().len(), 8);
}

#[test]
fn the_command_says_what_changed_and_when_nothing_does() {
    let server = GitServer::daemon();
    let releases = Releases::new();
    releases.add(&[("perth", "1"), ("sydney", "1")]);
    let dry = tieline(&releases, &server, &["--dry-run"]);
    let would = "would publish release 1: created gateway/perth, gateway/sydney, release\n";
    assert_eq!(said(&dry), would);
    assert!(server.branches().is_empty());
    let first = tieline(&releases, &server, &[]);
    assert_eq!(said(&first), would.replace("would publish", "published"));
    let second = tieline(&releases, &server, &[]);
    assert_eq!(said(&second), "nothing to publish: the remote has release 1\n");
    assert_eq!((dry.status.code(), second.status.code()), (Some(0), Some(0)));
    releases.add(&[("perth", "2")]);
    let json = tieline(&releases, &server, &["--format", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let changes =
        [("gateway/perth", "updated"), ("gateway/sydney", "deleted"), ("release", "updated")];
    let expected = serde_json::json!({
        "release": 2,
        "dry_run": false,
        "branches": changes.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
    });
    assert_eq!(json, expected);
    let schema = include_str!("../schema/publish.schema.json");
    assert!(jsonschema::is_valid(&serde_json::from_str(schema).unwrap(), &json));
}

#[test]
fn an_older_release_is_refused() {
    let server = GitServer::file();
    let releases = Releases::new();
    releases.add(&[("perth", "1")]);
    let old = releases.fork();
    releases.add(&[("perth", "2")]);
    publish(&releases, &server.remote).unwrap();
    let before = server.branches();
    let output = tieline(&old, &server, &[]);
    assert_eq!(output.status.code(), Some(21));
    let text = said(&output);
    assert!(text.contains("has targets version 2 already, this repository has 1"), "{text}");
    assert!(text.contains("sign what you want as a new release"), "{text}");
    assert_eq!(server.branches(), before);
}

#[test]
fn another_release_of_the_same_number_is_refused() {
    let server = GitServer::file();
    let one = Releases::new();
    let other = one.fork();
    one.add(&[("perth", "1")]);
    other.add(&[("perth", "another")]);
    publish(&one, &server.remote).unwrap();
    let before = server.branches();
    let error = publish(&other, &server.remote).unwrap_err();
    assert!(matches!(error, PublishError::Fork { number: 1 }), "{error}");
    assert_eq!(server.branches(), before);
}

/// Every file of a release, with one byte changed, and gone: what a gateway would refuse is not
/// even sent.
#[test]
fn a_release_that_no_gateway_would_accept_is_refused() {
    let server = GitServer::file();
    let releases = Releases::new();
    releases.add(&[("perth", "1")]);
    for path in files(releases.path().as_std_path()).into_keys() {
        // A copy for people; no client asks for it.
        if path == "metadata/root.json" {
            continue;
        }
        let damaged = releases.fork();
        let file = damaged.path().join(&path);
        let mut content = fs::read(&file).unwrap();
        let middle = content.len() / 2;
        content[middle] ^= 1;
        fs::write(&file, content).unwrap();
        let error = publish(&damaged, &server.remote).expect_err(&path);
        let ours = matches!(error, PublishError::Untrusted(_) | PublishError::Metadata { .. });
        assert!(ours, "{path}: {error}");
        fs::remove_file(&file).unwrap();
        publish(&damaged, &server.remote).expect_err(&path);
    }
    let later = RealClock.now() + Duration::from_hours(24 * 365 * 11);
    let error = publish_at(later, &releases, &server.remote).unwrap_err();
    let PublishError::Untrusted(why) = &error else { panic!("{error}") };
    assert_eq!(why.kind(), TrustErrorKind::Expired);
    assert!(server.branches().is_empty());
}

#[test]
fn a_branch_release_of_something_else_is_left_alone() {
    let server = GitServer::file();
    let tree = server.git_with(&["mktree"], "");
    let commit = server.git(&["-c", "user.name=a", "-c", "user.email=a@b", "commit-tree", &tree]);
    server.git(&["update-ref", "refs/heads/release", &commit]);
    let releases = Releases::new();
    releases.add(&[("perth", "1")]);
    let error = publish(&releases, &server.remote).unwrap_err();
    assert!(matches!(error, PublishError::Recorded { .. }), "{error}");
    assert_eq!(server.branches(), [format!("release {commit}")]);
}

#[test]
fn what_the_server_refuses_is_named_and_completed_later() {
    let server = GitServer::daemon();
    let releases = Releases::new();
    releases.add(&[("perth", "1"), ("sydney", "1")]);
    publish(&releases, &server.remote).unwrap();
    let (perth, sydney) = (Inbox::new("perth"), Inbox::new("sydney"));
    perth.fetch(&server.remote).unwrap();

    // A rule of the server's: perth may not be changed.
    let hook = server.repository.join("hooks/update");
    fs::write(&hook, "#!/bin/sh\ncase $1 in */perth) echo no; exit 1;; esac\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    releases.add(&[("perth", "2"), ("sydney", "2")]);
    let output = tieline(&releases, &server, &[]);
    assert_eq!(output.status.code(), Some(1));
    let text = said(&output);
    assert!(text.contains("it refuses gateway/perth (hook declined)"), "{text}");
    assert!(!text.contains("gateway/sydney"), "{text}");
    // The record has it, perth has the old release whole, sydney the new one.
    assert_eq!(server.git(&["rev-list", "--count", "release"]), "2");
    assert_eq!(perth.fetch(&server.remote).unwrap().received, 0);
    sydney.fetch(&server.remote).unwrap();
    assert!(sydney.files().contains_key("metadata/2.targets.json"));

    fs::remove_file(&hook).unwrap();
    let output = tieline(&releases, &server, &[]);
    assert_eq!(said(&output), "published release 2: updated gateway/perth\n");
}

#[test]
fn a_record_that_cannot_be_written_reaches_no_gateway() {
    let server = GitServer::daemon();
    let releases = Releases::new();
    releases.add(&[("perth", "1")]);
    let hook = server.repository.join("hooks/update");
    fs::write(&hook, "#!/bin/sh\n[ $1 != refs/heads/release ]\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    publish(&releases, &server.remote).unwrap_err();
    assert!(server.branches().is_empty());
}

/// Two who publish different releases at the same moment: one wins, and no gateway is offered
/// anything but what the record ends with.
#[test]
fn of_two_at_once_one_wins() {
    let server = GitServer::daemon();
    let mut newest = Releases::new();
    newest.add(&[("perth", "0")]);
    publish(&newest, &server.remote).unwrap();
    for _ in 0..3 {
        let mut number = 0;
        let contenders = ["a", "b", "c"].map(|who| {
            let releases = newest.fork();
            number = releases.add(&[("perth", who), ("sydney", who)]);
            releases
        });
        let start = |releases: &Releases| {
            Command::new(env!("CARGO_BIN_EXE_tieline"))
                .args(["publish", server.remote.url.as_str()])
                .args(["--repository", releases.path().as_str()])
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        };
        let running: Vec<_> = contenders.iter().map(start).collect();
        let ended: Vec<_> =
            running.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
        let mut winners = (0..3).filter(|&number: &usize| ended[number].status.success());
        let messages: Vec<_> = ended.iter().map(said).collect();
        let winner = winners.next().unwrap_or_else(|| panic!("nobody won: {messages:#?}"));
        assert_eq!(winners.next(), None, "{messages:#?}");
        newest = contenders[winner].fork();
        let targets = format!("metadata/{number}.targets.json");
        let of = |branch: &str| server.git(&["rev-parse", &format!("{branch}:{targets}")]);
        assert_eq!(of("gateway/perth"), of("release"));
        assert_eq!(of("gateway/sydney"), of("release"));
    }
}

/// What a team says is on every gateway's branch, and its bundle on its own gateway's. That it also
/// speaks of what is not its own, or of what does not exist, keeps nobody else from publishing.
#[test]
fn what_a_team_says_is_published() {
    let (server, releases) = (GitServer::daemon(), Releases::new());
    let mut forge = lasting();
    let mut intruder = forge.targets_of("team/west")["targets"]["perth.tar.gz"].clone();
    intruder["custom"]["gateway"] = "sydney".into();
    forge.targets_of("team/west")["targets"]["sydney.tar.gz"] = intruder.clone();
    forge.targets_of("team/west")["targets"]["hobart.tar.gz"] = intruder;
    let repository = forge.files();
    fs::remove_dir_all(releases.path()).unwrap();
    for (path, content) in &repository {
        let path = releases.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    publish(&releases, &server.remote).unwrap();
    assert_eq!(server.branches().len(), 3, "hobart has no bundle that anybody may speak of");
    for gateway in ["perth", "sydney"] {
        let inbox = Inbox::new(gateway);
        inbox.fetch(&server.remote).unwrap();
        let slice = inbox.files();
        let team = "metadata/1.team%2Fwest.json";
        assert_eq!(slice[team], repository[team], "{gateway}");
        let own: Vec<_> = slice.keys().filter(|path| path.starts_with("targets/")).collect();
        assert_eq!(own.len(), 1, "{own:?}");
        assert!(own[0].ends_with(&format!(".{gateway}.tar.gz")), "{own:?}");
        let updated = update(&provisioned(&repository), &slice, NOW);
        let release = updated.release.unwrap();
        let target = release.target(&gateway.parse().unwrap()).unwrap();
        target.accept(slice[&target.request().path].clone()).unwrap();
    }
    let again = publish(&releases, &server.remote).unwrap();
    assert!(again.branches.is_empty(), "{again:?}");
}
