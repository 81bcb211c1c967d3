//! What fails in the world, done to real processes, links and stores: nothing is lost, and nothing happens twice.

// Helpers outside of test functions fail their test by unwrapping, as the tests themselves do, and print its counts.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod bytes;
mod isolation;
mod kills;
mod links;
mod logout;
mod nodes;
mod outage;
mod redis;
mod rolling;
mod upgrade;
