//! A release in words, before it is signed.

use crate::report::{MissingSignatures, ReleaseReport};
use crate::tuf::KeyId;
use crate::tuf::repository::{Audit, Missing, Proposal, ReleaseTerms};

/// What `proposal` is, for the person or the program that signs it.
pub(super) fn report(audit: &Audit, proposal: &Proposal, terms: &ReleaseTerms) -> ReleaseReport {
    let expires = proposal.held.expiries(audit, terms);
    let first = expires.iter().min_by_key(|(_, at)| **at);
    let changes = proposal.changes.clone();
    ReleaseReport {
        mesh: audit.mesh().cloned(),
        release: proposal.number,
        held: None,
        source_commit: proposal.source_commit.clone(),
        fresh_until: first.map(|(_, at)| at.to_string()).unwrap_or_default(),
        ends_with: first.map(|(role, _)| role.clone()).unwrap_or_default(),
        follows_root: audit.superseded(),
        added: changes.added,
        changed: changes.changed,
        unchanged: changes.unchanged,
        removed: changes.removed,
    }
}

/// Whose signatures are missing, for programs.
pub(super) fn missing(missing: &Missing) -> MissingSignatures {
    let ids = |ids: &[KeyId]| ids.iter().map(ToString::to_string).collect();
    MissingSignatures {
        role: role(missing),
        needed: missing.needed,
        signed: ids(&missing.signed),
        others: ids(&missing.others),
    }
}

/// The same, for people.
pub(super) fn held(number: u64, missing: &Missing) -> String {
    let ids = |ids: &[KeyId]| ids.iter().map(KeyId::short).collect::<Vec<_>>().join(", ");
    let Missing { needed, signed, others, .. } = missing;
    let role = role(missing);
    let more = needed.saturating_sub(signed.len() as u64);
    let plural = if more == 1 { "" } else { "s" };
    format!(
        "release {number} is held in proposed/: its {role} metadata need {more} more signature{plural} by {}; \
         `tieline sign --countersign` adds them",
        ids(others)
    )
}

fn role(missing: &Missing) -> String {
    missing.team.as_ref().map_or_else(|| missing.role.to_string(), ToString::to_string)
}
