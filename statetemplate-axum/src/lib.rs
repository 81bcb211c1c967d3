//! Live server-rendered pages for axum.
#![allow(dead_code, unused)]

pub mod action;
mod http;
mod page;
mod session;

pub use action::{ActionId, Answer, Data, Payload};
pub use page::Page;
pub use session::Session;
