//! Runs an action handler so that whatever it does ends in a value: panics and endless waits too.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use crate::panics;

/// Why a guarded future gave no result.
pub(super) enum Failure {
    /// It panicked, with this message.
    Panicked(String),
    /// It did not end in time.
    TimedOut,
}

/// Runs a future within `limit`, catching its panics.
///
/// A future that panicked is not polled again, and what it worked on was moved into it, so no half-changed value is seen.
pub(super) async fn guarded<R>(limit: Duration, future: impl Future<Output = R>) -> Result<R, Failure> {
    let mut future = pin!(future);
    let caught = poll_fn(|context| match panics::caught(|| future.as_mut().poll(context)) {
        Ok(poll) => poll.map(Ok),
        Err(message) => std::task::Poll::Ready(Err(Failure::Panicked(message))),
    });
    tokio::time::timeout(limit, caught)
        .await
        .unwrap_or(Err(Failure::TimedOut))
}

/// Runs code of the application (serialisers, filters), catching its panics.
pub(super) fn guarded_sync<R>(run: impl FnOnce() -> R) -> Result<R, Failure> {
    panics::caught(run).map_err(Failure::Panicked)
}
