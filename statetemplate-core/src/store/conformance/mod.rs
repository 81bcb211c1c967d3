//! The suite that every store passes: each promise of [`SessionStore`] as a check.
//!
//! # Examples
//!
//! ```
//! use statetemplate_core::store::{MemoryStore, conformance};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! conformance::check(async || MemoryStore::new()).await?;
//! # Ok::<(), conformance::Violations>(()) }).unwrap();
//! ```

mod promises;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use super::SessionStore;

/// Checks a store. `make` is called once for each promise and gives an empty store that nobody else uses.
///
/// All promises are checked, so that one run tells everything that is wrong.
///
/// # Errors
///
/// The promises that the store broke, each with what was seen.
///
/// # Cancel safety
///
/// A dropped check has left its sessions in the store that it worked on.
pub async fn check<S: SessionStore>(make: impl AsyncFn() -> S) -> Result<(), Violations> {
    let mut violations = Vec::new();
    macro_rules! check_all {
        ($($promise:ident)*) => {$(
            let store: Arc<dyn SessionStore> = Arc::new(make().await);
            if let Err(seen) = promises::$promise(store).await {
                violations.push(Violation { promise: stringify!($promise), seen });
            }
        )*};
    }
    check_all! {
        keeps_a_record_as_it_was_created
        refuses_a_second_record_with_the_same_id
        says_not_found_where_there_is_nothing
        replaces_the_whole_record_on_update
        refuses_an_update_with_a_stale_stamp_and_changes_nothing
        refuses_an_update_of_another_epoch
        does_not_create_by_update
        confirms_what_it_has_written
        lets_exactly_one_of_concurrent_updates_win
        lets_exactly_one_of_concurrent_creates_win
        loses_no_concurrent_increment
        deletes_once_and_forgives_a_second_time
        can_use_an_id_again_after_deleting
        moves_times_forward_on_touch_and_leaves_the_stamp
        removes_exactly_what_has_expired
        removes_at_the_absolute_expiry_even_if_touched
        keeps_what_is_touched_in_time
        removes_no_more_than_the_limit_at_once
        finds_sessions_by_owner
        finds_sessions_by_user
        follows_an_owner_that_changes
        counts_provisional_sessions_apart
        lists_least_recently_used_first
        lists_no_session_that_is_connected
        evicts_no_session_that_is_connected
        keeps_sessions_apart
        is_healthy_and_available
    }
    if violations.is_empty() {
        Ok(())
    } else {
        Err(Violations(violations))
    }
}

/// A promise that a store broke.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The promise, such as `lets_exactly_one_of_concurrent_updates_win`.
    pub promise: &'static str,
    /// What was seen instead.
    pub seen: String,
}

/// All the promises that a store broke.
#[derive(Clone, PartialEq, Eq)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// The violations, in the order of the checks.
    pub fn iter(&self) -> impl Iterator<Item = &Violation> {
        self.0.iter()
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store breaks {} promises:", self.0.len())?;
        for Violation { promise, seen } in &self.0 {
            write!(f, "\n  {promise}: {seen}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Violations {
    /// As for people, because this is what a failing test prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::error::Error for Violations {}
