//! Redis that dies, stalls, forgets its scripts and is asked by a thousand at once.

use std::sync::Arc;
use std::time::Duration;

use statetemplate_core::store::{RedisStore, SessionStore, StoreEvent, Timestamp, Touch};
use statetemplate_core::{ErrorKind, SessionEnd, Snapshot};
use statetemplate_servers::{RedisOptions, RedisServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::hammer::{next, record};

/// Waits until a store that lost its Redis answers again.
pub(crate) async fn works_again(store: &RedisStore) {
    let working = async {
        while store.health().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), working)
        .await
        .unwrap();
    assert!(store.is_available());
}

fn quick(server: &RedisServer) -> statetemplate_core::store::RedisStoreBuilder {
    RedisStore::builder(&server.url()).timeout(Duration::from_millis(300))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_is_there_after_a_kill() {
    let options = RedisOptions {
        durable: true,
        ..RedisOptions::default()
    };
    let mut server = RedisServer::start_with(options).await.unwrap();
    let store = quick(&server).connect().await.unwrap();
    let first = record("a");
    store.create(first.clone()).await.unwrap();
    let second = next(&first);
    store.update(second.clone(), first.stamp()).await.unwrap();

    server.kill();
    let error = store.load("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    assert!(error.to_string().contains("statetemplate:session:a"), "{error}");
    assert!(error.to_string().contains("redis://localhost"), "{error}");
    assert!(!store.is_available());
    assert_eq!(
        store.health().await.unwrap_err().kind(),
        ErrorKind::StoreUnavailable
    );

    server.restart().await.unwrap();
    works_again(&store).await;
    assert_eq!(store.load("a").await.unwrap(), second);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_redis_fails_each_call_in_time_and_goes_on_later() {
    let server = RedisServer::start().await.unwrap();
    let store = quick(&server).connect().await.unwrap();
    let first = record("a");
    store.create(first.clone()).await.unwrap();

    server.freeze().unwrap();
    let update = store.update(next(&first), first.stamp());
    assert_eq!(update.await.unwrap_err().kind(), ErrorKind::StoreUnavailable);
    let mut calls = JoinSet::new();
    for number in 0..100 {
        let (store, other) = (store.clone(), record(&format!("b{number}")));
        calls.spawn(async move { store.create(other).await.unwrap_err().kind() });
    }
    assert!(
        calls
            .join_all()
            .await
            .iter()
            .all(|kind| *kind == ErrorKind::StoreUnavailable)
    );

    server.thaw().unwrap();
    works_again(&store).await;
    // The update that nobody heard of has happened, or not; both are as if it had been whole.
    let now = store.load("a").await.unwrap();
    assert!(now == first || now == next(&first), "{now:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_is_sent_again_after_a_cut_connection_is_done_once() {
    let server = RedisServer::start().await.unwrap();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let mut current = record("a");
    store.create(current.clone()).await.unwrap();
    let cutting = async {
        for _ in 0..30 {
            server
                .command(&["CLIENT", "KILL", "TYPE", "normal"])
                .await
                .unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let mut done = 0;
    let writing = async {
        for _ in 0..500 {
            let following = next(&current);
            // A write that finds itself done would be a conflict, if it were not recognised.
            match store.update(following.clone(), current.stamp()).await {
                Ok(()) => (current, done) = (following, done + 1),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::StoreUnavailable, "{error:#}");
                    current = store.load("a").await.unwrap();
                }
            }
        }
    };
    tokio::join!(cutting, writing);
    assert!(done > 400, "{done} of 500 writes were answered");
    assert_eq!(store.load("a").await.unwrap(), current);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_who_write_at_once_exactly_one_wins() {
    let server = RedisServer::start().await.unwrap();
    let mut stores = Vec::new();
    for _ in 0..4 {
        stores.push(RedisStore::connect(&server.url()).await.unwrap());
    }
    let mut current = record("a");
    stores[0].create(current.clone()).await.unwrap();
    for _ in 0..3 {
        let mut writers = JoinSet::new();
        for number in 0..1000 {
            let (store, mut mine) = (stores[number % 4].clone(), next(&current));
            mine.user = Some(format!("user {number}").into());
            let stamp = current.stamp();
            writers.spawn(async move { (mine.clone(), store.update(mine, stamp).await) });
        }
        let mut winners = Vec::new();
        for (mine, result) in writers.join_all().await {
            match result {
                Ok(()) => winners.push(mine),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error:#}"),
            }
        }
        assert_eq!(winners.len(), 1);
        current = stores[1].load("a").await.unwrap();
        assert_eq!(current, winners[0]);
        let user = current.user.clone().unwrap();
        assert_eq!(stores[2].by_user(&user).await.unwrap(), ["a"]);
    }
    let keys = server.command(&["ZCARD", "statetemplate:users"]).await.unwrap();
    assert_eq!(keys, ":1", "users that are none any more are still in the index");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_that_redis_has_forgotten_are_sent_again() {
    let server = RedisServer::start().await.unwrap();
    let store = RedisStore::builder(&server.url()).connect().await.unwrap();
    let mut current = record("a");
    store.create(current.clone()).await.unwrap();
    for _ in 0..10 {
        server.command(&["SCRIPT", "FLUSH"]).await.unwrap();
        let following = next(&current);
        store.update(following.clone(), current.stamp()).await.unwrap();
        current = following;
    }
    assert_eq!(store.load("a").await.unwrap(), current);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_records_and_odd_names_come_back_as_they_were() {
    let server = RedisServer::start().await.unwrap();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let mut even = record("even");
    even.snapshot = Snapshot::of(&"the same again ".repeat(400_000)).unwrap().into();
    store.create(even.clone()).await.unwrap();
    let following = next(&even);
    store.update(following.clone(), even.stamp()).await.unwrap();
    assert_eq!(store.load("even").await.unwrap(), following);
    let stored = server
        .command(&["HSTRLEN", "statetemplate:session:even", "d"])
        .await
        .unwrap();
    let stored: usize = stored.trim_start_matches(':').parse().unwrap();
    assert!(stored < 100_000, "{stored} bytes");

    let names = [
        "a b",
        "{x}:y",
        "\n\r\t",
        "ä:1:=",
        "*",
        "5:hello",
        "\"'\\",
        "=",
        "\u{10ffff}",
    ];
    for (number, id) in names.iter().enumerate() {
        let mut odd = record(id);
        // The next name, and one that begins with this one.
        odd.user = Some(names[(number + 1) % names.len()].into());
        store.create(odd.clone()).await.unwrap();
        let mut longer = record(&format!("{id}!"));
        longer.user = Some(format!("{}!", odd.user.as_ref().unwrap()).into());
        store.create(longer).await.unwrap();
        assert_eq!(store.load(id).await.unwrap(), odd);
    }
    for (number, id) in names.iter().enumerate() {
        let user = names[(number + 1) % names.len()];
        assert_eq!(store.by_user(user).await.unwrap(), [*id]);
        assert_eq!(
            store.by_user(&format!("{user}!")).await.unwrap(),
            [format!("{id}!")]
        );
    }
    let all = store.remove_expired(Timestamp::MAX, 1000).await.unwrap();
    assert_eq!(all.len(), 2 * names.len() + 1);
    let mut left = server.command(&["DBSIZE"]).await.unwrap();
    if server.command(&["EXISTS", "statetemplate:health"]).await.unwrap() == ":1" {
        left = ":0".to_owned();
    }
    assert_eq!(left, ":0", "records or indexes were left behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_redis_dropped_leaves_nothing_behind() {
    let server = RedisServer::start().await.unwrap();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let mut lost = record("lost");
    lost.user = Some("ann".into());
    store.create(lost.clone()).await.unwrap();
    let ttl = server
        .command(&["PTTL", "statetemplate:session:lost"])
        .await
        .unwrap();
    let ttl: u64 = ttl.trim_start_matches(':').parse().unwrap();
    let (day, hour) = (86_400_000, 3_600_000);
    assert!((day..=day + hour).contains(&ttl), "{ttl}");

    // As when its time to live ran out, or Redis made room.
    server
        .command(&["DEL", "statetemplate:session:lost"])
        .await
        .unwrap();
    assert_eq!(
        store.load("lost").await.unwrap_err().kind(),
        ErrorKind::SessionNotFound
    );
    assert_eq!(store.count().await.unwrap().established, 1);
    assert!(!store.delete("lost", SessionEnd::Closed).await.unwrap());
    assert_eq!(store.count().await.unwrap().established, 0);
    // Made anew for another user; what pointed to the lost one goes in its time.
    let mut anew = record("lost");
    anew.user = Some("bob".into());
    anew.expires_at = lost.expires_at + Duration::from_secs(60);
    anew.absolute_expiry = anew.expires_at;
    store.create(anew.clone()).await.unwrap();
    let none = store.remove_expired(lost.deadline(), 100).await.unwrap();
    assert_eq!(none, [""; 0]);
    assert_eq!(store.by_user("ann").await.unwrap(), [""; 0]);
    assert_eq!(store.by_user("bob").await.unwrap(), ["lost"]);

    server
        .command(&["DEL", "statetemplate:session:lost"])
        .await
        .unwrap();
    assert_eq!(
        store.remove_expired(anew.deadline(), 100).await.unwrap(),
        ["lost"]
    );
    assert_eq!(server.command(&["DBSIZE"]).await.unwrap(), ":0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_does_is_told_to_the_others_and_not_to_itself() {
    let server = RedisServer::start().await.unwrap();
    let here = RedisStore::connect(&server.url()).await.unwrap();
    let there = RedisStore::connect(&server.url()).await.unwrap();
    let (mut own, mut told) = (here.events().unwrap(), there.events().unwrap());
    let first = record("a");
    here.create(first.clone()).await.unwrap();
    let touch = Touch {
        last_access: Timestamp::now(),
        expires_at: first.expires_at,
        connected_until: None,
    };
    here.touch("a", touch).await.unwrap();
    let second = next(&first);
    here.update(second.clone(), first.stamp()).await.unwrap();
    let changed = StoreEvent::Changed {
        id: "a".into(),
        stamp: second.stamp(),
    };
    assert_eq!(told.next().await, Some(changed));
    here.delete("a", SessionEnd::Invalidated).await.unwrap();
    let removed = |id: &str, reason| StoreEvent::Removed {
        id: id.into(),
        reason: Some(reason),
    };
    assert_eq!(told.next().await, Some(removed("a", SessionEnd::Invalidated)));
    here.create(record("b")).await.unwrap();
    here.remove_expired(Timestamp::MAX, 10).await.unwrap();
    assert_eq!(told.next().await, Some(removed("b", SessionEnd::Expired)));
    // Something of the other node comes through, and nothing of this one before it.
    there.create(record("c")).await.unwrap();
    there.delete("c", SessionEnd::Closed).await.unwrap();
    assert_eq!(own.next().await, Some(removed("c", SessionEnd::Closed)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_broken_subscription_it_says_that_events_were_missed_and_goes_on() {
    let mut server = RedisServer::start().await.unwrap();
    let here = quick(&server).connect().await.unwrap();
    let there = quick(&server)
        .heartbeat(Duration::from_millis(100))
        .connect()
        .await
        .unwrap();
    let mut told = there.events().unwrap();
    for round in 0..3 {
        match round {
            0 => server
                .command(&["CLIENT", "KILL", "TYPE", "pubsub"])
                .await
                .map(drop)
                .unwrap(),
            1 => server.restart().await.unwrap(),
            _ => {
                // What waited while nothing moved comes afterwards: nothing is missed.
                server.freeze().unwrap();
                while here.health().await.is_ok() {}
                server.thaw().unwrap();
            }
        }
        if round < 2 {
            assert_eq!(told.next().await, Some(StoreEvent::Missed), "round {round}");
        }
        works_again(&here).await;
        let id = format!("a{round}");
        here.create(record(&id)).await.unwrap();
        here.delete(&id, SessionEnd::Closed).await.unwrap();
        let removed = StoreEvent::Removed {
            id: id.as_str().into(),
            reason: Some(SessionEnd::Closed),
        };
        // More than one break may have been seen.
        while told.next().await != Some(removed.clone()) {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_cleans_at_a_time() {
    let server = RedisServer::start().await.unwrap();
    let here = RedisStore::connect(&server.url()).await.unwrap();
    let there = RedisStore::connect(&server.url()).await.unwrap();
    let lease = Duration::from_millis(300);
    assert!(here.claim_cleaning(Timestamp::now(), lease).await.unwrap());
    assert!(!there.claim_cleaning(Timestamp::now(), lease).await.unwrap());
    assert!(here.claim_cleaning(Timestamp::now(), lease).await.unwrap());
    // The node dies; its lease runs out.
    here.close().await;
    while !there.claim_cleaning(Timestamp::now(), lease).await.unwrap() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_connected_anywhere_is_not_evicted() {
    let server = RedisServer::start().await.unwrap();
    let store = Arc::new(RedisStore::connect(&server.url()).await.unwrap());
    let now = Timestamp::now();
    let mut used = record("a");
    used.connected_until = now + Duration::from_secs(60);
    store.create(used.clone()).await.unwrap();
    assert!(!store.evict("a", now).await.unwrap());
    assert_eq!(store.load("a").await.unwrap(), used);
    assert!(store.evict("a", used.connected_until).await.unwrap());
    assert!(!store.evict("a", used.connected_until).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asks_for_the_password_and_never_shows_it() {
    let options = RedisOptions {
        password: Some("a-very-secret-word".to_owned()),
        ..RedisOptions::default()
    };
    let server = RedisServer::start_with(options).await.unwrap();
    let url = format!("redis://:a-very-secret-word@localhost:{}", server.port());
    let store = RedisStore::connect(&url).await.unwrap();
    store.create(record("a")).await.unwrap();
    let builder = RedisStore::builder(&url);
    let wrong = format!("redis://:wrong-word@localhost:{}", server.port());
    let error = RedisStore::connect(&wrong).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    for shown in [format!("{store:?} {builder:?}"), format!("{error:?} {error:#}")] {
        assert!(
            !shown.contains("secret") && !shown.contains("wrong-word"),
            "{shown}"
        );
    }
    assert!(
        format!("{error:#}").contains("connecting at redis://localhost"),
        "{error:#}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lazy_store_connects_when_redis_comes() {
    let mut server = RedisServer::start().await.unwrap();
    server.kill();
    let error = quick(&server).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    let store = quick(&server).lazy(true).connect().await.unwrap();
    assert_eq!(
        store.load("a").await.unwrap_err().kind(),
        ErrorKind::StoreUnavailable
    );
    server.restart().await.unwrap();
    works_again(&store).await;
    store.create(record("a")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speaks_tls_with_those_it_trusts_only() {
    let options = RedisOptions {
        tls: true,
        password: Some("a-secret-word".to_owned()),
        ..RedisOptions::default()
    };
    let server = RedisServer::start_with(options).await.unwrap();
    let trusting = RedisStore::builder(&server.url()).root_certificates(server.certificate().unwrap());
    let store = trusting.connect().await.unwrap();
    let first = record("a");
    store.create(first.clone()).await.unwrap();
    assert_eq!(store.load("a").await.unwrap(), first);

    let error = RedisStore::connect(&server.url()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    let shown = format!("{error:#}");
    assert!(
        shown.contains("InvalidCertificate") && !shown.contains("secret"),
        "{shown}"
    );
    let plain = server.url().replace("rediss:", "redis:");
    let error = RedisStore::builder(&plain)
        .timeout(Duration::from_millis(300))
        .connect()
        .await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::StoreUnavailable);
}

/// A relay whose links can be made to swallow what comes from the server, as a firewall does that has forgotten them.
/// Links made afterwards work.
async fn relay(to: u16) -> (u16, tokio::sync::watch::Sender<u64>) {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let swallowed = tokio::sync::watch::Sender::new(0);
    let swallowing = swallowed.clone();
    tokio::spawn(async move {
        for number in 1_u64.. {
            let (near, _) = listener.accept().await.unwrap();
            let far = tokio::net::TcpStream::connect(("127.0.0.1", to)).await.unwrap();
            let ((mut near_read, mut near_write), (mut far_read, mut far_write)) =
                (near.into_split(), far.into_split());
            let swallowing = swallowing.subscribe();
            tokio::spawn(async move { tokio::io::copy(&mut near_read, &mut far_write).await });
            tokio::spawn(async move {
                let mut chunk = vec![0; 16 * 1024];
                while let Ok(length @ 1..) = far_read.read(&mut chunk).await {
                    if number > *swallowing.borrow() && near_write.write_all(&chunk[..length]).await.is_err()
                    {
                        break;
                    }
                }
            });
        }
    });
    (port, swallowed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_that_falls_silent_is_noticed_and_made_anew() {
    let server = RedisServer::start().await.unwrap();
    let (port, swallowed) = relay(server.port()).await;
    let here = RedisStore::connect(&server.url()).await.unwrap();
    let there = RedisStore::builder(&format!("redis://localhost:{port}"))
        .heartbeat(Duration::from_millis(200))
        .timeout(Duration::from_millis(500))
        .connect()
        .await
        .unwrap();
    let mut told = there.events().unwrap();
    // All links that there are: nobody closes them, and nothing comes.
    swallowed.send_replace(5);
    here.create(record("lost")).await.unwrap();
    here.delete("lost", SessionEnd::Closed).await.unwrap();
    assert_eq!(told.next().await, Some(StoreEvent::Missed));
    here.create(record("heard")).await.unwrap();
    here.delete("heard", SessionEnd::Closed).await.unwrap();
    let removed = StoreEvent::Removed {
        id: "heard".into(),
        reason: Some(SessionEnd::Closed),
    };
    while told.next().await != Some(removed.clone()) {}
}
