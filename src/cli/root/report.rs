//! What a root says and what a proposed one lacks, for people and for programs.

use super::ceremony::{Ceremony, LoadedProposal};
use crate::report::{
    HolderEntry, NeedEntry, ProposalEntry, RoleEntry, RootEntry, RootReport, counted,
};
use crate::tuf::repository::{KeySummary, ProposedRoot, RootSummary, SignatureStatus};
use crate::tuf::{Role, UtcTime};

/// A root, for whoever has to agree with it.
pub(super) fn describe(root: &RootSummary) -> String {
    let mesh = root.mesh.as_ref().map(|mesh| format!(" of mesh {mesh}")).unwrap_or_default();
    let mut lines = vec![format!("root {}{mesh}, valid until {}:", root.version, root.expires)];
    for role in &root.roles {
        let may = match role.role {
            Role::Root => "change these keys",
            Role::Targets => "release bundles",
            Role::Snapshot => "say which metadata belong together",
            Role::Timestamp => "say what is newest",
        };
        let (threshold, keys) = (role.threshold, names(&role.keys));
        lines.push(format!("  {:9} {threshold} of {keys} may {may}", role.role));
    }
    lines.join("\n")
}

/// What a proposal is, for whoever is asked to sign it.
pub(super) fn proposed_text(proposal: &ProposedRoot) -> String {
    let summary = proposal.summary();
    if proposal.is_first() {
        return describe(&summary);
    }
    let mesh = summary.mesh.as_ref().map(|mesh| format!(" of mesh {mesh}")).unwrap_or_default();
    let mut lines = vec![format!(
        "proposed: root {}{mesh}, valid until {}; compared with root {}:",
        summary.version,
        summary.expires,
        summary.version.saturating_sub(1)
    )];
    let changes = proposal.changes();
    lines.extend(changes.iter().map(|change| format!("  {change}")));
    if changes.is_empty() {
        lines.push("  nothing changes".to_owned());
    }
    // All of it as well: what it is compared with is only as good as this copy of the repository.
    lines.push("after it:".to_owned());
    lines.extend(describe(&summary).lines().skip(1).map(str::to_owned));
    lines.join("\n")
}

/// A warning where a proposal says that it was signed later than it is now: gateways without a
/// clock would believe it, and take all that is honest for expired.
pub(super) fn future_date_warning(proposal: &ProposedRoot, now: UtcTime) -> Option<String> {
    let signed_at = proposal.summary().signed_at.filter(|&at| at > now.plus_days(1))?;
    Some(format!(
        "it says that it was signed at {signed_at}, and it is {now} here: if that is wrong, propose \
         it anew, as gateways will take it for the time"
    ))
}

/// Who has signed a proposal and who is missing, in a few lines.
pub(super) fn signature_status(proposal: &ProposedRoot) -> String {
    let version = proposal.summary().version;
    let statuses = proposal.signature_statuses();
    let mut lines: Vec<_> = statuses.iter().map(|status| needs(status, version)).collect();
    lines.push(if proposal.is_complete() {
        format!("root {version} has all its signatures: `tieline root rotate` makes it the newest")
    } else {
        format!("root {version} is not complete; each signs with `tieline root sign --key KEY`")
    });
    lines.join("\n")
}

fn needs(status: &SignatureStatus, version: u64) -> String {
    let whose = if status.root == version { "new" } else { "present" };
    let signed = if status.signed.is_empty() {
        "nobody has signed".to_owned()
    } else {
        format!("signed by {}", names(&status.signed))
    };
    let missing = match status.lacking() {
        0 => "enough".to_owned(),
        lacking => {
            let lacking = counted(usize::try_from(lacking).unwrap_or(usize::MAX), "signature");
            format!("missing: {lacking}, of {}", either(&status.missing))
        }
    };
    let root = status.root;
    let threshold = status.threshold;
    format!("{whose} root {root} demands {threshold}: {signed}; {missing}")
}

/// `anna, bob or carol`.
fn either(keys: &[KeySummary]) -> String {
    match keys.split_last() {
        Some((last, [])) => last.to_string(),
        Some((last, others)) => format!("{} or {last}", names(others)),
        None => "nobody: no key is left that could".to_owned(),
    }
}

fn names(keys: &[KeySummary]) -> String {
    let names: Vec<_> = keys.iter().map(ToString::to_string).collect();
    names.join(", ")
}

/// All of it, for programs.
pub(super) fn root_report(ceremony: &Ceremony, loaded: Option<&LoadedProposal>) -> RootReport {
    RootReport {
        format: RootReport::FORMAT,
        root: ceremony.trusted.as_ref().map(|root| root_entry(&root.summary())),
        proposal: loaded.map(|loaded| proposal_entry(&loaded.proposal, &loaded.ignored)),
    }
}

pub(super) fn root_entry(root: &RootSummary) -> RootEntry {
    let roles = root.roles.iter().map(|role| RoleEntry {
        role: role.role.to_string(),
        threshold: role.threshold,
        keys: holders(&role.keys),
    });
    RootEntry {
        version: root.version,
        mesh: root.mesh.clone(),
        expires: root.expires.to_string(),
        roles: roles.collect(),
    }
}

fn proposal_entry(proposal: &ProposedRoot, ignored: &[String]) -> ProposalEntry {
    let needs = proposal.signature_statuses().into_iter().map(|status| NeedEntry {
        root: status.root,
        threshold: status.threshold,
        signed: holders(&status.signed),
        missing: holders(&status.missing),
    });
    ProposalEntry {
        root: root_entry(&proposal.summary()),
        changes: proposal.changes().iter().map(ToString::to_string).collect(),
        complete: proposal.is_complete(),
        needs: needs.collect(),
        ignored: ignored.to_vec(),
    }
}

fn holders(keys: &[KeySummary]) -> Vec<HolderEntry> {
    let entry = |key: &KeySummary| HolderEntry {
        id: key.id.to_string(),
        name: key.name.clone(),
        kind: key.key.kind(),
    };
    keys.iter().map(entry).collect()
}
