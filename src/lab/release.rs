//! What the mesh's administrators and their CI do: keys, lock, build, sign, publish.

use camino::Utf8Path;

use super::error::failed;
use super::{Lab, LabError, MeshFiles, places};
use crate::host::Mode;
use crate::primitives::Name;

/// The most metadata of a root are long, in bytes.
const ROOT_LIMIT: u64 = 1 << 20;

impl Lab<'_> {
    /// Makes the keys that sign releases, and the root that gateways are to trust; once.
    pub fn found(&mut self, mesh: &Name) -> Result<(), LabError> {
        if self.founded {
            return Ok(());
        }
        let mesh = mesh.as_str();
        self.admin("make the root key", &["key", "generate", "root.pem"])?;
        self.admin("make the release key", &["key", "generate", "release.pem"])?;
        let keys = ["--key", "root.pem", "--release-key", "release.pem.pub"];
        let init = [&["root", "init", "--yes", "--mesh", mesh], &keys as &[_]].concat();
        self.admin("make the first root", &init)?;
        // Gateways are provisioned with it by hand, not over git.
        let files = self.host.files;
        let root = Utf8Path::new(places::ADMIN).join("repository/metadata/root.json");
        let root = files.read(&root, ROOT_LIMIT)?;
        files.replace(places::TRUSTED_ROOT.into(), &root, Mode::Public)?;
        self.founded = true;
        Ok(())
    }

    /// Writes the lab's copy of the mesh. A mesh without a mesh.lock of its own keeps the
    /// numbers that are there.
    pub(super) fn write_mesh(&mut self, mesh: &MeshFiles) -> Result<(), LabError> {
        let admin = Utf8Path::new(places::ADMIN);
        let files = self.host.files;
        for path in self.included.iter().filter(|path| !mesh.included.contains_key(*path)) {
            files.remove(&admin.join(path))?;
        }
        self.included = mesh.included.keys().cloned().collect();
        let included = mesh.included.iter().map(|(path, text)| (path.as_path(), text));
        let own =
            [("mesh.yaml".into(), Some(&mesh.mesh)), ("mesh.lock".into(), mesh.lock.as_ref())];
        let own = own.into_iter().filter_map(|(path, text)| Some((path, text?)));
        for (path, text) in included.chain(own) {
            let path = admin.join(path);
            files.create_dir(path.parent().unwrap_or(admin))?;
            files.replace(&path, text.as_bytes(), Mode::Public)?;
        }
        Ok(())
    }

    /// Where gateways fetch releases.
    pub(super) fn remote(&self) -> String {
        let git = self.topology.as_ref().map(|topology| topology.git.to_string());
        format!("git://{}/mesh.git", git.unwrap_or_default())
    }

    /// Numbers, builds, signs and publishes the mesh.
    pub fn release(&self) -> Result<String, LabError> {
        let remote = format!("file://{}", places::REPOSITORY);
        self.admin("number the gateways", &["lock"])?;
        self.admin("build the bundles", &["build"])?;
        self.admin("sign the release", &["sign", "--yes", "--key", "release.pem"])?;
        self.admin("publish the release", &["publish", &remote])?;
        Ok(format!("built, signed and published to {}", self.remote()))
    }

    /// Runs this program in the administrators' directory.
    fn admin(&self, what: &str, arguments: &[&str]) -> Result<(), LabError> {
        let command = self.tieline().args(arguments.iter().copied());
        self.host.processes.demand(&command).map(drop).map_err(failed(what))
    }
}
