//! Why a repository could not be audited.

use super::refuse;
use crate::cli::Failure;
use crate::tuf::repository::RepositoryError;

/// Why an audit stopped.
pub(in crate::cli) enum AuditFailure {
    /// A file could not be read.
    Read(Failure),
    /// What was read is not to be trusted.
    Refused(RepositoryError),
}

impl From<RepositoryError> for AuditFailure {
    fn from(error: RepositoryError) -> Self {
        Self::Refused(error)
    }
}

impl From<AuditFailure> for Failure {
    fn from(failure: AuditFailure) -> Self {
        match failure {
            AuditFailure::Read(failure) => failure,
            AuditFailure::Refused(error) => refuse(&error),
        }
    }
}
