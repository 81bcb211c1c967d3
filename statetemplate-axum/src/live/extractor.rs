//! `Live<T>`: the right of a page handler to show a live page.

use std::{fmt, marker::PhantomData, sync::Arc};

use ::http::{Method, request::Parts};
use axum::extract::{FromRequestParts, OriginalUri};
use serde::{Serialize, de::DeserializeOwned};
use statetemplate_core::{ErrorKind, Scope, SessionOptions, Snapshot, store::OwnerId};

use super::{Error, Rejection, Rendered};
use crate::{
    context::Context,
    forms::{FormTarget, Returned, annotate},
    http::cookie::Presented,
    layer::{Visit, Visitor},
    mounted::MountedPage,
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
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
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
        let mut live = Live {
            session_id,
            context,
            visit,
            template: None,
            user: None,
            path: path(parts),
            head: parts.method == Method::HEAD,
            data: PhantomData,
        };
        if let Some(id) = live.shared_id() {
            live.session_id = id;
        }
        Ok(live)
    }
}

impl<T> Live<T>
where
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// The id of the session that [`render`](Live::render) will make: data may hold it.
    ///
    /// In the scope `Browser` it is that of the browser's session, unless the browser withholds its cookie, as it does when
    /// the person comes from another site for the first time: then the session that is made in the end has another one.
    #[must_use]
    pub fn session_id(&self) -> &str {
        &self.session_id
    }

    /// Chooses the page by its template, where several pages share the data type `T`.
    #[must_use]
    pub fn page(mut self, template: impl Into<String>) -> Self {
        self.template = Some(template.into());
        self.session_id = self.shared_id().unwrap_or(self.session_id);
        self
    }

    /// The id of the browser's shared session, if the page has one.
    fn shared_id(&self) -> Option<String> {
        let page = self.context.page_of::<T>(self.template.as_deref()).ok()?;
        if page.scope() != Scope::Browser {
            return None;
        }
        let identity = self.visit.identity(&self.context).ok().flatten()?;
        Some(identity.shared_session_id(page.template()))
    }

    /// Says which of the application's users the session is for: the [authorisation hook](crate::Builder::authorize) sees it,
    /// and all sessions of a user can be ended at once (`renderer().invalidate_user(…)`).
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Shows the page: `data` makes what it shows at first, and a session keeps it from then on. Where the page's tab or
    /// browser has a session already ([`Page::scope`](crate::Page::scope)), that is shown and `data` is not called.
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
    pub async fn render<F, Fut>(mut self, data: F) -> Result<Rendered, Error>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = T>,
    {
        let page = self.context.page_of::<T>(self.template.as_deref())?.clone();
        if let Some(Returned { session, notice }) = self.returned(page.template()).await
            && let Some(rendered) = self.render_kept(&session, false, notice.as_deref()).await?
        {
            return Ok(rendered);
        }
        if self.head {
            let data = data().await;
            // Its response is that of a GET without the body, so it must fail where a GET fails.
            let plan = self.context.renderer.plan(page.template())?;
            let head = self
                .context
                .client_element(&self.session_id, &plan, (plan.hash(), 1), false);
            return Ok(Rendered {
                html: plan.render(&Snapshot::of(&data)?, &head)?,
            });
        }
        if let Some(session) = self.kept(&*page).await?
            && let Some(rendered) = self.render_kept(&session, true, None).await?
        {
            return Ok(rendered);
        }
        let data = data().await;
        self.render_new(&*page, &data).await
    }

    /// The session that the page's tab or browser has already.
    async fn kept(&self, page: &dyn MountedPage) -> Result<Option<statetemplate_core::Session>, Error> {
        let (id, identity) = match page.scope() {
            Scope::Page => return Ok(None),
            Scope::Tab => {
                let Some(identity) = self.visit.known(&self.context) else {
                    return Ok(None);
                };
                let Some(hint) = self.visit.take_hint() else {
                    return Ok(None);
                };
                (hint.to_owned(), identity)
            }
            Scope::Browser => match self.visit.identity(&self.context)? {
                Some(identity) => (identity.shared_session_id(page.template()), identity),
                None => return Ok(None),
            },
        };
        let (template, user) = (page.template(), self.user.as_deref());
        let renderer = &self.context.renderer;
        Ok(renderer.find_kept(&id, &identity, template, user).await?)
    }

    /// Shows a session as it is; `None` when this build cannot read its data, and it has ended.
    async fn render_kept(
        &self,
        session: &statetemplate_core::Session,
        kept: bool,
        notice: Option<&str>,
    ) -> Result<Option<Rendered>, Error> {
        match session.upgrade::<T>().await {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::SessionOutdated => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let (plan, version) = (session.plan(), session.version());
        let shown = (&*version.page_plan(plan), version.revision);
        let head = self.context.client_element(session.id(), plan, shown, kept);
        let html = plan.render(&version.snapshot.get(), &head)?;
        self.visit.note_page();
        self.finish(session.id(), html, notice).map(Some)
    }

    async fn render_new(&mut self, page: &dyn MountedPage, data: &T) -> Result<Rendered, Error> {
        let context = self.context.clone();
        let renderer = &context.renderer;
        let made = match renderer.create_provisional(self.options(page), data).await {
            Err(error) if error.kind() == ErrorKind::SessionIdExists && page.scope() == Scope::Browser => {
                // Another tab was faster, or what is there is not for this page.
                if let Some(session) = self.kept(page).await?
                    && let Some(rendered) = self.render_kept(&session, true, None).await?
                {
                    return Ok(rendered);
                }
                self.make_room_for_shared(page).await?;
                renderer.create_provisional(self.options(page), data).await?
            }
            made => made?,
        };
        let shown = (&*made.version.page_plan(&made.plan), made.version.revision);
        let head = context.client_element(&made.page_id, &made.plan, shown, false);
        let html = match made.render(&head) {
            Ok(html) => html,
            Err(error) => {
                // Nobody will ever join it. If the store fails too, it ends with its provisional time.
                if let Ok(session) = renderer.session(&made.page_id).await {
                    let _ = session.close().await;
                }
                return Err(error.into());
            }
        };
        self.visit.note_page();
        self.finish(&made.page_id, html, None)
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

    fn options(&self, page: &dyn MountedPage) -> SessionOptions {
        let options = SessionOptions::new()
            .id(self.session_id.clone())
            .template(page.template());
        match &self.user {
            Some(user) => options.user(user.as_str()),
            None => options,
        }
    }

    /// Ends the browser's shared session when it was made for another user; where it is not this browser's any more, since
    /// it came with an identity from before a login, it gets a new identity.
    async fn make_room_for_shared(&mut self, page: &dyn MountedPage) -> Result<(), Error> {
        let Some(identity) = self.visit.known(&self.context) else {
            return Ok(());
        };
        let renderer = &self.context.renderer;
        if !renderer.end_shared(&identity, page.template()).await? {
            self.session_id = self.visit.renew()?.shared_session_id(page.template());
        }
        Ok(())
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
