//! The units in packaging/, under the real systemd.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stderr, clippy::print_stdout)]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use support::gateways::{Site, is_root, kill};
use support::mesh;
use support::nspawn::{Machine, has};
use support::releases::run;

const PACKAGING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging");

/// A target that brings up nothing of the host's own.
const TARGET: &str = "[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n\
                      Wants=tieline-recover.service tieline-reconcile.service \
                      tieline-reconcile.timer\n";

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
    assert_eq!(units.len(), 4);
    // Not every machine has the manual pages that the units name.
    let verify = ["verify", "--man=no"];
    let output = Command::new("systemd-analyze").args(verify).args(&units).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    // Units of the machine this runs on are none of our business.
    let ours: Vec<_> = said.lines().filter(|line| line.contains("tieline")).collect();
    assert_eq!(ours, [""; 0]);
}

/// What systemd-analyze(1) says of each unit, from 0 (walled in) to 10 (not at all). What is left is
/// what the service is for: the network, and for the reconciler root's power over it.
#[test]
fn the_units_are_walled_in() {
    if !has("systemd-analyze") {
        return;
    }
    for (unit, most) in [
        ("tieline-reconcile.service", 2.3),
        ("tieline-recover.service", 0.7),
        ("tieline-tunnel@.service", 1.3),
    ] {
        let path = format!("{PACKAGING}/systemd/{unit}");
        let output = Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--no-pager", &path])
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let overall = said.lines().last().unwrap();
        println!("{overall}");
        let exposure = overall.split(": ").nth(1).and_then(|text| text.split(' ').next());
        let exposure: f64 = exposure.unwrap().parse().unwrap();
        assert!(exposure <= most, "{said}");
    }
}

/// Gateway 1 of a site as a machine with systemd, everything in its usual place.
fn install(site: &Site, directory: &Path) -> Machine {
    let machine = Machine::new(directory);
    let tieline = fs::read(env!("CARGO_BIN_EXE_tieline")).unwrap();
    machine.write("/usr/bin/tieline", tieline, 0o755);
    for entry in fs::read_dir(format!("{PACKAGING}/systemd")).unwrap() {
        let entry = entry.unwrap();
        let unit = entry.file_name().into_string().unwrap();
        let text = fs::read(entry.path()).unwrap();
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
    machine.provision(site);
    // systemd-nspawn(1) gives each boot an id of its own, which units with a /proc of their own do
    // not see.
    for unit in ["recover", "reconcile"] {
        let see = "[Service]\nBindReadOnlyPaths=/etc/boot_id:/proc/sys/kernel/random/boot_id\n";
        machine.write(
            &format!("/etc/systemd/system/tieline-{unit}.service.d/boot.conf"),
            see,
            0o644,
        );
    }
    machine.write("/etc/boot_id", "11111111-1111-4111-8111-111111111111\n", 0o644);
    machine
}

/// The reconciler's unit with a shell in its place, which tries what it should not be able to do.
fn reconciler_is_walled_in(machine: &Machine) {
    let unit = fs::read_to_string(format!("{PACKAGING}/systemd/tieline-reconcile.service"));
    let attempts = [
        "touch /etc/tieline/x",
        "touch /usr/x",
        "touch /var/x",
        "touch /root/x",
        "ls /root/.",
        "/var/lib/tieline/true",
        "/run/tieline/true",
        "mknod /var/lib/tieline/null c 1 3",
        "cat /dev/kmsg",
        "chown 1 /var/lib/tieline/true",
        "unshare -n true",
        "mount -t tmpfs tmpfs /tmp",
        "nsenter -t 1 -m true",
        // The key of the process is root's, and the processes of others are not.
        "kill -0 1 && kill -9 $(cat /run/tieline/openvpn/tl-2.pid)",
    ];
    let mut script =
        "exec 2>/dev/null\ncp /bin/true /var/lib/tieline\ncp /bin/true /run/tieline\n".to_owned();
    for (number, attempt) in attempts.iter().enumerate() {
        let _ =
            writeln!(script, "( {attempt} ) >/dev/null && echo {number} >> /var/lib/tieline/could");
    }
    script.push_str("rm /var/lib/tieline/true /run/tieline/true\ntouch /var/lib/tieline/ended\n");
    machine.write("/usr/local/bin/attempts", script, 0o644);
    let unit =
        unit.unwrap().replace("/usr/bin/tieline reconcile", "/bin/sh /usr/local/bin/attempts");
    machine.write("/etc/systemd/system/attempts.service", unit, 0o644);
    machine.run("systemctl", &["daemon-reload"]);
    machine.run("systemctl", &["start", "attempts.service"]);
    machine.run("rm", &["/var/lib/tieline/ended"]);
    let could = machine.output("cat", &["/var/lib/tieline/could"]).stdout;
    let could = String::from_utf8(could).unwrap();
    let could: Vec<_> = could.lines().map(|n| attempts[n.parse::<usize>().unwrap()]).collect();
    assert_eq!(could, [""; 0], "the reconciler's unit leaves it this");
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
    machine.eventually("the tunnel's unit runs", || {
        machine.property("tieline-tunnel@tl-2.service", "ActiveState") == "active"
    });
    site.gateway(2).converge();
    machine.eventually("packets flow", || {
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
    // The walls around it are there, and not only asked for.
    assert!(status.contains("Seccomp:\t2"), "{status}");
    let devices = machine.run("ls", &["-R", &format!("/proc/{first}/root/dev")]);
    assert!(devices.contains("tun") && !devices.contains("kmsg"), "{devices}");
    let inside = |what: &str| {
        let shell = format!("exec {what} 2>&1");
        machine.output("nsenter", &["-m", "-t", &first, "sh", "-c", &shell])
    };
    for denied in [
        "touch /etc/x",
        "touch /var/lib/tieline/x",
        "touch /usr/x",
        "cat /var/lib/tieline/git/lock",
        "ls /etc/tieline/identity/openvpn.crt",
    ] {
        let output = inside(denied);
        assert!(!output.status.success(), "a tunnel can {denied}: {output:?}");
    }
    assert!(inside("cat /var/lib/tieline/current/openvpn/tl-2.conf").status.success());
    assert_eq!(
        machine.run("stat", &["-c", "%U %a", "/etc/tieline/identity/openvpn.key"]),
        "root 600"
    );
    let shown = machine.run("tieline", &["status"]);
    assert!(shown.contains("up since") && shown.contains(&first), "{shown}");

    reconciler_is_walled_in(&machine);

    // The timer runs the reconciler again and again, and nothing changes by that.
    let runs = || machine.property("tieline-reconcile.service", "ExecMainStartTimestampMonotonic");
    let before = runs();
    machine.eventually("the timer fires", || runs() != before);
    assert_eq!(pid("tieline-tunnel@tl-2.service"), first);

    // A new peer: one unit more, and the old one is left alone.
    mesh::add(&mut site.mesh, 3);
    site.release();
    machine.fetches_from(&site);
    machine.eventually("the second tunnel's unit runs", || {
        machine.property("tieline-tunnel@tl-3.service", "ActiveState") == "active"
    });
    assert_eq!(pid("tieline-tunnel@tl-2.service"), first);

    // What dies, systemd starts again.
    machine.run("kill", &["-9", &first]);
    machine.eventually("the unit comes back", || {
        let now = pid("tieline-tunnel@tl-2.service");
        now != "0" && now != first
    });
    machine.eventually("packets flow again", || {
        site.gateway(2).reaches("10.0.2.1", "10.0.1.1", Duration::from_millis(1))
    });

    // A removed peer: its unit goes, and its device.
    site.mesh.lans.remove("lan-3");
    site.release();
    machine.fetches_from(&site);
    machine.eventually("the second tunnel's unit is gone", || {
        machine.property("tieline-tunnel@tl-3.service", "ActiveState") == "inactive"
            && site.gateway(1).devices() == ["tl-2"]
    });
}

/// Something that answers on a port, in a network namespace, until it is dropped.
struct Listener(Child);

impl Listener {
    const PORT: &str = "8099";

    fn start(netns: &str) -> Self {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", netns, "python3", "-m", "http.server", Self::PORT]);
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The power fails while a release is on trial: at the next boot the one before is put back before
/// any tunnel starts.
#[test]
fn a_reboot_in_the_confirm_window_comes_up_with_the_release_before() {
    if !is_root() || !has("systemd-nspawn") {
        return;
    }
    let mut site = Site::new(2);
    site.release();
    let directory = tempfile::tempdir().unwrap();
    let mut machine = install(&site, directory.path());
    let check = format!("checks: [{{ tcp: '203.0.0.2:{}' }}]\n", Listener::PORT);
    machine.provision_as(&site, 1, &check);
    let listener = Listener::start(&site.gateway(2).netns);
    let netns = site.gateway(1).netns.clone();
    machine.boot("tl-test-trial", &netns, "test.target");
    site.gateway(2).converge();
    machine.eventually("packets flow", || {
        site.gateway(2).reaches("10.0.2.1", "10.0.1.1", Duration::from_millis(1))
    });
    let link = |machine: &Machine| fs::read_link(machine.disk.join("var/lib/tieline/current"));
    let journal = machine.disk.join("var/lib/tieline/journal.json");
    machine.eventually("the first release is confirmed", || !journal.exists());
    let before = link(&machine).unwrap();

    // A release that would be healthy, if what the check asks for had not gone meanwhile.
    mesh::add(&mut site.mesh, 3);
    site.release();
    machine.fetches_from(&site);
    let phase = || fs::read_to_string(&journal).unwrap_or_default();
    let start = Instant::now();
    while phase().is_empty() {
        assert!(start.elapsed() < Duration::from_mins(1), "no trial\n{}", machine.journal());
        thread::sleep(Duration::from_millis(1));
    }
    drop(listener);
    machine.eventually("the release is on trial, and its tunnel started", || {
        phase().contains("\"switched\"")
            && machine.property("tieline-tunnel@tl-3.service", "ActiveState") == "active"
    });
    assert_ne!(link(&machine).unwrap(), before);

    machine.power_off();
    machine.write("/etc/boot_id", "22222222-2222-4222-8222-222222222222\n", 0o644);
    // A power cut takes devices and routes with it; here they are the test's.
    for device in site.gateway(1).devices() {
        run(site.gateway(1).command("ip").args(["link", "delete", &device]));
    }
    machine.boot("tl-test-trial", &netns, "test.target");
    machine.eventually("the tunnel's unit runs", || {
        machine.property("tieline-tunnel@tl-2.service", "ActiveState") == "active"
    });
    // The other end would notice within 20 seconds.
    site.gateway(2).processes().values().for_each(|pid| kill(*pid));
    site.gateway(2).converge();
    machine.eventually("packets flow again", || {
        site.gateway(2).reaches("10.0.2.1", "10.0.1.1", Duration::from_millis(1))
    });
    assert_eq!(link(&machine).unwrap(), before, "{}", machine.journal());
    let started = |unit: &str| machine.property(unit, "InactiveExitTimestampMonotonic");
    assert_eq!(started("tieline-tunnel@tl-3.service"), "0", "a tunnel of the release on trial");
    assert_eq!(machine.property("tieline-recover.service", "Result"), "success");
    let at = |unit: &str, what: &str| machine.property(unit, what).parse::<u64>().unwrap();
    let recovered = at("tieline-recover.service", "ActiveEnterTimestampMonotonic");
    for unit in ["tieline-reconcile.service", "tieline-tunnel@tl-2.service"] {
        let started = at(unit, "InactiveExitTimestampMonotonic");
        assert!(recovered > 0 && recovered < started, "{recovered} {unit} {started}");
    }
    let said = machine.journal();
    assert!(said.contains("release 2 was not confirmed, so the one before is back"), "{said}");
    machine.eventually("the trial has ended", || phase().is_empty());
    // The remote still has the release. It is not tried again.
    let shown = machine.run("tieline", &["status"]);
    assert!(shown.contains("release     1"), "{shown}");
}
