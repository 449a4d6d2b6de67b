//! A kind that only tests have, to show what a new kind takes: a daemon with a file, a check of it,
//! a reload, and a dependency on a device.

use std::collections::BTreeMap;
use std::fmt;

use super::executor::Executor;
use super::processes::by_device;
use super::step::{Made, Step};
use super::{Applied, Forbidden, Level, Note, Phase, StepError, UnitHealth, UnitId};
use super::{link, policy};
use crate::host::{Daemon, Launch, Process, Reload, Service};
use crate::primitives::{ArtifactPath, ArtifactSet, Device, Digest};
use crate::reconcile::config::Paths;
use crate::reconcile::machine::Machine;

pub const KIND: &str = "relay";

pub type Wanted = BTreeMap<Device, Relay>;
pub type Seen = BTreeMap<Device, Process>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    pub file: ArtifactPath,
    pub inputs: Digest,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Start(Device, Relay),
    Restart(Device, Relay),
    Reload(Device, Relay),
    Stop(Device),
}

pub fn id(device: Device) -> UnitId {
    UnitId::new(KIND, &device)
}

pub(super) fn want(file: &ArtifactPath, inputs: Digest) -> Relay {
    Relay { file: file.clone(), inputs }
}

fn service(device: Device, file: &str, paths: &Paths) -> Service {
    Service {
        id: id(device),
        label: format!("relay {device}"),
        daemon: Daemon {
            kind: KIND,
            title: "Relay",
            run: paths.run.join("relay"),
            pid_option: "--pid",
        },
        systemd_unit: format!("relay@{device}.service"),
        launch: Launch {
            program: "relay",
            arguments: Vec::new(),
            arguments_of_root: Vec::new(),
            log: paths.run.join("relay.log"),
        },
        configuration: paths.current().join(file),
        check: Some(vec!["relay".to_owned(), "--check".to_owned()]),
        reload: Some(Reload::Hangup),
        answers_on: None,
        leftovers: Vec::new(),
    }
}

pub(super) fn observe(machine: &Machine, paths: &Paths) -> Result<Seen, StepError> {
    let daemon =
        Daemon { kind: KIND, title: "Relay", run: paths.run.join("relay"), pid_option: "--pid" };
    by_device(machine, &daemon)
}

pub(super) fn steps(
    seen: &Seen,
    wanted: &Wanted,
    applied: &Applied,
    made: &Made,
) -> Vec<Step<Action>> {
    let mut steps = Vec::new();
    for (device, relay) in wanted {
        let id = id(*device);
        let link = made.when(&link::id(*device));
        let (phase, action) = match (seen.contains_key(device), link) {
            (false, link) => (link.unwrap_or(Phase::Change), Action::Start(*device, relay.clone())),
            (true, Some(_)) => (Phase::Change, Action::Restart(*device, relay.clone())),
            (true, None) if applied.has(&id, relay.inputs) => continue,
            (true, None) => (Phase::Change, Action::Reload(*device, relay.clone())),
        };
        let reload = matches!(action, Action::Reload(..));
        let step = Step::new(id.clone(), phase, action);
        let step = step.needs(link::id(*device));
        steps.push(if reload { step } else { step.interrupts(id) });
    }
    for device in seen.keys().filter(|device| !wanted.contains_key(device)) {
        let stop = Step::new(id(*device), Phase::Remove, Action::Stop(*device));
        steps.push(stop.interrupts(id(*device)));
    }
    steps
}

pub(super) fn carry_out(action: &Action, executor: &mut Executor) -> Result<(), StepError> {
    let (device, relay) = match action {
        Action::Start(device, relay)
        | Action::Restart(device, relay)
        | Action::Reload(device, relay) => (*device, Some(relay)),
        Action::Stop(device) => (*device, None),
    };
    executor.noted(&id(device), |machine, paths| {
        let file = relay.map(|relay| relay.file.as_str()).unwrap_or_default();
        let service = service(device, file, paths);
        if relay.is_some() {
            machine.services.check(&service)?;
        }
        match action {
            Action::Start(..) => machine.services.start(&service)?,
            Action::Restart(..) => machine.services.restart(&service)?,
            Action::Reload(..) => machine.services.reload(&service)?,
            Action::Stop(_) => machine.services.stop(&service)?,
        }
        Ok(relay.map(|relay| Note { inputs: relay.inputs, result: None }))
    })
}

pub(super) fn check(file: &ArtifactPath, files: &ArtifactSet) -> Result<(), Forbidden> {
    policy::content(files, file).map(drop)
}

pub(super) fn health(
    machine: &Machine,
    paths: &Paths,
    wanted: &Wanted,
) -> BTreeMap<UnitId, UnitHealth> {
    let running = observe(machine, paths).unwrap_or_default();
    let health = wanted.keys().map(|device| {
        let runs = running.contains_key(device);
        let level = if runs { Level::Running } else { Level::Stopped };
        (id(*device), UnitHealth { peer: None, level })
    });
    health.collect()
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(device, _) => write!(f, "start relay {device}"),
            Self::Restart(device, _) => write!(f, "restart relay {device}"),
            Self::Reload(device, _) => write!(f, "reload relay {device}"),
            Self::Stop(device) => write!(f, "stop relay {device}"),
        }
    }
}
