//! Steps into effects.

use std::collections::BTreeSet;

use super::{Applied, Machine, Paths, Step, Steps};
use crate::host::{FileError, NetworkError, ServiceError};
use crate::primitives::Device;

/// Why a step had no effect.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The network did not do it.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The tunnel's process did not do it.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The note of what is applied could not be written.
    #[error("cannot note what is applied")]
    Note(#[from] FileError),
}

/// A step that had no effect.
#[derive(Debug)]
pub struct FailedStep {
    /// The tunnel it was about, if it was about one.
    pub device: Option<Device>,
    /// Why it had none.
    pub error: StepError,
}

/// Carries out all steps in order. One that fails does not keep the others from happening: a tunnel
/// that does not start is no reason to leave the rest down, or to keep one that was revoked. Only
/// what depends on it is left out, and the next run tries again. Returns the steps that were done,
/// and why others were not.
pub(super) fn execute(
    machine: &Machine,
    paths: &Paths,
    mut steps: Steps,
    applied: &mut Applied,
) -> (Steps, Vec<FailedStep>) {
    let mut errors = Vec::new();
    let mut broken: BTreeSet<Device> = BTreeSet::new();
    let mut done = |step: &Step| {
        let device = device_of(step);
        if device.is_some_and(|device| broken.contains(&device)) {
            return false;
        }
        let ended = one(machine, paths, step, applied);
        if let Err(error) = ended {
            broken.extend(device);
            errors.push(FailedStep { device, error });
            return false;
        }
        true
    };
    for part in [&mut steps.additions, &mut steps.changes, &mut steps.removals] {
        part.retain(&mut done);
    }
    (steps, errors)
}

/// The tunnel a step is about.
pub(super) fn device_of(step: &Step) -> Option<Device> {
    match step {
        Step::SetLink(device, _)
        | Step::RemoveLink(device)
        | Step::Start(device, _)
        | Step::Restart(device, _)
        | Step::Stop(device)
        | Step::RemoveRoute(_, device) => Some(*device),
        Step::SetRoute(_, via) => Some(via.device),
        Step::Set(..) | Step::LoadRuleset(..) | Step::RemoveTable => None,
    }
}

/// One step. What cannot be seen afterwards is noted: struck out before the effect and written
/// down after it, so that a crash in between leaves "unknown", never something false.
fn one(
    machine: &Machine,
    paths: &Paths,
    step: &Step,
    applied: &mut Applied,
) -> Result<(), StepError> {
    let Machine { files, network, services, .. } = machine;
    let save = |applied: &Applied| applied.save(*files, &paths.run);
    match step {
        Step::Set(setting, value) => network.set_setting(setting.name(), value)?,
        Step::LoadRuleset(file, inputs) => {
            applied.ruleset = None;
            save(applied)?;
            network.load_ruleset(&paths.current().join(file.as_str()))?;
            applied.ruleset = Some(*inputs);
            applied.table = network.observe()?.table;
            save(applied)?;
        }
        Step::RemoveTable => {
            applied.ruleset = None;
            save(applied)?;
            network.remove_table()?;
        }
        Step::SetLink(device, link) => network.set_link(*device, link)?,
        Step::RemoveLink(device) => network.remove_link(*device)?,
        Step::Start(device, inputs) | Step::Restart(device, inputs) => {
            applied.tunnels.remove(device);
            save(applied)?;
            match step {
                Step::Start(..) => services.start(*device)?,
                _ => services.restart(*device)?,
            }
            applied.tunnels.insert(*device, *inputs);
            save(applied)?;
        }
        Step::Stop(device) => {
            applied.tunnels.remove(device);
            save(applied)?;
            services.stop(*device)?;
        }
        Step::SetRoute(to, via) => network.set_route(*to, via)?,
        Step::RemoveRoute(to, device) => network.remove_route(*to, *device)?,
    }
    Ok(())
}
