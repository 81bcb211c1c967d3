//! A thousand sessions with secrets, all busy at once on several nodes: nobody's secret is ever on another's socket or page.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use statetemplate_axum::{StateTemplate, live};
use statetemplate_core::ErrorKind;
use statetemplate_core::store::{MemoryStore, SessionStore, connect};
use statetemplate_faults::{Client, Patience, Proxy, Report, SIGNING_KEY, journal, journal::Journal};
use statetemplate_servers::{Postgres, RedisServer};
use tokio::{net::TcpListener, task::JoinHandle, time::sleep};

const SESSIONS: usize = 1000;
const ACTIONS: u64 = 5;
/// What each secret begins with; nothing else on a page or a socket looks like it.
const MARKER: &str = "secret-marker-";

/// An application of this process on a port of its own.
struct Node {
    live: StateTemplate,
    address: std::net::SocketAddr,
    serving: JoinHandle<()>,
}

impl Node {
    async fn start(store: Arc<dyn SessionStore>) -> Node {
        let live = StateTemplate::builder(journal::templates())
            .insecure_cookies()
            .signing_key(SIGNING_KEY)
            .max_connections(2 * SESSIONS)
            .shared_store(store)
            .page(journal::page())
            .build()
            .unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = journal::app(&live);
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Node {
            live,
            address,
            serving,
        }
    }
}

/// Asks a store that is busy again, as whoever can wait does: all connections of a pool may be in use.
async fn insist<T>(mut ask: impl AsyncFnMut() -> Result<T, live::Error>) -> T {
    for _ in 0..100 {
        match ask().await {
            Err(error) if error.kind() == ErrorKind::StoreUnavailable => {
                sleep(Duration::from_millis(100)).await;
            }
            answer => return answer.unwrap(),
        }
    }
    ask().await.unwrap()
}

/// Opens the sessions, acts in all of them at once over links that break, changes each from outside meanwhile, and looks at
/// all that every client was ever sent.
async fn nobody_sees_the_secrets_of_others(name: &str, stores: Vec<Arc<dyn SessionStore>>) {
    let mut nodes = Vec::new();
    for store in stores {
        nodes.push(Node::start(store).await);
    }
    let addresses: Vec<_> = nodes.iter().map(|node| node.address).collect();
    let proxy = Proxy::before(addresses).await.unwrap();
    proxy.link().cut_at_random(5_000);

    let patience = Patience::of(Duration::from_secs(300));
    let mut running: FuturesUnordered<_> = (0..SESSIONS)
        .map(|number| {
            let (server, node) = (proxy.address(), nodes[number % nodes.len()].live.clone());
            let first = nodes[0].live.clone();
            async move {
                let marker = format!("{MARKER}{number:05}-first");
                let id = format!("{name}-{number:05}");
                let mut client = Client::open(server, &format!("/?marker={marker}"), &id, patience)
                    .await
                    .unwrap();
                client.record(ACTIONS, patience).await.unwrap();
                // The other nodes' pages follow what one node does.
                let changed = format!("{MARKER}{number:05}-second");
                insist(async || {
                    let session = node.session::<Journal>(client.session()).await?;
                    session
                        .update(|journal| journal.marker.clone_from(&changed))
                        .await
                })
                .await;
                client.record(2 * ACTIONS, patience).await.unwrap();
                // Asked here and not in the loop below: while that waited for a connection of the pool, nobody would poll the
                // others, which may hold all of them.
                let stored = insist(async || first.session::<Journal>(client.session()).await?.data()).await;
                (number, client, stored)
            }
        })
        .collect();
    let mut report = Report::default();
    let mut seen = 0;
    while let Some((number, client, stored)) = running.next().await {
        let own = format!("{MARKER}{number:05}-");
        for text in client
            .frames()
            .iter()
            .map(String::as_str)
            .chain([client.first_page()])
        {
            for (at, _) in text.match_indices(MARKER) {
                assert!(
                    text[at..].starts_with(&own),
                    "session {number} was sent {}",
                    &text[at..]
                );
                seen += 1;
            }
        }
        assert_eq!(stored.marker, format!("{own}second"));
        report.check(&client, &stored);
    }
    println!("isolation, {name}: {report}; {seen} secrets were sent, each to its owner");
    assert_eq!(report.answered, 2 * ACTIONS * SESSIONS as u64);
    // In its first page, and when it changed.
    assert!(seen >= 2 * SESSIONS, "{seen} secrets were seen at all");
    for node in nodes {
        node.live.shutdown().await;
        node.serving.abort();
    }
}

#[tokio::test]
async fn nobody_sees_the_secrets_of_others_in_memory() {
    nobody_sees_the_secrets_of_others("memory", vec![Arc::new(MemoryStore::new())]).await;
}

#[tokio::test]
async fn nobody_sees_the_secrets_of_others_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("sessions.db").display());
    nobody_sees_the_secrets_of_others("SQLite", vec![connect(&url).await.unwrap()]).await;
}

#[tokio::test]
async fn nobody_sees_the_secrets_of_others_on_postgresql() {
    let postgres = Postgres::start().await.unwrap();
    let stores = vec![
        connect(&postgres.url()).await.unwrap(),
        connect(&postgres.url()).await.unwrap(),
    ];
    nobody_sees_the_secrets_of_others("PostgreSQL", stores).await;
}

#[tokio::test]
async fn nobody_sees_the_secrets_of_others_on_redis() {
    let redis = RedisServer::start().await.unwrap();
    let stores = vec![
        connect(&redis.url()).await.unwrap(),
        connect(&redis.url()).await.unwrap(),
    ];
    nobody_sees_the_secrets_of_others("Redis", stores).await;
}
