//! A gateway's identity: made once, never replaced, what OpenVPN and OpenSSL say it is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tieline::primitives::PublicKey;

const TIELINE: &str = env!("CARGO_BIN_EXE_tieline");

struct Gateway {
    directory: tempfile::TempDir,
}

impl Gateway {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn identity(&self) -> PathBuf {
        self.directory.path().join("identity")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.identity().join(name)
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(TIELINE);
        command.args(["enroll", name, "--address", "192.168.10.1", "--identity"]);
        command.arg(self.identity());
        command
    }

    fn enroll(&self, name: &str) -> Output {
        self.command(name).output().unwrap()
    }

    /// What OpenSSL says of the certificate.
    fn fingerprint(&self) -> String {
        let output = Command::new("openssl")
            .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
            .arg(self.file("openvpn.crt"))
            .output()
            .expect("openssl has to be installed");
        let text = String::from_utf8(output.stdout).unwrap();
        text.trim().split_once('=').unwrap().1.to_owned()
    }

    fn key(&self) -> Vec<u8> {
        fs::read(self.file("openvpn.key")).unwrap()
    }
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn prints_the_fingerprint_that_openssl_prints() {
    let gateway = Gateway::new();
    let printed = stdout(&gateway.enroll("perth"));
    let fingerprint = gateway.fingerprint();
    assert!(printed.contains(&format!("\"SHA256:{fingerprint}\"")), "{printed}\n{fingerprint}");
    let mode = |name| fs::metadata(gateway.file(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("openvpn.key"), mode("openvpn.crt")), (0o600, 0o644));
    // PKCS#8, as OpenSSL and OpenVPN read it, whatever they call it inside.
    assert!(gateway.key().starts_with(b"-----BEGIN PRIVATE KEY-----"));
}

#[test]
fn the_json_form_is_what_its_schema_says() {
    let gateway = Gateway::new();
    let lines = stdout(&gateway.enroll("perth"));
    let output = gateway.command("perth").args(["--format", "json"]).output().unwrap();
    let json: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let schema = include_str!("../schema/enroll.schema.json");
    assert!(jsonschema::is_valid(&serde_json::from_str(schema).unwrap(), &json));
    let fingerprint = format!("SHA256:{}", gateway.fingerprint());
    assert_eq!((&json["entry"], &json["fingerprint"]), (&lines.into(), &fingerprint.into()));
    assert_eq!(json["made"], false);
}

#[test]
fn a_second_time_prints_the_same_and_touches_nothing() {
    let gateway = Gateway::new();
    let first = stdout(&gateway.enroll("perth"));
    let state = || {
        ["openvpn.key", "openvpn.crt", "tunnel.key"].map(|name| {
            let path = gateway.file(name);
            (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().modified().unwrap())
        })
    };
    let before = state();
    assert_eq!(stdout(&gateway.enroll("perth")), first);
    assert_eq!(state(), before);
    assert_eq!(fs::read_dir(gateway.identity()).unwrap().count(), 3);
}

/// The public key in an entry for mesh.yaml.
fn public_key(printed: &str) -> PublicKey {
    let (_, rest) = printed.split_once("public-keys:\n          - \"").unwrap();
    rest.split_once('"').unwrap().0.parse().unwrap()
}

#[test]
fn a_public_key_is_printed_and_its_private_half_is_for_root_alone() {
    let gateway = Gateway::new();
    let printed = stdout(&gateway.enroll("perth"));
    let path = gateway.file("tunnel.key");
    let private = fs::read_to_string(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert!(!printed.contains(private.trim()), "the private half goes nowhere");
    assert_ne!(public_key(&printed), public_key(&stdout(&Gateway::new().enroll("perth"))));
    // What is printed is what mesh.yaml takes.
    let example = fs::read_to_string("examples/two-offices/mesh.yaml").unwrap();
    let key = public_key(&printed);
    let address = "address: ";
    let at = example.find(address).unwrap();
    let mesh = format!("{}public-keys: [\"{key}\"]\n        {}", &example[..at], &example[at..]);
    assert!(tieline::model::resolve(tieline::spec::parse(&mesh)).is_ok(), "{mesh}");
}

/// A gateway that was enrolled before there were public keys gets one, and keeps its certificate.
#[test]
fn a_gateway_that_was_enrolled_before_gets_a_public_key() {
    let gateway = Gateway::new();
    let first = stdout(&gateway.enroll("perth"));
    fs::remove_file(gateway.file("tunnel.key")).unwrap();
    let (key, certificate) = (gateway.key(), gateway.fingerprint());
    let output = gateway.enroll("perth");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("made ") && said.contains("tunnel.key"), "{said}");
    let second = stdout(&output);
    assert_eq!((gateway.key(), gateway.fingerprint()), (key, certificate));
    assert_ne!(public_key(&first), public_key(&second));
    assert_eq!(stdout(&gateway.enroll("perth")), second);
    // Something else in its place is never overwritten.
    fs::write(gateway.file("tunnel.key"), "nonsense\n").unwrap();
    let output = gateway.enroll("perth");
    assert_eq!(output.status.code(), Some(78));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("is not an X25519 private key"), "{said}");
    assert_eq!(fs::read(gateway.file("tunnel.key")).unwrap(), b"nonsense\n");
}

#[test]
fn a_certificate_that_is_missing_is_made_from_the_key() {
    let gateway = Gateway::new();
    gateway.enroll("perth");
    let key = gateway.key();
    fs::remove_file(gateway.file("openvpn.crt")).unwrap();
    let printed = stdout(&gateway.enroll("perth"));
    assert_eq!(gateway.key(), key);
    assert!(printed.contains(&gateway.fingerprint()));
}

#[test]
fn what_does_not_belong_together_is_refused_and_left_alone() {
    let (perth, sydney) = (Gateway::new(), Gateway::new());
    perth.enroll("perth");
    sydney.enroll("sydney");
    let refused = |gateway: &Gateway, name: &str, says: &str| {
        let before = fs::read(gateway.file("openvpn.crt")).ok();
        let output = gateway.enroll(name);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(78), "{said}");
        assert!(said.contains(says), "{said}");
        assert_eq!(fs::read(gateway.file("openvpn.crt")).ok(), before);
    };
    refused(&perth, "sydney", "not the certificate of a gateway sydney");
    fs::copy(sydney.file("openvpn.crt"), perth.file("openvpn.crt")).unwrap();
    refused(&perth, "perth", "is not the certificate of");
    fs::write(perth.file("openvpn.crt"), "nonsense").unwrap();
    refused(&perth, "perth", "is not a certificate in PEM");
    fs::write(sydney.file("openvpn.key"), [0xff, 0xfe]).unwrap();
    refused(&sydney, "sydney", "not a P-256 private key");
    fs::remove_file(sydney.file("openvpn.key")).unwrap();
    refused(&sydney, "sydney", "has no private key beside it");
    assert!(!sydney.file("openvpn.key").exists());
}

#[test]
fn of_many_at_once_one_makes_the_identity_and_all_print_it() {
    let gateway = Gateway::new();
    let start = |_| gateway.command("perth").stdout(Stdio::piped()).spawn().unwrap();
    let running: Vec<Child> = (0..8).map(start).collect();
    let printed: Vec<_> =
        running.into_iter().map(|child| stdout(&child.wait_with_output().unwrap())).collect();
    assert!(printed[0].contains(&gateway.fingerprint()));
    assert!(printed.iter().all(|text| *text == printed[0]), "{printed:#?}");
}

/// Kills the process before every system call that changes a file, one after the other. Whatever
/// is there afterwards, the next run makes a whole identity of it, and a key that was there stays.
#[test]
fn a_kill_at_any_call_is_healed_by_the_next_run() {
    let mut kills = 0;
    for call in ["openat", "mkdir", "write", "fchmod", "fsync", "renameat2", "linkat", "unlink"] {
        for when in 1.. {
            let gateway = Gateway::new();
            let status = Command::new("strace")
                .args(["-f", "-qq", "-o", "/dev/null", "-e"])
                .arg(format!("inject={call}:signal=KILL:when={when}"))
                .args([TIELINE, "enroll", "perth", "--identity"])
                .arg(gateway.identity())
                .output()
                .expect("strace has to be installed")
                .status;
            let key = fs::read(gateway.file("openvpn.key")).ok();
            let printed = stdout(&gateway.enroll("perth"));
            assert!(printed.contains(&gateway.fingerprint()), "{call} {when}");
            assert!(key.is_none_or(|key| key == gateway.key()), "{call} {when}: another key");
            if status.success() {
                break;
            }
            kills += 1;
        }
    }
    assert!(kills > 20, "only {kills} kills: strace did not do what it was told");
}

#[test]
fn openvpn_makes_a_tunnel_with_two_of_them() {
    let (server, client) = (Gateway::new(), Gateway::new());
    server.enroll("server");
    client.enroll("client");
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    // No device and no routes, so no privilege: it is the handshake that is of interest.
    let start = |own: &Gateway, peer: &Gateway, role: &[&str]| {
        let log = own.directory.path().join("log");
        let child = Command::new("/usr/sbin/openvpn")
            .args(["--dev", "null", "--ifconfig-noexec", "--topology", "p2p", "--ping", "1"])
            .args(["--tls-version-min", "1.3", "--data-ciphers", "AES-256-GCM", "--cert"])
            .arg(own.file("openvpn.crt"))
            .arg("--key")
            .arg(own.file("openvpn.key"))
            .args(["--peer-fingerprint", &peer.fingerprint()])
            .args(role)
            .stdout(fs::File::create(&log).unwrap())
            .spawn()
            .expect("openvpn has to be installed");
        (Running(child), log)
    };
    let as_server = ["--tls-server", "--dh", "none", "--local", "127.0.0.1", "--lport", &port];
    let (_server, server_log) = start(&server, &client, &as_server);
    let as_client = ["--tls-client", "--nobind", "--remote", "127.0.0.1", &port];
    let (_client, client_log) = start(&client, &server, &as_client);
    for log in [server_log, client_log] {
        wait_for(&log, "Initialization Sequence Completed");
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait_for(log: &Path, line: &str) {
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        let text = fs::read_to_string(log).unwrap();
        if text.contains(line) {
            return;
        }
        assert!(Instant::now() < end, "no {line:?} in:\n{text}");
        thread::sleep(Duration::from_millis(20));
    }
}
