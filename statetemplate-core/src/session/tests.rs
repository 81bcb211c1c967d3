//! What sessions promise: whole commits, exactly-once actions, isolation, and that nothing queues.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use minijinja::Environment;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{ActionError, ActionOutcome, Change, Session, SessionEnd};
use crate::store::{
    Answer, ClientId, Ledger, MemoryStore, OwnerId, SessionClass, SessionCount, SessionRecord, SessionStore,
    Stamp, Timestamp, Touch,
};
use crate::{Error, ErrorKind, OptimizationLevel, Renderer, RendererBuilder, SessionOptions};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Counter {
    count: i64,
    note: String,
}

fn builder() -> RendererBuilder {
    let mut env = Environment::new();
    // Zero cannot be shown: the template fails on it.
    env.add_template("counter.html", "<p>{{ 100 // count }}</p><p>{{ note }}</p>")
        .unwrap();
    Renderer::builder(env)
        .signing_key(b"a secret for tests, of 32 bytes.")
        .tokio_clock()
}

async fn session_of(renderer: &Renderer) -> Session {
    let data = Counter {
        count: 1,
        note: String::new(),
    };
    let token = renderer.create_session(&data).await.unwrap();
    renderer.get_session(&token).await.unwrap()
}

async fn session() -> Session {
    session_of(&builder().build().unwrap()).await
}

fn count(session: &Session) -> i64 {
    session.data::<Counter>().unwrap().count
}

fn client(name: &str) -> ClientId {
    ClientId::parse(name).unwrap()
}

type Handled = Result<(Counter, Option<Box<RawValue>>), ActionError>;

async fn add(mut data: Counter) -> Handled {
    data.count += 1;
    let answer = RawValue::from_string(data.count.to_string()).unwrap();
    Ok((data, Some(answer)))
}

fn failure(outcome: &ActionOutcome) -> &str {
    match &outcome.answer {
        Answer::Failed { code, .. } => code,
        Answer::Done(_) => "done",
    }
}

fn done(outcome: &ActionOutcome) -> &str {
    match &outcome.answer {
        Answer::Done(Some(value)) => value.get(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_action_runs_once_and_its_repeats_get_the_same_answer() {
    let session = session().await;
    let a = client("a");
    let runs = AtomicUsize::new(0);
    let run = |data| {
        runs.fetch_add(1, Ordering::Relaxed);
        add(data)
    };
    let first = session.act(&a, 1, run).await.unwrap();
    assert_eq!(
        (
            first.revision_before,
            first.revision_after,
            done(&first),
            first.repeated
        ),
        (1, 2, "2", false)
    );
    let again = session.act(&a, 1, run).await.unwrap();
    assert_eq!(
        (done(&again), again.repeated, again.changed()),
        ("2", true, false)
    );
    assert_eq!((runs.load(Ordering::Relaxed), count(&session)), (1, 2));

    // Another client has numbers of its own.
    assert_eq!(done(&session.act(&client("b"), 1, run).await.unwrap()), "3");
}

#[tokio::test(start_paused = true)]
async fn the_ledger_outlives_memory() {
    let renderer = builder().build().unwrap();
    let session = session_of(&renderer).await;
    let id = session.id().to_owned();
    session.act(&client("a"), 1, add).await.unwrap();
    drop(session);
    assert_eq!(renderer.sessions_in_memory(), 0);
    let session = renderer.session(&id).await.unwrap();
    assert!(session.act(&client("a"), 1, add).await.unwrap().repeated);
    assert_eq!(count(&session), 2);
    assert_eq!(session.unacknowledged(&client("a"), 0).len(), 1);
    assert_eq!(session.unacknowledged(&client("a"), 1).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn gaps_acknowledged_numbers_and_unbounded_answers_are_refused() {
    let session = session().await;
    let a = client("a");
    let error = session.act(&a, 3, add).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(
        error.message().contains("action 3") && error.message().contains("action 1"),
        "{error}"
    );
    for number in 1..=Ledger::MAX_ANSWERS as u64 {
        session.act(&a, number, add).await.unwrap();
    }
    let next = Ledger::MAX_ANSWERS as u64 + 1;
    assert_eq!(
        session.act(&a, next, add).await.unwrap_err().kind(),
        ErrorKind::Protocol
    );
    session.acknowledge(&a, 1);
    session.act(&a, next, add).await.unwrap();
    assert_eq!(
        session.act(&a, 1, add).await.unwrap_err().kind(),
        ErrorKind::Protocol
    );
    assert_eq!(count(&session), 1 + next as i64);
}

#[tokio::test(start_paused = true)]
async fn whatever_a_handler_does_wrong_leaves_the_data_and_other_sessions_alone() {
    let renderer = builder().build().unwrap();
    let (session, other) = (session_of(&renderer).await, session_of(&renderer).await);
    let mut heard = session.subscribe();
    let a = client("a");

    let outcome = session
        .act(&a, 1, async |_: Counter| -> Handled {
            Err(ActionError::failed("no"))
        })
        .await
        .unwrap();
    assert_eq!(failure(&outcome), "failed");
    let outcome = session
        .act(&a, 2, async |_: Counter| -> Handled { panic!("oh") })
        .await
        .unwrap();
    assert_eq!(failure(&outcome), "panicked");
    // A panic before the first await point, in the function that makes the future.
    let early = |_: Counter| -> std::future::Ready<Handled> { panic!("early") };
    assert_eq!(failure(&session.act(&a, 3, early).await.unwrap()), "panicked");
    let endless = async |_: Counter| -> Handled { std::future::pending().await };
    let before = tokio::time::Instant::now();
    assert_eq!(failure(&session.act(&a, 4, endless).await.unwrap()), "timeout");
    assert_eq!(before.elapsed().as_secs(), 30);
    let zero = async |mut data: Counter| -> Handled {
        data.count = 0;
        Ok((data, None))
    };
    assert_eq!(failure(&session.act(&a, 5, zero).await.unwrap()), "template");
    let refused = session
        .refuse(&a, 6, ActionError::new("unknown_action", "no such action"))
        .await
        .unwrap();
    assert_eq!(failure(&refused), "unknown_action");

    assert_eq!((count(&session), session.version().revision), (1, 1));
    let waited = tokio::time::timeout(Duration::from_secs(1), heard.next()).await;
    assert!(waited.is_err(), "nobody is woken by a failure: {waited:?}");
    // Failures are answers: repeats get them too, and the next number goes on.
    for (number, code) in [
        (1, "failed"),
        (2, "panicked"),
        (4, "timeout"),
        (5, "template"),
        (6, "unknown_action"),
    ] {
        let repeat = session.act(&a, number, add).await.unwrap();
        assert_eq!((failure(&repeat), repeat.repeated), (code, true));
    }
    assert_eq!(done(&session.act(&a, 7, add).await.unwrap()), "2");
    other.act(&a, 1, add).await.unwrap();
    assert_eq!((count(&session), count(&other)), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn an_update_that_fails_leaves_the_data_alone() {
    let session = session().await;
    let error = session
        .update(|data: &mut Counter| data.count = 0)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Template);
    let error = session
        .update(|_: &mut Counter| -> () { panic!("oh") })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(session.update(|_: &mut Vec<String>| ()).await.is_err());
    assert_eq!((count(&session), session.version().revision), (1, 1));
    assert_eq!(
        session
            .update(|data: &mut Counter| {
                data.count += 1;
                data.count
            })
            .await
            .unwrap(),
        2
    );
}

#[tokio::test(start_paused = true)]
async fn an_action_that_changes_no_data_wakes_nobody_but_is_in_the_ledger() {
    let session = session().await;
    let mut heard = session.subscribe();
    let same = async |data: Counter| -> Handled { Ok((data, None)) };
    let outcome = session.act(&client("a"), 1, same).await.unwrap();
    assert!(!outcome.changed() && outcome.answer.is_done());
    session
        .render_data(&session.data::<Counter>().unwrap())
        .await
        .unwrap();
    assert!(
        tokio::time::timeout(Duration::from_secs(1), heard.next())
            .await
            .is_err()
    );
    assert!(session.act(&client("a"), 1, same).await.unwrap().repeated);
    assert_eq!(session.version().revision, 1);
}

#[tokio::test(start_paused = true)]
async fn a_slow_listener_finds_the_newest_version_and_the_patch_to_it() {
    let session = session().await;
    let shown = session.version();
    let mut heard = session.subscribe();
    for _ in 0..1_000 {
        session
            .update(|data: &mut Counter| data.count += 1)
            .await
            .unwrap();
    }
    match heard.next().await {
        Some(Change::Version(version)) => assert_eq!(version.revision, 1_001),
        other => panic!("{other:?}"),
    }
    assert!(
        tokio::time::timeout(Duration::from_secs(1), heard.next())
            .await
            .is_err()
    );
    let (current, patch) = session.patch_from(&shown).unwrap();
    assert_eq!((current.revision, patch.is_empty()), (1_001, false));
    // The second page that shows the same asks for the same patch.
    let (_, again) = session.patch_from(&shown).unwrap();
    assert!(Arc::ptr_eq(&patch, &again));
    assert!(session.patch_from(&current).unwrap().1.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_patch_of_a_commit_is_not_computed_again() {
    let session = session().await;
    let shown = session.version();
    session.act(&client("a"), 1, add).await.unwrap();
    session.patch_from(&shown).unwrap();
    session.patch_from(&shown).unwrap();
    let metrics = session.core().metrics.snapshot();
    assert_eq!((metrics.patches_computed, metrics.patches_reused), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn events_reach_listeners_in_order_within_a_bound_and_the_end_comes_last() {
    let session = session().await;
    session.push_event("nobody", &0).unwrap();
    let mut heard = session.subscribe();
    for number in 0..40 {
        session.push_event("tick", &number).unwrap();
    }
    session.close().await.unwrap();
    let mut seen = Vec::new();
    loop {
        match heard.next().await {
            Some(Change::Event(event)) => seen.push(event.data.get().parse::<i32>().unwrap()),
            Some(Change::End(SessionEnd::Closed)) => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(heard.next().await.is_none());
    assert_eq!(seen, (8..40).collect::<Vec<_>>());
    assert_eq!(session.core().metrics.snapshot().events_dropped, 8);
    assert_eq!(
        session.push_event("late", &0).unwrap_err().kind(),
        ErrorKind::SessionClosed
    );
    assert!(matches!(
        session.subscribe().next().await,
        Some(Change::End(SessionEnd::Closed))
    ));
    session.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn tasks_of_connections_end_with_the_last_one() {
    let session = session().await;
    let (first, second) = (session.connect().unwrap(), session.connect().unwrap());
    assert!(first.is_first() && !second.is_first());
    let tasks = first.tasks().clone();
    drop(first);
    assert!(!tasks.is_cancelled());
    drop(second);
    assert!(tasks.is_cancelled());
    let again = session.connect().unwrap();
    assert!(again.is_first() && !again.tasks().is_cancelled());
    session.close().await.unwrap();
    assert!(again.tasks().is_cancelled());
    assert_eq!(session.connect().unwrap_err().kind(), ErrorKind::SessionClosed);
}

#[tokio::test(start_paused = true)]
async fn handlers_of_a_session_run_one_at_a_time_and_those_of_others_beside_them() {
    let renderer = builder().build().unwrap();
    let (session, other) = (session_of(&renderer).await, session_of(&renderer).await);
    let slow = async |mut data: Counter| -> Handled {
        let seen = data.count;
        tokio::time::sleep(Duration::from_secs(1)).await;
        data.count = seen + 1;
        Ok((data, None))
    };
    let (a, b, c) = (client("a"), client("b"), client("c"));
    let before = tokio::time::Instant::now();
    let (x, y, z) = tokio::join!(
        session.act(&a, 1, slow),
        session.act(&b, 1, slow),
        other.act(&c, 1, slow)
    );
    assert!(x.is_ok() && y.is_ok() && z.is_ok());
    assert_eq!((count(&session), count(&other)), (3, 2));
    assert_eq!(before.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_updates_its_own_session_is_told_instead_of_waiting_for_itself() {
    let session = session().await;
    let inner = session.clone();
    let run = |data: Counter| {
        let inner = inner.clone();
        async move {
            let error = inner
                .update(|data: &mut Counter| data.count += 1)
                .await
                .unwrap_err();
            assert!(error.message().contains("waits for itself"), "{error}");
            Ok((data, None))
        }
    };
    assert!(session.act(&client("a"), 1, run).await.unwrap().answer.is_done());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_action_changes_nothing_and_may_come_again() {
    let session = session().await;
    let a = client("a");
    let endless = async |_: Counter| -> Handled { std::future::pending().await };
    let dropped = tokio::time::timeout(Duration::from_secs(1), session.act(&a, 1, endless)).await;
    assert!(dropped.is_err());
    assert_eq!(done(&session.act(&a, 1, add).await.unwrap()), "2");
}

/// A store that can be slow, can lose races, and can fail.
struct Odd {
    inner: Arc<MemoryStore>,
    delay: Duration,
    /// So many updates find that someone else was faster.
    races: AtomicU32,
    /// So many updates are stored, but the answer says that they failed.
    lies: AtomicU32,
}

impl Odd {
    fn new() -> Self {
        let (races, lies) = (AtomicU32::new(0), AtomicU32::new(0));
        Self {
            inner: Arc::new(MemoryStore::new()),
            delay: Duration::ZERO,
            races,
            lies,
        }
    }
}

fn take(counter: &AtomicU32) -> bool {
    counter
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
        .is_ok()
}

#[async_trait]
impl SessionStore for Odd {
    async fn create(&self, record: SessionRecord) -> Result<(), Error> {
        self.inner.create(record).await
    }
    async fn load(&self, id: &str) -> Result<SessionRecord, Error> {
        self.inner.load(id).await
    }
    async fn update(&self, record: SessionRecord, expected: Stamp) -> Result<(), Error> {
        tokio::time::sleep(self.delay).await;
        if take(&self.races) {
            // Another node counts, too, and was faster.
            let mut other = self.inner.load(&record.id).await?;
            let stamp = other.stamp();
            let mut data: Counter = other.snapshot.get().to()?;
            data.count += 100;
            other.snapshot = other.snapshot.get().next(&data)?.into();
            other.revision += 1;
            other.writes += 1;
            self.inner.update(other, stamp).await?;
        }
        self.inner.update(record, expected).await?;
        if take(&self.lies) {
            Err(ErrorKind::StoreUnavailable.into())
        } else {
            Ok(())
        }
    }
    async fn delete(&self, id: &str, reason: SessionEnd) -> Result<bool, Error> {
        self.inner.delete(id, reason).await
    }
    async fn touch(&self, id: &str, touch: Touch) -> Result<(), Error> {
        self.inner.touch(id, touch).await
    }
    async fn remove_expired(&self, now: Timestamp, limit: usize) -> Result<Vec<String>, Error> {
        self.inner.remove_expired(now, limit).await
    }
    async fn by_owner(&self, owner: &OwnerId) -> Result<Vec<String>, Error> {
        self.inner.by_owner(owner).await
    }
    async fn by_user(&self, user: &str) -> Result<Vec<String>, Error> {
        self.inner.by_user(user).await
    }
    async fn least_recent(
        &self,
        class: SessionClass,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<String>, Error> {
        self.inner.least_recent(class, now, limit).await
    }
    async fn count(&self) -> Result<SessionCount, Error> {
        self.inner.count().await
    }
    async fn health(&self) -> Result<(), Error> {
        self.inner.health().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_race_runs_the_handler_again_on_fresh_data_at_most_three_times() {
    let store = Arc::new(Odd::new());
    let session = session_of(&builder().shared_store(store.clone()).build().unwrap()).await;
    let a = client("a");
    store.races.store(3, Ordering::SeqCst);
    let outcome = session.act(&a, 1, add).await.unwrap();
    assert_eq!((done(&outcome), count(&session)), ("302", 302));
    assert_eq!(session.core().metrics.snapshot().actions_rerun, 3);

    store.races.store(5, Ordering::SeqCst);
    let outcome = session.act(&a, 2, add).await.unwrap();
    assert_eq!(failure(&outcome), "conflict");
    assert_eq!(count(&session), 802);
    assert!(session.act(&a, 2, add).await.unwrap().repeated);
    assert!(session.act(&a, 3, add).await.unwrap().answer.is_done());
}

#[tokio::test(start_paused = true)]
async fn an_action_whose_write_was_not_confirmed_is_found_in_the_ledger_when_it_comes_again() {
    let store = Arc::new(Odd::new());
    let session = session_of(&builder().shared_store(store.clone()).build().unwrap()).await;
    store.lies.store(1, Ordering::SeqCst);
    let a = client("a");
    assert_eq!(
        session.act(&a, 1, add).await.unwrap_err().kind(),
        ErrorKind::StoreUnavailable
    );
    let again = session.act(&a, 1, add).await.unwrap();
    assert_eq!((done(&again), again.repeated, count(&session)), ("2", true, 2));
}

#[tokio::test(start_paused = true)]
async fn a_write_under_way_ends_as_a_whole_when_its_caller_is_dropped() {
    let store = Arc::new(Odd {
        delay: Duration::from_secs(3),
        ..Odd::new()
    });
    let renderer = builder().shared_store(store).build().unwrap();
    let session = session_of(&renderer).await;
    let mut heard = session.subscribe();
    let a = client("a");
    let dropped = tokio::time::timeout(Duration::from_secs(1), session.act(&a, 1, add)).await;
    assert!(dropped.is_err());
    assert_eq!(count(&session), 1);
    // The next one waits for it, and finds it done.
    let again = session.act(&a, 1, add).await.unwrap();
    assert_eq!((done(&again), again.repeated), ("2", true));
    assert!(matches!(heard.next().await, Some(Change::Version(version)) if version.revision == 2));
    renderer.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_is_given_up_after_its_limit() {
    let store = Arc::new(Odd {
        delay: Duration::from_secs(3_600),
        ..Odd::new()
    });
    let renderer = builder()
        .shared_store(store)
        .store_timeout(Duration::from_secs(2))
        .build()
        .unwrap();
    let session = session_of(&renderer).await;
    let before = tokio::time::Instant::now();
    assert_eq!(
        session.act(&client("a"), 1, add).await.unwrap_err().kind(),
        ErrorKind::StoreUnavailable
    );
    assert_eq!(before.elapsed().as_secs(), 2);
    assert_eq!(count(&session), 1);
}

#[tokio::test(start_paused = true)]
async fn a_session_ended_on_another_node_ends_here() {
    let store = Arc::new(MemoryStore::new());
    let (here, there) = (
        builder().shared_store(store.clone()).build().unwrap(),
        builder().shared_store(store).build().unwrap(),
    );
    let session = session_of(&here).await;
    let mut heard = session.subscribe();
    there
        .session(session.id())
        .await
        .unwrap()
        .update(|data: &mut Counter| data.count = 7)
        .await
        .unwrap();
    // This node learns of the other's change when it looks, and writes on top of it.
    here.session(session.id()).await.unwrap();
    assert!(matches!(heard.next().await, Some(Change::Version(version)) if version.revision == 2));
    session
        .update(|data: &mut Counter| data.count += 1)
        .await
        .unwrap();
    assert_eq!(count(&session), 8);
    there.session(session.id()).await.unwrap().close().await.unwrap();
    let error = session
        .update(|data: &mut Counter| data.count += 1)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionClosed);
    assert_eq!(session.end_reason(), Some(SessionEnd::Closed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sessions_see_nothing_of_each_other_under_load() {
    let renderer = builder().build().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..64_u32 {
        let renderer = renderer.clone();
        tasks.spawn(async move {
            let marker = format!("marker-{number}-");
            let data = Counter {
                count: 1,
                note: marker.clone(),
            };
            let page = renderer
                .create_provisional(SessionOptions::new(), &data)
                .await
                .unwrap();
            let (owner, _) = renderer.mint_browser_token().unwrap();
            let session = renderer.bind(&page.page_id, &owner).await.unwrap();
            let a = client("same-client-id");
            for n in 1..=20 {
                session.act(&a, n, add).await.unwrap();
                session.acknowledge(&a, n);
                let data: Counter = renderer
                    .bind(&page.page_id, &owner)
                    .await
                    .unwrap()
                    .data()
                    .unwrap();
                assert_eq!((data.note.as_str(), data.count), (marker.as_str(), 1 + n as i64));
            }
        });
    }
    while let Some(joined) = tasks.join_next().await {
        joined.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_update_is_lost_under_concurrency() {
    let session = session().await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..8 {
        let session = session.clone();
        tasks.spawn(async move {
            let a = client(&format!("c{number}"));
            for n in 1..=25 {
                session.act(&a, n, add).await.unwrap();
                session
                    .update(|data: &mut Counter| data.count += 1)
                    .await
                    .unwrap();
            }
        });
    }
    while let Some(joined) = tasks.join_next().await {
        joined.unwrap();
    }
    assert_eq!((count(&session), session.version().revision), (401, 401));
}

#[tokio::test(start_paused = true)]
async fn updates_say_what_changes_until_the_session_ends() {
    let session = session().await;
    let mut updates = session.updates();
    session.update(|data: &mut Counter| data.count = 4).await.unwrap();
    let batch = updates.next().await.unwrap().unwrap();
    assert_eq!(batch.revision, 2);
    assert_eq!(batch.updates.len(), 1);
    assert_eq!(batch.updates[0].content.text_nodes["0"], "25");
    assert_eq!(batch.updates[0].sequence_number, 1);

    session
        .update(|data: &mut Counter| data.note = "n".into())
        .await
        .unwrap();
    let batch = updates.next().await.unwrap().unwrap();
    assert_eq!(batch.updates[0].content.text_nodes["1"], "n");
    assert_eq!(batch.updates[0].sequence_number, 2);
    assert_eq!(updates.shown().revision, 3);

    session.close().await.unwrap();
    assert!(updates.next().await.is_none());
    assert!(updates.next().await.is_none());
    assert!(
        session.updates().next().await.is_none(),
        "an ended session has none"
    );
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_gets_one_batch_and_reverted_changes_yield_none() {
    let session = session().await;
    let (shown, _) = session.render("").unwrap();
    for count in 2..=5 {
        session
            .update(|data: &mut Counter| data.count = count)
            .await
            .unwrap();
    }
    // The page was rendered before all of it.
    let mut updates = session.updates_from(shown);
    let batch = updates.next().await.unwrap().unwrap();
    assert_eq!((batch.revision, batch.updates.len()), (5, 1));
    assert_eq!(batch.updates[0].content.text_nodes["0"], "20");

    for count in [7, 5] {
        session
            .update(|data: &mut Counter| data.count = count)
            .await
            .unwrap();
    }
    // 100 // 30 and 100 // 33 look alike.
    for count in [30, 33] {
        session
            .update(|data: &mut Counter| data.count = count)
            .await
            .unwrap();
        if count == 30 {
            assert_eq!(
                updates.next().await.unwrap().unwrap().updates[0]
                    .content
                    .text_nodes["0"],
                "3"
            );
        }
    }
    session.push_event("ping", &1).unwrap();
    let nothing = tokio::time::timeout(Duration::from_secs(60), updates.next()).await;
    assert!(nothing.is_err(), "{nothing:?}");
    assert_eq!(updates.shown().revision, session.version().revision);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_for_updates_loses_none() {
    let session = session().await;
    let mut updates = session.updates();
    for count in [2, 4, 5] {
        assert!(
            tokio::time::timeout(Duration::from_millis(1), updates.next())
                .await
                .is_err()
        );
        session
            .update(|data: &mut Counter| data.count = count)
            .await
            .unwrap();
        let batch = updates.next().await.unwrap().unwrap();
        assert_eq!(
            batch.updates[0].content.text_nodes["0"],
            (100 / count).to_string()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_renderer_decides_how_fine_updates_are() {
    let session = session_of(
        &builder()
            .optimization_level(OptimizationLevel::None)
            .build()
            .unwrap(),
    )
    .await;
    let mut updates = session.updates();
    session.update(|data: &mut Counter| data.count = 4).await.unwrap();
    let batch = updates.next().await.unwrap().unwrap();
    assert_eq!(batch.updates[0].html.as_deref(), Some("<p st>25</p><p st></p>"));
}
