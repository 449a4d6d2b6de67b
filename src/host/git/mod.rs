//! Git as transport: one branch comes as plain files, several go out in one push. The work is done
//! in a child process that is killed at its deadline (docs/adr/0008).

mod checkout;
mod child;
mod error;
mod home;
mod order;
mod protocol;
mod real;
mod remote;
mod url;
mod worker;

pub use checkout::{Checkout, CheckoutError, CommittedFiles, Follows, RealCheckout};
pub use error::{FailureKind, GitError, GitFailure};
pub use order::{Branch, Change, Fetch, Fetched, History, Limits, Push, Pushed, Reach};
pub use real::{RealGit, WORKER_COMMAND};
pub use remote::{Remote, RemoteError, Token};
pub use url::{RemoteUrl, RemoteUrlError, Scheme};
pub use worker::serve;

/// Git repositories elsewhere, to read from.
pub trait Remotes {
    /// Fetches the newest commit of one branch. Downloads nothing where its files are there.
    fn fetch(&self, fetch: &Fetch) -> Result<Fetched, GitError>;

    /// Whether a remote can be reached: it says which branches it has, and nothing is downloaded.
    fn reach(&self, reach: &Reach) -> Result<(), GitError>;
}

/// Git repositories elsewhere, to write to.
pub trait Publisher: Remotes {
    /// Brings branches to the content they are to have.
    fn push(&self, push: &Push) -> Result<Pushed, GitError>;
}
