//! `Live<T>`: the right of a page handler to show a live page.

use std::{fmt, marker::PhantomData, sync::Arc};

use ::http::{Method, request::Parts};
use axum::extract::{FromRequestParts, OriginalUri};
use serde::{Serialize, de::DeserializeOwned};
use statetemplate_core::{SessionOptions, Snapshot, store::OwnerId};

use super::{Error, Rejection, Rendered};
use crate::{
    context::Context,
    forms::{FormTarget, Returned, annotate},
    http::cookie::Presented,
    layer::{Visit, Visitor},
};

/// The extractor with which a page handler shows the live page of the data type `T`.
///
/// Needs the layer of [`StateTemplate::layer`](crate::StateTemplate::layer) on its route.
///
/// ```
/// use statetemplate_axum::{Live, Rendered, live};
/// # #[derive(serde::Serialize, serde::Deserialize, Default)] struct Counter { count: i64 }
/// async fn page(live: Live<Counter>) -> Result<Rendered, live::Error> {
///     live.render(|| async { Counter::default() }).await
/// }
/// ```
pub struct Live<T> {
    context: Arc<Context>,
    visit: Arc<Visit>,
    session_id: String,
    template: Option<String>,
    user: Option<String>,
    /// The path and query that the page was asked for at.
    path: String,
    /// A HEAD request is answered as a GET without body, so it needs no session.
    head: bool,
    data: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("template", &self.template)
            .finish_non_exhaustive()
    }
}

impl<T, S> FromRequestParts<S> for Live<T>
where
    T: 'static,
    S: Sync,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        let Some(Visitor { context, visit }) = parts.extensions.get::<Visitor>().cloned() else {
            return Err(Rejection::MissingLayer);
        };
        if visit.presented == Presented::Several {
            return Err(Rejection::SeveralCookies(context.cookie.name.clone()));
        }
        let session_id = OwnerId::random()
            .map_err(|_| Rejection::NoRandomNumbers)?
            .as_str()
            .to_owned();
        Ok(Live {
            session_id,
            context,
            visit,
            template: None,
            user: None,
            path: path(parts),
            head: parts.method == Method::HEAD,
            data: PhantomData,
        })
    }
}

impl<T> Live<T>
where
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// The id of the session that [`render`](Live::render) will make: data may hold it.
    #[must_use]
    pub fn session_id(&self) -> &str {
        &self.session_id
    }

    /// Chooses the page by its template, where several pages share the data type `T`.
    #[must_use]
    pub fn page(mut self, template: impl Into<String>) -> Self {
        self.template = Some(template.into());
        self
    }

    /// Says which of the application's users the session is for: the [authorisation hook](crate::Builder::authorize) sees it,
    /// and all sessions of a user can be ended at once (`renderer().invalidate_user(…)`).
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Shows the page: `data` makes what it shows at first, and a session keeps it from then on.
    ///
    /// The session is provisional until the page's script joins it, so that crawlers and prefetches leave nothing behind for
    /// long (2 minutes unless [configured](crate::Builder::provisional_expiration)). A `HEAD` request and a render that
    /// fails make none.
    ///
    /// Forms with `st-submit`, and those around buttons with `st-click`, are given what a browser without scripts needs to
    /// send them (`method`, `action` and the like); the page that it gets after sending one shows the same session, without
    /// a call of `data`, and the reason if the action failed.
    ///
    /// # Errors
    ///
    /// When no page, or more than one, has this data type; when the data cannot be serialised or the template fails on it;
    /// when the store does not take the session.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped leaves at most a provisional session, which ends by itself.
    pub async fn render<F, Fut>(self, data: F) -> Result<Rendered, Error>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = T>,
    {
        let template = self
            .context
            .page_of::<T>(self.template.as_deref())?
            .template()
            .to_owned();
        if let Some(Returned { session, notice }) = self.returned(&template).await {
            let (version, plan) = (session.version(), session.plan());
            let head = self
                .context
                .client_element(session.id(), plan.hash(), version.revision);
            let html = plan.render(&version.snapshot, &head)?;
            self.visit.note_page();
            return self.finish(session.id(), html, notice.as_deref());
        }
        let data = data().await;
        if self.head {
            // Its response is that of a GET without the body, so it must fail where a GET fails.
            let plan = self.context.renderer.plan(&template)?;
            let head = self.context.client_element(&self.session_id, plan.hash(), 1);
            return Ok(Rendered {
                html: plan.render(&Snapshot::of(&data)?, &head)?,
            });
        }
        let mut options = SessionOptions::new()
            .id(self.session_id.clone())
            .template(template);
        if let Some(user) = self.user.clone() {
            options = options.user(user);
        }
        let page = self.context.renderer.create_provisional(options, &data).await?;
        let head = self.context.client_element(
            &page.page_id,
            &page.version.page_plan(&page.plan),
            page.version.revision,
        );
        let html = match page.render(&head) {
            Ok(html) => html,
            Err(error) => {
                // Nobody will ever join it. If the store fails too, it ends with its provisional time.
                if let Ok(session) = self.context.renderer.session(&page.page_id).await {
                    let _ = session.close().await;
                }
                return Err(error.into());
            }
        };
        self.visit.note_page();
        self.finish(&page.page_id, html, None)
    }

    /// The session that a form of this browser was just sent to.
    async fn returned(&self, template: &str) -> Option<Returned> {
        let returning = self.visit.returning.as_ref().filter(|_| !self.head)?;
        let browser = self.context.browser(&self.visit.presented)?;
        returning.find(&self.context, browser.owner(), template).await
    }

    fn finish(&self, page: &str, html: String, notice: Option<&str>) -> Result<Rendered, Error> {
        let target = FormTarget::new(&self.context.options.base_path, page, &self.path)?;
        Ok(Rendered {
            html: annotate(html, &target, notice),
        })
    }
}

/// What the browser asked for, wherever the router that answers is nested.
fn path(parts: &Parts) -> String {
    let uri = parts
        .extensions
        .get::<OriginalUri>()
        .map_or(&parts.uri, |original| &original.0);
    uri.path_and_query().map_or("/", |path| path.as_str()).to_owned()
}
