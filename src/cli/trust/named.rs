//! Public keys as the command line names them, with what people call them.

use std::convert::Infallible;
use std::str::FromStr;

use super::{KeySource, Passphrase, SignerSource};
use crate::cli::{Context, Failure};
use crate::primitives::Name;
use crate::tuf::repository::NamedKey;

/// `[NAME=]KEY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct NamedSource {
    name: Option<Name>,
    source: SignerSource,
}

impl FromStr for NamedSource {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        if let Some((name, source)) = text.split_once('=')
            && let Ok(name) = name.parse()
        {
            return source.parse().map(|source| Self { name: Some(name), source });
        }
        text.parse().map(|source| Self { name: None, source })
    }
}

impl NamedSource {
    /// The key, with the name that was said or else one guessed from that of its file.
    pub(in crate::cli) fn load(
        &self,
        passphrase: &Passphrase,
        context: &mut Context,
    ) -> Result<NamedKey, Failure> {
        let key = self.source.public(passphrase, context)?;
        let name = self.name.clone().or_else(|| self.source.guessed_name());
        Ok(NamedKey { key, name, said: self.name.is_some() })
    }
}

/// `anna` for `keys/anna.pem.pub`. No name for what is called after its kind (`id_ed25519`).
pub(super) fn guess(source: &KeySource) -> Option<Name> {
    let KeySource::File(path) = source else { return None };
    let stem = path.file_name()?;
    let stem = stem.strip_suffix(".pub").unwrap_or(stem);
    let stem = stem.strip_suffix(".pem").unwrap_or(stem);
    if stem.starts_with("id_") {
        return None;
    }
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = stem.chars().map(plain).collect();
    name.trim_matches('-').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_said_and_guessed() {
        let parsed = |text: &str| {
            let source: NamedSource = text.parse().unwrap();
            let name = source.name.clone().or_else(|| source.source.guessed_name());
            (name.map(|name| name.to_string()).unwrap_or_default(), source.source.to_string())
        };
        let both = |name: &str, source: &str| (name.to_owned(), source.to_owned());
        assert_eq!(parsed("anna=x/id_ed25519.pub"), both("anna", "x/id_ed25519.pub"));
        assert_eq!(parsed("keys/Anna_B.pem.pub"), both("anna-b", "keys/Anna_B.pem.pub"));
        assert_eq!(parsed("id_ed25519.pub"), both("", "id_ed25519.pub"));
        assert_eq!(parsed("ci=env:KEY"), both("ci", "environment variable KEY"));
        assert_eq!(parsed("env:KEY"), both("", "environment variable KEY"));
        // No name, so a file with an equals sign in its path.
        assert_eq!(parsed("./a=b.pub"), both("a-b", "./a=b.pub"));
    }
}
