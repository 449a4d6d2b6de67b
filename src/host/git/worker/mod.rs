//! The child's side: the only code that runs libgit2, and so git, ssh and TLS parsers on bytes of
//! whoever answers. It ends with its parent, at its deadline, or at a limit, whichever is first.
//! libgit2's own time-outs are not set: to set them is unsafe code, and they cover silence only.

mod commit;
mod connect;
mod failure;
mod fetch;
mod guard;
mod push;
mod scratch;
mod snapshot;

use std::io::Read;

use super::protocol::{Reply, Request, Work};
use super::{GitFailure, Limits};
use failure::Fail as _;
use scratch::Directory;

/// The most that is read of a request, in bytes.
const MAX_REQUEST: u64 = 256 << 20;

/// Serves the one request that `input` holds. What it gives back is for the parent to read.
#[must_use]
pub fn serve(input: impl Read) -> String {
    let reply = answer(input).unwrap_or_else(Reply::Failed);
    // A reply is plain data; if it could not be written, the parent reports an end without answer.
    serde_json::to_string(&reply).unwrap_or_default()
}

fn answer(input: impl Read) -> Result<Reply, GitFailure> {
    guard::die_with_parent()?;
    let mut request = Vec::new();
    input.take(MAX_REQUEST).read_to_end(&mut request).fail(|| "cannot read the request".into())?;
    let request: Request = serde_json::from_slice(&request)
        .fail(|| "this is how tieline talks to itself; it is not to be run by hand".into())?;
    guard::check_parent(request.parent)?;
    guard::die_at(request.deadline);
    let directory = Directory::lock(&request.directory)?;
    match &request.work {
        Work::Fetch { branch, targets, limits } => {
            guard::limit(limits)?;
            let wanted = snapshot::Wanted { branch, targets: *targets, limits };
            fetch::fetch(&request, &wanted, &directory).map(Reply::Fetched)
        }
        Work::Reach => {
            guard::limit(&Limits::SLICE)?;
            fetch::reach(&request).map(|()| Reply::Reached)
        }
        Work::Push { steps, prune, dry_run } => {
            let wanted = push::Wanted { steps, prune: prune.as_deref(), dry_run: *dry_run };
            push::push(&request, &wanted, &directory).map(Reply::Pushed)
        }
    }
}
