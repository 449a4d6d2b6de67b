//! Environment variables.

use zeroize::Zeroizing;

/// The environment of this process.
pub trait Environment {
    /// The value of variable `name`, which may be a secret and is wiped when it goes out of scope;
    /// `None` where it is not set or not text.
    fn get(&self, name: &str) -> Option<Zeroizing<String>>;
}

/// The real environment.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealEnvironment;

impl Environment for RealEnvironment {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks for it")]
    fn get(&self, name: &str) -> Option<Zeroizing<String>> {
        std::env::var(name).ok().map(Zeroizing::new)
    }
}
