//! Live server-rendered pages for axum.
