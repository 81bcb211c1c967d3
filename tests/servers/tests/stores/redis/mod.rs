//! `RedisStore` on one server, behind sentinels and in a cluster.

mod conformance;
mod faults;
mod nodes;
mod replicas;

use std::sync::atomic::{AtomicU32, Ordering};

use statetemplate_core::store::RedisStore;

/// A store that shares a server with others, but no key: for tests that need an empty store.
async fn empty_store(url: &str) -> RedisStore {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let prefix = format!("test{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    RedisStore::builder(url).prefix(prefix).connect().await.unwrap()
}
