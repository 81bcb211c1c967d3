//! `StateTemplate`: the live pages of an application, ready to be served.

use std::{any::TypeId, fmt, sync::Arc};

use ::http::HeaderMap;
use axum::{
    Router,
    extract::Path,
    routing::{any, get, post},
};
use minijinja::Environment;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    builder::Builder, context::Context, forms, http::assets, layer::LiveLayer, live::Error, session::Session,
    socket,
};

/// The live pages of an application: makes the router and the layer that serve them, and reaches their sessions.
///
/// A clone is the same `StateTemplate`; it costs nothing.
#[derive(Clone)]
pub struct StateTemplate {
    context: Arc<Context>,
}

impl StateTemplate {
    /// Starts with the templates: a minijinja environment, with whatever filters, functions and settings it has.
    ///
    /// ```
    /// use minijinja::Environment;
    /// use statetemplate_axum::{Page, StateTemplate};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Counter { count: i64 }
    ///
    /// # #[tokio::main] async fn main() -> Result<(), statetemplate_axum::live::Error> {
    /// let mut templates = Environment::new();
    /// templates.add_template("counter.html", "<title>Counter</title><p>{{ count }}</p>").expect("it parses");
    /// let live = StateTemplate::builder(templates)
    ///     .signing_key(b"read 32 random bytes from a secret file")
    ///     .page(Page::<Counter>::new("counter.html"))
    ///     .build()?;
    /// # Ok(()) }
    /// ```
    pub fn builder<S: Clone + Send + Sync + 'static>(templates: Environment<'static>) -> Builder<S> {
        Builder::new(templates)
    }

    pub(crate) fn new(context: Arc<Context>) -> Self {
        StateTemplate { context }
    }

    /// The routes of the live pages: the socket (`/ws`), the stream of events for pages that cannot have one, the
    /// forms of browsers without scripts, and the client's files (`/_statetemplate/…`). Merge them into the application's router.
    ///
    /// They need no layer of this crate, and a socket or stream outlives any request timeout, so that time limits belong on
    /// the application's own routes. Layers that gather or compress whole responses would hold a stream's events back;
    /// tower-http's compression leaves them alone.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let file = get(
            |Path((version, name)): Path<(String, String)>, headers: HeaderMap| async move {
                assets::respond(&version, &name, &headers)
            },
        );
        Router::new()
            .route(&self.context.options.socket_path, any(socket::upgrade))
            .route(&format!("{}/stream", assets::PREFIX), post(socket::stream))
            .route(&format!("{}/act/{{page}}", assets::PREFIX), post(forms::submit))
            .route(&format!("{}/{{version}}/{{name}}", assets::PREFIX), file)
            .with_state(self.context.clone())
    }

    /// The layer that page handlers need for [`Live`](crate::Live): it reads the browser's cookie and sets it on the
    /// responses that show a live page.
    #[must_use]
    pub fn layer(&self) -> LiveLayer {
        LiveLayer {
            context: self.context.clone(),
        }
    }

    /// The session `id` (as [`Live::session_id`](crate::Live::session_id) or [`Session::id`] said it) of a page whose data
    /// is `T`, to change it from anywhere: its pages follow.
    ///
    /// ```no_run
    /// # use statetemplate_axum::{StateTemplate, live};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Order { paid: bool }
    /// async fn paid(live: &StateTemplate, session_id: &str) -> Result<(), live::Error> {
    ///     live.session::<Order>(session_id).await?.update(|order| order.paid = true).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// `SessionNotFound`, `SessionExpired` or `SessionClosed` when there is no such session any more, `Data` when its page
    /// has another data type, `StoreUnavailable` when the store does not answer.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped call has changed nothing.
    pub async fn session<T>(&self, id: &str) -> Result<Session<T>, Error>
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        let session = self.context.renderer.session(id).await?;
        let template = session.plan().name();
        match self.context.pages.get(template) {
            Some(page) if page.data() == TypeId::of::<T>() => Ok(Session::new(session)),
            Some(page) => Err(Error::data(format!(
                "the session {id} is one of the page {template}, whose data is {} and not {}",
                page.data_name(),
                std::any::type_name::<T>(),
            ))),
            None => Err(Error::data(format!(
                "the session {id} is one of {template}, which is no page here"
            ))),
        }
    }

    /// The renderer underneath: sessions by token, the store's health, the metrics.
    #[must_use]
    pub fn renderer(&self) -> &statetemplate_core::Renderer {
        &self.context.renderer
    }

    /// A session's page as a GET would show it now, without the client's element.
    #[cfg(feature = "test")]
    pub(crate) async fn render_again(&self, id: &str) -> Result<String, Error> {
        Ok(self.context.renderer.session(id).await?.render("")?.1)
    }

    /// Ends all sockets and waits until their tasks and the actions that run have ended. Pages are told to come back: after
    /// a restart, or to another node, where they go on as they were.
    ///
    /// Axum's graceful shutdown waits for requests but not for sockets, so let it begin with this:
    ///
    /// ```no_run
    /// # async fn serve(live: statetemplate_axum::StateTemplate, app: axum::Router) -> std::io::Result<()> {
    /// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    /// axum::serve(listener, app)
    ///     .with_graceful_shutdown(async move {
    ///         let _ = tokio::signal::ctrl_c().await;
    ///         live.shutdown().await;
    ///     })
    ///     .await
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has told the sockets to end, but has not waited.
    pub async fn shutdown(&self) {
        self.context.stop.cancel();
        self.context.tasks.close();
        self.context.tasks.wait().await;
        self.context.renderer.shutdown().await;
    }
}

impl fmt::Debug for StateTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.context.fmt(f)
    }
}
