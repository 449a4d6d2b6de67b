//! How a mirror fails.

use std::time::Duration;

use camino::Utf8PathBuf;

use crate::host::FileError;

/// Why a file did not come, in words that a mirror has no say in.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The time was over first.
    #[error("{url}: not done within {} s", deadline.as_secs_f32())]
    Deadline {
        /// What was asked for.
        url: String,
        /// How long there was for everything.
        deadline: Duration,
    },
    /// It answers with neither the file nor that it has none.
    #[error("{url}: the server answers with status {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
    },
    /// It leads to somewhere else.
    #[error("{url}: the server leads to another place, {to:?}, where nobody said a mirror is")]
    Elsewhere {
        /// What was asked for.
        url: String,
        /// Where it leads.
        to: String,
    },
    /// It leads on and on.
    #[error("{url}: more than {most} redirects in a row")]
    Redirects {
        /// What was asked for.
        url: String,
        /// How many are followed.
        most: usize,
    },
    /// The file is longer than it may be.
    #[error("{url}: more than the {limit} bytes that are accepted")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// The limit.
        limit: u64,
    },
    /// All files together are longer than they may be.
    #[error("{url}: with it, more than the {limit} bytes that are accepted of all files together")]
    TooMuch {
        /// What was asked for.
        url: String,
        /// The limit.
        limit: u64,
    },
    /// It is packed, although nobody asked for that.
    #[error("{url}: the server packs the file ({encoding:?}) although it was asked for as it is")]
    Packed {
        /// What was asked for.
        url: String,
        /// The encoding.
        encoding: String,
    },
    /// The certificate is not one for this server, or not one by those who are believed.
    #[error("{url}: its TLS certificate is not valid: {reason}")]
    Certificate {
        /// What was asked for.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// Anything else on the way.
    #[error("{url}: {reason}")]
    Network {
        /// What was asked for.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The proxy that the environment names cannot be one.
    #[error("the environment variable {variable} does not name a proxy, http://host:port")]
    Proxy {
        /// The variable.
        variable: &'static str,
    },
    /// The file of authorities cannot be read.
    #[error("cannot read the certificate authorities of a mirror")]
    Authorities(#[source] FileError),
    /// The file of authorities holds none.
    #[error("{path} holds no certificate in PEM")]
    NoAuthorities {
        /// The file.
        path: Utf8PathBuf,
    },
}

impl HttpError {
    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Elsewhere { .. } => {
                Some("if the mirror has moved, say in gateway.yaml where it is now")
            }
            Self::Certificate { .. } => Some(
                "if the mirror has its own certificate authority, name its file with `ca`; \
                 otherwise somebody else may be answering",
            ),
            Self::Packed { .. } => Some("switch the compression of these files off on the mirror"),
            _ => None,
        }
    }

    /// Whether it may mean that there is no such file: S3 says 403 of what is not there to whoever
    /// may not list what is.
    #[must_use]
    pub fn may_be_absence(&self) -> bool {
        matches!(self, Self::Status { status: 403, .. })
    }

    /// Whether it is this host that cannot, and no mirror's fault.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Proxy { .. } | Self::Authorities(_) | Self::NoAuthorities { .. })
    }

    /// From what the client says of a request for `url`.
    pub(super) fn of(url: &str, error: &ureq::Error, deadline: Duration) -> Self {
        let url = url.to_owned();
        match error {
            ureq::Error::Timeout(_) => Self::Deadline { url, deadline },
            ureq::Error::Io(error) => Self::of_io(&url, error, deadline),
            ureq::Error::Rustls(error) => {
                Self::of_tls(&url, &error.to_string(), certificate(error))
            }
            error => Self::Network { url, reason: plain(&error.to_string()) },
        }
    }

    /// From an error of reading: the client hides its own in those of the standard library.
    pub(super) fn of_io(url: &str, error: &std::io::Error, deadline: Duration) -> Self {
        let inner = error.get_ref();
        if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<ureq::Error>()) {
            return Self::of(url, error, deadline);
        }
        if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Self::of_tls(url, &error.to_string(), certificate(error));
        }
        let (url, reason) = (url.to_owned(), plain(&error.to_string()));
        if error.kind() == std::io::ErrorKind::TimedOut {
            return Self::Deadline { url, deadline };
        }
        Self::Network { url, reason }
    }

    fn of_tls(url: &str, reason: &str, certificate: bool) -> Self {
        let (url, reason) = (url.to_owned(), plain(reason));
        if certificate { Self::Certificate { url, reason } } else { Self::Network { url, reason } }
    }
}

fn certificate(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented)
}

/// One line, and nothing in it that commands a terminal: a server has its say in some errors.
pub(super) fn plain(text: &str) -> String {
    const MOST: usize = 300;
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST).collect()
}
