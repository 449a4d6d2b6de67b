//! The file for node_exporter is what Prometheus reads, and alerts, dashboard and documentation
//! speak of what is in it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods)]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::golden;
use support::skip::skip;
use tieline::primitives::Digest;
use tieline::reconcile::{
    Cause, ClockStatus, Counts, Drift, Hold, InUse, LastRun, Metadata, OutcomeKind, Pending, Phase,
    Rejected, State, Status, TunnelStatus, metrics,
};
use tieline::tuf::{Role, UtcTime};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn at(text: &str) -> UtcTime {
    text.parse().unwrap()
}

fn tunnel(number: u16, state: State) -> TunnelStatus {
    let up = state == State::Up;
    TunnelStatus {
        unit: format!("tunnel/tl-{number}").parse().unwrap(),
        device: format!("tl-{number}").parse().unwrap(),
        peer: format!("gw-{number}").parse().unwrap(),
        state,
        since: up.then(|| at("2030-01-28T09:00:00Z")),
        detail: None,
        process: Some(1),
        round_trip_ms: up.then_some(12.5),
        received: Some(18_446_744_073_709_551_615),
        sent: up.then_some(0),
        routes: Vec::new(),
        missing_routes: if up { Vec::new() } else { vec!["10.0.3.0/24".parse().unwrap()] },
    }
}

/// A gateway of which everything can be told.
fn full() -> Status {
    let digest = Digest::of(b"bundle");
    let hold = Hold::new("a \"new\" \\switch", at("2030-01-28T08:00:00Z"), None).unwrap();
    Status {
        format: Status::FORMAT,
        gateway: "perth".parse().unwrap(),
        mesh: "acme".parse().unwrap(),
        generation: Some(InUse {
            name: "7-x".to_owned(),
            release: 7,
            digest,
            since: Some(at("2030-01-20T00:00:00Z")),
        }),
        damaged: None,
        transaction: Some(Pending {
            phase: Phase::Switched,
            release: 8,
            cause: Cause::Release,
            seconds_left: Some(90),
            reason: None,
        }),
        rejected: vec![Rejected {
            digest,
            release: 6,
            by: Cause::Release,
            reason: "x".to_owned(),
            at: at("2030-01-28T08:00:00Z"),
        }],
        failing_remotes: Vec::new(),
        hold: Some(Hold { until: Some(at("2030-01-29T08:00:00Z")), ..hold }),
        metadata: Metadata {
            release: Some(8),
            expires: Role::ALL.map(|role| (role.to_string(), at("2030-02-28T08:00:00Z"))).into(),
            problem: None,
        },
        clock: ClockStatus { synchronised: Some(true), behind: None },
        tunnels: vec![tunnel(2, State::Up), tunnel(3, State::Connecting)],
        last_run: Some(LastRun {
            format: LastRun::FORMAT,
            at: at("2030-01-28T09:41:07Z"),
            outcome: OutcomeKind::OnHold,
            message: "on hold".to_owned(),
            warnings: vec!["w".to_owned()],
            release: Some(8),
            failed: ["tunnel/tl-3".parse().unwrap()].into(),
            since: at("2030-01-28T09:00:00Z"),
            success: Some(at("2030-01-28T08:00:00Z")),
            in_use_since: Some(at("2030-01-20T00:00:00Z")),
            told: [("w".to_owned(), at("2030-01-28T09:00:00Z"))].into(),
            counts: Counts {
                applied: 7,
                rolled_back: 1,
                alarms: 0,
                drift: Drift {
                    files: 1,
                    units: [("tunnel", 2), ("routes", 3)]
                        .map(|(kind, count)| (kind.to_owned(), count))
                        .into(),
                },
            },
        }),
    }
}

/// A gateway of which next to nothing is known.
fn empty() -> Status {
    Status {
        generation: None,
        damaged: Some("x".to_owned()),
        transaction: None,
        rejected: Vec::new(),
        hold: None,
        metadata: Metadata::default(),
        clock: ClockStatus { synchronised: None, behind: None },
        tunnels: Vec::new(),
        last_run: None,
        ..full()
    }
}

/// The families of a page, by the lines that declare them.
fn families(page: &str) -> BTreeSet<String> {
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

/// Every word in a text that looks like the name of a metric of ours.
fn named(text: &str) -> BTreeSet<String> {
    let part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    text.split(|c: char| !part(c))
        .filter(|word| word.starts_with("tieline_"))
        .map(str::to_owned)
        .collect()
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap()
}

#[test]
fn the_page_can_be_read_in_a_diff() {
    golden::check(&root().join("tests/fixtures/metrics/full.prom"), &metrics(&full()));
    golden::check(&root().join("tests/fixtures/metrics/empty.prom"), &metrics(&empty()));
}

/// A family that is declared and has no sample is none to Prometheus: each has to be there once.
#[test]
fn every_family_has_a_sample() {
    let page = metrics(&full());
    for family in families(&page) {
        let mut samples = page.lines().filter(|line| !line.starts_with('#'));
        let sample = |line: &str| line.split(['{', ' ']).next() == Some(family.as_str());
        assert!(samples.any(sample), "{family}");
    }
}

#[test]
fn alerts_dashboard_and_documentation_speak_of_what_there_is() {
    let there = families(&metrics(&full()));
    for file in ["packaging/prometheus/alerts.yml", "packaging/grafana/tieline.json"] {
        let named = named(&read(file));
        let missing: Vec<_> = named.difference(&there).collect();
        assert!(missing.is_empty() && named.len() > 8, "{file}: {missing:?}");
    }
    let mut documented = named(&read("docs/gateway.md"));
    documented.remove("tieline_");
    assert_eq!(documented, there, "the table of docs/gateway.md");
}

#[test]
fn alerts_and_dashboard_are_whole() {
    let alerts: serde_json::Value =
        serde_saphyr::from_str(&read("packaging/prometheus/alerts.yml")).unwrap();
    let rules = alerts["groups"][0]["rules"].as_array().unwrap();
    let mut names = BTreeSet::new();
    for rule in rules {
        let name = rule["alert"].as_str().unwrap();
        assert!(names.insert(name), "{name} is there twice");
        for key in ["/expr", "/labels/severity", "/annotations/summary", "/annotations/description"]
        {
            assert!(rule.pointer(key).is_some_and(serde_json::Value::is_string), "{name}: {key}");
        }
    }
    let board: serde_json::Value =
        serde_json::from_str(&read("packaging/grafana/tieline.json")).unwrap();
    let panels = board["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "two panels have one id");
    for (i, panel) in panels.iter().enumerate() {
        let side = |panel: &serde_json::Value, key: &str| panel["gridPos"][key].as_u64().unwrap();
        let (x, y, w, h) = (side(panel, "x"), side(panel, "y"), side(panel, "w"), side(panel, "h"));
        assert!(x + w <= 24, "{} is too wide", panel["title"]);
        for other in &panels[i + 1..] {
            let beside = x + w <= side(other, "x") || side(other, "x") + side(other, "w") <= x;
            let above = y + h <= side(other, "y") || side(other, "y") + side(other, "h") <= y;
            assert!(beside || above, "{} lies over {}", panel["title"], other["title"]);
        }
        assert!(!panel["targets"].as_array().unwrap().is_empty(), "{}", panel["title"]);
    }
}

/// The parser of Prometheus' own client library, which shares no code with us.
#[test]
fn prometheus_reads_it() {
    let python = match python() {
        Ok(python) => python,
        Err(why) => return skip(&format!("no parser of Prometheus was asked, because {why}")),
    };
    for status in [full(), empty()] {
        let page = metrics(&status);
        let script = "import sys, json\n\
            from prometheus_client.parser import text_string_to_metric_families as parse\n\
            found = {f.name: [[s.name, s.labels, s.value] for s in f.samples] for f in parse(sys.stdin.read())}\n\
            print(json.dumps(found))";
        let read = run(Command::new(&python).args(["-c", script]), &page).unwrap();
        let read: serde_json::Value = serde_json::from_str(&read).unwrap();
        let samples: usize =
            read.as_object().unwrap().values().map(|f| f.as_array().unwrap().len()).sum();
        assert_eq!(samples, page.lines().filter(|line| !line.starts_with('#')).count());
        if status.last_run.is_some() {
            let up = &read["tieline_tunnel_up"];
            assert_eq!(
                up[0],
                serde_json::json!(["tieline_tunnel_up", { "device": "tl-2", "peer": "gw-2" }, 1])
            );
            let drift = &read["tieline_drift_repaired"];
            // Files, and five kinds of units.
            assert_eq!(drift.as_array().unwrap().len(), 6, "{drift}");
        }
    }
}

/// A Python that has the library. Installed once, below target/.
fn python() -> Result<PathBuf, String> {
    const LIBRARY: &str = "prometheus-client==0.23.1";
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("prometheus-client");
    let python = home.join("bin/python");
    let note = home.join("installed.txt");
    if std::fs::read(&note).ok().as_deref() != Some(LIBRARY.as_bytes()) {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home), "")?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", LIBRARY];
        run(Command::new(&python).args(pip), "")?;
        std::fs::write(note, LIBRARY).unwrap();
    }
    Ok(python)
}

fn run(command: &mut Command, input: &str) -> Result<String, String> {
    use std::io::Write as _;
    use std::process::Stdio;
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| format!("{command:?}: {error}"))?;
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout).unwrap());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))
}
