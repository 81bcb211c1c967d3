//! What the HTTP edge needs: identities of browsers, provisional sessions, and binding one to the other.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::{Renderer, SessionOptions};
use crate::session::{Session, Version};
use crate::store::{OwnerId, SessionClass, SessionRecord, Timestamp};
use crate::{BrowserClaims, BrowserIdentity, BrowserToken, Error, ErrorKind, Plan};

/// A page that was made for a browser and has not joined yet.
#[derive(Clone)]
#[non_exhaustive]
pub struct ProvisionalPage {
    /// The session's id, which stands in the page.
    pub page_id: Arc<str>,
    /// The compiled template.
    pub plan: Arc<Plan>,
    /// What the page shows.
    pub version: Version,
}

impl ProvisionalPage {
    /// Renders the page, annotated, with `head` (the client's script) put at the end of its `<head>`. The session hibernates
    /// then: most pages are looked at and left, and one that joins needs no more of its data before something changes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Template`] when the template fails with this data.
    pub fn render(&self, head: &str) -> Result<String, Error> {
        let html = self.plan.render(&self.version.snapshot.get(), head);
        self.version.snapshot.compact();
        html
    }
}

impl fmt::Debug for ProvisionalPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvisionalPage")
            .field("page_id", &self.page_id)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl Renderer {
    /// A new identity for a browser, and the token for its cookie.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Internal`] when the system has no random numbers.
    pub fn mint_browser_token(&self) -> Result<(OwnerId, BrowserToken), Error> {
        let owner = OwnerId::random()?;
        let token = self.seal_browser_token(&owner.clone().into())?;
        Ok((owner, token))
    }

    /// A new token for a known identity, to renew a cookie.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Internal`] when the system has no random numbers.
    pub fn seal_browser_token(&self, identity: &BrowserIdentity) -> Result<BrowserToken, Error> {
        let now = self.core.now();
        self.core
            .keyring
            .seal_browser(identity, now, now + self.core.config.browser_expiration)
    }

    /// Opens the token that a browser's cookie holds.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidToken`] when it is not genuine, [`ErrorKind::SessionExpired`] when it has run out.
    pub fn open_browser_token(&self, token: &BrowserToken) -> Result<BrowserClaims, Error> {
        self.core.keyring.open_browser(token, self.core.now())
    }

    /// The time that this renderer goes by, for judging [`BrowserClaims::past_half_life`].
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.core.now()
    }

    /// Makes a session for a page about to be sent. It is provisional: it waits a short time (2 minutes by default) for
    /// its page to join, is counted apart, and is the first to go.
    ///
    /// # Errors
    ///
    /// As for [`create_session_with`](Self::create_session_with).
    ///
    /// # Cancel safety
    ///
    /// A dropped call may have made a session that no page has; it goes when its time is over.
    pub async fn create_provisional<T: Serialize + ?Sized>(
        &self,
        options: SessionOptions,
        data: &T,
    ) -> Result<ProvisionalPage, Error> {
        let (record, plan) = self.create(options, data, SessionClass::Provisional).await?;
        let version = Version {
            snapshot: record.snapshot,
            revision: record.revision,
            epoch: record.epoch,
        };
        Ok(ProvisionalPage {
            page_id: record.id,
            plan,
            version,
        })
    }

    /// The session of a page that joins, for the browser whose identity came with the join. The first join binds the
    /// session to the browser; from then on it is found by the same browser only.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::SessionNotFound`], with the same words, when there is no such page, its time is over, or it is
    /// another browser's; [`ErrorKind::MaxSessionsReached`] when there is no room for one more session;
    /// [`ErrorKind::Data`] when a newer version of the application wrote it; [`ErrorKind::StoreUnavailable`].
    ///
    /// # Cancel safety
    ///
    /// A dropped call has bound the page to the browser, or not; calling again finishes it.
    pub async fn bind(&self, page_id: &str, owner: &OwnerId) -> Result<Session, Error> {
        let result = self.find_or_bind(page_id, owner).await;
        if let Err(error) = &result {
            self.note_refused("join", error);
        }
        result
    }

    async fn find_or_bind(&self, page_id: &str, owner: &OwnerId) -> Result<Session, Error> {
        let session = self.page(page_id).await?;
        self.bind_found(session, owner).await
    }

    /// The session of a page, whosever it is.
    pub(super) async fn page(&self, page_id: &str) -> Result<Session, Error> {
        // An id of impossible form costs no call to the store.
        if !crate::store::is_id(page_id, SessionOptions::MAX_ID) {
            return Err(not_theirs());
        }
        self.core.session(page_id).await.map_err(hide)
    }

    pub(super) async fn bind_found(&self, session: Session, owner: &OwnerId) -> Result<Session, Error> {
        let record = session.live().record();
        if record.owner.is_some() || !record.provisional {
            check_owner(&record, owner, self.core.now())?;
            self.core.touch(&session).await.map_err(hide)?;
            return Ok(session);
        }

        let _room = self.core.make_room(SessionClass::Established).await?;
        let mut is_bound_here = false;
        session
            .rewrite(|record| {
                if record.owner.is_some() || !record.provisional {
                    // Someone was faster; perhaps another try of the same page.
                    return check_owner(record, owner, self.core.now()).map(|()| false);
                }
                record.owner = Some(owner.clone());
                record.provisional = false;
                is_bound_here = true;
                Ok(true)
            })
            .await
            .map_err(hide)?;
        if is_bound_here {
            self.core.metrics.sessions_bound().one();
            tracing::info!(target: "statetemplate::audit", session = session.id(), "session bound");
        }
        Ok(session)
    }
}

fn check_owner(record: &SessionRecord, owner: &OwnerId, now: Timestamp) -> Result<(), Error> {
    if record.owner.as_ref() == Some(owner) {
        Ok(())
    } else if record.previous_owner.as_ref() == Some(owner) && now < record.previous_owner_until {
        // The cookie that goes with the new identity is on its way to this browser. To let the old one in would let in
        // whoever else has it.
        Err(Error::new(
            ErrorKind::Conflict,
            "the browser's identity has just changed: its next cookie opens the page",
        ))
    } else {
        Err(not_theirs())
    }
}

/// Whoever asks for a page that is not theirs does not learn whether it exists.
fn not_theirs() -> Error {
    Error::new(ErrorKind::SessionNotFound, "this browser has no such page")
}

pub(super) fn hide(error: Error) -> Error {
    match error.kind() {
        ErrorKind::SessionNotFound | ErrorKind::SessionExpired | ErrorKind::SessionClosed => not_theirs(),
        _ => error,
    }
}
