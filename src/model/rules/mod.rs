//! The rules of a mesh: one file a rule, each a function from the draft to findings.

mod address;
mod duplicates;
mod few_lans;
mod overlap;
mod ports;
mod private;
mod reachable;
mod size;
mod well_known;

use super::draft::Draft;
use crate::spec::Finding;

/// A rule: reports what it finds wrong with the draft.
type Rule = fn(&Draft, &mut Vec<Finding>);

const RULES: &[Rule] = &[
    address::check,
    duplicates::check,
    few_lans::check,
    overlap::check,
    ports::check,
    private::check,
    reachable::check,
    size::check,
    well_known::check,
];

/// Holds the draft against every rule.
pub(super) fn check(draft: &Draft, findings: &mut Vec<Finding>) {
    for rule in RULES {
        rule(draft, findings);
    }
}
