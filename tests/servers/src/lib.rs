//! Servers that tests start for themselves, on free ports and in temporary folders, and end with the test.
//!
//! A server is ready when it answers, not after a time. Its program has to be installed; `tests/run` does that.

mod cluster;
mod postgres;
mod process;
mod redis;
mod sentinel;

pub use cluster::RedisCluster;
pub use postgres::Postgres;
pub use redis::{RedisOptions, RedisServer};
pub use sentinel::RedisSentinel;
