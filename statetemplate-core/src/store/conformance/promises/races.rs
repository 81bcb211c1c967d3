//! What holds when many work on the same records at once.

use super::{Checked, Store, create, equal, load, next, ok, record, stored};
use crate::ErrorKind;
use crate::store::SessionCount;

pub(in super::super) async fn lets_exactly_one_of_concurrent_updates_win(store: Store) -> Checked {
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

pub(in super::super) async fn lets_exactly_one_of_concurrent_creates_win(store: Store) -> Checked {
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

pub(in super::super) async fn loses_no_concurrent_increment(store: Store) -> Checked {
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
