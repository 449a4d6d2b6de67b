//! The clock.

mod synchronised;

use time::OffsetDateTime;

use super::RealProcesses;

/// The time of day.
pub trait Clock {
    /// The time now, in UTC, as the system has it. A gateway may have booted without knowing it.
    fn now(&self) -> OffsetDateTime;

    /// Whether something keeps it right; `None` where nobody can say. Asking may start a program,
    /// so it is for people who look and not for every run.
    fn synchronised(&self) -> Option<bool>;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealClock;

impl Clock for RealClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }

    fn synchronised(&self) -> Option<bool> {
        synchronised::ask(&RealProcesses)
    }
}
