//! What the HTTP edge promises, tried through the test kit and through sockets that speak the protocol by hand.

// Helpers outside of test functions fail their test by unwrapping, as the tests themselves do.
#![allow(clippy::unwrap_used)]

mod actions;
mod app;
mod assets;
mod audit;
mod compression;
mod deploys;
mod failures;
mod forms;
mod identity;
mod impure;
mod join;
mod limits;
mod logins;
mod pages;
mod provisional;
mod pushes;
mod resume;
mod scopes;
mod streams;
mod whole;
mod write_behind;
