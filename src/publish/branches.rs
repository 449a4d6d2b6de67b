//! The branches of a release: their files, messages and times.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use camino::Utf8PathBuf;

use super::PublishError;
use super::release::Release;
use crate::host::Files;
use crate::host::git::{Branch, History};
use crate::primitives::Name;

/// The branch that records every release.
pub const RELEASE: &str = "release";

/// What the branches of gateways begin with.
pub(super) const GATEWAYS: &str = "gateway/";

/// How many gateways the first line of a message names.
const NAMED: usize = 5;

/// The record: every file of the repository, so that it is a mirror for people and auditors.
pub(super) fn record(
    files: &dyn Files,
    release: &Release,
    previous: Option<&Release>,
    history: History,
) -> Result<Branch, PublishError> {
    let mut all = BTreeMap::new();
    for directory in ["metadata", "targets"] {
        for name in files.list(&release.repository.join(directory))? {
            // Left over from a write that was cut off; no file of a repository begins so.
            if !name.starts_with('.') {
                let path = format!("{directory}/{name}");
                all.insert(path.clone(), release.repository.join(path));
            }
        }
    }
    Ok(Branch {
        name: RELEASE.to_owned(),
        files: all,
        message: message(release, previous),
        time: release.signed_at,
        history,
    })
}

/// Every gateway's slice: the metadata a client asks for, and its own bundle alone.
pub(super) fn slices(release: &Release) -> Vec<Branch> {
    let metadata: BTreeMap<String, Utf8PathBuf> =
        release.metadata.iter().map(|path| (path.clone(), release.repository.join(path))).collect();
    let slice = |gateway: &Name, path: &str| {
        let mut files = metadata.clone();
        files.insert(path.to_owned(), release.repository.join(path));
        Branch {
            name: format!("{GATEWAYS}{gateway}"),
            files,
            message: format!("Release {} for {gateway}\n", release.number),
            time: release.signed_at,
            history: History::Replace,
        }
    };
    release.bundles.iter().map(|(gateway, bundle)| slice(gateway, &bundle.path)).collect()
}

/// What people read in the log: the number, and which gateways it concerns.
fn message(release: &Release, previous: Option<&Release>) -> String {
    let number = release.number;
    let Some(previous) = previous else {
        let count = release.bundles.len();
        return format!("Release {number}: the first here, for {count} gateways\n");
    };
    if previous.number == number {
        return format!("Release {number}, signed again\n");
    }
    let (now, before) = (&release.bundles, &previous.bundles);
    let names = |from: &BTreeMap<Name, _>, keep: &dyn Fn(&Name) -> bool| -> Vec<String> {
        from.keys().filter(|name| keep(name)).map(ToString::to_string).collect()
    };
    let differs = |name: &Name| {
        before
            .get(name)
            .is_some_and(|old| now.get(name).is_some_and(|new| new.sha256 != old.sha256))
    };
    let groups = [
        ("New", names(now, &|name| !before.contains_key(name))),
        ("Changed", names(now, &differs)),
        ("Removed", names(before, &|name| !now.contains_key(name))),
    ];
    let all: Vec<_> = groups.iter().flat_map(|(_, names)| names).map(String::as_str).collect();
    let mut text = match all.as_slice() {
        [] => format!("Release {number}: no gateway changes\n"),
        few if few.len() <= NAMED => format!("Release {number}: {}\n", few.join(", ")),
        many => format!("Release {number}: {} gateways\n", many.len()),
    };
    for (what, names) in groups.iter().filter(|(_, names)| !names.is_empty()) {
        let _ = writeln!(text, "\n{what}: {}", names.join(", "));
    }
    text
}
