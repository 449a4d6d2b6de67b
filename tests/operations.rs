//! What an administrator does to a gateway, and what it tells of: drift, holds, dry runs, logs,
//! commands, metrics.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use serde_json::Value;
use support::gateways::{Ended, Gateway, Site, TOOLS};
use support::{mesh, sandbox};

/// A site with a release in use on gateway 1.
fn site() -> Site {
    let site = Site::new(2);
    site.release();
    site.gateway(1).converge();
    site
}

/// Runs `tieline` with arguments separated by blanks, and this gateway's configuration.
fn tieline(gateway: &Gateway, arguments: &str) -> Ended {
    let mut command = gateway.command(env!("CARGO_BIN_EXE_tieline"));
    command.args(arguments.split(' ')).arg("--config");
    Ended::from(command.arg(gateway.directory.join("gateway.yaml")).output().unwrap())
}

/// JSON that has to fit its schema.
fn json(ended: &Ended, schema: &str) -> Value {
    let value: Value = serde_json::from_str(&ended.stdout).unwrap();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema").join(schema);
    let schema: Value = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?} in {value:#}");
    value
}

/// The firewall, with the handles by which the kernel knows its parts left out.
fn ruleset(gateway: &Gateway) -> String {
    let output = gateway.command("nft").args(["list", "ruleset"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn nft(gateway: &Gateway, line: &str) {
    let done = gateway.command("nft").args(line.split(' ')).status().unwrap();
    assert!(done.success(), "nft {line}");
}

#[test]
fn what_is_changed_by_hand_is_put_right_without_network() {
    sandbox::enter("what_is_changed_by_hand_is_put_right_without_network", TOOLS, || {
        let site = site();
        let gateway = site.gateway(1);
        let (rules, kept) = (ruleset(gateway), gateway.state());
        gateway.configure(&["file:///nowhere/mesh.git".to_owned()], "");
        let said = |gateway: &Gateway| {
            let ended = gateway.reconcile();
            assert_eq!(ended.code, 10, "{}", ended.stderr);
            ended.stderr
        };
        assert!(said(gateway).contains("no remote answered"));
        assert_eq!(said(gateway), "", "said once");

        // A table of somebody else's is nobody's business.
        nft(gateway, "add table inet other");
        assert_eq!(said(gateway), "");
        nft(gateway, "delete table inet other");
        for line in [
            "add rule inet tieline forward counter accept",
            "insert rule inet tieline forward drop",
            "add chain inet tieline more",
            "add set inet tieline s { type ipv4_addr; }",
            "flush chain inet tieline forward",
            "delete table inet tieline",
        ] {
            nft(gateway, line);
            assert_eq!(said(gateway), "gw-1: repaired: firewall changed\n", "{line}");
            assert_eq!(ruleset(gateway), rules, "{line}");
            assert_eq!(said(gateway), "", "{line}");
        }

        let conf = gateway.directory.join("state/current/openvpn/tl-2.conf");
        let good = fs::read(&conf).unwrap();
        let before = gateway.processes();
        let damages: [&dyn Fn(); 4] = [
            &|| fs::write(&conf, "verb 9\n").unwrap(),
            &|| fs::remove_file(&conf).unwrap(),
            &|| fs::set_permissions(&conf, fs::Permissions::from_mode(0o600)).unwrap(),
            &|| {
                let elsewhere = gateway.directory.join("elsewhere.conf");
                fs::write(&elsewhere, &good).unwrap();
                fs::remove_file(&conf).unwrap();
                std::os::unix::fs::symlink(elsewhere, &conf).unwrap();
            },
        ];
        for damage in damages {
            damage();
            let repaired = "gw-1: repaired: 1 file restored, 1 tunnel restarted\n";
            assert_eq!(said(gateway), repaired);
            assert_eq!(gateway.state(), kept);
            assert_eq!(said(gateway), "");
        }
        assert_ne!(gateway.processes(), before);

        let status = json(&tieline(gateway, "--format json status"), "status.schema.json");
        let drift = &status["last_run"]["counts"]["drift"];
        assert_eq!(
            (&drift["files"], &drift["units"]["tunnel"], &drift["units"]["nftables"]),
            (&4.into(), &4.into(), &6.into())
        );
        // With the remote back, that is said once.
        gateway.configure(&[site.git.url()], "");
        let well = gateway.converge();
        assert!(well.starts_with("gw-1: well again; runs had failed since 2"), "{well}");
        assert_eq!(gateway.converge(), "");
        // Who asks for more hears what was looked at.
        let idle = Ended::from(gateway.reconcile_command(&[]).arg("-v").output().unwrap());
        assert_eq!((idle.code, idle.stdout.as_str()), (0, ""));
        let said = "gw-1: nothing to do: release 1 is the newest, and devices, tunnels, routes, firewall \
                    and settings are as it asks\n";
        assert!(idle.stderr.ends_with(said), "{}", idle.stderr);
    });
}

#[test]
fn without_repair_drift_is_told_of() {
    sandbox::enter("without_repair_drift_is_told_of", TOOLS, || {
        let site = site();
        let gateway = site.gateway(1);
        nft(gateway, "delete table inet tieline");
        for _ in 0..2 {
            let ended = tieline(gateway, "reconcile --no-repair --detailed-exitcode");
            let said = "gw-1: drift, not repaired: load nftables/tieline.nft\n";
            assert_eq!((ended.code, ended.stderr.as_str()), (2, said));
            assert_eq!(ruleset(gateway), "");
        }
        assert_eq!(gateway.converge(), "gw-1: repaired: firewall changed\n");
    });
}

#[test]
fn on_hold_nothing_is_applied() {
    sandbox::enter("on_hold_nothing_is_applied", TOOLS, || {
        let mut site = site();
        let said = tieline(site.gateway(1), "hold --for 2h new switch");
        assert_eq!(said.code, 0, "{}", said.stderr);
        assert!(said.stderr.starts_with("gw-1: on hold until 2"), "{}", said.stderr);
        mesh::add(&mut site.mesh, 3);
        site.release();
        let gateway = site.gateway(1);
        let ended = gateway.reconcile();
        assert_eq!(ended.code, 40);
        assert!(ended.stderr.contains(": new switch\nhelp: "), "{}", ended.stderr);
        let again = gateway.reconcile();
        assert_eq!((again.code, again.stderr.as_str()), (40, ""), "said once");
        let again = tieline(gateway, "-v reconcile");
        assert!(again.stderr.contains("new switch"), "{}", again.stderr);
        let status = json(&tieline(gateway, "--format json status"), "status.schema.json");
        assert_eq!(status["hold"]["reason"], "new switch");
        assert_eq!(status["generation"]["release"], 1);
        assert!(tieline(gateway, "status").stdout.contains("\nhold        on hold until 2"));

        let run = json(&tieline(gateway, "--format json reconcile"), "last-run.schema.json");
        assert_eq!(run["outcome"], "on-hold");

        let released = tieline(gateway, "release-hold");
        assert_eq!(released.code, 0);
        let said = "gw-1: no longer on hold; it was on hold until 2";
        assert!(released.stderr.starts_with(said), "{}", released.stderr);
        let said = gateway.converge();
        assert!(said.contains("gw-1: release 2 applied: ") && said.contains("no longer on hold"));
        assert_eq!(gateway.converge(), "");
    });
}

#[test]
fn a_dry_run_says_what_would_happen_and_changes_nothing() {
    sandbox::enter("a_dry_run_says_what_would_happen_and_changes_nothing", TOOLS, || {
        let mut site = site();
        let gateway = site.gateway(1);
        let ended = tieline(gateway, "reconcile --dry-run --detailed-exitcode");
        assert_eq!((ended.code, ended.stdout.as_str()), (0, "gw-1: nothing would change\n"));
        nft(gateway, "delete table inet tieline");
        mesh::add(&mut site.mesh, 3);
        site.release();
        let gateway = site.gateway(1);
        let note = || fs::read(gateway.directory.join("run/status.json")).unwrap();
        let seen = (gateway.running(), gateway.state(), gateway.trusted(), note());
        let ended = tieline(gateway, "reconcile --dry-run --detailed-exitcode");
        assert_eq!((ended.code, ended.stderr.as_str()), (2, ""));
        let expected = "\
gw-1: would be repaired first:
  + load nftables/tieline.nft
gw-1: release 2 would be applied: 1 tunnel added, routes changed, firewall changed
";
        let without_moves: String = ended
            .stdout
            .lines()
            .filter(|line| !line.contains("tl-3"))
            .fold(String::new(), |text, line| text + line + "\n");
        assert!(without_moves.starts_with(expected), "{}", ended.stdout);
        assert!(ended.stdout.contains("\n  + start tl-3\n"), "{}", ended.stdout);
        let preview = tieline(gateway, "--format json reconcile --dry-run");
        let preview = json(&preview, "preview.schema.json");
        assert_eq!((&preview["in_use"], &preview["newest"]), (&1.into(), &2.into()));
        assert_eq!(preview["drift"][0]["kind"], "add");
        assert_eq!((gateway.running(), gateway.state(), gateway.trusted(), note()), seen);
    });
}

/// A log that a test listens to.
fn listen(path: &str) -> UnixDatagram {
    fs::create_dir_all(Path::new(path).parent().unwrap()).unwrap();
    let socket = UnixDatagram::bind(path).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

/// What has been written to it, an entry a text.
fn entries(socket: &UnixDatagram) -> Vec<String> {
    let mut buffer = [0; 8192];
    let mut entries = Vec::new();
    while let Ok(length) = socket.recv(&mut buffer) {
        entries.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
    }
    entries
}

#[test]
fn the_log_commands_and_metrics_get_to_know() {
    sandbox::enter("the_log_commands_and_metrics_get_to_know", TOOLS, || {
        let mut site = Site::new(2);
        site.release();
        let gateway = site.gateway(1);
        let place = gateway.directory.display();
        let journal = listen("/run/systemd/journal/socket");
        let (told, metrics) = (format!("{place}/told"), format!("{place}/tieline.prom"));
        let hook = |key: &str| {
            let script = format!("env >> {told}; echo \"{key} $1\" >> {told}");
            format!("{key}: [/bin/sh, -c, '{script}', sh, 'a  b; c']\n")
        };
        let more = ["on_success", "on_failure", "on_rollback"].map(hook).concat();
        let more = format!("{more}metrics: {metrics}\n");
        gateway.configure(&[site.git.url()], &more);
        let heard = || fs::read_to_string(&told).unwrap_or_default();
        let forget = || drop(fs::remove_file(&told));

        gateway.converge();
        let entry = entries(&journal);
        assert_eq!(entry.len(), 1, "{entry:#?}");
        assert!(entry[0].starts_with("MESSAGE=gw-1: release 1 applied: "), "{entry:#?}");
        for field in [
            "PRIORITY=5",
            "SYSLOG_IDENTIFIER=tieline",
            "TIELINE_GATEWAY=gw-1",
            "TIELINE_MESH=test",
            "TIELINE_OUTCOME=changed",
            "TIELINE_RELEASE=1",
        ] {
            assert!(entry[0].lines().any(|line| line == field), "{field} in {entry:#?}");
        }
        let names: Vec<String> = heard()
            .lines()
            .map(|line| line.split('=').next().unwrap().to_owned())
            .filter(|name| !["PWD", "SHLVL", "_", "OLDPWD"].contains(&name.as_str()))
            .collect();
        let expected = [
            "LC_ALL",
            "PATH",
            "TIELINE_GATEWAY",
            "TIELINE_MESH",
            "TIELINE_MESSAGE",
            "TIELINE_OUTCOME",
            "TIELINE_RELEASE",
            "on_success a  b; c",
        ];
        let mut sorted = names.clone();
        sorted.sort();
        assert_eq!(sorted, expected);
        let page = fs::read_to_string(&metrics).unwrap();
        assert!(page.contains("\ntieline_release 1\n"), "{page}");
        assert!(page.contains("\ntieline_releases_applied_total 1\n"), "{page}");
        assert!(page.contains("\ntieline_tunnel_up{device=\"tl-2\",peer=\"gw-2\"} 0\n"), "{page}");
        assert_eq!(fs::metadata(&metrics).unwrap().permissions().mode() & 0o777, 0o644);

        // Nothing happened: nobody is bothered.
        forget();
        gateway.converge();
        assert_eq!((entries(&journal), heard().as_str()), (Vec::new(), ""));

        // A failure is told of once.
        gateway.configure(&["file:///nowhere/mesh.git".to_owned()], &more);
        for first in [true, false] {
            forget();
            assert_eq!(gateway.reconcile().code, 10);
            let (entry, heard) = (entries(&journal), heard());
            assert_eq!(entry.len(), usize::from(first), "{entry:#?}");
            assert_eq!(heard.contains("on_failure a  b; c"), first, "{heard}");
            assert!(!first || heard.contains("TIELINE_OUTCOME=failed"), "{heard}");
            assert!(!first || entry[0].contains("\nPRIORITY=3\n"), "{entry:#?}");
        }
        let page = fs::read_to_string(&metrics).unwrap();
        assert!(page.contains("tieline_last_run_outcome{outcome=\"failed\"} 1\n"), "{page}");

        // A command that fails, and metrics that cannot be written, are warnings.
        let more = format!("metrics: {place}/no/such/x.prom\non_success: [/no/such/program]\n");
        gateway.configure(&[site.git.url()], &more);
        let said = gateway.converge();
        assert!(said.contains("warning: gw-1: no metrics: "), "{said}");
        assert!(said.contains("well again"), "{said}");
        assert_eq!(gateway.converge(), "", "said once");

        // So is a log that was asked for by name and is not there.
        drop(journal);
        fs::remove_file("/run/systemd/journal/socket").unwrap();
        gateway.configure(&[site.git.url()], &format!("{more}log: journal\n"));
        nft(gateway, "delete table inet tieline");
        let said = gateway.converge();
        assert!(said.contains("warning: gw-1: cannot write to the log: "), "{said}");
        assert!(said.contains("gw-1: repaired: firewall changed"), "{said}");
        mesh::add(&mut site.mesh, 3);
        site.release();
        let said = site.gateway(1).converge();
        assert!(said.contains("warning: gw-1: on_success: cannot run /no/such/program"), "{said}");
    });
}
