//! Which certificate authorities are believed.

use camino::Utf8Path;
use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

use super::HttpError;
use crate::host::{Files as _, RealFiles};

/// The most that is read of a file of authorities, in bytes.
const LIMIT: u64 = 16 << 20;

/// Those of the file `ca`, or else the system's.
pub(super) fn load(ca: Option<&Utf8Path>) -> Result<RootCerts, HttpError> {
    let certificates = match ca {
        Some(path) => of_file(path)?,
        None => of_system(),
    };
    Ok(RootCerts::new_with_certs(&certificates))
}

fn of_file(path: &Utf8Path) -> Result<Vec<Certificate<'static>>, HttpError> {
    let content = RealFiles.read(path, LIMIT).map_err(HttpError::Authorities)?;
    let none = || HttpError::NoAuthorities { path: path.to_owned() };
    let mut found = Vec::new();
    for item in parse_pem(&content) {
        if let PemItem::Certificate(certificate) = item.map_err(|_| none())? {
            found.push(certificate);
        }
    }
    // None at all would be a trust in nobody that reads like a failure of the mirror.
    if found.is_empty() { Err(none()) } else { Ok(found) }
}

/// What OpenSSL's programs on this machine believe as well. One that cannot be read is one that is
/// not believed.
fn of_system() -> Vec<Certificate<'static>> {
    let found = rustls_native_certs::load_native_certs().certs;
    found.iter().map(|der| Certificate::from_der(der).to_owned()).collect()
}
