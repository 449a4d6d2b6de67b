//! Tieline keeps a mesh of LANs connected: GitOps with signed bundles, OpenVPN underneath.
//!
//! Data flows one way. The compiler turns `mesh.yaml` into one bundle per gateway, each arrow a
//! pure function:
//!
//! ```text
//! mesh.yaml -> spec -> model -> plan -> artifacts -> bundle       (then: tuf signs the digests)
//! ```
//!
//! and on each gateway the reconciler takes the signed release back apart:
//!
//! ```text
//! git -> verified metadata -> verified bundle -> generation -> running tunnels
//! ```
//!
//! The modules, in reading order. Who may import whom is in ARCHITECTURE.md and enforced by
//! `tests/architecture.rs`.

pub mod primitives;

pub mod spec;

pub mod model;

pub mod plan;

pub mod lang;

pub mod render;

pub mod bundle;

pub mod tuf;

pub mod compile;

pub mod host;

pub mod identity;

pub mod publish;

pub mod reconcile;

pub mod lab;

pub mod report;

pub mod cli;
