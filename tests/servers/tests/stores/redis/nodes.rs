//! Two nodes of an application on one Redis: what one does reaches the pages of the other.

use std::time::Duration;

use minijinja::Environment;
use serde_json::{Value, json};
use statetemplate_core::store::{OwnerId, RedisStore, SessionStore, StoreEvent};
use statetemplate_core::{
    Change, ErrorKind, Renderer, RendererBuilder, Session, SessionEnd, SessionOptions, Snapshot,
};
use statetemplate_servers::{RedisCluster, RedisSentinel, RedisServer};
use tokio::time::timeout;

use crate::hammer::next;

/// What is awaited comes within this time, or the test is broken.
const PATIENCE: Duration = Duration::from_secs(60);

fn builder() -> RendererBuilder {
    let mut env = Environment::new();
    env.add_template("counter.html", "<p>{{ count }}</p>").unwrap();
    Renderer::builder(env).signing_key(b"a secret of thirty-two bytes....")
}

async fn node(url: &str) -> Renderer {
    let store = RedisStore::connect(url).await.unwrap();
    builder().store(store).build().unwrap()
}

/// Waits for what a condition names; a state that does not come fails the test.
async fn eventually(mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap();
}

async fn a_push_reaches_the_other_node(url: &str) {
    let (here, there) = (node(url).await, node(url).await);
    let token = here.create_session(&json!({"count": 1})).await.unwrap();
    let shown = there.get_session(&token).await.unwrap();
    let _page = shown.connect().unwrap();
    let mut updates = shown.updates();
    let mut subscription = shown.subscribe();

    let session = here.get_session(&token).await.unwrap();
    for count in 2..20 {
        session
            .update(|data: &mut Value| data["count"] = count.into())
            .await
            .unwrap();
        let batch = timeout(PATIENCE, updates.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(batch.revision, count);
        assert_eq!(batch.updates[0].content.text_nodes["0"], count.to_string());
        assert!(matches!(
            timeout(PATIENCE, subscription.next()).await.unwrap(),
            Some(Change::Version(version)) if version.revision == count
        ));
    }
    // And back: an update there is on what was written here.
    shown
        .update(|data: &mut Value| data["count"] = (data["count"].as_i64().unwrap() + 1).into())
        .await
        .unwrap();
    eventually(async || session.version().revision == 20).await;
    assert_eq!(session.data::<Value>().unwrap()["count"], 20);
    here.shutdown().await;
    there.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_reaches_the_page_on_another_node() {
    let server = RedisServer::start().await.unwrap();
    a_push_reaches_the_other_node(&server.url()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_reaches_the_page_on_another_node_of_a_cluster_through_a_failover() {
    let mut cluster = RedisCluster::start().await.unwrap();
    let url = cluster.url();
    a_push_reaches_the_other_node(&url).await;

    let store = || {
        RedisStore::builder(&url)
            .prefix("through")
            .timeout(Duration::from_secs(2))
            .heartbeat(Duration::from_millis(300))
    };
    // What is made before the failover has to survive it.
    let safe = store().wait_for_replicas(1, Duration::from_secs(1));
    let before = builder().store(safe.connect().await.unwrap()).build().unwrap();
    let here = builder().store(store().connect().await.unwrap()).build().unwrap();
    let there = builder().store(store().connect().await.unwrap()).build().unwrap();
    let mut pages = Vec::new();
    for _ in 0..24 {
        let token = before.create_session(&json!({"count": 1})).await.unwrap();
        let shown = there.get_session(&token).await.unwrap();
        pages.push((here.get_session(&token).await.unwrap(), shown));
    }
    // A third of the sessions lose their master, and a replica that has all writes takes its place.
    let master = cluster.masters().await.unwrap()[0];
    cluster.servers_mut()[master].kill();
    for (session, shown) in &pages {
        // The rest of the cluster stops serving too, for a moment.
        eventually(async || {
            let pushed = session.update(|data: &mut Value| data["count"] = 7.into()).await;
            pushed.is_ok()
        })
        .await;
        eventually(async || shown.data::<Value>().unwrap()["count"] == 7).await;
    }
    here.shutdown().await;
    there.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_reaches_the_page_on_another_node_after_sentinels_chose_another_master() {
    let mut sentinels = RedisSentinel::start().await.unwrap();
    let url = sentinels.url();
    let (here, there) = (node(&url).await, node(&url).await);
    let token = here.create_session(&json!({"count": 1})).await.unwrap();
    let (session, shown) = (
        here.get_session(&token).await.unwrap(),
        there.get_session(&token).await.unwrap(),
    );
    sentinels.fail_over().await.unwrap();
    eventually(async || {
        let pushed = session.update(|data: &mut Value| data["count"] = 7.into()).await;
        pushed.is_ok()
    })
    .await;
    eventually(async || shown.data::<Value>().unwrap()["count"] == 7).await;
    here.shutdown().await;
    there.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_on_one_node_ends_the_pages_on_the_other_with_its_reason() {
    let server = RedisServer::start().await.unwrap();
    let (here, there) = (node(&server.url()).await, node(&server.url()).await);
    let ann = || SessionOptions::new().user("ann");
    let data = json!({"count": 1});
    let by_token = here.create_session(&data).await.unwrap();
    let by_user = here.create_session_with(ann(), &data).await.unwrap();
    let closed = here.create_session(&data).await.unwrap();
    let other = here.create_session(&data).await.unwrap();
    let owner = OwnerId::random().unwrap();
    let page = here
        .create_provisional(SessionOptions::new(), &data)
        .await
        .unwrap();
    let by_browser = there.bind(&page.page_id, &owner).await.unwrap();
    let mut pages = Vec::new();
    for token in [&by_token, &by_user, &closed, &other] {
        pages.push(there.get_session(token).await.unwrap());
    }
    let mut told: Vec<_> = pages
        .iter()
        .chain([&by_browser])
        .map(Session::subscribe)
        .collect();
    let tasks = pages[0].connect().unwrap();

    here.invalidate_session(&by_token).await.unwrap();
    assert_eq!(here.invalidate_user("ann").await.unwrap(), 1);
    here.get_session(&closed).await.unwrap().close().await.unwrap();
    assert_eq!(here.invalidate_browser(&owner).await.unwrap(), 1);
    for (index, reason) in [
        (0, SessionEnd::Invalidated),
        (1, SessionEnd::Invalidated),
        (2, SessionEnd::Closed),
        (4, SessionEnd::Invalidated),
    ] {
        let change = timeout(PATIENCE, told[index].next()).await.unwrap();
        assert!(
            matches!(change, Some(Change::End(end)) if end == reason),
            "{index}: {change:?}"
        );
    }
    timeout(PATIENCE, tasks.tasks().cancelled()).await.unwrap();
    assert_eq!(pages[3].end_reason(), None);
    there.get_session(&other).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_while_a_node_was_deaf_is_found_out_afterwards() {
    let server = RedisServer::start().await.unwrap();
    let (here, there) = (node(&server.url()).await, node(&server.url()).await);
    let data = json!({"count": 1});
    let changed = here.create_session(&data).await.unwrap();
    let ended = here.create_session(&data).await.unwrap();
    let shown = there.get_session(&changed).await.unwrap();
    let gone = there.get_session(&ended).await.unwrap();
    // Changes that nobody is told of, as if their messages were lost.
    let elsewhere = RedisStore::builder(&server.url())
        .prefix("elsewhere")
        .connect()
        .await
        .unwrap();
    let watching = RedisStore::connect(&server.url()).await.unwrap();
    let mut newer = next(&watching.load(shown.id()).await.unwrap());
    newer.snapshot = Snapshot::of(&json!({"count": 5})).unwrap().into();
    elsewhere.create(newer).await.unwrap();
    let key = |prefix: &str, session: &Session| format!("{prefix}:session:{}", session.id());
    let copied = [
        "COPY",
        &key("elsewhere", &shown),
        &key("statetemplate", &shown),
        "REPLACE",
    ];
    assert_eq!(server.command(&copied).await.unwrap(), ":1");
    let deleted = ["DEL", &key("statetemplate", &gone)];
    assert_eq!(server.command(&deleted).await.unwrap(), ":1");
    assert_eq!(shown.data::<Value>().unwrap()["count"], 1);

    server
        .command(&["CLIENT", "KILL", "TYPE", "pubsub"])
        .await
        .unwrap();
    eventually(async || shown.data::<Value>().unwrap()["count"] == 5).await;
    eventually(async || gone.end_reason() == Some(SessionEnd::Closed)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_redis_lost_and_a_node_holds_is_given_back() {
    let server = RedisServer::start().await.unwrap();
    let (here, there) = (node(&server.url()).await, node(&server.url()).await);
    let token = here.create_session(&json!({"count": 1})).await.unwrap();
    let session = here.get_session(&token).await.unwrap();
    let key = format!("statetemplate:session:{}", session.id());
    session
        .update(|data: &mut Value| data["count"] = 2.into())
        .await
        .unwrap();
    // A replica that has this state becomes the master; two more writes were confirmed by the old one.
    server.command(&["COPY", &key, "kept"]).await.unwrap();
    for count in [3, 4] {
        session
            .update(|data: &mut Value| data["count"] = count.into())
            .await
            .unwrap();
    }
    server.command(&["COPY", "kept", &key, "REPLACE"]).await.unwrap();

    let before = session.version();
    session
        .update(|data: &mut Value| data["count"] = (data["count"].as_i64().unwrap() + 1).into())
        .await
        .unwrap();
    let now = session.version();
    assert_ne!(
        now.epoch, before.epoch,
        "revisions from before and after mean different data"
    );
    let shown = there.get_session(&token).await.unwrap();
    assert_eq!(shown.data::<Value>().unwrap()["count"], 5);
    assert_eq!(shown.version().epoch, now.epoch);

    // Found out without a write here, when the messages of the new master are listened to.
    server.command(&["COPY", &key, "kept", "REPLACE"]).await.unwrap();
    session
        .update(|data: &mut Value| data["count"] = 6.into())
        .await
        .unwrap();
    eventually(async || shown.data::<Value>().unwrap()["count"] == 6).await;
    server.command(&["COPY", "kept", &key, "REPLACE"]).await.unwrap();
    server
        .command(&["CLIENT", "KILL", "TYPE", "pubsub"])
        .await
        .unwrap();
    eventually(async || session.version().epoch > now.epoch && shown.version().epoch > now.epoch).await;
    let watching = RedisStore::connect(&server.url()).await.unwrap();
    let stored = watching.load(session.id()).await.unwrap();
    assert_eq!(stored.snapshot.get().to::<Value>().unwrap()["count"], 6);
    assert_eq!(shown.data::<Value>().unwrap()["count"], 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eviction_on_one_node_spares_what_a_page_on_another_shows() {
    let server = RedisServer::start().await.unwrap();
    let small = async || {
        let store = RedisStore::connect(&server.url()).await.unwrap();
        builder().max_sessions(3).store(store).build().unwrap()
    };
    let (here, there) = (small().await, small().await);
    let data = json!({"count": 1});
    let watching = RedisStore::connect(&server.url()).await.unwrap();
    let mut pages = Vec::new();
    // The oldest of all, so the first to go, were it not connected elsewhere.
    for _ in 0..2 {
        let token = here.create_session(&data).await.unwrap();
        let session = there.get_session(&token).await.unwrap();
        pages.push((session.connect().unwrap(), session));
    }
    for (_, session) in &pages {
        let (id, now) = (session.id().to_owned(), there.now());
        eventually(async || watching.load(&id).await.unwrap().connected_until > now).await;
    }
    for _ in 0..10 {
        here.create_session(&data).await.unwrap();
    }
    for (_, session) in &pages {
        assert_eq!(session.end_reason(), None);
        watching.load(session.id()).await.unwrap();
    }
    assert_eq!(here.session_count().await.unwrap().established, 3);

    // With a third connected there is nobody to go; when one has left, it is the one.
    let token = here.create_session(&data).await.unwrap();
    let session = there.get_session(&token).await.unwrap();
    let third = (session.connect().unwrap(), session);
    let (id, now) = (third.1.id().to_owned(), there.now());
    eventually(async || watching.load(&id).await.unwrap().connected_until > now).await;
    let error = here.create_session(&data).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MaxSessionsReached);
    let (guard, left) = pages.remove(0);
    let mut told = left.subscribe();
    drop(guard);
    eventually(async || here.create_session(&data).await.is_ok()).await;
    let change = timeout(PATIENCE, told.next()).await.unwrap();
    assert!(
        matches!(change, Some(Change::End(SessionEnd::Evicted))),
        "{change:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_several_nodes_removes_what_has_expired() {
    let server = RedisServer::start().await.unwrap();
    let mut nodes = Vec::new();
    for _ in 0..4 {
        let store = RedisStore::connect(&server.url()).await.unwrap();
        let node = builder()
            .cleanup_interval(Duration::from_millis(200))
            .store(store)
            .build()
            .unwrap();
        nodes.push(node);
    }
    let watching = RedisStore::connect(&server.url()).await.unwrap();
    let mut told = watching.events().unwrap();
    let mut held = Vec::new();
    for number in 0..20 {
        let options = SessionOptions::new().expiration(Duration::from_secs(4));
        let token = nodes[number % 4]
            .create_session_with(options, &json!({"count": 1}))
            .await
            .unwrap();
        held.push(nodes[(number + 1) % 4].get_session(&token).await.unwrap());
    }
    for session in &held {
        eventually(async || session.end_reason() == Some(SessionEnd::Expired)).await;
    }
    let mut removed = Vec::new();
    while removed.len() < held.len() {
        match timeout(PATIENCE, told.next()).await.unwrap().unwrap() {
            StoreEvent::Removed { id, reason } => {
                assert_eq!(reason, Some(SessionEnd::Expired));
                assert!(!removed.contains(&id), "removed twice");
                removed.push(id);
            }
            StoreEvent::Changed { .. } | StoreEvent::Missed => {}
        }
    }
    assert_eq!(watching.count().await.unwrap().established, 0);
}
