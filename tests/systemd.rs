//! The units in packaging/, under the real systemd.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use support::gateways::{Site, is_root};
use support::mesh;
use support::nspawn::Machine;
use support::releases::run;
use support::skip::skip;

const PACKAGING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging");

/// A target that brings up nothing of the host's own.
const TARGET: &str = "[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n\
                      Wants=tieline-reconcile.service tieline-reconcile.timer\n";

fn has(program: &str) -> bool {
    let found = ["/usr/bin", "/bin"].iter().any(|place| Path::new(place).join(program).exists());
    if !found {
        skip(&format!("the units in packaging/ are not tested without {program}"));
    }
    found
}

#[test]
fn systemd_finds_no_fault_with_the_units() {
    if !has("systemd-analyze") {
        return;
    }
    // The unit names the path of an installed binary; what is there counts, not where.
    let directory = tempfile::tempdir().unwrap();
    let mut units = Vec::new();
    for entry in fs::read_dir(format!("{PACKAGING}/systemd")).unwrap() {
        let from = entry.unwrap().path();
        let text = fs::read_to_string(&from).unwrap();
        let text = text.replace("/usr/bin/tieline", env!("CARGO_BIN_EXE_tieline"));
        let to = directory.path().join(from.file_name().unwrap());
        fs::write(&to, text.replace("/usr/sbin/openvpn", "/bin/true")).unwrap();
        units.push(to);
    }
    units.sort();
    assert_eq!(units.len(), 3);
    // Not every machine has the manual pages that the units name.
    let verify = ["verify", "--man=no"];
    let output = Command::new("systemd-analyze").args(verify).args(&units).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    // Units of the machine this runs on are none of our business.
    let ours: Vec<_> = said.lines().filter(|line| line.contains("tieline")).collect();
    assert_eq!(ours, [""; 0]);
}

/// Waits for something that takes a while.
fn eventually(what: &str, machine: &Machine, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(90), "{what}\n{}", machine.journal());
        thread::sleep(Duration::from_millis(200));
    }
}

/// Gateway 1 of a site as a machine with systemd, everything in its usual place.
fn install(site: &Site, directory: &Path) -> Machine {
    let machine = Machine::new(directory);
    let gateway = site.gateway(1);
    let tieline = fs::read(env!("CARGO_BIN_EXE_tieline")).unwrap();
    machine.write("/usr/bin/tieline", tieline, 0o755);
    for unit in ["tieline-tunnel@.service", "tieline-reconcile.service", "tieline-reconcile.timer"]
    {
        let text = fs::read(format!("{PACKAGING}/systemd/{unit}")).unwrap();
        machine.write(&format!("/etc/systemd/system/{unit}"), text, 0o644);
    }
    // A timer that does not keep the test waiting.
    machine.write(
        "/etc/systemd/system/tieline-reconcile.timer.d/test.conf",
        "[Timer]\nOnCalendar=\nOnCalendar=*:*:0/5\nRandomizedDelaySec=0\n",
        0o644,
    );
    machine.write("/etc/systemd/system/test.target", TARGET, 0o644);
    for place in ["sysusers.d", "tmpfiles.d"] {
        let text = fs::read(format!("{PACKAGING}/{place}/tieline.conf")).unwrap();
        machine.write(&format!("/usr/lib/{place}/tieline.conf"), text, 0o644);
    }
    run(Command::new("systemd-sysusers")
        .arg("--root")
        .arg(&machine.disk)
        .arg(machine.disk.join("usr/lib/sysusers.d/tieline.conf")));
    let from = |name: &str| fs::read(gateway.directory.join(name)).unwrap();
    machine.write("/etc/tieline/root.json", from("root.json"), 0o644);
    machine.write("/etc/tieline/identity/openvpn.crt", from("identity/openvpn.crt"), 0o644);
    machine.write("/etc/tieline/identity/openvpn.key", from("identity/openvpn.key"), 0o600);
    let config = "gateway: gw-1\nmesh: test\nremotes: [file:///srv/mesh.git]\n";
    machine.write("/etc/tieline/gateway.yaml", config, 0o644);
    publish(site, &machine);
    machine
}

/// Brings the machine's copy of the git repository up to date.
fn publish(site: &Site, machine: &Machine) {
    let to = machine.disk.join("srv/mesh.git");
    let _ = fs::remove_dir_all(&to);
    run(Command::new("cp").arg("-a").arg(&site.git.directory).arg(&to));
    run(Command::new("chown").args(["-R", "0:0"]).arg(&to));
}

#[test]
fn tunnels_run_as_units_without_any_capability() {
    if !is_root() || !has("systemd-nspawn") {
        return;
    }
    let mut site = Site::new(2);
    site.release();
    let directory = tempfile::tempdir().unwrap();
    let mut machine = install(&site, directory.path());
    machine.boot("tl-test-gw1", &site.gateway(1).netns, "test.target");

    // It comes up by itself, and talks to a gateway that has no systemd.
    eventually("the tunnel's unit runs", &machine, || {
        machine.property("tieline-tunnel@tl-2.service", "ActiveState") == "active"
    });
    site.gateway(2).converge();
    eventually("packets flow", &machine, || {
        site.gateway(2).reaches("10.0.2.1", "10.0.1.1", Duration::from_millis(1))
    });

    let pid = |unit: &str| machine.property(unit, "MainPID");
    let first = pid("tieline-tunnel@tl-2.service");
    let status = machine.run("cat", &[&format!("/proc/{first}/status")]);
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert!(status.contains(&format!("{set}:\t0000000000000000")), "{set} in {status}");
    }
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    assert_eq!(machine.run("stat", &["-c", "%U", &format!("/proc/{first}")]), "tieline-openvpn");
    assert_eq!(
        machine.run("stat", &["-c", "%U %a", "/etc/tieline/identity/openvpn.key"]),
        "root 600"
    );
    let shown = machine.run("tieline", &["status"]);
    assert!(shown.contains("up since") && shown.contains(&first), "{shown}");

    // The timer runs the reconciler again and again, and nothing changes by that.
    let runs = || machine.property("tieline-reconcile.service", "ExecMainStartTimestampMonotonic");
    let before = runs();
    eventually("the timer fires", &machine, || runs() != before);
    assert_eq!(pid("tieline-tunnel@tl-2.service"), first);

    // A new peer: one unit more, and the old one is left alone.
    mesh::add(&mut site.mesh, 3);
    site.release();
    publish(&site, &machine);
    eventually("the second tunnel's unit runs", &machine, || {
        machine.property("tieline-tunnel@tl-3.service", "ActiveState") == "active"
    });
    assert_eq!(pid("tieline-tunnel@tl-2.service"), first);

    // What dies, systemd starts again.
    machine.run("kill", &["-9", &first]);
    eventually("the unit comes back", &machine, || {
        let now = pid("tieline-tunnel@tl-2.service");
        now != "0" && now != first
    });
    eventually("packets flow again", &machine, || {
        site.gateway(2).reaches("10.0.2.1", "10.0.1.1", Duration::from_millis(1))
    });

    // A removed peer: its unit goes, and its device.
    site.mesh.lans.remove("lan-3");
    site.release();
    publish(&site, &machine);
    eventually("the second tunnel's unit is gone", &machine, || {
        machine.property("tieline-tunnel@tl-3.service", "ActiveState") == "inactive"
            && site.gateway(1).devices() == ["tl-2"]
    });
}
