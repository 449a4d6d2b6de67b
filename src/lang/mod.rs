//! The language of each daemon: its configuration as a type, the one way to write it, and a strict
//! reader that takes what is written so and nothing else.
//!
//! A language is one function, its grammar, which a [`Writer`](pass::Writer) and a
//! [`Reader`](pass::Reader) go through alike. So a directive stands in one place, and what is
//! written is what is read (docs/adr/0022).

mod error;
mod lines;
pub mod nftables;
pub mod openvpn;
mod pass;
#[cfg(test)]
mod testing;

pub use error::{Problem, ReadError};
