//! Published over every transport, fetched over every transport, by real servers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, missing_docs)]

mod support;

use std::time::Duration;

use support::git_client::{Inbox, publish};
use support::git_servers::GitServer;
use support::notes::{Releases, files};
use tieline::host::git::Change;

#[test]
fn over_a_path() {
    a_mesh_lives_over(&GitServer::file());
}

#[test]
fn over_the_git_daemon() {
    a_mesh_lives_over(&GitServer::daemon());
}

#[test]
fn over_http() {
    a_mesh_lives_over(&GitServer::http());
}

#[test]
fn over_https() {
    a_mesh_lives_over(&GitServer::https());
}

#[test]
fn over_ssh() {
    a_mesh_lives_over(&GitServer::ssh());
}

fn a_mesh_lives_over(server: &GitServer) {
    let remote = &server.remote;
    // People keep mesh.yaml in the same repository.
    let tree = server.git_with(&["mktree"], "");
    let commit = server.git(&["-c", "user.name=a", "-c", "user.email=a@b", "commit-tree", &tree]);
    server.git(&["update-ref", "refs/heads/main", &commit]);

    // The first release.
    let releases = Releases::new();
    releases.add(&[("perth", "P1"), ("sydney", "S1")]);
    let published = publish(&releases, remote).unwrap();
    let created: Vec<_> =
        published.branches.iter().map(|(name, how)| (name.as_str(), *how)).collect();
    let expected = ["gateway/perth", "gateway/sydney", "release"].map(|n| (n, Change::Created));
    assert_eq!(created, expected);
    let (perth, sydney) = (Inbox::new("perth"), Inbox::new("sydney"));
    perth.reach_within(Duration::from_mins(1), remote).unwrap();
    assert!(!perth.directory().join("files").exists(), "nothing is downloaded to ask who is there");
    let fetched = perth.fetch(remote).unwrap();
    assert!(fetched.received > 0);
    assert_slice(&perth, 1, "perth", "P1");
    sydney.fetch(remote).unwrap();
    assert_slice(&sydney, 1, "sydney", "S1");

    // Nothing new: nothing is pushed, nothing is downloaded, not a file is touched.
    let branches = server.branches();
    assert!(publish(&releases, remote).unwrap().branches.is_empty());
    assert_eq!(server.branches(), branches);
    let again = perth.fetch(remote).unwrap();
    assert_eq!((again.received, &again.commit), (0, &fetched.commit));

    // A gateway changes, one leaves, one comes.
    releases.add(&[("perth", "P2"), ("broome", "B2")]);
    let published = publish(&releases, remote).unwrap();
    assert_eq!(published.branches["gateway/sydney"], Change::Deleted);
    assert_eq!(published.branches["gateway/broome"], Change::Created);
    assert_eq!(published.branches["gateway/perth"], Change::Updated);
    assert_eq!(published.branches["release"], Change::Updated);
    let newer = perth.fetch(remote).unwrap();
    assert_ne!(newer.commit, fetched.commit);
    assert_slice(&perth, 2, "perth", "P2");
    assert!(
        sydney
            .fetch(remote)
            .unwrap_err()
            .to_string()
            .contains("gateway/sydney is not on the remote")
    );

    // A gateway's branch has no history; the record has, and every file.
    assert_eq!(server.git(&["rev-list", "--count", "gateway/perth"]), "1");
    assert_eq!(server.git(&["rev-list", "--count", "release"]), "2");
    let subjects = server.git(&["log", "--format=%s", "release"]);
    assert_eq!(
        subjects,
        "Release 2: broome, perth, sydney\nRelease 1: the first here, for 2 gateways"
    );
    let recorded = server.git(&["ls-tree", "-r", "--name-only", "release"]);
    let mut here: Vec<_> = files(releases.path().as_std_path()).into_keys().collect();
    here.sort();
    assert_eq!(recorded.lines().collect::<Vec<_>>(), here);
    assert_eq!(server.git(&["rev-parse", "main"]), commit);
    server.git(&["fsck", "--strict"]);
}

/// Exactly what a gateway needs, and its own bundle alone.
fn assert_slice(inbox: &Inbox, number: u64, gateway: &str, content: &str) {
    let bundle = support::notes::bundle(gateway, content);
    let digest = tieline::primitives::Digest::of(&bundle);
    let expected = [
        "listing".to_owned(),
        "metadata/1.root.json".to_owned(),
        format!("metadata/{number}.snapshot.json"),
        format!("metadata/{number}.targets.json"),
        "metadata/timestamp.json".to_owned(),
        format!("targets/{digest}.{gateway}.tar.gz"),
    ];
    let files = inbox.files();
    assert_eq!(files.keys().collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());
    assert!(files.values().any(|file| *file == bundle));
}

#[test]
fn the_same_release_gives_the_same_commits_everywhere() {
    let (one, other) = (GitServer::file(), GitServer::daemon());
    let releases = Releases::new();
    for content in ["1", "2"] {
        releases.add(&[("perth", content)]);
        publish(&releases, &one.remote).unwrap();
        publish(&releases, &other.remote).unwrap();
    }
    assert_eq!(one.branches(), other.branches());
}

/// A gateway may be a small box with a flash card and a timer of one minute.
#[test]
fn a_fetch_with_nothing_new_writes_nothing() {
    let (server, inbox) = (GitServer::daemon(), Inbox::new("perth"));
    let releases = Releases::new();
    releases.add(&[("perth", "note")]);
    publish(&releases, &server.directly()).unwrap();
    // The first brings it, the second leaves an empty repository for all to come.
    inbox.fetch(&server.remote).unwrap();
    inbox.fetch(&server.remote).unwrap();
    let changed = || {
        let find = ["-printf", "%p %C@ %i\n"];
        let output = std::process::Command::new("find").arg(inbox.directory()).args(find).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let before = changed();
    assert!(before.lines().count() > 10, "{before}");
    assert_eq!(inbox.fetch(&server.remote).unwrap().received, 0);
    assert_eq!(changed(), before);
}

#[test]
fn a_fetch_costs_the_same_however_long_the_history() {
    let server = GitServer::daemon();
    let releases = Releases::new();
    let cost = |inbox: &Inbox| inbox.fetch(&server.remote).unwrap().received;
    // Publishing over a path is quicker, and of no interest here.
    let directly = server.directly();
    releases.add(&[("perth", "bundle 0")]);
    publish(&releases, &directly).unwrap();
    let always = Inbox::new("perth");
    let first = cost(&always);
    for number in 1..30 {
        releases.add(&[("perth", &format!("bundle {number}"))]);
        publish(&releases, &directly).unwrap();
        if number % 10 == 0 {
            cost(&always);
        }
    }
    let (late, regular) = (cost(&Inbox::new("perth")), cost(&always));
    assert!(late < first + first / 10, "first {first}, after 30 releases {late} bytes");
    assert!(regular < first + first / 10, "first {first}, as the 30th {regular} bytes");
    // And nothing is left of what came before, but the last but one.
    let kept = files(always.directory().as_std_path());
    let kept: Vec<_> = kept.keys().filter(|path| !path.starts_with("home/")).collect();
    let once = 1 + 4 + 1;
    assert_eq!(kept.len(), 1 + 2 * once, "lock; listing, metadata and bundle: {kept:#?}");
}

/// A mirror that is behind is asked before or after the other one, run after run.
#[test]
fn two_remotes_that_differ_send_what_they_have_once() {
    let (ahead, behind, inbox) = (GitServer::daemon(), GitServer::daemon(), Inbox::new("perth"));
    let releases = Releases::new();
    releases.add(&[("perth", "old")]);
    publish(&releases, &behind.directly()).unwrap();
    publish(&releases, &ahead.directly()).unwrap();
    let received = |server: &GitServer| inbox.fetch(&server.remote).unwrap().received;
    assert!(received(&behind) > 0);
    assert_eq!(received(&ahead), 0, "the same commit, from another one");
    releases.add(&[("perth", "new")]);
    publish(&releases, &ahead.directly()).unwrap();
    assert!(received(&ahead) > 0);
    for _ in 0..3 {
        assert_eq!((received(&behind), received(&ahead)), (0, 0));
    }
    assert!(inbox.files().contains_key("metadata/2.targets.json"));
}
