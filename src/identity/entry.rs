//! What an administrator pastes into mesh.yaml.

use std::fmt;
use std::net::Ipv4Addr;

use crate::primitives::{Fingerprint, Name, PublicKey};

/// A gateway's entry in mesh.yaml: what stands below `gateways:` of its LAN, indented for there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The gateway.
    pub gateway: &'a Name,
    /// Where others reach it; `none` behind NAT.
    pub endpoint: Option<&'a str>,
    /// Its own address inside its LAN.
    pub address: Option<Ipv4Addr>,
    /// The fingerprint of its certificate.
    pub fingerprint: Fingerprint,
    /// Its X25519 public key.
    pub public_key: PublicKey,
}

impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "      {}:", self.gateway)?;
        match self.endpoint {
            Some(endpoint) => writeln!(f, "        endpoint: {endpoint}")?,
            None => writeln!(
                f,
                "        endpoint: none # or where others reach it: a name, an address"
            )?,
        }
        match self.address {
            Some(address) => writeln!(f, "        address: {address}")?,
            None => {
                writeln!(f, "        address: # to be filled in: its own address inside the LAN")?;
            }
        }
        writeln!(f, "        certificates:")?;
        writeln!(f, "          - \"{}\"", self.fingerprint)?;
        writeln!(f, "        public-keys:")?;
        writeln!(f, "          - \"{}\"", self.public_key)
    }
}
