//! python-tuf, which shares no code with us, agrees on what a repository is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use support::cli::{Desk, tree};
use support::forge::{NOW, bundle, lasting, provisioned, update};
use support::skip::skip;
use tieline::bundle::{Build, BuiltBundle};
use tieline::primitives::Digest;

/// The Python that has python-tuf, or why there is none. Installed once, below target/.
fn python() -> Result<&'static PathBuf, &'static String> {
    static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PYTHON.get_or_init(install).as_ref()
}

fn install() -> Result<PathBuf, String> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-tuf");
    let python = home.join("bin/python");
    let requirements = interop("requirements.txt");
    let works = |python: &Path| {
        let installed = home.join("installed.txt");
        python.exists() && std::fs::read(installed).ok() == std::fs::read(&requirements).ok()
    };
    if !works(&python) {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home))?;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
        run(pip.arg(&requirements))?;
        std::fs::copy(&requirements, home.join("installed.txt")).unwrap();
    }
    Ok(python)
}

fn interop(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(file)
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout).unwrap());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Runs the script, or says loudly that nothing was tested.
fn python_tuf(arguments: &[&str]) -> Option<Result<String, String>> {
    match python() {
        Ok(python) => Some(run(Command::new(python).arg(interop("python_tuf.py")).args(arguments))),
        Err(why) => {
            skip(&format!("python-tuf was not asked, because {why}"));
            None
        }
    }
}

/// A repository with two releases, signed now.
fn repository() -> Desk {
    let desk = Desk::new();
    desk.ok("key generate root.pem");
    desk.ok("key generate ci.pem");
    desk.ok("root init --yes --mesh test --key root.pem --release-key ci.pem.pub");
    for release in [1, 2] {
        build(&desk, release);
        desk.ok("sign --yes --key ci.pem");
    }
    desk
}

/// Writes what `tieline build` would.
fn build(desk: &Desk, n: u64) {
    let bytes = bundle("perth", "test", n);
    let entry = BuiltBundle { length: bytes.len() as u64, sha256: Digest::of(&bytes) };
    let build = Build {
        format: Build::FORMAT,
        mesh: "test".parse().unwrap(),
        source_commit: None,
        tieline: None,
        gateways: [("perth".parse().unwrap(), entry)].into(),
    };
    desk.write("build/perth.tar.gz", &bytes);
    desk.write("build/build.json", serde_json::to_vec(&build).unwrap());
}

#[test]
fn python_tuf_accepts_what_we_write() {
    let desk = repository();
    desk.write("out/keep", "");
    let arguments = download(&desk);
    let arguments = arguments.each_ref().map(String::as_str);
    let Some(downloaded) = python_tuf(&arguments) else { return };
    let custom: serde_json::Value = serde_json::from_str(&downloaded.unwrap()).unwrap();
    assert_eq!(custom, serde_json::json!({"gateway": "perth", "mesh": "test", "format": 1}));
    assert_eq!(desk.read("out/perth.tar.gz"), bundle("perth", "test", 2));

    // And it does verify: with one hexadecimal digit of a signature changed, it refuses.
    let file = "repository/metadata/timestamp.json";
    let mut timestamp: serde_json::Value = serde_json::from_slice(&desk.read(file)).unwrap();
    let signature = timestamp["signatures"][0]["sig"].as_str().unwrap().to_owned();
    let digit = if signature.starts_with('0') { "1" } else { "0" };
    timestamp["signatures"][0]["sig"] = format!("{digit}{}", &signature[1..]).into();
    desk.write(file, serde_json::to_vec(&timestamp).unwrap());
    let error = python_tuf(&arguments).unwrap().unwrap_err();
    assert!(error.contains("UnsignedMetadataError"), "{error}");
}

/// Delegations, by each way that there is to say what for, and ECDSA keys for every role included.
#[test]
fn we_accept_what_python_tuf_writes() {
    for (how, asked) in [
        ("targets", &[][..]),
        ("paths", &["7.team%2Fwest.json", "7.%C3%A9%3F%23...json"]),
        ("prefixes", &["7.team%2Fwest.json", "7.%C3%A9%3F%23...json"]),
        ("bins", &["7.bin-0.json"]),
    ] {
        let desk = Desk::new();
        let bytes = bundle("perth", "test", 7);
        desk.write("bundle", &bytes);
        let path = |file: &str| desk.path(file).to_str().unwrap().to_owned();
        let custom = r#"{"gateway": "perth", "mesh": "test", "format": 1}"#;
        let arguments =
            ["write", &path("repository"), "perth.tar.gz", &path("bundle"), custom, how];
        let Some(written) = python_tuf(&arguments) else { return };
        written.unwrap();
        let files = tree(&desk.path("repository"));
        let gateway = provisioned(&files);
        let updated = update(&gateway, &files, NOW);
        let release = updated.release.unwrap();
        assert_eq!(release.number(), 3, "{how}");
        assert_eq!(updated.stored.root, files["metadata/2.root.json"]);
        let target = release.target(&"perth".parse().unwrap()).unwrap();
        target.accept(files[&target.request().path].clone()).unwrap().unpack().unwrap();
        for file in asked {
            assert!(
                updated.asked.contains(&format!("metadata/{file}")),
                "{how}: {:?}",
                updated.asked
            );
        }
        assert!(!updated.asked.iter().any(|file| file.contains("nobody")), "{how}");
    }
}

/// And python-tuf finds a bundle that a team speaks of where we do.
#[test]
fn python_tuf_follows_our_delegations() {
    let desk = Desk::new();
    for (path, content) in lasting().files() {
        desk.write(&format!("repository/{path}"), content);
    }
    desk.write("out/keep", "");
    let Some(downloaded) = python_tuf(&download(&desk).each_ref().map(String::as_str)) else {
        return;
    };
    downloaded.unwrap();
    assert_eq!(desk.read("out/perth.tar.gz"), bundle("perth", "test", 1));
}

/// Those that `tieline delegate` makes, too.
#[test]
fn python_tuf_follows_a_team() {
    let desk = repository();
    desk.write("out/keep", "");
    desk.ok("key generate north");
    desk.ok("delegate set north --yes --gateway perth --team-key north.pub --key ci.pem");
    build(&desk, 3);
    desk.ok("sign --yes --as north --key north --key ci.pem");
    desk.ok("sign --yes --key ci.pem");
    let Some(downloaded) = python_tuf(&download(&desk).each_ref().map(String::as_str)) else {
        return;
    };
    downloaded.unwrap();
    assert_eq!(desk.read("out/perth.tar.gz"), bundle("perth", "test", 3));
    let targets = desk.read("repository/metadata/4.targets.json");
    assert!(!String::from_utf8(targets).unwrap().contains("perth.tar.gz\": {"), "the team said it");
}

/// What the script is told to find a bundle in `repository/`.
fn download(desk: &Desk) -> [String; 4] {
    let path = |file: &str| desk.path(file).to_str().unwrap().to_owned();
    ["download".to_owned(), path("repository"), "perth.tar.gz".to_owned(), path("out")]
}
