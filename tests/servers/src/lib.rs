//! Servers that tests start for themselves, on free ports and in temporary folders, and end with the test.

mod postgres;

pub use postgres::Postgres;
