//! Making a gateway's key pair, once.

use camino::{Utf8Path, Utf8PathBuf};
use zeroize::Zeroizing;

use super::certificate::{Key, is_for};
use super::tunnel_key::TunnelKey;
use crate::host::{Clock, FileError, Files, Mode};
use crate::primitives::{Fingerprint, Name, PublicKey, pem};

/// The private key's file in the identity directory.
const KEY: &str = "openvpn.key";

/// The certificate's file in the identity directory.
const CERTIFICATE: &str = "openvpn.crt";

/// The file of the X25519 private key in the identity directory.
const TUNNEL_KEY: &str = "tunnel.key";

/// The most that is read of a file, in bytes.
const MAX_FILE: u64 = 64 << 10;

/// A gateway's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// The fingerprint of its certificate.
    pub fingerprint: Fingerprint,
    /// Where the private key is.
    pub key: Utf8PathBuf,
    /// Where the certificate is.
    pub certificate: Utf8PathBuf,
    /// Its X25519 public key.
    pub public_key: PublicKey,
    /// Where the private half of that is.
    pub tunnel_key: Utf8PathBuf,
    /// Whether that was made just now.
    pub made_tunnel_key: bool,
    /// Whether the private key was made just now.
    pub made_key: bool,
    /// Whether the certificate was made just now.
    pub made_certificate: bool,
}

/// Why a gateway has no identity. Nothing that was there has been touched.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file cannot be read or written.
    #[error("cannot keep the gateway's key pair")]
    File(#[from] FileError),
    /// A certificate without its key is of no use.
    #[error("{certificate} has no private key beside it")]
    KeyMissing {
        /// The certificate.
        certificate: Utf8PathBuf,
    },
    /// The key file holds something else.
    #[error("{path} is not a P-256 private key in PKCS#8 PEM")]
    Key {
        /// The file.
        path: Utf8PathBuf,
    },
    /// The certificate file holds something else.
    #[error("{path} is not a certificate in PEM")]
    Certificate {
        /// The file.
        path: Utf8PathBuf,
    },
    /// Certificate and key belong to different pairs.
    #[error("{certificate} is not the certificate of {key}")]
    Mismatch {
        /// The certificate.
        certificate: Utf8PathBuf,
        /// The key.
        key: Utf8PathBuf,
    },
    /// Others than root could take the gateway's place.
    #[error("{path} may be read by others than its owner")]
    Open {
        /// The file.
        path: Utf8PathBuf,
    },
    /// The identity is another gateway's.
    #[error("{certificate} is not the certificate of a gateway {gateway}")]
    OtherGateway {
        /// The certificate.
        certificate: Utf8PathBuf,
        /// The gateway asked for.
        gateway: Name,
    },
    /// The file of the X25519 key holds something else.
    #[error("{path} is not an X25519 private key in base64")]
    TunnelKey {
        /// The file.
        path: Utf8PathBuf,
    },
    /// The kernel has no randomness.
    #[error("cannot make a key: {0}")]
    Random(getrandom::Error),
    /// The key pair cannot be made.
    #[error("cannot make a key pair")]
    Make(#[source] rcgen::Error),
}

impl IdentityError {
    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::KeyMissing { .. } => Some(
                "put the key back, or remove the certificate to make a new identity, whose \
                 fingerprint then has to go into mesh.yaml",
            ),
            Self::Key { .. } | Self::Certificate { .. } | Self::Mismatch { .. } => Some(
                "put the right file back, or remove the certificate to have it made anew for the \
                 key; the new fingerprint then has to go into mesh.yaml",
            ),
            Self::Open { .. } => Some(
                "`chmod 600` it; if somebody may have read it, make a new identity, whose fingerprint \
                 then has to go into mesh.yaml",
            ),
            Self::TunnelKey { .. } => Some(
                "put the right file back, or remove it to have another one made, whose public half \
                 then has to go into mesh.yaml",
            ),
            Self::OtherGateway { .. } => {
                Some("an identity belongs to one gateway: give another directory with --identity")
            }
            _ => None,
        }
    }
}

/// Makes the key pair of `gateway` in `directory`, or finds it there. A key is never replaced.
pub fn enroll(
    files: &dyn Files,
    clock: &dyn Clock,
    directory: &Utf8Path,
    gateway: &Name,
) -> Result<Enrolled, IdentityError> {
    let identity = Identity { files, directory };
    files.create_dir(directory)?;
    let (key, made_key) = identity.key()?;
    let (der, made_certificate) = identity.certificate(&key, clock, gateway)?;
    let (public_key, made_tunnel_key) = identity.tunnel_key()?;
    Ok(Enrolled {
        fingerprint: Fingerprint::of_der(&der),
        public_key,
        key: identity.path(KEY),
        certificate: identity.path(CERTIFICATE),
        tunnel_key: identity.path(TUNNEL_KEY),
        made_tunnel_key,
        made_key,
        made_certificate,
    })
}

/// Whether the private key in `directory` is there, its owner's alone, and that of the certificate.
/// Touches nothing.
pub fn check(files: &dyn Files, directory: &Utf8Path) -> Result<(), IdentityError> {
    let identity = Identity { files, directory };
    let (path, certificate) = (identity.path(KEY), identity.path(CERTIFICATE));
    let Some(pem) = identity.read(KEY)? else {
        return Err(IdentityError::KeyMissing { certificate });
    };
    if files.is_open_to_others(&path) {
        return Err(IdentityError::Open { path });
    }
    let key = Key::from_pem(&pem).map_err(|_| IdentityError::Key { path: path.clone() })?;
    let der = identity.read(CERTIFICATE)?.and_then(|pem| pem::certificate(&pem));
    match der {
        Some(der) if key.is_of(&der) => Ok(()),
        Some(_) => Err(IdentityError::Mismatch { certificate, key: path }),
        None => Err(IdentityError::Certificate { path: certificate }),
    }
}

struct Identity<'a> {
    files: &'a dyn Files,
    directory: &'a Utf8Path,
}

impl Identity<'_> {
    fn path(&self, name: &str) -> Utf8PathBuf {
        self.directory.join(name)
    }

    /// The content of a file, if there is one.
    fn read(&self, name: &str) -> Result<Option<Zeroizing<String>>, IdentityError> {
        match self.files.read(&self.path(name), MAX_FILE) {
            // Bytes that are no text are no PEM either; that is found out where it is parsed.
            Ok(content) => {
                let content = Zeroizing::new(content);
                Ok(Some(Zeroizing::new(String::from_utf8_lossy(&content).into_owned())))
            }
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a file unless there is one by now, and says whether it did.
    fn make(&self, name: &str, content: &str, mode: Mode) -> Result<bool, IdentityError> {
        match self.files.create_whole(&self.path(name), content.as_bytes(), mode) {
            Ok(()) => Ok(true),
            Err(FileError::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The private key, and whether it was made.
    fn key(&self) -> Result<(Key, bool), IdentityError> {
        let mut made = false;
        if self.read(KEY)?.is_none() {
            let certificate = self.path(CERTIFICATE);
            if self.read(CERTIFICATE)?.is_some() {
                return Err(IdentityError::KeyMissing { certificate });
            }
            let key = Key::generate().map_err(IdentityError::Make)?;
            made = self.make(KEY, &key.to_pem(), Mode::Private)?;
        }
        // What is on the disk counts: somebody else may have been faster.
        let unusable = || IdentityError::Key { path: self.path(KEY) };
        let pem = self.read(KEY)?.ok_or_else(unusable)?;
        Ok((Key::from_pem(&pem).map_err(|_| unusable())?, made))
    }

    /// The public half of the X25519 key, and whether the key was made.
    fn tunnel_key(&self) -> Result<(PublicKey, bool), IdentityError> {
        let mut made = false;
        if self.read(TUNNEL_KEY)?.is_none() {
            let key = TunnelKey::generate().map_err(IdentityError::Random)?;
            made = self.make(TUNNEL_KEY, &key.to_text(), Mode::Private)?;
        }
        // What is on the disk counts: somebody else may have been faster.
        let text = self.read(TUNNEL_KEY)?;
        let public = text.and_then(|text| TunnelKey::from_text(&text)?.public());
        let unusable = || IdentityError::TunnelKey { path: self.path(TUNNEL_KEY) };
        Ok((public.ok_or_else(unusable)?, made))
    }

    /// The certificate in DER, and whether it was made.
    fn certificate(
        &self,
        key: &Key,
        clock: &dyn Clock,
        gateway: &Name,
    ) -> Result<(Vec<u8>, bool), IdentityError> {
        let mut made = false;
        if self.read(CERTIFICATE)?.is_none() {
            let pem = key.certify(gateway, clock.now()).map_err(IdentityError::Make)?;
            made = self.make(CERTIFICATE, &pem, Mode::Public)?;
        }
        let path = self.path(CERTIFICATE);
        let pem = self.read(CERTIFICATE)?;
        let der = pem.and_then(|pem| pem::certificate(&pem));
        let der = der.ok_or_else(|| IdentityError::Certificate { path: path.clone() })?;
        if !key.is_of(&der) {
            return Err(IdentityError::Mismatch { certificate: path, key: self.path(KEY) });
        }
        if !is_for(&der, gateway) {
            return Err(IdentityError::OtherGateway {
                certificate: path,
                gateway: gateway.clone(),
            });
        }
        Ok((der, made))
    }
}
