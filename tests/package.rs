//! The Debian package on a machine with systemd: what its installation, upgrade, removal and purge
//! do, and what they leave alone. And its file for cron, on machines that have nothing else.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use support::gateways::{Site, is_root};
use support::nspawn::{Machine, has};
use support::releases::run;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A target that brings up nothing of the host's own, but what was enabled by the package.
const TARGET: &str = "[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n\
                      Wants=timers.target\n";

/// The package of the program under test, as `version`.
fn package(directory: &Path, version: &str) -> PathBuf {
    let target = directory.join("target");
    fs::create_dir_all(target.join("release")).unwrap();
    let tieline = target.join("release/tieline");
    fs::copy(env!("CARGO_BIN_EXE_tieline"), tieline).unwrap();
    let deb = directory.join(format!("tieline_{version}.deb"));
    let mut build = Command::new(format!("{ROOT}/.ci/package"));
    build.arg(&target).args(["--quiet", "--fast", "--no-strip", "--deb-version", version]);
    run(build.arg("--output").arg(&deb));
    deb
}

fn can_build() -> bool {
    has("cargo-deb") && has("dpkg-deb")
}

#[test]
fn the_package_holds_what_it_should_and_nothing_of_this_machine() {
    if !can_build() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let deb = package(directory.path(), "1.2.3-1");
    let list = run(Command::new("dpkg-deb").arg("--contents").arg(&deb));
    let mut modes = BTreeMap::new();
    for line in list.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(words[1], "0/0", "{line}");
        modes.insert(words[5].trim_start_matches('.').to_owned(), words[0].to_owned());
    }
    for file in [
        "/usr/lib/systemd/system/tieline-reconcile.service",
        "/usr/lib/systemd/system/tieline-reconcile.timer",
        "/usr/lib/systemd/system/tieline-recover.service",
        "/usr/lib/systemd/system/tieline-tunnel@.service",
        "/usr/lib/sysusers.d/tieline.conf",
        "/usr/lib/tmpfiles.d/tieline.conf",
        "/etc/cron.d/tieline",
        "/usr/share/man/man1/tieline.1.gz",
        "/usr/share/man/man1/tieline-reconcile.1.gz",
        "/usr/share/bash-completion/completions/tieline",
        "/usr/share/zsh/vendor-completions/_tieline",
        "/usr/share/fish/vendor_completions.d/tieline.fish",
        "/usr/share/doc/tieline/gateway.md",
        "/usr/share/doc/tieline/copyright",
        "/usr/share/doc/tieline/examples/gateway.yaml",
        "/usr/share/doc/tieline/examples/prometheus/alerts.yml",
        "/usr/share/doc/tieline/examples/grafana/tieline.json",
    ] {
        assert_eq!(modes.get(file).map(String::as_str), Some("-rw-r--r--"), "{file}");
    }
    assert_eq!(modes["/usr/bin/tieline"], "-rwxr-xr-x");
    // Whatever else is in the tree of the sources stays there.
    for path in modes.keys() {
        let known = ["/usr/", "/etc/cron.d"].iter().any(|place| path.starts_with(place));
        assert!(known || path == "/etc/", "{path}");
    }
    let field = |name: &str| run(Command::new("dpkg-deb").arg("--field").arg(&deb).arg(name));
    assert_eq!(field("Version").trim(), "1.2.3-1");
    for needed in ["openvpn (>= 2.6~)", "iproute2", "nftables", "util-linux", "libc6"] {
        assert!(field("Depends").contains(needed), "{needed} in {}", field("Depends"));
    }
    let conffiles = run(Command::new("dpkg-deb").args(["--info"]).arg(&deb).arg("conffiles"));
    assert_eq!(conffiles.trim(), "/etc/cron.d/tieline");
}

#[test]
fn the_example_of_gateway_yaml_is_one() {
    let desk = support::cli::Desk::new();
    desk.write("gateway.yaml", fs::read(format!("{ROOT}/packaging/gateway.yaml")).unwrap());
    let shown = desk.run("status --config gateway.yaml");
    assert!(shown.out.contains("perth of mesh acme"), "{}{}", shown.out, shown.err);
}

/// The machine on which everything happens.
struct Host<'a> {
    machine: Machine,
    site: &'a Site,
}

impl Host<'_> {
    fn dpkg(&self, arguments: &[&str]) -> String {
        let environment = ["DEBIAN_FRONTEND=noninteractive", "dpkg"];
        self.machine.run("env", &[&environment[..], arguments].concat())
    }

    fn has(&self, path: &str) -> bool {
        // A link that leads nowhere is there, too.
        fs::symlink_metadata(self.machine.disk.join(path.trim_start_matches('/'))).is_ok()
    }

    fn enabled(&self, unit: &str) -> bool {
        self.machine.succeeds("systemctl", &["is-enabled", "--quiet", unit])
    }

    fn tunnel(&self) -> String {
        self.machine.property("tieline-tunnel@tl-2.service", "MainPID")
    }

    fn comes_up(&self) {
        self.machine.eventually("the tunnel's unit runs", || self.tunnel() != "0");
        self.site.gateway(2).converge();
        self.machine.eventually("packets flow", || {
            self.site.gateway(2).reaches("10.0.2.1", "10.0.1.1", Duration::from_millis(1))
        });
    }

    fn runs(&self) -> String {
        self.machine.property("tieline-reconcile.service", "ExecMainStartTimestampMonotonic")
    }
}

#[test]
fn installed_upgraded_removed_and_purged() {
    if !is_root() || !has("systemd-nspawn") || !can_build() {
        return;
    }
    let site = Site::new(2);
    site.release();
    let directory = tempfile::tempdir().unwrap();
    let machine = Machine::new(directory.path());
    for version in ["1.0.0-1", "1.0.1-1"] {
        let deb = package(directory.path(), version);
        machine.write(&format!("/srv/{version}.deb"), fs::read(deb).unwrap(), 0o644);
    }
    // Images for containers forbid packages to start anything.
    let _ = fs::remove_file(machine.disk.join("usr/sbin/policy-rc.d"));
    // A timer that does not keep the test waiting.
    let often = "[Timer]\nOnCalendar=\nOnCalendar=*:*:0/2\nRandomizedDelaySec=0\n";
    machine.write("/etc/systemd/system/tieline-reconcile.timer.d/test.conf", often, 0o644);
    machine.write("/etc/systemd/system/test.target", TARGET, 0o644);
    let mut host = Host { machine, site: &site };
    host.machine.boot("tl-test-deb", &site.gateway(1).netns, "test.target");

    // Installed: the timer ticks, and does nothing as long as nobody configured anything.
    host.dpkg(&["--install", "/srv/1.0.0-1.deb"]);
    for unit in ["reconcile.timer", "reconcile.service", "recover.service"] {
        assert!(host.enabled(&format!("tieline-{unit}")), "{unit}");
    }
    let timer = || host.machine.property("tieline-reconcile.timer", "LastTriggerUSecMonotonic");
    host.machine.eventually("the timer ticks", || timer() != "0");
    host.machine.eventually("the service is asked for", || {
        host.machine.property("tieline-reconcile.service", "ConditionResult") == "no"
    });
    assert_eq!((host.runs().as_str(), host.machine.journal().contains("rror")), ("0", false));
    assert!(host.machine.succeeds("id", &["tieline-openvpn"]));
    assert!(host.has("/etc/tieline") && host.has("/usr/share/man/man1/tieline.1.gz"));
    assert!(host.machine.run("tieline", &["--version"]).starts_with("tieline "));

    // Configured: it comes up by itself.
    host.machine.provision(&site);
    host.comes_up();

    // Upgraded: the program is another one, and no tunnel notices.
    let tunnel = host.tunnel();
    let cron = "# Not on this host.\n";
    host.machine.write("/etc/cron.d/tieline", cron, 0o644);
    host.machine.run("systemctl", &["disable", "--now", "tieline-reconcile.timer"]);
    host.dpkg(&["--install", "/srv/1.0.1-1.deb"]);
    assert_eq!(host.machine.run("dpkg-query", &["-W", "-f=${Version}", "tieline"]), "1.0.1-1");
    assert_eq!(host.tunnel(), tunnel, "an upgrade restarts no tunnel");
    assert_eq!(host.machine.run("cat", &["/etc/cron.d/tieline"]), cron.trim());
    assert!(!host.enabled("tieline-reconcile.timer"), "what was disabled stays disabled");
    let active = host.machine.property("tieline-reconcile.timer", "ActiveState");
    assert_eq!(active, "inactive");
    host.machine.run("systemctl", &["enable", "--now", "tieline-reconcile.timer"]);
    let before = host.runs();
    host.machine.eventually("the new program runs", || host.runs() != before);
    assert_eq!(host.tunnel(), tunnel, "and restarts none either");

    // Rebooted: what was installed comes up.
    host.machine.power_off();
    host.machine.boot("tl-test-deb", &site.gateway(1).netns, "test.target");
    host.comes_up();

    // Removed: nothing runs, nothing is lost.
    host.dpkg(&["--remove", "tieline"]);
    assert_eq!(host.tunnel(), "0");
    assert_eq!(site.gateway(1).devices(), [""; 0]);
    let rules = run(site.gateway(1).command("nft").args(["list", "ruleset"]));
    assert!(!rules.contains("tieline"), "{rules}");
    for kept in [
        "/etc/tieline/identity/openvpn.key",
        "/etc/tieline/gateway.yaml",
        "/var/lib/tieline/current",
    ] {
        assert!(host.has(kept), "{kept} is gone");
    }
    // cron's file is still there, and its line says nothing about the program that is gone.
    let line = fs::read_to_string(format!("{ROOT}/packaging/cron.d/tieline")).unwrap();
    let (_, command) = line.lines().last().unwrap().split_once("root").unwrap();
    let without_systemd = command.replace("/run/systemd/system", "/nonexistent");
    assert_eq!(host.machine.run("sh", &["-c", &format!("({without_systemd}) 2>&1")]), "");

    // Installed again: as if nothing had happened.
    host.dpkg(&["--install", "/srv/1.0.1-1.deb"]);
    host.comes_up();

    // Purged: what Tieline can make again is gone, what people put there is not.
    host.dpkg(&["--purge", "tieline"]);
    for gone in ["/var/lib/tieline", "/run/tieline", "/etc/cron.d/tieline", "/usr/bin/tieline"] {
        assert!(!host.has(gone), "{gone} is left");
    }
    let links =
        host.machine.run("find", &["/etc/systemd/system", "-type", "l", "-name", "tieline*"]);
    assert_eq!(links, "");
    for kept in ["identity/openvpn.key", "identity/openvpn.crt", "root.json", "gateway.yaml"] {
        assert!(host.has(&format!("/etc/tieline/{kept}")), "{kept} is gone");
    }
}

/// A program in the place of a mailer: it keeps what cron mails.
const MAILER: &str = "#!/bin/sh\ncat >> /var/mails\n";

/// Brings cron up on a machine that has no systemd, and a process table of its own.
const INIT: &str = "mount -t proc proc /proc && mount -t tmpfs tmpfs /run && exec cron -f";

/// Debian's cron as the first process of a machine.
struct Cron(Child);

impl Cron {
    fn start(machine: &Machine, netns: &str) -> Self {
        let disk = machine.disk.to_str().unwrap();
        let inside = format!("mount --rbind /dev {disk}/dev && exec chroot {disk} sh -c '{INIT}'");
        let mut command = Command::new("ip");
        command.args(["netns", "exec", netns, "unshare", "--mount", "--pid", "--fork"]);
        command.args(["--kill-child", "sh", "-c", &inside]);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Cron {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn two_gateways_converge_by_cron_alone() {
    if !is_root() || !has("cron") {
        return;
    }
    let site = Site::new(2);
    site.release();
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let machines: Vec<_> = directories.iter().map(|place| Machine::new(place.path())).collect();
    let mut crons = Vec::new();
    for (machine, n) in machines.iter().zip(1..) {
        machine.provision_as(&site, n, "services: direct\nopenvpn_user: nobody\n");
        machine.write("/usr/bin/tieline", fs::read(env!("CARGO_BIN_EXE_tieline")).unwrap(), 0o755);
        machine.write("/usr/sbin/sendmail", MAILER, 0o755);
        // What else the host's cron does is none of our business.
        for theirs in ["etc/cron.d", "etc/crontab", "var/spool/cron/crontabs"] {
            let path = machine.disk.join(theirs);
            let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
        }
        let line = fs::read(format!("{ROOT}/packaging/cron.d/tieline")).unwrap();
        machine.write("/etc/cron.d/tieline", line, 0o644);
        crons.push(Cron::start(machine, &site.gateway(n).netns));
    }
    // Cron looks at the full minute.
    let start = Instant::now();
    while !site.gateway(2).reaches("10.0.2.1", "10.0.1.1", Duration::from_secs(1)) {
        assert!(start.elapsed() < Duration::from_mins(2), "cron brought no tunnel up");
        thread::sleep(Duration::from_millis(500));
    }
    // One mail a gateway, with one line.
    for (machine, name) in machines.iter().zip(["gw-1", "gw-2"]) {
        let mails = || fs::read_to_string(machine.disk.join("var/mails")).unwrap_or_default();
        while mails().is_empty() {
            assert!(start.elapsed() < Duration::from_mins(3), "cron of {name} mailed nothing");
            thread::sleep(Duration::from_millis(100));
        }
        let mails = mails();
        let (_, mail) = mails.split_once("\n\n").unwrap();
        let applied = format!("{name}: release 1 applied: 1 tunnel added");
        assert!(mail.starts_with(&applied) && mail.lines().count() == 1, "{mail}");
    }
}
