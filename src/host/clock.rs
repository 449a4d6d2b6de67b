//! The clock.

use time::OffsetDateTime;

/// The time of day.
pub trait Clock {
    /// The time now, in UTC, as the system has it. A gateway may have booted without knowing it.
    fn now(&self) -> OffsetDateTime;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealClock;

impl Clock for RealClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}
