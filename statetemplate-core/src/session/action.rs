//! What goes into an action and what comes out of it.

use std::borrow::Cow;
use std::fmt;

use crate::store::Answer;

/// Why an action failed, as its client is told.
///
/// The code is for programs, the text for people; neither should tell more than the browser may know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionError {
    code: Cow<'static, str>,
    text: String,
}

impl ActionError {
    /// An error with a code, one of the protocol's or the application's own.
    pub fn new(code: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            text: text.into(),
        }
    }

    /// An error of the handler: code `failed`.
    pub fn failed(text: impl Into<String>) -> Self {
        Self::new("failed", text)
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for ActionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.text)
    }
}

impl std::error::Error for ActionError {}

impl From<ActionError> for Answer {
    fn from(error: ActionError) -> Self {
        Self::Failed {
            code: error.code,
            text: error.text.into(),
        }
    }
}

/// How an action ended: what is written in the ledger.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ActionOutcome {
    /// The data's revision before the action; for a repeated action, the current one.
    pub revision_before: u64,
    /// The data's revision after the action; the same when it changed no data.
    pub revision_after: u64,
    /// What the client is told.
    pub answer: Answer,
    /// Whether the action had run before, so that this is the answer of that time.
    pub repeated: bool,
}

impl ActionOutcome {
    /// Whether the action changed the data just now.
    #[must_use]
    pub fn changed(&self) -> bool {
        self.revision_after != self.revision_before
    }
}
