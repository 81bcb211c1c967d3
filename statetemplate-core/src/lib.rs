//! The heart of StateTemplate: data in, updates out.

mod config;
mod error;
mod fragment;
mod metrics;
mod panics;
mod renderer;
mod session;
mod snapshot;
pub mod store;
mod template;
#[cfg(feature = "test")]
pub mod testing;
mod token;
mod update;
pub mod wire;

pub use config::Config;
pub use error::{Error, ErrorKind, TemplateLocation};
pub use fragment::{Patch, diff};
pub use metrics::{Metrics, MetricsSnapshot};
pub use renderer::{Joining, ProvisionalPage, Renderer, RendererBuilder, Scope, SessionOptions};
pub use session::{
    ActionError, ActionOutcome, Change, ConnectionGuard, Event, Session, SessionEnd, Subscription,
    UpdateBatch, Updates, Version,
};
pub use snapshot::{KeptSnapshot, PathStep, Shared, Snapshot, changed_paths};
pub use template::{Plan, PlanOptions};
pub use token::{BrowserClaims, BrowserIdentity, BrowserToken, Keyring, SessionClaims, SessionToken};
pub use update::{Content, OptimizationLevel, Structure, Styling, Update, UpdateAction, UpdateKind};
