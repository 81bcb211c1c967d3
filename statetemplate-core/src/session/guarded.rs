//! Runs an action handler so that whatever it does ends in a value: panics and endless waits too.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::time::Duration;

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
    let caught = poll_fn(
        |context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => std::task::Poll::Ready(Err(Failure::Panicked(message(&*panic)))),
        },
    );
    tokio::time::timeout(limit, caught)
        .await
        .unwrap_or(Err(Failure::TimedOut))
}

/// Runs code of the application (serialisers, filters), catching its panics.
pub(super) fn guarded_sync<R>(run: impl FnOnce() -> R) -> Result<R, Failure> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| Failure::Panicked(message(&*panic)))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
        .to_owned()
}
