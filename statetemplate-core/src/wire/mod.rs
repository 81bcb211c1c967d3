//! The frames of the protocol `statetemplate.v1`, as `client-js/PROTOCOL.md` describes them.

mod client;
mod deflate;
mod json;
mod patch;
mod server;
mod template;

pub use client::{ClientFrame, parse};
#[cfg(feature = "test")]
pub(crate) use deflate::inflate;
pub use deflate::{DEFLATE, deflate};
pub use server::{EndReason, Statics, answer, end, error, event, joined, patch_frames, pong, refresh};
