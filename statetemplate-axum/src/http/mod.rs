//! What concerns HTTP alone: the browser's cookie, the origin of a socket, the client's files.

pub(crate) mod assets;
pub(crate) mod cookie;
pub(crate) mod origin;
