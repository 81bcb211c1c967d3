//! What the layer, the extractors and the sockets share: the pages, the renderer and the options.

use std::{
    any::TypeId,
    collections::HashMap,
    fmt,
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use ::http::HeaderValue;
use statetemplate_core::{BrowserClaims, BrowserIdentity, BrowserToken, Plan, Scope};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    action::AuthorizeHook,
    http::{
        assets,
        cookie::{CookiePolicy, Presented},
        origin::OriginPolicy,
    },
    live::Error,
    mounted::MountedPage,
    socket::{Recent, Streams},
};

/// The options of sockets and of the client's element.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Where the socket is, below `base_path`.
    pub(crate) socket_path: String,
    /// Where the router of this crate is nested, as browsers see it; empty at the root.
    pub(crate) base_path: String,
    /// The longest message a client may send, in bytes.
    pub(crate) max_message_size: usize,
    pub(crate) max_connections: usize,
    pub(crate) ping_interval: Duration,
    /// Within which time pages come back that a stopping server sends away.
    pub(crate) reconnect_within: Duration,
    /// Whether long frames are deflated.
    pub(crate) compression: bool,
}

/// One `StateTemplate`, shared by everything that serves its pages.
pub(crate) struct Context {
    pub(crate) renderer: statetemplate_core::Renderer,
    /// By template, since a template belongs to one page.
    pub(crate) pages: HashMap<String, Arc<dyn MountedPage>>,
    pub(crate) cookie: CookiePolicy,
    pub(crate) origins: OriginPolicy,
    pub(crate) options: Options,
    pub(crate) authorize: Option<AuthorizeHook>,
    /// What pages showed when their sockets ended.
    pub(crate) recent: Recent,
    /// The streams of pages that have no socket.
    pub(crate) streams: Streams,
    /// A permit for each socket or stream that may be open.
    pub(crate) connections: Arc<Semaphore>,
    /// Owns every task of the sockets.
    pub(crate) tasks: TaskTracker,
    /// Cancelled when the server shuts down.
    pub(crate) stop: CancellationToken,
}

impl Context {
    /// The page of the data type `T`: the one with that template, or the only one.
    pub(crate) fn page_of<T: 'static>(&self, template: Option<&str>) -> Result<&Arc<dyn MountedPage>, Error> {
        let name = std::any::type_name::<T>();
        let mut pages: Vec<_> = self
            .pages
            .values()
            .filter(|page| page.data() == TypeId::of::<T>())
            .collect();
        pages.sort_by(|a, b| a.template().cmp(b.template()));
        if let Some(template) = template {
            return pages
                .into_iter()
                .find(|page| page.template() == template)
                .ok_or_else(|| {
                    Error::configuration(format!(
                        "there is no page of the template {template} with the data type {name}"
                    ))
                });
        }
        match pages.as_slice() {
            [page] => Ok(page),
            [] => Err(Error::configuration(format!(
                "no page has the data type {name}: add `.page(Page::<{name}>::new(…))` to the builder"
            ))),
            several => {
                let templates: Vec<_> = several.iter().map(|page| page.template()).collect();
                Err(Error::configuration(format!(
                    "the data type {name} has several pages ({}): choose one with `live.page(\"{}\")`",
                    templates.join(", "),
                    templates[0],
                )))
            }
        }
    }

    /// What the sessions of a template's page belong to.
    pub(crate) fn scope_of(&self, template: &str) -> Scope {
        self.pages.get(template).map_or(Scope::Page, |page| page.scope())
    }

    /// The browser that a request comes from, if it presents a token of ours that is still good.
    pub(crate) fn browser(&self, presented: &Presented) -> Option<BrowserClaims> {
        match presented {
            Presented::One(token) => self
                .renderer
                .open_browser_token(&BrowserToken::from(token.as_str()))
                .ok(),
            Presented::Nothing | Presented::Several => None,
        }
    }

    /// A new identity for a browser, and the cookie that tells it.
    pub(crate) fn new_browser(&self) -> Result<(BrowserIdentity, HeaderValue), Error> {
        let identity = BrowserIdentity::random()?;
        let cookie = self.cookie_for(&identity)?;
        Ok((identity, cookie))
    }

    /// The cookie that tells a browser its identity for another while.
    pub(crate) fn cookie_for(&self, identity: &BrowserIdentity) -> Result<HeaderValue, Error> {
        let token = self.renderer.seal_browser_token(identity)?;
        let age = self.renderer.config().browser_expiration;
        self.cookie
            .header(token.as_str(), age)
            .ok_or_else(|| Error::configuration("the cookie's name is not ASCII"))
    }

    /// After how many milliseconds a page comes back that the stopping server sends away: another number for each, so that
    /// the next server does not meet them all at once.
    pub(crate) fn come_back(&self) -> u64 {
        let within = u64::try_from(self.options.reconnect_within.as_millis()).unwrap_or(u64::MAX);
        // Each state of the standard library's hasher has random keys.
        RandomState::new().hash_one(()) % within.saturating_add(1)
    }

    /// The element that loads the client and tells it which session the page belongs to.
    ///
    /// `plan_name` and `revision` say what the page shows. A page is `kept` when it shows a session on a tab's word.
    pub(crate) fn client_element(
        &self,
        page: &str,
        plan: &Plan,
        (plan_name, revision): (&str, u64),
        kept: bool,
    ) -> String {
        let Options {
            base_path,
            socket_path,
            max_message_size,
            ..
        } = &self.options;
        let (folder, version, client) = (assets::PREFIX, &*assets::VERSION, assets::CLIENT);
        let page_scope = self.scope_of(plan.name());
        let scope = match page_scope {
            Scope::Page => String::new(),
            Scope::Tab | Scope::Browser => format!(" data-scope=\"{}\"", plan.page_key()),
        };
        let kept = if kept && page_scope == Scope::Tab {
            " data-kept"
        } else {
            ""
        };
        // None of these can hold a quote: ids and hashes are base64url, and the builder checks the paths.
        format!(
            "<script src=\"{base_path}{folder}/{version}/{client}\" data-page=\"{page}\" data-plan=\"{plan_name}\" \
             data-revision=\"{revision}\" data-ws=\"{base_path}{socket_path}\" \
             data-limit=\"{max_message_size}\"{scope}{kept} defer></script>"
        )
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut pages: Vec<_> = self.pages.keys().collect();
        pages.sort_unstable();
        f.debug_struct("StateTemplate")
            .field("pages", &pages)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
