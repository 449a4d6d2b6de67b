//! A team and CI, with the real program, a real git repository and real gateways.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod support;

use support::cli::Desk;
use support::gateways::TOOLS;
use support::office::Office;
use support::sandbox;

fn office() -> Office {
    let desk = Desk::new();
    for key in ["boss", "ci", "north"] {
        desk.ok(&format!("key generate {key}"));
    }
    desk.ok("root init --yes --mesh test --key boss --release-key ci.pub");
    Office::new(desk, 2)
}

/// North answers for gw-1, CI for gw-2; a change of the mesh reaches each when its own signer signs.
#[test]
fn each_gateway_follows_its_own_signer() {
    sandbox::enter("each_gateway_follows_its_own_signer", TOOLS, || {
        let mut office = office();
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
        assert_eq!(office.all_ports(), [11000, 11000]);

        // Other ports everywhere. CI signs: gw-2 follows, gw-1 does not.
        office.move_ports(12000);
        office.build();
        office.desk.ok("sign --yes --key ci");
        office.publish();
        for n in [1, 2] {
            office.site.gateway(n).converge();
        }
        assert_eq!(office.all_ports(), [11000, 12000], "gw-1 is none of CI's business");
        // North signs: gw-1 follows.
        office.desk.ok("sign --yes --as north --propose --key north");
        office.desk.ok("sign --yes --as north --countersign --key ci");
        office.publish();
        for n in [1, 2] {
            office.site.gateway(n).converge();
        }
        assert_eq!(office.all_ports(), [12000, 12000]);

        // The team goes; CI answers for its gateway at once, and nothing has to be done for that.
        office.desk.ok("delegate remove north --yes --key ci");
        office.publish();
        assert_eq!(office.site.gateway(1).converge(), "", "the same bundle");
        assert_eq!(office.desk.run("delegate list").out, "");
        office.desk.refused("sign --yes --as north --key north", 1, "delegates nothing to north");
    });
}
