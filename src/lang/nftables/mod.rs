//! The table `inet tieline` of nftables (nft(8)).

mod grammar;
#[cfg(test)]
mod tests;

use super::ReadError;
use super::pass::{Reader, Writer};

/// What the table says. The file makes the table so in one transaction, whatever it was before, and
/// names no other table. Each base chain is a field, so that there is one of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruleset {
    /// The chain `forward`: packets on their way through, before anybody's filters see them. What no
    /// rule drops goes on to those.
    pub forward: Vec<Rule>,
}

/// A rule of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Brings the segment size of TCP through tunnels, in and out, down to what the way can carry.
    ClampSegments,
}

impl Ruleset {
    /// The whole file.
    #[must_use]
    pub fn write(&self) -> String {
        let mut text = "# Made by `tieline build`: change mesh.yaml, not this file.\n".to_owned();
        let Ok(_) = grammar::ruleset(&mut Writer { value: self, text: &mut text });
        text
    }
}

/// Reads a file that [`Ruleset::write`] wrote, in this version or in one that says the same to nft
/// under other comments. nft can include files, define variables and flush what belongs to others:
/// none of that is in the language.
///
/// # Errors
///
/// Any line that is not written so, there and in these words, is an error with its number.
pub fn read(content: &[u8]) -> Result<Ruleset, ReadError> {
    Reader::read(content, true, |reader| grammar::ruleset(reader))
}
