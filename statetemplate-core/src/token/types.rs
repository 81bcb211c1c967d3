//! The two token types and what is sealed inside them.

use std::fmt;
use std::time::Duration;

use super::identity::BrowserIdentity;
use crate::store::{OwnerId, Timestamp};

macro_rules! token {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Its `Display` is the token itself, a credential: send it to its browser and nowhere else. Its `Debug` hides it.
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// The token as text: URL-safe, without padding.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            /// Takes text that claims to be a token; opening it tells.
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<&str> for $name {
            /// Takes text that claims to be a token; opening it tells.
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

token! {
    /// The right to one session, for applications that carry it themselves (`Renderer::create_session`).
    SessionToken
}

token! {
    /// The identity of one browser, kept in its HttpOnly cookie; what its pages' sessions are bound to.
    BrowserToken
}

/// What a genuine [`SessionToken`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionClaims {
    pub(crate) id: String,
    pub(crate) issued: Timestamp,
    pub(crate) expires: Timestamp,
    pub(crate) generation: u64,
}

impl SessionClaims {
    /// The session's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When the token was sealed.
    #[must_use]
    pub fn issued(&self) -> Timestamp {
        self.issued
    }

    /// From when on the token is refused.
    #[must_use]
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// How often the session's token had been refreshed when this one was sealed; older generations are revoked.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }
}

/// What a genuine [`BrowserToken`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserClaims {
    pub(crate) identity: BrowserIdentity,
    pub(crate) issued: Timestamp,
    pub(crate) expires: Timestamp,
}

impl BrowserClaims {
    /// The browser's identity.
    #[must_use]
    pub fn identity(&self) -> &BrowserIdentity {
        &self.identity
    }

    /// The owner of the browser's sessions.
    #[must_use]
    pub fn owner(&self) -> &OwnerId {
        self.identity.owner()
    }

    /// When the token was sealed.
    #[must_use]
    pub fn issued(&self) -> Timestamp {
        self.issued
    }

    /// From when on the token is refused.
    #[must_use]
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// Whether half of the token's life is over at `now`, so that a response should renew the cookie.
    #[must_use]
    pub fn past_half_life(&self, now: Timestamp) -> bool {
        let life = self.expires.since(self.issued);
        now.since(self.issued) * 2 >= life.max(Duration::from_millis(1))
    }
}
