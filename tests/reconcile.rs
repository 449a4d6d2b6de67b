//! What a gateway does with releases: real reconciler, real OpenVPN, real kernel.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod support;

use std::fs;
use std::time::Duration;

use support::gateways::{Site, TOOLS, kill};
use support::mesh;
use support::sandbox;

/// Two gateways with their first release in place.
fn installed() -> Site {
    let site = Site::new(2);
    site.release();
    for n in [1, 2] {
        let said = site.gateway(n).converge();
        let expected = format!(
            "gw-{n}: release 1 applied: 1 tunnel added, routes changed, firewall changed, kernel \
             settings changed\n"
        );
        assert_eq!(said, expected);
    }
    site
}

const PATIENCE: Duration = Duration::from_secs(30);

fn connected(site: &Site) -> bool {
    site.gateway(1).reaches("10.0.1.1", "10.0.2.1", PATIENCE)
}

#[test]
fn installs_a_release_and_then_keeps_still() {
    sandbox::enter("installs_a_release_and_then_keeps_still", TOOLS, || {
        let site = installed();
        assert!(connected(&site));
        let gateway = site.gateway(1);
        let (state, running) = (gateway.state(), gateway.running());
        assert_eq!(gateway.converge(), "");
        assert_eq!((gateway.state(), gateway.running()), (state, running));
    });
}

#[test]
fn a_new_peer_restarts_no_tunnel() {
    sandbox::enter("a_new_peer_restarts_no_tunnel", TOOLS, || {
        let mut site = installed();
        let before = site.gateway(1).processes();
        mesh::add(&mut site.mesh, 3);
        assert_eq!(site.release(), 2);
        let said = site.gateway(1).converge();
        assert_eq!(said, "gw-1: release 2 applied: 1 tunnel added, routes changed\n");
        let after = site.gateway(1).processes();
        assert_eq!(after.len(), 2);
        assert_eq!(after["tl-2"], before["tl-2"]);

        site.mesh.lans.get_mut("lan-2").unwrap().networks.push("10.9.0.0/24".parse().unwrap());
        site.release();
        let said = site.gateway(1).converge();
        // Nobody has set up gw-3 yet.
        let warning = "warning: gw-1: no answer from gw-3 (tl-3), as before this release\n";
        assert_eq!(said, format!("{warning}gw-1: release 3 applied: routes changed\n"));
        assert_eq!(site.gateway(1).processes(), after);

        site.mesh.lans.remove("lan-3");
        site.release();
        let said = site.gateway(1).converge();
        assert_eq!(said, "gw-1: release 4 applied: 1 tunnel removed, routes changed\n");
        assert_eq!(site.gateway(1).processes(), before);
        assert_eq!(site.gateway(1).devices(), ["tl-2"]);
        // The link, and the newest three generations.
        assert_eq!(
            fs::read_dir(site.gateway(1).directory.join("state/generations")).unwrap().count(),
            3
        );
    });
}

#[test]
fn a_release_that_does_not_concern_it_changes_nothing() {
    sandbox::enter("a_release_that_does_not_concern_it_changes_nothing", TOOLS, || {
        let site = installed();
        let gateway = site.gateway(1);
        let (state, running) = (gateway.state(), gateway.running());
        assert_eq!(site.release(), 2);
        assert_eq!(gateway.converge(), "");
        assert_eq!((gateway.state(), gateway.running()), (state, running));
    });
}

#[test]
fn repairs_what_died_without_any_network() {
    sandbox::enter("repairs_what_died_without_any_network", TOOLS, || {
        let site = installed();
        assert!(connected(&site));
        let gateway = site.gateway(1);
        fs::rename(&site.git.directory, site.git.directory.with_extension("away")).unwrap();

        kill(gateway.processes()["tl-2"]);
        let ended = gateway.reconcile();
        assert_eq!(ended.code, 10, "{}", ended.stderr);
        assert!(
            ended.stderr.starts_with("gw-1: repaired: 1 tunnel restarted\n"),
            "{}",
            ended.stderr
        );
        assert!(connected(&site));

        let running = gateway.running();
        gateway.reboot();
        let ended = gateway.reconcile();
        assert_eq!(ended.code, 10, "{}", ended.stderr);
        let expected = "gw-1: repaired: 1 tunnel added, routes changed, firewall changed, kernel \
                    settings changed\n";
        assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
        assert!(connected(&site));
        let without_pid = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(without_pid(&gateway.running()).len(), without_pid(&running).len());
    });
}

/// Each says what it is, and none is said to be the remotes' fault.
#[test]
fn what_is_no_fault_of_a_remote_is_not_called_one() {
    sandbox::enter("what_is_no_fault_of_a_remote_is_not_called_one", TOOLS, || {
        let site = installed();
        let gateway = site.gateway(1);
        let running = gateway.running();
        let fails = |code: i32, what: &str, remedy: &str| {
            let ended = gateway.reconcile();
            assert_eq!(ended.code, code, "{}", ended.stderr);
            assert!(ended.stderr.contains(what), "{}", ended.stderr);
            assert!(ended.stderr.contains(remedy), "{}", ended.stderr);
            assert!(!ended.stderr.contains("no remote answered"), "{}", ended.stderr);
            assert_eq!(gateway.running(), running);
        };
        let git = gateway.directory.join("state/git");
        fs::remove_dir_all(&git).unwrap();
        fs::create_dir(&git).unwrap();
        sandbox::run(&format!("mount -t tmpfs -o size=16k tmpfs {}", git.display()));
        fails(1, "the disk of this host takes nothing more", "make room");
        sandbox::run(&format!("umount {}", git.display()));

        let remote = |options: &str| format!("{{ url: 'ssh://git@203.0.0.9/mesh', {options} }}");
        for option in ["ssh_key", "known_hosts"] {
            gateway.configure(&[remote(&format!("{option}: /no/such/file"))], "");
            fails(78, &format!("its `{option}` cannot be read"), "put the file there");
        }
        gateway.configure(&[site.git.url()], "");
        let url = site.git.directory.display();
        sandbox::run(&format!("git -C {url} update-ref -d refs/heads/gateway/gw-1"));
        fails(22, "there is nothing for a gateway gw-1", "no longer in mesh.yaml");
    });
}
