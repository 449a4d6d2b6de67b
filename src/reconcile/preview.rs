//! What a run would do now: everything up to the first effect.

use schemars::JsonSchema;
use serde::Serialize;

use super::gateway::{in_use, local};
use super::newest::{Newest, newest};
use super::session::lock;
use super::{
    Candidate, Changes, Current, Found, Gateway, Hold, Journal, Machine, Report, RunError, Steps,
    Wanted, decide, observe,
};
use crate::host::Unwritten;
use crate::primitives::Name;
use crate::tuf::UtcTime;

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
    /// Of which kind it is
    pub kind: Kind,
    /// What would be done
    pub what: String,
}

/// Kinds of changes, in the order in which they would be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
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
pub fn preview(gateway: &Gateway, report: &mut Report) -> Result<Preview, RunError> {
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
    if Journal::load(&files, state) != Found::Nothing {
        let first = "a run was cut off in a release: the next one ends what that began";
        preview.obstacles.push(first.to_owned());
        return Ok(preview);
    }
    let current = in_use(gateway)?;
    let mut active = None;
    match &current {
        Current::None => {}
        Current::Damaged { why } => {
            let what = format!("put the files of the release in use back: {why}");
            preview.drift.push(Move { kind: Kind::Change, what });
        }
        Current::Whole(generation) => {
            preview.in_use = Some(generation.label.release);
            active = Some(generation.label.digest);
            let wanted = Wanted::of(&generation.manifest, &gateway.identity, gateway.owner);
            preview.drift = moves(&steps(gateway, &wanted)?);
        }
    }
    let now = UtcTime::from_clock(gateway.machine.clock.now());
    let hold = Hold::in_force(&files, state, now);
    if let Some(hold) = &hold {
        preview.obstacles.push(hold.to_string());
    }
    let found = newest(gateway, active, report)?;
    preview.newest = report.release;
    let bundle = match found {
        Newest::Same => return Ok(preview),
        Newest::Rejected(rejected) => {
            let (release, reason) = (rejected.release, rejected.reason);
            preview.obstacles.push(format!("release {release} is not tried again: {reason}"));
            return Ok(preview);
        }
        Newest::Other(bundle) => bundle,
    };
    let release = bundle.release();
    let unpacked = bundle.unpack().map_err(|error| {
        let source = Box::new(error);
        RunError::Bundle { release, source }
    })?;
    let candidate = Candidate::check(&bundle, unpacked, &local(gateway)?)?;
    let wanted = Wanted::of(candidate.manifest(), &gateway.identity, gateway.owner);
    let steps = steps(gateway, &wanted)?;
    preview.release = moves(&steps);
    if hold.is_none() {
        preview.summary = format!("release {release} would be applied: {}", Changes::of(&steps));
    }
    Ok(preview)
}

fn steps(gateway: &Gateway, wanted: &Wanted) -> Result<Steps, RunError> {
    let seen = observe::observe(&gateway.machine, &gateway.config.paths);
    Ok(decide(&seen.map_err(RunError::Observe)?, wanted))
}

fn moves(steps: &Steps) -> Vec<Move> {
    let parts = [
        (Kind::Add, &steps.additions),
        (Kind::Change, &steps.changes),
        (Kind::Remove, &steps.removals),
    ];
    let of = |(kind, steps): (Kind, &Vec<super::Step>)| {
        let step = move |step: &super::Step| Move { kind, what: step.to_string() };
        steps.iter().map(step).collect::<Vec<_>>()
    };
    parts.into_iter().flat_map(of).collect()
}
