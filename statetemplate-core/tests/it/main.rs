//! The engine's integration tests: one module a subject.
#![cfg(feature = "test")]

mod fixtures;
mod oracle;
mod random;
mod traps;
mod workload;
