//! The engine's integration tests: one module a subject.
#![cfg(feature = "test")]
// Helpers unwrap like the tests they serve; clippy takes only test functions for tests.
#![allow(clippy::unwrap_used)]

mod document;
mod fixtures;
mod golden;
mod oracle;
mod random;
mod simple;
mod traps;
mod updates;
mod workload;
