//! A gateway that lost what it trusts, and a remote that serves an older release.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod support;

use std::fs;

use support::gateways::{Site, TOOLS};
use support::releases::run;
use support::sandbox;

#[test]
fn an_older_release_is_refused_also_after_the_metadata_were_lost() {
    sandbox::enter("an_older_release_is_refused_also_after_the_metadata_were_lost", TOOLS, || {
        let mut site = Site::new(1);
        site.release();
        let gateway = site.gateway(1);
        gateway.converge();
        let first = site.git.directory.with_extension("first");
        run(std::process::Command::new("cp").arg("-a").arg(&site.git.directory).arg(&first));
        site.mesh.tunnels.first_port = 12000;
        site.mesh.tunnels.last_port = 12999;
        site.release();
        let gateway = site.gateway(1);
        gateway.converge();
        let before = gateway.state();

        // Everything under metadata/ is gone: an administrator tidied up, a disk was repaired.
        let metadata = gateway.directory.join("state/metadata");
        fs::remove_dir_all(&metadata).unwrap();
        gateway.configure(&[format!("file://{}", first.display())], "");
        let ended = gateway.reconcile();
        assert_eq!(ended.code, 21, "{}", ended.stderr);
        assert!(ended.stderr.contains("version 1 after version 2"), "{}", ended.stderr);
        // Not the second time either.
        assert_eq!(gateway.reconcile().code, 21);
        assert_eq!(gateway.state(), before);
        // The honest remote heals it.
        gateway.configure(&[site.git.url()], "");
        assert!(gateway.converge().contains("well again"));
        assert_eq!(gateway.state(), before);
        // A note that is damaged is forgotten, like all that is kept.
        fs::write(gateway.directory.join("state/floor.json"), "{").unwrap();
        assert_eq!(gateway.converge(), "");
    });
}
