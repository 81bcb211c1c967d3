//! `wait_for_replicas`: what is acknowledged is on a replica, however it came to be acknowledged.

use std::time::Duration;

use minijinja::Environment;
use serde_json::{Value, json};
use statetemplate_core::store::{ClientId, RedisStore, RedisStoreBuilder, SessionStore};
use statetemplate_core::{ErrorKind, Renderer, SessionEnd, SessionOptions};
use statetemplate_servers::{RedisOptions, RedisServer};

use crate::hammer::{next, record};

async fn replica_of(server: &RedisServer) -> RedisServer {
    let port = server.port().to_string();
    let arguments = [
        "--replicaof",
        "127.0.0.1",
        &port,
        "--repl-diskless-sync-delay",
        "0",
    ];
    let options = RedisOptions {
        arguments: arguments.map(str::to_owned).to_vec(),
        ..RedisOptions::default()
    };
    let replica = RedisServer::start_with(options).await.unwrap();
    while !says(&replica, "replication", "master_link_status:up").await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    replica
}

async fn says(server: &RedisServer, section: &str, what: &str) -> bool {
    server.command(&["INFO", section]).await.unwrap().contains(what)
}

fn waiting(server: &RedisServer, patience: Duration) -> RedisStoreBuilder {
    RedisStore::builder(&server.url())
        .wait_for_replicas(1, patience)
        .timeout(patience * 10)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waits_for_replicas_and_fails_without_them() {
    let server = RedisServer::start().await.unwrap();
    let store = waiting(&server, Duration::from_secs(1)).connect().await.unwrap();
    let error = store.create(record("a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    assert!(format!("{error:#}").contains("0 of 1 replicas"), "{error:#}");

    let replica = replica_of(&server).await;
    let mut current = record("b");
    store.create(current.clone()).await.unwrap();
    server.command(&["SCRIPT", "FLUSH"]).await.unwrap();
    for _ in 0..20 {
        let following = next(&current);
        store.update(following.clone(), current.stamp()).await.unwrap();
        current = following;
        let copy = replica
            .command(&["HGET", "statetemplate:session:b", "m"])
            .await
            .unwrap();
        assert!(
            copy.starts_with(&format!("{:020}{:020}", 0, current.writes)),
            "{copy}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_sent_again_waits_for_replicas_like_the_first() {
    let server = RedisServer::start().await.unwrap();
    let replica = replica_of(&server).await;
    let store = waiting(&server, Duration::from_secs(2)).connect().await.unwrap();
    let (first, other) = (record("a"), record("b"));
    store.create(first.clone()).await.unwrap();
    store.create(other).await.unwrap();
    replica.freeze().unwrap();
    let breaking = async {
        for _ in 0..2 {
            while !says(&server, "clients", "blocked_clients:1").await {}
            // The answer is lost; the call is sent once more over another connection, and finds its work done.
            server
                .command(&["CLIENT", "KILL", "TYPE", "normal"])
                .await
                .unwrap();
            while says(&server, "clients", "blocked_clients:1").await {}
        }
        std::future::pending::<()>().await;
    };
    let calls = async {
        let error = store.update(next(&first), first.stamp()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StoreUnavailable, "{error:#}");
        let error = store.delete("b", SessionEnd::Invalidated).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StoreUnavailable, "{error:#}");
    };
    tokio::select! {
        () = calls => {}
        () = breaking => {}
    }
    replica.thaw().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_action_is_not_answered_from_a_ledger_that_no_replica_has() {
    let server = RedisServer::start().await.unwrap();
    let replica = replica_of(&server).await;
    let node = async || {
        let mut env = Environment::new();
        env.add_template("counter.html", "<p>{{ count }}</p>").unwrap();
        let store = waiting(&server, Duration::from_millis(300))
            .connect()
            .await
            .unwrap();
        Renderer::builder(env)
            .signing_key(b"a secret of thirty-two bytes....")
            .store(store)
            .build()
            .unwrap()
    };
    let (here, there) = (node().await, node().await);
    here.create_session_with(SessionOptions::new().id("s"), &json!({"count": 1}))
        .await
        .unwrap();
    let client = ClientId::parse("c").unwrap();
    let act = async |node: &Renderer| {
        let session = node.session("s").await.unwrap();
        let acted = session.act(&client, 1, |mut data: Value| async move {
            data["count"] = 2.into();
            Ok((data, None))
        });
        acted.await.map(|outcome| outcome.repeated)
    };
    replica.freeze().unwrap();
    // The first time the master has it, and the replica has not.
    for node in [&here, &here, &there] {
        assert_eq!(act(node).await.unwrap_err().kind(), ErrorKind::StoreUnavailable);
    }
    replica.thaw().unwrap();
    assert!(act(&there).await.unwrap(), "it took effect the first time");
    assert!(act(&here).await.unwrap());
    let data: Value = here.session("s").await.unwrap().data().unwrap();
    assert_eq!(data["count"], 2);
}
