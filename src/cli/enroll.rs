//! `tieline enroll`: a gateway gets its key pair.

use std::net::Ipv4Addr;

use camino::Utf8PathBuf;

use super::{Context, Exit, Failure, Format};
use crate::identity::{EnrollReport, Enrolled, Entry, enroll};
use crate::primitives::Name;

/// Make this gateway's key pair, once, and print its entry for mesh.yaml
///
/// The private keys stay on this machine; mesh.yaml gets the fingerprint of its certificate and its
/// public key. Run again, it prints the same entry and touches nothing; a gateway that was enrolled
/// before there were public keys gets one. A key is never replaced.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The name of the gateway in mesh.yaml
    gateway: Name,

    /// Keep the key pair in DIR
    #[arg(long, value_name = "DIR", default_value = "/etc/tieline/identity")]
    identity: Utf8PathBuf,

    /// Print this endpoint: where other gateways reach it, a name or an address, or none
    #[arg(long, value_parser = endpoint)]
    endpoint: Option<String>,

    /// Print this address: its own inside its LAN
    #[arg(long)]
    address: Option<Ipv4Addr>,

    /// Say that the entry belongs to this LAN
    #[arg(long)]
    lan: Option<Name>,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<Exit, Failure> {
    let directory = context.path(&args.identity);
    let enrolled = enroll(context.host.files, context.host.clock, &directory, &args.gateway)
        .map_err(|error| {
            let failure = Failure::new(Exit::Configuration, &error);
            match error.hint() {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        })?;
    let entry = Entry {
        gateway: &args.gateway,
        endpoint: args.endpoint.as_deref(),
        address: args.address,
        fingerprint: enrolled.fingerprint,
        public_key: enrolled.public_key,
    };
    match context.format {
        Format::Human => {
            say(args, &enrolled, context);
            context.terminal.result(&entry.to_string())?;
        }
        Format::Json => context.json(&EnrollReport::new(enrolled, &entry))?,
    }
    Ok(Exit::Done)
}

/// What goes to standard error, beside the lines to paste.
fn say(args: &Args, enrolled: &Enrolled, context: &mut Context) {
    let (key, certificate) = (&enrolled.key, &enrolled.certificate);
    let made = match (enrolled.made_key, enrolled.made_certificate) {
        (true, true) => Some(format!("made {key} and {certificate}")),
        (true, false) => Some(format!("made {key}")),
        (false, true) => Some(format!("made {certificate}, for the key that was there")),
        (false, false) => None,
    };
    if let Some(text) = made {
        context.terminal.note(&text);
    }
    if enrolled.made_tunnel_key {
        context.terminal.note(&format!("made {}", enrolled.tunnel_key));
    }
    let lan = args.lan.as_ref().map_or("its LAN".to_owned(), ToString::to_string);
    context.terminal.note(&format!("for mesh.yaml, below the gateways of {lan}:"));
}

/// A host name or an address, without anything that would need quoting in YAML.
fn endpoint(text: &str) -> Result<String, String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    if text.is_empty() || text.starts_with(['-', '.']) || !text.bytes().all(allowed) {
        return Err("an endpoint is a host name, an IPv4 address, or none".to_owned());
    }
    Ok(text.to_owned())
}
