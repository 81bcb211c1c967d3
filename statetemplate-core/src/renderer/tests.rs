//! What the renderer promises: creation, tokens, binding, limits, expiry, shutdown.

use std::sync::Arc;
use std::time::Duration;

use minijinja::Environment;
use serde::{Deserialize, Serialize};

use super::{Renderer, RendererBuilder, SessionOptions};
use crate::session::{Change, SessionEnd};
use crate::store::{MemoryStore, OwnerId};
use crate::{Error, ErrorKind, SessionToken};

const KEY: &[u8] = b"a secret for tests, of 32 bytes.";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Counter {
    count: i64,
}

fn builder() -> RendererBuilder {
    let mut env = Environment::new();
    env.add_template("counter.html", "<p>{{ 100 // count }}</p>")
        .unwrap();
    Renderer::builder(env).signing_key(KEY).tokio_clock()
}

fn renderer() -> Renderer {
    builder().build().unwrap()
}

fn one() -> Counter {
    Counter { count: 1 }
}

fn kind<T>(result: Result<T, Error>) -> ErrorKind {
    result.err().expect("an error was expected").kind()
}

async fn provisional(renderer: &Renderer) -> Arc<str> {
    renderer
        .create_provisional(SessionOptions::new(), &one())
        .await
        .unwrap()
        .page_id
}

#[tokio::test(start_paused = true)]
async fn a_session_is_made_found_rendered_and_ended_by_its_token() {
    let renderer = renderer();
    let token = renderer.create_session(&one()).await.unwrap();
    assert!(renderer.render_session(&token).await.unwrap().contains("100"));
    assert_eq!(
        renderer
            .get_session(&token)
            .await
            .unwrap()
            .data::<Counter>()
            .unwrap(),
        one()
    );
    renderer.validate_token(&token).await.unwrap();
    renderer.invalidate_session(&token).await.unwrap();
    assert_eq!(
        kind(renderer.get_session(&token).await),
        ErrorKind::SessionNotFound
    );
    assert_eq!(renderer.session_count().await.unwrap().established, 0);
}

#[tokio::test(start_paused = true)]
async fn ids_are_random_and_do_not_repeat() {
    let renderer = renderer();
    let mut ids = std::collections::HashSet::new();
    for _ in 0..1_000 {
        let id = provisional(&renderer).await;
        // 160 bits in base64url.
        assert_eq!(id.len(), 27);
        assert!(ids.insert(id));
    }
}

#[tokio::test(start_paused = true)]
async fn an_id_of_the_application_has_a_form_and_is_used_once() {
    let renderer = renderer();
    for bad in ["", "a b", "ä", "a/b", &"x".repeat(129)] {
        let error = renderer
            .create_session_with(SessionOptions::new().id(bad), &one())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSessionId, "{bad}");
        assert!(error.message().contains("A-Z, a-z, 0-9, '-' and '_'"), "{error}");
    }
    let options = SessionOptions::new().id("report-42");
    let token = renderer
        .create_session_with(options.clone(), &one())
        .await
        .unwrap();
    assert_eq!(
        kind(renderer.create_session_with(options.clone(), &one()).await),
        ErrorKind::SessionIdExists
    );
    assert_eq!(renderer.get_session(&token).await.unwrap().id(), "report-42");

    // The id is free again afterwards, and the old token gives no right to the new session.
    let held = renderer.get_session(&token).await.unwrap();
    held.close().await.unwrap();
    tokio::time::advance(Duration::from_millis(5)).await;
    let again = renderer
        .create_session_with(options, &Counter { count: 5 })
        .await
        .unwrap();
    assert_eq!(
        renderer
            .get_session(&again)
            .await
            .unwrap()
            .data::<Counter>()
            .unwrap()
            .count,
        5
    );
    assert_eq!(kind(renderer.get_session(&token).await), ErrorKind::InvalidToken);
    assert_eq!(kind(held.render_data(&one()).await), ErrorKind::SessionClosed);
}

#[tokio::test(start_paused = true)]
async fn a_page_is_bound_once_and_found_again_by_its_own_browser_only() {
    let renderer = renderer();
    let (ann, _) = renderer.mint_browser_token().unwrap();
    let (eve, _) = renderer.mint_browser_token().unwrap();
    let page = provisional(&renderer).await;

    let session = renderer.bind(&page, &ann).await.unwrap();
    assert_eq!(session.owner().as_ref(), Some(&ann));
    let again = renderer.bind(&page, &ann).await.unwrap();
    assert_eq!(again.id(), session.id());

    let foreign = renderer.bind(&page, &eve).await.unwrap_err();
    let unknown = renderer.bind("no-such-page", &eve).await.unwrap_err();
    let malformed = renderer.bind("no such page", &eve).await.unwrap_err();
    let of_token = renderer
        .create_session_with(SessionOptions::new().id("mine"), &one())
        .await
        .unwrap();
    let not_a_page = renderer.bind("mine", &eve).await.unwrap_err();
    for error in [unknown, malformed, not_a_page] {
        assert_eq!(error.kind(), ErrorKind::SessionNotFound);
        assert_eq!(format!("{error:#}"), format!("{foreign:#}"));
    }
    assert!(renderer.get_session(&of_token).await.is_ok());
    let count = renderer.session_count().await.unwrap();
    assert_eq!((count.established, count.provisional), (2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_browsers_that_bind_the_same_page_at_once_one_gets_it() {
    let renderer = renderer();
    for _ in 0..50 {
        let page = provisional(&renderer).await;
        let tries: Vec<_> = (0..4)
            .map(|_| {
                let (renderer, page, owner) = (renderer.clone(), page.clone(), OwnerId::random().unwrap());
                tokio::spawn(async move { renderer.bind(&page, &owner).await.is_ok() })
            })
            .collect();
        let mut bound = 0;
        for one in tries {
            bound += usize::from(one.await.unwrap());
        }
        assert_eq!(bound, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_does_not_join_in_time_is_gone() {
    let renderer = renderer();
    let (ann, _) = renderer.mint_browser_token().unwrap();
    let (late, joined) = (provisional(&renderer).await, provisional(&renderer).await);
    renderer.bind(&joined, &ann).await.unwrap();
    tokio::time::sleep(Duration::from_secs(121)).await;
    assert_eq!(kind(renderer.bind(&late, &ann).await), ErrorKind::SessionNotFound);
    assert!(renderer.bind(&joined, &ann).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn pages_that_never_join_leave_no_memory_behind() {
    let store = Arc::new(MemoryStore::new());
    let renderer = builder()
        .shared_store(store.clone())
        .max_provisional_sessions(100_000)
        .build()
        .unwrap();
    // Made at the same moment: the paused clock moves only while everything sleeps.
    for _ in 0..100_000 {
        renderer
            .create_provisional(SessionOptions::new(), &one())
            .await
            .unwrap();
    }
    assert_eq!(renderer.session_count().await.unwrap().provisional, 100_000);
    assert!(store.table_capacity() >= 100_000);
    assert_eq!(
        renderer.sessions_in_memory(),
        0,
        "a provisional session lies in the store only"
    );

    tokio::time::sleep(Duration::from_secs(5 * 60)).await;
    assert_eq!(renderer.session_count().await.unwrap().provisional, 0);
    assert!(
        store.table_capacity() < 2_000,
        "{} places are left",
        store.table_capacity()
    );
    assert_eq!(renderer.metrics().snapshot().sessions_expired, 100_000);
}

#[tokio::test(start_paused = true)]
async fn provisional_sessions_have_a_cap_of_their_own_and_take_no_established_ones_place() {
    let renderer = builder()
        .max_sessions(2)
        .max_provisional_sessions(3)
        .build()
        .unwrap();
    let tokens = [
        renderer.create_session(&one()).await.unwrap(),
        renderer.create_session(&one()).await.unwrap(),
    ];
    let mut pages = Vec::new();
    for _ in 0..5 {
        pages.push(provisional(&renderer).await);
        tokio::time::advance(Duration::from_millis(2)).await;
    }
    let count = renderer.session_count().await.unwrap();
    assert_eq!((count.established, count.provisional), (2, 3));
    for token in &tokens {
        renderer.validate_token(token).await.unwrap();
    }
    assert!(renderer.session(&pages[1]).await.is_err());
    assert!(renderer.session(&pages[2]).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_least_recently_used_session_without_a_connection_makes_room() {
    let renderer = builder().max_sessions(3).build().unwrap();
    let mut tokens: Vec<SessionToken> = Vec::new();
    for _ in 0..3 {
        tokens.push(renderer.create_session(&one()).await.unwrap());
        tokio::time::advance(Duration::from_millis(2)).await;
    }
    let oldest = renderer
        .session(renderer.validate_token(&tokens[0]).await.unwrap().id())
        .await
        .unwrap();
    let connected = oldest.connect().unwrap();
    let second = renderer
        .session(renderer.validate_token(&tokens[1]).await.unwrap().id())
        .await
        .unwrap();
    let mut heard = second.subscribe();

    renderer.create_session(&one()).await.unwrap();
    assert!(matches!(
        heard.next().await,
        Some(Change::End(SessionEnd::Evicted))
    ));
    assert!(heard.next().await.is_none());
    assert!(renderer.validate_token(&tokens[0]).await.is_ok());
    assert!(renderer.validate_token(&tokens[1]).await.is_err());
    assert!(renderer.validate_token(&tokens[2]).await.is_ok());
    assert_eq!(renderer.metrics().snapshot().sessions_evicted, 1);
    drop(connected);
}

#[tokio::test(start_paused = true)]
async fn when_all_sessions_are_connected_a_new_one_is_refused() {
    let renderer = builder().max_sessions(2).build().unwrap();
    let mut guards = Vec::new();
    for _ in 0..2 {
        let token = renderer.create_session(&one()).await.unwrap();
        guards.push(renderer.get_session(&token).await.unwrap().connect().unwrap());
    }
    assert_eq!(
        kind(renderer.create_session(&one()).await),
        ErrorKind::MaxSessionsReached
    );
    let page = provisional(&renderer).await;
    let (ann, _) = renderer.mint_browser_token().unwrap();
    assert_eq!(
        kind(renderer.bind(&page, &ann).await),
        ErrorKind::MaxSessionsReached
    );
    guards.pop();
    renderer.bind(&page, &ann).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_session_runs_out_when_unused_and_listeners_are_told() {
    let renderer = renderer();
    let token = renderer.create_session(&one()).await.unwrap();
    let session = renderer.get_session(&token).await.unwrap();
    let mut heard = session.subscribe();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(20 * 60 * 60)).await;
        renderer.get_session(&token).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(25 * 60 * 60)).await;
    assert!(matches!(
        heard.next().await,
        Some(Change::End(SessionEnd::Expired))
    ));
    assert_eq!(kind(session.render_data(&one()).await), ErrorKind::SessionExpired);
}

#[tokio::test(start_paused = true)]
async fn a_connected_session_does_not_run_out_before_its_absolute_expiry() {
    let renderer = renderer();
    let token = renderer.create_session(&one()).await.unwrap();
    let session = renderer.get_session(&token).await.unwrap();
    let guard = session.connect().unwrap();
    tokio::time::sleep(Duration::from_secs(29 * 24 * 60 * 60)).await;
    renderer.validate_token(&token).await.unwrap();
    assert!(!guard.tasks().is_cancelled());
    tokio::time::sleep(Duration::from_secs(2 * 24 * 60 * 60)).await;
    assert_eq!(session.end_reason(), Some(SessionEnd::Expired));
    assert!(guard.tasks().is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_refreshed_token_replaces_the_old_one_after_the_grace() {
    let renderer = renderer();
    let old = renderer.create_session(&one()).await.unwrap();
    let new = renderer.refresh_token(&old).await.unwrap();
    renderer.validate_token(&old).await.unwrap();
    let twin = renderer.refresh_token(&old).await.unwrap();
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(kind(renderer.get_session(&old).await), ErrorKind::InvalidToken);
    assert_eq!(kind(renderer.refresh_token(&old).await), ErrorKind::InvalidToken);
    renderer.validate_token(&new).await.unwrap();
    renderer.validate_token(&twin).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn all_sessions_of_a_user_or_a_browser_can_be_ended() {
    let renderer = renderer();
    let ann = SessionOptions::new().user("ann");
    let token = renderer.create_session_with(ann.clone(), &one()).await.unwrap();
    let other = renderer
        .create_session_with(SessionOptions::new().user("bob"), &one())
        .await
        .unwrap();
    let mut heard = renderer.get_session(&token).await.unwrap().subscribe();
    assert_eq!(renderer.invalidate_user("ann").await.unwrap(), 1);
    assert!(matches!(
        heard.next().await,
        Some(Change::End(SessionEnd::Invalidated))
    ));
    renderer.validate_token(&other).await.unwrap();

    let (owner, _) = renderer.mint_browser_token().unwrap();
    let page = provisional(&renderer).await;
    let session = renderer.bind(&page, &owner).await.unwrap();
    assert_eq!(renderer.invalidate_browser(&owner).await.unwrap(), 1);
    assert_eq!(session.end_reason(), Some(SessionEnd::Invalidated));
}

#[tokio::test(start_paused = true)]
async fn an_older_node_refuses_the_data_of_a_newer_one() {
    let store = Arc::new(MemoryStore::new());
    let newer = builder()
        .shared_store(store.clone())
        .data_version(2)
        .build()
        .unwrap();
    let older = builder().shared_store(store).data_version(1).build().unwrap();
    let token = newer.create_session(&one()).await.unwrap();
    assert_eq!(kind(older.get_session(&token).await), ErrorKind::Data);
    newer.get_session(&token).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_idle_session_leaves_memory_and_comes_back_from_the_store() {
    let renderer = renderer();
    let token = renderer.create_session(&one()).await.unwrap();
    let session = renderer.get_session(&token).await.unwrap();
    session.render_data(&Counter { count: 2 }).await.unwrap();
    assert_eq!(renderer.sessions_in_memory(), 1);
    drop(session);
    assert_eq!(renderer.sessions_in_memory(), 0);
    let session = renderer.get_session(&token).await.unwrap();
    assert_eq!(
        (
            session.data::<Counter>().unwrap().count,
            session.version().revision
        ),
        (2, 2)
    );
}

#[test]
fn a_renderer_without_a_key_is_refused_where_one_is_required() {
    let build = |required| {
        Renderer::builder(Environment::new())
            .require_signing_key(required)
            .build()
    };
    assert_eq!(kind(build(true)), ErrorKind::Configuration);
    assert!(build(false).is_ok());
    let short = Renderer::builder(Environment::new())
        .signing_key(&KEY[1..])
        .build();
    assert_eq!(kind(short), ErrorKind::Configuration);
    let zero = Renderer::builder(Environment::new())
        .signing_key(KEY)
        .max_sessions(0)
        .build();
    assert!(zero.unwrap_err().message().contains("max_sessions"));
}

#[test]
fn a_renderer_is_built_outside_of_a_runtime_and_shut_down_inside() {
    let renderer = builder().build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let token = renderer.create_session(&one()).await.unwrap();
        tokio::time::timeout(Duration::from_secs(5), renderer.shutdown())
            .await
            .unwrap();
        assert_eq!(renderer.core.tasks.len(), 0);
        renderer.validate_token(&token).await.unwrap();
    });
}

#[tokio::test(start_paused = true)]
async fn a_dropped_renderer_takes_its_tasks_with_it() {
    let renderer = renderer();
    renderer.create_session(&one()).await.unwrap();
    let tasks = renderer.core.tasks.clone();
    assert_eq!(tasks.len(), 2, "cleaning and hibernation");
    drop(renderer);
    tasks.close();
    tokio::time::timeout(Duration::from_secs(1), tasks.wait())
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_missing_template_is_named() {
    let renderer = renderer();
    let options = SessionOptions::new().template("none.html");
    let error = renderer.create_session_with(options, &one()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Template);
    assert!(error.to_string().contains("none.html"), "{error}");
    let nameless = Renderer::builder(Environment::new())
        .signing_key(KEY)
        .build()
        .unwrap();
    assert_eq!(
        kind(nameless.create_session(&one()).await),
        ErrorKind::Configuration
    );
}
