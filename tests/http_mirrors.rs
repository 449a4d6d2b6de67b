//! Mirrors on web servers: who may answer, what counts as an answer, and that nothing they do hangs a
//! run, fills memory or changes what a gateway trusts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod support;

use std::fs;
use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use support::gateways::{Site, TOOLS};
use support::git_client::{Inbox, publish};
use support::git_servers::{Certificates, GitServer, utf8};
use support::mesh;
use support::notes::Releases;
use support::sandbox;
use support::web_servers::{ConnectProxy, WebServer, rogue};
use tieline::host::git::Remote;
use tieline::host::http::{Allowance, HttpError, Mirror, Mirrors as _, RealMirrors};

const ROOT: &str = "metadata/root.json";

fn allowance() -> Allowance {
    Allowance::slice(Duration::from_secs(30))
}

fn get_from(
    mirror: &Mirror,
    allowance: Allowance,
    limit: u64,
) -> Result<Option<Vec<u8>>, HttpError> {
    RealMirrors.open(mirror, allowance)?.get(ROOT, limit)
}

fn get(mirror: &Mirror) -> Result<Option<Vec<u8>>, HttpError> {
    get_from(mirror, allowance(), 1 << 20)
}

/// A directory of `server`, whose authority is believed.
fn mirror(server: &WebServer, path: &str) -> Mirror {
    Mirror { url: server.url(path).parse().unwrap(), ca: Some(utf8(server.path("ca.pem"))) }
}

/// A server without TLS.
fn plain(port: u16) -> Mirror {
    Mirror { url: format!("http://127.0.0.1:{port}/").parse().unwrap(), ca: None }
}

#[test]
fn a_file_comes_whole_or_is_not_there_or_an_error_says_why() {
    let releases = Releases::new();
    let root = fs::read(releases.path().join(ROOT)).unwrap();
    let server = WebServer::start(releases.path().as_std_path(), &Certificates::new());
    assert_eq!(get(&mirror(&server, "mesh/")).unwrap(), Some(root.clone()));
    assert_eq!(get(&mirror(&server, "mesh/targets/")).unwrap(), None);
    // Moved within the server.
    assert_eq!(get(&mirror(&server, "moved/")).unwrap(), Some(root.clone()));
    for (path, expected) in [("broken", 500), ("closed", 403), ("busy", 503)] {
        let error = get(&mirror(&server, path)).unwrap_err();
        assert!(matches!(error, HttpError::Status { status, .. } if status == expected), "{error}");
    }
    // A limit is a limit, not one less.
    let length = root.len() as u64;
    let mesh = mirror(&server, "mesh/");
    assert_eq!(get_from(&mesh, allowance(), length).unwrap(), Some(root));
    let error = get_from(&mesh, allowance(), length - 1).unwrap_err();
    assert!(matches!(error, HttpError::TooLarge { .. }), "{error}");
    // And one for all files together.
    let mut open = RealMirrors.open(&mesh, Allowance { bytes: length, ..allowance() }).unwrap();
    assert!(open.get(ROOT, 1 << 20).unwrap().is_some());
    let error = open.get(ROOT, 1 << 20).unwrap_err();
    assert!(matches!(error, HttpError::TooMuch { .. }), "{error}");
}

#[test]
fn no_redirect_leads_to_another_server_or_round_and_round() {
    let releases = Releases::new();
    let server = WebServer::start(releases.path().as_std_path(), &Certificates::new());
    for path in ["moved-host", "moved-plain", "moved-port"] {
        let error = get(&mirror(&server, path)).unwrap_err();
        assert!(matches!(error, HttpError::Elsewhere { .. }), "{path}: {error}");
    }
    server.asked();
    let error = get(&mirror(&server, "round")).unwrap_err();
    assert!(matches!(error, HttpError::Redirects { .. }), "{error}");
    assert_eq!(server.asked().len(), 4, "one request, and three redirects");
}

#[test]
fn a_certificate_must_be_of_the_named_authority_for_this_host_and_not_expired() {
    let releases = Releases::new();
    let start = |certificates| WebServer::start(releases.path().as_std_path(), &certificates);
    let server = start(Certificates::new());
    let good = mirror(&server, "mesh/");
    assert!(get(&good).unwrap().is_some());
    let refused = |mirror: &Mirror| {
        let error = get(mirror).unwrap_err();
        assert!(matches!(error, HttpError::Certificate { .. }), "{error:?}");
    };
    // The system does not know this authority, and another one is not this one.
    refused(&Mirror { ca: None, ..good.clone() });
    let other = start(Certificates::new());
    refused(&Mirror { ca: Some(utf8(other.path("ca.pem"))), ..good.clone() });
    for certificates in [Certificates::of_another_name(), Certificates::expired()] {
        refused(&mirror(&start(certificates), "mesh/"));
    }
    // A file that is not there, or holds none, does not mean the system's.
    let missing = Mirror { ca: Some("/no/such/ca.pem".into()), ..good.clone() };
    assert!(matches!(get(&missing), Err(HttpError::Authorities(_))));
    let empty = Mirror { ca: Some("/dev/null".into()), ..good };
    assert!(matches!(get(&empty), Err(HttpError::NoAuthorities { .. })));
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\n";

#[test]
fn nothing_that_a_server_sends_is_endless() {
    let endless_body = rogue(|client| {
        client.write_all(OK)?;
        client.write_all(b"Transfer-Encoding: chunked\r\n\r\n")?;
        loop {
            client.write_all(b"8\r\n00000000\r\n")?;
        }
    });
    let error = get(&plain(endless_body)).unwrap_err();
    assert!(matches!(error, HttpError::TooLarge { .. }), "{error}");
    let until_the_end = rogue(|client| {
        client.write_all(OK)?;
        client.write_all(b"\r\n")?;
        loop {
            client.write_all(&[b'0'; 4096])?;
        }
    });
    let error = get(&plain(until_the_end)).unwrap_err();
    assert!(matches!(error, HttpError::TooLarge { .. }), "{error}");
    let endless_head = rogue(|client| {
        client.write_all(OK)?;
        loop {
            client.write_all(b"X-More: and more\r\n")?;
        }
    });
    let error = get(&plain(endless_head)).unwrap_err();
    assert!(matches!(error, HttpError::Network { .. }), "{error}");
}

#[test]
fn what_is_cut_off_or_packed_is_an_error() {
    let truncated = rogue(|client| {
        client.write_all(OK)?;
        client.write_all(b"Content-Length: 1000\r\n\r\nhalf of it")
    });
    let error = get(&plain(truncated)).unwrap_err();
    assert!(matches!(error, HttpError::Network { .. }), "{error}");
    let chunk = rogue(|client| {
        client.write_all(OK)?;
        client.write_all(b"Transfer-Encoding: chunked\r\n\r\nff\r\nhalf of it")
    });
    let error = get(&plain(chunk)).unwrap_err();
    assert!(matches!(error, HttpError::Network { .. }), "{error}");
    let packed = rogue(|client| {
        client.write_all(OK)?;
        client.write_all(b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b")
    });
    let error = get(&plain(packed)).unwrap_err();
    assert!(matches!(error, HttpError::Packed { .. }), "{error}");
    // What a server says cannot command a terminal.
    let rude = rogue(|client| {
        client.write_all(b"HTTP/1.1 302 Found\r\nLocation: http://\xff\t'evil'/\r\n")?;
        client.write_all(b"Content-Length: 0\r\n\r\n")
    });
    let error = get(&plain(rude)).unwrap_err().to_string();
    assert!(!error.chars().any(char::is_control), "{error:?}");
}

/// A minute of bytes, one at a time: far past the deadline, and never silent for long. First those
/// of `begin`.
fn drip(client: &mut std::net::TcpStream, begin: &[u8], byte: u8) -> std::io::Result<()> {
    for byte in begin.iter().chain(std::iter::repeat_n(&byte, 600)) {
        std::thread::sleep(Duration::from_millis(100));
        client.write_all(&[*byte])?;
    }
    Ok(())
}

#[test]
fn the_deadline_holds_for_silence_and_for_every_drip() {
    let second = Allowance::slice(Duration::from_secs(1));
    let late = |mirror: &Mirror| {
        let error = get_from(mirror, second, 1 << 20).unwrap_err();
        assert!(matches!(error, HttpError::Deadline { .. }), "{error:?}");
    };
    late(&plain(rogue(|client| drip(client, OK, b'X'))));
    late(&plain(rogue(|client| {
        client.write_all(OK)?;
        drip(client, b"", b'X')
    })));
    late(&plain(rogue(|client| {
        client.write_all(OK)?;
        client.write_all(b"Content-Length: 1000\r\n\r\n")?;
        drip(client, b"", b'0')
    })));
    late(&plain(rogue(|_| {
        std::thread::sleep(Duration::from_mins(1));
        Ok(())
    })));
    // TLS that never gets anywhere, silent and dripping: it waits for an end of line in vain.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = listener.local_addr().unwrap().port();
    late(&Mirror { url: format!("https://127.0.0.1:{silent}/").parse().unwrap(), ca: None });
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dripping = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            // A record of the handshake (RFC 8446, section 5.1) of 16 KiB, byte by byte.
            let _ = client.write_all(&[22, 3, 3, 0x40, 0, 2, 0, 0x3f, 0xfc]);
            let _ = drip(&mut client, b"", 0);
        }
    });
    late(&Mirror { url: format!("https://127.0.0.1:{dripping}/").parse().unwrap(), ca: None });
    // The time is that of all files together.
    let slow = rogue(|client| {
        std::thread::sleep(Duration::from_millis(300));
        client.write_all(OK)?;
        client.write_all(b"Content-Length: 1\r\nConnection: close\r\n\r\n0")
    });
    let mut open = RealMirrors.open(&plain(slow), second).unwrap();
    let answers: Vec<_> = (0..5).map(|_| open.get(ROOT, 1).is_ok()).collect();
    assert!(answers[0] && !answers[4], "{answers:?}");
}

/// In the environment of this test when another one runs it: what to fetch.
const MIRROR: &str = "TIELINE_TEST_MIRROR";
const REMOTE: &str = "TIELINE_TEST_REMOTE";
const CA: &str = "TIELINE_TEST_CA";

/// Fetches what the environment names, in an environment that another test has made.
#[test]
fn fetches_in_the_environment_it_is_given() {
    let ca = std::env::var(CA).ok().map(Into::into);
    if let Ok(url) = std::env::var(MIRROR) {
        let mirror = Mirror { url: url.parse().unwrap(), ca: ca.clone() };
        assert!(get(&mirror).unwrap().is_some());
    }
    if let Ok(url) = std::env::var(REMOTE) {
        let remote = Remote { ca, ..Remote::new(url.parse().unwrap()) };
        let token = tieline::host::git::Token::new(support::git_servers::TOKEN.to_owned());
        let remote = Remote { token: Some(token), ..remote };
        let inbox = Inbox::new("perth");
        assert!(inbox.fetch(&remote).unwrap().received > 0);
        inbox.reach_within(Duration::from_secs(20), &remote).unwrap();
    }
}

/// Whether the test above succeeds with these variables.
fn fetches(variables: &[(&str, &str)]) -> bool {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "fetches_in_the_environment_it_is_given"]);
    for name in ["http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "ALL_PROXY"] {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied()).output().unwrap().status.success()
}

#[test]
fn mirrors_and_git_are_reached_through_the_proxy_of_the_environment() {
    let proxy = ConnectProxy::start();
    let through = format!("http://127.0.0.1:{}", proxy.port);
    let releases = Releases::new();
    releases.add(&[("perth", "P")]);
    let certificates = Certificates::of_another_name();
    let web = WebServer::start(releases.path().as_std_path(), &certificates);
    let git = GitServer::https_with(&certificates);
    publish(&releases, &git.directly()).unwrap();

    // Nobody but the proxy knows where that host is, and only it has a certificate for the name.
    let named = |url: &str| url.replace("127.0.0.1", "git.example.net");
    let ca = web.path("ca.pem").display().to_string();
    for variable in ["https_proxy", "HTTPS_PROXY"] {
        let url = named(&web.url("mesh/"));
        assert!(fetches(&[(MIRROR, &url), (CA, &ca), (variable, &through)]), "{variable}");
        assert_eq!(proxy.asked(), [format!("git.example.net:{}", web.port)], "{variable}");
        let url = named(git.remote.url.as_str());
        let ca = git.path().join("ca.pem").display().to_string();
        assert!(fetches(&[(REMOTE, &url), (CA, &ca), (variable, &through)]), "{variable}");
        let asked = proxy.asked();
        assert!(!asked.is_empty(), "{variable}");
        assert!(asked.iter().all(|place| *place == format!("git.example.net:{}", git.port)));
    }
}

#[test]
fn some_hosts_are_reached_without_the_proxy() {
    let releases = Releases::new();
    releases.add(&[("perth", "P")]);
    let web = WebServer::start(releases.path().as_std_path(), &Certificates::new());
    let git = GitServer::https();
    publish(&releases, &git.directly()).unwrap();
    let web_ca = web.path("ca.pem").display().to_string();
    let git_ca = git.path().join("ca.pem").display().to_string();
    let mirror = web.url("mesh/");
    let of_mirror = [(MIRROR, mirror.as_str()), (CA, web_ca.as_str())];
    let of_git = [(REMOTE, git.remote.url.as_str()), (CA, git_ca.as_str())];
    // A proxy that is not there.
    let dead = ("https_proxy", "http://127.0.0.1:9");
    for what in [of_mirror, of_git] {
        assert!(fetches(&what), "{what:?}");
        assert!(!fetches(&[what[0], what[1], dead]), "{what:?}");
        for name in ["no_proxy", "NO_PROXY"] {
            let exempt = (name, "example.net,127.0.0.1");
            assert!(fetches(&[what[0], what[1], dead, exempt]), "{what:?}, {name}");
        }
    }
}

#[test]
fn a_gateway_follows_a_mirror_and_asks_for_nothing_twice() {
    let tools = [TOOLS, &["nginx"]].concat();
    sandbox::enter("a_gateway_follows_a_mirror_and_asks_for_nothing_twice", &tools, || {
        let mut site = Site::new(2);
        assert_eq!(site.release(), 1);
        let gateway = site.gateway(1);
        let certificates = Certificates::new();
        let command = gateway.command("/usr/sbin/nginx");
        let server = WebServer::start_in(command, &site.repository.directory, &certificates);
        let ca = server.path("ca.pem").display().to_string();
        let mirror = format!("{{ mirror: \"{}\", ca: {ca} }}", server.url("mesh"));
        gateway.configure(std::slice::from_ref(&mirror), "");

        let said = gateway.converge();
        assert!(said.starts_with("gw-1: release 1 applied: 1 tunnel added"), "{said}");
        // While a release proves itself, the mirror has to be reachable: that asks for one file.
        let asked_to_install = |asked: Vec<String>| {
            let confirming = "200 /mesh/metadata/timestamp.json";
            let (confirming, rest): (Vec<_>, Vec<_>) =
                asked.iter().partition(|line| *line == confirming);
            assert!(confirming.len() > 1, "{asked:#?}");
            assert_eq!(rest.len(), 4, "the next root, two roles and one bundle: {asked:#?}");
            assert_eq!(rest.iter().filter(|line| line.contains("/targets/")).count(), 1);
        };
        asked_to_install(server.asked());
        // A run with nothing to do looks for news, and that is all.
        let quiet = ["404 /mesh/metadata/2.root.json", "200 /mesh/metadata/timestamp.json"];
        assert_eq!(gateway.converge(), "");
        assert_eq!(server.asked(), quiet);
        // Where nobody may know what there is, the next root is as good as not there.
        let s3 = format!("{{ mirror: \"{}\", ca: {ca} }}", server.url("s3/"));
        gateway.configure(std::slice::from_ref(&s3), "");
        assert_eq!(gateway.converge(), "");
        assert_eq!(server.asked()[0], "403 /s3/metadata/2.root.json");
        gateway.configure(std::slice::from_ref(&mirror), "");
        // A release that changes nothing here brings metadata only.
        assert_eq!(site.release(), 2);
        assert_eq!(site.gateway(1).converge(), "");
        let asked = server.asked();
        assert!(asked.iter().all(|line| !line.contains("/targets/")), "{asked:#?}");
        assert_eq!(asked.len(), 4, "{asked:#?}");
        // One that does is applied.
        mesh::add(&mut site.mesh, 3);
        assert_eq!(site.release(), 3);
        let gateway = site.gateway(1);
        let said = gateway.converge();
        assert!(said.ends_with("release 3 applied: 1 tunnel added, routes changed\n"), "{said}");
        asked_to_install(server.asked());
        // Nor is a bundle asked for that was taken back.
        let mut rollback = gateway.command(env!("CARGO_BIN_EXE_tieline"));
        rollback.args(["rollback", "--config"]).arg(gateway.directory.join("gateway.yaml"));
        assert!(rollback.status().unwrap().success());
        server.asked();
        let said = gateway.converge();
        assert!(said.contains("release 3 is not used again"), "{said}");
        assert_eq!(server.asked(), quiet);

        // What it withholds or changes is not believed, and changes nothing that runs.
        let (state, running) = (gateway.state(), gateway.running());
        let timestamp = site.repository.directory.join("metadata/timestamp.json");
        let honest = fs::read(&timestamp).unwrap();
        let mut forged = honest.clone();
        let at = forged.iter().rposition(u8::is_ascii_digit).unwrap();
        forged[at] ^= 1;
        fs::write(&timestamp, forged).unwrap();
        let ended = gateway.reconcile();
        assert_eq!(ended.code, 20, "{}", ended.stderr);
        fs::remove_file(&timestamp).unwrap();
        let ended = gateway.reconcile();
        assert_ne!(ended.code, 0, "{}", ended.stderr);
        assert!(ended.stderr.contains("timestamp.json"), "{}", ended.stderr);
        // Where another remote is fine, it is the one.
        gateway.configure(&[mirror.clone(), site.git.url()], "");
        gateway.converge();
        fs::write(&timestamp, honest).unwrap();
        drop(server);
        gateway.configure(&[mirror], "");
        let ended = gateway.reconcile();
        assert_eq!(ended.code, 10, "{}", ended.stderr);
        assert_eq!((gateway.state(), gateway.running()), (state, running));
    });
}
