//! A service of any kind under the real systemd: checked, started, told to read its configuration again,
//! and stopped. No kind of unit reloads yet, so the daemon is one that only this test has.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod support;

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use support::gateways::is_root;
use support::nspawn::{Machine, has};
use support::releases::run;
use tieline::host::{Daemon, Launch, Reload, Service, Services as _, Systemd};

/// Says to the process inside the container what it is there for.
const INSIDE: &str = "TIELINE_TEST_IN_MACHINE";

const TEST: &str = "a_service_is_checked_started_reloaded_and_stopped";

/// A daemon that notes what it has read of its configuration.
const DAEMON: &str = "#!/bin/bash\n\
    echo $$ > \"$2\"\n\
    cat /etc/echo.conf > /run/echo/read\n\
    trap 'cat /etc/echo.conf > /run/echo/read' HUP\n\
    while :; do sleep 0.1; done\n";

const UNIT: &str = "[Service]\n\
    RuntimeDirectory=echo\n\
    ExecStart=/usr/local/bin/echo-daemon --writepid /run/echo/%i.pid\n\
    ExecReload=/bin/kill -HUP $MAINPID\n";

const TARGET: &str = "[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n";

fn service() -> Service {
    Service {
        id: "echo/one".parse().unwrap(),
        label: "echo one".to_owned(),
        daemon: Daemon {
            kind: "echo",
            title: "Echo",
            run: "/run/echo".into(),
            pid_option: "--writepid",
        },
        systemd_unit: "echo@one.service".to_owned(),
        launch: Launch {
            program: "echo-daemon",
            arguments: Vec::new(),
            arguments_of_root: Vec::new(),
            log: "/run/echo/log".into(),
        },
        configuration: "/etc/echo.conf".into(),
        check: Some(["grep", "-q", "good", "/etc/echo.conf"].map(str::to_owned).to_vec()),
        reload: Some(Reload::Hangup),
        answers_on: None,
        leftovers: Vec::new(),
    }
}

fn eventually(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(10), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What happens in the container.
fn inside() {
    let service = service();
    let running = || Systemd.running(&service.daemon).unwrap();
    let has_read = |text: &str| fs::read_to_string("/run/echo/read").is_ok_and(|read| read == text);
    let configure = |text: &str| fs::write("/etc/echo.conf", text).unwrap();

    configure("bad\n");
    assert!(Systemd.check(&service).is_err());
    configure("good 1\n");
    Systemd.check(&service).unwrap();
    assert!(running().is_empty());
    Systemd.start(&service).unwrap();
    eventually("it has read its configuration", || has_read("good 1\n"));
    let first = running()[&service.id];

    configure("good 2\n");
    Systemd.reload(&service).unwrap();
    eventually("it has read its configuration again", || has_read("good 2\n"));
    assert_eq!(running()[&service.id], first, "a reload is no restart");

    // One that cannot reload is started anew.
    configure("good 3\n");
    Systemd.reload(&Service { reload: None, ..service.clone() }).unwrap();
    eventually("the next one has read it", || has_read("good 3\n"));
    assert_ne!(running()[&service.id], first);

    Systemd.stop(&service).unwrap();
    assert!(running().is_empty());
}

#[test]
fn a_service_is_checked_started_reloaded_and_stopped() {
    if let Some(ran) = std::env::var_os(INSIDE) {
        inside();
        return fs::write(ran, "").unwrap();
    }
    if !is_root() || !has("systemd-nspawn") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut machine = Machine::new(directory.path());
    machine.write("/usr/local/bin/echo-daemon", DAEMON, 0o755);
    machine.write("/etc/systemd/system/echo@.service", UNIT, 0o644);
    machine.write("/etc/systemd/system/test.target", TARGET, 0o644);
    let program = fs::read(std::env::current_exe().unwrap()).unwrap();
    machine.write("/usr/local/bin/inside", program, 0o755);
    let netns = format!("services-{}", std::process::id());
    run(Command::new("ip").args(["netns", "add", &netns]));
    machine.boot("tl-test-services", &netns, "test.target");
    let output = machine.output(
        "env",
        &[&format!("{INSIDE}=/etc/ran"), "/usr/local/bin/inside", "--exact", TEST, "--nocapture"],
    );
    machine.power_off();
    run(Command::new("ip").args(["netns", "delete", &netns]));
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", said(&output.stdout), said(&output.stderr));
    assert!(machine.disk.join("etc/ran").exists(), "no test is called {TEST}");
}
