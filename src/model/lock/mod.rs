//! mesh.lock: the number of every gateway and of every further uplink, past and present.
//!
//! ```text
//! # tieline-lock 2: the number of every gateway and uplink, never reused; written by tieline lock
//! 1 perth
//! 2 fremantle removed
//! 3 sydney
//! 4 perth/lte
//! ```
//!
//! One line a number, in their order, so that two branches that take the same number conflict in git
//! instead of colliding in production. What is removed leaves its line behind, so that its number is
//! never given to another. A gateway's first uplink has the gateway's number; each further one has a
//! line of its own (docs/adr/0028).
//!
//! Format 2 is written and read. Format 1, with which Tieline 0.1 began and which knows no uplinks,
//! is read. What is read is, but for the header of format 1, byte for byte what would be written.

mod parse;
mod update;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use update::Update;

use crate::primitives::{GatewayNumber, Name};
use crate::spec::Place;

/// The numbers of a mesh's gateways and uplinks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    format: Format,
    /// Line n is number n.
    entries: Vec<Entry>,
}

/// A number that was given out.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    owner: NumberOwner,
    removed: bool,
}

/// What has a number: a gateway, and with it its first uplink, or a further uplink of one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NumberOwner {
    /// The gateway.
    pub gateway: Name,
    /// Its further uplink; `None` for the gateway itself.
    pub uplink: Option<Name>,
}

/// A version of the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Format {
    /// Gateways only.
    One,
    /// Uplinks as well.
    #[default]
    Two,
}

impl Format {
    /// What a file begins with.
    fn header(self) -> &'static str {
        match self {
            Self::One => {
                "# tieline-lock 1: the number of every gateway, never reused; written by tieline lock"
            }
            Self::Two => {
                "# tieline-lock 2: the number of every gateway and uplink, never reused; written by \
                 tieline lock"
            }
        }
    }
}

impl Default for Lock {
    fn default() -> Self {
        Self { format: Format::Two, entries: Vec::new() }
    }
}

impl Lock {
    /// The number of every gateway that is not removed.
    #[must_use]
    pub fn numbers(&self) -> BTreeMap<Name, GatewayNumber> {
        let gateways = self.alive().filter(|(_, owner)| owner.uplink.is_none());
        gateways.map(|(number, owner)| (owner.gateway.clone(), number)).collect()
    }

    /// The number of every further uplink that is not removed.
    #[must_use]
    pub fn uplinks(&self) -> BTreeMap<NumberOwner, GatewayNumber> {
        let uplinks = self.alive().filter(|(_, owner)| owner.uplink.is_some());
        uplinks.map(|(number, owner)| (owner.clone(), number)).collect()
    }

    /// The gateways that were removed, and have not come back under a new number.
    #[must_use]
    pub fn removed(&self) -> BTreeSet<Name> {
        let alive = self.numbers();
        let removed = self.entries.iter().filter(|entry| entry.removed);
        let gateways = removed.filter(|entry| entry.owner.uplink.is_none());
        let gone = gateways.map(|entry| &entry.owner.gateway);
        gone.filter(|name| !alive.contains_key(*name)).cloned().collect()
    }

    /// The highest number that is not removed; 0 where there is none.
    #[must_use]
    pub fn highest(&self) -> u16 {
        self.alive().last().map_or(0, |(number, _)| number.get())
    }

    /// Where the line of a number stands in the file.
    #[must_use]
    pub fn place(&self, number: GatewayNumber) -> Place {
        let mut start = self.format.header().len() + 1;
        for (other, entry) in self.numbered() {
            let end = start + line(other, entry).len();
            if other == number {
                return Place::lock(start..end);
            }
            start = end + 1;
        }
        Place::lock(start..start)
    }

    fn alive(&self) -> impl DoubleEndedIterator<Item = (GatewayNumber, &NumberOwner)> {
        let alive = self.numbered().filter(|(_, entry)| !entry.removed);
        alive.map(|(number, entry)| (number, &entry.owner))
    }

    fn numbered(&self) -> impl DoubleEndedIterator<Item = (GatewayNumber, &Entry)> {
        let entries = self.entries.iter().enumerate();
        entries.filter_map(|(index, entry)| Some((number_at(index)?, entry)))
    }
}

/// The number of the line at `index`, counted from 0 and without the header.
fn number_at(index: usize) -> Option<GatewayNumber> {
    GatewayNumber::new(u16::try_from(index + 1).ok()?)
}

fn line(number: GatewayNumber, entry: &Entry) -> String {
    let removed = if entry.removed { " removed" } else { "" };
    format!("{number} {}{removed}", entry.owner)
}

/// `perth`, or `perth/lte` for a further uplink.
impl fmt::Display for NumberOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.uplink {
            Some(uplink) => f.pad(&format!("{}/{uplink}", self.gateway)),
            None => f.pad(self.gateway.as_str()),
        }
    }
}

/// The whole file, in the newest format.
impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", Format::Two.header())?;
        self.numbered().try_for_each(|(number, entry)| writeln!(f, "{}", line(number, entry)))
    }
}
