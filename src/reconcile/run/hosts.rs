//! Hosts that lack what every release needs: told of with a code of its own, no release is blamed,
//! nothing that runs is touched, and it heals by itself.

use super::simulation::{RUN, STATE, Simulation, converged};
use super::tests::{NEW, OLD, settled};
use super::*;
use crate::host::Files;
use crate::host::fake::Fate;

const KEY: &str = "/etc/tieline/identity/openvpn.key";

/// A run that has to end because the host lacks something: what it said.
fn lacking(simulation: &Simulation) -> String {
    let (ended, report) = simulation.run(Fate::Kind).unwrap();
    let Err(RunError::Host(lacks)) = &ended else { panic!("{ended:?}") };
    assert!(!report.rolled_back && report.applied.is_empty(), "{report:?}");
    let history = History::load(&simulation.host, STATE.into());
    assert!(history.rejected.is_empty(), "no release is blamed: {history:?}");
    format!("{lacks}: {}", lacks.hint())
}

#[test]
fn what_is_not_installed_blames_no_release() {
    for (program, package) in [("openvpn", "openvpn"), ("nft", "nftables"), ("ip", "iproute2")] {
        let mut simulation = Simulation::new();
        simulation.release(OLD);
        simulation.host.with(|world| world.uninstalled.insert(program));
        let said = lacking(&simulation);
        assert!(said.contains(&format!("no program `{program}`")), "{said}");
        assert!(said.contains(&format!("apt install {package}")), "{said}");
        assert!(simulation.is_bare());
        simulation.host.with(|world| world.uninstalled.clear());
        assert!(simulation.converge().starts_with("release 1 applied"));
        assert!(simulation.runs(OLD));

        // Nor does an update, and what runs stays.
        simulation.release(NEW);
        simulation.host.with(|world| world.uninstalled.insert("openvpn"));
        lacking(&simulation);
        assert!(simulation.runs(OLD));
        // Where there is nothing to do, nothing is needed.
        simulation.release(OLD);
        simulation.converge();
        simulation.release(NEW);
        simulation.host.with(|world| world.uninstalled.clear());
        simulation.converge();
        assert!(simulation.runs(NEW));
    }
}

#[test]
fn a_lost_key_is_told_of_before_anything_is_lost() {
    let mut simulation = settled();
    let good = Files::read(&simulation.host, KEY.into(), 9999).unwrap();
    let of_another_pair = rcgen::KeyPair::generate().unwrap().serialize_pem().into_bytes();
    for bad in [None, Some(b"garbage".to_vec()), Some(of_another_pair)] {
        match &bad {
            None => simulation.host.forget(KEY),
            Some(bad) => simulation.host.put(KEY, bad),
        }
        let said = lacking(&simulation);
        assert!(said.contains("identity/openvpn.") && said.contains("back"), "{said}");
        assert!(simulation.runs(OLD));
        // A release that would restart a tunnel waits, and other repairs do not.
        simulation.release(NEW);
        simulation.host.with(|world| world.network.routes.clear());
        lacking(&simulation);
        assert!(simulation.runs(OLD), "the routes are back, and no tunnel was touched");
        simulation.release(OLD);
        simulation.host.put(KEY, &good);
        simulation.converge();
    }
}

#[test]
fn without_the_device_of_tunnels_what_runs_stays() {
    let mut simulation = settled();
    simulation.host.forget("/dev/net/tun");
    assert!(lacking(&simulation).contains("/dev/net/tun"));
    simulation.release(NEW);
    lacking(&simulation);
    assert!(simulation.runs(OLD));
    simulation.host.put("/dev/net/tun", b"");
    simulation.converge();
    assert!(simulation.runs(NEW));
}

/// After a reboot, the tunnels need no firewall program to come up.
#[test]
fn what_can_be_repaired_is() {
    let simulation = settled();
    simulation.host.reboot(RUN.into());
    simulation.host.with(|world| world.uninstalled.insert("nft"));
    assert!(lacking(&simulation).contains("`nft`"));
    assert_eq!(simulation.host.with(|world| world.processes.len()), OLD.len());
    simulation.host.with(|world| world.uninstalled.clear());
    assert!(simulation.converge().starts_with("repaired: "));
    assert!(simulation.runs(OLD));
}

/// A run that is cut off, and a host that lacks something by then: its release is not blamed for it.
#[test]
fn a_transaction_that_was_cut_off_waits_for_the_host() {
    let mut simulation = settled();
    simulation.release(NEW);
    simulation.converge();
    let starts = simulation.effects().iter().position(|effect| effect == "start tl-4").unwrap();
    let mut simulation = settled();
    simulation.release(NEW);
    assert!(simulation.run(Fate::Die(starts)).is_none());
    simulation.host.with(|world| world.uninstalled.insert("openvpn"));
    lacking(&simulation);
    simulation.host.with(|world| world.uninstalled.clear());
    let (ended, _) = simulation.run(Fate::Kind).unwrap();
    assert!(converged(&ended), "{ended:?}");
    assert!(simulation.runs(NEW));
}
