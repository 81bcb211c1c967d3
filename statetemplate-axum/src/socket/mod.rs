//! The connection of a live page: opening it, joining its session, and keeping the page true; over a socket, or over a
//! stream of events where sockets do not work.

mod actions;
mod connection;
mod end;
mod link;
mod oversized;
mod recent;
mod requests;
mod stream;
mod upgrade;
mod view;

pub(crate) use recent::Recent;
pub(crate) use requests::stream;
pub(crate) use stream::Streams;
pub(crate) use upgrade::{identify, upgrade};
