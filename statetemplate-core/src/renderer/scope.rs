//! What a session belongs to: one page view, a tab, or a browser; and how a page finds the session that it belongs to.

use std::sync::Arc;

use super::Renderer;
use super::browser::hide;
use crate::session::{Session, SessionEnd};
use crate::store::{SessionClass, SessionRecord};
use crate::{BrowserIdentity, Error, ErrorKind};

/// What the sessions of a page belong to.
///
/// This enum is complete.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One page view: a reload starts afresh.
    #[default]
    Page,
    /// A tab: a reload, and coming back to the page in the same tab, goes on with the tab's session. After a crash of the tab it
    /// starts afresh: what a crash leaves in a tab cannot be told from what a duplicated tab has.
    Tab,
    /// A browser: all its tabs share one session, and see each other's changes.
    Browser,
}

/// A page that joins, as it says who it is.
#[derive(Debug, Clone, Copy)]
pub struct Joining<'a> {
    /// The id that stands in the page.
    pub page_id: &'a str,
    /// The id of the session that the tab had on this page before, if it says one.
    pub earlier: Option<&'a str>,
    /// Who the browser is, by its cookie.
    pub identity: &'a BrowserIdentity,
}

impl Renderer {
    /// The session that a page which joins belongs to: its own, or the one that its tab or its browser has already. In the
    /// second case the page has to be shown anew.
    ///
    /// `scope` says for a template what sessions of its page belong to.
    ///
    /// # Errors
    ///
    /// As for [`bind`](Self::bind).
    ///
    /// # Cancel safety
    ///
    /// A dropped call has bound the page, or not; calling again finishes it.
    pub async fn join(
        &self,
        joining: Joining<'_>,
        scope: impl Fn(&str) -> Scope + Send,
    ) -> Result<Session, Error> {
        let result = self.find_joined(joining, scope).await;
        if let Err(error) = &result {
            self.note_refused("join", error);
        }
        result
    }

    async fn find_joined(
        &self,
        Joining {
            page_id,
            earlier,
            identity,
        }: Joining<'_>,
        scope: impl Fn(&str) -> Scope + Send,
    ) -> Result<Session, Error> {
        let page = self.page(page_id).await?;
        let record = page.live().record();
        let scope = scope(&record.template);
        let shared = (scope == Scope::Browser).then(|| identity.shared_session_id(&record.template));
        let other = match scope {
            Scope::Page => None,
            Scope::Tab => earlier,
            Scope::Browser => shared.as_deref(),
        };
        let Some(other) = other.filter(|id| *id != page_id && record.provisional) else {
            return self.bind_found(page, identity.owner()).await;
        };
        let found = match self.find_theirs(other, identity, &record).await? {
            None if scope == Scope::Browser => self.found_shared(other, identity, &record).await?,
            found => found,
        };
        let Some(session) = found else {
            return self.bind_found(page, identity.owner()).await;
        };
        tracing::info!(
            target: "statetemplate::audit",
            session = session.id(), from = page_id, "page moved to the session it belongs to"
        );
        // The page's own session ends with its provisional time, and not now: the page may join once more under its id, when
        // this answer does not reach it.
        Ok(session)
    }

    /// The session `id`, when it is this browser's, of the same page and for the same user.
    async fn find_theirs(
        &self,
        id: &str,
        identity: &BrowserIdentity,
        page: &SessionRecord,
    ) -> Result<Option<Session>, Error> {
        let found = self.find_kept(id, identity, &page.template, page.user.as_deref());
        let Some(session) = found.await? else {
            return Ok(None);
        };
        self.bind_found(session, identity.owner()).await.map(Some)
    }

    /// Makes the browser's shared session from a page that was made before its browser was known: its cookie had been
    /// withheld, or it had none. `None` when the id is somebody else's.
    async fn found_shared(
        &self,
        id: &str,
        identity: &BrowserIdentity,
        page: &SessionRecord,
    ) -> Result<Option<Session>, Error> {
        let mut record = page.clone();
        record.id = id.into();
        record.writes = 1;
        let _room = self.core.make_room(SessionClass::Provisional).await?;
        match self.core.within(self.core.store.create(record)).await {
            Ok(()) => self.core.metrics.sessions_created().one(),
            // Another tab was faster.
            Err(error) if error.kind() == ErrorKind::SessionIdExists => {}
            Err(error) => return Err(error),
        }
        self.find_theirs(id, identity, page).await
    }

    /// A session that a browser has already, for a page about to be sent: it is this browser's, or one that only this
    /// browser can name, of the page `template` and for the same user.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StoreUnavailable`], [`ErrorKind::Data`] when a newer version of the application wrote it. `None` says
    /// that there is none, or that it is somebody else's: the two are not told apart.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it changes nothing.
    pub async fn find_kept(
        &self,
        id: &str,
        identity: &BrowserIdentity,
        template: &str,
        user: Option<&str>,
    ) -> Result<Option<Session>, Error> {
        let session = match self.page(id).await {
            Ok(session) => session,
            Err(error) if error.kind() == ErrorKind::SessionNotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let record = session.live().record();
        let is_theirs = match &record.owner {
            Some(owner) => owner == identity.owner(),
            None => record.provisional && id == identity.shared_session_id(template),
        };
        let is_same_page = *record.template == *template && record.user.as_deref() == user;
        Ok((is_theirs && is_same_page).then_some(session))
    }

    /// Ends the session that stands where a browser's shared session should be: it was made for another user.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StoreUnavailable`]. `false` says that there is none of this browser's.
    ///
    /// # Cancel safety
    ///
    /// A dropped call has ended it, or not; calling again ends it.
    pub async fn end_shared(&self, identity: &BrowserIdentity, template: &str) -> Result<bool, Error> {
        let id: Arc<str> = identity.shared_session_id(template).into();
        let session = match self.page(&id).await.map_err(hide) {
            Ok(session) => session,
            Err(error) if error.kind() == ErrorKind::SessionNotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        if session.owner().is_some_and(|owner| owner != *identity.owner()) {
            return Ok(false);
        }
        self.core.end_session(&id, SessionEnd::Invalidated).await
    }
}
