//! From mesh.yaml to packets, with the real programs: every host of every LAN reaches every other,
//! and a change restarts nothing that it does not concern.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, missing_docs)]

mod support;

use serde_json::Value;
use support::lab::{Bench, User, pairs, tunnels};

/// A sixth LAN for the five-LANs example.
const WAREHOUSE: &str = r#"
  warehouse:
    networks: [192.168.60.0/24]
    gateways:
      albany:
        endpoint: vpn.albany.example.net
        address: 192.168.60.1
        certificates:
          - "SHA256:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"
"#;

fn valid(report: &Value) {
    let schema = tieline::lab::LabReport::schema();
    let validator = jsonschema::validator_for(schema.as_value()).unwrap();
    let errors: Vec<_> = validator.iter_errors(report).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

fn five_lans(user: User) {
    let bench = Bench::new(user);
    let mesh = bench.mesh("mesh.yaml", &Bench::example("five-lans"));
    let Some(report) = bench.report(&[mesh]) else { return };
    valid(&report);
    assert_eq!((&report["good"], &report["mesh"]), (&true.into(), &"acme".into()));
    let round = &report["rounds"][0];
    assert_eq!((pairs(round), tunnels(round)), ((20, 20), (10, 10)));
    // Four OpenVPN processes on each gateway, all different.
    let processes = round["processes"].as_object().unwrap();
    let ids = processes.values().flat_map(|devices| devices.as_object().unwrap().values());
    let ids: std::collections::BTreeSet<_> = ids.map(|id| id.as_u64().unwrap()).collect();
    assert_eq!((processes.len(), ids.len()), (5, 20));
    // Nothing of the lab's temporary files was made outside.
    assert_eq!(std::fs::read_dir(bench.temporary()).unwrap().count(), 0);
}

#[test]
fn five_lans_reach_each_other() {
    five_lans(User::Same);
}

#[test]
fn five_lans_reach_each_other_for_an_ordinary_user() {
    five_lans(User::Ordinary);
}

#[test]
fn who_is_behind_nat_reaches_all_and_is_reached_by_all() {
    let bench = Bench::new(User::Ordinary);
    let mesh = bench.mesh("mesh.yaml", &Bench::example("behind-nat"));
    let Some(report) = bench.report(&[mesh]) else { return };
    let round = &report["rounds"][0];
    assert_eq!((pairs(round), tunnels(round)), ((6, 6), (3, 3)));
}

#[test]
fn people_are_shown_a_table() {
    let bench = Bench::new(User::Same);
    let mesh = bench.mesh("mesh.yaml", &Bench::example("two-offices"));
    let Some(ran) = bench.run(&[mesh]) else { return };
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
    for line in [
        "A lab of two-offices: 2 LANs, 2 gateways, from mesh.yaml",
        "from \\ to",
        "2 of 2 host pairs answer, 1 of 1 tunnels up",
    ] {
        assert!(ran.out.contains(line), "{line:?} is missing in:\n{}", ran.out);
    }
    assert!(!ran.out.contains('\u{1b}'), "colours in a pipe:\n{}", ran.out);
    assert!(ran.err.contains("The lab is gone"), "{}", ran.err);
}

#[test]
fn a_new_lan_and_a_new_prefix_restart_no_tunnel() {
    let bench = Bench::new(User::Same);
    let five = Bench::example("five-lans");
    let six = five.clone() + WAREHOUSE;
    let more =
        six.replace("networks: [192.168.30.0/24]", "networks: [192.168.30.0/24, 10.99.0.0/24]");
    assert!(more != six);
    let meshes = [("five.yaml", &five), ("six.yaml", &six), ("more.yaml", &more)];
    let [five, six, more] = meshes.map(|(name, text)| bench.mesh(name, text));
    let Some(report) = bench.report(&[five, "--then", six, "--then", more]) else { return };
    valid(&report);
    let round = |index: usize| &report["rounds"][index];

    assert_eq!((pairs(round(0)), tunnels(round(0))), ((20, 20), (10, 10)));
    assert_eq!((pairs(round(1)), tunnels(round(1))), ((30, 30), (15, 15)));
    assert_eq!((pairs(round(2)), tunnels(round(2))), ((30, 30), (15, 15)));

    // Every process that was there is there still: by its id, gateway for gateway.
    for (before, after) in [(round(0), round(1)), (round(1), round(2))] {
        for (gateway, devices) in before["processes"].as_object().unwrap() {
            for (device, id) in devices.as_object().unwrap() {
                assert_eq!(&after["processes"][gateway][device], id, "{gateway} {device}");
            }
        }
    }
    let restarts = |index: usize| &round(index)["restarts"];
    assert_eq!(restarts(1), &serde_json::json!({ "of": 20, "restarted": [] }));
    assert_eq!(restarts(2), &serde_json::json!({ "of": 30, "restarted": [] }));

    // The new prefix is reached from every other LAN.
    let reached = round(2)["pairs"].as_array().unwrap().iter().filter(|pair| {
        let mut paths = pair["paths"].as_array().unwrap().iter();
        paths.any(|path| path["destination"] == "10.99.0.2" && path["milliseconds"].is_f64())
    });
    assert_eq!(reached.count(), 5);
}

#[test]
fn lans_leave_move_and_are_renamed() {
    let bench = Bench::new(User::Same);
    let five = Bench::example("five-lans");
    let begin = five.find("  sales-office:").unwrap();
    let end = five.find("  vpc-1:").unwrap();
    // One LAN goes; one gateway moves behind NAT, one gets another name, one another address.
    let four = (five[..begin].to_owned() + &five[end..])
        .replace("endpoint: 198.51.100.20", "endpoint: none")
        .replace("vpc2-a:", "vpc2-b:")
        .replace("endpoint: 203.0.113.10", "endpoint: 203.0.113.99");
    let meshes = [("five.yaml", &five), ("four.yaml", &four)];
    let [first, second] = meshes.map(|(name, text)| bench.mesh(name, text));
    let Some(report) = bench.report(&[first, "--then", second, "--then", first]) else { return };
    let round = |index: usize| &report["rounds"][index];
    assert_eq!((pairs(round(1)), tunnels(round(1))), ((12, 12), (6, 6)));
    assert_eq!((pairs(round(2)), tunnels(round(2))), ((20, 20), (10, 10)));
    let gateways: Vec<_> = round(1)["processes"].as_object().unwrap().keys().collect();
    assert_eq!(gateways, ["fremantle", "perth", "vpc1-a", "vpc2-b"]);
}

/// LANs in files of their own, one of which then moves into mesh.yaml: the same mesh.
#[test]
fn lans_in_files_reach_each_other() {
    let bench = Bench::new(User::Ordinary);
    let files = bench.mesh("mesh.yaml", &Bench::example("lans-in-files"));
    std::fs::create_dir(bench.path("lans")).unwrap();
    let lan = |name: &str| {
        std::fs::read_to_string(format!("examples/lans-in-files/lans/{name}.yaml")).unwrap()
    };
    for name in ["datacentre", "head-office", "workshop"] {
        bench.mesh(&format!("lans/{name}.yaml"), &lan(name));
    }
    let two = "include: [lans/datacentre.yaml, lans/head-*.yaml]\n".to_owned() + &lan("workshop");
    let moved = Bench::example("lans-in-files").replace("include: lans/*.yaml\n", &two);
    let moved = bench.mesh("moved.yaml", &moved);
    let Some(report) = bench.report(&[files, "--then", moved]) else { return };
    for round in report["rounds"].as_array().unwrap() {
        assert_eq!((pairs(round), tunnels(round)), ((6, 6), (3, 3)));
    }
    let unchanged = serde_json::json!({ "of": 6, "restarted": [] });
    assert_eq!(report["rounds"][1]["restarts"], unchanged);
}

#[test]
fn another_mesh_is_no_change_of_this_one() {
    let bench = Bench::new(User::Same);
    let five = Bench::example("five-lans");
    let other = five.replace("mesh: acme", "mesh: other");
    assert!(other != five);
    let (five, other) = (bench.mesh("five.yaml", &five), bench.mesh("other.yaml", &other));
    let Some(ran) = bench.run(&[five, "--then", other]) else { return };
    assert_eq!((ran.code, ran.out.as_str()), (Some(65), ""), "said before anything is built");
    assert!(
        ran.err.contains("other.yaml is of mesh other, and the lab is of mesh acme"),
        "{}",
        ran.err
    );
}

#[test]
fn a_command_runs_inside_and_its_failure_is_the_labs() {
    let bench = Bench::new(User::Ordinary);
    let mesh = bench.mesh("mesh.yaml", &Bench::example("two-offices"));
    let inside = "ip netns list; id -u; cat /etc/hosts";
    let Some(ran) = bench.run(&["--quiet", mesh, "--", "sh", "-c", inside]) else { return };
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
    for line in ["gateway-bern-gw", "host-basel", "internet", "\n0\n", " bern.example.net\n"] {
        assert!(ran.out.contains(line), "{line:?} is missing in:\n{}", ran.out);
    }
    let ran = bench.run(&["--quiet", mesh, "--", "false"]).unwrap();
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(1), "", ""));
}
