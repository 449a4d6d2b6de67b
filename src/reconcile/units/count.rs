//! How much was changed, in words.

/// How many units of one kind were changed, and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) added: usize,
    pub(super) changed: usize,
    pub(super) removed: usize,
}

impl Count {
    /// The one thing that is told where something was changed and the number says nothing.
    pub(super) fn changed(self, words: &str) -> Vec<String> {
        if self == Self::default() { Vec::new() } else { vec![words.to_owned()] }
    }
}

/// "2 tunnels added"; nothing for none.
pub(super) fn tunnels(count: usize, what: &str) -> Option<String> {
    match count {
        0 => None,
        1 => Some(format!("1 tunnel {what}")),
        _ => Some(format!("{count} tunnels {what}")),
    }
}
