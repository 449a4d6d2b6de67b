//! The clocks.

mod synchronised;

use std::thread;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use time::OffsetDateTime;

use super::{Files, RealFiles, RealProcesses};

/// The time of day, and the time since boot.
pub trait Clock {
    /// The time now, in UTC, as the system has it. A gateway may have booted without knowing it.
    fn now(&self) -> OffsetDateTime;

    /// Whether something keeps it right; `None` where nobody can say. Asking may start a program,
    /// so it is for people who look and not for every run.
    fn synchronised(&self) -> Option<bool>;

    /// The time since boot, which nobody can set, and which boot that was.
    fn boot(&self) -> BootClock;

    /// Waits.
    fn sleep(&self, duration: Duration);
}

/// A moment on the clock that starts with a boot, and goes on while the machine is suspended
/// (`CLOCK_BOOTTIME` of clock_gettime(2)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootClock {
    /// Which boot: another one has another id (`boot_id` of random(4)). Empty where the system
    /// does not say, and then no two moments are known to be of the same boot.
    pub id: String,
    /// How long ago the boot was.
    pub uptime: Duration,
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

    fn boot(&self) -> BootClock {
        let id = RealFiles.read("/proc/sys/kernel/random/boot_id".into(), 64).unwrap_or_default();
        let id = String::from_utf8(id).unwrap_or_default().trim().to_owned();
        let time = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
        let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
        BootClock { id, uptime: Duration::new(seconds, nanoseconds) }
    }

    fn sleep(&self, duration: Duration) {
        thread::sleep(duration);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_this_boot_goes_on() {
        let before = RealClock.boot();
        RealClock.sleep(Duration::from_millis(2));
        let after = RealClock.boot();
        assert_eq!(before.id, after.id);
        assert_eq!(before.id.len(), 36, "a UUID: {}", before.id);
        assert!(after.uptime >= before.uptime + Duration::from_millis(2), "{before:?} {after:?}");
    }
}
