//! `tieline lab run` as a test's subject.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use super::skip::skip;

/// The exit code that says: this machine has no place for a lab.
pub const UNAVAILABLE: i32 = 69;

/// Who runs the lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    /// Whoever runs the tests: root, in CI.
    Same,
    /// One without rights: `nobody`, where root runs the tests.
    Ordinary,
}

/// A directory with a copy of the program and of an example, readable for every user.
pub struct Bench {
    directory: tempfile::TempDir,
    user: User,
}

/// What came of a lab.
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Bench {
    pub fn new(user: User) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let everybody = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        everybody(directory.path(), 0o755);
        let bench = Self { directory, user };
        // By another process: a child that another thread starts meanwhile would inherit the file, open
        // for writing, and nobody may run it then (ETXTBSY, execve(2)).
        let mut copy = Command::new("cp");
        copy.arg(env!("CARGO_BIN_EXE_tieline")).arg(bench.program());
        assert!(copy.status().unwrap().success());
        everybody(&bench.program(), 0o755);
        std::fs::create_dir(bench.temporary()).unwrap();
        everybody(&bench.temporary(), 0o777);
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The copy of the program, which no other test runs.
    pub fn program(&self) -> PathBuf {
        self.path("tieline")
    }

    /// The directory for temporary files.
    pub fn temporary(&self) -> PathBuf {
        self.path("tmp")
    }

    /// The text of an example's mesh.yaml.
    pub fn example(name: &str) -> String {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
        std::fs::read_to_string(examples.join(name).join("mesh.yaml")).unwrap()
    }

    /// Writes a mesh and gives its file name.
    pub fn mesh<'a>(&self, name: &'a str, text: &str) -> &'a str {
        std::fs::write(self.path(name), text).unwrap();
        name
    }

    /// `tieline lab run` with these arguments, not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let root = rustix::process::getuid().is_root();
        let mut command = if self.user == User::Ordinary && root {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
            command.arg(self.program());
            command
        } else {
            Command::new(self.program())
        };
        command.args(["lab", "run"]).args(arguments);
        command.current_dir(self.directory.path()).env("TMPDIR", self.temporary());
        command
    }

    /// Runs a lab. `None` where this machine has no place for one: then it says loudly what was
    /// not tested, or fails in CI.
    pub fn run(&self, arguments: &[&str]) -> Option<Ran> {
        let ran = Ran::from(self.command(arguments).output().unwrap());
        if ran.code == Some(UNAVAILABLE) {
            skip(&format!("no lab was built, because {}", ran.err.trim_end()));
            return None;
        }
        Some(ran)
    }

    /// Runs a lab that has to go well, and gives its report.
    pub fn report(&self, arguments: &[&str]) -> Option<Value> {
        let ran = self.run(&[arguments, &["--format", "json"]].concat())?;
        assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
        Some(serde_json::from_str(&ran.out).unwrap())
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

/// How many ordered pairs of a round answer, and how many there are.
pub fn pairs(round: &Value) -> (usize, usize) {
    let pairs = round["pairs"].as_array().unwrap();
    let answers = |pair: &&Value| {
        let paths = pair["paths"].as_array().unwrap();
        !paths.is_empty() && paths.iter().all(|path| path["milliseconds"].is_f64())
    };
    (pairs.iter().filter(answers).count(), pairs.len())
}

/// How many tunnels of a round are up, and how many there are.
pub fn tunnels(round: &Value) -> (usize, usize) {
    let tunnels = round["tunnels"].as_array().unwrap();
    (tunnels.iter().filter(|tunnel| tunnel["up"] == true).count(), tunnels.len())
}
