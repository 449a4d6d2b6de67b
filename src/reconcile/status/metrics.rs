//! The state of a gateway as node_exporter's textfile collector reads it: the text format of
//! Prometheus (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::fmt::{Display, Write as _};

use super::{LastRun, OutcomeKind, State, Status, TunnelStatus};
use crate::tuf::UtcTime;

/// Renders a status. docs/gateway.md says what each metric is for.
#[must_use]
pub fn metrics(status: &Status) -> String {
    let mut page = Page::default();
    page.gauge("tieline_info", "Which gateway this is, and of which version its reconciler.");
    let labels = [
        ("gateway", status.gateway.as_str()),
        ("mesh", status.mesh.as_str()),
        ("version", env!("CARGO_PKG_VERSION")),
    ];
    page.sample(&labels, 1);
    release(&mut page, status);
    trust(&mut page, status);
    if let Some(run) = &status.last_run {
        last_run(&mut page, run);
    }
    tunnels(&mut page, &status.tunnels);
    page.text
}

fn release(page: &mut Page, status: &Status) {
    let generation = status.generation.as_ref();
    page.gauge("tieline_release", "The number of the release in use.");
    page.samples(generation.map(|used| used.release));
    page.gauge("tieline_release_in_use_since_timestamp_seconds", "Since when it has been in use.");
    page.samples(generation.and_then(|used| used.since).map(seconds));
    page.gauge("tieline_release_verified", "The number of the newest release that was verified.");
    page.samples(status.metadata.release);
    page.gauge("tieline_generation_damaged", "Whether files of the release in use are damaged.");
    page.sample(&[], u8::from(status.damaged.is_some()));
    page.gauge("tieline_release_rejected", "How many bundles are not used because they failed.");
    page.sample(&[], status.rejected.len());
    page.gauge("tieline_confirmation_pending", "Whether a release has yet to prove healthy.");
    page.sample(&[], u8::from(status.transaction.is_some()));
    page.gauge("tieline_hold", "Whether an administrator has put the gateway on hold.");
    page.sample(&[], u8::from(status.hold.is_some()));
    page.gauge("tieline_hold_since_timestamp_seconds", "Since when it has been on hold.");
    page.samples(status.hold.as_ref().map(|hold| seconds(hold.since)));
    page.gauge("tieline_hold_until_timestamp_seconds", "When the hold ends by itself.");
    page.samples(status.hold.as_ref().and_then(|hold| hold.until).map(seconds));
}

fn trust(page: &mut Page, status: &Status) {
    let metadata = &status.metadata;
    page.gauge("tieline_metadata_expiry_timestamp_seconds", "When the metadata of a role expire.");
    for (role, expires) in &metadata.expires {
        page.sample(&[("role", role)], seconds(*expires));
    }
    page.gauge("tieline_metadata_valid", "Whether the trusted metadata can be relied on now.");
    page.sample(&[], u8::from(metadata.problem.is_none()));
    page.gauge("tieline_clock_synchronised", "Whether something keeps the clock right.");
    page.samples(status.clock.synchronised.map(u8::from));
    page.gauge("tieline_clock_behind", "Whether the clock is behind a time that was signed.");
    page.sample(&[], u8::from(status.clock.behind.is_some()));
}

fn last_run(page: &mut Page, run: &LastRun) {
    page.gauge("tieline_last_run_timestamp_seconds", "When the last run of the reconciler ended.");
    page.sample(&[], seconds(run.at));
    page.gauge(
        "tieline_last_success_timestamp_seconds",
        "When a run last ended with all as it should be.",
    );
    page.samples(run.success.map(seconds));
    page.gauge("tieline_last_run_outcome", "How the last run ended: 1 for one of the outcomes.");
    for outcome in OutcomeKind::ALL {
        page.sample(&[("outcome", outcome.name())], u8::from(outcome == run.outcome));
    }
    page.gauge("tieline_last_run_warnings", "How many warnings the last run had.");
    page.sample(&[], run.warnings.len());
    page.gauge(
        "tieline_unit_failed",
        "Units that the last run could not make what they should be.",
    );
    for unit in &run.failed {
        page.sample(&[("unit", &unit.to_string())], 1);
    }
    let counts = &run.counts;
    page.counter("tieline_releases_applied_total", "Releases that were applied and confirmed.");
    page.sample(&[], counts.applied);
    page.counter("tieline_rollbacks_total", "Releases that were rolled back.");
    page.sample(&[], counts.rolled_back);
    page.counter("tieline_alarms_total", "Times that nothing went on without somebody's help.");
    page.sample(&[], counts.alarms);
    page.counter("tieline_drift_repaired_total", "What was found changed, and put right.");
    page.sample(&[("kind", "files")], counts.drift.files);
    for (kind, count) in counts.drift.by_kind() {
        page.sample(&[("kind", kind)], count);
    }
}

fn tunnels(page: &mut Page, tunnels: &[TunnelStatus]) {
    let mut each = |name, kind: Type, help, value: &dyn Fn(&TunnelStatus) -> Option<String>| {
        page.family(name, kind, help);
        for tunnel in tunnels {
            if let Some(value) = value(tunnel) {
                let device = tunnel.device.to_string();
                page.sample(&[("device", &device), ("peer", tunnel.peer.as_str())], value);
            }
        }
    };
    each("tieline_tunnel_up", Type::Gauge, "Whether a tunnel is up.", &|tunnel| {
        Some(u8::from(tunnel.state == State::Up).to_string())
    });
    each(
        "tieline_tunnel_up_since_timestamp_seconds",
        Type::Gauge,
        "Since when it has been up.",
        &|tunnel| tunnel.since.map(seconds).map(|since| since.to_string()),
    );
    each(
        "tieline_tunnel_rtt_seconds",
        Type::Gauge,
        "How long the far end took to answer through the tunnel.",
        &|tunnel| tunnel.round_trip_ms.map(|ms| (ms / 1000.0).to_string()),
    );
    each(
        "tieline_tunnel_routes_missing",
        Type::Gauge,
        "How many networks should be routed through it and are not.",
        &|tunnel| Some(tunnel.missing_routes.len().to_string()),
    );
    each(
        "tieline_tunnel_receive_bytes_total",
        Type::Counter,
        "Bytes that came out of it since its device was made.",
        &|tunnel| tunnel.received.map(|bytes| bytes.to_string()),
    );
    each(
        "tieline_tunnel_transmit_bytes_total",
        Type::Counter,
        "Bytes that went into it since its device was made.",
        &|tunnel| tunnel.sent.map(|bytes| bytes.to_string()),
    );
}

fn seconds(time: UtcTime) -> i64 {
    time.to_clock().unix_timestamp()
}

#[derive(Clone, Copy)]
enum Type {
    Gauge,
    Counter,
}

/// The text, family by family.
#[derive(Default)]
struct Page {
    text: String,
    name: &'static str,
}

// Writing to a String cannot fail.
impl Page {
    fn gauge(&mut self, name: &'static str, help: &str) {
        self.family(name, Type::Gauge, help);
    }

    fn counter(&mut self, name: &'static str, help: &str) {
        self.family(name, Type::Counter, help);
    }

    fn family(&mut self, name: &'static str, kind: Type, help: &str) {
        let kind = match kind {
            Type::Gauge => "gauge",
            Type::Counter => "counter",
        };
        self.name = name;
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// A value of the family that was begun last, if it has one.
    fn samples(&mut self, value: Option<impl Display>) {
        if let Some(value) = value {
            self.sample(&[], value);
        }
    }

    fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        let label = |(name, value): &(&str, &str)| {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            format!("{name}=\"{value}\"")
        };
        let labels = labels.iter().map(label).collect::<Vec<_>>().join(",");
        let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
        let _ = writeln!(self.text, "{}{labels} {value}", self.name);
    }
}
