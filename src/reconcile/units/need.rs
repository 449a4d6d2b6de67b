//! What a step needs that no unit is: the host has to have it.

/// Something that a host has or has not, whatever bundle it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// The gateway's key pair.
    Key,
    /// The device out of which tunnels are made.
    Tun,
    /// A program of the system.
    Program(&'static str),
}
