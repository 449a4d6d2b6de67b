//! What `tieline status` says about a gateway.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod support;

use std::time::Duration;

use serde_json::Value;
use support::gateways::{Ended, Gateway, Site, TOOLS, is_root, kill};
use support::sandbox;

fn status(gateway: &Gateway, format: &str) -> String {
    let mut command = gateway.command(env!("CARGO_BIN_EXE_tieline"));
    command.args(["--format", format, "status", "--config"]);
    let ended = Ended::from(command.arg(gateway.directory.join("gateway.yaml")).output().unwrap());
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    ended.stdout
}

/// The status as JSON, which has to fit its schema.
fn json(gateway: &Gateway) -> Value {
    let status: Value = serde_json::from_str(&status(gateway, "json")).unwrap();
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/status.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(schema).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> = validator.iter_errors(&status).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?} in {status:#}");
    status
}

#[test]
fn status_shows_what_runs() {
    sandbox::enter("status_shows_what_runs", TOOLS, || {
        let site = Site::new(2);
        let gateway = site.gateway(1);
        let nothing = json(gateway);
        assert_eq!(nothing["generation"], Value::Null);
        assert_eq!(nothing["tunnels"], Value::Array(Vec::new()));
        assert!(status(gateway, "human").contains("release     none yet\n"));

        site.release();
        gateway.converge();
        let alone = json(gateway);
        assert_eq!(alone["generation"]["release"], 1);
        assert_eq!(alone["metadata"]["release"], 1);
        assert_eq!(alone["metadata"]["expires"].as_object().unwrap().len(), 4);
        assert_eq!(alone["last_run"]["outcome"], "changed");
        let tunnel = &alone["tunnels"][0];
        assert_eq!((&tunnel["peer"], &tunnel["state"]), (&"gw-2".into(), &"connecting".into()));
        assert_eq!(tunnel["process"], gateway.processes()["tl-2"]);
        assert_eq!(tunnel["routes"], serde_json::json!(["10.0.2.0/24"]));

        site.gateway(2).converge();
        assert!(gateway.reaches("10.0.1.1", "10.0.2.1", Duration::from_secs(30)));
        let both = json(gateway);
        assert_eq!(both["tunnels"][0]["state"], "up");
        assert!(both["tunnels"][0]["since"].as_str().unwrap().ends_with('Z'));
        let text = status(gateway, "human");
        assert!(text.contains("tl-2    gw-2  up since 2"), "{text}");

        kill(gateway.processes()["tl-2"]);
        let dead = json(gateway);
        assert_eq!(dead["tunnels"][0]["state"], "down");
        assert_eq!(dead["tunnels"][0]["process"], Value::Null);
    });
}

/// OpenVPN tells nobody but root how it is. That it cannot be asked does not mean that it is down.
#[test]
fn to_others_than_root_a_tunnel_that_runs_is_unknown() {
    if !is_root() {
        return;
    }
    let site = Site::new(2);
    site.release();
    let gateway = site.gateway(1);
    gateway.converge();
    let place = gateway.directory.display();
    sandbox::run(&format!("chmod 755 {place} {place}/.."));
    let program = gateway.directory.join("tieline");
    std::fs::copy(env!("CARGO_BIN_EXE_tieline"), &program).unwrap();
    let said = || {
        let mut command = gateway.command("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
        let command =
            command.args(["status", "--config"]).arg(gateway.directory.join("gateway.yaml"));
        let ended = Ended::from(command.output().unwrap());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.stdout
    };
    let text = said();
    assert!(text.contains("tl-2    gw-2  unknown (ask as root)"), "{text}");
    kill(gateway.processes()["tl-2"]);
    let text = said();
    assert!(text.contains("tl-2    gw-2  down"), "{text}");
}

#[test]
fn status_shows_remotes_that_fail() {
    sandbox::enter("status_shows_remotes_that_fail", TOOLS, || {
        let site = Site::new(1);
        site.release();
        let gateway = site.gateway(1);
        gateway.configure(&["git://127.0.0.1:9/mesh.git".to_owned(), site.git.url()], "");
        gateway.converge();
        let failing = &json(gateway)["failing_remotes"];
        assert_eq!(failing.as_array().unwrap().len(), 1);
        assert_eq!(failing[0]["remote"], "git://127.0.0.1:9/mesh.git");
        assert_eq!(failing[0]["failures"], 1);
        let text = status(gateway, "human");
        let line = "remote      git://127.0.0.1:9/mesh.git failed 1 time in a row, asked last for \
                    another 2 min\n";
        assert!(text.contains(line), "{text}");
        // It is not asked in between, and once its line is gone nothing is said of it.
        gateway.converge();
        assert_eq!(json(gateway)["failing_remotes"][0]["failures"], 1);
        gateway.configure(&[site.git.url()], "");
        assert!(!status(gateway, "human").contains("remote  "));
    });
}
