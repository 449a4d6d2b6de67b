//! mesh.lock: the number of every gateway, past and present.
//!
//! ```text
//! # tieline-lock 1: the number of every gateway, never reused; written by tieline lock
//! 1 perth
//! 2 fremantle removed
//! 3 sydney
//! ```
//!
//! One line a gateway in order of number, so that two branches that take the same number conflict
//! in git instead of colliding in production. A removed gateway leaves its line behind, so that
//! its number is never given to another. Format 1 is written and read by Tieline 0.1; what is
//! read is, byte for byte, what would be written.

mod parse;
mod update;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use update::Update;

use crate::primitives::{GatewayNumber, Name};
use crate::spec::Place;

/// The numbers of a mesh's gateways.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    /// Line n is number n.
    entries: Vec<Entry>,
}

/// A number that was given out.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    name: Name,
    removed: bool,
}

/// What every mesh.lock of format 1 begins with.
const HEADER: &str =
    "# tieline-lock 1: the number of every gateway, never reused; written by tieline lock";

impl Lock {
    /// The number of every gateway that is not removed.
    #[must_use]
    pub fn numbers(&self) -> BTreeMap<Name, GatewayNumber> {
        self.alive().map(|(number, name)| (name.clone(), number)).collect()
    }

    /// The gateways that were removed, and have not come back under a new number.
    #[must_use]
    pub fn removed(&self) -> BTreeSet<Name> {
        let removed = self.entries.iter().filter(|entry| entry.removed);
        let alive: BTreeSet<&Name> = self.alive().map(|(_, name)| name).collect();
        let gone = removed.map(|entry| &entry.name).filter(|name| !alive.contains(name));
        gone.cloned().collect()
    }

    /// The highest number given to a gateway that is not removed; 0 where there is none.
    #[must_use]
    pub fn highest(&self) -> u16 {
        self.alive().last().map_or(0, |(number, _)| number.get())
    }

    /// Where the line of a number stands in the file.
    #[must_use]
    pub fn place(&self, number: GatewayNumber) -> Place {
        let mut start = HEADER.len() + 1;
        for (other, entry) in self.numbered() {
            let end = start + line(other, entry).len();
            if other == number {
                return Place::lock(start..end);
            }
            start = end + 1;
        }
        Place::lock(start..start)
    }

    fn alive(&self) -> impl DoubleEndedIterator<Item = (GatewayNumber, &Name)> {
        let alive = self.numbered().filter(|(_, entry)| !entry.removed);
        alive.map(|(number, entry)| (number, &entry.name))
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
    format!("{number} {}{removed}", entry.name)
}

/// The whole file.
impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        self.numbered().try_for_each(|(number, entry)| writeln!(f, "{}", line(number, entry)))
    }
}
