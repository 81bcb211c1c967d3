//! Forms and buttons without JavaScript: a page's actions by POST, redirect and GET, on the same session.
//!
//! [`annotate`] makes real forms of those with `st-submit` and of those around buttons with `st-click`; [`submit`] carries
//! out what they send, as the socket would; and [`returning`] lets the GET that follows find the session again.

mod annotate;
mod fields;
mod markup;
mod returning;
mod submit;
mod target;

pub(crate) use annotate::annotate;
#[cfg(feature = "test")]
pub(crate) use annotate::strip;
pub(crate) use returning::{Return, Returned};
pub(crate) use submit::submit;
pub(crate) use target::FormTarget;
