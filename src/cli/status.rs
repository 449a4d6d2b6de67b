//! `tieline status`: how this gateway is.

use std::fmt::Write as _;

use super::gateway::{ConfigArgs, Parts};
use super::{Context, Exit, Failure, Format};
use crate::reconcile::{
    ClockStatus, FailingRemote, OutcomeKind, Pending, Phase, State, Status, TunnelStatus, status,
};
use crate::report::counted;

/// Show how this gateway is: its release, its tunnels, the metadata it trusts
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<Exit, Failure> {
    let config = args.config.load(context)?;
    let parts = Parts::new(&config);
    let status = status(&parts.machine(context), &config)
        .map_err(|error| Failure::new(Exit::Failure, &error))?;
    match context.format {
        Format::Human => context.terminal.result(&text(&status))?,
        Format::Json => context.json(&status)?,
    }
    Ok(Exit::Done)
}

fn text(status: &Status) -> String {
    let mut lines = vec![format!("gateway     {} of mesh {}", status.gateway, status.mesh)];
    lines.push(match (&status.generation, &status.damaged) {
        (Some(used), _) => {
            let since = used.since.map(|since| format!(", since {since}")).unwrap_or_default();
            format!("release     {} (bundle {}){since}", used.release, used.digest.short())
        }
        (None, Some(why)) => format!("release     unknown: {why}"),
        (None, None) => "release     none yet".to_owned(),
    });
    lines.extend(status.hold.as_ref().map(|hold| format!("hold        {hold}")));
    lines.extend(status.transaction.as_ref().map(pending));
    lines.extend(
        status.rejected.iter().map(|rejected| {
            format!("rejected    release {}: {}", rejected.release, rejected.reason)
        }),
    );
    let metadata = &status.metadata;
    if let Some(problem) = &metadata.problem {
        lines.push(format!("metadata    {problem}"));
    } else if let Some((role, expires)) = metadata.expires.iter().min_by_key(|(_, at)| **at) {
        lines.push(format!("metadata    {role} expires first, at {expires}"));
    }
    lines.extend(clock(&status.clock));
    lines.extend(status.failing_remotes.iter().map(failing));
    if let Some(run) = &status.last_run {
        let how = match run.outcome {
            OutcomeKind::Converged => "nothing to do".to_owned(),
            OutcomeKind::Changed => run.message.clone(),
            // What for, the line `hold` says while it lasts.
            OutcomeKind::OnHold => "on hold".to_owned(),
            OutcomeKind::Failed | OutcomeKind::RolledBack | OutcomeKind::Alarm => {
                format!("failed: {}", run.message)
            }
        };
        lines.push(format!("last run    {}: {how}", run.at));
        if let Some(success) = run.success.filter(|success| *success != run.at) {
            lines.push(format!("last well   {success}"));
        }
        let drift = run.counts.drift.total();
        if drift > 0 {
            lines.push(format!("drift       {drift} repaired so far"));
        }
        lines.extend(run.warnings.iter().map(|warning| format!("warning     {warning}")));
    }
    let mut text = lines.join("\n") + "\n";
    if !status.tunnels.is_empty() {
        text.push('\n');
        text.push_str(&table(&status.tunnels));
    }
    text
}

fn failing(remote: &FailingRemote) -> String {
    let times = counted(remote.failures as usize, "time");
    let order = match remote.last_for.div_ceil(60) {
        0 => String::new(),
        minutes => format!(", asked last for another {minutes} min"),
    };
    format!("remote      {} failed {times} in a row{order}", remote.remote)
}

/// What is wrong with the clock, if something is: one that is right is nothing to tell of.
fn clock(clock: &ClockStatus) -> Option<String> {
    if let Some(signed) = clock.behind {
        return Some(format!(
            "clock       behind: metadata were signed at {signed}, and that counts as now"
        ));
    }
    let wrong = clock.synchronised == Some(false);
    wrong.then(|| "clock       not synchronised: expiry may be judged by a wrong time".to_owned())
}

/// What a run is at, or was when it was cut off.
fn pending(of: &Pending) -> String {
    let release = of.release;
    match (of.phase, of.seconds_left) {
        (Phase::RollingBack, _) => {
            let reason = of.reason.as_deref().unwrap_or("it was cut off");
            format!("undoing     release {release}: {reason}")
        }
        (Phase::Committed, _) => format!("confirmed   release {release}"),
        (_, Some(left)) => {
            format!("confirming  release {release}, which has {left} seconds left to prove healthy")
        }
        (_, None) => format!("undoing     release {release}: it was not confirmed before a reboot"),
    }
}

/// The tunnels, a line each, in columns as wide as they need to be.
fn table(tunnels: &[TunnelStatus]) -> String {
    let head = ["TUNNEL", "PEER", "STATE", "RTT", "PROCESS", "ROUTES"].map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(head).chain(tunnels.iter().map(row)).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..6).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    text
}

fn row(tunnel: &TunnelStatus) -> [String; 6] {
    let state = match (tunnel.state, tunnel.since, &tunnel.detail) {
        (State::Up, Some(since), _) => format!("up since {since}"),
        (State::Up, None, _) => "up".to_owned(),
        (State::Connecting, _, Some(detail)) => format!("connecting ({detail})"),
        (State::Connecting, _, None) => "connecting".to_owned(),
        (State::Down, ..) => "down".to_owned(),
        (State::Unknown, ..) => "unknown (ask as root)".to_owned(),
    };
    let routes = tunnel.routes.iter().map(ToString::to_string);
    let missing = tunnel.missing_routes.iter().map(|to| format!("{to} (missing)"));
    [
        tunnel.device.to_string(),
        tunnel.peer.to_string(),
        state,
        tunnel.round_trip_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1} ms")),
        tunnel.process.map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
        routes.chain(missing).collect::<Vec<_>>().join(", "),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clock_that_is_wrong_is_told_of() {
        let said = |synchronised, behind: Option<&str>| {
            let behind = behind.map(|at| at.parse().unwrap());
            clock(&ClockStatus { synchronised, behind }).unwrap_or_default()
        };
        assert_eq!(said(Some(true), None), "");
        assert_eq!(said(None, None), "");
        assert!(said(Some(false), None).contains("not synchronised"));
        let behind = said(Some(false), Some("2030-01-01T00:00:00Z"));
        assert!(behind.contains("behind") && behind.contains("2030-01-01T00:00:00Z"), "{behind}");
    }
}
