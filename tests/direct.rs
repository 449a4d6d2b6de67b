//! Tunnels without systemd: the daemon has no privilege of its starter, and what keeps it from
//! starting is said in its words.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod support;

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt};

use support::gateways::{Ended, Site, TOOLS, is_root, kill};
use support::sandbox::{self, run};

#[test]
fn openvpn_keeps_nothing_of_root() {
    if !is_root() {
        return;
    }
    let site = Site::new(2);
    site.release();
    let gateway = site.gateway(1);
    gateway.converge();
    let status =
        fs::read_to_string(format!("/proc/{}/status", gateway.processes()["tl-2"])).unwrap();
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert!(status.contains(&format!("{set}:\t0000000000000000")), "{set} in {status}");
    }
    assert!(status.contains("Uid:\t65534\t65534\t65534\t65534"), "{status}");
    assert!(status.contains("Groups:\t \n") || status.contains("Groups:\t\n"), "{status}");
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    // Whoever may write to the management socket can end the tunnel.
    let command = fs::read_to_string(format!("/proc/{}/cmdline", gateway.processes()["tl-2"]));
    assert!(command.unwrap().contains("--management-client-user\0root\0"));
    // The key that was enrolled stays root's.
    let key = fs::metadata(gateway.directory.join("identity/openvpn.key")).unwrap();
    assert_eq!((key.uid(), key.mode() & 0o777), (0, 0o600));
    let copy = fs::metadata(gateway.directory.join("run/openvpn/openvpn.key")).unwrap();
    assert_eq!((copy.uid(), copy.mode() & 0o777), (65534, 0o600));
}

#[test]
fn another_user_may_run_the_tunnels_from_now_on() {
    if !is_root() {
        return;
    }
    let site = Site::new(2);
    site.release();
    let gateway = site.gateway(1);
    gateway.converge();
    let copy = gateway.directory.join("run/openvpn/openvpn.key");
    assert!(copy.exists());
    let config = gateway.directory.join("gateway.yaml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("openvpn_user: nobody\n", "")).unwrap();
    let said = gateway.converge();
    assert!(said.starts_with("gw-1: repaired: 1 tunnel restarted"), "{said}");
    assert!(!copy.exists(), "nobody keeps a copy of the key");
    fs::write(&config, text).unwrap();
    let said = gateway.converge();
    assert!(said.starts_with("gw-1: repaired: 1 tunnel restarted"), "{said}");
}

#[test]
fn what_keeps_openvpn_from_starting_is_said() {
    sandbox::enter("what_keeps_openvpn_from_starting_is_said", TOOLS, || {
        let site = Site::new(2);
        site.release();
        let gateway = site.gateway(1);
        // In this mount namespace, OpenVPN is something that ends at once.
        let broken = gateway.directory.join("broken");
        fs::write(&broken, "#!/bin/sh\necho cannot get memory\nexit 1\n").unwrap();
        run(&format!("chmod 755 {}", broken.display()));
        let breaks = || run(&format!("mount --bind {} /usr/sbin/openvpn", broken.display()));
        let works_again = || run("umount /usr/sbin/openvpn");
        breaks();
        let ended = gateway.reconcile();
        assert_eq!(ended.code, 30, "{}", ended.stderr);
        let said = ended.stderr.lines().next().unwrap();
        assert!(said.contains("tunnel tl-2: OpenVPN ended at once"), "{said:#?}");
        assert!(said.contains("cannot get memory"), "{said:#?}");
        let lift = || {
            let mut command = gateway.command(env!("CARGO_BIN_EXE_tieline"));
            command.args(["rollback", "--lift", "--config"]);
            let ended = command.arg(gateway.directory.join("gateway.yaml")).output().unwrap();
            assert!(ended.status.success(), "{ended:?}");
        };
        lift();
        works_again();
        gateway.converge();

        // What ran before is no reason to go back, and is tried by every run.
        breaks();
        kill(gateway.processes()["tl-2"]);
        let ended = gateway.reconcile();
        assert_eq!(ended.code, 1, "{}", ended.stderr);
        assert!(ended.stderr.contains("cannot get memory"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("restarted"), "nothing was: {}", ended.stderr);
        let again = gateway.reconcile();
        assert_eq!((again.code, again.stderr.as_str()), (1, ""), "said once");
    });
}

/// No release is blamed for it, what runs is left alone, and the next run goes on by itself.
#[test]
fn what_the_host_lacks_is_said_before_anything_is_applied() {
    sandbox::enter("what_the_host_lacks_is_said_before_anything_is_applied", TOOLS, || {
        let site = Site::new(2);
        site.release();
        let gateway = site.gateway(1);
        let key = gateway.directory.join("identity/openvpn.key");
        let good = fs::read(&key).unwrap();
        let fails = |what: &str| {
            let ended = gateway.reconcile();
            assert_eq!(ended.code, 78, "{}", ended.stderr);
            assert!(ended.stderr.contains(what), "{}", ended.stderr);
            assert!(ended.stderr.contains("help: "), "{}", ended.stderr);
            let history = gateway.directory.join("state/history.json");
            let history = fs::read_to_string(history).unwrap_or_default();
            assert!(!history.contains("\"reason\""), "{history}");
        };
        // Not installed: what is in its place cannot be executed.
        run("mount --bind /etc/passwd /usr/sbin/openvpn");
        fails("no program `openvpn`");
        assert_eq!(gateway.devices(), [""; 0]);
        run("umount /usr/sbin/openvpn");
        gateway.converge();

        let before = gateway.running();
        fs::remove_file(&key).unwrap();
        fails("has no private key beside it");
        let status = String::from_utf8(gateway.status_command().output().unwrap().stdout).unwrap();
        assert!(status.contains("failed: this host lacks"), "{status}");
        fs::write(&key, "no key").unwrap();
        run(&format!("chmod 600 {}", key.display()));
        fails("is not a P-256 private key");
        fs::write(&key, &good).unwrap();
        run(&format!("chmod 640 {}", key.display()));
        fails("may be read by others");
        assert_eq!(gateway.running(), before, "nothing that runs is touched");
        run(&format!("chmod 600 {}", key.display()));
        assert!(gateway.converge().contains("well again"));
        assert_eq!(gateway.running(), before);
    });
}

/// Whoever can open a lock can hold it, and a run that waits for it fails.
#[test]
fn nobody_else_can_hold_a_lock_or_write_anything() {
    sandbox::enter("nobody_else_can_hold_a_lock_or_write_anything", TOOLS, || {
        let site = Site::new(2);
        site.release();
        let gateway = site.gateway(1);
        // What an earlier version left.
        let git = gateway.directory.join("state/git");
        fs::create_dir_all(&git).unwrap();
        fs::write(git.join("lock"), "").unwrap();
        let careless = ["sh", "-c", "umask 0; exec \"$0\" \"$@\""];
        let ended = Ended::from(gateway.reconcile_command(&careless).output().unwrap());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let (mut locks, mut open) = (0, Vec::new());
        for directory in ["state", "run"] {
            let mut left = vec![gateway.directory.join(directory)];
            while let Some(path) = left.pop() {
                let found = fs::symlink_metadata(&path).unwrap();
                let is_lock = path.file_name().unwrap() == "lock";
                // OpenVPN lets everybody connect to its socket, and looks at who does.
                let exempt = found.is_symlink() || found.file_type().is_socket();
                let too_open = if is_lock { 0o077 } else { 0o022 };
                if !exempt && found.mode() & too_open != 0 {
                    open.push(format!("{} {:o}", path.display(), found.mode()));
                }
                locks += usize::from(is_lock);
                if found.is_dir() {
                    left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                }
            }
        }
        assert_eq!(open, [""; 0], "open to others");
        assert_eq!(locks, 2);
    });
}

#[test]
fn a_mistake_in_gateway_yaml_is_shown_where_it_is() {
    sandbox::enter("a_mistake_in_gateway_yaml_is_shown_where_it_is", TOOLS, || {
        let site = Site::new(1);
        let gateway = site.gateway(1);
        gateway.configure(&[site.git.url()], "servces: systemd\n");
        let ended = gateway.reconcile();
        assert_eq!(ended.code, 78, "{}", ended.stderr);
        let expected = "gateway.yaml:11:1: unknown field `servces`";
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 2, "{}", ended.stderr);

        gateway.configure(&[site.git.url()], "");
        fs::remove_file(gateway.directory.join("identity/openvpn.crt")).unwrap();
        let ended = gateway.reconcile();
        assert_eq!(ended.code, 78, "{}", ended.stderr);
        assert!(ended.stderr.contains("help: `tieline enroll gw-1`"), "{}", ended.stderr);
    });
}

#[test]
fn two_runs_at_once_are_one() {
    sandbox::enter("two_runs_at_once_are_one", TOOLS, || {
        let site = Site::new(1);
        site.release();
        let gateway = site.gateway(1);
        gateway.converge();
        let lock = fs::File::open(gateway.directory.join("run/lock")).unwrap();
        lock.lock().unwrap();
        let ended = gateway.reconcile();
        assert_eq!(ended.code, 75, "{}", ended.stderr);
        assert!(ended.stderr.contains("another run"), "{}", ended.stderr);
        drop(lock);
        assert_eq!(gateway.converge(), "");
    });
}
