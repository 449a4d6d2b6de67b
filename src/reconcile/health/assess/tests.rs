//! Every rule of [`assess`], and what must hold whatever is seen.

use proptest::collection::{btree_map, btree_set};
use proptest::prelude::*;

use super::*;
use Level::{Alive, Running, Stopped, Up};

fn unit(peer: u16) -> UnitId {
    format!("tunnel/tl-{peer}").parse().unwrap()
}

fn peer(level: Level) -> UnitHealth {
    UnitHealth { peer: Some("perth".parse().unwrap()), level }
}

/// The health of a gateway with one tunnel, or none.
fn with(level: Option<Level>) -> Health {
    let tunnels = level.map(|level| (unit(2), peer(level)));
    Health { units: tunnels.into_iter().collect(), ..Health::default() }
}

/// Whether a tunnel that was `before` and is `now` keeps a release, and whether it is told of.
fn tunnel(before: Option<Level>, now: Option<Level>, changed: bool) -> (bool, usize) {
    let changed = changed.then(|| unit(2)).into_iter().collect();
    let assessment = assess(&with(before), &with(now), &changed);
    let lost = before.unwrap_or(Stopped) > now.unwrap_or(Stopped) && now.is_some();
    assert_eq!(assessment.settling, assessment.healthy && !changed.is_empty() && lost);
    assert_eq!(assessment.healthy, assessment.waiting_for.is_empty());
    (assessment.healthy, assessment.warnings.len())
}

#[test]
fn a_tunnel_that_stays_has_to_work_as_it_did() {
    // Each row is what it was before, each column what it is now: stopped, running, up, alive.
    let rows = [
        (Stopped, [(true, 1), (true, 1), (true, 0), (true, 0)]),
        (Running, [(false, 0), (true, 1), (true, 0), (true, 0)]),
        (Up, [(false, 0), (false, 0), (true, 0), (true, 0)]),
        (Alive, [(false, 0), (false, 0), (false, 0), (true, 0)]),
    ];
    for (before, row) in rows {
        for (now, expected) in [Stopped, Running, Up, Alive].into_iter().zip(row) {
            let found = tunnel(Some(before), Some(now), false);
            assert_eq!(found, expected, "{before:?} before, {now:?} now");
        }
    }
    // One that is gone although nobody took it away works no more.
    assert_eq!(tunnel(Some(Alive), None, false), (false, 0));
}

#[test]
fn one_that_changes_here_has_to_have_a_process_and_may_wait_for_its_far_end() {
    for before in [None, Some(Stopped), Some(Running), Some(Up), Some(Alive)] {
        assert_eq!(tunnel(before, Some(Stopped), true), (false, 0), "{before:?}");
        // It is told of where it worked before.
        let lost = before.is_some_and(|before| before > Running);
        assert_eq!(tunnel(before, Some(Running), true), (true, lost.into()), "{before:?}");
        assert_eq!(tunnel(before, Some(Alive), true), (true, 0), "{before:?}");
        assert_eq!(tunnel(before, None, true), (true, 0), "{before:?}");
    }
    assert_eq!(tunnel(Some(Alive), Some(Up), true), (true, 1));
    assert_eq!(tunnel(None, Some(Up), true), (true, 0));
}

#[test]
fn many_silent_peers_are_one_line() {
    let units = (2..20).map(|n| (unit(n), peer(Running))).collect();
    let health = Health { units, ..Health::default() };
    let assessment = assess(&health, &health, &BTreeSet::new());
    let expected = "no answer from perth (tl-2), perth (tl-3), perth (tl-4), perth (tl-5), \
                    perth (tl-6) and 13 more, as before this release";
    assert_eq!(assessment.warnings, [expected]);
}

/// The health of a gateway with these remotes.
fn remotes(remotes: &[(&str, bool)]) -> Health {
    let remotes = remotes.iter().map(|(url, answers)| ((*url).to_owned(), *answers));
    Health { remotes: remotes.collect(), ..Health::default() }
}

#[test]
fn one_of_the_remotes_that_answered_has_to_answer() {
    let cases: [(&[_], &[_], Option<&str>); 7] = [
        (&[("a", true)], &[("a", true)], None),
        (&[("a", true)], &[("a", false)], Some("a does not answer")),
        (&[("a", true)], &[], Some("a does not answer")),
        (&[("a", true), ("b", true)], &[("a", false), ("b", true)], None),
        (&[("a", true), ("b", true)], &[("a", false), ("b", false)], Some("none of a, b answers")),
        // Nobody expects one that did not answer before.
        (&[("a", false)], &[("a", false)], None),
        // That another one answers now is luck.
        (&[("a", true), ("b", false)], &[("a", false), ("b", true)], Some("a does not answer")),
    ];
    for (before, now, expected) in cases {
        let assessment = assess(&remotes(before), &remotes(now), &BTreeSet::new());
        let found = assessment.waiting_for.first().map(String::as_str);
        assert_eq!((found, assessment.warnings.len()), (expected, 0), "{before:?} {now:?}");
    }
}

#[test]
fn a_check_that_succeeded_has_to_succeed() {
    let health = |succeeds| Health {
        checks: [("ping 10.0.0.1".to_owned(), succeeds)].into(),
        ..Health::default()
    };
    let assess = |before, now| {
        let assessment = assess(&health(before), &health(now), &BTreeSet::new());
        (assessment.waiting_for.len(), assessment.warnings.len())
    };
    assert_eq!(assess(true, true), (0, 0));
    assert_eq!(assess(true, false), (1, 0));
    assert_eq!(assess(false, false), (0, 1));
    assert_eq!(assess(false, true), (0, 0));
}

#[test]
fn the_first_install_needs_nothing_but_a_process_and_the_remote() {
    let now = Health { remotes: remotes(&[("a", true)]).remotes, ..with(Some(Running)) };
    let assessment = assess(&remotes(&[("a", true)]), &now, &[unit(2)].into());
    assert!(assessment.healthy, "{assessment:?}");
}

fn health() -> impl Strategy<Value = Health> {
    let level = prop_oneof![Just(Stopped), Just(Running), Just(Up), Just(Alive)];
    let units = btree_map((1u16..5).prop_map(unit), level.prop_map(peer), 0..4);
    let names = || prop_oneof![Just("a".to_owned()), Just("b".to_owned())];
    let (remotes, checks) =
        (btree_map(names(), any::<bool>(), 0..3), btree_map(names(), any::<bool>(), 0..3));
    (units, remotes, checks).prop_map(|(units, remotes, checks)| Health { units, remotes, checks })
}

fn some() -> impl Strategy<Value = BTreeSet<UnitId>> {
    btree_set((1u16..5).prop_map(unit), 0..4)
}

proptest! {
    /// A gateway that is as it was stays as it is, unless a changed tunnel has no process.
    #[test]
    fn nothing_worse_is_nothing_to_go_back_for(before in health()) {
        let assessment = assess(&before, &before, &BTreeSet::new());
        prop_assert!(assessment.healthy, "{assessment:?}");
    }

    /// Whatever the far end of a changed tunnel does, and whatever was down before, decides nothing.
    #[test]
    fn far_ends_that_change_as_well_decide_nothing(
        before in health(), now in health(), changed in some(), levels in some(),
    ) {
        let mut other = now.clone();
        for (id, tunnel) in &mut other.units {
            let was = before.units.get(id).map_or(Stopped, |tunnel| tunnel.level);
            let free = if changed.contains(id) { tunnel.level >= Running } else { was == Stopped };
            if free && levels.contains(id) {
                tunnel.level = if tunnel.level == Alive { Running } else { Alive };
            }
        }
        prop_assert_eq!(
            assess(&before, &now, &changed).healthy,
            assess(&before, &other, &changed).healthy
        );
    }

    /// What works better never makes a assessment worse.
    #[test]
    fn better_is_never_worse(before in health(), now in health(), changed in some()) {
        let assessment = assess(&before, &now, &changed);
        let mut best = now;
        best.units.values_mut().for_each(|tunnel| tunnel.level = Alive);
        best.remotes.extend(before.remotes.keys().map(|remote| (remote.clone(), true)));
        best.checks.extend(before.checks.keys().map(|check| (check.clone(), true)));
        let better = assess(&before, &best, &changed);
        prop_assert!(better.healthy || !assessment.healthy, "{assessment:?} {better:?}");
        prop_assert!(better.waiting_for.iter().all(|clause| assessment.waiting_for.contains(clause)));
    }
}
