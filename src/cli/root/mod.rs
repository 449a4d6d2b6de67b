//! `tieline root`: who holds which role, and how that changes.

mod ceremony;
mod edit;
mod init;
mod report;
mod show;
mod sign;

use clap::Subcommand;

use super::{Context, Exit, Failure};

/// Say which keys gateways trust
///
/// Root metadata name the keys that hold each of four roles: root (may change this list), targets
/// (may release bundles), snapshot and timestamp (say what is newest). Every gateway is provisioned
/// with a root and accepts nothing that does not follow from it.
///
/// To change it, people in different places sign the same proposal, through git:
///
///   tieline root replace-key bob bob=bob-new.pub     # or add-key, revoke-key, set-threshold, renew
///   git add root; git commit; git push               # a pull request
///   tieline root sign --key agent:SHA256:...         # each, in a clone of their own
///   git add root; git commit; git push
///   tieline root verify                              # who is missing?
///   tieline root rotate                              # the repository has the new root
///   tieline sign --key ...; tieline publish ...      # gateways follow by themselves
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Args {
    #[command(subcommand)]
    command: RootCommand,
}

#[derive(Debug, Subcommand)]
enum RootCommand {
    Init(init::Init),
    Show(show::Show),
    AddKey(edit::AddKey),
    RevokeKey(edit::RevokeKey),
    ReplaceKey(edit::ReplaceKey),
    SetThreshold(edit::SetThreshold),
    Renew(edit::Renew),
    Sign(sign::Sign),
    Verify(show::Verify),
    Rotate(sign::Rotate),
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<Exit, Failure> {
    match &args.command {
        RootCommand::Init(args) => init::run(args, context),
        RootCommand::Show(args) => show::show(args, context),
        RootCommand::AddKey(args) => edit::add(args, context),
        RootCommand::RevokeKey(args) => edit::revoke(args, context),
        RootCommand::ReplaceKey(args) => edit::replace(args, context),
        RootCommand::SetThreshold(args) => edit::set_threshold(args, context),
        RootCommand::Renew(args) => edit::renew(args, context),
        RootCommand::Sign(args) => sign::sign(args, context),
        RootCommand::Verify(args) => show::verify(args, context),
        RootCommand::Rotate(args) => sign::rotate(args, context),
    }
}
