//! What several tests need. Each test file uses a part of it.

#![allow(dead_code, missing_docs, unreachable_pub)]

pub mod archive;
pub mod golden;
pub mod mesh;
