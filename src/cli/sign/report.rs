//! What a proposed release is and what it lacks, for people and for programs.

use crate::report::{MissingSignatures, ReleaseReport, counted};
use crate::tuf::KeyId;
use crate::tuf::repository::{Audit, Missing, ProposedRelease, ReleaseTerms};

/// What `proposal` is, for the person or the program that signs it.
pub(super) fn release_report(
    audit: &Audit,
    proposal: &ProposedRelease,
    terms: &ReleaseTerms,
) -> ReleaseReport {
    let expires = proposal.metadata.expiries(audit, terms);
    let first = expires.iter().min_by_key(|(_, at)| **at);
    let changes = proposal.changes.clone();
    ReleaseReport {
        mesh: audit.mesh().cloned(),
        release: proposal.number,
        team: proposal.metadata.team().map(ToString::to_string),
        held: None,
        source_commit: proposal.source_commit.clone(),
        fresh_until: first.map(|(_, at)| at.to_string()).unwrap_or_default(),
        ends_with: first.map(|(role, _)| role.clone()).unwrap_or_default(),
        follows_root: audit.superseded(),
        added: changes.added.into_iter().collect(),
        changed: changes.changed.into_iter().collect(),
        unchanged: changes.unchanged.into_iter().collect(),
        removed: changes.removed.into_iter().collect(),
        elsewhere: proposal.elsewhere.iter().map(|(g, t)| (g.clone(), t.to_string())).collect(),
    }
}

/// Whose signatures are missing, for programs.
pub(super) fn missing_entry(missing: &Missing) -> MissingSignatures {
    let ids = |ids: &[KeyId]| ids.iter().map(ToString::to_string).collect();
    MissingSignatures {
        role: role(missing),
        needed: missing.needed,
        signed: ids(&missing.signed),
        others: ids(&missing.others),
    }
}

/// The same, for people.
pub(super) fn missing_text(proposal: &ProposedRelease, missing: &Missing) -> String {
    let ids = |ids: &[KeyId]| ids.iter().map(KeyId::short).collect::<Vec<_>>().join(", ");
    let Missing { needed, signed, others, .. } = missing;
    let (role, number) = (role(missing), proposal.number);
    let more = counted(
        usize::try_from(needed.saturating_sub(signed.len() as u64)).unwrap_or(0),
        "more signature",
    );
    let team = proposal.metadata.team();
    let whose = team.map(|team| format!(" of team {team}")).unwrap_or_default();
    let how = team.map(|team| format!(" --as {team}")).unwrap_or_default();
    format!(
        "release {number}{whose} is proposed in proposed/: its {role} metadata need {more} by {}; \
         `tieline sign --countersign{how}` adds them",
        ids(others)
    )
}

fn role(missing: &Missing) -> String {
    missing.team.as_ref().map_or_else(|| missing.role.to_string(), ToString::to_string)
}
