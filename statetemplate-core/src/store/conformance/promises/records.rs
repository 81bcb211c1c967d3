//! What a record is, and how it changes and goes.

use super::{Checked, Store, create, equal, fails, next, now, ok, record, seconds, stored, used};
use crate::store::{Answer, ClientId, OwnerId, SessionCount};
use crate::{ErrorKind, SessionEnd, Snapshot};

pub(in super::super) async fn keeps_a_record_as_it_was_created(store: Store) -> Checked {
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

pub(in super::super) async fn refuses_a_second_record_with_the_same_id(store: Store) -> Checked {
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

pub(in super::super) async fn says_not_found_where_there_is_nothing(store: Store) -> Checked {
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

pub(in super::super) async fn replaces_the_whole_record_on_update(store: Store) -> Checked {
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

pub(in super::super) async fn refuses_an_update_with_a_stale_stamp_and_changes_nothing(
    store: Store,
) -> Checked {
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

pub(in super::super) async fn refuses_an_update_of_another_epoch(store: Store) -> Checked {
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

pub(in super::super) async fn does_not_create_by_update(store: Store) -> Checked {
    let record = record("a")?;
    create(&store, &record).await?;
    ok("delete", store.delete("a", SessionEnd::Closed).await)?;
    let updated = store.update(next(&record), record.stamp()).await;
    fails("updating a deleted session", updated, ErrorKind::SessionNotFound)?;
    fails("load", store.load("a").await, ErrorKind::SessionNotFound)
}

pub(in super::super) async fn confirms_what_it_has_written(store: Store) -> Checked {
    let first = record("a")?;
    create(&store, &first).await?;
    ok(
        "confirming what was created",
        store.confirm("a", first.stamp()).await,
    )?;
    let second = next(&first);
    ok("update", store.update(second.clone(), first.stamp()).await)?;
    ok(
        "confirming what was updated",
        store.confirm("a", second.stamp()).await,
    )?;
    stored(&store, &second).await
}

pub(in super::super) async fn deletes_once_and_forgives_a_second_time(store: Store) -> Checked {
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

pub(in super::super) async fn can_use_an_id_again_after_deleting(store: Store) -> Checked {
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

pub(in super::super) async fn keeps_sessions_apart(store: Store) -> Checked {
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

pub(in super::super) async fn is_healthy_and_available(store: Store) -> Checked {
    ok("health", store.health().await)?;
    equal("is_available", &store.is_available(), &true)
}
