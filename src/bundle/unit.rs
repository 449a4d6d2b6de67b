//! What a gateway asks of a unit: what it is called, and what it is made of.

use serde::Serialize;

use super::{FileEntry, Manifest, Unit};
use crate::primitives::{ArtifactPath, Digest};

impl Unit {
    /// A name that stays the same from release to release: `sysctl`, `nftables`, `routes`, or
    /// `tunnel/` and the device. No two units of a bundle have the same.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Sysctl { .. } => "sysctl".to_owned(),
            Self::Nftables { .. } => "nftables".to_owned(),
            Self::Tunnel { device, .. } => format!("tunnel/{device}"),
            Self::Routes { .. } => "routes".to_owned(),
            #[cfg(test)]
            Self::Relay { device, .. } => format!("relay/{device}"),
        }
    }

    /// The file it needs, if any.
    #[must_use]
    pub fn file(&self) -> Option<&ArtifactPath> {
        match self {
            Self::Nftables { file } | Self::Tunnel { file, .. } => Some(file),
            #[cfg(test)]
            Self::Relay { file, .. } => Some(file),
            Self::Sysctl { .. } | Self::Routes { .. } => None,
        }
    }
}

impl Manifest {
    /// The digest over everything that `unit` of this manifest is made of: what is said of it
    /// here, and the content of its file. Two generations in which it is the same need no restart
    /// between them.
    #[must_use]
    pub fn inputs(&self, unit: &Unit) -> Digest {
        #[derive(Serialize)]
        struct Inputs<'a> {
            unit: &'a Unit,
            file: Option<&'a FileEntry>,
        }
        let file = unit.file().and_then(|path| self.files.get(path));
        // Serialising these types cannot fail: text keys only, no floating-point numbers.
        let json = serde_json::to_vec(&Inputs { unit, file }).unwrap_or_default();
        Digest::of(&json)
    }
}
