//! The stores against real databases and servers: one module a store, and what all of them go through.
// Helpers unwrap like the tests they serve; clippy takes only test functions for tests.
#![allow(clippy::unwrap_used)]

mod hammer;
mod postgres;
mod redis;
mod resilient;
mod sqlite;
