//! What all commands that make a release are told.

use camino::{Utf8Path, Utf8PathBuf};

use crate::cli::Context;
use crate::cli::trust::{AnchorArgs, Lifetime, SignerArgs};
use crate::primitives::Name;
use crate::tuf::UtcTime;
use crate::tuf::repository::ReleaseTerms;

/// How a release is made
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Options {
    /// The directory that `tieline build` wrote
    #[arg(long, value_name = "DIR", default_value = "build")]
    pub(super) build: Utf8PathBuf,

    /// The repository that the release is added to
    #[arg(long, value_name = "DIR", default_value = "repository")]
    pub(super) repository: Utf8PathBuf,

    #[command(flatten)]
    pub(super) signers: SignerArgs,

    /// If signatures are missing in the end, leave the release proposed, for others to countersign
    #[arg(long)]
    pub(super) propose: bool,

    /// Write the bytes that the next signature has to be over to FILE, to be signed elsewhere:
    /// `openssl pkeyutl -sign -rawin -inkey KEY -in FILE -out SIGNATURE`
    #[arg(long, value_name = "FILE")]
    pub(super) export: Option<Utf8PathBuf>,

    /// Let gateway NAME lose its bundle
    #[arg(long, value_name = "NAME")]
    pub(super) drop: Vec<Name>,

    /// Let gateway NAME have another number, and so another address in the tunnel network, than in
    /// the newest release
    #[arg(long, value_name = "NAME")]
    pub(super) renumber: Vec<Name>,

    /// The mesh, whose mesh.lock says which gateways there are and were
    #[arg(long, value_name = "FILE", default_value = "mesh.yaml")]
    pub(super) mesh: Utf8PathBuf,

    /// Sign a build of an older commit than that of the newest release, or of one that a shallow clone
    /// cannot tell from an older one
    #[arg(long)]
    pub(super) back: bool,

    /// Sign, without being asked, a build of a mesh that lies in git and is not committed
    #[arg(long)]
    pub(super) uncommitted: bool,

    #[command(flatten)]
    pub(super) anchor: AnchorArgs,

    /// When the targets metadata expire: days from now, or a time in UTC
    #[arg(long, value_name = "WHEN", default_value = "365d")]
    targets_expires: Lifetime,

    /// When the snapshot metadata expire
    #[arg(long, value_name = "WHEN", default_value = "365d")]
    snapshot_expires: Lifetime,

    /// When the timestamp metadata expire
    #[arg(long, value_name = "WHEN", default_value = "30d")]
    timestamp_expires: Lifetime,

    /// When all of them expire, instead
    #[arg(long, value_name = "WHEN", conflicts_with_all = ["targets_expires", "snapshot_expires", "timestamp_expires"])]
    expires: Option<Lifetime>,

    /// Say that it was signed at TIME instead of now: to make it again bit for bit, or because the
    /// clock is right although it looks wrong
    #[arg(long, value_name = "TIME")]
    pub(super) signed_at: Option<UtcTime>,
}

impl Options {
    /// The directory that `tieline build` wrote.
    pub(in crate::cli) fn build(&self) -> &Utf8Path {
        &self.build
    }

    pub(super) fn terms(&self, context: &Context) -> ReleaseTerms {
        let now = || UtcTime::from_clock(context.host.clock.now());
        let signed_at = self.signed_at.unwrap_or_else(now);
        let until = |own: Lifetime| self.expires.unwrap_or(own).end(signed_at);
        ReleaseTerms {
            signed_at,
            targets_expire: until(self.targets_expires),
            snapshot_expires: until(self.snapshot_expires),
            timestamp_expires: until(self.timestamp_expires),
        }
    }
}
