//! `ResilientStore` round real databases, which are stopped and come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use minijinja::Environment;
use statetemplate_core::{
    ErrorKind, Renderer, SessionEnd, SessionToken,
    store::{
        CircuitState, RedisStore, ResilientStore, SessionRecord, SessionStore, SqlStore, StoreEvent,
        conformance,
    },
};
use statetemplate_servers::{Postgres, RedisServer};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::hammer::{self, next, record};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passes_the_suite_and_the_hammer_over_sqlite() {
    let folder = TempDir::new().unwrap();
    let number = AtomicUsize::new(0);
    let make = async || {
        let name = format!("{}.db", number.fetch_add(1, Ordering::Relaxed));
        let url = format!("sqlite:{}", folder.path().join(name).display());
        ResilientStore::new(SqlStore::connect(url).await.unwrap())
    };
    conformance::check(&make).await.unwrap();
    hammer::all(Arc::new(make().await)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passes_the_suite_and_the_hammer_over_postgres() {
    let server = Postgres::start().await.unwrap();
    let number = AtomicUsize::new(0);
    let make = async || {
        let name = format!("s{}", number.fetch_add(1, Ordering::Relaxed));
        let url = server.schema(&name).await.unwrap();
        let store = SqlStore::builder(url).max_connections(3).connect().await.unwrap();
        ResilientStore::new(store)
    };
    conformance::check(&make).await.unwrap();
    hammer::all(Arc::new(make().await)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passes_the_suite_and_the_hammer_over_redis() {
    let server = RedisServer::start().await.unwrap();
    let number = AtomicUsize::new(0);
    let make = async || {
        let prefix = format!("s{}", number.fetch_add(1, Ordering::Relaxed));
        let store = RedisStore::builder(&server.url()).prefix(prefix).connect().await;
        ResilientStore::new(store.unwrap())
    };
    conformance::check(&make).await.unwrap();
    hammer::all(Arc::new(make().await)).await;
}

async fn resilient(url: &str) -> ResilientStore {
    let store = SqlStore::builder(url)
        .timeout(Duration::from_secs(5))
        .connect()
        .await
        .unwrap();
    round(store)
}

fn round(store: impl SessionStore) -> ResilientStore {
    // Short enough that the test need not wait, long enough for a busy machine.
    ResilientStore::builder(store)
        .call_timeout(Duration::from_secs(1))
        .probe_pauses(Duration::from_millis(50), Duration::from_millis(200))
        .build()
}

/// What the renderer does: writes over what it knows, and reads again after a conflict.
async fn write(store: &ResilientStore, known: &mut SessionRecord) {
    loop {
        let mine = next(known);
        match store.update(mine.clone(), known.stamp()).await {
            Ok(()) => {
                *known = mine;
                return;
            }
            Err(error) if error.kind() == ErrorKind::Conflict => {
                *known = store.load(&known.id).await.unwrap();
            }
            Err(error) => panic!("{error:#}"),
        }
    }
}

async fn until_closed(store: &ResilientStore) {
    let closed = async {
        while store.circuit() != CircuitState::Closed || store.metrics().sessions_unwritten > 0 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(60), closed).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_was_killed_holds_everything_when_it_is_back() {
    let mut server = Postgres::start().await.unwrap();
    let store = resilient(&server.url()).await;
    let mut sessions: Vec<_> = (0..40).map(|number| record(&format!("s{number}"))).collect();
    for session in &sessions {
        store.create(session.clone()).await.unwrap();
    }
    server.kill().await.unwrap();
    for _ in 0..5 {
        for session in &mut sessions {
            write(&store, session).await;
        }
    }
    assert_eq!(store.circuit(), CircuitState::Open);
    let new = record("new");
    store.create(new.clone()).await.unwrap();
    sessions.push(new);

    server.restart().await.unwrap();
    until_closed(&store).await;
    let primary = SqlStore::connect(server.url()).await.unwrap();
    for session in &sessions {
        assert_eq!(&primary.load(&session.id).await.unwrap(), session);
    }
    assert_eq!(store.metrics().write_back_conflicts, 0);
}

/// A server that hangs refuses nothing, and does late what it was told: writes that were given up may still happen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_hung_holds_everything_when_it_goes_on() {
    let server = RedisServer::start().await.unwrap();
    let store = Arc::new(round(RedisStore::connect(&server.url()).await.unwrap()));
    let mut sessions: Vec<_> = (0..40).map(|number| record(&format!("s{number}"))).collect();
    for session in &sessions {
        store.create(session.clone()).await.unwrap();
    }
    server.freeze().unwrap();
    // All of them are on their way when it hangs, and each goes on in memory.
    let mut writes = JoinSet::new();
    for mut session in sessions.drain(..) {
        let store = store.clone();
        writes.spawn(async move {
            write(&store, &mut session).await;
            write(&store, &mut session).await;
            session
        });
    }
    let mut sessions = writes.join_all().await;
    assert_eq!(store.circuit(), CircuitState::Open);
    assert!(store.delete("s0", SessionEnd::Closed).await.unwrap());
    sessions.retain(|session| &*session.id != "s0");

    server.thaw().unwrap();
    until_closed(&store).await;
    let primary = RedisStore::connect(&server.url()).await.unwrap();
    for session in &sessions {
        assert_eq!(&primary.load(&session.id).await.unwrap(), session);
    }
    let deleted = primary.load("s0").await.unwrap_err();
    assert_eq!(deleted.kind(), ErrorKind::SessionNotFound);
    assert_eq!(store.metrics().write_back_conflicts, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_node_wrote_to_postgres_meanwhile_wins() {
    let mut server = Postgres::start().await.unwrap();
    let role = format!("CREATE ROLE app LOGIN PASSWORD '{}'", server.password());
    server.sql(&role).await.unwrap();
    server.sql("GRANT CREATE ON SCHEMA public TO app").await.unwrap();
    let store = resilient(&server.url().replace("tester", "app")).await;
    let mut events = store.events().unwrap();
    let mut session = record("a");
    store.create(session.clone()).await.unwrap();
    let base = session.clone();
    // From now on this node is kept from the server, and the other one is not.
    server.sql("ALTER ROLE app NOLOGIN").await.unwrap();
    server.stop().await.unwrap();
    write(&store, &mut session).await;
    assert_eq!(store.circuit(), CircuitState::Open);
    server.restart().await.unwrap();
    let other = SqlStore::connect(server.url()).await.unwrap();
    let mut theirs = next(&base);
    theirs.user = Some("ann".into());
    other.update(theirs.clone(), base.stamp()).await.unwrap();
    assert_eq!(store.load("a").await.unwrap(), session);

    server.sql("ALTER ROLE app LOGIN").await.unwrap();
    until_closed(&store).await;
    assert_eq!(store.load("a").await.unwrap(), theirs);
    assert_eq!(store.metrics().write_back_conflicts, 1);
    let told = async {
        let changed = StoreEvent::Changed {
            id: "a".into(),
            stamp: theirs.stamp(),
        };
        while events.next().await.unwrap() != changed {}
    };
    timeout(Duration::from_secs(60), told).await.unwrap();
}

/// Pages as the renderer keeps them: each update is diffed, committed and announced.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_stay_live_while_postgres_is_down() {
    let mut server = Postgres::start().await.unwrap();
    let store: Arc<dyn SessionStore> = Arc::new(resilient(&server.url()).await);
    let renderer = |store: Arc<dyn SessionStore>| {
        let mut env = Environment::new();
        env.add_template("page.html", "<p>{{ count }}</p>").unwrap();
        Renderer::builder(env)
            .signing_key(b"a secret of thirty-two bytes....")
            .shared_store(store)
            .build()
            .unwrap()
    };
    let node = renderer(store.clone());
    let mut tokens: Vec<SessionToken> = Vec::new();
    for _ in 0..20 {
        let data = std::collections::BTreeMap::from([("count", 0)]);
        tokens.push(node.create_session(&data).await.unwrap());
    }
    let add = async |token: &SessionToken| {
        let session = node.get_session(token).await.unwrap();
        let change = |data: &mut std::collections::BTreeMap<String, u32>| {
            *data.get_mut("count").unwrap() += 1;
        };
        session.update(change).await.unwrap();
    };
    for token in &tokens {
        add(token).await;
    }
    server.kill().await.unwrap();
    for _ in 0..3 {
        for token in &tokens {
            add(token).await;
        }
    }
    assert!(node.health().await.is_err());
    let metrics = node.metrics().snapshot().store;
    assert_eq!(metrics.circuit, CircuitState::Open);
    assert_eq!(metrics.sessions_unwritten, 20);

    server.restart().await.unwrap();
    // The node ends: it does not leave before the server has what was written.
    node.shutdown().await;
    let other = renderer(Arc::new(SqlStore::connect(server.url()).await.unwrap()));
    for token in &tokens {
        assert!(other.render_session(token).await.unwrap().contains(">4<"));
    }
    other.shutdown().await;
}
