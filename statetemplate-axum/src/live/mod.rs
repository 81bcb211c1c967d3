//! Live pages in page handlers: the [`Live`] extractor, what it renders, and what can go wrong.

mod error;
mod extractor;
mod rejection;
mod rendered;

pub use error::Error;
pub use extractor::Live;
pub use rejection::Rejection;
pub use rendered::Rendered;
