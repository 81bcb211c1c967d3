//! When sessions end by themselves.

use super::{
    Checked, Store, create, equal, fails, load, names, next, now, ok, record, seconds, sorted, stored, used,
};
use crate::ErrorKind;
use crate::store::SessionCount;

pub(in super::super) async fn moves_times_forward_on_touch_and_leaves_the_stamp(store: Store) -> Checked {
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

pub(in super::super) async fn removes_exactly_what_has_expired(store: Store) -> Checked {
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

pub(in super::super) async fn removes_at_the_absolute_expiry_even_if_touched(store: Store) -> Checked {
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

pub(in super::super) async fn keeps_what_is_touched_in_time(store: Store) -> Checked {
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

pub(in super::super) async fn removes_no_more_than_the_limit_at_once(store: Store) -> Checked {
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
