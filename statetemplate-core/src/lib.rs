//! The heart of StateTemplate: data in, updates out.

mod error;

pub use error::{Error, ErrorKind, TemplateLocation};
