//! Kernel settings (sysctl(8)), a unit each.

use std::collections::BTreeMap;
use std::fmt;

use super::executor::Executor;
use super::step::Step;
use super::{Forbidden, Phase, StepError, UnitId};
use crate::bundle::Sysctl;
use crate::reconcile::machine::Machine;

/// What this kind is called.
pub const KIND: &str = "sysctl";

/// Value by setting.
pub type Wanted = BTreeMap<Sysctl, String>;

/// Every setting a bundle may ask for, as it is.
pub type Seen = BTreeMap<Sysctl, String>;

/// What is done to a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It becomes this value.
    Set(Sysctl, String),
}

/// The unit of a setting.
#[must_use]
pub fn id(setting: Sysctl) -> UnitId {
    UnitId::new(KIND, &setting.name())
}

pub(super) fn observe(machine: &Machine) -> Result<Seen, StepError> {
    let value = |setting: Sysctl| Ok((setting, machine.network.setting(setting.name())?));
    Sysctl::ALL.into_iter().map(value).collect()
}

pub(super) fn steps(seen: &Seen, wanted: &Wanted) -> Vec<Step<Action>> {
    let other = wanted.iter().filter(|(setting, value)| seen.get(setting) != Some(value));
    let set = |(setting, value): (&Sysctl, &String)| {
        Step::new(id(*setting), Phase::Add, Action::Set(*setting, value.clone()))
    };
    other.map(set).collect()
}

pub(super) fn carry_out(action: &Action, executor: &mut Executor) -> Result<(), StepError> {
    let Action::Set(setting, value) = action;
    Ok(executor.machine.network.set_setting(setting.name(), value)?)
}

pub(super) fn check(settings: &BTreeMap<Sysctl, String>) -> Result<(), Forbidden> {
    for (setting @ Sysctl::Ip4Forward, value) in settings {
        if value != "1" {
            return Err(Forbidden::Setting { name: setting.name(), value: value.clone() });
        }
    }
    Ok(())
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Set(setting, value) = self;
        write!(f, "set {} to {value}", setting.name())
    }
}
