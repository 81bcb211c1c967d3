//! The promises, one function each, and what they are checked with.

mod eviction;
mod expiry;
mod finding;
mod races;
mod records;

pub(super) use eviction::{
    evicts_no_session_that_is_connected, lists_least_recently_used_first, lists_no_session_that_is_connected,
};
pub(super) use expiry::{
    keeps_what_is_touched_in_time, moves_times_forward_on_touch_and_leaves_the_stamp,
    removes_at_the_absolute_expiry_even_if_touched, removes_exactly_what_has_expired,
    removes_no_more_than_the_limit_at_once,
};
pub(super) use finding::{
    counts_provisional_sessions_apart, finds_sessions_by_owner, finds_sessions_by_user,
    follows_an_owner_that_changes,
};
pub(super) use races::{
    lets_exactly_one_of_concurrent_creates_win, lets_exactly_one_of_concurrent_updates_win,
    loses_no_concurrent_increment,
};
pub(super) use records::{
    can_use_an_id_again_after_deleting, confirms_what_it_has_written,
    deletes_once_and_forgives_a_second_time, does_not_create_by_update, is_healthy_and_available,
    keeps_a_record_as_it_was_created, keeps_sessions_apart, refuses_a_second_record_with_the_same_id,
    refuses_an_update_of_another_epoch, refuses_an_update_with_a_stale_stamp_and_changes_nothing,
    replaces_the_whole_record_on_update, says_not_found_where_there_is_nothing,
};

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use crate::store::{SessionRecord, SessionStore, Timestamp, Touch};
use crate::{Error, ErrorKind, Snapshot};

pub(super) type Store = Arc<dyn SessionStore>;
pub(super) type Checked = Result<(), String>;

/// Stores compare the times that they are given; a time in the near future keeps those with a TTL of their own from
/// removing the records of the suite.
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}

pub(super) fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

pub(super) fn record(id: &str) -> Result<SessionRecord, String> {
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
pub(super) fn used(last_access: Timestamp, expires_at: Timestamp) -> Touch {
    Touch {
        last_access,
        expires_at,
        connected_until: None,
    }
}

pub(super) fn ok<T>(what: &str, result: Result<T, Error>) -> Result<T, String> {
    result.map_err(|error| format!("{what} failed: {error:#}"))
}

pub(super) fn fails<T: Debug>(what: &str, result: Result<T, Error>, kind: ErrorKind) -> Checked {
    match result {
        Err(error) if error.kind() == kind => Ok(()),
        Err(error) => Err(format!(
            "{what} failed with {:?}, not {kind:?}: {error}",
            error.kind()
        )),
        Ok(value) => Err(format!("{what} gave {value:?}, not the error {kind:?}")),
    }
}

pub(super) fn equal<T: PartialEq + Debug>(what: &str, seen: &T, expected: &T) -> Checked {
    if seen == expected {
        Ok(())
    } else {
        Err(format!("{what}: {seen:?} instead of {expected:?}"))
    }
}

pub(super) async fn create(store: &Store, record: &SessionRecord) -> Checked {
    ok("create", store.create(record.clone()).await)
}

pub(super) async fn load(store: &Store, id: &str) -> Result<SessionRecord, String> {
    ok("load", store.load(id).await)
}

pub(super) async fn stored(store: &Store, expected: &SessionRecord) -> Checked {
    let seen = load(store, &expected.id).await?;
    // `SessionRecord`'s equality is that of its lossless bytes, so this covers every field.
    equal("the stored record", &seen, expected)
}

pub(super) fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort_unstable();
    ids
}

pub(super) fn names(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

/// What an action does to a record.
pub(super) fn next(record: &SessionRecord) -> SessionRecord {
    let mut next = record.clone();
    next.revision += 1;
    next.writes += 1;
    next
}
