//! Notifications of a run: an entry in the log, and the commands of the administrator in gateway.yaml.

use std::time::Duration;

use super::Context;
use crate::host::{Command, Entry, Log, Priority, stderr_is_the_journal};
use crate::primitives::error_chain;
use crate::reconcile::{GatewayConfig, Hook, LastRun, LogTo, OutcomeKind, Report};

/// How long a command of the administrator may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Lets the log and the administrator's commands know of a run in which something happened, or
/// which failed in another way than the one before it. True if that is on standard error by now,
/// by way of the journal.
pub(super) fn notify(config: &GatewayConfig, report: &Report, context: &mut Context) -> bool {
    let Some(run) = &report.last_run else { return false };
    let told = log(config, report, run, context);
    for (hook, key) in hooks(config, report, run) {
        if let Err(error) = context.host.processes.demand(&command(hook, config, run)) {
            let text = format!("{}: {key}: {}", config.gateway, error_chain(&error));
            context.terminal.warn(&text);
        }
    }
    told
}

/// What a run has to say, as one line; nothing where it has not.
fn news(report: &Report, run: &LastRun) -> Option<String> {
    let failed = !matches!(run.outcome, OutcomeKind::Converged | OutcomeKind::Changed);
    let summary = report.summary();
    let error = (failed && !report.error_repeated).then_some(&run.message);
    let warnings = report.warnings.iter().filter(|warning| !report.repeated.contains(warning));
    let parts: Vec<&str> = [Some(&summary), report.recovered.as_ref(), error]
        .into_iter()
        .flatten()
        .chain(warnings)
        .map(String::as_str)
        .filter(|part| !part.is_empty())
        .collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn log(config: &GatewayConfig, report: &Report, run: &LastRun, context: &mut Context) -> bool {
    let log = match config.log {
        LogTo::Auto => Log::found(),
        LogTo::Journal => Some(Log::Journal),
        LogTo::Syslog => Some(Log::Syslog),
        LogTo::None => None,
    };
    let (Some(log), Some(news)) = (log, news(report, run)) else { return false };
    let priority = match run.outcome {
        OutcomeKind::Alarm => Priority::Alert,
        OutcomeKind::Failed | OutcomeKind::RolledBack => Priority::Error,
        _ if !report.warnings.is_empty() => Priority::Warning,
        _ => Priority::Notice,
    };
    let message = format!("{}: {news}", config.gateway);
    let entry = Entry { priority, message, fields: fields(config, run) };
    match log.write(&entry) {
        Ok(()) => log == Log::Journal && stderr_is_the_journal(context.host.environment),
        // Where a log was asked for by name, it has to be there.
        Err(error) if config.log != LogTo::Auto => {
            context.terminal.warn(&format!("{}: cannot write to the log: {error}", config.gateway));
            false
        }
        Err(_) => false,
    }
}

/// What programs want to know of a run: fields of the log, variables of a command.
fn fields(config: &GatewayConfig, run: &LastRun) -> Vec<(&'static str, String)> {
    let mut fields = vec![
        ("TIELINE_GATEWAY", config.gateway.to_string()),
        ("TIELINE_MESH", config.mesh.to_string()),
        ("TIELINE_OUTCOME", run.outcome.name().to_owned()),
    ];
    fields.extend(run.release.map(|release| ("TIELINE_RELEASE", release.to_string())));
    fields
}

/// The commands that a run calls for, with their keys in gateway.yaml.
fn hooks<'a>(
    config: &'a GatewayConfig,
    report: &Report,
    run: &LastRun,
) -> Vec<(&'a Hook, &'static str)> {
    let failed =
        matches!(run.outcome, OutcomeKind::Failed | OutcomeKind::RolledBack | OutcomeKind::Alarm);
    let all = [
        (&config.on_success, "on_success", !report.applied.is_empty() && !failed),
        (&config.on_rollback, "on_rollback", report.rolled_back),
        (&config.on_failure, "on_failure", failed && !report.error_repeated),
    ];
    let called = all.into_iter().filter(|(.., called)| *called);
    called.filter_map(|(hook, key, _)| Some((hook.as_ref()?, key))).collect()
}

fn command(hook: &Hook, config: &GatewayConfig, run: &LastRun) -> Command {
    let command = Command::system(hook.program.as_str()).args(hook.arguments.iter().cloned());
    let command = command.limit(LIMIT).variable("TIELINE_MESSAGE", run.message.clone());
    fields(config, run)
        .into_iter()
        .fold(command, |command, (name, value)| command.variable(name, value))
}
