//! A primary that fails on command, under paused time. Real servers that are stopped are in `tests/servers`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::{CircuitState, FallbackPolicy, ResilientStore};
use crate::store::{
    MemoryStore, OwnerId, SessionClass, SessionCount, SessionRecord, SessionStore, Stamp, StoreEvent,
    StoreEventSender, StoreEvents, Timestamp, Touch, conformance,
};
use crate::{Error, ErrorKind, SessionEnd, Snapshot};

/// How the primary is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Mode {
    Works,
    Refuses,
    Hangs,
    /// Does what it is told, and does not answer.
    LosesAnswers,
    /// The same, but for probes, which it answers.
    AnswersProbes,
    /// Fails one call, and then works.
    Stumbles,
}

#[derive(Clone)]
struct Primary {
    store: Arc<MemoryStore>,
    mode: Arc<AtomicU8>,
    calls: Arc<AtomicUsize>,
    events: StoreEventSender,
}

impl Primary {
    fn new() -> Self {
        Self {
            store: Arc::new(MemoryStore::new()),
            mode: Arc::default(),
            calls: Arc::default(),
            events: StoreEventSender::new(),
        }
    }

    fn set(&self, mode: Mode) {
        self.mode.store(mode as u8, Ordering::SeqCst);
    }

    fn is(&self, mode: Mode) -> bool {
        self.mode.load(Ordering::SeqCst) == mode as u8
    }

    async fn call<R>(&self, call: impl Future<Output = Result<R, Error>>) -> Result<R, Error> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.is(Mode::Refuses) {
            return Err(ErrorKind::StoreUnavailable.into());
        }
        if self.is(Mode::Stumbles) {
            self.set(Mode::Works);
            return Err(ErrorKind::StoreUnavailable.into());
        }
        if self.is(Mode::Hangs) {
            return std::future::pending().await;
        }
        let answer = call.await;
        if self.is(Mode::LosesAnswers) || self.is(Mode::AnswersProbes) {
            return Err(ErrorKind::StoreUnavailable.into());
        }
        answer
    }
}

#[async_trait]
impl SessionStore for Primary {
    async fn create(&self, record: SessionRecord) -> Result<(), Error> {
        self.call(self.store.create(record)).await
    }
    async fn load(&self, id: &str) -> Result<SessionRecord, Error> {
        self.call(self.store.load(id)).await
    }
    async fn update(&self, record: SessionRecord, expected: Stamp) -> Result<(), Error> {
        self.call(self.store.update(record, expected)).await
    }
    async fn delete(&self, id: &str, reason: SessionEnd) -> Result<bool, Error> {
        self.call(self.store.delete(id, reason)).await
    }
    async fn touch(&self, id: &str, touch: Touch) -> Result<(), Error> {
        self.call(self.store.touch(id, touch)).await
    }
    async fn remove_expired(&self, now: Timestamp, limit: usize) -> Result<Vec<String>, Error> {
        self.call(self.store.remove_expired(now, limit)).await
    }
    async fn by_owner(&self, owner: &OwnerId) -> Result<Vec<String>, Error> {
        self.call(self.store.by_owner(owner)).await
    }
    async fn by_user(&self, user: &str) -> Result<Vec<String>, Error> {
        self.call(self.store.by_user(user)).await
    }
    async fn least_recent(
        &self,
        class: SessionClass,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<String>, Error> {
        self.call(self.store.least_recent(class, now, limit)).await
    }
    async fn count(&self) -> Result<SessionCount, Error> {
        self.call(self.store.count()).await
    }
    async fn health(&self) -> Result<(), Error> {
        if self.is(Mode::AnswersProbes) {
            return Ok(());
        }
        self.call(self.store.health()).await
    }
    fn events(&self) -> Option<StoreEvents> {
        Some(self.events.subscribe())
    }
}

fn pair() -> (Primary, ResilientStore) {
    let primary = Primary::new();
    (primary.clone(), ResilientStore::new(primary))
}

fn record(id: &str) -> SessionRecord {
    SessionRecord::new(id, "page.html", Snapshot::of(&1).unwrap(), Timestamp::now())
}

fn next(record: &SessionRecord, data: u32) -> SessionRecord {
    let mut next = record.clone();
    next.revision += 1;
    next.writes += 1;
    next.snapshot = Snapshot::of(&data).unwrap().into();
    next
}

/// What the renderer does: writes over what it knows, and reads again after a conflict.
async fn write(store: &ResilientStore, known: &mut SessionRecord, data: u32) {
    for _ in 0..4 {
        let mine = next(known, data);
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
    panic!("the write kept failing as a conflict");
}

async fn open(primary: &Primary, store: &ResilientStore) {
    primary.set(Mode::Refuses);
    store.health().await.unwrap_err();
    assert_eq!(store.circuit(), CircuitState::Open);
}

async fn recover(primary: &Primary, store: &ResilientStore) {
    primary.set(Mode::Works);
    let mut phases = store.shared.breaker.watch();
    phases
        .wait_for(|phase| *phase == super::Phase::Closed)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passes_the_suite_over_a_primary_that_works() {
    conformance::check(async || ResilientStore::new(MemoryStore::new()))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_failure_opens_nothing_and_a_read_does_not_notice_it() {
    let (primary, store) = pair();
    store.create(record("a")).await.unwrap();
    primary.set(Mode::Stumbles);
    store.load("a").await.unwrap();
    assert_eq!(store.circuit(), CircuitState::Closed);
    primary.set(Mode::Stumbles);
    // A write may have happened: whoever made it finds out.
    let known = record("a");
    let error = store.update(next(&known, 2), known.stamp()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    assert_eq!(store.circuit(), CircuitState::Closed);
    assert_eq!(store.metrics().circuit_opened, 0);
}

#[tokio::test(start_paused = true)]
async fn a_primary_that_is_slow_is_down() {
    let (primary, store) = pair();
    let mut known = record("a");
    store.create(known.clone()).await.unwrap();
    primary.set(Mode::Hangs);
    let begun = tokio::time::Instant::now();
    write(&store, &mut known, 2).await;
    // The call and two probes, each a second: paused time makes this exact but for the pauses between them.
    assert!(
        begun.elapsed() < Duration::from_millis(3_300),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(store.circuit(), CircuitState::Open);
    assert_eq!(store.load("a").await.unwrap(), known);
}

#[tokio::test(start_paused = true)]
async fn sessions_go_on_for_half_a_minute_and_the_primary_holds_everything_afterwards() {
    let (primary, store) = pair();
    let mut sessions: Vec<_> = (0..50).map(|number| record(&format!("s{number}"))).collect();
    for session in &sessions {
        store.create(session.clone()).await.unwrap();
    }
    let epochs: Vec<_> = sessions.iter().map(|session| session.epoch).collect();
    open(&primary, &store).await;
    assert_eq!(
        store.health().await.unwrap_err().kind(),
        ErrorKind::StoreUnavailable
    );
    assert!(!store.is_available());
    let calls = primary.calls.load(Ordering::SeqCst);
    for round in 0..30 {
        for session in &mut sessions {
            write(&store, session, 100 + round).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    for number in 0..5 {
        let new = record(&format!("new{number}"));
        store.create(new.clone()).await.unwrap();
        sessions.push(new);
    }
    // The primary was left alone, but for probes.
    assert!(primary.calls.load(Ordering::SeqCst) - calls < 20);
    assert_eq!(store.metrics().sessions_unwritten, 55);
    for (session, epoch) in sessions.iter().zip(epochs) {
        assert_ne!(session.epoch, epoch, "what may be lost has an epoch of its own");
    }
    recover(&primary, &store).await;
    for session in &sessions {
        assert_eq!(&primary.store.load(&session.id).await.unwrap(), session);
        assert_eq!(&store.load(&session.id).await.unwrap(), session);
    }
    let metrics = store.metrics();
    assert_eq!(
        (metrics.sessions_unwritten, metrics.sessions_written_back),
        (0, 55)
    );
    assert_eq!(metrics.write_back_conflicts, 0);
    assert!(store.is_available());
    write(&store, &mut sessions[0], 7).await;
    assert_eq!(primary.store.load("s0").await.unwrap(), sessions[0]);
}

#[tokio::test(start_paused = true)]
async fn where_another_node_was_faster_the_primary_wins_and_the_pages_are_told() {
    let (primary, store) = pair();
    let (mut lost, mut ended, mut kept) = (record("lost"), record("ended"), record("kept"));
    let theirs = next(&lost, 1_000);
    for session in [&lost, &ended, &kept] {
        store.create(session.clone()).await.unwrap();
    }
    let mut events = store.events().unwrap();
    open(&primary, &store).await;
    for session in [&mut lost, &mut ended, &mut kept] {
        write(&store, session, 2).await;
    }
    let before = primary.store.load("lost").await.unwrap();
    primary
        .store
        .update(theirs.clone(), before.stamp())
        .await
        .unwrap();
    primary
        .store
        .delete("ended", SessionEnd::Invalidated)
        .await
        .unwrap();
    recover(&primary, &store).await;

    assert_eq!(store.load("lost").await.unwrap(), theirs);
    assert_eq!(
        store.load("ended").await.unwrap_err().kind(),
        ErrorKind::SessionNotFound
    );
    assert_eq!(store.load("kept").await.unwrap(), kept);
    assert_eq!(store.metrics().write_back_conflicts, 2);
    let mut told = [events.next().await.unwrap(), events.next().await.unwrap()];
    told.sort_by_key(|event| matches!(event, StoreEvent::Removed { .. }));
    let changed = StoreEvent::Changed {
        id: "lost".into(),
        stamp: theirs.stamp(),
    };
    let removed = StoreEvent::Removed {
        id: "ended".into(),
        reason: None,
    };
    assert_eq!(told, [changed, removed]);
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_was_lost_is_no_conflict() {
    let (primary, store) = pair();
    let mut known = record("a");
    store.create(known.clone()).await.unwrap();
    // The write reaches the primary, and then nothing more comes from it; the handler runs again in memory.
    primary.set(Mode::LosesAnswers);
    write(&store, &mut known, 2).await;
    assert_eq!(store.circuit(), CircuitState::Open);
    assert_eq!(primary.store.load("a").await.unwrap().revision, 2);
    // So is a session whose making was not answered.
    let created = record("b");
    store.create(created.clone()).await.unwrap();
    write(&store, &mut known, 3).await;
    recover(&primary, &store).await;
    assert_eq!(primary.store.load("a").await.unwrap(), known);
    assert_eq!(primary.store.load("b").await.unwrap(), created);
    assert_eq!(store.metrics().write_back_conflicts, 0);
}

#[tokio::test(start_paused = true)]
async fn a_write_back_whose_answer_was_lost_is_no_conflict() {
    let (primary, store) = pair();
    let mut known = record("a");
    store.create(known.clone()).await.unwrap();
    open(&primary, &store).await;
    write(&store, &mut known, 2).await;
    store.create(record("b")).await.unwrap();
    primary.set(Mode::AnswersProbes);
    let mut phases = store.shared.breaker.watch();
    while store.metrics().circuit_opened < 3 {
        phases.changed().await.unwrap();
    }
    write(&store, &mut known, 3).await;
    recover(&primary, &store).await;
    assert_eq!(primary.store.load("a").await.unwrap(), known);
    assert_eq!(primary.store.count().await.unwrap().established, 2);
    assert_eq!(store.metrics().write_back_conflicts, 0);
}

#[tokio::test(start_paused = true)]
async fn what_memory_does_not_hold_is_unavailable_and_not_unknown() {
    let (primary, store) = pair();
    primary.store.create(record("elsewhere")).await.unwrap();
    open(&primary, &store).await;
    let known = record("elsewhere");
    let errors = [
        store.load("elsewhere").await.unwrap_err(),
        store.update(next(&known, 2), known.stamp()).await.unwrap_err(),
        store.by_user("ann").await.unwrap_err(),
        store.by_owner(&OwnerId::random().unwrap()).await.unwrap_err(),
        // It is deleted when the primary is back, but nobody can say so now.
        store
            .delete("elsewhere", SessionEnd::Invalidated)
            .await
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::StoreUnavailable, "{error}");
    }
    recover(&primary, &store).await;
    assert_eq!(primary.store.count().await.unwrap().established, 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_is_gone_at_once_and_in_the_primary_later() {
    let (primary, store) = pair();
    let mut known = record("a");
    store.create(known.clone()).await.unwrap();
    store.create(record("b")).await.unwrap();
    open(&primary, &store).await;
    write(&store, &mut known, 2).await;
    for id in ["a", "b"] {
        assert!(store.delete(id, SessionEnd::Closed).await.unwrap());
        assert!(!store.delete(id, SessionEnd::Closed).await.unwrap());
        assert_eq!(
            store.load(id).await.unwrap_err().kind(),
            ErrorKind::SessionNotFound
        );
    }
    // What was made and deleted in memory leaves no trace.
    store.create(record("c")).await.unwrap();
    assert!(store.delete("c", SessionEnd::Closed).await.unwrap());
    assert_eq!(store.metrics().sessions_unwritten, 2);
    assert_eq!(store.count().await.unwrap().established, 0);
    recover(&primary, &store).await;
    assert_eq!(primary.store.count().await.unwrap().established, 0);
}

#[tokio::test(start_paused = true)]
async fn memory_is_bounded_and_says_what_it_refuses() {
    let primary = Primary::new();
    let store = ResilientStore::builder(primary.clone()).capacity(3).build();
    for number in 0..5 {
        store.create(record(&format!("s{number}"))).await.unwrap();
    }
    open(&primary, &store).await;
    // The last ones used are held, until what has nowhere else to be needs their room.
    assert!(store.load("s4").await.is_ok());
    assert!(store.load("s1").await.is_err());
    for number in 0..3 {
        store.create(record(&format!("new{number}"))).await.unwrap();
    }
    let error = store.create(record("one more")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MaxSessionsReached);
    for number in 0..3 {
        store
            .delete(&format!("s{number}"), SessionEnd::Closed)
            .await
            .unwrap_err();
    }
    let error = store.delete("s3", SessionEnd::Closed).await.unwrap_err();
    assert!(error.to_string().contains("3 deletions"), "{error}");
    recover(&primary, &store).await;
    assert_eq!(primary.store.count().await.unwrap().established, 5);
}

#[tokio::test(start_paused = true)]
async fn the_policy_refuse_fails_at_once_and_loses_nothing() {
    let primary = Primary::new();
    let store = ResilientStore::builder(primary.clone())
        .policy(FallbackPolicy::Refuse)
        .build();
    let known = record("a");
    store.create(known.clone()).await.unwrap();
    primary.set(Mode::Hangs);
    store.load("a").await.unwrap_err();
    let mut phases = store.shared.breaker.watch();
    phases
        .wait_for(|phase| *phase == super::Phase::Open)
        .await
        .unwrap();
    let calls = primary.calls.load(Ordering::SeqCst);
    for _ in 0..10 {
        let error = store.update(next(&known, 2), known.stamp()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    }
    assert_eq!(primary.calls.load(Ordering::SeqCst), calls);
    assert_eq!(store.metrics().calls_refused, 10);
    recover(&primary, &store).await;
    store.update(next(&known, 2), known.stamp()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_flush_waits_until_the_primary_has_everything() {
    let (primary, store) = pair();
    let mut known = record("a");
    store.create(known.clone()).await.unwrap();
    store.flush().await.unwrap();
    open(&primary, &store).await;
    write(&store, &mut known, 2).await;
    let flush = store.flush();
    tokio::pin!(flush);
    let early = tokio::time::timeout(Duration::from_secs(60), &mut flush).await;
    assert!(early.is_err(), "the primary is down");
    primary.set(Mode::Works);
    flush.await.unwrap();
    assert_eq!(primary.store.load("a").await.unwrap(), known);
}

#[tokio::test(start_paused = true)]
async fn uses_during_the_outage_reach_the_primary() {
    let (primary, store) = pair();
    let mut expected = record("a");
    store.create(expected.clone()).await.unwrap();
    open(&primary, &store).await;
    for seconds in [5, 9] {
        let touch = Touch {
            last_access: expected.last_access + Duration::from_secs(seconds),
            expires_at: expected.expires_at + Duration::from_secs(seconds),
            connected_until: (seconds == 5).then(|| Timestamp::from_millis(77)),
        };
        store.touch("a", touch).await.unwrap();
        expected.touch(touch);
    }
    assert_eq!(store.load("a").await.unwrap(), expected);
    recover(&primary, &store).await;
    assert_eq!(primary.store.load("a").await.unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_another_node_has_changed_is_no_copy() {
    let (primary, store) = pair();
    let first = record("a");
    store.create(first.clone()).await.unwrap();
    store.create(record("b")).await.unwrap();
    let mut events = store.events().unwrap();
    let changed = StoreEvent::Changed {
        id: "a".into(),
        stamp: next(&first, 2).stamp(),
    };
    let removed = StoreEvent::Removed {
        id: "b".into(),
        reason: Some(SessionEnd::Invalidated),
    };
    for event in [changed, removed] {
        primary.events.send(event.clone());
        assert_eq!(events.next().await, Some(event));
    }
    open(&primary, &store).await;
    for id in ["a", "b"] {
        let error = store.load(id).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StoreUnavailable, "{id}");
    }
}
