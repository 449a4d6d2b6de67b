//! What to do about a transaction that was cut off: no effect, no clock, no host.

use super::Phase;

/// What a run finds of the one before.
#[expect(clippy::struct_excessive_bools, reason = "each is a column of the recovery table")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interruption {
    /// How far the transaction had come; `None` where its journal cannot be read.
    pub phase: Option<Phase>,
    /// Where `current` points.
    pub linked: Linked,
    /// Whether this is the boot it began in.
    pub same_boot: bool,
    /// Whether its deadline is still to come.
    pub in_time: bool,
    /// Whether it may not be taken up once more in this direction.
    pub exhausted: bool,
    /// Whether the new generation is whole.
    pub whole: bool,
    /// Whether there is something whole to go back to. Nothing at all is, for a first install.
    pub has_target: bool,
}

/// Where `current` points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linked {
    /// At what was in use before the transaction.
    Old,
    /// At what it was to put to use.
    New,
    /// Elsewhere.
    Elsewhere,
}

/// What to do about a transaction that was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// Take what `current` points at for what is wanted.
    Forget,
    /// Finish what was begun, and see whether it proves healthy.
    Resume,
    /// Write down that it proved healthy.
    Conclude,
    /// Undo it.
    RollBack,
    /// Nothing: undoing it was cut off so often that it may be what kills this host.
    GiveUp,
    /// Nothing: there is no way back.
    NoTarget,
}

/// The recovery table of the design (docs/adr/0018 has it with reasons).
#[must_use]
pub fn recovery_for(found: &Interruption) -> Recovery {
    let Some(phase) = found.phase else { return Recovery::Forget };
    let undo = if found.has_target { Recovery::RollBack } else { Recovery::NoTarget };
    match (phase, found.linked) {
        (Phase::Committed, _) => Recovery::Conclude,
        (Phase::RollingBack, _) if found.exhausted => Recovery::GiveUp,
        // The crash came before the switch, or somebody has set the link to something else, who
        // knows better than the journal.
        (Phase::Armed, Linked::Old) | (Phase::Armed | Phase::Switched, Linked::Elsewhere) => {
            Recovery::Forget
        }
        (Phase::Armed | Phase::Switched, Linked::New)
            if found.same_boot && found.in_time && found.whole && !found.exhausted =>
        {
            Recovery::Resume
        }
        (Phase::RollingBack, _)
        | (Phase::Switched, Linked::Old)
        | (Phase::Armed | Phase::Switched, Linked::New) => undo,
    }
}

#[cfg(test)]
mod tests;
