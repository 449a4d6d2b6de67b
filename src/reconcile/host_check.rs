//! The host is looked at before anything is applied: whether it has a key pair, what tunnels are made
//! of, and the programs that steps need. What it lacks is no release's fault.

use std::collections::BTreeSet;
use std::fmt;

use camino::Utf8Path;

use super::config::Paths;
use super::gateway::Gateway;
use super::units::{Need, Steps, needs};
use crate::host::{FileError, Files};
use crate::identity::{self, IdentityError};
use crate::primitives::error_chain;

/// The device out of which tunnels are made (Documentation/networking/tuntap.rst of the kernel).
const TUN: &str = "/dev/net/tun";

/// What has to be there whatever is to be done: a tunnel that runs is lost without it when it next
/// starts.
const STANDING: [Need; 2] = [Need::Key, Need::Tun];

/// What any step may need.
const EVERYTHING: [Need; 5] =
    [Need::Key, Need::Tun, Need::Program("openvpn"), Need::Program("nft"), Need::Program("ip")];

/// Something that this host lacks.
#[derive(Debug)]
pub enum Lack {
    /// A key pair that can be used.
    Key(IdentityError),
    /// The device out of which tunnels are made.
    Tun,
    /// A program.
    Program(&'static str),
}

/// What this host lacks. Nothing that runs was touched because of it, and no release is to blame.
#[derive(Debug, thiserror::Error)]
#[error("this host lacks what the mesh needs: {}", sentences(.0))]
pub struct Lacks(Vec<Lack>);

/// Looks for what every run needs.
pub(super) fn standing(gateway: &Gateway) -> Result<(), Lacks> {
    look(gateway, STANDING)
}

/// Looks for all that there may be a need of: how a transaction that was cut off goes on is not known
/// beforehand.
pub(super) fn everything(gateway: &Gateway) -> Result<(), Lacks> {
    look(gateway, EVERYTHING)
}

/// Looks for what every run needs, and what `steps` do.
pub(super) fn before(gateway: &Gateway, steps: &Steps) -> Result<(), Lacks> {
    look(gateway, STANDING.into_iter().chain(needs_of(steps)))
}

/// The steps that can be carried out, and what is lacking for the others. A step that would interrupt
/// what cannot be started again is not carried out.
pub(super) fn possible(gateway: &Gateway, steps: Steps) -> (Steps, Result<(), Lacks>) {
    let Err(lacks) = look(gateway, needs_of(&steps)) else { return (steps, Ok(())) };
    (without(&steps, &lacks.needs()), Err(lacks))
}

fn needs_of(steps: &Steps) -> BTreeSet<Need> {
    steps.iter().flat_map(needs).copied().collect()
}

/// The steps that need nothing of what is `missing`, and no unit that does.
fn without(steps: &Steps, missing: &BTreeSet<Need>) -> Steps {
    let lacking = steps.iter().filter(|step| needs(step).iter().any(|need| missing.contains(need)));
    let units = lacking.map(|step| step.unit.clone()).collect();
    Steps(steps.not_about(&units).cloned().collect())
}

fn look(gateway: &Gateway, needs: impl IntoIterator<Item = Need>) -> Result<(), Lacks> {
    let (files, paths) = (gateway.machine.files, &gateway.config.paths);
    let lacks: Vec<_> = needs.into_iter().filter_map(|need| lack(files, paths, need)).collect();
    if lacks.is_empty() { Ok(()) } else { Err(Lacks(lacks)) }
}

fn lack(files: &dyn Files, paths: &Paths, need: Need) -> Option<Lack> {
    match need {
        Need::Key => identity::check(files, &paths.identity).err().map(Lack::Key),
        // What cannot be looked at may be there.
        Need::Tun => matches!(tun(files), Ok(false)).then_some(Lack::Tun),
        Need::Program(name) => (!files.has_program(name)).then_some(Lack::Program(name)),
    }
}

fn tun(files: &dyn Files) -> Result<bool, FileError> {
    files.kind(Utf8Path::new(TUN)).map(|kind| kind.is_some())
}

impl Lacks {
    fn needs(&self) -> BTreeSet<Need> {
        self.0.iter().map(Lack::need).collect()
    }

    /// What to do about the first of them; the next run goes on by itself.
    #[must_use]
    pub fn hint(&self) -> String {
        let remedy = self.0.first().map(Lack::remedy).unwrap_or_default();
        format!("{remedy}; nothing that runs was touched, and the next run goes on by itself")
    }
}

impl Lack {
    fn need(&self) -> Need {
        match self {
            Self::Key(_) => Need::Key,
            Self::Tun => Need::Tun,
            Self::Program(name) => Need::Program(name),
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::Key(error) => {
                error.hint().unwrap_or("look at `paths.identity` in gateway.yaml").to_owned()
            }
            Self::Tun => "`modprobe tun` makes it; a container has to be given it".to_owned(),
            Self::Program(name) => {
                let package = match *name {
                    "nft" => "nftables",
                    "ip" => "iproute2",
                    name => name,
                };
                format!("install it, as with `apt install {package}`")
            }
        }
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(error) => f.write_str(&error_chain(error)),
            Self::Tun => write!(f, "there is no {TUN}"),
            Self::Program(name) => write!(f, "there is no program `{name}`"),
        }
    }
}

fn sentences(lacks: &[Lack]) -> String {
    lacks.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
