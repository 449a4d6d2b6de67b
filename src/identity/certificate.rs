//! The certificate a gateway is known by.
//!
//! Self-signed: its fingerprint is in mesh.yaml, and no authority has a say in it (OpenVPN manual,
//! `peer-fingerprint`).

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use time::OffsetDateTime;
use time::macros::datetime;
use zeroize::Zeroizing;

use crate::primitives::Name;

/// A certificate that has no end says so in this way (RFC 5280 §4.1.2.5). OpenVPN does not look at
/// the dates of a certificate it knows by fingerprint, so one that ended would end nothing.
const NEVER: OffsetDateTime = datetime!(9999-12-31 23:59:59 UTC);

/// A private key on the curve P-256.
pub(super) struct Key(KeyPair);

impl Key {
    /// A new key.
    pub(super) fn generate() -> Result<Self, rcgen::Error> {
        KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map(Self)
    }

    /// The key in `pem`, PKCS#8 as [`to_pem`](Self::to_pem) writes it.
    pub(super) fn from_pem(pem: &str) -> Result<Self, rcgen::Error> {
        KeyPair::from_pem(pem).map(Self)
    }

    /// The key as PKCS#8 in PEM (RFC 5958, RFC 7468), wiped from memory after use.
    pub(super) fn to_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.serialize_pem())
    }

    /// A new certificate, in PEM, that says this is the key of `gateway` since `now`.
    pub(super) fn certify(
        &self,
        gateway: &Name,
        now: OffsetDateTime,
    ) -> Result<String, rcgen::Error> {
        let mut params = CertificateParams::default();
        let mut subject = DistinguishedName::new();
        subject.push(DnType::CommonName, gateway.as_str());
        params.distinguished_name = subject;
        params.not_before = now;
        params.not_after = NEVER;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyAgreement];
        // Which end of a tunnel is the server is the compiler's choice.
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.self_signed(&self.0).map(|certificate| certificate.pem())
    }

    /// Whether the certificate `der` is for this key: it holds the point on the curve, 65 bytes
    /// that do not stand anywhere by chance (RFC 5480 §2.2).
    pub(super) fn is_of(&self, der: &[u8]) -> bool {
        let point = self.0.public_key_raw();
        der.windows(point.len()).any(|window| window == point)
    }
}

/// Whether the certificate `der` names `gateway`: its name as a UTF8String (X.690 §8.23), which is
/// how [`Key::certify`] writes it.
pub(super) fn is_for(der: &[u8], gateway: &Name) -> bool {
    const UTF8_STRING: u8 = 0x0c;
    let name = gateway.as_str().as_bytes();
    let Ok(length) = u8::try_from(name.len()) else {
        return false;
    };
    let encoded = [&[UTF8_STRING, length], name].concat();
    der.windows(encoded.len()).any(|window| window == encoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::pem::certificate;

    #[test]
    fn a_certificate_is_of_one_key_and_one_gateway() {
        let (key, other) = (Key::generate().unwrap(), Key::generate().unwrap());
        let (perth, per): (Name, Name) = ("perth".parse().unwrap(), "per".parse().unwrap());
        let pem = key.certify(&perth, OffsetDateTime::UNIX_EPOCH).unwrap();
        let der = certificate(&pem).unwrap();
        assert!(key.is_of(&der) && !other.is_of(&der));
        assert!(is_for(&der, &perth) && !is_for(&der, &per));
        let again = Key::from_pem(&key.to_pem()).unwrap();
        assert!(again.is_of(&der));
    }
}
