//! The frames of the protocol `statetemplate.v1`, as `client-js/PROTOCOL.md` describes them.

mod client;
mod json;
mod patch;
mod server;

pub use client::{ClientFrame, parse};
pub use server::{EndReason, Statics, answer, end, error, event, joined, patch_frames, pong, refresh};
