//! Updates: what changes on a page, as public, serialisable values for those who bring their own transport.

mod html;
mod make;
mod model;
mod rows;
mod styling;
#[cfg(test)]
mod tests;

pub use model::{Content, OptimizationLevel, Structure, Styling, Update, UpdateAction, UpdateKind};
