//! Who is who: the browser that owns a session, and the document that sends actions.

use std::fmt;
use std::sync::Arc;

use crate::token::random_id;
use crate::{Error, ErrorKind};

/// The identity of one browser, the same in all its tabs; a random id that only its sealed cookie carries.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OwnerId(Arc<str>);

impl OwnerId {
    /// A new identity of 160 random bits.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Internal`] when the system has no random numbers.
    pub fn random() -> Result<Self, Error> {
        Ok(Self(random_id()?.into()))
    }

    /// Takes an identity that was stored or sealed before: 1 to 64 letters, digits, `-` or `_`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_id(text, 64).then(|| Self(text.into()))
    }

    /// The identity as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for OwnerId {
    /// Hides most of the identity, so that logs cannot be used to follow a browser.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnerId({}…)", self.0.get(..4).unwrap_or_default())
    }
}

/// The identity that a document makes for itself when it loads; its actions are numbered under it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(Arc<str>);

impl ClientId {
    /// Takes the id that a client sent: 1 to 64 letters, digits, `-` or `_`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Protocol`] when it has another form.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if is_id(text, 64) {
            Ok(Self(text.into()))
        } else {
            Err(Error::new(
                ErrorKind::Protocol,
                "a client id is 1 to 64 letters, digits, '-' or '_'",
            ))
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether `text` is 1 to `max` URL-safe characters.
pub(crate) fn is_id(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
