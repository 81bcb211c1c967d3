//! The engine's integration tests: one module a subject.
#![cfg(feature = "test")]

mod workload;
