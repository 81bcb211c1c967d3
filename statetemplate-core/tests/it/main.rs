//! The engine's integration tests: one module a subject.
#![cfg(feature = "test")]
// Helpers unwrap like the tests they serve; clippy takes only test functions for tests.
#![allow(clippy::unwrap_used)]

mod blocks;
mod coverage;
mod deep;
mod document;
mod economy;
mod explain;
mod golden;
mod impure;
mod macros;
mod namespaces;
mod oracle;
mod protocol;
mod random;
mod random_macros;
mod settings;
mod simple;
mod traps;
mod unordered;
mod updates;
mod workload;
