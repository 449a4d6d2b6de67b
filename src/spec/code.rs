//! The codes of findings: part of the interface, so never renumbered and never reused.

use std::fmt;

use super::Severity;

/// Declares every code once: variant, text, what it is about.
macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $text:literal,)+) => {
        /// What kind of problem a finding is. `docs/findings.md` has a paragraph for each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[doc = $doc])+ $variant,)+ }

        impl Code {
            /// Every code there is.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The code as people see it, such as `E0201`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

codes! {
    // --- the file -------------------------------------------------------------------
    /// The file is not UTF-8.
    NotUtf8 = "E0001",
    /// The file is larger than any mesh needs.
    TooLarge = "E0002",
    /// The file is not YAML.
    Syntax = "E0003",
    /// YAML that Tieline does not take: anchors, aliases, merge keys, several documents.
    YamlFeature = "E0004",
    /// The file nests deeper, or has more values, than any mesh needs.
    TooComplex = "E0005",
    // --- its shape ------------------------------------------------------------------
    /// A key stands twice in the same mapping.
    DuplicateKey = "E0006",
    /// A value is of the wrong type.
    WrongType = "E0007",
    /// A key is missing.
    MissingKey = "E0008",
    /// A key means nothing here.
    UnknownKey = "E0009",
    /// Something the design has, but this version does not.
    NotSupported = "E0010",
    /// A list or mapping is empty that needs at least one entry.
    Empty = "E0011",
    /// A pattern that could name files elsewhere than beside mesh.yaml and below.
    BadInclude = "E0012",
    /// A pattern that no file matches.
    NothingIncluded = "E0013",
    /// Something that is no regular file where one is included.
    NotAFile = "E0014",
    // --- single values --------------------------------------------------------------
    /// A name that could not be a file, unit, branch or host name.
    BadName = "E0101",
    /// A text that is not a prefix.
    BadPrefix = "E0102",
    /// A prefix with bits set beyond its length.
    HostBits = "E0103",
    /// A text that is not an address.
    BadAddress = "E0104",
    /// A text that is neither an address, nor a DNS name, nor `none`.
    BadEndpoint = "E0105",
    /// A port, or a range of ports, that cannot be.
    BadPorts = "E0106",
    /// A text that is not the fingerprint of a certificate.
    BadFingerprint = "E0107",
    /// A value that is none of those possible.
    UnknownValue = "E0108",
    /// More certificates than a rotation needs.
    TooManyCertificates = "E0109",
    /// A prefix that no network of a mesh can have, such as loopback or multicast.
    UnusablePrefix = "E0110",
    /// A text that is not a public key.
    BadPublicKey = "E0111",
    /// More public keys than a rotation needs.
    TooManyPublicKeys = "E0112",
    // --- values against each other --------------------------------------------------
    /// Two prefixes or addresses that must not overlap do.
    Overlap = "E0201",
    /// A network that is not private.
    NotPrivate = "E0202",
    /// Two gateways with the same name.
    DuplicateGateway = "E0203",
    /// The same certificate twice.
    DuplicateCertificate = "E0204",
    /// Two gateways with the same endpoint.
    DuplicateEndpoint = "E0205",
    /// Two gateways with the same address.
    DuplicateAddress = "E0206",
    /// An address that is in none of its LAN's networks.
    AddressOutside = "E0207",
    /// An address that stands for a whole network.
    NotAHost = "E0208",
    /// The tunnel network has fewer addresses than the mesh needs.
    TunnelNetworkTooSmall = "E0209",
    /// The port range has fewer ports than the mesh needs.
    PortRangeTooSmall = "E0210",
    /// A port inside the range of the tunnels is reserved.
    ReservedPort = "E0211",
    /// Two gateways that neither can reach.
    NoEndpoints = "E0212",
    /// Ports of the tunnels where only root may listen.
    PrivilegedPort = "E0213",
    /// The same public key twice.
    DuplicatePublicKey = "E0214",
    // --- mesh.lock ------------------------------------------------------------------
    /// mesh.lock is of a format this version does not know.
    LockFormat = "E0301",
    /// A line of mesh.lock that says nothing.
    LockLine = "E0302",
    /// Numbers of mesh.lock that are not 1, 2, 3, and so on.
    LockOrder = "E0303",
    /// Two numbers for one gateway.
    LockDuplicate = "E0304",
    /// A conflict of git in mesh.lock.
    LockConflict = "E0305",
    /// There is no mesh.lock.
    LockMissing = "E0306",
    /// A gateway without a number.
    NotNumbered = "E0307",
    /// A number for a gateway that the mesh does not have.
    NotRetired = "E0308",
    /// No number is left.
    NoNumberLeft = "E0309",
    // --- warnings -------------------------------------------------------------------
    /// A network overlaps a range that hosts often have in use.
    WellKnownRange = "W0001",
    /// A mesh of fewer than two LANs.
    NothingToConnect = "W0002",
    /// A permission that nothing needs.
    NeedlessPermission = "W0003",
}

impl Code {
    /// Errors begin with E, warnings with W.
    #[must_use]
    pub fn severity(self) -> Severity {
        if self.as_str().starts_with('W') { Severity::Warning } else { Severity::Error }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_its_own() {
        let mut texts: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), Code::ALL.len());
        assert_eq!(Code::Overlap.severity(), Severity::Error);
        assert_eq!(Code::WellKnownRange.severity(), Severity::Warning);
    }
}
