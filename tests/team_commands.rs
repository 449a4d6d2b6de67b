//! A team and CI, with the real program, a real git repository and real gateways.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod support;

use support::cli::Desk;
use support::gateways::{Site, TOOLS};
use support::{mesh, sandbox};
use tieline::bundle::{Build, BuiltBundle};
use tieline::compile::compile;

/// The desk of whoever keeps the repository, next to a site whose gateways trust its root.
struct Office {
    desk: Desk,
    site: Site,
}

impl Office {
    fn new() -> Self {
        let desk = Desk::new();
        for key in ["boss", "ci", "north"] {
            desk.ok(&format!("key generate {key}"));
        }
        desk.ok("root init --yes --mesh test --key boss --release-key ci.pub");
        let site = Site::new(2);
        for n in [1, 2] {
            let root = desk.read("repository/metadata/root.json");
            std::fs::write(site.gateway(n).directory.join("root.json"), root).unwrap();
        }
        Self { desk, site }
    }

    /// What `tieline build` would write for the mesh as it is now.
    fn build(&self) {
        let bundles = compile(&mesh::numbered(&self.site.mesh));
        let mut built = Build {
            format: Build::FORMAT,
            mesh: mesh::name("test"),
            source_commit: None,
            gateways: [].into(),
        };
        for (gateway, bundle) in bundles {
            let entry = BuiltBundle { length: bundle.bytes.len() as u64, sha256: bundle.digest };
            self.desk.write(&format!("build/{}", Build::bundle_file(&gateway)), &bundle.bytes);
            built.gateways.insert(gateway, entry);
        }
        self.desk.write("build/build.json", serde_json::to_vec(&built).unwrap());
    }

    fn publish(&self) -> String {
        self.desk.ok(&format!("publish {}", self.site.git.url()))
    }

    /// The port that a gateway's tunnel to the other one listens on, as installed.
    fn port(&self, n: usize) -> String {
        let gateway = self.site.gateway(n);
        let config = gateway.directory.join(format!("state/current/openvpn/tl-{}.conf", 3 - n));
        let config = std::fs::read_to_string(config).unwrap();
        let line = config.lines().find(|line| line.starts_with("lport")).unwrap();
        line.to_owned()
    }
}

/// North answers for gw-1, CI for gw-2; a change of the mesh reaches each when its own signer signs.
#[test]
fn each_gateway_follows_its_own_signer() {
    sandbox::enter("each_gateway_follows_its_own_signer", TOOLS, || {
        let mut office = Office::new();
        office.build();
        let Office { desk, .. } = &office;
        desk.ok("sign --yes --key ci");
        desk.ok("delegate set north --yes --gateway gw-1 --team-key north.pub --key ci");
        let listed = desk.run("delegate list").out;
        assert!(
            listed.contains("north: 1 of ") && listed.contains("has not signed yet"),
            "{listed}"
        );
        // The team signs at its own desk, CI adds snapshot and timestamp, and hands over.
        desk.refused("sign --yes --as north --propose --key ci", 20, "the north role needs 1");
        let said = desk.ok("sign --yes --as north --propose --key north");
        assert!(said.contains("as team north") && said.contains("sign --countersign --as north"));
        assert!(said.contains("unchanged gw-1") && !said.contains("gw-2"), "{said}");
        desk.ok("sign --yes --as north --countersign --key ci");
        let said = desk.ok("sign --yes --key ci");
        assert!(said.contains("gw-1 is left to team north"), "{said}");
        let listed = desk.run("delegate list").out;
        assert!(listed.contains("signed for gw-1 until"), "{listed}");
        office.publish();
        for n in [1, 2] {
            assert!(office.site.gateway(n).converge().contains("applied"));
        }
        let before = [office.port(1), office.port(2)];

        // Other ports everywhere. CI signs: gw-2 follows, gw-1 does not.
        office.site.mesh.tunnels.first_port = 12000;
        office.site.mesh.tunnels.last_port = 12999;
        office.build();
        office.desk.ok("sign --yes --key ci");
        office.publish();
        for n in [1, 2] {
            office.site.gateway(n).converge();
        }
        assert_eq!(office.port(1), before[0], "gw-1 is none of CI's business");
        assert_ne!(office.port(2), before[1]);
        // North signs: gw-1 follows.
        office.desk.ok("sign --yes --as north --propose --key north");
        office.desk.ok("sign --yes --as north --countersign --key ci");
        office.publish();
        for n in [1, 2] {
            office.site.gateway(n).converge();
        }
        assert_ne!(office.port(1), before[0]);

        // The team goes; CI answers for its gateway at once, and nothing has to be done for that.
        office.desk.ok("delegate remove north --yes --key ci");
        office.publish();
        assert_eq!(office.site.gateway(1).converge(), "", "the same bundle");
        assert_eq!(office.desk.run("delegate list").out, "");
        office.desk.refused("sign --yes --as north --key north", 1, "delegates nothing to north");
    });
}
