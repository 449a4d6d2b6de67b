//! Every finding there is: a folder of input and the expected report for each, a paragraph in
//! the documentation. A new case is a new folder: `TIELINE_UPDATE=1 cargo test --test findings`
//! writes its `report.txt`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, missing_docs)]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use support::golden;
use tieline::report::FindingsReport;
use tieline::spec::{Code, Severity};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn folders() -> Vec<PathBuf> {
    let folder = root().join("tests/fixtures/findings");
    let mut folders: Vec<_> =
        folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

fn name(folder: &Path) -> &str {
    folder.file_name().unwrap().to_str().unwrap()
}

/// The code a folder is about: what stands before the first hyphen of its name.
fn code(folder: &Path) -> &str {
    name(folder).split('-').next().unwrap()
}

/// The files of a fixture in one of its directories, by their paths.
fn files(folder: &Path, directory: &str) -> Vec<String> {
    let Ok(entries) = folder.join(directory).read_dir() else { return Vec::new() };
    let names = entries.map(|entry| entry.unwrap()).filter(|entry| entry.path().is_file());
    let names = names.map(|entry| entry.file_name().into_string().unwrap());
    let names = names.filter(|name| name != "report.txt");
    names
        .map(|name| Path::new(directory).join(name).into_os_string().into_string().unwrap())
        .collect()
}

/// A folder with the files of a fixture, those included that are too large for the repository.
fn laid_out(folder: &Path) -> tempfile::TempDir {
    let work = tempfile::tempdir().unwrap();
    let put = |file: &str, content: &[u8]| {
        let path = work.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    for file in ["", "lans"].iter().flat_map(|directory| files(folder, directory)) {
        put(&file, &std::fs::read(folder.join(&file)).unwrap());
    }
    match name(folder) {
        "E0002-too-large" => put("mesh.yaml", &vec![b'#'; (1 << 20) + 1]),
        "E0005-many-values" => {
            put("mesh.yaml", format!("mesh: [{}]\n", "1,".repeat(250_000)).as_bytes());
        }
        "E0002-included-too-large" => {
            put("lans/a.yaml", &vec![b'#'; 1 << 19]);
            put("lans/b.yaml", &vec![b'#'; 1 << 19]);
        }
        "E0002-too-many-included" => {
            (0..4096).for_each(|number| put(&format!("lans/{number}.yaml"), b""));
        }
        "E0014-not-a-file" => {
            put("lans/old/perth.yaml", b"");
            put("elsewhere/perth.yaml", b"");
            let link = |to: &str, name: &str| {
                std::os::unix::fs::symlink(to, work.path().join(name)).unwrap();
            };
            link("elsewhere", "linked");
            link("/etc/passwd", "lans/passwd");
            let pipe = Command::new("mkfifo").arg(work.path().join("lans/pipe")).status().unwrap();
            assert!(pipe.success());
        }
        "E0309-no-number-left" => {
            let mut lock = std::fs::read_to_string(root().join("examples/two-offices/mesh.lock"))
                .unwrap()
                .lines()
                .next()
                .unwrap()
                .to_owned();
            for number in 1..=u16::MAX {
                write!(lock, "\n{number} a removed").unwrap();
            }
            put("mesh.lock", (lock + "\n").as_bytes());
        }
        _ => {}
    }
    work
}

fn check(folder: &Path, more: &[&str]) -> Output {
    let work = laid_out(folder);
    let mut command = Command::new(env!("CARGO_BIN_EXE_tieline"));
    command.current_dir(&work).arg("check").args(more);
    let locked = code(folder) == "E0306" || folder.join("mesh.lock").exists();
    if locked {
        command.arg("--locked");
    }
    command.output().unwrap()
}

#[test]
fn every_case_is_reported_as_expected() {
    for folder in folders() {
        let output = check(&folder, &[]);
        let report = String::from_utf8(output.stdout).unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{}", folder.display());
        golden::check(&folder.join("report.txt"), &report);
        let is_error = code(&folder).starts_with('E');
        let code_shown = format!("[{}]", code(&folder));
        assert!(report.contains(&code_shown), "{} is not in:\n{report}", code(&folder));
        let exit = if is_error { 65 } else { 0 };
        assert_eq!(output.status.code(), Some(exit), "{}", folder.display());
        let printable = |c: char| c == '\n' || !c.is_control();
        assert!(report.chars().all(printable), "{}: {report:?}", folder.display());
    }
}

#[test]
fn every_case_is_reported_as_json_that_fits_the_schema() {
    let schema = schemars::schema_for!(FindingsReport);
    let validator = jsonschema::validator_for(schema.as_value()).unwrap();
    for folder in folders() {
        let output = check(&folder, &["--format", "json"]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let problems: Vec<_> = validator.iter_errors(&report).map(|e| e.to_string()).collect();
        assert!(problems.is_empty(), "{}: {problems:?}", folder.display());
        let findings = report["findings"].as_array().unwrap();
        assert!(findings.iter().any(|finding| finding["code"] == code(&folder)));
        let count = |severity: &str| {
            findings.iter().filter(|finding| finding["severity"] == severity).count()
        };
        assert_eq!(report["errors"], count("error"));
        assert_eq!(report["warnings"], count("warning"));
        let exit = if count("error") > 0 { 65 } else { 0 };
        assert_eq!(output.status.code(), Some(exit), "{}", folder.display());
    }
}

#[test]
fn every_code_has_a_case_and_a_paragraph() {
    let cases: BTreeSet<_> = folders().iter().map(|folder| code(folder).to_owned()).collect();
    let codes: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str().to_owned()).collect();
    assert_eq!(cases, codes, "folders in tests/fixtures/findings (left), codes (right)");
    let docs = std::fs::read_to_string(root().join("docs/findings.md")).unwrap();
    let headed: Vec<_> = docs
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .map(|heading| heading.split(':').next().unwrap().to_owned())
        .collect();
    let sorted: Vec<_> = codes.into_iter().collect();
    assert_eq!(headed, sorted, "headings of docs/findings.md (left), codes (right)");
}

#[test]
fn severity_is_that_of_the_first_letter() {
    for code in Code::ALL {
        let error = code.as_str().starts_with('E');
        assert_eq!(code.severity() == Severity::Error, error);
    }
}
