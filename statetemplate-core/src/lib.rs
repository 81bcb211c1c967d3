//! The heart of StateTemplate: data in, updates out.

mod error;
mod snapshot;
#[cfg(feature = "test")]
pub mod testing;

pub use error::{Error, ErrorKind, TemplateLocation};
pub use snapshot::{PathStep, Shared, Snapshot, changed_paths};
