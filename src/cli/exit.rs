//! Exit codes: part of the interface, so never renumbered.

use crate::tuf::TrustErrorKind;

/// How a command ended. The numbers are documented for scripts and monitoring; those from 64 up
/// follow sysexits(3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done; on a gateway: converged.
    Done = 0,
    /// Something failed that has no number of its own.
    Failure = 1,
    /// The gateway changed; only with `--detailed-exitcode`.
    Changed = 2,
    /// No remote answered.
    NoRemote = 10,
    /// The metadata have expired.
    Expired = 11,
    /// A signature is wrong, or there are too few of them.
    Signature = 20,
    /// A release that is older than the one trusted.
    Rollback = 21,
    /// A bundle for another gateway or another mesh.
    WrongGateway = 22,
    /// A bundle that is not what the strict profile allows, or that only a later version can read.
    BadBundle = 23,
    /// Local policy forbids what the bundle wants.
    Forbidden = 24,
    /// A release failed here and was rolled back, and there is none newer.
    RolledBack = 30,
    /// Rolling back failed as well, or was not possible: somebody has to come.
    RollbackFailed = 31,
    /// An administrator has put the gateway on hold.
    OnHold = 40,
    /// The command line is wrong (EX_USAGE).
    Usage = 64,
    /// mesh.yaml or mesh.lock has errors (EX_DATAERR).
    MeshErrors = 65,
    /// This machine lacks what the command needs (EX_UNAVAILABLE).
    Unavailable = 69,
    /// Another run holds the lock (EX_TEMPFAIL).
    Locked = 75,
    /// The gateway's own configuration is wrong (EX_CONFIG).
    Configuration = 78,
    /// Stopped by a signal, as shells report Ctrl-C.
    Interrupted = 130,
}

/// A mistake about trust always ends with the number of its kind, whatever command met it.
impl From<TrustErrorKind> for Exit {
    fn from(kind: TrustErrorKind) -> Self {
        match kind {
            TrustErrorKind::Signature => Self::Signature,
            TrustErrorKind::Rollback => Self::Rollback,
            TrustErrorKind::Expired => Self::Expired,
            TrustErrorKind::WrongGateway => Self::WrongGateway,
            TrustErrorKind::BadBundle | TrustErrorKind::NeedsUpgrade => Self::BadBundle,
            TrustErrorKind::Incomplete => Self::NoRemote,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
