//! What a release may break, in the lab: a gateway is never left without its way to the next one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, missing_docs)]

mod support;

use std::io::Read as _;
use std::process::Child;
use std::time::Duration;

use support::inside::{self, GIT_ADDRESS, Inside, kill_group, lan, wait_for};
use support::releases::run;

const PATIENCE: Duration = Duration::from_mins(1);

/// A mesh in which LAN 9, whose gateway nobody has set up, has the network of the git server and
/// that of LAN 2. `more` makes it another release.
fn into_a_dead_tunnel(mesh: &str, more: &str) -> String {
    let networks = format!("networks: [10.1.9.0/24, 10.77.0.0/24, 10.1.2.0/24{more}]");
    let dead = lan(9).replace("networks: [10.1.9.0/24]", &networks);
    mesh.replace("10.1.2.", "10.3.2.") + &dead
}

/// Starts a run of gateway 1, and waits until it has switched to the release.
fn switch(lab: &Inside) -> Child {
    let mut run = lab.start(1);
    wait_for("the release is switched to", PATIENCE, || {
        let ended = run.try_wait().unwrap().is_some();
        assert!(!ended, "it ended, and said: {}", said(&mut run));
        astray(lab)
    });
    run
}

/// What a run says up to its end.
fn said(run: &mut Child) -> String {
    let mut text = String::new();
    run.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    text
}

/// Whether gateway 1 sends to the git server through the dead tunnel.
fn astray(lab: &Inside) -> bool {
    let route = run(&mut lab.on_gateway(1, &["ip", "route", "get", GIT_ADDRESS]));
    route.contains("dev tl-")
}

#[test]
fn a_release_that_cuts_a_gateway_off_from_git_is_taken_back() {
    inside::enter("a_release_that_cuts_a_gateway_off_from_git_is_taken_back", 3, |lab| {
        lab.configure(1, "confirm: { window: 5 }\n");
        lab.all_reach(PATIENCE);
        let (good, before) = (lab.mesh(), lab.linked(1));
        lab.release(&into_a_dead_tunnel(&good, ""));

        // It is as bad as it looks while it lasts, and ends by itself.
        let mut run = switch(lab);
        assert_ne!(lab.linked(1), before);
        // Its routes change one after the other.
        wait_for("LAN 2 is cut off as well", PATIENCE, || !lab.reaches(1, 2));
        assert_eq!(run.wait().unwrap().code(), Some(30));
        let said = said(&mut run);
        assert!(said.contains(&format!("git://{GIT_ADDRESS}/mesh.git does not answer")), "{said}");
        assert_eq!((lab.linked(1), astray(lab)), (before.clone(), false));
        assert!(lab.reaches(1, 2) && lab.reaches(1, 3));

        // It is not tried again, and the next one is.
        let again = lab.reconcile(1);
        assert_eq!((again.code, lab.linked(1)), (30, before), "{}", again.stderr);
        lab.release(&good.replace("[10.1.3.0/24]", "[10.1.3.0/24, 10.2.3.0/24]"));
        let said = lab.converge(1);
        assert!(said.contains("release 3 applied: routes changed"), "{said}");
    });
}

#[test]
fn so_is_one_whose_run_is_killed_in_the_confirm_window() {
    inside::enter("so_is_one_whose_run_is_killed_in_the_confirm_window", 2, |lab| {
        const WINDOW: Duration = Duration::from_secs(4);
        lab.configure(1, "confirm: { window: 4 }\nfetch_deadline: 2\n");
        lab.all_reach(PATIENCE);
        let (good, before) = (lab.mesh(), lab.linked(1));
        // The next run of cron comes at once, or when the window is over.
        for (more, pause) in [("", Duration::ZERO), (", 10.9.9.0/24", WINDOW)] {
            lab.release(&into_a_dead_tunnel(&good, more));
            let mut killed = switch(lab);
            kill_group(killed.id());
            killed.wait().unwrap();
            assert!(astray(lab) && lab.linked(1) != before, "nobody has put it back yet");
            std::thread::sleep(pause);
            let ended = lab.reconcile(1);
            assert_eq!(ended.code, 30, "{}", ended.stderr);
            assert_eq!((lab.linked(1), astray(lab)), (before.clone(), false));
            assert!(lab.reaches(1, 2));
        }
    });
}

#[test]
fn both_ends_of_a_tunnel_change_far_apart_and_neither_goes_back() {
    inside::enter("both_ends_of_a_tunnel_change_far_apart_and_neither_goes_back", 2, |lab| {
        for n in [1, 2] {
            lab.configure(n, "confirm: { window: 6 }\n");
        }
        lab.all_reach(PATIENCE);
        let before = lab.processes(1);
        lab.release(&lab.mesh().replace("11000-11999", "12000-12999"));
        let said = lab.converge(1);
        let warning = "warning: gw-1: no answer yet from gw-2 (tl-2): this release changes the \
                       tunnel, and the far end may have to follow\n";
        let applied = "gw-1: release 2 applied: 1 tunnel restarted\n";
        assert_eq!(said, format!("{warning}{applied}"));
        assert_ne!(lab.processes(1), before);

        // Longer than the window of either, in which the two do not hear from each other.
        std::thread::sleep(Duration::from_secs(7));
        assert!(!lab.reaches(1, 2));
        assert_eq!((lab.converge(1), lab.in_use(1)), (String::new(), 2));
        let said = lab.converge(2);
        assert_eq!(said, "gw-2: release 2 applied: 1 tunnel restarted\n");
        lab.all_reach(PATIENCE);
        for n in [1, 2] {
            assert_eq!((lab.converge(n), lab.in_use(n)), (String::new(), 2));
        }
    });
}

#[test]
fn a_gateway_cut_off_for_ten_releases_catches_up_in_one_run() {
    inside::enter("a_gateway_cut_off_for_ten_releases_catches_up_in_one_run", 3, |lab| {
        lab.all_reach(PATIENCE);
        lab.configure(1, "fetch_deadline: 2\n");
        lab.cut(1);
        let mesh = lab.mesh();
        // Each brings a prefix, and the fifth takes new ports for all tunnels.
        for n in 1..=10 {
            let prefixes = (1..=n).fold(String::new(), |all, n| all + &format!(", 10.2.{n}.0/24"));
            let mut mesh = mesh.replace("[10.1.3.0/24]", &format!("[10.1.3.0/24{prefixes}]"));
            if n >= 5 {
                mesh = mesh.replace("11000-11999", "12000-12999");
            }
            let release = lab.release(&mesh);
            assert_eq!(release, n + 1);
            if n % 5 == 0 {
                lab.converge(2);
                lab.converge(3);
            }
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
