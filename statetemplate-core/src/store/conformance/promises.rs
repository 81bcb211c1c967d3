//! The promises, one function each.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use crate::store::{
    Answer, ClientId, OwnerId, SessionClass, SessionCount, SessionRecord, SessionStore, Timestamp, Touch,
};
use crate::{Error, ErrorKind, SessionEnd, Snapshot};

type Store = Arc<dyn SessionStore>;
type Checked = Result<(), String>;

/// Stores compare the times that they are given; a time in the near future keeps those with a TTL of their own from
/// removing the records of the suite.
fn now() -> Timestamp {
    Timestamp::now()
}

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

fn record(id: &str) -> Result<SessionRecord, String> {
    let data = [
        ("name".to_owned(), "Zoë".to_owned()),
        ("count".to_owned(), "1".to_owned()),
    ];
    let snapshot = ok(
        "making a snapshot",
        Snapshot::of(&std::collections::BTreeMap::from(data)),
    )?;
    Ok(SessionRecord::new(id, "page.html", snapshot, now()))
}

/// A use of a session without a connection.
fn used(last_access: Timestamp, expires_at: Timestamp) -> Touch {
    Touch {
        last_access,
        expires_at,
        connected_until: None,
    }
}

fn ok<T>(what: &str, result: Result<T, Error>) -> Result<T, String> {
    result.map_err(|error| format!("{what} failed: {error:#}"))
}

fn fails<T: Debug>(what: &str, result: Result<T, Error>, kind: ErrorKind) -> Checked {
    match result {
        Err(error) if error.kind() == kind => Ok(()),
        Err(error) => Err(format!(
            "{what} failed with {:?}, not {kind:?}: {error}",
            error.kind()
        )),
        Ok(value) => Err(format!("{what} gave {value:?}, not the error {kind:?}")),
    }
}

fn equal<T: PartialEq + Debug>(what: &str, seen: &T, expected: &T) -> Checked {
    if seen == expected {
        Ok(())
    } else {
        Err(format!("{what}: {seen:?} instead of {expected:?}"))
    }
}

async fn create(store: &Store, record: &SessionRecord) -> Checked {
    ok("create", store.create(record.clone()).await)
}

async fn load(store: &Store, id: &str) -> Result<SessionRecord, String> {
    ok("load", store.load(id).await)
}

async fn stored(store: &Store, expected: &SessionRecord) -> Checked {
    let seen = load(store, &expected.id).await?;
    // `SessionRecord`'s equality is that of its lossless bytes, so this covers every field.
    equal("the stored record", &seen, expected)
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort_unstable();
    ids
}

fn names(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

/// What an action does to a record.
fn next(record: &SessionRecord) -> SessionRecord {
    let mut next = record.clone();
    next.revision += 1;
    next.writes += 1;
    next
}

pub(super) async fn keeps_a_record_as_it_was_created(store: Store) -> Checked {
    let mut record = record("a")?;
    record.owner = OwnerId::parse("owner");
    record.user = Some("ann".into());
    record.epoch = 7;
    record.data_version = 3;
    record.token_generation = 2;
    record.previous_token_until = now() + seconds(5);
    record.sliding_millis = 1234;
    let client = ok("a client id", ClientId::parse("client"))?;
    record.ledger.record(
        &client,
        1,
        Answer::Failed {
            code: "failed".into(),
            text: "no".into(),
        },
    );
    record.ledger.record(&client, 2, Answer::Done(None));
    create(&store, &record).await?;
    stored(&store, &record).await
}

pub(super) async fn refuses_a_second_record_with_the_same_id(store: Store) -> Checked {
    let first = record("a")?;
    create(&store, &first).await?;
    let mut second = record("a")?;
    second.user = Some("eve".into());
    fails(
        "creating twice",
        store.create(second).await,
        ErrorKind::SessionIdExists,
    )?;
    stored(&store, &first).await
}

pub(super) async fn says_not_found_where_there_is_nothing(store: Store) -> Checked {
    fails("load", store.load("none").await, ErrorKind::SessionNotFound)?;
    let record = record("none")?;
    fails(
        "update",
        store.update(record.clone(), record.stamp()).await,
        ErrorKind::SessionNotFound,
    )?;
    fails(
        "touch",
        store.touch("none", used(now(), now())).await,
        ErrorKind::SessionNotFound,
    )
}

pub(super) async fn replaces_the_whole_record_on_update(store: Store) -> Checked {
    let first = record("a")?;
    create(&store, &first).await?;
    let mut second = next(&first);
    second.snapshot = ok("making a snapshot", Snapshot::of(&[1, 2, 3]))?.into();
    second.user = Some("ann".into());
    second.owner = OwnerId::parse("owner");
    second.expires_at = first.expires_at + seconds(60);
    let client = ok("a client id", ClientId::parse("client"))?;
    second.ledger.record(&client, 1, Answer::Done(None));
    ok("update", store.update(second.clone(), first.stamp()).await)?;
    stored(&store, &second).await
}

pub(super) async fn refuses_an_update_with_a_stale_stamp_and_changes_nothing(store: Store) -> Checked {
    let first = record("a")?;
    create(&store, &first).await?;
    let second = next(&first);
    ok("update", store.update(second.clone(), first.stamp()).await)?;
    let mut late = next(&first);
    late.user = Some("late".into());
    late.owner = OwnerId::parse("late");
    fails(
        "a stale update",
        store.update(late, first.stamp()).await,
        ErrorKind::Conflict,
    )?;
    stored(&store, &second).await?;
    equal(
        "by_user after it",
        &ok("by_user", store.by_user("late").await)?,
        &Vec::new(),
    )?;

    // A write that moves the ledger only has the same revision; it conflicts all the same.
    let mut ledger_only = second.clone();
    ledger_only.writes += 1;
    ok("update", store.update(ledger_only.clone(), second.stamp()).await)?;
    fails(
        "a stale update",
        store.update(next(&second), second.stamp()).await,
        ErrorKind::Conflict,
    )?;
    stored(&store, &ledger_only).await
}

pub(super) async fn refuses_an_update_of_another_epoch(store: Store) -> Checked {
    let first = record("a")?;
    create(&store, &first).await?;
    let mut stamp = first.stamp();
    stamp.epoch += 1;
    fails(
        "update",
        store.update(next(&first), stamp).await,
        ErrorKind::Conflict,
    )?;
    stored(&store, &first).await
}

pub(super) async fn does_not_create_by_update(store: Store) -> Checked {
    let record = record("a")?;
    create(&store, &record).await?;
    ok("delete", store.delete("a", SessionEnd::Closed).await)?;
    let updated = store.update(next(&record), record.stamp()).await;
    fails("updating a deleted session", updated, ErrorKind::SessionNotFound)?;
    fails("load", store.load("a").await, ErrorKind::SessionNotFound)
}

pub(super) async fn lets_exactly_one_of_concurrent_updates_win(store: Store) -> Checked {
    let first = record("a")?;
    create(&store, &first).await?;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..16 {
        let (store, mut mine) = (store.clone(), next(&first));
        mine.user = Some(format!("user{number}").into());
        let stamp = first.stamp();
        // The suite is its tasks' owner: it waits for each of them below.
        tasks.spawn(async move { (mine.clone(), store.update(mine, stamp).await) });
    }
    let mut winners = Vec::new();
    while let Some(joined) = tasks.join_next().await {
        let (mine, result) = joined.map_err(|error| format!("an update panicked: {error}"))?;
        match result {
            Ok(()) => winners.push(mine),
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            Err(error) => return Err(format!("an update failed: {error:#}")),
        }
    }
    equal("winners of 16 concurrent updates", &winners.len(), &1)?;
    stored(&store, &winners[0]).await
}

pub(super) async fn lets_exactly_one_of_concurrent_creates_win(store: Store) -> Checked {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (store, mine) = (store.clone(), record("a")?);
        tasks.spawn(async move { store.create(mine).await });
    }
    let mut winners = 0;
    while let Some(joined) = tasks.join_next().await {
        match joined.map_err(|error| format!("a create panicked: {error}"))? {
            Ok(()) => winners += 1,
            Err(error) if error.kind() == ErrorKind::SessionIdExists => {}
            Err(error) => return Err(format!("a create failed: {error:#}")),
        }
    }
    equal("winners of 16 concurrent creates", &winners, &1)?;
    let count = ok("count", store.count().await)?;
    equal(
        "the count after them",
        &count,
        &SessionCount {
            established: 1,
            provisional: 0,
        },
    )
}

pub(super) async fn loses_no_concurrent_increment(store: Store) -> Checked {
    create(&store, &record("a")?).await?;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = store.clone();
        tasks.spawn(async move {
            for _ in 0..8 {
                loop {
                    let seen = store.load("a").await?;
                    match store.update(next(&seen), seen.stamp()).await {
                        Ok(()) => break,
                        Err(error) if error.kind() == ErrorKind::Conflict => tokio::task::yield_now().await,
                        Err(error) => return Err(error),
                    }
                }
            }
            Ok(())
        });
    }
    while let Some(joined) = tasks.join_next().await {
        ok(
            "an increment",
            joined.map_err(|error| format!("an increment panicked: {error}"))?,
        )?;
    }
    equal(
        "the revision after 64 increments",
        &load(&store, "a").await?.revision,
        &65,
    )
}

pub(super) async fn deletes_once_and_forgives_a_second_time(store: Store) -> Checked {
    create(&store, &record("a")?).await?;
    equal(
        "the first delete",
        &ok("delete", store.delete("a", SessionEnd::Closed).await)?,
        &true,
    )?;
    equal(
        "the second delete",
        &ok("delete", store.delete("a", SessionEnd::Closed).await)?,
        &false,
    )?;
    fails("load", store.load("a").await, ErrorKind::SessionNotFound)?;
    equal(
        "count",
        &ok("count", store.count().await)?,
        &SessionCount::default(),
    )
}

pub(super) async fn can_use_an_id_again_after_deleting(store: Store) -> Checked {
    let mut first = record("a")?;
    first.user = Some("ann".into());
    create(&store, &first).await?;
    ok("delete", store.delete("a", SessionEnd::Closed).await)?;
    let second = record("a")?;
    create(&store, &second).await?;
    stored(&store, &second).await?;
    equal(
        "by_user",
        &ok("by_user", store.by_user("ann").await)?,
        &Vec::new(),
    )
}

pub(super) async fn moves_times_forward_on_touch_and_leaves_the_stamp(store: Store) -> Checked {
    let mut expected = record("a")?;
    create(&store, &expected).await?;
    expected.last_access = expected.last_access + seconds(5);
    expected.expires_at = expected.expires_at + seconds(5);
    let later = used(expected.last_access, expected.expires_at);
    ok("touch", store.touch("a", later).await)?;
    stored(&store, &expected).await?;
    ok(
        "touch",
        store.touch("a", used(expected.created, expected.created)).await,
    )?;
    stored(&store, &expected).await?;
    ok(
        "an update after touches",
        store.update(next(&expected), expected.stamp()).await,
    )
}

pub(super) async fn removes_exactly_what_has_expired(store: Store) -> Checked {
    let now = now();
    for (id, life) in [("a", 10), ("b", 20), ("c", 30)] {
        let mut record = record(id)?;
        record.expires_at = now + seconds(life);
        create(&store, &record).await?;
    }
    let removed = ok(
        "remove_expired",
        store.remove_expired(now + seconds(9), 100).await,
    )?;
    equal("removed before the first expiry", &removed, &Vec::new())?;
    let removed = ok(
        "remove_expired",
        store.remove_expired(now + seconds(20), 100).await,
    )?;
    equal(
        "removed at the second expiry",
        &sorted(removed),
        &names(&["a", "b"]),
    )?;
    fails(
        "loading what was removed",
        store.load("b").await,
        ErrorKind::SessionNotFound,
    )?;
    load(&store, "c").await?;
    let removed = ok(
        "remove_expired",
        store.remove_expired(now + seconds(20), 100).await,
    )?;
    equal("removed a second time", &removed, &Vec::new())?;
    let count = ok("count", store.count().await)?;
    equal(
        "count",
        &count,
        &SessionCount {
            established: 1,
            provisional: 0,
        },
    )
}

pub(super) async fn removes_at_the_absolute_expiry_even_if_touched(store: Store) -> Checked {
    let now = now();
    let mut record = record("a")?;
    record.expires_at = now + seconds(10);
    record.absolute_expiry = now + seconds(30);
    create(&store, &record).await?;
    ok("touch", store.touch("a", used(now, now + seconds(90))).await)?;
    let removed = ok(
        "remove_expired",
        store.remove_expired(now + seconds(29), 100).await,
    )?;
    equal("removed before it", &removed, &Vec::new())?;
    let removed = ok(
        "remove_expired",
        store.remove_expired(now + seconds(30), 100).await,
    )?;
    equal("removed at it", &removed, &names(&["a"]))
}

pub(super) async fn keeps_what_is_touched_in_time(store: Store) -> Checked {
    let now = now();
    let mut record = record("a")?;
    record.expires_at = now + seconds(10);
    create(&store, &record).await?;
    ok("touch", store.touch("a", used(now, now + seconds(20))).await)?;
    let removed = ok(
        "remove_expired",
        store.remove_expired(now + seconds(15), 100).await,
    )?;
    equal("removed", &removed, &Vec::new())?;
    load(&store, "a").await.map(drop)
}

pub(super) async fn removes_no_more_than_the_limit_at_once(store: Store) -> Checked {
    let now = now();
    for number in 0..10 {
        let mut record = record(&format!("s{number}"))?;
        record.expires_at = now + seconds(10);
        create(&store, &record).await?;
    }
    let mut removed = Vec::new();
    for _ in 0..4 {
        let batch = ok("remove_expired", store.remove_expired(now + seconds(10), 3).await)?;
        if batch.len() > 3 {
            return Err(format!(
                "{} sessions were removed at once, the limit was 3",
                batch.len()
            ));
        }
        removed.extend(batch);
    }
    equal("removed in four batches", &sorted(removed).len(), &10)
}

pub(super) async fn finds_sessions_by_owner(store: Store) -> Checked {
    let owner = OwnerId::parse("owner").ok_or("an owner")?;
    let other = OwnerId::parse("other").ok_or("an owner")?;
    for (id, owner) in [
        ("a", Some(&owner)),
        ("b", Some(&owner)),
        ("c", Some(&other)),
        ("d", None),
    ] {
        let mut record = record(id)?;
        record.owner = owner.cloned();
        create(&store, &record).await?;
    }
    equal(
        "by_owner",
        &sorted(ok("by_owner", store.by_owner(&owner).await)?),
        &names(&["a", "b"]),
    )?;
    ok("delete", store.delete("a", SessionEnd::Closed).await)?;
    equal(
        "by_owner",
        &ok("by_owner", store.by_owner(&owner).await)?,
        &names(&["b"]),
    )
}

pub(super) async fn finds_sessions_by_user(store: Store) -> Checked {
    for (id, user) in [
        ("a", Some("ann")),
        ("b", Some("ann")),
        ("c", Some("bob")),
        ("d", None),
    ] {
        let mut record = record(id)?;
        record.user = user.map(Into::into);
        create(&store, &record).await?;
    }
    equal(
        "by_user",
        &sorted(ok("by_user", store.by_user("ann").await)?),
        &names(&["a", "b"]),
    )?;
    equal("by_user", &ok("by_user", store.by_user("an").await)?, &Vec::new())?;
    ok("delete", store.delete("a", SessionEnd::Closed).await)?;
    equal(
        "by_user",
        &ok("by_user", store.by_user("ann").await)?,
        &names(&["b"]),
    )
}

pub(super) async fn follows_an_owner_that_changes(store: Store) -> Checked {
    let before = OwnerId::parse("before").ok_or("an owner")?;
    let after = OwnerId::parse("after").ok_or("an owner")?;
    let mut first = record("a")?;
    first.owner = Some(before.clone());
    create(&store, &first).await?;
    let mut second = next(&first);
    second.owner = Some(after.clone());
    ok("update", store.update(second, first.stamp()).await)?;
    equal(
        "by_owner before",
        &ok("by_owner", store.by_owner(&before).await)?,
        &Vec::new(),
    )?;
    equal(
        "by_owner after",
        &ok("by_owner", store.by_owner(&after).await)?,
        &names(&["a"]),
    )
}

pub(super) async fn counts_provisional_sessions_apart(store: Store) -> Checked {
    let mut first = record("a")?;
    first.provisional = true;
    create(&store, &first).await?;
    create(&store, &record("b")?).await?;
    let count = ok("count", store.count().await)?;
    equal(
        "count",
        &count,
        &SessionCount {
            established: 1,
            provisional: 1,
        },
    )?;
    let mut bound = next(&first);
    bound.provisional = false;
    ok("update", store.update(bound, first.stamp()).await)?;
    let count = ok("count", store.count().await)?;
    equal(
        "count after the join",
        &count,
        &SessionCount {
            established: 2,
            provisional: 0,
        },
    )?;
    let waiting = ok(
        "least_recent",
        store
            .least_recent(SessionClass::Provisional, now() + seconds(60), 9)
            .await,
    )?;
    equal("provisional sessions after the join", &waiting, &Vec::new())
}

pub(super) async fn lists_least_recently_used_first(store: Store) -> Checked {
    let now = now();
    for (id, age) in [("a", 1), ("b", 2), ("c", 3), ("d", 4)] {
        let mut record = record(id)?;
        record.last_access = now + seconds(age);
        record.provisional = id == "d";
        create(&store, &record).await?;
    }
    ok("touch", store.touch("a", used(now + seconds(5), now)).await)?;
    let list = ok(
        "least_recent",
        store
            .least_recent(SessionClass::Established, now + seconds(60), 9)
            .await,
    )?;
    equal("least_recent", &list, &names(&["b", "c", "a"]))?;
    let list = ok(
        "least_recent",
        store
            .least_recent(SessionClass::Established, now + seconds(60), 2)
            .await,
    )?;
    equal("least_recent of two", &list, &names(&["b", "c"]))?;
    let list = ok(
        "least_recent",
        store
            .least_recent(SessionClass::Provisional, now + seconds(60), 9)
            .await,
    )?;
    equal("least_recent provisional", &list, &names(&["d"]))
}

pub(super) async fn lists_no_session_that_is_connected(store: Store) -> Checked {
    let now = now();
    let list = async || {
        let list = store
            .least_recent(SessionClass::Established, now + seconds(9), 9)
            .await;
        ok("least_recent", list)
    };
    for (id, age) in [("a", 1), ("b", 2)] {
        let mut record = record(id)?;
        record.last_access = now + seconds(age);
        create(&store, &record).await?;
    }
    let mut expected = load(&store, "a").await?;
    let connected = Touch {
        last_access: now,
        expires_at: now,
        connected_until: Some(now + seconds(10)),
    };
    ok("touch", store.touch("a", connected).await)?;
    expected.touch(connected);
    stored(&store, &expected).await?;
    equal(
        "least_recent beside a connected session",
        &list().await?,
        &names(&["b"]),
    )?;
    // A touch that says nothing of connections leaves them alone, as does an update.
    ok("touch", store.touch("a", used(now, now)).await)?;
    let moved = next(&expected);
    ok("update", store.update(moved.clone(), expected.stamp()).await)?;
    stored(&store, &moved).await?;
    equal("least_recent after an update", &list().await?, &names(&["b"]))?;
    let late = store
        .least_recent(SessionClass::Established, now + seconds(10), 9)
        .await;
    equal(
        "least_recent when the connection has run out",
        &ok("least_recent", late)?,
        &names(&["b", "a"]),
    )?;
    let ended = Touch {
        connected_until: Some(now),
        ..connected
    };
    ok("touch", store.touch("a", ended).await)?;
    equal(
        "least_recent after the connection",
        &list().await?,
        &names(&["a", "b"]),
    )
}

pub(super) async fn evicts_no_session_that_is_connected(store: Store) -> Checked {
    let now = now();
    let mut record = record("a")?;
    record.last_access = now;
    record.connected_until = now + seconds(30);
    create(&store, &record).await?;
    equal(
        "evicting a connected session",
        &ok("evict", store.evict("a", now + seconds(29)).await)?,
        &false,
    )?;
    stored(&store, &record).await?;
    equal(
        "evicting it once its connection has ended",
        &ok("evict", store.evict("a", now + seconds(30)).await)?,
        &true,
    )?;
    fails("load", store.load("a").await, ErrorKind::SessionNotFound)?;
    equal(
        "evicting what is gone",
        &ok("evict", store.evict("a", now + seconds(30)).await)?,
        &false,
    )
}

pub(super) async fn keeps_sessions_apart(store: Store) -> Checked {
    let mut records = Vec::new();
    for number in 0..50 {
        let mut record = record(&format!("s{number}"))?;
        record.snapshot = ok("making a snapshot", Snapshot::of(&format!("marker {number}")))?.into();
        create(&store, &record).await?;
        records.push(record);
    }
    for record in &records {
        stored(&store, record).await?;
    }
    ok("delete", store.delete("s7", SessionEnd::Closed).await)?;
    for record in records.iter().filter(|record| &*record.id != "s7") {
        stored(&store, record).await?;
    }
    Ok(())
}

pub(super) async fn is_healthy_and_available(store: Store) -> Checked {
    ok("health", store.health().await)?;
    equal("is_available", &store.is_available(), &true)
}
