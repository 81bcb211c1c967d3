//! What an action handler may return, and how it becomes the client's answer.

use std::fmt::Display;

use axum::Json;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::extract::Refusal;

/// A value that an action handler returns to the script that sent the action: `sendUpdate` resolves with it.
///
/// ```
/// use statetemplate_axum::{Answer, Data};
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Counter { count: i64 }
/// async fn add(mut counter: Data<Counter>) -> Answer<i64> {
///     counter.count += 1;
///     Answer(counter.count)
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer<V>(pub V);

/// What an action handler returns: `()`, an [`Answer`] (or axum's [`Json`]), or a [`Result`] of these whose error can be
/// displayed. The text of an error reaches the client, so it must hold nothing that a person may not read.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned by an action handler",
    label = "not an outcome of an action",
    note = "return `()`, `Answer(value)`, or a `Result` of these with an error that implements `Display`"
)]
pub trait IntoOutcome {
    /// Turns the value into the answer, if there is one.
    ///
    /// # Errors
    ///
    /// The handler's own error, or an answer that cannot be serialised.
    fn into_outcome(self) -> Result<Option<Box<RawValue>>, Refusal>;
}

impl IntoOutcome for () {
    fn into_outcome(self) -> Result<Option<Box<RawValue>>, Refusal> {
        Ok(None)
    }
}

impl<V: Serialize> IntoOutcome for Answer<V> {
    fn into_outcome(self) -> Result<Option<Box<RawValue>>, Refusal> {
        to_raw_value(&self.0)
            .map(Some)
            .map_err(|error| Refusal::failed(format_args!("the answer cannot be serialised: {error}")))
    }
}

impl<V: Serialize> IntoOutcome for Json<V> {
    fn into_outcome(self) -> Result<Option<Box<RawValue>>, Refusal> {
        Answer(self.0).into_outcome()
    }
}

impl<R: IntoOutcome, E: Display> IntoOutcome for Result<R, E> {
    fn into_outcome(self) -> Result<Option<Box<RawValue>>, Refusal> {
        match self {
            Ok(value) => value.into_outcome(),
            Err(error) => Err(Refusal::failed(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_errors_and_nothing_become_outcomes() {
        assert!(().into_outcome().unwrap().is_none());
        assert_eq!(Answer(vec![1, 2]).into_outcome().unwrap().unwrap().get(), "[1,2]");
        let full: Result<Answer<&str>, &str> = Err("the list is full");
        let refusal = full.into_outcome().unwrap_err();
        assert_eq!((refusal.code(), refusal.text()), ("failed", "the list is full"));
    }

    #[test]
    fn an_answer_that_json_cannot_hold_is_an_error() {
        let keys = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert!(
            Answer(keys)
                .into_outcome()
                .unwrap_err()
                .text()
                .contains("cannot be serialised")
        );
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let refusal = Refusal::failed("ä".repeat(1000));
        assert!(refusal.text().len() <= 1024 + '…'.len_utf8() && refusal.text().ends_with("ä…"));
    }
}
