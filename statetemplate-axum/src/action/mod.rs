//! Action handlers: plain async functions that change a page's data.
//!
//! A client's action reaches its handler in three steps: the extractors take what the handler names ([`FromAction`]),
//! the handler runs ([`Handler`]), and what it returns becomes the answer ([`IntoOutcome`]). Handlers are typed by their
//! page's data: a handler that asks for the data of another page does not compile.

mod authorize;
mod context;
mod data;
mod extract;
mod handler;
mod lenient;
mod outcome;
mod payload;

pub use authorize::Attempt;
pub use context::{ActionContext, ActionId};
pub use data::Data;
pub use extract::{FromAction, Refusal};
pub use handler::Handler;
pub use outcome::{Answer, IntoOutcome};
pub use payload::Payload;

pub(crate) use authorize::{AuthorizeHook, erase_hook};
pub(crate) use context::Slot;
pub(crate) use handler::Outcome;
