//! What a run would do now: everything up to the first effect.

use schemars::JsonSchema;
use serde::Serialize;

use super::session::lock;
use super::{in_use, known, local};
use crate::host::Unwritten;
use crate::primitives::{Name, UnitId};
use crate::reconcile::error::RunError;
use crate::reconcile::fetch::{NewestBundle, newest};
use crate::reconcile::gateway::Gateway;
use crate::reconcile::generation::{Candidate, Current};
use crate::reconcile::hold::Hold;
use crate::reconcile::machine::Machine;
use crate::reconcile::transaction::{Journal, JournalFile};
use crate::reconcile::units::{Changes, Phase, Steps, Wanted, decide, observe};
use crate::tuf::{UtcTime, VerifiedBundle};

/// What a run would do now, in format 1.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Preview {
    /// The version of this format: 1
    pub format: u32,
    /// The gateway
    pub gateway: Option<Name>,
    /// The release in use
    pub in_use: Option<u64>,
    /// The newest release that could be verified
    pub newest: Option<u64>,
    /// What comes first, or keeps the newest release from being applied
    pub obstacles: Vec<String>,
    /// What differs from the release in use, and would be put right
    pub drift: Vec<Move>,
    /// What the newest release would change
    pub release: Vec<Move>,
    /// The same in a line; empty where a run would apply nothing
    pub summary: String,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Move {
    /// What comes of the unit
    pub kind: PreviewPhase,
    /// The unit; none where it is the files of the release in use
    pub unit: Option<UnitId>,
    /// What would be done
    pub what: String,
}

/// What comes of a unit, in the order in which it would be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PreviewPhase {
    /// Something new
    Add,
    /// Something becomes different; a tunnel that is restarted is interrupted
    Change,
    /// Something goes
    Remove,
}

impl Preview {
    /// The format this version writes.
    pub const FORMAT: u32 = 1;

    /// Whether a run would change anything.
    #[must_use]
    pub fn changes(&self) -> bool {
        !self.drift.is_empty() || !self.summary.is_empty()
    }
}

/// Fetches and verifies what a run would, and looks at this host, without changing it. Not even
/// the metadata that were verified are kept; what was fetched is, in the directory that may be
/// deleted at any time.
pub fn preview(gateway: &Gateway) -> Result<Preview, RunError> {
    let _held = lock(gateway)?;
    let files = Unwritten(gateway.machine.files);
    let machine = Machine { files: &files, ..gateway.machine };
    let gateway = &Gateway { machine, ..*gateway };
    let (config, state) = (gateway.config, &gateway.config.paths.state);
    let mut preview = Preview {
        format: Preview::FORMAT,
        gateway: Some(config.gateway.clone()),
        ..Preview::default()
    };
    if Journal::load(&files, state) != JournalFile::Absent {
        let first = "a run was cut off in a release: the next one ends what that began";
        preview.obstacles.push(first.to_owned());
        return Ok(preview);
    }
    let (history, current) = in_use(gateway)?;
    preview.add_drift(gateway, &current)?;
    let now = UtcTime::from_clock(gateway.machine.clock.now());
    let hold = Hold::in_force(&files, state, now);
    if let Some(hold) = &hold {
        preview.obstacles.push(hold.to_string());
    }
    let found = newest(gateway, &known(&history, &current))?;
    preview.newest = Some(found.release);
    match found.bundle {
        NewestBundle::Known(digest) => {
            if let Some(rejected) = history.rejection(digest) {
                let (release, reason) = (rejected.release, &rejected.reason);
                preview.obstacles.push(format!("release {release} is not tried again: {reason}"));
            }
        }
        NewestBundle::Other(bundle) => {
            let steps = steps_of(gateway, &bundle)?;
            preview.release = moves(&steps);
            if hold.is_none() {
                let (release, changes) = (bundle.release(), Changes::of(&steps));
                preview.summary = format!("release {release} would be applied: {changes}");
            }
        }
    }
    Ok(preview)
}

impl Preview {
    /// Adds what differs from the generation in use.
    fn add_drift(&mut self, gateway: &Gateway, current: &Current) -> Result<(), RunError> {
        match current {
            Current::None => {}
            Current::Damaged { why } => {
                let what = format!("restore the files of the release in use: {why}");
                self.drift.push(Move { kind: PreviewPhase::Change, unit: None, what });
            }
            Current::Whole(generation) => {
                self.in_use = Some(generation.label.release);
                let wanted = Wanted::of(&generation.manifest, &gateway.identity, gateway.owner);
                self.drift = moves(&steps(gateway, &wanted)?);
            }
        }
        Ok(())
    }
}

/// What a bundle would change, if this gateway takes it.
fn steps_of(gateway: &Gateway, bundle: &VerifiedBundle) -> Result<Steps, RunError> {
    let release = bundle.release();
    let unpacked = bundle.unpack().map_err(|error| {
        let source = Box::new(error);
        RunError::Bundle { release, source }
    })?;
    let candidate = Candidate::check(bundle, unpacked, &local(gateway)?)?;
    steps(gateway, &Wanted::of(candidate.manifest(), &gateway.identity, gateway.owner))
}

fn steps(gateway: &Gateway, wanted: &Wanted) -> Result<Steps, RunError> {
    let seen = observe(&gateway.machine, &gateway.config.paths);
    Ok(decide(&seen.map_err(RunError::Observe)?, wanted))
}

fn moves(steps: &Steps) -> Vec<Move> {
    let of = |step: &crate::reconcile::units::Step| Move {
        kind: match step.phase {
            Phase::Add => PreviewPhase::Add,
            Phase::Change => PreviewPhase::Change,
            Phase::Remove => PreviewPhase::Remove,
        },
        unit: Some(step.unit.clone()),
        what: step.to_string(),
    };
    steps.iter().map(of).collect()
}
