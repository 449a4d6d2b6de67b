//! What a release may break, in the lab: a gateway is never left without its way to the next one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, missing_docs)]

mod support;

use std::time::Duration;

use support::inside;

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_gateway_cut_off_for_ten_releases_catches_up_in_one_run() {
    inside::enter("a_gateway_cut_off_for_ten_releases_catches_up_in_one_run", 3, |lab| {
        lab.all_reach(PATIENCE);
        lab.configure(1, "fetch_deadline: 2\n");
        lab.cut(1);
        let mesh = lab.mesh();
        // Each brings a prefix, and the fifth takes new ports for all tunnels.
        for n in 1..=10 {
            let prefixes: String = (1..=n).map(|n| format!(", 10.2.{n}.0/24")).collect();
            let mut mesh = mesh.replace("[10.1.3.0/24]", &format!("[10.1.3.0/24{prefixes}]"));
            if n >= 5 {
                mesh = mesh.replace("11000-11999", "12000-12999");
            }
            let release = lab.release(&mesh);
            assert_eq!(release, n + 1);
            lab.converge(2);
            lab.converge(3);
        }
        assert_eq!((lab.in_use(1), lab.in_use(2)), (1, 11));
        let ended = lab.reconcile(1);
        assert_eq!(ended.code, 10, "{}", ended.stderr);
        lab.join(1);
        let said = lab.converge(1);
        assert!(said.starts_with("gw-1: release 11 applied: 2 tunnels restarted"), "{said}");
        assert_eq!(lab.in_use(1), 11);
        lab.all_reach(PATIENCE);
    });
}
