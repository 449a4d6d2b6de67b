//! The client that the public TUF conformance suite tests, through its entry point and over real
//! HTTP: the protocol is kept. The suite itself runs on GitHub.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stdout)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::json;
use support::forge::{Files, bundle, lasting};
use support::skip::skip;
use tieline::tuf::Role;

/// A web server with the files of a repository, which remembers what it was asked for.
struct Server {
    address: String,
    files: Arc<Mutex<Files>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let files = Arc::new(Mutex::new(Files::new()));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (serve, remember) = (Arc::clone(&files), Arc::clone(&asked));
        thread::spawn(move || {
            for client in listener.incoming() {
                answer(client.unwrap(), &serve.lock().unwrap(), &remember);
            }
        });
        Self { address, files, asked }
    }

    fn serve(&self, files: Files) {
        *self.files.lock().unwrap() = files;
    }

    /// What it was asked for since the last time.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn answer(mut client: TcpStream, files: &Files, asked: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(client.try_clone().unwrap()).lines().map(Result::unwrap);
    let request = lines.next().unwrap_or_default();
    lines.by_ref().take_while(|line| !line.is_empty()).for_each(drop);
    let path = request.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
    let (status, body) = match files.get(&path) {
        Some(body) => ("200 OK", body.as_slice()),
        None => ("404 Not Found", &b"nothing here"[..]),
    };
    asked.lock().unwrap().push(path);
    // Said before it is done, or the client would ask again over a connection that is going away.
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    let _ = client.write_all(&[head.as_bytes(), body].concat());
}

/// The client, its directories, and a server.
struct Trial {
    directory: tempfile::TempDir,
    server: Server,
}

impl Trial {
    /// With the trusted root of `files`.
    fn new(files: &Files) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("trusted.json"), &files["metadata/1.root.json"]).unwrap();
        fs::create_dir(directory.path().join("targets")).unwrap();
        let trial = Self { directory, server: Server::new() };
        assert!(trial.run(&["init", trial.path("trusted.json").to_str().unwrap()]));
        assert_eq!(trial.kept().into_keys().collect::<Vec<_>>(), ["root.json"]);
        trial
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> bool {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut client = Command::new(root.join("tests/tuf-conformance/client"));
        client.arg("--metadata-dir").arg(self.path("metadata"));
        let Output { status, stderr, .. } = client.args(arguments).output().unwrap();
        let stderr = String::from_utf8(stderr).unwrap();
        match status.code() {
            Some(0) => assert_eq!(stderr, ""),
            Some(1) => {
                assert!(!stderr.is_empty(), "a failure is explained");
                print!("{stderr}");
            }
            other => panic!("{other:?}: {stderr}"),
        }
        status.success()
    }

    fn refresh(&self) -> bool {
        let url = format!("http://{}/metadata/", self.server.address);
        self.run(&["--metadata-url", &url, "refresh"])
    }

    fn download(&self, targets: &[&str]) -> bool {
        let url = |what: &str| format!("http://{}/{what}/", self.server.address);
        let (metadata, base, directory) = (url("metadata"), url("targets"), self.path("targets"));
        let mut arguments = vec!["--metadata-url", &metadata, "--target-base-url", &base];
        arguments.extend(["--target-dir", directory.to_str().unwrap()]);
        arguments.extend(targets.iter().flat_map(|target| ["--target-name", target]));
        arguments.push("download");
        self.run(&arguments)
    }

    /// What is in the metadata directory: the version of each file.
    fn kept(&self) -> BTreeMap<String, u64> {
        let version = |file: &fs::DirEntry| {
            let value: serde_json::Value =
                serde_json::from_slice(&fs::read(file.path()).unwrap()).unwrap();
            value["signed"]["version"].as_u64().unwrap()
        };
        fs::read_dir(self.path("metadata"))
            .unwrap()
            .map(Result::unwrap)
            .map(|file| (file.file_name().into_string().unwrap(), version(&file)))
            .collect()
    }

    fn downloaded(&self) -> BTreeMap<String, Vec<u8>> {
        support::cli::tree(&self.path("targets"))
    }
}

/// Whether the client is there. `cargo test` builds it with the tests, `cargo test --test` does not.
fn is_built() -> bool {
    let test = std::env::current_exe().unwrap();
    let built = test.ancestors().nth(2).unwrap().join("examples/tuf-conformance-client").exists();
    if !built {
        skip("the client is not built: cargo build --example tuf-conformance-client");
    }
    built
}

#[test]
fn refresh_fetches_what_is_new_and_nothing_else() {
    if !is_built() {
        return;
    }
    let (one, two) = (lasting().files(), lasting().next().files());
    let trial = Trial::new(&one);
    trial.server.serve(one.clone());
    assert!(trial.refresh());
    let metadata =
        |names: &[&str]| names.iter().map(|n| format!("metadata/{n}")).collect::<Vec<_>>();
    assert_eq!(
        trial.server.asked(),
        metadata(&["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"])
    );
    let kept = |version: u64| {
        ["root", "snapshot", "targets", "timestamp"]
            .map(|role| (format!("{role}.json"), if role == "root" { 1 } else { version }))
            .into()
    };
    assert_eq!(trial.kept(), kept(1));
    let bytes = fs::read(trial.path("metadata/timestamp.json")).unwrap();
    assert_eq!(bytes, one["metadata/timestamp.json"]);

    assert!(trial.refresh());
    assert_eq!(trial.server.asked(), metadata(&["2.root.json", "timestamp.json"]));
    trial.server.serve(two);
    assert!(trial.refresh());
    assert_eq!(trial.kept(), kept(2));
    trial.server.serve(one);
    assert!(!trial.refresh(), "it does not go back");
    assert_eq!(trial.kept(), kept(2));
    trial.server.serve(
        lasting()
            .next()
            .next()
            .set(Role::Timestamp, "/expires", json!("2020-01-01T00:00:00Z"))
            .files(),
    );
    assert!(!trial.refresh(), "nor to what has expired");
    assert_eq!(trial.kept(), kept(2));
    trial.server.serve(Files::new());
    assert!(!trial.refresh(), "and needs a server that has something");
}

#[test]
fn downloads_are_verified_and_not_repeated() {
    if !is_built() {
        return;
    }
    let files = lasting().target("targets", "a/b c.txt", b"content").files();
    let trial = Trial::new(&files);
    let mut served = files.clone();
    let hash = tieline::primitives::Digest::of(b"content");
    served.insert(format!("targets/a/{hash}.b%20c.txt"), b"content".to_vec());
    trial.server.serve(served.clone());
    assert!(trial.download(&["a/b c.txt", "perth.tar.gz"]));
    let expected =
        [("a%2Fb c.txt", b"content".to_vec()), ("perth.tar.gz", bundle("perth", "test", 1))]
            .map(|(name, content)| (name.to_owned(), content))
            .into();
    assert_eq!(trial.downloaded(), expected);
    assert!(trial.server.asked().contains(&"metadata/1.team%2Fwest.json".to_owned()));
    assert_eq!(trial.kept()["team%2Fwest.json"], 1);

    assert!(trial.download(&["a/b c.txt", "perth.tar.gz"]));
    assert_eq!(trial.server.asked(), ["metadata/2.root.json", "metadata/timestamp.json"]);

    // What is there and is not what is signed is fetched again; what is served has to be it.
    fs::write(trial.path("targets/perth.tar.gz"), "something else").unwrap();
    assert!(trial.download(&["perth.tar.gz"]));
    assert_eq!(trial.downloaded(), expected);
    for (path, content) in &mut served {
        if path.starts_with("targets/") {
            content.reverse();
        }
    }
    trial.server.serve(served);
    fs::remove_file(trial.path("targets/perth.tar.gz")).unwrap();
    assert!(!trial.download(&["perth.tar.gz"]));
    assert!(!trial.download(&["nobody.tar.gz"]));
    assert!(!trial.downloaded().contains_key("perth.tar.gz"));
}

#[test]
fn without_a_root_nothing_is_asked() {
    if !is_built() {
        return;
    }
    let files = lasting().files();
    let trial = Trial::new(&files);
    trial.server.serve(files);
    fs::write(trial.path("metadata/root.json"), "{}").unwrap();
    assert!(!trial.refresh());
    fs::remove_file(trial.path("metadata/root.json")).unwrap();
    assert!(!trial.refresh());
    assert_eq!(trial.server.asked(), [""; 0]);
}
