//! Whoever signs: ssh-agent, another program, a key under a passphrase. Each for real, and each
//! when it is up to no good.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods)]

mod support;

use std::os::unix::fs::PermissionsExt as _;

use support::builds::build;
use support::cli::{Desk, Ended, tree};
use support::forge::{NOW, provisioned, update};
use support::ssh_agent::{SshAgent, fake, string};

/// In the year in which these tests take place.
const SIGNED: &str = "--signed-at 2030-01-01T00:00:00Z";

/// A desk with a build for `perth`, and an agent with Anna's SSH key, whose public half is
/// `anna.pub`.
fn desk_and_agent() -> (Desk, SshAgent) {
    let desk = Desk::new();
    build(&desk, &[("perth", 1)]);
    let agent = SshAgent::start(&desk.path(""));
    agent.make_key("ed25519", &desk.path("anna"), "anna@laptop");
    (desk, agent)
}

fn with_agent(desk: &Desk, socket: &str, arguments: &str) -> Ended {
    desk.run_with(arguments, &[("SSH_AUTH_SOCK", socket)])
}

#[track_caller]
fn ok(ended: &Ended) {
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
}

#[track_caller]
fn refused(ended: &Ended, says: &str) {
    assert_ne!(ended.code, 0, "{}", ended.err);
    assert!(ended.err.contains(says), "{says:?} is not in {}", ended.err);
}

fn accepted(desk: &Desk) -> u64 {
    let files = tree(&desk.path("repository"));
    let release = update(&provisioned(&files), &files, NOW).release.unwrap();
    let target = release.target(&"perth".parse().unwrap()).unwrap();
    let bytes = files[&target.request().path].clone();
    target.accept(bytes).unwrap().unpack().unwrap();
    release.number()
}

/// An administrator's SSH key is a root key and signs releases; gateways see no difference.
#[test]
fn a_release_that_an_ssh_agent_signed_verifies_on_a_gateway() {
    let (desk, agent) = desk_and_agent();
    let run = |arguments: &str| ok(&with_agent(&desk, agent.socket(), arguments));
    run(&format!(
        "root init --yes --mesh test --key agent:anna.pub --release-key anna.pub {SIGNED}"
    ));
    let shown = with_agent(&desk, agent.socket(), "key show agent:anna@laptop anna.pub");
    ok(&shown);
    assert_eq!(shown.out.matches(&SshAgent::fingerprint(&desk.path("anna.pub"))).count(), 2);
    // By file, fingerprint and comment: all of them the same key.
    let fingerprint = SshAgent::fingerprint(&desk.path("anna.pub"));
    for (n, key) in ["anna.pub", &fingerprint, "anna@laptop"].into_iter().enumerate() {
        build(&desk, &[("perth", n as u64)]);
        run(&format!("sign --yes --key agent:{key} {SIGNED}"));
        assert_eq!(accepted(&desk), n as u64 + 1);
    }
}

#[test]
fn what_an_agent_cannot_sign_is_refused_in_words() {
    let (desk, agent) = desk_and_agent();
    agent.make_key("rsa", &desk.path("old"), "old");
    agent.make_key("ecdsa", &desk.path("curve"), "curve");
    agent.make_key("ed25519", &desk.path("twin"), "twins");
    agent.make_key("ed25519", &desk.path("twin2"), "twins");
    let init = |key: &str| {
        let arguments =
            format!("root init --yes --mesh test --key agent:{key} --release-key anna.pub");
        with_agent(&desk, agent.socket(), &arguments)
    };
    refused(&init("old"), "RSA keys are refused on purpose");
    refused(&init("curve"), "only plain ed25519 keys");
    refused(&init("twins"), "several keys called twins");
    let nobody = init("bob@laptop");
    refused(&nobody, "no key \"bob@laptop\"");
    assert!(nobody.err.contains("(anna@laptop)"), "it says what there is: {}", nobody.err);
    desk.ok("key generate other.pem");
    refused(&init("other.pem.pub"), "does not have the key in other.pem.pub");
    refused(&with_agent(&desk, "", "root init --yes --mesh test --key agent:x"), "SSH_AUTH_SOCK");
    let gone = with_agent(&desk, "/nonexistent/agent", "root init --yes --mesh test --key agent:x");
    refused(&gone, "cannot talk to the ssh agent at /nonexistent/agent");
    assert!(!desk.path("repository").exists());
}

/// The key blob of a line of OpenSSH.
fn blob(desk: &Desk, file: &str) -> Vec<u8> {
    let line = String::from_utf8(desk.read(file)).unwrap();
    desk.write("blob", line.split(' ').nth(1).unwrap().to_owned() + "\n");
    desk.tool("openssl", "base64 -d -A -in blob -out blob.bin");
    desk.read("blob.bin")
}

/// An agent that lists a key it does not have signs with another, or with nothing like a signature.
#[test]
fn an_agent_that_lies_is_not_believed() {
    let (desk, _agent) = desk_and_agent();
    let key = blob(&desk, "anna.pub");
    let listing = [&[12, 0, 0, 0, 1][..], &string(&key), &string(b"anna@laptop\x1b[2J")].concat();
    let liar = |name: &str, signature: Vec<u8>| {
        let socket = desk.path(name);
        let listing = listing.clone();
        fake(&socket, move |request| match request[0] {
            11 => listing.clone(),
            _ => signature.clone(),
        });
        let init = "root init --yes --mesh test --key agent:anna.pub --release-key anna.pub";
        let ended = with_agent(&desk, socket.to_str().unwrap(), init);
        assert!(!desk.path("repository").exists(), "{name}");
        assert!(!ended.err.contains('\x1b'), "an agent commands no terminal: {name}");
        ended
    };
    let signed = |bytes: &[u8]| {
        let signature = [string(b"ssh-ed25519"), string(bytes)].concat();
        [&[14][..], &string(&signature)].concat()
    };
    refused(&liar("zeros", signed(&[0; 64])), "is no signature by key");
    refused(&liar("noise", signed(&[0x5a; 64])), "is no signature by key");
    refused(&liar("short", signed(&[0; 63])), "no ed25519 signature");
    refused(&liar("empty", vec![]), "no ed25519 signature");
    refused(&liar("refuses", vec![5]), "the ssh agent refused");
}

/// What a hardware key of OpenSSH signs is not the message alone.
#[test]
fn a_security_key_is_refused_in_words() {
    let (desk, _agent) = desk_and_agent();
    let key = [string(b"sk-ssh-ed25519@openssh.com"), string(&[7; 32]), string(b"ssh:")].concat();
    let socket = desk.path("sk");
    let listing = [&[12, 0, 0, 0, 1][..], &string(&key), &string(b"yubikey")].concat();
    fake(&socket, move |_| listing.clone());
    let init = "root init --yes --mesh test --key agent:yubikey --release-key anna.pub";
    let ended = with_agent(&desk, socket.to_str().unwrap(), init);
    refused(&ended, "a security key signs a counter");
}

/// A script, as stands before an HSM or a KMS.
fn script(desk: &Desk, name: &str, text: &str) {
    desk.write(name, format!("#!/bin/sh\n{text}\n"));
    std::fs::set_permissions(desk.path(name), std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_program_signs() {
    let desk = Desk::new();
    build(&desk, &[("perth", 1)]);
    desk.ok("key generate root.pem");
    desk.ok("key generate ci.pem");
    script(&desk, "hsm", "cat >m && openssl pkeyutl -sign -rawin -inkey $1 -in m");
    desk.ok(&format!(
        "root init --yes --mesh test --key root.pem --release-key ci.pem.pub {SIGNED}"
    ));
    let sign = |command: &str, public: &str| {
        let mut tieline = std::process::Command::new(env!("CARGO_BIN_EXE_tieline"));
        tieline.current_dir(desk.path("")).args(["sign", "--yes", "--public", public]);
        tieline.args(SIGNED.split(' ')).args(["--sign-with", command]);
        let output = tieline.output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        Ended { code: output.status.code().unwrap(), out: String::new(), err }
    };
    ok(&sign("./hsm ci.pem", "ci.pem.pub"));
    assert_eq!(accepted(&desk), 1);
    let before = tree(&desk.path("repository"));

    // The wrong key, no signature, too much, a failure with its reason, no program at all.
    refused(&sign("./hsm root.pem", "ci.pem.pub"), "no signature by key");
    refused(&sign("/bin/true", "ci.pem.pub"), "`/bin/true` printed 0 bytes");
    refused(&sign("head -c 8000000 /dev/zero", "ci.pem.pub"), "no signature by key");
    script(&desk, "broken", "echo the token is not plugged in >&2; exit 3");
    refused(&sign("./broken", "ci.pem.pub"), "the token is not plugged in");
    refused(&sign("./no-such-hsm", "ci.pem.pub"), "cannot run ./no-such-hsm");
    refused(&sign(" ", "ci.pem.pub"), "names no program");
    // Arguments are arguments: there is no shell.
    refused(&sign("./hsm ci.pem; touch owned", "ci.pem.pub"), "");
    assert!(!desk.path("owned").exists());
    assert_eq!(tree(&desk.path("repository")), before);
    desk.refused("sign --sign-with ./hsm", 64, "--public");
    desk.refused("sign --public ci.pem.pub", 64, "--sign-with");
}

/// What key services hold: the signature comes in DER.
#[test]
fn a_program_signs_with_ecdsa() {
    let desk = Desk::new();
    build(&desk, &[("perth", 1)]);
    desk.ok("key generate root.pem");
    desk.tool("openssl", "genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out kms.pem");
    desk.tool("openssl", "pkey -in kms.pem -pubout -out kms.pub");
    desk.ok(&format!("root init --yes --mesh test --key root.pem --release-key kms.pub {SIGNED}"));
    script(&desk, "kms", "openssl dgst -sha256 -sign kms.pem");
    desk.ok(&format!("sign --yes --sign-with ./kms --public kms.pub {SIGNED}"));
    assert_eq!(accepted(&desk), 1);
    // In base64, as command line tools of cloud providers print it.
    script(&desk, "kms", "openssl dgst -sha256 -sign kms.pem | openssl base64 -A; echo");
    desk.ok(&format!("sign --yes --sign-with ./kms --public kms.pub {SIGNED}"));
    assert_eq!(accepted(&desk), 2);
}

#[test]
fn openssl_and_we_read_each_others_passphrases() {
    let desk = Desk::new();
    desk.write("secret", "correct horse\nand a second line\n");
    desk.ok("key generate anna.pem --passphrase-file secret");
    let pem = String::from_utf8(desk.read("anna.pem")).unwrap();
    assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"), "{pem}");
    let public = desk.read("anna.pem.pub");
    desk.write("pass", "correct horse");
    desk.write("pass2", "correct horse");
    let read =
        |file: &str| desk.tool("openssl", &format!("pkey -in {file} -passin file:pass -pubout"));
    assert_eq!(read("anna.pem").into_bytes(), public);

    // What OpenSSL writes by default, with more rounds, with scrypt.
    for (n, how) in
        ["-v2 aes-256-cbc", "-v2prf hmacWithSHA512 -iter 100000", "-scrypt"].into_iter().enumerate()
    {
        let rewrite = "pkcs8 -topk8 -in anna.pem -passin file:pass -passout file:pass2";
        desk.tool("openssl", &format!("{rewrite} {how} -out theirs{n}.pem"));
        let shown = desk.ok_out(&format!("key show theirs{n}.pem --passphrase-file secret"));
        assert!(shown.contains(std::str::from_utf8(&public).unwrap()), "{how}: {shown}");
    }
    // What nobody should use any more is named.
    let weak = "pkcs8 -topk8 -in anna.pem -passin file:pass -passout file:pass2 -v1 PBE-SHA1-3DES";
    desk.tool("openssl", &format!("{weak} -out weak.pem"));
    desk.refused("key show weak.pem --passphrase-file secret", 1, "does not read");
}

#[test]
fn a_passphrase_comes_from_a_file_the_environment_or_a_person() {
    let desk = Desk::new();
    desk.write("secret", "correct horse\n");
    desk.ok("key generate anna.pem --passphrase --passphrase-file secret");
    desk.write("wrong", "incorrect horse\n");
    desk.refused("key show anna.pem --passphrase-file wrong", 1, "under another passphrase");
    desk.refused("key show anna.pem", 64, "standard input is no terminal");
    desk.refused("key generate bob.pem --passphrase", 64, "standard input is no terminal");
    desk.write("empty", "\n");
    desk.refused("key generate bob.pem --passphrase-file empty", 64, "protects nothing");
    let shown = desk.run_with("key show anna.pem", &[("TIELINE_PASSPHRASE", "correct horse")]);
    ok(&shown);

    let asked = desk.at_terminal("key show anna.pem", &["correct horse\n"]);
    assert_eq!(asked.code, 0, "{}", asked.out);
    assert!(asked.out.contains("passphrase of anna.pem: "), "{}", asked.out);
    assert!(!asked.out.contains("horse"), "what is typed is not shown: {}", asked.out);
    let twice = "key generate bob.pem --passphrase";
    let differ = desk.at_terminal(twice, &["correct horse\n", "another one\n"]);
    assert!(
        differ.code == 1 && differ.out.contains("the two passphrases differ"),
        "{}",
        differ.out
    );
    assert!(!desk.path("bob.pem").exists() && !desk.path("bob.pem.pub").exists());
    let made = desk.at_terminal(twice, &["correct horse\n", "correct horse\n"]);
    assert_eq!(made.code, 0, "{}", made.out);
    assert!(!made.out.contains("horse"), "{}", made.out);
    ok(&desk.run("key show bob.pem --passphrase-file secret"));
    let interrupted = desk.at_terminal("key show bob.pem", &["corr\u{3}"]);
    assert_eq!(interrupted.code, 130, "{}", interrupted.out);
}

#[test]
fn a_key_file_that_others_can_read_is_warned_of() {
    let desk = Desk::new();
    desk.ok("key generate anna.pem");
    assert!(!desk.ok("key show anna.pem anna.pem.pub").contains("warning"));
    let open = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(desk.path("anna.pem"), open).unwrap();
    let said = desk.ok("key show anna.pem");
    assert!(said.contains("anna.pem is a private key that others can read"), "{said}");
}

#[test]
fn every_form_of_a_public_key_is_read() {
    let (desk, _agent) = desk_and_agent();
    desk.ok("key generate bob.pem");
    let shown = desk.ok_out("key show anna.pub");
    assert!(shown.contains(&SshAgent::fingerprint(&desk.path("anna.pub"))), "{shown}");
    // The PEM that is shown for an SSH key, and the SSH line that is shown for a PEM, are the same.
    let json: serde_json::Value =
        serde_json::from_str(&desk.ok_out("--format json key show anna.pub bob.pem")).unwrap();
    desk.write("anna.pem.pub", json["keys"][0]["pem"].as_str().unwrap());
    desk.write("bob.ssh", json["keys"][1]["ssh"].as_str().unwrap());
    let again: serde_json::Value =
        serde_json::from_str(&desk.ok_out("--format json key show anna.pem.pub bob.ssh")).unwrap();
    for n in [0, 1] {
        assert_eq!(json["keys"][n]["id"], again["keys"][n]["id"]);
    }
    assert_eq!(SshAgent::fingerprint(&desk.path("bob.ssh")), json["keys"][1]["fingerprint"]);

    desk.refused("key show env:NOPE", 1, "the environment variable NOPE is not set");
    let keygen = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "rsa", "-N", "", "-f"])
        .arg(desk.path("old"))
        .status();
    assert!(keygen.unwrap().success());
    desk.refused("key show old.pub", 1, "of the kind ssh-rsa");
    desk.refused("sign --yes --key old", 1, "load it with ssh-add");
    desk.write("cut.pub", &desk.read("anna.pub")[..40]);
    desk.refused("key show cut.pub", 1, "nor as OpenSSH writes it");
}
