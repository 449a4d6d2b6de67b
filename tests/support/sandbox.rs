//! Namespaces of its own for one test: no root is needed, nothing of the machine can be touched,
//! and everything is gone when the test ends, however it ends.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use super::skip::skip;

/// In the environment of a test that runs inside: the file that says that it did.
const INSIDE: &str = "TIELINE_TEST_INSIDE";

/// Runs `body` as root of new user, network, mount and process namespaces. `test` is the full
/// name of the test that calls this: it is started again inside. `tools` are the programs it
/// needs; without them, or without the namespaces, the test is skipped, or fails in CI.
pub fn enter(test: &str, tools: &[&str], body: impl FnOnce()) {
    if let Some(ran) = std::env::var_os(INSIDE) {
        std::fs::write(ran, "").unwrap();
        run("mount -t tmpfs tmpfs /run");
        body();
        return;
    }
    if let Some(why) = obstacle(tools) {
        return skip(&format!("no real daemon was started, because {why}"));
    }
    let directory = tempfile::tempdir().unwrap();
    let ran = directory.path().join("ran");
    let status = unshare()
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--include-ignored"])
        .env(INSIDE, &ran)
        .env("PATH", path())
        .status()
        .unwrap();
    assert!(status.success(), "{test} failed inside its namespaces");
    assert!(ran.exists(), "no test is called {test}");
}

fn unshare() -> Command {
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--net", "--mount", "--pid", "--mount-proc"]);
    unshare.args(["--fork", "--kill-child"]);
    unshare
}

fn obstacle(tools: &[&str]) -> Option<String> {
    let missing = tools.iter().find(|tool| {
        let mut find = Command::new("sh");
        find.args(["-c", "command -v \"$0\"", tool]).env("PATH", path());
        !find.output().unwrap().status.success()
    });
    if let Some(tool) = missing {
        return Some(format!("{tool} is not installed"));
    }
    if !std::path::Path::new("/dev/net/tun").exists() {
        return Some("there is no /dev/net/tun".to_owned());
    }
    let output = unshare().arg("true").output().unwrap();
    let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    (!output.status.success()).then(|| format!("namespaces are not allowed here: {reason}"))
}

/// An ordinary user's PATH lacks the directories of the daemons.
fn path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

/// Runs a program with arguments, separated by blanks, which must succeed; returns its output.
pub fn run(command: &str) -> String {
    let output = attempt(command);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command}: {}\n{out}{err}", output.status);
    out
}

/// Whether a program succeeds.
pub fn succeeds(command: &str) -> bool {
    attempt(command).status.success()
}

fn attempt(command: &str) -> Output {
    let mut words = command.split_whitespace();
    Command::new(words.next().unwrap()).args(words).output().unwrap()
}

/// Waits until `done`, at most `limit`; says whether it came to that.
pub fn wait(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < limit {
        if done() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}
