//! How sessions are found and counted.

use super::{Checked, Store, create, equal, names, next, now, ok, record, seconds, sorted};
use crate::SessionEnd;
use crate::store::{OwnerId, SessionClass, SessionCount};

pub(in super::super) async fn finds_sessions_by_owner(store: Store) -> Checked {
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

pub(in super::super) async fn finds_sessions_by_user(store: Store) -> Checked {
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

pub(in super::super) async fn follows_an_owner_that_changes(store: Store) -> Checked {
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

pub(in super::super) async fn counts_provisional_sessions_apart(store: Store) -> Checked {
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
