//! The tower layer: gives page handlers the live context and browsers their cookie.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{self, Poll},
};

use ::http::{HeaderMap, HeaderName, Request, Response, header};
use statetemplate_core::BrowserIdentity;
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    context::Context,
    forms::Return,
    http::cookie::{self, Presented},
    live::Error,
};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What the layer puts into a request's extensions.
#[derive(Clone)]
pub(crate) struct Visitor {
    pub(crate) context: Arc<Context>,
    pub(crate) visit: Arc<Visit>,
}

/// One request of a browser: what it presented, and whether a live page came of it.
pub(crate) struct Visit {
    pub(crate) presented: Presented,
    /// The session that the page shows, after a form was sent.
    pub(crate) returning: Option<Return>,
    /// The navigation came from another site, so that the browser withheld its cookie.
    cross_site: bool,
    /// The request came from this site's own pages or from the person.
    pub(crate) own: bool,
    page: AtomicBool,
    /// The identity that the response gives the browser, and whether it does so without a page too.
    given: Mutex<Option<(BrowserIdentity, bool)>>,
    /// The session that the tab had, as its last page left word.
    hint: Option<String>,
    hint_used: AtomicBool,
}

impl Visit {
    fn new(context: &Context, headers: &HeaderMap) -> Self {
        let site = headers.get(SEC_FETCH_SITE).map(http::HeaderValue::as_bytes);
        Visit {
            presented: context.cookie.read(headers),
            returning: Return::read(&context.cookie, headers),
            cross_site: site == Some(b"cross-site"),
            own: matches!(site, None | Some(b"same-origin" | b"none")),
            page: AtomicBool::new(false),
            given: Mutex::new(None),
            hint: cookie::find(headers, cookie::TAB),
            hint_used: AtomicBool::new(false),
        }
    }

    /// The browser's identity: the one it came with, or the one that this response gives it. `None` where its cookie was
    /// withheld, so that it has one which is not known here.
    pub(crate) fn identity(&self, context: &Context) -> Result<Option<BrowserIdentity>, Error> {
        if let Some(identity) = self.known(context) {
            return Ok(Some(identity));
        }
        if self.cross_site {
            return Ok(None);
        }
        self.renew().map(Some)
    }

    /// The identity that the browser has, if it has one of ours.
    pub(crate) fn known(&self, context: &Context) -> Option<BrowserIdentity> {
        let given = self.given().as_ref().map(|(identity, _)| identity.clone());
        given.or_else(|| Some(context.browser(&self.presented)?.identity().clone()))
    }

    /// A new identity for the browser, which it has with the page that this response brings.
    pub(crate) fn renew(&self) -> Result<BrowserIdentity, Error> {
        let identity = BrowserIdentity::random()?;
        *self.given() = Some((identity.clone(), false));
        Ok(identity)
    }

    /// Gives the browser an identity with this response, whatever else it brings.
    pub(crate) fn give(&self, identity: BrowserIdentity) {
        *self.given() = Some((identity, true));
    }

    /// The session that the tab had, as its last page left word. It is good for one page.
    pub(crate) fn take_hint(&self) -> Option<&str> {
        let hint = self.hint.as_deref()?;
        self.hint_used.store(true, Ordering::Relaxed);
        Some(hint)
    }

    /// It is a value as a whole at every moment, so a poisoned lock is taken as it is.
    fn given(&self) -> MutexGuard<'_, Option<(BrowserIdentity, bool)>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note_page(&self) {
        self.page.store(true, Ordering::Relaxed);
    }

    /// What takes the cookie that led back away, once a live page was shown.
    fn used_return(&self, context: &Context) -> Option<http::HeaderValue> {
        self.returning
            .as_ref()
            .filter(|_| self.page.load(Ordering::Relaxed))?;
        Return::used(&context.cookie)
    }

    /// The cookies that the response should set.
    fn cookies(&self, context: &Context) -> impl Iterator<Item = http::HeaderValue> + use<> {
        let hint = self.hint_used.load(Ordering::Relaxed).then(cookie::forget_tab);
        let used = self.used_return(context);
        self.identity_cookie(context).into_iter().chain(hint).chain(used)
    }

    fn identity_cookie(&self, context: &Context) -> Option<http::HeaderValue> {
        let has_page = self.page.load(Ordering::Relaxed);
        if let Some((identity, always)) = &*self.given()
            && (*always || has_page)
        {
            return context
                .cookie_for(identity)
                .inspect_err(|error| tracing::error!("a browser remains without its cookie: {error:#}"))
                .ok();
        }
        // A Strict cookie is withheld from a navigation that comes from another site: its absence says nothing, and a new
        // one would replace the identity under which the person's other tabs are open. The join is same-origin.
        if !has_page || self.cross_site {
            return None;
        }
        let cookie = match context.browser(&self.presented) {
            Some(browser) if self.own && browser.past_half_life(context.renderer.now()) => {
                context.cookie_for(browser.identity())
            }
            Some(_) => return None,
            None => context.new_browser().map(|(_, cookie)| cookie),
        };
        cookie
            .inspect_err(|error| tracing::error!("a browser remains without its cookie: {error:#}"))
            .ok()
    }
}

/// Makes the routes under it able to show live pages; made by [`StateTemplate::layer`](crate::StateTemplate::layer).
#[derive(Clone, Debug)]
pub struct LiveLayer {
    pub(crate) context: Arc<Context>,
}

impl<S> Layer<S> for LiveLayer {
    type Service = LiveService<S>;

    fn layer(&self, inner: S) -> LiveService<S> {
        LiveService {
            inner,
            context: self.context.clone(),
        }
    }
}

/// The service that [`LiveLayer`] makes.
#[derive(Clone, Debug)]
pub struct LiveService<S> {
    inner: S,
    context: Arc<Context>,
}

impl<S, B, R> Service<Request<B>> for LiveService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Send + 'static,
    R: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // The service that was polled ready answers this request; its clone waits for the next.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let context = self.context.clone();
        let visit = Arc::new(Visit::new(&context, request.headers()));
        request.extensions_mut().insert(Visitor {
            context: context.clone(),
            visit: visit.clone(),
        });
        Box::pin(async move {
            let mut response = inner.call(request).await?;
            for cookie in visit.cookies(&context) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            Ok(response)
        })
    }
}
