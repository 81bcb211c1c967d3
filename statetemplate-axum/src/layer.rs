//! The tower layer: gives page handlers the live context and browsers their cookie.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{self, Poll},
};

use ::http::{HeaderMap, HeaderName, Request, Response, header};
use tower_layer::Layer;
use tower_service::Service;

use crate::{context::Context, forms::Return, http::cookie::Presented};

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
    own: bool,
    page: AtomicBool,
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
        }
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

    /// The cookie that the response should set, if any.
    fn cookie(&self, context: &Context) -> Option<http::HeaderValue> {
        // A Strict cookie is withheld from a navigation that comes from another site: its absence says nothing, and a new
        // one would replace the identity under which the person's other tabs are open. The join is same-origin.
        if !self.page.load(Ordering::Relaxed) || self.cross_site {
            return None;
        }
        let cookie = match context.browser(&self.presented) {
            Some(browser) if self.own && browser.past_half_life(context.renderer.now()) => {
                context.cookie_for(browser.owner())
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
            if let Some(cookie) = visit.cookie(&context) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            if let Some(used) = visit.used_return(&context) {
                response.headers_mut().append(header::SET_COOKIE, used);
            }
            Ok(response)
        })
    }
}
