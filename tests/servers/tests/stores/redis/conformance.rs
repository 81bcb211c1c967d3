//! The published suite and the hammer, on each kind of Redis.

use std::sync::Arc;

use statetemplate_core::store::{RedisStore, conformance};
use statetemplate_servers::{RedisCluster, RedisSentinel, RedisServer};

use super::{empty_store, faults};
use crate::hammer;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_passes() {
    let server = RedisServer::start().await.unwrap();
    conformance::check(async || empty_store(&server.url()).await)
        .await
        .unwrap();
    hammer::all(Arc::new(empty_store(&server.url()).await)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_passes() {
    let cluster = RedisCluster::start().await.unwrap();
    conformance::check(async || empty_store(&cluster.url()).await)
        .await
        .unwrap();
    hammer::all(Arc::new(empty_store(&cluster.url()).await)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_pass_before_and_after_a_failover() {
    let mut sentinels = RedisSentinel::start().await.unwrap();
    let url = sentinels.url();
    let from_before = RedisStore::builder(&url)
        .prefix("before")
        .connect()
        .await
        .unwrap();
    conformance::check(async || empty_store(&url).await)
        .await
        .unwrap();
    sentinels.fail_over().await.unwrap();
    conformance::check(async || empty_store(&url).await)
        .await
        .unwrap();
    faults::works_again(&from_before).await;
}
