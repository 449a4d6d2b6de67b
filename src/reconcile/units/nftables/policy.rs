//! Which nftables rulesets are allowed: what Tieline writes. nft can include files, define variables
//! and flush what belongs to others; none of that is in the language.

use crate::lang::nftables::{Rule, Ruleset, read};
use crate::primitives::ArtifactPath;
use crate::reconcile::units::Forbidden;

/// Refuses a ruleset that this version does not write.
pub(super) fn check(file: &ArtifactPath, content: &[u8]) -> Result<(), Forbidden> {
    let ruleset = read(content).map_err(|error| Forbidden::Line {
        file: file.clone(),
        line: error.line,
        problem: error.problem.to_string(),
    })?;
    let Ruleset { forward } = ruleset;
    forward.iter().try_for_each(|rule| match rule {
        // Harmless on any gateway.
        Rule::ClampSegments => Ok(()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        let file = "nftables/tieline.nft".parse().unwrap();
        check(&file, text.as_bytes()).map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn ours_is_allowed_and_nothing_else_is() {
        let good = Ruleset { forward: vec![Rule::ClampSegments] }.write();
        assert_eq!(said(&good), "");
        let after = good.lines().count() + 1;
        for bad in ["include \"/etc/shadow\"", "flush ruleset", "delete table inet filter"] {
            let said = said(&format!("{good}{bad}\n"));
            assert!(said.starts_with(&format!("nftables/tieline.nft, line {after}: ")), "{said}");
        }
    }
}
