//! The engine's integration tests: one module a subject.
#![cfg(feature = "test")]

mod document;
mod golden;
mod updates;
mod workload;
