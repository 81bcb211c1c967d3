//! Logging in and out: the browser's identity changes, and its sessions with it or not.

use super::Renderer;
use crate::{BrowserIdentity, Error, ErrorKind};

impl Renderer {
    /// Gives a browser another identity because someone logged in, so that whoever knew the old one, or planted it,
    /// reaches nothing. Its sessions are `user`'s from now on and belong to the new identity; their sockets, opened under the
    /// old one, are told to come again. Seal the identity that this returns and send it as the browser's cookie.
    ///
    /// A page that comes again with the old cookie within the grace (10 seconds by default) is told to try later, for the
    /// new cookie may not have arrived; after that it is told that its session has expired.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StoreUnavailable`], [`ErrorKind::Conflict`]: some of the sessions may belong to nobody's cookie then,
    /// and end with their time.
    ///
    /// # Cancel safety
    ///
    /// A dropped call may have carried some of the sessions over, to an identity that nobody holds.
    pub async fn rotate_identity(
        &self,
        identity: &BrowserIdentity,
        user: Option<&str>,
    ) -> Result<BrowserIdentity, Error> {
        let next = identity.successor()?;
        let mut carried = 0_u32;
        for id in self.owned(identity).await? {
            let session = match self.core.session(&id).await {
                Ok(session) => session,
                Err(error) if is_gone(&error) => continue,
                Err(error) => return Err(error),
            };
            let until = self.core.now() + self.core.config.token_grace;
            let rewritten = session.rewrite(|record| {
                if record.owner.as_ref() != Some(identity.owner()) {
                    return Ok(false);
                }
                record.previous_owner = record.owner.replace(next.owner().clone());
                record.previous_owner_until = until;
                record.user = user.map(Into::into);
                Ok(true)
            });
            match rewritten.await {
                Ok(_) => carried += 1,
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(error),
            }
        }
        tracing::info!(target: "statetemplate::audit", sessions = carried, "identity rotated");
        Ok(next)
    }

    /// Gives a browser a new identity and ends all its sessions: someone logged out, or logs in and starts afresh.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StoreUnavailable`]; some of the sessions may have ended.
    ///
    /// # Cancel safety
    ///
    /// A dropped call has ended some of the sessions; calling again ends the rest.
    pub async fn replace_identity(&self, identity: &BrowserIdentity) -> Result<BrowserIdentity, Error> {
        let ended = self.invalidate_all(self.owned(identity).await?).await?;
        tracing::info!(target: "statetemplate::audit", sessions = ended, "identity replaced");
        BrowserIdentity::random()
    }

    async fn owned(&self, identity: &BrowserIdentity) -> Result<Vec<String>, Error> {
        self.core.within(self.core.store.by_owner(identity.owner())).await
    }
}

/// Whether an error says that there is no session any more, so that nothing is left to do about it.
fn is_gone(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::SessionNotFound
            | ErrorKind::SessionExpired
            | ErrorKind::SessionClosed
            | ErrorKind::SessionOutdated
    )
}
