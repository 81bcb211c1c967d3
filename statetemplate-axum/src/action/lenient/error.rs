//! Why a payload does not decode, and where.

use std::fmt;

use serde::de;

/// Why a payload did not decode: where, and what was expected there.
#[derive(Debug)]
pub(crate) struct PayloadError {
    /// The steps to the value, innermost first, because an error travels outwards.
    path: Vec<String>,
    message: String,
    /// An empty text stood in an `Option` of something that no empty text can be.
    pub(super) empty_option: bool,
}

impl PayloadError {
    pub(super) fn within(mut self, step: impl Into<String>) -> Self {
        self.path.push(step.into());
        self
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for step in self.path.iter().rev() {
            if !path.is_empty() && !step.starts_with('[') {
                path.push('.');
            }
            path.push_str(step);
        }
        path
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path();
        if path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{path}: {}", self.message)
        }
    }
}

impl std::error::Error for PayloadError {}

impl de::Error for PayloadError {
    fn custom<M: fmt::Display>(message: M) -> Self {
        PayloadError {
            path: Vec::new(),
            message: message.to_string(),
            empty_option: false,
        }
    }
}
