//! Updates: what changes on a page, as public, serialisable values for those who bring their own transport.

mod draft;
mod html;
mod make;
mod model;
mod rows;
mod styling;
#[cfg(test)]
mod tests;
mod walk;

pub use model::{Content, OptimizationLevel, Structure, Styling, Update, UpdateAction, UpdateKind};

/// The address of the whole page.
const WHOLE_PAGE: &str = "page";
