//! Who answers, and who asks: certificates, host keys, keys, tokens. And nothing of the user's own
//! git has a say in it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, missing_docs)]

mod support;

use std::fs;
use std::process::{Command, Output};

use support::git_client::{Inbox, publish};
use support::git_servers::{Certificates, GitServer, TOKEN, utf8};
use support::notes::Releases;
use support::skip::skip;
use tieline::host::git::{FailureKind, GitError, Remote, Token};

fn fetch(remote: &Remote) -> Result<u64, GitError> {
    Inbox::new("perth").fetch(remote).map(|fetched| fetched.received)
}

fn refused(remote: &Remote, kind: FailureKind, says: &str) -> String {
    let error = fetch(remote).unwrap_err();
    assert_eq!(error.kind(), Some(kind), "{error}");
    assert!(error.to_string().contains(says), "{error}");
    error.hint().unwrap_or_default().to_owned()
}

fn with_release(server: &GitServer) {
    let releases = Releases::new();
    releases.add(&[("perth", "P")]);
    publish(&releases, &server.directly()).unwrap();
}

#[test]
fn a_certificate_must_be_of_the_named_authority_for_this_host_and_not_expired() {
    let server = GitServer::https();
    with_release(&server);
    assert!(fetch(&server.remote).unwrap() > 0);
    // The system does not know this authority, and another one is not this one.
    let system = Remote { ca: None, ..server.remote.clone() };
    refused(&system, FailureKind::Certificate, "TLS certificate");
    let other = GitServer::https();
    let stranger = Remote { ca: other.remote.ca.clone(), ..server.remote.clone() };
    refused(&stranger, FailureKind::Certificate, "TLS certificate");
    // A file that is not there does not mean the system's.
    let missing = Remote { ca: Some("/no/such/ca.pem".into()), ..server.remote.clone() };
    assert!(matches!(fetch(&missing), Err(GitError::Option { option: "ca", .. })));
    for certificates in [Certificates::of_another_name(), Certificates::expired()] {
        let server = GitServer::https_with(&certificates);
        refused(&server.remote, FailureKind::Certificate, "TLS certificate");
    }
}

#[test]
fn a_token_opens_the_door_and_is_shown_to_nobody() {
    let server = GitServer::https();
    with_release(&server);
    let none = Remote { token: None, ..server.remote.clone() };
    let hint = refused(&none, FailureKind::Access, "asks for a password");
    assert!(hint.contains("token_file"), "{hint}");
    let wrong = Remote { token: Some(Token::new("wrong-token".into())), ..server.remote.clone() };
    refused(&wrong, FailureKind::Access, "does not accept the token");
    assert!(!format!("{:?}", fetch(&wrong)).contains("wrong-token"));
    let file = server.path().join("token");
    fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let from_file = Remote { token_file: Some(utf8(&file)), ..none };
    assert!(fetch(&from_file).unwrap() > 0);
}

#[test]
fn a_redirect_leads_to_no_other_host_and_never_out_of_tls() {
    let server = GitServer::https();
    with_release(&server);
    let at = |place: &str| {
        let url = server.remote.url.as_str().replace("/mesh.git", place);
        Remote { url: url.parse().unwrap(), ..server.remote.clone() }
    };
    assert!(fetch(&at("/renamed/mesh.git")).unwrap() > 0);
    for place in ["/elsewhere/mesh.git", "/plain/mesh.git"] {
        refused(&at(place), FailureKind::Network, "cannot redirect from");
    }
}

#[test]
fn an_ssh_host_must_be_known_by_its_key() {
    let server = GitServer::ssh();
    with_release(&server);
    assert!(fetch(&server.remote).unwrap() > 0);
    let known_hosts = server.path().join("known_hosts");

    server.know("other");
    let hint = refused(&server.remote, FailureKind::HostKey, "is not the one that");
    assert!(hint.contains("administrator confirms"), "{hint}");

    fs::write(&known_hosts, "").unwrap();
    let hint = refused(&server.remote, FailureKind::HostKey, "is unknown");
    let keyscan = format!("ssh-keyscan -p {} 127.0.0.1 >> {}", server.port, known_hosts.display());
    assert!(hint.contains(&keyscan), "{hint}");
    // What is said to be compared is what ssh-keygen calls it.
    let shown = Command::new("ssh-keygen").arg("-lf").arg(server.path().join("host.pub")).output();
    let shown = String::from_utf8(shown.unwrap().stdout).unwrap();
    let fingerprint = shown.split_whitespace().nth(1).unwrap();
    refused(&server.remote, FailureKind::HostKey, fingerprint);
    // And what is said to be done helps.
    let port = server.port.to_string();
    let scanned = Command::new("ssh-keyscan").args(["-p", &port, "127.0.0.1"]).output().unwrap();
    fs::write(&known_hosts, scanned.stdout).unwrap();
    assert!(fetch(&server.remote).unwrap() > 0);
}

#[test]
fn an_ssh_server_lets_in_who_has_the_key() {
    let server = GitServer::ssh();
    with_release(&server);
    let with = |key: &str| Remote {
        ssh_key: Some(utf8(server.path().join(key))),
        ..server.remote.clone()
    };
    assert!(fetch(&with("user")).unwrap() > 0);
    refused(&with("other"), FailureKind::Access, "does not accept the ssh key");
    assert!(matches!(fetch(&with("missing")), Err(GitError::Option { option: "ssh_key", .. })));
    let none = Remote { ssh_key: None, ..server.remote.clone() };
    let hint = refused(&none, FailureKind::Access, "asks for an ssh key");
    assert!(hint.contains("ssh_key"), "{hint}");
}

#[test]
fn an_administrator_may_use_the_ssh_agent() {
    let server = GitServer::ssh();
    let releases = Releases::new();
    releases.add(&[("perth", "P")]);
    let socket = server.path().join("agent");
    let mut agent = Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).spawn().unwrap();
    while !socket.exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let publish = |socket: &std::path::Path| {
        Command::new(env!("CARGO_BIN_EXE_tieline"))
            .args(["publish", server.remote.url.as_str(), "--repository"])
            .args([releases.path().as_str(), "--known-hosts"])
            .arg(server.path().join("known_hosts"))
            .env("SSH_AUTH_SOCK", socket)
            .output()
            .unwrap()
    };
    let empty = publish(&socket);
    let added = Command::new("ssh-add")
        .arg("-q")
        .arg(server.path().join("user"))
        .env("SSH_AUTH_SOCK", &socket)
        .status()
        .unwrap();
    let full = publish(&socket);
    let _ = agent.kill();
    let _ = agent.wait();
    assert!(added.success());
    assert_eq!(empty.status.code(), Some(1));
    assert!(full.status.success(), "{}", said(&full));
    assert!(fetch(&server.remote).unwrap() > 0);
}

#[test]
fn the_configuration_of_the_users_git_is_not_read() {
    let server = GitServer::https();
    let releases = Releases::new();
    releases.add(&[("perth", "P")]);
    // All of this would send the release, and the token, somewhere else.
    let home = tempfile::tempdir().unwrap();
    let trap = "[url \"https://127.0.0.1:1/\"]\n\tinsteadOf = https://ci@127.0.0.1\n\
                [http]\n\tproxy = http://127.0.0.1:1\n";
    fs::write(home.path().join(".gitconfig"), trap).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tieline"))
        .args(["publish", server.remote.url.as_str(), "--repository", releases.path().as_str()])
        .args(["--ca", server.remote.ca.as_ref().unwrap().as_str(), "--token", "env:MY_TOKEN"])
        .env("MY_TOKEN", TOKEN)
        .env("HOME", home.path())
        .env("XDG_CONFIG_HOME", home.path())
        .env("GIT_DIR", "/nonexistent")
        .env("GIT_CONFIG_GLOBAL", home.path().join(".gitconfig"))
        .env("GIT_OBJECT_DIRECTORY", "/nonexistent")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(fetch(&server.remote).unwrap() > 0);
}

#[test]
fn a_repository_of_another_user_can_be_read() {
    if !rustix::process::getuid().is_root() {
        return skip("only root can make a repository of another user");
    }
    let server = GitServer::file();
    with_release(&server);
    let owned = Command::new("chown").args(["-R", "nobody"]).arg(&server.repository).status();
    assert!(owned.unwrap().success());
    assert!(fetch(&server.remote).unwrap() > 0);
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
