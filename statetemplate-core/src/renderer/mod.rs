//! The renderer: makes sessions, finds them again, and ends them.

mod browser;
mod build_id;
mod builder;
mod cleaning;
mod clock;
mod core;
mod hibernation;
mod identity;
mod listening;
mod options;
mod scope;
#[cfg(test)]
mod tests;

pub use browser::ProvisionalPage;
pub use builder::RendererBuilder;
pub use options::SessionOptions;
pub use scope::{Joining, Scope};

pub(crate) use self::core::Core;

use std::fmt;
use std::sync::Arc;

use minijinja::Environment;
use serde::Serialize;

use crate::session::{Session, SessionEnd};
use crate::store::{OwnerId, SessionClass, SessionCount, SessionRecord};
use crate::token::random_id;
use crate::{Config, Error, ErrorKind, Metrics, Plan, SessionClaims, SessionToken, Snapshot};

/// Makes sessions, finds them again and ends them; clones share everything.
///
/// # Examples
///
/// ```
/// use statetemplate_core::Renderer;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let mut env = minijinja::Environment::new();
/// env.add_template("hello.html", "<p>Hello {{ name }}</p>").unwrap();
/// let renderer = Renderer::builder(env).signing_key(b"a secret of thirty-two bytes....").build()?;
///
/// let token = renderer.create_session(&serde_json::json!({"name": "Ann"})).await?;
/// let html = renderer.render_session(&token).await?;
/// assert!(html.contains("Ann"));
/// renderer.shutdown().await;
/// # Ok::<(), statetemplate_core::Error>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Renderer {
    core: Arc<Core>,
}

impl Renderer {
    /// Begins a renderer for the templates of an environment.
    pub fn builder(env: Environment<'static>) -> RendererBuilder {
        RendererBuilder::new(env)
    }

    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.core.config
    }

    /// The counters.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.core.metrics
    }

    /// The compiled form of a template.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Template`] when there is no such template or it does not compile.
    pub fn plan(&self, template: &str) -> Result<Arc<Plan>, Error> {
        self.core.plan(template)
    }

    /// Makes a session for the holder of the token that this returns.
    ///
    /// # Errors
    ///
    /// As for [`create_session_with`](Self::create_session_with).
    ///
    /// # Cancel safety
    ///
    /// A dropped call may have made a session that nobody has a token for; it goes when its time is over.
    pub async fn create_session<T: Serialize + ?Sized>(&self, data: &T) -> Result<SessionToken, Error> {
        self.create_session_with(SessionOptions::new(), data).await
    }

    /// Makes a session with chosen options for the holder of the token that this returns.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSessionId`] or [`ErrorKind::SessionIdExists`] for a chosen id,
    /// [`ErrorKind::MaxSessionsReached`] when the limit is reached and each session is connected,
    /// [`ErrorKind::Template`] when the template is missing or fails with this data, [`ErrorKind::Data`] when the data
    /// cannot be serialised, [`ErrorKind::Configuration`] when no template is chosen and there is no default,
    /// [`ErrorKind::StoreUnavailable`], and [`ErrorKind::Timeout`] when all that took longer than 30 seconds.
    ///
    /// # Cancel safety
    ///
    /// A dropped call may have made a session that nobody has a token for; it goes when its time is over.
    pub async fn create_session_with<T: Serialize + ?Sized>(
        &self,
        options: SessionOptions,
        data: &T,
    ) -> Result<SessionToken, Error> {
        let (record, _) = self.create(options, data, SessionClass::Established).await?;
        self.seal(&record)
    }

    /// Renders a session's page as it is now, annotated, without the client's script.
    ///
    /// # Errors
    ///
    /// As for [`get_session`](Self::get_session), and [`ErrorKind::Template`] when the template fails.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: at most the session's last use was noted.
    pub async fn render_session(&self, token: &SessionToken) -> Result<String, Error> {
        let (_, html) = self.get_session(token).await?.render("")?;
        Ok(html)
    }

    /// The session that a token gives the right to. Counts as a use of the session.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidToken`] when the token is not genuine or was replaced by a refreshed one,
    /// [`ErrorKind::SessionExpired`] when the token or the session has run out, [`ErrorKind::SessionNotFound`] when the
    /// session has ended, [`ErrorKind::Data`] when a newer version of the application wrote it,
    /// [`ErrorKind::StoreUnavailable`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: at most the session's last use was noted.
    pub async fn get_session(&self, token: &SessionToken) -> Result<Session, Error> {
        let (session, _) = self.open(token).await?;
        self.core.touch(&session).await?;
        Ok(session)
    }

    /// A session by its id, for code of the application that may reach every session, such as a background task. An id
    /// that came from outside proves nothing: use [`bind`](Self::bind) for pages and tokens for the rest.
    ///
    /// # Errors
    ///
    /// As for [`get_session`](Self::get_session), tokens apart.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it changes nothing.
    pub async fn session(&self, id: &str) -> Result<Session, Error> {
        self.core.session(id).await
    }

    /// Says whether a token is genuine, in time, not replaced, and its session alive. Does not count as a use.
    ///
    /// # Errors
    ///
    /// As for [`get_session`](Self::get_session).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it changes nothing.
    pub async fn validate_token(&self, token: &SessionToken) -> Result<SessionClaims, Error> {
        self.open(token).await.map(|(_, claims)| claims)
    }

    /// Replaces a token by a new one. The old one is accepted for a short grace (10 seconds by default), in which
    /// refreshing it again gives another token equal to the new one in its right.
    ///
    /// # Errors
    ///
    /// As for [`get_session`](Self::get_session), and [`ErrorKind::Conflict`] when the session kept changing elsewhere.
    ///
    /// # Cancel safety
    ///
    /// A dropped call may have revoked the old token after its grace.
    pub async fn refresh_token(&self, token: &SessionToken) -> Result<SessionToken, Error> {
        let (session, claims) = self.open(token).await?;
        let record = session
            .rewrite(|record| {
                let now = self.core.now();
                check_generation(record, &claims, now)?;
                if record.token_generation != claims.generation() {
                    return Ok(false);
                }
                record.token_generation += 1;
                record.previous_token_until = now + self.core.config.token_grace;
                Ok(true)
            })
            .await?;
        tracing::info!(target: "statetemplate::audit", session = session.id(), "token refreshed");
        self.seal(&record)
    }

    /// Ends the session that a token gives the right to.
    ///
    /// # Errors
    ///
    /// As for [`get_session`](Self::get_session).
    ///
    /// # Cancel safety
    ///
    /// A dropped call has ended the session, or not; calling again ends it.
    pub async fn invalidate_session(&self, token: &SessionToken) -> Result<(), Error> {
        let (session, _) = self.open(token).await?;
        self.core
            .end_session(session.id(), SessionEnd::Invalidated)
            .await
            .map(drop)
    }

    /// Ends all sessions of one of the application's users; says how many there were.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StoreUnavailable`]; some of them may have ended.
    ///
    /// # Cancel safety
    ///
    /// A dropped call has ended some of them; calling again ends the rest.
    pub async fn invalidate_user(&self, user: &str) -> Result<usize, Error> {
        let ids = self.core.within(self.core.store.by_user(user)).await?;
        self.invalidate_all(ids).await
    }

    /// Ends all sessions of one browser; says how many there were.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StoreUnavailable`]; some of them may have ended.
    ///
    /// # Cancel safety
    ///
    /// A dropped call has ended some of them; calling again ends the rest.
    pub async fn invalidate_browser(&self, owner: &OwnerId) -> Result<usize, Error> {
        let ids = self.core.within(self.core.store.by_owner(owner)).await?;
        self.invalidate_all(ids).await
    }

    /// How many sessions the store holds.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StoreUnavailable`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it changes nothing.
    pub async fn session_count(&self) -> Result<SessionCount, Error> {
        self.core.within(self.core.store.count()).await
    }

    /// How many sessions are in memory because someone holds them: connections, handles, running handlers.
    #[must_use]
    pub fn sessions_in_memory(&self) -> usize {
        self.core.registry.len()
    }

    /// Asks the store whether it works.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StoreUnavailable`] with the reason.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it changes nothing.
    pub async fn health(&self) -> Result<(), Error> {
        self.core.within(self.core.store.health()).await
    }

    /// Stops the renderer's tasks, stores what is in memory alone, waits for writes under way, and for the store to have them where they outlive this
    /// process (as long as one call to the store may take). The sessions stay in the store, for the next process.
    ///
    /// # Cancel safety
    ///
    /// A dropped call has told the tasks to stop; calling again waits for them.
    pub async fn shutdown(&self) {
        self.core.stopping.cancel();
        self.core.tasks.close();
        self.core.tasks.wait().await;
        if let Err(error) = self.core.within(self.core.store.flush()).await {
            tracing::error!("the store may not have what was written last: {error:#}");
        }
    }

    /// Makes and stores a session's record.
    async fn create<T: Serialize + ?Sized>(
        &self,
        options: SessionOptions,
        data: &T,
        class: SessionClass,
    ) -> Result<(SessionRecord, Arc<Plan>), Error> {
        self.core.start_tasks();
        let limit = self.core.config.creation_timeout;
        let made = self.new_record(options, data, class);
        let created = async {
            let (record, plan) = made?;
            let _room = self.core.make_room(class).await?;
            self.core.within(self.core.store.create(record.clone())).await?;
            Ok((record, plan))
        };
        let result = tokio::time::timeout(limit, created).await.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::Timeout,
                format!("making a session took longer than {limit:?}"),
            ))
        });
        match &result {
            Ok((record, _)) => {
                self.core.metrics.sessions_created().one();
                let (session, provisional) = (&*record.id, record.provisional);
                tracing::info!(target: "statetemplate::audit", session, provisional, "session created");
            }
            Err(error) => self.note_refused("create", error),
        }
        result
    }

    fn new_record<T: Serialize + ?Sized>(
        &self,
        options: SessionOptions,
        data: &T,
        class: SessionClass,
    ) -> Result<(SessionRecord, Arc<Plan>), Error> {
        options.check()?;
        let config = &self.core.config;
        let template = match &options.template {
            Some(template) => Arc::from(template.as_str()),
            None => self.core.default_template.clone().ok_or_else(|| {
                let message =
                    "the session names no template, and the renderer has no default (`template(name)`)";
                Error::new(ErrorKind::Configuration, message)
            })?,
        };
        let plan = self.core.plan(&template)?;
        let snapshot = Snapshot::of(data)?;
        let id = match options.id {
            Some(id) => id,
            None => random_id()?,
        };
        let now = self.core.now();
        let sliding = options
            .expiration
            .unwrap_or(config.expiration)
            .min(config.absolute_expiration);
        let mut record = SessionRecord::new(id, template, snapshot, now);
        record.user = options.user;
        record.data_version = config.data_version;
        record.provisional = class == SessionClass::Provisional;
        record.sliding_millis = u64::try_from(sliding.as_millis()).unwrap_or(u64::MAX);
        record.absolute_expiry = now + config.absolute_expiration;
        record.expires_at = now
            + if record.provisional {
                config.provisional_expiration
            } else {
                sliding
            };
        Ok((record, plan))
    }

    fn seal(&self, record: &SessionRecord) -> Result<SessionToken, Error> {
        let (generation, expires) = (record.token_generation, record.absolute_expiry);
        self.core
            .keyring
            .seal_session(&record.id, generation, self.core.now(), expires)
    }

    /// The session of a token that is genuine and not revoked.
    async fn open(&self, token: &SessionToken) -> Result<(Session, SessionClaims), Error> {
        let result = self.open_genuine(token).await;
        if let Err(error) = &result {
            self.note_refused("token", error);
        }
        result
    }

    async fn open_genuine(&self, token: &SessionToken) -> Result<(Session, SessionClaims), Error> {
        let now = self.core.now();
        let claims = self.core.keyring.open_session(token, now)?;
        let session = self.core.session(claims.id()).await?;
        check_generation(&session.live().record(), &claims, now)?;
        Ok((session, claims))
    }

    async fn invalidate_all(&self, ids: Vec<String>) -> Result<usize, Error> {
        let mut number = 0;
        for id in ids {
            number += usize::from(self.core.end_session(&id, SessionEnd::Invalidated).await?);
        }
        Ok(number)
    }

    /// Only the kind is told: a message may quote what the application or a browser sent.
    fn note_refused(&self, what: &'static str, error: &Error) {
        self.core.metrics.sessions_refused().one();
        let reason = error.kind().description();
        tracing::info!(target: "statetemplate::audit", what, reason, "session refused");
    }
}

impl fmt::Debug for Renderer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renderer")
            .field("config", &self.core.config)
            .finish_non_exhaustive()
    }
}

/// A session's tokens are counted: one of a generation before the current one is revoked, after its grace.
fn check_generation(
    record: &SessionRecord,
    claims: &SessionClaims,
    now: crate::store::Timestamp,
) -> Result<(), Error> {
    let current = record.token_generation;
    let is_current = claims.generation() == current;
    let in_grace = claims.generation() + 1 == current && now < record.previous_token_until;
    // A session with a chosen id may have been made anew since the token was sealed.
    if (is_current || in_grace) && claims.issued() >= record.created {
        Ok(())
    } else {
        Err(Error::new(
            ErrorKind::InvalidToken,
            "it was replaced by a newer one",
        ))
    }
}
