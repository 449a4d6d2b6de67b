//! Our nftables table, asked for over netlink (linux/netfilter/nf_tables.h): firewall scripts like
//! to flush everything, people add a rule by hand, and asking must spawn no `nft`.

mod constant;
mod dump;

use std::io;

use self::dump::{Kind, dump};
use crate::primitives::Digest;

/// How often it is asked again when the ruleset changes all the time.
const ATTEMPTS: usize = 5;

/// What the table `inet tieline` is: a digest of all that somebody made of it, its chains, rules, sets,
/// their elements and its objects, their handles included, so that a table that was taken apart and put
/// together again is another one. What packets change is left out. `None` where there is no such
/// table, or the kernel does not answer: loading it then shows what is wrong, in nft's words.
pub(super) fn table() -> Option<Digest> {
    let reads = (0..ATTEMPTS).find_map(|_| read_table().transpose());
    let content = reads.and_then(Result::ok).filter(|content| !content.is_empty());
    content.map(|content| Digest::of(&content))
}

/// One reading: all that there is of the table, nothing where there is none; `None` where the ruleset
/// changed meanwhile.
fn read_table() -> io::Result<Option<Vec<u8>>> {
    let Some(tables) = dump(Kind::Table, None)? else { return Ok(None) };
    // Without the table there is nothing in it.
    if tables.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let Some(chains) = dump(Kind::Chain, None)? else { return Ok(None) };
    let Some(rules) = dump(Kind::Rule, None)? else { return Ok(None) };
    let rules = rules.iter().map(|rule| constant::rule(rule)).collect::<Vec<_>>();
    let mut parts = vec![tables.concat(), chains.concat(), rules.concat()];
    let Some(sets) = dump(Kind::Set, None)? else { return Ok(None) };
    for set in sets {
        let (set, name) = constant::set(&set);
        parts.push(set);
        let Some(name) = name else { continue };
        let Some(messages) = dump(Kind::Element, Some(&name))? else { return Ok(None) };
        let mut elements: Vec<_> =
            messages.iter().flat_map(|message| constant::elements(message)).collect();
        elements.sort_unstable();
        parts.push(framed(&elements));
    }
    let Some(objects) = dump(Kind::Object, None)? else { return Ok(None) };
    parts.extend(objects.iter().map(|object| constant::object(object)));
    Ok(Some(framed(&parts)))
}

/// Parts one after the other, each behind its length, so that none can be taken for another.
fn framed(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut all = Vec::new();
    for part in parts {
        all.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        all.extend(part);
    }
    all
}

#[cfg(test)]
mod tests {
    /// Whatever this machine has, asking comes to an end.
    #[test]
    fn asking_ends() {
        assert_eq!(super::table(), super::table());
    }
}
