//! `SqlStore` on PostgreSQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use statetemplate_core::{
    ErrorKind, SessionEnd,
    store::{SessionStore, SqlStore, StoreEvent, StoreEvents, Timestamp, Touch, conformance},
};
use statetemplate_servers::Postgres;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::hammer::{self, next, record};

/// What is awaited comes, or the test is broken.
async fn event(events: &mut StoreEvents) -> StoreEvent {
    timeout(Duration::from_secs(60), events.next())
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passes_the_suite() {
    let server = Postgres::start().await.unwrap();
    let number = AtomicUsize::new(0);
    conformance::check(async || {
        let name = format!("s{}", number.fetch_add(1, Ordering::Relaxed));
        let url = server.schema(&name).await.unwrap();
        SqlStore::builder(url).max_connections(3).connect().await.unwrap()
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passes_the_hammer() {
    let server = Postgres::start().await.unwrap();
    let store = SqlStore::connect(server.url()).await.unwrap();
    hammer::all(Arc::new(store)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_make_the_tables_at_once() {
    let server = Postgres::start().await.unwrap();
    let mut opening = JoinSet::new();
    for number in 0..6 {
        let url = server.url();
        opening.spawn(async move {
            let store = SqlStore::builder(url).max_connections(2).connect().await.unwrap();
            store.create(record(&format!("s{number}"))).await.unwrap();
            store.close().await;
        });
    }
    opening.join_all().await;
    let store = SqlStore::connect(server.url()).await.unwrap();
    assert_eq!(store.count().await.unwrap().established, 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_the_sessions_of_tables_that_did_not_count_them() {
    const BEFORE: &str = "DROP TABLE statetemplate_counts; DROP FUNCTION statetemplate_count CASCADE; \
        DELETE FROM statetemplate_schema WHERE version > 1";
    let server = Postgres::start().await.unwrap();
    let older = SqlStore::connect(server.url()).await.unwrap();
    server.sql(BEFORE).await.unwrap();
    for id in ["a", "b", "c"] {
        older.create(record(id)).await.unwrap();
    }
    let newer = SqlStore::connect(server.url()).await.unwrap();
    assert_eq!(newer.count().await.unwrap().established, 3);
    // A node that knows nothing of it goes on, and is counted.
    older.create(record("d")).await.unwrap();
    older.delete("a", SessionEnd::Closed).await.unwrap();
    older.delete("b", SessionEnd::Closed).await.unwrap();
    assert_eq!(newer.count().await.unwrap().established, 2);
    server.sql("TRUNCATE statetemplate_sessions").await.unwrap();
    assert_eq!(newer.count().await.unwrap().established, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_at_a_time_cleans_until_its_lease_runs_out() {
    let server = Postgres::start().await.unwrap();
    let first = SqlStore::connect(server.url()).await.unwrap();
    let lease = Duration::from_secs(60);
    let now = Timestamp::from_millis(1_000_000);
    let mut asking = JoinSet::new();
    for _ in 0..8 {
        let url = server.url();
        asking.spawn(async move {
            let node = SqlStore::builder(url).max_connections(1).connect().await.unwrap();
            node.claim_cleaning(now, lease).await.unwrap()
        });
    }
    let claims = asking.join_all().await;
    assert_eq!(claims.iter().filter(|claimed| **claimed).count(), 1, "{claims:?}");
    let just_before = now + (lease - Duration::from_millis(1));
    assert!(!first.claim_cleaning(just_before, lease).await.unwrap());
    assert!(first.claim_cleaning(now + lease, lease).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tells_other_nodes_what_was_done_and_not_the_node_itself() {
    let server = Postgres::start().await.unwrap();
    let here = SqlStore::connect(server.url()).await.unwrap();
    let there = SqlStore::connect(server.url()).await.unwrap();
    let elsewhere = SqlStore::connect(server.schema("other").await.unwrap())
        .await
        .unwrap();
    assert!(here.is_shared());
    let (mut own, mut told) = (here.events().unwrap(), there.events().unwrap());

    let first = record("a");
    here.create(first.clone()).await.unwrap();
    let second = next(&first);
    here.update(second.clone(), first.stamp()).await.unwrap();
    here.update(second.clone(), first.stamp()).await.unwrap_err();
    let touch = Touch {
        last_access: second.last_access,
        expires_at: second.expires_at,
        connected_until: None,
    };
    here.touch("a", touch).await.unwrap();
    here.delete("a", SessionEnd::Invalidated).await.unwrap();
    here.delete("a", SessionEnd::Invalidated).await.unwrap();
    // The same id under the same server, but in another application's tables.
    elsewhere.create(record("b")).await.unwrap();
    elsewhere.delete("b", SessionEnd::Closed).await.unwrap();
    let mut due = record("due");
    due.expires_at = Timestamp::default();
    here.create(due).await.unwrap();
    here.remove_expired(Timestamp::now(), 10).await.unwrap();

    assert_eq!(
        event(&mut told).await,
        StoreEvent::Changed {
            id: "a".into(),
            stamp: second.stamp()
        }
    );
    for (id, reason) in [("a", SessionEnd::Invalidated), ("due", SessionEnd::Expired)] {
        let removed = StoreEvent::Removed {
            id: id.into(),
            reason: Some(reason),
        };
        assert_eq!(event(&mut told).await, removed);
    }
    // What the other node does now is the first that this one is told.
    there.create(record("c")).await.unwrap();
    there.delete("c", SessionEnd::Closed).await.unwrap();
    let removed = StoreEvent::Removed {
        id: "c".into(),
        reason: Some(SessionEnd::Closed),
    };
    assert_eq!(event(&mut own).await, removed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn works_again_after_a_restart_and_says_that_events_were_missed() {
    let mut server = Postgres::start().await.unwrap();
    let store = SqlStore::builder(server.url())
        .timeout(Duration::from_secs(1))
        .connect()
        .await
        .unwrap();
    let mut events = store.events().unwrap();
    let kept = record("a");
    store.create(kept.clone()).await.unwrap();

    server.kill().await.unwrap();
    let error = store.load("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    assert!(!store.is_available());
    assert!(!format!("{error:#?} {error:#}").contains(server.password()));

    server.restart().await.unwrap();
    assert_eq!(event(&mut events).await, StoreEvent::Missed);
    // Connections that were idle are found to be dead before they are used, or fail once.
    while let Err(error) = store.load("a").await {
        assert_eq!(error.kind(), ErrorKind::StoreUnavailable, "{error:#}");
    }
    assert!(store.is_available());
    assert_eq!(store.load("a").await.unwrap(), kept);
    let other = SqlStore::connect(server.url()).await.unwrap();
    other.delete("a", SessionEnd::Closed).await.unwrap();
    let removed = StoreEvent::Removed {
        id: "a".into(),
        reason: Some(SessionEnd::Closed),
    };
    assert_eq!(event(&mut events).await, removed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refuses_a_database_that_cannot_hold_every_text() {
    let server = Postgres::start().await.unwrap();
    server
        .sql("CREATE DATABASE old ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        .await
        .unwrap();
    let url = server.url().replace("/postgres", "/old");
    let error = SqlStore::connect(url).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("LATIN1"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn works_with_newer_tables_where_it_can_and_refuses_where_it_cannot() {
    let server = Postgres::start().await.unwrap();
    let store = SqlStore::connect(server.url()).await.unwrap();
    store.create(record("a")).await.unwrap();
    // A newer version has added what this one need not know of.
    server
        .sql("ALTER TABLE statetemplate_sessions ADD COLUMN news TEXT; INSERT INTO statetemplate_schema VALUES (99, 1)")
        .await
        .unwrap();
    let other = SqlStore::connect(server.url()).await.unwrap();
    for store in [&store, &other] {
        let seen = store.load("a").await.unwrap();
        store.update(next(&seen), seen.stamp()).await.unwrap();
    }
    server
        .sql("INSERT INTO statetemplate_schema VALUES (100, 100)")
        .await
        .unwrap();
    let error = SqlStore::connect(server.url()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("version 100"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_hangs_fails_the_call_in_time_and_blocks_nobody() {
    let server = Postgres::start().await.unwrap();
    let store = SqlStore::builder(server.url())
        .timeout(Duration::from_millis(300))
        .max_connections(2)
        .connect()
        .await
        .unwrap();
    let first = record("a");
    store.create(first.clone()).await.unwrap();
    store.create(record("b")).await.unwrap();
    // Someone locks the row until the statement ends.
    let lock = "BEGIN; SELECT id FROM statetemplate_sessions WHERE id = 'a' FOR UPDATE; SELECT pg_sleep(600)";
    let holding = server.sql(lock);
    let waiting = async {
        while server
            .sql("SELECT count(*) FROM pg_locks WHERE mode = 'RowShareLock'")
            .await
            .unwrap()
            == "0"
        {}
        for _ in 0..4 {
            let error = store.update(next(&first), first.stamp()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::StoreUnavailable, "{error:#}");
        }
        assert_eq!(store.load("b").await.unwrap().revision, 1);
    };
    tokio::select! {
        held = holding => panic!("the lock was given up: {held:?}"),
        () = waiting => {}
    }
}
