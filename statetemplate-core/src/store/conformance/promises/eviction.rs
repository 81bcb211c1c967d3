//! Which sessions make room for others.

use super::{
    Checked, Store, create, equal, fails, load, names, next, now, ok, record, seconds, stored, used,
};
use crate::ErrorKind;
use crate::store::{SessionClass, Touch};

pub(in super::super) async fn lists_least_recently_used_first(store: Store) -> Checked {
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

pub(in super::super) async fn lists_no_session_that_is_connected(store: Store) -> Checked {
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

pub(in super::super) async fn evicts_no_session_that_is_connected(store: Store) -> Checked {
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
