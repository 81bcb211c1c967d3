//! Builds a renderer: its settings, checked.

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Once, RwLock};
use std::time::Duration;

use minijinja::Environment;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use zeroize::Zeroizing;

use super::Renderer;
use super::build_id;
use super::clock::Clock;
use super::core::Core;
use crate::session::Registry;
use crate::store::{MemoryStore, SessionStore};
use crate::{Config, Error, ErrorKind, Keyring, Metrics, OptimizationLevel, Plan, PlanOptions};

/// The settings of a renderer to be.
///
/// A setting that is not made keeps its default; [`build`](Self::build) checks them all.
#[must_use]
pub struct RendererBuilder {
    env: Environment<'static>,
    config: Config,
    templates: Vec<String>,
    plan_options: PlanOptions,
    build_id: Option<String>,
    signing_key: Option<Zeroizing<Vec<u8>>>,
    previous_signing_keys: Vec<Zeroizing<Vec<u8>>>,
    requires_key: bool,
    store: Option<Arc<dyn SessionStore>>,
    clock: Clock,
}

impl RendererBuilder {
    pub(super) fn new(env: Environment<'static>) -> Self {
        Self {
            env,
            config: Config::default(),
            templates: Vec::new(),
            plan_options: PlanOptions::new(),
            build_id: None,
            signing_key: None,
            previous_signing_keys: Vec::new(),
            requires_key: !cfg!(debug_assertions),
            store: None,
            clock: Clock::System,
        }
    }

    /// Compiles this template when the renderer is built, so that its errors show at the start; other templates are
    /// compiled at their first use. The first one named is the default of sessions that choose none. Default: the
    /// environment's only template, if it has one.
    pub fn template(mut self, name: impl Into<String>) -> Self {
        self.templates.push(name.into());
        self
    }

    /// Declares that the templates' function, filter or test `name` may give something else each time, as a clock does:
    /// what depends on it is sent at each change. See [`PlanOptions::impure`]. May be called again for more.
    pub fn impure(mut self, name: impl Into<String>) -> Self {
        self.plan_options = self.plan_options.impure(name);
        self
    }

    /// Declares that the environment's formatter, or a filter of it with the name of a built-in one, changes only some
    /// texts or numbers. See [`PlanOptions::own_formatter`].
    pub fn own_formatter(mut self) -> Self {
        self.plan_options = self.plan_options.own_formatter();
        self
    }

    /// The secret that tokens are sealed with: at least 32 random bytes, the same on all nodes. Without one, a debug
    /// build makes a random key, so that sessions end with the process; a release build refuses.
    pub fn signing_key(mut self, secret: impl AsRef<[u8]>) -> Self {
        self.signing_key = Some(Zeroizing::new(secret.as_ref().to_vec()));
        self
    }

    /// A secret whose tokens are still accepted, for changing the signing key without losing a session. May be called
    /// again for more.
    pub fn previous_signing_key(mut self, secret: impl AsRef<[u8]>) -> Self {
        self.previous_signing_keys
            .push(Zeroizing::new(secret.as_ref().to_vec()));
        self
    }

    /// Refuses to build without a signing key. Default: only in release builds.
    pub fn require_signing_key(mut self, required: bool) -> Self {
        self.requires_key = required;
        self
    }

    /// Where sessions are kept. Default: a [`MemoryStore`] with room for all sessions that the limits allow.
    pub fn store(self, store: impl SessionStore) -> Self {
        self.shared_store(Arc::new(store))
    }

    /// Like [`store`](Self::store), for a store that others use too.
    pub fn shared_store(mut self, store: Arc<dyn SessionStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// How long a session lives on after its last use. Default 24 hours; at most the absolute expiration.
    pub fn expiration(mut self, expiration: Duration) -> Self {
        self.config.expiration = expiration;
        self
    }

    /// How long a session lives at most, however much it is used. Default 30 days.
    pub fn absolute_expiration(mut self, expiration: Duration) -> Self {
        self.config.absolute_expiration = expiration;
        self
    }

    /// How many sessions there may be, provisional ones apart. For one more, the least recently used session without a
    /// connection is ended. Default 10 000, at least 1.
    pub fn max_sessions(mut self, max: usize) -> Self {
        self.config.max_sessions = max;
        self
    }

    /// How many sessions may wait for their page to join; for one more, the oldest is ended. Default 10 000, at least 1.
    pub fn max_provisional_sessions(mut self, max: usize) -> Self {
        self.config.max_provisional_sessions = max;
        self
    }

    /// How long a session waits for its page to join. Default 2 minutes.
    pub fn provisional_expiration(mut self, expiration: Duration) -> Self {
        self.config.provisional_expiration = expiration;
        self
    }

    /// How often expired sessions are removed; more often where an expiry is shorter. Default 5 minutes.
    pub fn cleanup_interval(mut self, interval: Duration) -> Self {
        self.config.cleanup_interval = interval;
        self
    }

    /// After how long without a change a session in memory hibernates, at the latest after twice as long. Default 30 seconds.
    ///
    /// A session is in memory while a page is connected to it. When it hibernates, its data is kept as bytes, a fraction of
    /// what it takes otherwise; the next one to use it makes the tree again, which takes some microseconds. Data that
    /// sessions have in common ([`Shared`](crate::Shared)) keeps its form.
    pub fn hibernation_delay(mut self, delay: Duration) -> Self {
        self.config.hibernation_delay = delay;
        self
    }

    /// How long pushes gather before a connection sends them. Default 10 ms; zero sends each at once.
    pub fn batching_delay(mut self, delay: Duration) -> Self {
        self.config.batching_delay = delay;
        self
    }

    /// How fine the updates are that [`Session::updates`](crate::Session::updates) yields. Default
    /// [`OptimizationLevel::Maximal`]. The wire's own frames are always as fine as they can be.
    pub fn optimization_level(mut self, level: OptimizationLevel) -> Self {
        self.config.optimization_level = level;
        self
    }

    /// How long an action handler may run. Default 30 seconds.
    pub fn handler_timeout(mut self, timeout: Duration) -> Self {
        self.config.handler_timeout = timeout;
        self
    }

    /// How long making a session may take, its store included. Default 30 seconds.
    pub fn creation_timeout(mut self, timeout: Duration) -> Self {
        self.config.creation_timeout = timeout;
        self
    }

    /// How long one call to the store may take. Default 10 seconds.
    pub fn store_timeout(mut self, timeout: Duration) -> Self {
        self.config.store_timeout = timeout;
        self
    }

    /// How long a token that was refreshed is still accepted, for requests under way. Default 10 seconds.
    pub fn token_grace(mut self, grace: Duration) -> Self {
        self.config.token_grace = grace;
        self
    }

    /// How long a browser keeps its identity without visiting. Default 30 days.
    pub fn browser_expiration(mut self, expiration: Duration) -> Self {
        self.config.browser_expiration = expiration;
        self
    }

    /// Answers from memory, and stores changes within `delay`, all that came in that time in one write.
    ///
    /// By default a change is stored before its answer leaves, so that nothing that anyone has seen is lost. With this,
    /// what a crash of the process finds unstored is lost, answers that were given included: the session goes on from
    /// what was stored, in a new epoch, and pages that show more are shown anew. [`Renderer::shutdown`] stores everything.
    /// For data that is made again easily, on one node or where a session stays on its node: when two nodes change a
    /// session, the second to store loses what it has not stored yet
    /// ([`MetricsSnapshot::unstored_lost`](crate::MetricsSnapshot::unstored_lost) counts it).
    pub fn write_behind(mut self, delay: Duration) -> Self {
        self.config.write_behind = Some(delay);
        self
    }

    /// Names the build of the application. A page that was rendered by another build is shown anew when it comes back,
    /// since its filters and functions are other code. Default: the executable's own hash (in debug builds its size and
    /// time of writing), so that it has to be set only where equal builds come in different files.
    pub fn build_id(mut self, id: impl Into<String>) -> Self {
        self.build_id = Some(id.into());
        self
    }

    /// The version of the application's data types. Default 0.
    ///
    /// A node refuses sessions that a newer version wrote, and their pages go to another node: so raise it with each
    /// change that older builds must not undo. A field that was added is one: an older build would drop it with its
    /// next write. Data that this build cannot read, whatever wrote it, ends its session with
    /// [`SessionEnd::Outdated`](crate::SessionEnd::Outdated).
    pub fn data_version(mut self, version: u32) -> Self {
        self.config.data_version = version;
        self
    }

    /// Takes the time from tokio's clock, which a test can pause and move on.
    #[cfg(any(test, feature = "test"))]
    pub fn tokio_clock(mut self) -> Self {
        self.clock = Clock::tokio();
        self
    }

    /// Builds the renderer. It may be built outside of a runtime; its tasks start at its first use inside of one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when a key is missing or too short, or a limit or time is zero;
    /// [`ErrorKind::Template`] when one of the named templates does not compile.
    pub fn build(self) -> Result<Renderer, Error> {
        self.check()?;
        let keyring = self.keyring()?;
        let build_id = self.build_id.unwrap_or_else(build_id::of_this_executable);
        let plan_options = self.plan_options.build(build_id);
        let mut plans = HashMap::new();
        for name in &self.templates {
            let plan = Plan::compile_with(&self.env, name, &plan_options)?;
            plans.insert(Arc::from(name.as_str()), Arc::new(plan));
        }
        let default_template = match self.templates.first() {
            Some(name) => Some(Arc::from(name.as_str())),
            None => only_template(&self.env),
        };
        let store = self.store.unwrap_or_else(|| {
            let config = &self.config;
            let room = config
                .max_sessions
                .saturating_add(config.max_provisional_sessions);
            // Sessions on their way from one class to the other need a little more room.
            Arc::new(MemoryStore::with_capacity(room.saturating_add(1_000)))
        });
        Ok(Renderer::new(Arc::new(Core {
            config: self.config,
            metrics: Metrics::of(store.clone()),
            registry: Registry::new(),
            clock: self.clock,
            tasks: TaskTracker::new(),
            store,
            keyring,
            env: self.env,
            plan_options,
            plans: RwLock::new(plans),
            default_template,
            stopping: CancellationToken::new(),
            started: Once::new(),
            coming: [AtomicUsize::new(0), AtomicUsize::new(0)],
        })))
    }

    fn check(&self) -> Result<(), Error> {
        let config = &self.config;
        let times = [
            ("expiration", config.expiration),
            ("absolute_expiration", config.absolute_expiration),
            ("provisional_expiration", config.provisional_expiration),
            ("cleanup_interval", config.cleanup_interval),
            ("handler_timeout", config.handler_timeout),
            ("creation_timeout", config.creation_timeout),
            ("store_timeout", config.store_timeout),
            ("browser_expiration", config.browser_expiration),
        ];
        let limits = [
            ("max_sessions", config.max_sessions),
            ("max_provisional_sessions", config.max_provisional_sessions),
        ];
        let zero = times
            .iter()
            .find(|(_, time)| time.is_zero())
            .map(|(name, _)| *name)
            .or_else(|| {
                limits
                    .iter()
                    .find(|(_, limit)| *limit == 0)
                    .map(|(name, _)| *name)
            });
        match zero {
            Some(name) => Err(Error::new(
                ErrorKind::Configuration,
                format!("the setting {name} is zero"),
            )),
            None => Ok(()),
        }
    }

    fn keyring(&self) -> Result<Keyring, Error> {
        let mut keyring = match &self.signing_key {
            Some(secret) => Keyring::new(secret)?,
            None if self.requires_key => {
                let message = "no signing_key is set; a release build needs one of at least 32 random bytes";
                return Err(Error::new(ErrorKind::Configuration, message));
            }
            None => {
                tracing::warn!("no signing_key is set: sessions end with this process");
                Keyring::random()?
            }
        };
        for secret in &self.previous_signing_keys {
            keyring = keyring.with_previous(secret)?;
        }
        Ok(keyring)
    }
}

impl std::fmt::Debug for RendererBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RendererBuilder")
            .field("config", &self.config)
            .field("templates", &self.templates)
            .finish_non_exhaustive()
    }
}

/// The name of an environment's template, when there is exactly one.
fn only_template(env: &Environment<'static>) -> Option<Arc<str>> {
    let mut templates = env.templates();
    let (name, _) = templates.next()?;
    templates.next().is_none().then(|| name.into())
}
