//! The nftables table `inet tieline` (nft(8)): one unit, loaded from a file as a whole.

mod policy;

use std::fmt;

use super::executor::Executor;
use super::policy::content;
use super::step::Step;
use super::{Applied, Forbidden, Note, Phase, StepError, UnitId};
use crate::primitives::{ArtifactPath, ArtifactSet, Digest};

/// What this kind is called.
pub const KIND: &str = "nftables";

/// The ruleset, if there is to be one.
pub type Wanted = Option<Ruleset>;

/// What the kernel tells of the table, if there is one.
pub type Seen = Option<Digest>;

/// A ruleset that makes the table `inet tieline`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruleset {
    /// Its file in the generation.
    pub file: ArtifactPath,
    /// Everything it is made of.
    pub inputs: Digest,
}

/// What is done to the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It is replaced.
    Load(Ruleset),
    /// It goes.
    Remove,
}

/// The unit.
#[must_use]
pub fn id() -> UnitId {
    UnitId::new(KIND, &"tieline")
}

pub(super) fn want(file: &ArtifactPath, inputs: Digest) -> Ruleset {
    Ruleset { file: file.clone(), inputs }
}

/// The table is as it should be where it was loaded from the same ruleset, and the kernel tells of it
/// what it told right after that.
pub(super) fn steps(
    seen: Seen,
    wanted: Option<&Ruleset>,
    applied: &Applied,
) -> Option<Step<Action>> {
    let step = |phase, action| Some(Step::new(id(), phase, action));
    match wanted {
        Some(ruleset) => {
            let noted = applied.units.get(&id());
            let loaded = noted.is_some_and(|note| note.inputs == ruleset.inputs);
            let untouched = seen.is_some() && seen == noted.and_then(|note| note.result);
            if loaded && untouched { None } else { step(Phase::Add, Action::Load(ruleset.clone())) }
        }
        None if seen.is_some() => step(Phase::Remove, Action::Remove),
        None => None,
    }
}

pub(super) fn carry_out(action: &Action, executor: &mut Executor) -> Result<(), StepError> {
    executor.noted(&id(), |machine, paths| match action {
        Action::Load(Ruleset { file, inputs }) => {
            machine.network.load_ruleset(&paths.current().join(file.as_str()))?;
            let result = machine.network.observe()?.table;
            Ok(Some(Note { inputs: *inputs, result }))
        }
        Action::Remove => {
            machine.network.remove_table()?;
            Ok(None)
        }
    })
}

pub(super) fn check(file: &ArtifactPath, files: &ArtifactSet) -> Result<(), Forbidden> {
    policy::check(file, content(files, file)?)
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(ruleset) => write!(f, "load {}", ruleset.file),
            Self::Remove => f.write_str("remove the table inet tieline"),
        }
    }
}
