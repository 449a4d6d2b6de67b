//! The program itself, run in a directory of its own.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// An empty directory in which `tieline` is run.
pub struct Desk {
    directory: tempfile::TempDir,
}

/// How a run ended.
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Desk {
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    pub fn read(&self, file: &str) -> Vec<u8> {
        fs::read(self.path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    pub fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Runs `tieline` with arguments separated by blanks.
    pub fn run(&self, arguments: &str) -> Ended {
        self.run_with(arguments, &[])
    }

    /// The same, with variables in the environment.
    pub fn run_with(&self, arguments: &str, environment: &[(&str, &str)]) -> Ended {
        let mut tieline = Command::new(env!("CARGO_BIN_EXE_tieline"));
        tieline.args(arguments.split_whitespace()).current_dir(self.directory.path());
        tieline.envs(environment.iter().copied());
        ended(&tieline.output().unwrap())
    }

    /// Runs `tieline`, which must succeed; what it says on standard error.
    pub fn ok(&self, arguments: &str) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.code, 0, "tieline {arguments}: {}", ended.err);
        ended.err
    }

    /// The same, but what it prints to standard output.
    pub fn ok_out(&self, arguments: &str) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.code, 0, "tieline {arguments}: {}", ended.err);
        ended.out
    }

    /// Runs `tieline` at a terminal, where a person answers each question with one of `answers`;
    /// everything the terminal shows is in `out`.
    pub fn at_terminal(&self, arguments: &str, answers: &[&str]) -> Ended {
        let command = format!("{} {arguments}", env!("CARGO_BIN_EXE_tieline"));
        let mut script = Command::new("script");
        script.args([
            "--quiet",
            "--return",
            "--echo",
            "always",
            "--command",
            &command,
            "/dev/null",
        ]);
        script.current_dir(self.directory.path()).env("SHELL", "/bin/sh");
        script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = script.spawn().unwrap();
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut shown = Vec::new();
        let mut answers = answers.iter();
        let mut buffer = [0; 4096];
        // A question ends where its answer begins: with a blank.
        while let Ok(length @ 1..) = stdout.read(&mut buffer) {
            shown.extend_from_slice(&buffer[..length]);
            if (shown.ends_with(b": ") || shown.ends_with(b"] "))
                && let Some(answer) = answers.next()
            {
                stdin.write_all(answer.as_bytes()).unwrap();
            }
        }
        let code = child.wait().unwrap().code().expect("tieline was killed");
        Ended { code, out: String::from_utf8(shown).unwrap(), err: String::new() }
    }

    /// Runs `tieline`, which must fail with `code` and say `says`.
    #[track_caller]
    pub fn refused(&self, arguments: &str, code: i32, says: &str) {
        let ended = self.run(arguments);
        assert_eq!(ended.code, code, "tieline {arguments}: {}{}", ended.out, ended.err);
        assert!(ended.err.contains(says), "{says:?} is not in {:?}", ended.err);
    }

    /// Runs another program here, which must succeed; its standard output.
    pub fn tool(&self, program: &str, arguments: &str) -> String {
        let mut command = Command::new(program);
        command.args(arguments.split_whitespace()).current_dir(self.directory.path());
        let ended = ended(&command.output().unwrap_or_else(|error| panic!("{program}: {error}")));
        assert_eq!(ended.code, 0, "{program} {arguments}: {}", ended.err);
        ended.out
    }
}

fn ended(output: &Output) -> Ended {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended {
        code: output.status.code().expect("not killed"),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}

/// All files below a directory, by path.
pub fn tree(directory: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut files = std::collections::BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    files
}
