//! Why no root or release can be made.

use super::RootError;
use crate::bundle::BundleError;
use crate::primitives::Name;
use crate::tuf::{KeyId, Role, RoleName, SignerError, TrustError, UtcTime};

/// Why a root or a release was not made. Nothing has been signed or written then.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// The repository as it is does not verify.
    #[error("the repository cannot be built upon")]
    Previous(#[source] TrustError),
    /// There are files of releases, but not the one that says which release is the newest.
    #[error(
        "the repository has {file} but no metadata/timestamp.json, so the number of its newest \
         release is not known"
    )]
    NoTimestamp {
        /// One of the files.
        file: String,
    },
    /// What was made is not what a gateway would accept.
    #[error("a gateway would not accept the result")]
    Refused(#[source] TrustError),
    /// What is proposed is not what it should be.
    #[error("the proposed release cannot be signed")]
    Proposed(#[source] TrustError),
    /// What is proposed does not follow the newest release.
    #[error("{file} has version {found}, and the newest release is followed by {wanted}")]
    Number {
        /// The file.
        file: String,
        /// The version it has.
        found: u64,
        /// The version that comes next.
        wanted: u64,
    },
    /// The time is far after the newest signature.
    #[error(
        "it is {now} by this machine's clock, and the last signature is of {last}: so long a pause \
         looks like a wrong clock"
    )]
    ClockAhead {
        /// The time of the clock.
        now: UtcTime,
        /// The newest signature.
        last: UtcTime,
    },
    /// What is proposed says that it was made at a time that has not come.
    #[error(
        "the proposed release says that it was made at {dated}, and it is {now} by this machine's clock: \
         gateways would take that for the time; correct the clock, or propose it again"
    )]
    Ahead {
        /// The time here.
        now: UtcTime,
        /// What the proposed release says.
        dated: UtcTime,
    },
    /// The time is before the newest signature.
    #[error(
        "it is {now} by this machine's clock, and the last signature is of {last}: one of the two \
         clocks is wrong"
    )]
    ClockBehind {
        /// The time of the clock.
        now: UtcTime,
        /// The newest signature.
        last: UtcTime,
    },
    /// Metadata that leave no time to sign again.
    #[error("{role} metadata that expire at {expires} leave less than a day from {now}")]
    TooSoon {
        /// The role.
        role: Role,
        /// When they expire.
        expires: UtcTime,
        /// When the release is signed.
        now: UtcTime,
    },
    /// Gateways that would lose their bundle.
    #[error("the release would take the bundle away from {}", names(.gateways))]
    Drops {
        /// The gateways.
        gateways: Vec<Name>,
    },
    /// Gateways whose numbers are others than before.
    #[error("the release would give other numbers to {}", changed.join(", "))]
    Renumbers {
        /// The gateways.
        gateways: Vec<Name>,
        /// Each with its addresses in the tunnel network, before and after.
        changed: Vec<String>,
    },
    /// Nothing is delegated to this team.
    #[error("the newest release delegates nothing to {team}")]
    NoTeam {
        /// The team.
        team: RoleName,
    },
    /// A team without a single gateway in the build.
    #[error("none of the gateways in the build is delegated to {team}")]
    NothingOf {
        /// The team.
        team: RoleName,
    },
    /// A gateway that is not in the build.
    #[error("the build has no gateway {gateway}")]
    Unknown {
        /// The gateway.
        gateway: Name,
    },
    /// A gateway that belongs to another team.
    #[error("gateway {gateway} is delegated to {team} already")]
    Taken {
        /// The gateway.
        gateway: Name,
        /// The team.
        team: RoleName,
    },
    /// Delegations made with keys that were replaced since.
    #[error(
        "the delegations to {} were signed with keys that have been replaced since: whoever had \
         those keys may have made them", teams.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    Inherited {
        /// To whom.
        teams: Vec<RoleName>,
    },
    /// A signature by a key that has no say.
    #[error("key {} does not hold the {role} role, which is held by {}", key.short(), list(.holders))]
    NoHolder {
        /// The role.
        role: Role,
        /// The key.
        key: KeyId,
        /// Who holds the role.
        holders: Vec<KeyId>,
    },
    /// A renewed timestamp for a release that the newest root does not vouch for.
    #[error("the newest release was signed for root {root}, and later roots name other keys")]
    Superseded {
        /// The version of root it was signed for.
        root: u64,
    },
    /// There is no release to renew.
    #[error("the repository has no release yet")]
    NoRelease,
    /// Too few of the keys that hold a role are at hand.
    #[error(
        "the {role} role needs {needed} of its keys to sign, and {found} of them are at hand; it \
         is held by {}", list(.holders)
    )]
    MissingKeys {
        /// The role.
        role: String,
        /// How many of its keys are at hand.
        found: u64,
        /// How many must sign.
        needed: u64,
        /// Its keys.
        holders: Vec<KeyId>,
    },
    /// More keys would have to sign than there are.
    #[error("the {role} role has {keys} keys, so {threshold} of them can never sign")]
    Threshold {
        /// The role.
        role: String,
        /// How many different keys it has.
        keys: usize,
        /// How many would have to sign.
        threshold: u64,
    },
    /// Metadata that would be expired from the beginning.
    #[error("{role} metadata that expire at {expires} are of no use at {now}")]
    Expired {
        /// The role.
        role: Role,
        /// When they would expire.
        expires: UtcTime,
        /// When they would be signed.
        now: UtcTime,
    },
    /// A release number beyond what JSON can carry.
    #[error("the {role} metadata have reached the highest version there is")]
    LastVersion {
        /// The role.
        role: Role,
    },
    /// A root that cannot be proposed.
    #[error(transparent)]
    Root(#[from] RootError),
    /// Signing failed.
    #[error("cannot sign")]
    Signer(#[from] SignerError),
    /// A build of another version of Tieline.
    #[error("the build has format {found}, and this version of Tieline reads format {known}")]
    Format {
        /// The format it has.
        found: u32,
        /// The format that is known.
        known: u32,
    },
    /// A build without a single gateway: signing it would take all bundles away.
    #[error("the build has no gateway")]
    Empty,
    /// A build of another mesh.
    #[error("the build is of mesh {found}, and the repository is that of mesh {wanted}")]
    Mesh {
        /// The mesh of the repository.
        wanted: Name,
        /// The mesh of the build.
        found: Name,
    },
    /// A listed bundle that is not there.
    #[error("the build lists a bundle for gateway {gateway} that is not there")]
    NoBundle {
        /// The gateway.
        gateway: Name,
    },
    /// A bundle that was changed after it was built.
    #[error("the bundle for gateway {gateway} is not the one that build.json lists")]
    Altered {
        /// The gateway.
        gateway: Name,
    },
    /// Bytes that are listed as a bundle and are none.
    #[error("the bundle for gateway {gateway} would be refused by the gateway")]
    Bundle {
        /// The gateway.
        gateway: Name,
        /// Why.
        source: BundleError,
    },
    /// A bundle under another gateway's name.
    #[error("the bundle listed for gateway {gateway} says it is for {found} of mesh {mesh}")]
    WrongGateway {
        /// The gateway it is listed for.
        gateway: Name,
        /// The gateway it is for.
        found: Name,
        /// The mesh it is of.
        mesh: Name,
    },
}

fn names(names: &[Name]) -> String {
    names.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
}

fn list(ids: &[KeyId]) -> String {
    let ids: Vec<_> = ids.iter().map(KeyId::short).collect();
    if ids.is_empty() { "no key".to_owned() } else { format!("key {}", ids.join(", ")) }
}
