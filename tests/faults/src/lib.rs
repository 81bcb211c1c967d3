//! What the fault tests are made of: an application, its processes, a network that fails, and clients that do not give up.
//!
//! The tests in `tests/` start real processes (application nodes, Redis) behind [`Proxy`]s, let [`Client`]s send numbered
//! actions, and break things meanwhile. At the end each client's document and the stored data must be what they would be
//! had nothing been broken.

mod client;
mod crowd;
mod http1;
pub mod journal;
mod node;
mod proxy;
mod report;
mod site;

pub use client::{Client, Outcome, Patience};
pub use crowd::Crowd;
pub use node::{Node, NodeOptions};
pub use proxy::Proxy;
pub use report::Report;
pub use site::Site;

/// Why a run failed, whatever it was.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The secret that all nodes sign with: a client of one is a client of each.
pub const SIGNING_KEY: &str = "a secret of the fault tests, 32 bytes and more";
