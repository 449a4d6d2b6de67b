//! A gateway as a whole machine: the real systemd in a container whose disk is this host's, seen
//! through an overlay that goes away with the test.

#![allow(clippy::disallowed_methods)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::gateways::Site;
use super::releases::run;
use super::skip::skip;

/// Whether a program is installed; says loudly that a test does not run where it is not.
pub fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|place| place.join(program).exists());
    if !found {
        skip(&format!("what is in packaging/ is not tested without {program}"));
    }
    found
}

/// A container with systemd as its first process.
pub struct Machine {
    overlay: PathBuf,
    /// Its disk, as seen from here.
    pub disk: PathBuf,
    nspawn: Option<Child>,
    leader: u32,
}

impl Machine {
    /// A machine with a disk of its own, still switched off.
    pub fn new(directory: &Path) -> Self {
        let overlay = directory.join("machine");
        fs::create_dir(&overlay).unwrap();
        // The upper layer must not lie on what it covers.
        run(Command::new("mount").args(["-t", "tmpfs", "-o", "size=300m", "tmpfs"]).arg(&overlay));
        for name in ["upper", "work", "disk"] {
            fs::create_dir(overlay.join(name)).unwrap();
        }
        let disk = overlay.join("disk");
        let options =
            format!("lowerdir=/,upperdir={0}/upper,workdir={0}/work", overlay.to_str().unwrap());
        run(Command::new("mount").args(["-t", "overlay", "overlay", "-o", &options]).arg(&disk));
        fs::write(disk.join("etc/machine-id"), "").unwrap();
        Self { overlay, disk, nspawn: None, leader: 0 }
    }

    /// Puts a file onto its disk.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>, mode: u32) {
        let path = self.disk.join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Switches it on, in a network namespace that exists, up to `target`.
    pub fn boot(&mut self, name: &str, netns: &str, target: &str) {
        let child = Command::new("systemd-nspawn")
            .args(["-q", "--boot", "--register=no", "--keep-unit", "-M", name, "-D"])
            .arg(&self.disk)
            .arg(format!("--network-namespace-path=/run/netns/{netns}"))
            .args(["--capability=CAP_NET_ADMIN", "--bind=/dev/net/tun"])
            .arg(format!("systemd.unit={target}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let nspawn = child.id().to_string();
        self.nspawn = Some(child);
        let start = Instant::now();
        while self.leader == 0 {
            assert!(start.elapsed() < Duration::from_secs(20), "the container does not start");
            let children = fs::read_to_string(format!("/proc/{nspawn}/task/{nspawn}/children"));
            let children = children.unwrap_or_default();
            let mut children = children.split_ascii_whitespace();
            let is_init = |pid: &&str| {
                fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|of| of == "systemd\n")
            };
            self.leader = children.find(is_init).map_or(0, |pid| pid.parse().unwrap());
            thread::sleep(Duration::from_millis(50));
        }
        // systemd answers a little later.
        while !self.output("systemctl", &["show", "--property=Version"]).status.success() {
            assert!(start.elapsed() < Duration::from_secs(20), "systemd does not answer");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Runs a program in it.
    pub fn output(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.leader.to_string(), "-a", program]).args(arguments);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").output().unwrap()
    }

    /// Whether a program in it succeeds.
    pub fn succeeds(&self, program: &str, arguments: &[&str]) -> bool {
        self.output(program, arguments).status.success()
    }

    /// Runs a program in it that must succeed.
    pub fn run(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.output(program, arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {arguments:?}: {errors}\n{}", self.journal());
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A property of a unit.
    pub fn property(&self, unit: &str, property: &str) -> String {
        self.run("systemctl", &["show", "--value", "--property", property, unit])
    }

    /// Makes it gateway 1 of `site`, with everything in its usual place.
    pub fn provision(&self, site: &Site) {
        self.provision_as(site, 1, "");
    }

    /// Makes it gateway `n`, with `more` in its gateway.yaml.
    pub fn provision_as(&self, site: &Site, n: usize, more: &str) {
        let from = |name: &str| fs::read(site.gateway(n).directory.join(name)).unwrap();
        self.write("/etc/tieline/root.json", from("root.json"), 0o644);
        self.write("/etc/tieline/identity/openvpn.crt", from("identity/openvpn.crt"), 0o644);
        self.write("/etc/tieline/identity/openvpn.key", from("identity/openvpn.key"), 0o600);
        let config =
            format!("gateway: gw-{n}\nmesh: test\nremotes: [file:///srv/mesh.git]\n{more}");
        self.write("/etc/tieline/gateway.yaml", config, 0o644);
        self.fetches_from(site);
    }

    /// Brings its copy of the git repository up to date.
    pub fn fetches_from(&self, site: &Site) {
        let to = self.disk.join("srv/mesh.git");
        let _ = fs::remove_dir_all(&to);
        run(Command::new("cp").arg("-a").arg(&site.git.directory).arg(&to));
        run(Command::new("chown").args(["-R", "0:0"]).arg(&to));
    }

    /// Waits for something that takes a while.
    pub fn eventually(&self, what: &str, condition: impl Fn() -> bool) {
        let start = Instant::now();
        while !condition() {
            assert!(start.elapsed() < Duration::from_secs(90), "{what}\n{}", self.journal());
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// What its services said.
    pub fn journal(&self) -> String {
        let output = self.output("journalctl", &["--no-pager", "-o", "cat", "-u", "tieline*"]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Takes the power away.
    pub fn power_off(&mut self) {
        if let Some(mut nspawn) = self.nspawn.take() {
            let _ = Command::new("kill").args(["-9", &self.leader.to_string()]).status();
            let _ = nspawn.wait();
            self.leader = 0;
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.power_off();
        for path in [&self.disk, &self.overlay] {
            let _ = Command::new("umount").arg("--lazy").arg(path).status();
        }
    }
}
