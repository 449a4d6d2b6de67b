//! The recovery table, row by row, and a model of the whole journal that is walked through
//! exhaustively.

use std::collections::BTreeSet;

use super::*;

/// Everything is in favour of going on.
const FINE: Interruption = Interruption {
    phase: Some(Phase::Switched),
    linked: Linked::New,
    same_boot: true,
    in_time: true,
    exhausted: false,
    whole: true,
    has_target: true,
};

fn all() -> Vec<Interruption> {
    let phases = [
        None,
        Some(Phase::Armed),
        Some(Phase::Switched),
        Some(Phase::RollingBack),
        Some(Phase::Committed),
    ];
    let mut all = Vec::new();
    for phase in phases {
        for linked in [Linked::Old, Linked::New, Linked::Elsewhere] {
            for bits in 0..32_u8 {
                let bit = |n: u8| bits >> n & 1 == 1;
                all.push(Interruption {
                    phase,
                    linked,
                    same_boot: bit(0),
                    in_time: bit(1),
                    exhausted: bit(2),
                    whole: bit(3),
                    has_target: bit(4),
                });
            }
        }
    }
    all
}

/// Checks one row: all interruptions that fit it lead to `expected`.
fn row(fits: impl Fn(&Interruption) -> bool, expected: Recovery) {
    let all = all();
    let rows: Vec<_> = all.iter().filter(|found| fits(found)).collect();
    assert!(!rows.is_empty());
    for found in rows {
        assert_eq!(recovery_for(found), expected, "{found:?}");
    }
}

fn begun(found: Interruption) -> bool {
    matches!(found.phase, Some(Phase::Armed | Phase::Switched))
}

#[test]
fn unreadable_trusts_what_is_linked() {
    row(|found| found.phase.is_none(), Recovery::Forget);
}

#[test]
fn armed_with_the_old_link_is_forgotten() {
    row(|found| found.phase == Some(Phase::Armed) && found.linked == Linked::Old, Recovery::Forget);
}

#[test]
fn the_new_link_in_time_is_resumed() {
    row(
        |found| {
            begun(*found)
                && found.linked == Linked::New
                && (found.same_boot && found.in_time && found.whole && !found.exhausted)
        },
        Recovery::Resume,
    );
}

#[test]
fn the_new_link_after_the_deadline_or_another_boot_goes_back() {
    for late in [
        |found: &Interruption| !found.in_time,
        |found: &Interruption| !found.same_boot,
        |found: &Interruption| !found.whole,
        |found: &Interruption| found.exhausted,
    ] {
        let fits =
            |found: &Interruption| begun(*found) && found.linked == Linked::New && late(found);
        row(|found| fits(found) && found.has_target, Recovery::RollBack);
        row(|found| fits(found) && !found.has_target, Recovery::NoTarget);
    }
}

#[test]
fn rolling_back_does_so_again_until_it_has_been_cut_off_too_often() {
    let rolling = |found: &Interruption| found.phase == Some(Phase::RollingBack);
    row(|found| rolling(found) && !found.exhausted && found.has_target, Recovery::RollBack);
    row(|found| rolling(found) && !found.exhausted && !found.has_target, Recovery::NoTarget);
    row(|found| rolling(found) && found.exhausted, Recovery::GiveUp);
}

#[test]
fn committed_is_written_down() {
    row(|found| found.phase == Some(Phase::Committed), Recovery::Conclude);
}

#[test]
fn switched_with_the_old_link_is_undone_for_the_rest() {
    let fits = |found: &Interruption| {
        found.phase == Some(Phase::Switched) && found.linked == Linked::Old && found.has_target
    };
    row(fits, Recovery::RollBack);
}

#[test]
fn a_link_that_somebody_set_is_left_alone() {
    row(|found| begun(*found) && found.linked == Linked::Elsewhere, Recovery::Forget);
}

#[test]
fn nothing_damaged_late_or_of_another_boot_is_ever_resumed() {
    for found in all() {
        if recovery_for(&found) == Recovery::Resume {
            assert_eq!((found.same_boot, found.in_time, found.whole), (true, true, true));
            assert_eq!((found.exhausted, found.linked), (false, Linked::New));
        }
        if recovery_for(&found) == Recovery::RollBack {
            assert!(found.has_target, "{found:?}");
        }
    }
    assert_eq!(recovery_for(&FINE), Recovery::Resume);
}

/// The disk of the model: what a power cut leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Disk {
    /// The journal, with how often it was taken up.
    journal: Option<(Phase, u32)>,
    new: bool,
    rejected: bool,
    /// Whether history says that the new one is in use.
    noted: bool,
}

/// The world around it, which changes between runs as it likes.
#[expect(clippy::struct_excessive_bools, reason = "each is a column of the recovery table")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct World {
    same_boot: bool,
    in_time: bool,
    whole: bool,
    has_target: bool,
    healthy: bool,
}

const LIMIT: u32 = 5;

/// One effect on the disk.
type Effect = fn(&mut Disk);

const BACK: [Effect; 5] = [
    |disk| {
        let times = match disk.journal {
            Some((Phase::RollingBack, times)) => times + 1,
            _ => 1,
        };
        disk.journal = Some((Phase::RollingBack, times));
    },
    |disk| disk.new = false,
    |_| { /* what runs is made what the old generation asks for */ },
    |disk| disk.rejected = true,
    |disk| disk.journal = None,
];

const COMMIT: [Effect; 3] = [
    |disk| disk.journal = Some((Phase::Committed, 0)),
    |disk| {
        disk.noted = true;
        disk.rejected = false;
    },
    |disk| disk.journal = None,
];

/// The effects of one run in the order in which they happen.
fn run(disk: Disk, world: World) -> Vec<Effect> {
    let judge = |mut effects: Vec<Effect>| {
        if world.healthy {
            effects.extend(COMMIT);
        } else if world.has_target {
            effects.extend(BACK);
        }
        effects
    };
    let Some((phase, times)) = disk.journal else {
        if disk.new || disk.rejected {
            return Vec::new();
        }
        let there: [Effect; 3] = [
            |disk| disk.journal = Some((Phase::Armed, 0)),
            |disk| disk.new = true,
            |disk| disk.journal = Some((Phase::Switched, 0)),
        ];
        return judge(there.to_vec());
    };
    let found = Interruption {
        phase: Some(phase),
        linked: if disk.new { Linked::New } else { Linked::Old },
        same_boot: world.same_boot,
        in_time: world.in_time,
        exhausted: times >= LIMIT,
        whole: world.whole,
        has_target: world.has_target,
    };
    match recovery_for(&found) {
        Recovery::Forget => vec![|disk| disk.journal = None],
        Recovery::Conclude => COMMIT[1..].to_vec(),
        Recovery::Resume => judge(vec![|disk: &mut Disk| {
            disk.journal = disk.journal.map(|(phase, times)| (phase, times + 1));
        }]),
        Recovery::RollBack => BACK.to_vec(),
        Recovery::GiveUp | Recovery::NoTarget => Vec::new(),
    }
}

fn worlds() -> Vec<World> {
    let bit = |bits: u8, n: u8| bits >> n & 1 == 1;
    let world = |bits| World {
        same_boot: bit(bits, 0),
        in_time: bit(bits, 1),
        whole: bit(bits, 2),
        has_target: bit(bits, 3),
        healthy: bit(bits, 4),
    };
    (0..32).map(world).collect()
}

/// Every disk that any sequence of cut-off runs in any worlds can leave.
fn reachable() -> BTreeSet<Disk> {
    let start = Disk { journal: None, new: false, rejected: false, noted: false };
    let mut seen = BTreeSet::from([start]);
    let mut next = vec![start];
    while let Some(disk) = next.pop() {
        for world in worlds() {
            let mut after = disk;
            for effect in run(disk, world) {
                effect(&mut after);
                if seen.insert(after) {
                    next.push(after);
                }
            }
        }
    }
    seen
}

#[test]
fn whatever_cuts_runs_off_the_journal_explains_the_link() {
    let disks = reachable();
    assert!(disks.len() > 20, "{}", disks.len());
    for disk in disks {
        let settled = disk.journal.is_none();
        assert!(
            !settled || !disk.new || disk.noted,
            "in use without having been confirmed: {disk:?}"
        );
        assert!(!disk.rejected || !disk.new || !settled, "rejected and in use: {disk:?}");
        assert!(disk.journal.is_none_or(|(_, times)| times <= LIMIT), "{disk:?}");
    }
}

#[test]
fn undisturbed_runs_end_every_transaction() {
    for mut disk in reachable() {
        for world in worlds() {
            let before = disk;
            for _ in 0..3 {
                for effect in run(disk, world) {
                    effect(&mut disk);
                }
            }
            let stopped = matches!(disk.journal, Some((Phase::RollingBack, LIMIT)));
            let stuck = !world.has_target && disk.journal.is_some();
            assert!(disk.journal.is_none() || stopped || stuck, "{before:?} {world:?} {disk:?}");
            disk = before;
        }
    }
}
