//! Where the repository is that is looked at: here, or on a web server.

use std::cell::RefCell;

use camino::Utf8Path;

use crate::cli::access::Access;
use crate::cli::trust::{Anchor, AnchorArgs, Directory};
use crate::cli::{Context, Exit, Failure};
use crate::host::git::Limits;
use crate::host::http::{Allowance, HttpError, Mirror, OpenMirror};
use crate::tuf::Request;

/// A repository to read from.
pub(super) enum Place {
    /// A directory on this machine.
    Directory(Directory),
    /// A web server, which is asked for one file after the other.
    Mirror(RefCell<Box<dyn OpenMirror>>),
}

impl Place {
    /// The directory at `path`, relative to `-C`.
    pub(super) fn directory(path: &Utf8Path, context: &Context) -> Self {
        Self::Directory(Directory::new(path, context))
    }

    /// The web server at `url`.
    pub(super) fn mirror(url: &str, access: &Access, context: &Context) -> Result<Self, Failure> {
        let url = url.parse().map_err(|error| Failure::new(Exit::Usage, &error))?;
        let mirror = Mirror { url, ca: access.authorities(context) };
        let allowance = Allowance { deadline: access.deadline(), bytes: Limits::REPOSITORY.total };
        let opened = context.host.mirrors.open(&mirror, allowance);
        Ok(Self::Mirror(RefCell::new(opened.map_err(|error| unreachable(&error))?)))
    }

    /// The file that `request` names; `None` where it is not there.
    pub(super) fn read(
        &self,
        request: &Request,
        context: &Context,
    ) -> Result<Option<Vec<u8>>, Failure> {
        match self {
            Self::Directory(directory) => directory.read(request, context),
            Self::Mirror(mirror) => {
                match mirror.borrow_mut().get(&request.path, request.limit) {
                    // The next root is the one file that need not be there.
                    Err(error)
                        if error.may_be_absence() && request.path.ends_with(".root.json") =>
                    {
                        Ok(None)
                    }
                    read => read.map_err(|error| unreachable(&error)),
                }
            }
        }
    }

    /// The root to verify it from.
    pub(super) fn anchor(&self, args: &AnchorArgs, context: &Context) -> Result<Anchor, Failure> {
        if let Self::Directory(directory) = self {
            return directory.anchor(args, context);
        }
        args.find(|request| self.read(request, context), context)?.ok_or_else(|| {
            Failure::say(Exit::Signature, "the mirror has no metadata/1.root.json")
                .hint("the address is that of the directory with metadata/ and targets/ in it")
        })
    }
}

fn unreachable(error: &HttpError) -> Failure {
    Failure { hint: error.hint().map(str::to_owned), ..Failure::new(Exit::NoRemote, error) }
}
