//! Setting up: templates, pages and options.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    sync::Arc,
    time::Duration,
};

use minijinja::Environment;
use serde::{Serialize, de::DeserializeOwned};
use statetemplate_core::{Renderer, RendererBuilder, store::SessionStore};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    StateTemplate,
    action::{Attempt, AuthorizeHook, erase_hook},
    context::{Context, Options},
    http::{
        cookie::{self, CookiePolicy},
        origin::OriginPolicy,
    },
    live::Error,
    mounted::{MountedPage, UnmountedPage},
    page::Page,
    socket::{Recent, Streams},
};

/// Sets a [`StateTemplate`] up; made by [`StateTemplate::builder`].
///
/// `S` is the application state that the pages' handlers take with axum's `State`, as in an axum `Router`; it is nothing
/// once [`with_state`](Builder::with_state) has provided it.
#[must_use = "a builder does nothing until `build` is called"]
pub struct Builder<S = ()> {
    renderer: RendererBuilder,
    unmounted: Vec<Box<dyn UnmountedPage<S>>>,
    mounted: Vec<Arc<dyn MountedPage>>,
    /// What only `build` can report.
    faults: Vec<String>,
    cookie_name: Option<String>,
    secure: bool,
    allowed_origins: Vec<String>,
    options: Options,
    authorize: Option<AuthorizeHook>,
}

impl<S> Builder<S>
where
    S: Clone + Send + Sync + 'static,
{
    pub(crate) fn new(templates: Environment<'static>) -> Self {
        Builder {
            renderer: Renderer::builder(templates),
            unmounted: Vec::new(),
            mounted: Vec::new(),
            faults: Vec::new(),
            cookie_name: None,
            secure: true,
            allowed_origins: Vec::new(),
            options: Options {
                socket_path: "/ws".into(),
                base_path: String::new(),
                max_message_size: 64 * 1024,
                max_connections: 100_000,
                ping_interval: Duration::from_secs(30),
                reconnect_within: Duration::from_secs(2),
                compression: true,
            },
            authorize: None,
        }
    }

    /// Adds a page. Each template belongs to one page.
    pub fn page<T>(mut self, page: Page<T, S>) -> Self
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        for action in &page.doubled {
            self.faults.push(format!(
                "the page {} has two actions named {action:?}",
                page.template
            ));
        }
        self.unmounted.push(Box::new(page));
        self
    }

    /// Provides the state that handlers take with axum's `State`.
    ///
    /// As with an axum `Router`, pages added before this call see this state; pages added later may take another.
    pub fn with_state<S2>(self, state: S) -> Builder<S2> {
        let mut mounted = self.mounted;
        mounted.extend(self.unmounted.into_iter().map(|page| page.mount(state.clone())));
        Builder {
            renderer: self.renderer,
            unmounted: Vec::new(),
            mounted,
            faults: self.faults,
            cookie_name: self.cookie_name,
            secure: self.secure,
            allowed_origins: self.allowed_origins,
            options: self.options,
            authorize: self.authorize,
        }
    }

    /// Asks `hook` before each action whether it may be carried out. An error refuses it (`refused`); its text reaches the
    /// client.
    ///
    /// ```no_run
    /// # use statetemplate_axum::{StateTemplate, action::Attempt};
    /// # fn set_up(templates: minijinja::Environment<'static>) {
    /// let builder = StateTemplate::builder::<()>(templates).authorize(|attempt: Attempt| async move {
    ///     match (attempt.action(), attempt.user()) {
    ///         ("delete", None) => Err("sign in to delete"),
    ///         _ => Ok(()),
    ///     }
    /// });
    /// # }
    /// ```
    pub fn authorize<F, Fut, E>(mut self, hook: F) -> Self
    where
        F: Fn(Attempt) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display + 'static,
    {
        self.authorize = Some(erase_hook(hook));
        self
    }

    /// Declares that the templates' function, filter or test `name` may give something else each time, as a clock or a
    /// random number does: what depends on it is sent at each change of the data, instead of being taken for unchanged.
    /// May be called again for more.
    ///
    /// ```no_run
    /// # use statetemplate_axum::StateTemplate;
    /// # fn set_up(mut templates: minijinja::Environment<'static>) {
    /// templates.add_function("now", || format!("{:?}", std::time::SystemTime::now()));
    /// let builder = StateTemplate::builder::<()>(templates).impure("now");
    /// # }
    /// ```
    pub fn impure(mut self, name: impl Into<String>) -> Self {
        self.renderer = self.renderer.impure(name);
        self
    }

    /// Declares that the environment's formatter, or a filter of it with the name of a built-in one, changes some values in a
    /// way that only shows with certain texts or numbers, as one does that hides card numbers: all values are then computed
    /// by minijinja. A formatter that changes all values of a kind is noticed without this; in debug builds an
    /// update fails that shows a formatter which was overlooked.
    pub fn own_formatter(mut self) -> Self {
        self.renderer = self.renderer.own_formatter();
        self
    }

    /// For sites without HTTPS, development above all: the browser's cookie goes without `Secure` and without the `__Host-`
    /// prefix (`session_token`), and pages of plain HTTP may open sockets. Never on a public site: whoever listens on the
    /// way could take the cookie.
    ///
    /// On this machine the default cookie works in some browsers without HTTPS too: Chromium keeps it on `http://localhost` and
    /// `http://127.0.0.1`, Safari on neither. On any other address of plain HTTP no browser does, and a page whose connection
    /// broke is told that its session expired.
    pub fn insecure_cookies(mut self) -> Self {
        self.secure = false;
        self
    }

    /// The name of the browser's cookie. Default: `__Host-session_token`, and `session_token` after
    /// [`insecure_cookies`](Builder::insecure_cookies).
    pub fn cookie_name(mut self, name: impl Into<String>) -> Self {
        self.cookie_name = Some(name.into());
        self
    }

    /// Allows pages of another origin (`https://app.example.com`, as browsers write it) to open sockets, or the site's own
    /// behind a proxy that does not pass the `Host` header on. Default: only the origin of the request's own host.
    ///
    /// Pages of another *site* receive no lasting identity, as the cookie is `SameSite=Strict`: they have to be loaded anew
    /// when their connection breaks.
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        let origin = origin.into();
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        if authority.is_none_or(|authority| authority.is_empty() || authority.contains(['/', '*', ' '])) {
            self.faults.push(format!(
                "the allowed origin {origin:?} is not an origin such as \"https://example.com\": scheme and host, no path"
            ));
        }
        self.allowed_origins.push(origin);
        self
    }

    /// The longest message that a client may send, in bytes. Default: 64 KiB. A longer action is refused with
    /// `bad_payload`; anything else that is longer, and an action of more than four times this size, ends the connection.
    pub fn max_message_size(mut self, bytes: usize) -> Self {
        self.options.max_message_size = bytes;
        self
    }

    /// How many sockets and streams may be open at a time; more are answered with 503. Default: 100 000.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.options.max_connections = connections;
        self
    }

    /// How often a socket or stream is probed; one that has not answered by the next probe is closed. Default: 30 seconds.
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        if interval.is_zero() {
            self.faults.push("the ping interval is zero".into());
        }
        self.options.ping_interval = interval;
        self
    }

    /// When this server stops, its pages come back, here or to another node, each after a time of its own within this one.
    /// The default, 2 seconds, spreads ten thousand pages to five a millisecond.
    pub fn reconnect_within(mut self, time: Duration) -> Self {
        self.options.reconnect_within = time;
        self
    }

    /// Whether frames of 256 bytes and more are deflated, for clients that inflate. Default: yes. A long list takes about a
    /// fifth of the bytes, a page sent anew a fifteenth.
    ///
    /// Each frame is deflated alone, so that no frame's length tells what was in another. Within one frame, what repeats
    /// makes it shorter: whoever can read the lengths on the wire, and can have text of his choice sent to the page
    /// *together with a secret*, again and again, learns by and by whether the two are alike (the attacks CRIME and BREACH).
    /// That is hard here. A patch holds only what has changed, so a secret that stays as it is travels no more; another site
    /// can neither open a socket nor send an action in the browser's name, since the origin is checked and the cookie is
    /// `SameSite=Strict`; and this library itself puts no credential into pages. What is left is a page that shows text of
    /// strangers and, in the same list or branch or when it is sent anew, a secret. Turn compression off for such a page:
    /// [`Page::compression`](crate::Page::compression).
    pub fn compression(mut self, compression: bool) -> Self {
        self.options.compression = compression;
        self
    }

    /// The path of the socket. Default: `/ws`.
    pub fn socket_path(mut self, path: impl Into<String>) -> Self {
        self.options.socket_path = path.into();
        self
    }

    /// Where [`StateTemplate::routes`] is nested (`Router::nest("/app", …)` → `/app`), so that pages find it. Default: at the
    /// root.
    pub fn base_path(mut self, path: impl Into<String>) -> Self {
        self.options.base_path = path.into();
        self
    }
}

macro_rules! forward {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {
        /// Settings of the core.
        impl<S> Builder<S>
        where
            S: Clone + Send + Sync + 'static,
        {$(
            $(#[$doc])*
            pub fn $name(mut self, value: $type) -> Self {
                self.renderer = self.renderer.$name(value);
                self
            }
        )*}
    };
}

forward! {
    /// Where sessions are kept. Default: in this process's memory.
    store: impl SessionStore;
    /// Like [`store`](Self::store), for a store that others use too.
    shared_store: Arc<dyn SessionStore>;
    /// How long a session lives on after its last use. Default: 24 hours.
    expiration: Duration;
    /// How long a session lives at most. Default: 30 days.
    absolute_expiration: Duration;
    /// How many sessions there may be, provisional ones apart. Default: 10 000. Beyond that the least recently used ones
    /// without a connection end.
    max_sessions: usize;
    /// How long a session waits for its page to join. Default: 2 minutes.
    provisional_expiration: Duration;
    /// How many sessions may wait for their page to join. Default: 10 000.
    max_provisional_sessions: usize;
    /// How often expired sessions are removed. Default: 5 minutes.
    cleanup_interval: Duration;
    /// After how long without a change a connected session's data is kept as bytes, until it is used again. Default: 30 seconds;
    /// at the latest after twice as long.
    hibernation_delay: Duration;
    /// How long pushes gather before they are sent. Default: 10 ms.
    batching_delay: Duration;
    /// How long an action handler may run. Default: 30 seconds.
    handler_timeout: Duration;
    /// How long a browser keeps its identity after the last renewal. Default: 30 days.
    browser_expiration: Duration;
    /// The version of the application's data types. Default: 0.
    ///
    /// A node refuses the sessions of newer versions, and their pages go to another node: so raise it with each change that
    /// older builds must not undo, such as a new field, which they would drop with their next write. Fields with
    /// `#[serde(default)]` need nothing else. Data that cannot be read any more ends its session with `session_outdated`, and
    /// the page is loaded afresh.
    data_version: u32;
    /// Answers from memory, and stores changes within this time. Default: a change is stored before its answer leaves.
    ///
    /// What a crash of the process finds unstored is lost, answers that were given included: pages that show it are shown
    /// anew. [`StateTemplate::shutdown`] stores everything. For data that is made again easily, and sessions that stay on
    /// their node: see [`RendererBuilder::write_behind`].
    write_behind: Duration;
    /// Names the build of the application: a page of another build is shown anew when it comes back, since filters are code.
    /// Default: the executable's own hash (in debug builds its size and time of writing).
    build_id: impl Into<String>;
}

impl<S> Builder<S>
where
    S: Clone + Send + Sync + 'static,
{
    /// The secret of at least 32 random bytes from which the keys of the browsers' cookies are made.
    ///
    /// Without one, a debug build makes a random key and warns (cookies end with the process), and a release build refuses to
    /// start.
    pub fn signing_key(mut self, secret: impl AsRef<[u8]>) -> Self {
        self.renderer = self.renderer.signing_key(secret);
        self
    }

    /// Goes by Tokio's clock instead of the system's, so that tests with paused time see sessions run out.
    #[cfg(feature = "test")]
    pub fn tokio_clock(mut self) -> Self {
        self.renderer = self.renderer.tokio_clock();
        self
    }

    /// A secret used before: what it sealed is still accepted, nothing new is sealed with it.
    pub fn previous_signing_key(mut self, secret: impl AsRef<[u8]>) -> Self {
        self.renderer = self.renderer.previous_signing_key(secret);
        self
    }
}

impl Builder<()> {
    /// Compiles the pages' templates and is ready to serve them.
    ///
    /// # Errors
    ///
    /// A template that does not compile: with its name, line and excerpt when printed long (`{:#}`). A setting that cannot
    /// work: two pages of one template, two actions of one name, a short signing key, a path or cookie name that is none.
    pub fn build(mut self) -> Result<StateTemplate, Error> {
        self.check_paths();
        let cookie = CookiePolicy {
            name: self.cookie_name.take().unwrap_or_else(|| {
                if self.secure {
                    cookie::DEFAULT_NAME
                } else {
                    cookie::INSECURE_NAME
                }
                .to_owned()
            }),
            secure: self.secure,
        };
        self.faults.extend(cookie.fault());
        let mut pages = HashMap::new();
        let late = self.unmounted.into_iter().map(|page| page.mount(()));
        for page in self.mounted.into_iter().chain(late) {
            match pages.entry(page.template().to_owned()) {
                Entry::Vacant(entry) => drop(entry.insert(page)),
                Entry::Occupied(entry) => {
                    self.faults
                        .push(format!("the template {} belongs to two pages", entry.key()));
                }
            }
        }
        if !self.faults.is_empty() {
            return Err(Error::configuration(self.faults.join("; ")));
        }
        let renderer = self.renderer.build()?;
        for template in pages.keys() {
            renderer.plan(template)?;
        }
        Ok(StateTemplate::new(Arc::new(Context {
            renderer,
            pages,
            cookie,
            origins: OriginPolicy {
                allowed: self.allowed_origins,
                secure: self.secure,
            },
            authorize: self.authorize,
            recent: Recent::default(),
            streams: Streams::default(),
            connections: Arc::new(Semaphore::new(
                self.options.max_connections.min(Semaphore::MAX_PERMITS),
            )),
            options: self.options,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        })))
    }

    fn check_paths(&mut self) {
        let Options {
            socket_path,
            base_path,
            ..
        } = &self.options;
        let plain = |path: &str| {
            path.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte))
        };
        if !socket_path.starts_with('/') || !plain(socket_path) {
            self.faults.push(format!(
                "the socket path {socket_path:?} is not a path such as \"/ws\""
            ));
        }
        let nested = base_path.starts_with('/') && !base_path.ends_with('/') && plain(base_path);
        if !base_path.is_empty() && !nested {
            self.faults.push(format!(
                "the base path {base_path:?} is not a path such as \"/app\""
            ));
        }
    }
}

impl<S> fmt::Debug for Builder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
