//! From what is seen and what is wanted to the steps between them: no effect, no clock, no host.

use std::collections::BTreeMap;

use super::{Phase, Seen, Step, Steps, UnitId, Wanted, kind};

/// What has to be done.
#[must_use]
pub fn decide(seen: &Seen, wanted: &Wanted) -> Steps {
    in_order(kind::steps(seen, wanted))
}

/// Puts steps that come in the order of layers into the order in which they are carried out: phase
/// by phase, layer by layer, and the layers from the top where something goes. A unit that a step
/// interrupts is put right at once, so that no tunnel waits for another one's turn.
fn in_order(steps: Vec<Step>) -> Steps {
    let mut of_unit: BTreeMap<(Phase, UnitId), Vec<usize>> = BTreeMap::new();
    for (index, step) in steps.iter().enumerate() {
        of_unit.entry((step.phase, step.unit.clone())).or_default().push(index);
    }
    let mut order = Vec::new();
    for phase in [Phase::Add, Phase::Change, Phase::Remove] {
        let of_phase = steps.iter().enumerate().filter(|(_, step)| step.phase == phase);
        let mut indexes: Vec<usize> = of_phase.map(|(index, _)| index).collect();
        if phase == Phase::Remove {
            from_the_top(&steps, &mut indexes);
        }
        for index in indexes {
            order.push(index);
            let interrupted = steps.get(index).into_iter().flat_map(|step| &step.interrupts);
            let next = interrupted.filter_map(|unit| of_unit.get(&(phase, unit.clone())));
            order.extend(next.flatten());
        }
    }
    let mut steps: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
    // What was put right at once comes up again in its own turn, and is gone by then.
    let taken = order.into_iter().filter_map(|index| steps.get_mut(index)?.take());
    Steps(taken.collect())
}

/// Turns the order of layers round, and leaves the order within each.
fn from_the_top(steps: &[Step], indexes: &mut [usize]) {
    let layer = |index: &usize| steps.get(*index).map(|step| kind::layer(&step.action));
    indexes.sort_by_key(|index| std::cmp::Reverse(layer(index)));
}

#[cfg(test)]
mod tests;
