//! What several tests need. Each test file uses a part of it.

#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stderr
)]

pub mod archive;
pub mod builds;
pub mod cli;
pub mod faulty_proxy;
pub mod forge;
pub mod gateway;
pub mod gateways;
pub mod git_client;
pub mod git_servers;
pub mod golden;
pub mod inside;
pub mod lab;
pub mod mesh;
pub mod notes;
pub mod nspawn;
pub mod office;
pub mod releases;
pub mod sandbox;
pub mod skip;
pub mod ssh_agent;
pub mod web_servers;
