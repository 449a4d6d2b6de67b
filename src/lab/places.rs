//! Where things are inside the lab. All of it is on a tmpfs that only the lab sees.
//!
//! The paths are short: a gateway's name may have 63 characters, and below its directory there
//! are Unix sockets, whose paths have at most 107 (unix(7)).

use camino::{Utf8Path, Utf8PathBuf};

use crate::primitives::Name;

/// Every /etc/hosts that the lab has had. `ip netns` keeps its names beside it, in /run/netns.
pub(super) const HOSTS: &str = "/run/hosts";

/// What people write to and read from while they look around; temporary files, too.
pub(super) const TEMPORARY: &str = "/run/tmp";

/// The directory of the mesh's administrators.
pub(super) const ADMIN: &str = "/run/admin";

/// The root of trust that gateways are provisioned with.
pub(super) const TRUSTED_ROOT: &str = "/run/gw/root.json";

/// What the git server serves.
pub(super) const GIT: &str = "/run/git";

/// The git repository that releases are published to.
pub(super) const REPOSITORY: &str = "/run/git/mesh.git";

/// A directory for every gateway.
pub(super) const GATEWAYS: &str = "/run/gw";

/// Everything of one gateway.
pub(super) fn gateway(name: &Name) -> Utf8PathBuf {
    Utf8Path::new(GATEWAYS).join(name.as_str())
}
