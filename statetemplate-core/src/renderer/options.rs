//! What can be chosen for one session.

use std::sync::Arc;
use std::time::Duration;

use crate::store::is_id;
use crate::{Error, ErrorKind};

/// What can be chosen for one session; the default is a random id, no user, the renderer's expiry and template.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use statetemplate_core::SessionOptions;
///
/// let options = SessionOptions::new().id("report-42").user("ann").expiration(Duration::from_secs(600));
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct SessionOptions {
    pub(super) id: Option<String>,
    pub(super) user: Option<Arc<str>>,
    pub(super) expiration: Option<Duration>,
    pub(super) template: Option<String>,
}

impl SessionOptions {
    /// The longest id that an application may choose, in characters.
    pub const MAX_ID: usize = 128;

    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the session: 1 to 128 letters, digits, `-` or `_`, not in use. Default: 160 random bits.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Says which of the application's users the session is for, so that it can be ended with all of that user's.
    pub fn user(mut self, user: impl Into<Arc<str>>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// How long the session lives on after each use. Default: that of the renderer; at most its absolute expiry.
    pub fn expiration(mut self, expiration: Duration) -> Self {
        self.expiration = Some(expiration);
        self
    }

    /// The name of the template of the session's page. Default: that of the renderer.
    pub fn template(mut self, template: impl Into<String>) -> Self {
        self.template = Some(template.into());
        self
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        if let Some(id) = &self.id
            && !is_id(id, Self::MAX_ID)
        {
            let message = format!(
                "{id:.40?} ({} bytes): an id is 1 to {} of the characters A-Z, a-z, 0-9, '-' and '_'",
                id.len(),
                Self::MAX_ID
            );
            return Err(Error::new(ErrorKind::InvalidSessionId, message));
        }
        if self.expiration.is_some_and(|expiration| expiration.is_zero()) {
            return Err(Error::new(
                ErrorKind::Configuration,
                "a session's expiration is zero",
            ));
        }
        Ok(())
    }
}
