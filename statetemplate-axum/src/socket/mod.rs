//! The socket of a live page: opening it, joining its session, and keeping the page true.

mod actions;
mod connection;
mod end;
mod oversized;
mod recent;
mod upgrade;
mod view;

pub(crate) use recent::Recent;
pub(crate) use upgrade::upgrade;
