//! The desk of those who keep a repository, and a site whose gateways trust its root: with the
//! program's own commands, and a git server in between.

#![allow(clippy::disallowed_methods, clippy::zombie_processes)]

use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tieline::bundle::{Build, BuiltBundle};
use tieline::compile::compile;
use tieline::model::Mesh;

use super::cli::Desk;
use super::gateways::Site;
use super::mesh;
use super::releases::run;

pub struct Office {
    pub desk: Desk,
    pub site: Site,
    count: usize,
}

impl Office {
    /// A site of `count` gateways that trust the root which `desk` has made.
    pub fn new(desk: Desk, count: u16) -> Self {
        let site = Site::new(count);
        let root = desk.read("repository/metadata/root.json");
        for n in 1..=count.into() {
            std::fs::write(site.gateway(n).directory.join("root.json"), &root).unwrap();
        }
        Self { desk, site, count: count.into() }
    }

    /// Writes what `tieline build` would write for the mesh as it is now.
    pub fn build(&self) {
        build(&self.desk, &self.site.mesh);
    }

    pub fn publish(&self) -> String {
        self.desk.ok(&format!("publish {}", self.site.git.url()))
    }

    /// Lets the port range begin elsewhere, which every gateway notices.
    pub fn move_ports(&mut self, first: u16) {
        move_ports(&mut self.site.mesh, first);
    }

    /// The first port of the range that a gateway's tunnels are configured with.
    pub fn ports(&self, n: usize) -> u16 {
        let directory = self.site.gateway(n).directory.join("state/current/openvpn");
        let file = std::fs::read_dir(directory).unwrap().next().unwrap().unwrap().path();
        let config = std::fs::read_to_string(file).unwrap();
        let line = config.lines().find_map(|line| line.strip_prefix("lport ")).unwrap();
        line.parse::<u16>().unwrap() / 1000 * 1000
    }

    /// The ports of all gateways.
    pub fn all_ports(&self) -> Vec<u16> {
        (1..=self.count).map(|n| self.ports(n)).collect()
    }

    /// Starts a git server on the underlay, and has every gateway fetch from it. Its URL.
    pub fn serve(&self) -> String {
        let ip = |arguments: &[&str]| run(Command::new("ip").args(arguments));
        let underlay = self.site.underlay();
        ip(&["link", "add", "srv", "type", "veth", "peer", "name", "srvport", "netns", underlay]);
        ip(&["address", "add", "203.0.0.254/24", "dev", "srv"]);
        for device in ["lo", "srv"] {
            ip(&["link", "set", device, "up"]);
        }
        ip(&["-n", underlay, "link", "set", "srvport", "master", "net", "up"]);
        let directory = &self.site.git.directory;
        let base = directory.parent().unwrap().display();
        // It ends with the namespaces.
        Command::new("git")
            .args(["daemon", "--reuseaddr", "--export-all", "--enable=receive-pack"])
            .args(["--listen=203.0.0.254", &format!("--base-path={base}")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let name = directory.file_name().unwrap().to_str().unwrap();
        let url = format!("git://203.0.0.254/{name}");
        let up =
            || Command::new("git").args(["ls-remote", &url]).output().unwrap().status.success();
        for _ in 0..200 {
            if up() {
                break;
            }
            sleep(Duration::from_millis(20));
        }
        for n in 1..=self.count {
            self.site.gateway(n).configure(std::slice::from_ref(&url), "");
        }
        url
    }
}

/// Writes what `tieline build` would write for `mesh`.
pub fn build(desk: &Desk, mesh: &Mesh) {
    let bundles = compile(&mesh::numbered(mesh));
    let mut built = Build {
        format: Build::FORMAT,
        mesh: mesh.name.clone(),
        source_commit: None,
        tieline: None,
        gateways: [].into(),
    };
    for (gateway, bundle) in bundles {
        let entry = BuiltBundle { length: bundle.bytes.len() as u64, sha256: bundle.digest };
        desk.write(&format!("build/{}", Build::bundle_file(&gateway)), &bundle.bytes);
        built.gateways.insert(gateway, entry);
    }
    desk.write("build/build.json", serde_json::to_vec(&built).unwrap());
}

/// Lets the port range begin elsewhere.
pub fn move_ports(mesh: &mut Mesh, first: u16) {
    mesh.tunnels.first_port = first;
    mesh.tunnels.last_port = first + 999;
}
