//! Why the lab could not be built.

use camino::Utf8PathBuf;

use super::{InitError, IsolationError, TopologyError};
use crate::host::{FileError, ProcessError};
use crate::primitives::Name;

/// Why the lab could not be built. That tunnels stay down or hosts silent is no error but a
/// result.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// This machine has no place for it.
    #[error(transparent)]
    Isolation(#[from] IsolationError),
    /// Its first process could not do its work.
    #[error(transparent)]
    Init(#[from] InitError),
    /// The mesh cannot be laid out.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// A mesh has errors; the command line reports them before it comes to this.
    #[error("{path} has errors: see `tieline check`")]
    Mesh {
        /// The file.
        path: Utf8PathBuf,
    },
    /// A program failed.
    #[error("cannot {what}")]
    Process {
        /// What it was to do, as a verb and its object.
        what: String,
        /// How it failed.
        source: ProcessError,
    },
    /// A program's output is not what it should be.
    #[error("cannot read what `{command}` printed")]
    Output {
        /// The program with its arguments.
        command: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A file could not be written or read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Standard input did not hold the lab's orders.
    #[error("the lab's orders are not readable: this is a part of `tieline lab run`")]
    Orders,
    /// A gateway has no place for its certificate in mesh.yaml.
    #[error("{path} names no certificate of gateway {gateway} to put the lab's in place of")]
    Certificate {
        /// The file.
        path: Utf8PathBuf,
        /// The gateway.
        gateway: Name,
    },
}

/// Turns a failed program into an error that says what it was to do.
pub(super) fn failed(what: impl Into<String>) -> impl FnOnce(ProcessError) -> LabError {
    let what = what.into();
    |source| LabError::Process { what, source }
}
