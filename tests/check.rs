//! `tieline init`, `check` and `lock`: the real binary, its exit codes and what it writes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, missing_docs)]

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tieline::primitives::Fingerprint;

/// A directory with a mesh in it.
struct Place(tempfile::TempDir);

/// How a command ended.
struct Ended {
    exit: i32,
    out: String,
    err: String,
}

impl Place {
    fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(example: &str) -> Self {
        let place = Self::empty();
        for file in ["mesh.yaml", "mesh.lock"] {
            std::fs::copy(root().join("examples").join(example).join(file), place.path(file))
                .unwrap();
        }
        place
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.path(file)).unwrap()
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.path(file), text).unwrap();
    }

    fn edit(&self, file: &str, from: &str, to: &str) {
        let text = self.read(file);
        assert!(text.contains(from), "{from:?} is not in {file}");
        self.write(file, &text.replacen(from, to, 1));
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        run_in(self.0.path(), arguments)
    }

    /// The files there are.
    fn files(&self) -> Vec<String> {
        let entries = self.0.path().read_dir().unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn run_in(directory: &Path, arguments: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tieline"));
    let output = command.current_dir(directory).args(arguments).output().unwrap();
    Ended {
        exit: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

const SYDNEY: &str = "  sales-office:";

/// A sixth LAN for the five-LANs example.
fn sixth_lan() -> String {
    let certificate = Fingerprint::of_der(b"zurich");
    format!(
        "  zurich-office:\n    networks: [192.168.60.0/24]\n    gateways:\n      zurich:\n        \
         endpoint: 203.0.113.60\n        address: 192.168.60.1\n        certificates: \
         [\"{certificate}\"]\n\n"
    )
}

#[test]
fn every_example_is_free_of_problems() {
    let mut seen = 0;
    for entry in root().join("examples").read_dir().unwrap() {
        let folder = entry.unwrap().path();
        if !folder.join("mesh.yaml").exists() {
            continue;
        }
        let ended = run_in(&folder, &["check", "--locked"]);
        assert_eq!((ended.exit, ended.err.as_str()), (0, ""), "{}", folder.display());
        assert!(ended.out.ends_with(": no problems\n"), "{}", ended.out);
        // The numbers are those that `tieline lock` gives.
        let place = Place::empty();
        let copied =
            Command::new("cp").arg("-r").arg(folder.join(".")).arg(place.path("")).status();
        assert!(copied.unwrap().success());
        std::fs::remove_file(place.path("mesh.lock")).unwrap();
        assert_eq!(place.run(&["lock"]).exit, 0);
        let lock = std::fs::read_to_string(folder.join("mesh.lock")).unwrap();
        assert_eq!(place.read("mesh.lock"), lock, "{}", folder.display());
        assert!(folder.join("README.md").exists(), "{}", folder.display());
        seen += 1;
    }
    assert!(seen >= 3);
}

#[test]
fn check_counts_what_there_is() {
    let place = Place::with("five-lans");
    let ended = place.run(&["check"]);
    assert_eq!(ended.out, "mesh.yaml: 5 LANs, 5 gateways, 10 tunnels: no problems\n");
    let ended = place.run(&["check", "--format", "json"]);
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(report, json!({ "errors": 0, "warnings": 0, "findings": [] }));
    assert_eq!(place.files(), ["mesh.lock", "mesh.yaml"]);
}

#[test]
fn check_exits_with_65_for_errors_only() {
    let place = Place::with("five-lans");
    place.edit("mesh.yaml", "172.19.0.0/16", "172.17.0.0/16");
    let ended = place.run(&["check", "--locked"]);
    assert_eq!(ended.exit, 0, "{}", ended.out);
    assert!(ended.out.ends_with("mesh.yaml: 1 warning\n"));
    place.edit("mesh.yaml", "10.30.0.0/16", "10.20.0.0/17");
    let ended = place.run(&["check", "--locked"]);
    assert_eq!((ended.exit, ended.err.as_str()), (65, ""));
    assert!(ended.out.contains("--> mesh.yaml:"));
    assert!(ended.out.ends_with("mesh.yaml: 2 errors, 1 warning\n"), "{}", ended.out);
}

#[test]
fn quiet_says_errors_only() {
    let place = Place::with("five-lans");
    let ended = place.run(&["check", "-q"]);
    assert_eq!((ended.exit, ended.out.as_str()), (0, ""));
    place.edit("mesh.yaml", "172.19.0.0/16", "172.17.0.0/16");
    let ended = place.run(&["check", "-q"]);
    assert_eq!((ended.exit, ended.out.as_str()), (0, ""), "warnings are no errors");
    place.edit("mesh.yaml", "10.30.0.0/16", "10.20.0.0/17");
    let ended = place.run(&["check", "-q"]);
    assert_eq!(ended.exit, 65);
    assert!(!ended.out.contains("warning"), "{}", ended.out);
}

#[test]
fn colours_only_when_asked() {
    let place = Place::with("five-lans");
    place.edit("mesh.yaml", "mesh: acme", "mesh: Acme");
    assert!(!place.run(&["check"]).out.contains('\u{1b}'), "a pipe wants no colours");
    assert!(place.run(&["check", "--color", "always"]).out.contains('\u{1b}'));
}

#[test]
fn files_that_are_not_there() {
    let place = Place::empty();
    let ended = place.run(&["check"]);
    assert_eq!(ended.exit, 1);
    assert!(ended.err.contains("mesh.yaml does not exist"), "{}", ended.err);
    assert!(ended.err.contains("tieline init"), "{}", ended.err);
    assert_eq!(place.run(&["lock"]).exit, 1);
    assert_eq!(place.files(), [""; 0]);
    std::fs::create_dir(place.path("mesh.yaml")).unwrap();
    let ended = place.run(&["check"]);
    assert_eq!(ended.exit, 1);
    assert!(ended.err.contains("cannot read mesh.yaml"), "{}", ended.err);
}

#[test]
fn another_directory_and_another_file() {
    let place = Place::with("five-lans");
    let folder = place.0.path().to_str().unwrap();
    let elsewhere = Place::empty();
    let ended = elsewhere.run(&["-C", folder, "check", "--locked"]);
    assert_eq!(ended.exit, 0);
    assert!(ended.out.starts_with(&format!("{folder}/mesh.yaml: 5 LANs")), "{}", ended.out);

    std::fs::rename(place.path("mesh.yaml"), place.path("sydney.yaml")).unwrap();
    let ended = place.run(&["check", "--locked", "sydney.yaml"]);
    assert_eq!(ended.exit, 65, "the lock of sydney.yaml is sydney.lock");
    assert!(ended.out.contains("sydney.lock does not exist"), "{}", ended.out);
    assert_eq!(place.run(&["lock", "sydney.yaml"]).exit, 0);
    assert_eq!(place.read("sydney.lock"), place.read("mesh.lock"));
}

#[test]
fn lock_gives_numbers_once() {
    let place = Place::with("five-lans");
    let before = place.read("mesh.lock");
    let inode = std::fs::metadata(place.path("mesh.lock")).unwrap().ino();
    let ended = place.run(&["lock"]);
    assert_eq!((ended.exit, ended.out.as_str()), (0, ""));
    assert_eq!(ended.err, "mesh.lock: nothing changed\n");
    let untouched = std::fs::metadata(place.path("mesh.lock")).unwrap().ino();
    assert_eq!(inode, untouched, "nothing to do writes nothing");

    place.edit("mesh.yaml", SYDNEY, &(sixth_lan() + SYDNEY));
    let ended = place.run(&["check"]);
    assert_eq!(ended.exit, 0);
    assert!(ended.out.contains("6 LANs, 6 gateways, 15 tunnels"), "{}", ended.out);
    assert!(ended.out.contains("run `tieline lock`"), "{}", ended.out);
    assert_eq!(place.run(&["check", "--locked"]).exit, 65);
    std::fs::copy(place.path("mesh.lock"), place.path("old")).unwrap();
    let ended = place.run(&["-q", "lock"]);
    assert_eq!((ended.exit, ended.out.as_str(), ended.err.as_str()), (0, "", ""));
    std::fs::rename(place.path("old"), place.path("mesh.lock")).unwrap();
    let ended = place.run(&["lock"]);
    assert_eq!(ended.out, "mesh.lock: added 6 zurich\n");
    assert_eq!(place.read("mesh.lock"), format!("{before}6 zurich\n"));
    assert_eq!(place.run(&["check", "--locked"]).exit, 0);
    assert_eq!(place.files(), ["mesh.lock", "mesh.yaml"]);
}

#[test]
fn lock_never_gives_a_number_again() {
    let place = Place::with("five-lans");
    let original = place.read("mesh.yaml");
    place.edit("mesh.yaml", SYDNEY, &(sixth_lan() + SYDNEY));
    place.run(&["lock"]);
    // The LAN goes, and comes back: perhaps with another machine of the same name.
    place.write("mesh.yaml", &original);
    let ended = place.run(&["check", "--locked"]);
    assert!(ended.out.contains("E0308"), "{}", ended.out);
    let ended = place.run(&["lock", "--format", "json"]);
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    let expected = json!({ "added": [], "retired": [{ "number": 6, "gateway": "zurich" }] });
    assert_eq!(report, expected);
    assert!(place.read("mesh.lock").ends_with("6 zurich removed\n"));
    assert_eq!(place.run(&["check", "--locked"]).exit, 0);
    place.edit("mesh.yaml", SYDNEY, &(sixth_lan() + SYDNEY));
    assert_eq!(place.run(&["lock"]).out, "mesh.lock: added 7 zurich\n");
    assert!(place.read("mesh.lock").ends_with("6 zurich removed\n7 zurich\n"));
    // A new name is a new gateway.
    place.edit("mesh.yaml", "      zurich:", "      zug:");
    let ended = place.run(&["lock"]);
    assert_eq!(ended.out, "mesh.lock: retired 7 zurich\nmesh.lock: added 8 zug\n");
}

#[test]
fn lock_writes_nothing_while_there_are_errors() {
    let place = Place::with("five-lans");
    place.edit("mesh.yaml", SYDNEY, &(sixth_lan() + SYDNEY));
    place.edit("mesh.yaml", "10.30.0.0/16", "10.20.0.0/17");
    let before = place.read("mesh.lock");
    let ended = place.run(&["lock"]);
    assert_eq!((ended.exit, ended.out.as_str()), (65, ""));
    assert!(ended.err.contains("E0201"), "{}", ended.err);
    assert_eq!(place.read("mesh.lock"), before);

    // Nor where the lock itself is damaged.
    let place = Place::with("five-lans");
    place.edit("mesh.lock", "3 sydney\n", "");
    let before = place.read("mesh.lock");
    let ended = place.run(&["lock"]);
    assert_eq!(ended.exit, 65);
    assert!(ended.err.contains("E0303"), "{}", ended.err);
    assert_eq!(place.read("mesh.lock"), before);
}

#[test]
fn lock_refuses_numbers_that_have_no_address_or_port() {
    let place = Place::with("five-lans");
    place.edit("mesh.yaml", SYDNEY, &(sixth_lan() + SYDNEY));
    // Six gateways fit, number seven does not.
    place.edit("mesh.yaml", "11000-11999", "11000-11006");
    place.edit("mesh.lock", "5 vpc2-a\n", "5 vpc2-a\n6 gone removed\n");
    let before = place.read("mesh.lock");
    let ended = place.run(&["lock"]);
    assert_eq!(ended.exit, 65);
    assert!(ended.err.contains("E0210"), "{}", ended.err);
    assert_eq!(place.read("mesh.lock"), before);
}

#[test]
fn init_writes_a_mesh_that_only_lacks_certificates() {
    let place = Place::empty();
    let ended = place.run(&["init"]);
    assert_eq!((ended.exit, ended.out.as_str()), (0, ""));
    let files = [".gitignore", "lans.schema.json", "mesh.schema.json", "mesh.yaml"];
    assert_eq!(place.files(), files);
    assert!(place.read(".gitignore").contains("*.pem\n"), "keys stay out of git");
    for file in ["mesh.schema.json", "lans.schema.json"] {
        let schema = std::fs::read_to_string(root().join("schema").join(file)).unwrap();
        assert_eq!(place.read(file), schema);
    }

    let ended = place.run(&["check", "--format", "json"]);
    assert_eq!(ended.exit, 65);
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    let codes: Vec<_> =
        report["findings"].as_array().unwrap().iter().map(|finding| &finding["code"]).collect();
    assert_eq!(codes, ["E0107", "E0107"], "only the certificates are missing");
    for gateway in ["office", "workshop"] {
        let certificate = Fingerprint::of_der(gateway.as_bytes()).to_string();
        place.edit("mesh.yaml", "SHA256:…", &certificate);
    }
    let ended = place.run(&["check"]);
    assert_eq!(ended.exit, 0, "{}", ended.out);
    assert!(ended.out.contains("2 LANs, 2 gateways, 1 tunnel: no problems"), "{}", ended.out);
    assert_eq!(place.run(&["lock"]).exit, 0);
    assert_eq!(place.run(&["check", "--locked"]).exit, 0);
}

/// A repository that ignores something already has to ignore private keys as well.
#[test]
fn init_adds_to_a_gitignore_what_it_lacks() {
    for (before, after) in [
        ("", "*.pem\n/build/\n/repository/\n"),
        ("/target/\n", "/target/\n*.pem\n/build/\n/repository/\n"),
        ("/build/\n# notes", "/build/\n# notes\n*.pem\n/repository/\n"),
        ("*.pem\n/build/\n/repository/\n", "*.pem\n/build/\n/repository/\n"),
    ] {
        let place = Place::empty();
        place.write(".gitignore", before);
        let ended = place.run(&["init"]);
        assert_eq!((ended.exit, place.read(".gitignore").as_str()), (0, after));
        assert_eq!(ended.err.contains("added"), before != after, "{}", ended.err);
        // Whoever adds everything adds no key.
        place.write("release.pem", "secret");
        let git = |arguments: &[&str]| {
            let output = Command::new("git").current_dir(place.path("")).args(arguments).output();
            String::from_utf8(output.unwrap().stdout).unwrap()
        };
        git(&["init", "-q", "."]);
        git(&["add", "."]);
        let staged = git(&["ls-files"]);
        assert!(staged.contains("mesh.yaml") && !staged.contains("pem"), "{staged}");
    }
    let place = Place::empty();
    std::os::unix::fs::symlink("elsewhere", place.path(".gitignore")).unwrap();
    let ended = place.run(&["init"]);
    assert_eq!(ended.exit, 1);
    assert!(ended.err.contains("*.pem"), "{}", ended.err);
}

#[test]
fn init_overwrites_nothing() {
    let place = Place::empty();
    place.write("mesh.yaml", "mine");
    let ended = place.run(&["init"]);
    assert_eq!(ended.exit, 1);
    assert!(ended.err.contains("mesh.yaml exists already"), "{}", ended.err);
    assert_eq!((place.read("mesh.yaml").as_str(), place.files().len()), ("mine", 1));
    // A link is something, too, even one that leads nowhere.
    let place = Place::empty();
    std::os::unix::fs::symlink("/nonexistent/elsewhere", place.path("mesh.yaml")).unwrap();
    assert_eq!(place.run(&["init"]).exit, 1);
    // The schema alone can be renewed.
    place.write("mesh.schema.json", "old");
    assert_eq!(place.run(&["init", "--schema"]).exit, 0);
    assert!(place.read("mesh.schema.json").starts_with('{'));
    assert!(place.path("mesh.yaml").is_symlink());
}

#[test]
fn both_files_are_reported_in_one_run() {
    let place = Place::with("five-lans");
    place.edit("mesh.yaml", "mesh: acme", "mesh: Acme");
    place.edit("mesh.lock", "5 vpc2-a", "6 vpc2-a");
    let ended = place.run(&["check"]);
    assert_eq!(ended.exit, 65);
    assert!(ended.out.contains("E0101") && ended.out.contains("E0303"), "{}", ended.out);
    assert!(ended.out.ends_with("mesh.yaml and mesh.lock: 2 errors\n"), "{}", ended.out);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tieline"));
    let child = command.args(["completions", "bash"]).stdout(writer);
    let ended = child.stderr(std::process::Stdio::piped()).output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), &b""[..]));
}
