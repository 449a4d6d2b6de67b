//! `tieline hold`: apply no release on this gateway for now.

use time::Duration;

use super::gateway::ConfigArgs;
use super::{Context, Exit, Failure, Format};
use crate::host::FileError;
use crate::reconcile::Hold;
use crate::tuf::UtcTime;

/// Apply no release on this gateway for now, and say why
///
/// A run on hold still finishes or takes back what a run before it began, and still repairs what
/// differs from the release in use; it fetches nothing, applies nothing and exits with 40. A
/// release that is being confirmed when the hold is set is not stopped.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tieline hold --for 2h replacing the switch
  tieline hold --until 2030-01-31T06:00Z 'no changes before the audit'")]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,

    /// Why, for whoever finds the gateway on hold
    #[arg(required = true, value_name = "REASON")]
    reason: Vec<String>,

    /// End the hold by itself at TIME, in UTC: 2030-01-31T12:00Z or 2030-01-31
    #[arg(long, value_name = "TIME", value_parser = point_in_time, conflicts_with = "for")]
    until: Option<UtcTime>,

    /// End the hold by itself after a time such as 30m, 2h, 3d or 1w
    #[arg(long, value_name = "TIME", value_parser = span)]
    r#for: Option<Duration>,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<Exit, Failure> {
    let config = args.config.load(context)?;
    let now = context.host.clock.now();
    let span = |span: Duration| UtcTime::from_clock(now.saturating_add(span));
    let until = args.until.or(args.r#for.map(span));
    let now = UtcTime::from_clock(now);
    if let Some(until) = until.filter(|until| *until <= now) {
        let message = format!("{until} is not after now, which is {now} on this host");
        return Err(Failure::say(Exit::Usage, message).hint("name a time to come, in UTC"));
    }
    let hold = Hold::new(&args.reason.join(" "), now, until)
        .map_err(|error| Failure::new(Exit::Usage, &error))?;
    let files = context.host.files;
    hold.save(files, &config.paths.state).map_err(|error| failure(&error))?;
    match context.format {
        Format::Human => context.terminal.note(&format!("{}: {hold}", config.gateway)),
        Format::Json => context.json(&hold)?,
    }
    // A run that has the lock may be past the place where it looks for holds.
    let lock = files.try_lock(&config.paths.run.join("lock"));
    if matches!(lock, Ok(None)) {
        context.terminal.warn(
            "a run is under way: what it has switched to already it still confirms or takes back",
        );
    }
    Ok(Exit::Done)
}

/// Why the file of a hold cannot be written or removed.
pub(super) fn failure(error: &FileError) -> Failure {
    let failure = Failure::new(Exit::Failure, error);
    if error.is_denied() {
        failure.hint("run it as root")
    } else {
        failure.hint("look at `paths.state` in gateway.yaml and at the disk")
    }
}

/// `2030-01-31T12:00:00Z`, without the seconds, or without the time.
fn point_in_time(text: &str) -> Result<UtcTime, String> {
    let day = format!("{text}T00:00:00Z");
    let minute = text.strip_suffix('Z').map(|text| format!("{text}:00Z")).unwrap_or_default();
    let parsed = [text, &minute, &day].into_iter().find_map(|text| text.parse().ok());
    parsed.ok_or_else(|| "a time is written as 2030-01-31T12:00Z or 2030-01-31, in UTC".to_owned())
}

/// A whole number of minutes, hours, days or weeks.
fn span(text: &str) -> Result<Duration, String> {
    let wrong = || "a time is written as 30m, 2h, 3d or 1w".to_owned();
    let unit = match text.chars().last() {
        Some('m') => Duration::minutes(1),
        Some('h') => Duration::hours(1),
        Some('d') => Duration::days(1),
        Some('w') => Duration::weeks(1),
        _ => return Err(wrong()),
    };
    let digits = text.get(..text.len() - 1).unwrap_or_default();
    let number = digits.parse::<u16>().ok().filter(|number| *number > 0);
    let number = number.filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()));
    Ok(unit * i32::from(number.ok_or_else(wrong)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_write_them() {
        let midnight: UtcTime = "2030-01-31T00:00:00Z".parse().unwrap();
        for good in ["2030-01-31", "2030-01-31T00:00Z", "2030-01-31T00:00:00Z"] {
            assert_eq!(point_in_time(good), Ok(midnight), "{good}");
        }
        for bad in ["", "tomorrow", "2030-01-31 00:00", "2030-01-31T00:00", "2030-02-31"] {
            assert!(point_in_time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn spans_as_people_write_them() {
        assert_eq!(span("90m"), Ok(Duration::minutes(90)));
        assert_eq!(span("2h"), Ok(Duration::hours(2)));
        assert_eq!(span("3d"), Ok(Duration::days(3)));
        assert_eq!(span("1w"), Ok(Duration::weeks(1)));
        for bad in ["", "h", "2", "0h", "-1h", "+1h", "2 h", "2s", "99999h", "2é"] {
            assert!(span(bad).is_err(), "{bad}");
        }
    }
}
