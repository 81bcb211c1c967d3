//! The identity of a browser, and what it is across logins.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::Error;
use crate::store::OwnerId;

/// Who a browser is: the owner of its sessions, and the identity that it began with.
///
/// The owner changes when someone logs in or out; what the browser began with stays, so that the sessions that all of its
/// tabs share are found again under their new owner. It opens nothing by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserIdentity {
    owner: OwnerId,
    origin: OwnerId,
}

impl BrowserIdentity {
    /// A new identity of 160 random bits.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) when the system has no random numbers.
    pub fn random() -> Result<Self, Error> {
        let owner = OwnerId::random()?;
        Ok(Self {
            origin: owner.clone(),
            owner,
        })
    }

    /// The owner of the browser's sessions.
    #[must_use]
    pub fn owner(&self) -> &OwnerId {
        &self.owner
    }

    /// The id of the session that all tabs of this browser share on the page of a template.
    #[must_use]
    pub fn shared_session_id(&self, template: &str) -> String {
        let mut hash = Sha256::new();
        // The first part has no zero byte, so the whole can be read in one way only.
        hash.update(self.origin.as_str());
        hash.update([0]);
        hash.update(template);
        URL_SAFE_NO_PAD.encode(&hash.finalize()[..20])
    }

    /// The same browser under another owner.
    pub(crate) fn successor(&self) -> Result<Self, Error> {
        Ok(Self {
            owner: OwnerId::random()?,
            origin: self.origin.clone(),
        })
    }

    /// The identity as a token holds it.
    pub(super) fn to_text(&self) -> String {
        if self.owner == self.origin {
            self.owner.as_str().to_owned()
        } else {
            format!("{}.{}", self.owner.as_str(), self.origin.as_str())
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let (owner, origin) = text.split_once('.').unwrap_or((text, text));
        Some(Self {
            owner: OwnerId::parse(owner)?,
            origin: OwnerId::parse(origin)?,
        })
    }
}

impl From<OwnerId> for BrowserIdentity {
    /// The identity of a browser that began as this owner.
    fn from(owner: OwnerId) -> Self {
        Self {
            origin: owner.clone(),
            owner,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_successor_finds_the_shared_sessions_and_owns_none_of_the_others() {
        let first = BrowserIdentity::random().unwrap();
        let second = first.successor().unwrap();
        assert_ne!(first.owner(), second.owner());
        assert_eq!(
            first.shared_session_id("a.html"),
            second.shared_session_id("a.html")
        );
        assert_ne!(
            first.shared_session_id("a.html"),
            first.shared_session_id("b.html")
        );
        assert_ne!(
            BrowserIdentity::random().unwrap().shared_session_id("a.html"),
            first.shared_session_id("a.html")
        );
        for identity in [first, second] {
            assert_eq!(BrowserIdentity::parse(&identity.to_text()), Some(identity));
        }
    }
}
