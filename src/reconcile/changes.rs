//! What a run did, for one line of text.

use std::fmt;

use super::{Step, Steps};

/// How much was changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    /// Files of the generation in use that were put back.
    pub files: u32,
    /// Tunnels that were not there before.
    pub added: usize,
    /// Tunnels whose process was started again.
    pub restarted: usize,
    /// Tunnels that are gone.
    pub removed: usize,
    /// Whether routes were added, changed or removed.
    pub routes: bool,
    /// Whether the nftables table was loaded or removed.
    pub firewall: bool,
    /// Whether a kernel setting was changed.
    pub settings: bool,
}

impl Changes {
    /// What `steps` change.
    #[must_use]
    pub fn of(steps: &Steps) -> Self {
        let mut changes = Self::default();
        for step in &steps.additions {
            if matches!(step, Step::Start(..)) {
                changes.added += 1;
            }
        }
        for step in &steps.changes {
            if matches!(step, Step::Start(..) | Step::Restart(..)) {
                changes.restarted += 1;
            }
        }
        for step in &steps.removals {
            if matches!(step, Step::RemoveLink(..)) {
                changes.removed += 1;
            }
        }
        for step in steps.iter() {
            match step {
                Step::SetRoute(..) | Step::RemoveRoute(..) => changes.routes = true,
                Step::LoadRuleset(..) | Step::RemoveTable => changes.firewall = true,
                Step::Set(..) => changes.settings = true,
                _ => {}
            }
        }
        changes
    }

    /// These changes and then `more`.
    #[must_use]
    pub fn and(self, more: Self) -> Self {
        Self {
            files: self.files + more.files,
            added: self.added + more.added,
            restarted: self.restarted + more.restarted,
            removed: self.removed + more.removed,
            routes: self.routes || more.routes,
            firewall: self.firewall || more.firewall,
            settings: self.settings || more.settings,
        }
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        match self.files {
            0 => {}
            1 => parts.push("1 file put back".to_owned()),
            count => parts.push(format!("{count} files put back")),
        }
        for (count, what) in
            [(self.added, "added"), (self.restarted, "restarted"), (self.removed, "removed")]
        {
            match count {
                0 => {}
                1 => parts.push(format!("1 tunnel {what}")),
                _ => parts.push(format!("{count} tunnels {what}")),
            }
        }
        for (changed, what) in [
            (self.routes, "routes changed"),
            (self.firewall, "firewall changed"),
            (self.settings, "kernel settings changed"),
        ] {
            if changed {
                parts.push(what.to_owned());
            }
        }
        if parts.is_empty() {
            // A bundle may differ in nothing that runs.
            parts.push("nothing to restart".to_owned());
        }
        f.write_str(&parts.join(", "))
    }
}
