//! What every store goes through beyond the published suite.

use std::sync::Arc;

use statetemplate_core::{
    ErrorKind, SessionEnd, Snapshot,
    store::{SessionClass, SessionCount, SessionRecord, SessionStore, Timestamp, Touch},
};
use tokio::task::JoinSet;

type Store = Arc<dyn SessionStore>;

/// All of them, on one store: each uses sessions of its own.
pub(crate) async fn all(store: Store) {
    lets_one_of_a_thousand_updates_win(&store).await;
    keeps_odd_characters(&store).await;
    keeps_large_records(&store).await;
    keeps_the_ends_of_all_numbers(&store).await;
    orders_equal_times_by_id(&store).await;
    ends_each_expired_session_once(&store).await;
    counts_what_many_make_bind_and_end(&store).await;
    lets_a_page_connect_or_evicts_its_session(&store).await;
}

pub(crate) fn record(id: &str) -> SessionRecord {
    SessionRecord::new(id, "page.html", Snapshot::of(&1).unwrap(), Timestamp::now())
}

pub(crate) fn next(record: &SessionRecord) -> SessionRecord {
    let mut next = record.clone();
    next.revision += 1;
    next.writes += 1;
    next
}

async fn lets_one_of_a_thousand_updates_win(store: &Store) {
    let first = record("thousand");
    store.create(first.clone()).await.unwrap();
    let mut tasks = JoinSet::new();
    for number in 0..1_000 {
        let (store, mut mine) = (store.clone(), next(&first));
        mine.user = Some(format!("user {number}").into());
        let stamp = first.stamp();
        tasks.spawn(async move { store.update(mine.clone(), stamp).await.map(|()| mine) });
    }
    let mut winners = Vec::new();
    while let Some(joined) = tasks.join_next().await {
        match joined.unwrap() {
            Ok(winner) => winners.push(winner),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error:#}"),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(store.load("thousand").await.unwrap(), winners[0]);
    store.delete("thousand", SessionEnd::Closed).await.unwrap();
}

async fn keeps_odd_characters(store: &Store) {
    let odd = [
        "",
        " ",
        "\0",
        "a\0b",
        "a",
        "\\0",
        "\\\\0",
        "'; DROP TABLE statetemplate_sessions; --",
        "%",
        "_",
        "*",
        "{tag}",
        "a:b",
        "ANN",
        "ann",
        "änn",
        "a\u{308}nn",
        "\u{feff}x",
        "\u{10ffff}",
        "🦀\r\n\t",
        "\u{202e}abc",
    ];
    for (number, user) in odd.iter().enumerate() {
        let mut record = record(&format!("odd{number}"));
        record.user = Some((*user).into());
        record.template = (*user).into();
        record.snapshot = Snapshot::of(user).unwrap().into();
        store.create(record.clone()).await.unwrap();
        assert_eq!(store.load(&record.id).await.unwrap(), record, "{user:?}");
    }
    for (number, user) in odd.iter().enumerate() {
        let id = format!("odd{number}");
        assert_eq!(
            store.by_user(user).await.unwrap(),
            std::slice::from_ref(&id),
            "{user:?}"
        );
        // What comes from outside as an id is not found, and harms nothing.
        let missing = store.load(user).await.unwrap_err();
        assert_eq!(
            missing.kind(),
            ErrorKind::SessionNotFound,
            "{user:?}: {missing:#}"
        );
        assert!(!store.delete(user, SessionEnd::Closed).await.unwrap(), "{user:?}");
        assert!(store.delete(&id, SessionEnd::Closed).await.unwrap());
    }
    let long = "x".repeat(100_000);
    let mut record = record("long");
    record.user = Some(long.as_str().into());
    store.create(record).await.unwrap();
    assert_eq!(store.by_user(&long).await.unwrap(), ["long"]);
    assert_eq!(store.by_user(&long[1..]).await.unwrap(), [""; 0]);
    assert_eq!(
        store.load(&long).await.unwrap_err().kind(),
        ErrorKind::SessionNotFound
    );
    store.delete("long", SessionEnd::Closed).await.unwrap();
}

async fn keeps_large_records(store: &Store) {
    // Noise, so that no compression helps.
    let mut state = 1_u64;
    let noise: Vec<u64> = (0..500_000)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state
        })
        .collect();
    let mut large = record("large");
    large.snapshot = Snapshot::of(&noise).unwrap().into();
    assert!(large.to_bytes().len() > 4_000_000);
    store.create(large.clone()).await.unwrap();
    assert_eq!(store.load("large").await.unwrap(), large);
    let mut larger = next(&large);
    larger.snapshot = Snapshot::of(&[&noise, &noise]).unwrap().into();
    store.update(larger.clone(), large.stamp()).await.unwrap();
    let touch = Touch {
        last_access: larger.last_access,
        expires_at: larger.expires_at,
        connected_until: Some(Timestamp::from_millis(5)),
    };
    store.touch("large", touch).await.unwrap();
    larger.touch(touch);
    assert_eq!(store.load("large").await.unwrap(), larger);
    store.delete("large", SessionEnd::Closed).await.unwrap();
}

async fn keeps_the_ends_of_all_numbers(store: &Store) {
    let mut last = record("ends");
    last.epoch = u64::MAX;
    last.writes = u64::MAX - 1;
    last.revision = u64::MAX;
    last.data_version = u32::MAX;
    last.created = Timestamp::default();
    last.expires_at = Timestamp::MAX;
    last.absolute_expiry = Timestamp::MAX;
    last.sliding_millis = u64::MAX;
    store.create(last.clone()).await.unwrap();
    assert_eq!(store.load("ends").await.unwrap(), last);
    let mut after = last.clone();
    after.writes += 1;
    store.update(after.clone(), last.stamp()).await.unwrap();
    let stale = store.update(after.clone(), last.stamp()).await.unwrap_err();
    assert_eq!(stale.kind(), ErrorKind::Conflict);
    let touch = Touch {
        last_access: Timestamp::MAX,
        expires_at: Timestamp::MAX,
        connected_until: Some(Timestamp::MAX),
    };
    store.touch("ends", touch).await.unwrap();
    after.touch(touch);
    assert_eq!(store.load("ends").await.unwrap(), after);
    store.delete("ends", SessionEnd::Closed).await.unwrap();
}

async fn orders_equal_times_by_id(store: &Store) {
    let time = Timestamp::now();
    let mut ids: Vec<String> = (0..20).map(|number| format!("equal{number:02}")).collect();
    for id in ids.iter().rev() {
        let mut record = record(id);
        record.last_access = time;
        record.expires_at = time;
        store.create(record).await.unwrap();
    }
    // Those with the same time have an order too, so that two nodes that ask begin with the same one.
    let listed = store
        .least_recent(SessionClass::Established, time, 7)
        .await
        .unwrap();
    assert_eq!(listed, ids[..7]);
    let before = Timestamp::from_millis(time.as_millis() - 1);
    let listed = store.least_recent(SessionClass::Established, before, 7).await;
    assert_eq!(listed.unwrap(), [""; 0]);
    assert_eq!(store.remove_expired(before, 100).await.unwrap(), [""; 0]);
    let mut removed = store.remove_expired(time, 5).await.unwrap();
    assert_eq!(removed.len(), 5);
    removed.extend(store.remove_expired(time, 100).await.unwrap());
    removed.sort_unstable();
    ids.sort_unstable();
    assert_eq!(removed, ids);
}

/// Several nodes clean at once: each session is told by one of them.
async fn ends_each_expired_session_once(store: &Store) {
    let time = Timestamp::now();
    let mut ids: Vec<String> = (0..200).map(|number| format!("due{number}")).collect();
    for id in &ids {
        let mut record = record(id);
        record.expires_at = time;
        store.create(record).await.unwrap();
    }
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let store = store.clone();
        tasks.spawn(async move {
            let mut removed = Vec::new();
            loop {
                let some = store.remove_expired(time, 10).await.unwrap();
                if some.is_empty() {
                    return removed;
                }
                removed.extend(some);
            }
        });
    }
    let mut removed: Vec<String> = tasks.join_all().await.into_iter().flatten().collect();
    // A cleaner that passes by what another one holds may leave early; what it left is removed by the next round.
    removed.extend(store.remove_expired(time, 1_000).await.unwrap());
    removed.sort_unstable();
    ids.sort_unstable();
    assert_eq!(removed, ids);
}

/// However many make, bind and end sessions at once, the store knows how many there are.
async fn counts_what_many_make_bind_and_end(store: &Store) {
    let before = store.count().await.unwrap();
    let mut tasks = JoinSet::new();
    for number in 0..60 {
        let store = store.clone();
        tasks.spawn(async move {
            let mut mine = record(&format!("counted{number}"));
            mine.provisional = true;
            store.create(mine.clone()).await.unwrap();
            store.create(mine.clone()).await.unwrap_err();
            if number % 3 > 0 {
                let mut bound = next(&mine);
                bound.provisional = false;
                store.update(bound.clone(), mine.stamp()).await.unwrap();
                store.update(bound, mine.stamp()).await.unwrap_err();
            }
            if number % 3 > 1 {
                assert!(store.delete(&mine.id, SessionEnd::Closed).await.unwrap());
                assert!(!store.delete(&mine.id, SessionEnd::Closed).await.unwrap());
            }
        });
    }
    tasks.join_all().await;
    let after = store.count().await.unwrap();
    assert_eq!(after.provisional, before.provisional + 20);
    assert_eq!(after.established, before.established + 20);
    store.remove_expired(Timestamp::MAX, 1_000).await.unwrap();
    assert_eq!(store.count().await.unwrap(), SessionCount::default());
}

/// A page connects on one node while another makes room: it is evicted or connected, and never both.
async fn lets_a_page_connect_or_evicts_its_session(store: &Store) {
    let now = Timestamp::now();
    for number in 0..100 {
        let mut mine = record(&format!("room{number}"));
        mine.last_access = now;
        store.create(mine.clone()).await.unwrap();
        let touch = Touch {
            last_access: now,
            expires_at: mine.expires_at,
            connected_until: Some(mine.expires_at),
        };
        let (connecting, evicting) = (store.clone(), store.clone());
        let (connected, evicted) = (mine.id.clone(), mine.id.clone());
        let connecting = tokio::spawn(async move { connecting.touch(&connected, touch).await });
        let evicting = tokio::spawn(async move { evicting.evict(&evicted, now).await });
        let (connected, evicted) = (connecting.await.unwrap(), evicting.await.unwrap().unwrap());
        match connected {
            Ok(()) => assert!(!evicted, "a session with a page was evicted"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::SessionNotFound, "{error:#}");
                assert!(evicted);
            }
        }
        store.delete(&mine.id, SessionEnd::Closed).await.unwrap();
    }
}
