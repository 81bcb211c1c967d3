//! One state of a session's data, and how a session can end.

use std::fmt;

use crate::{Error, ErrorKind, KeptSnapshot, Plan};

/// One state of a session's data: what a page shows, or should show.
#[derive(Clone)]
pub struct Version {
    /// The data.
    pub snapshot: KeptSnapshot,
    /// Its number: grows by one with each change.
    pub revision: u64,
    /// Within which revisions are comparable.
    pub epoch: u64,
}

impl Version {
    /// Whether both are the same state of the same data.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.revision == other.revision && self.epoch == other.epoch && self.snapshot.is_same(&other.snapshot)
    }
}

impl Version {
    /// What a page that shows this version names beside its revision: the plan that it was rendered with, and the epoch
    /// within which its revision means something.
    #[must_use]
    pub fn page_plan(&self, plan: &Plan) -> String {
        match self.epoch {
            0 => plan.hash().to_owned(),
            epoch => format!("{}.{epoch:x}", plan.hash()),
        }
    }
}

impl fmt::Debug for Version {
    /// Leaves the data out: it may be large, and it is nobody's business in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Version")
            .field("revision", &self.revision)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionEnd {
    /// The application closed it, here or on another node.
    Closed,
    /// Its token, browser or user was logged out.
    Invalidated,
    /// Its time ran out.
    Expired,
    /// It made room for another one.
    Evicted,
    /// The store has lost it for good.
    Lost,
    /// This build of the application cannot read its data.
    Outdated,
    /// A newer build of the application has written it: it goes on there, and has ended on this node alone.
    TakenOver,
}

impl SessionEnd {
    /// The reason in one word, as logs have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Invalidated => "invalidated",
            Self::Expired => "expired",
            Self::Evicted => "evicted",
            Self::Lost => "lost",
            Self::Outdated => "outdated",
            Self::TakenOver => "taken_over",
        }
    }

    /// The reason that [`as_str`](Self::as_str) names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [
            Self::Closed,
            Self::Invalidated,
            Self::Expired,
            Self::Evicted,
            Self::Lost,
            Self::Outdated,
            Self::TakenOver,
        ]
        .into_iter()
        .find(|reason| reason.as_str() == word)
    }

    /// What a call on a session that ended so fails with.
    pub(crate) fn error(self, id: &str) -> Error {
        let kind = match self {
            Self::Expired => ErrorKind::SessionExpired,
            Self::Outdated => ErrorKind::SessionOutdated,
            Self::TakenOver => ErrorKind::Data,
            _ => ErrorKind::SessionClosed,
        };
        let what = match self {
            Self::TakenOver => "taken over by a newer build of the application",
            _ => self.as_str(),
        };
        Error::new(kind, format!("the session \"{id}\" was {what}"))
    }
}
