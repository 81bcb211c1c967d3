//! `Page<T>`: a template, the type of its data, and the actions that change it.

use std::{collections::HashMap, fmt, pin::Pin, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use statetemplate_core::Scope;

use crate::{
    action::{ActionContext, Handler, Outcome},
    session::Session,
};

pub(crate) type BoxFuture<O> = Pin<Box<dyn Future<Output = O> + Send>>;
pub(crate) type Action<T, S> = Arc<dyn Fn(ActionContext<T>, S) -> BoxFuture<Outcome> + Send + Sync>;
pub(crate) type Task<T> = Arc<dyn Fn(Session<T>) -> BoxFuture<()> + Send + Sync>;

/// A live page: a template, the type `T` of the data it shows, and the actions by which its visitors change that data.
///
/// `S` is the application state that handlers take with axum's `State`, as in an axum `Router`: a page whose handlers take
/// `State<App>` is a `Page<T, App>`, and [`Builder::with_state`](crate::Builder::with_state) provides the value.
///
/// ```
/// use statetemplate_axum::{Data, Page, Payload};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Counter { count: i64 }
///
/// async fn add(mut counter: Data<Counter>, Payload(by): Payload<i64>) {
///     counter.count += by;
/// }
///
/// let page: Page<Counter> = Page::<Counter>::new("counter.html").action("add", add);
/// ```
#[must_use = "a page does nothing until it is given to a builder"]
pub struct Page<T, S = ()> {
    pub(crate) template: String,
    pub(crate) scope: Scope,
    pub(crate) actions: HashMap<String, Action<T, S>>,
    pub(crate) on_connect: Option<Task<T>>,
    pub(crate) compression: bool,
    /// Action names that were given twice; the builder refuses them, since only that can fail.
    pub(crate) doubled: Vec<String>,
}

impl<T, S> Page<T, S>
where
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
    S: Clone + Send + Sync + 'static,
{
    /// A page that shows data of the type `T` with the template `template` of the builder's environment.
    ///
    /// A template belongs to one page; a data type may have several pages
    /// (see [`Live::page`](crate::Live::page)).
    pub fn new(template: impl Into<String>) -> Self {
        Page {
            template: template.into(),
            scope: Scope::Page,
            actions: HashMap::new(),
            on_connect: None,
            compression: true,
            doubled: Vec::new(),
        }
    }

    /// Says what a session of this page belongs to. Default: [`Scope::Page`].
    ///
    /// - [`Scope::Page`]: to one page view. A reload starts afresh from the handler's data.
    /// - [`Scope::Tab`]: to a tab. A reload, and coming back to the page in the same tab, goes on where it was; a duplicated
    ///   tab starts a session of its own.
    /// - [`Scope::Browser`]: to a browser. All its tabs that show this page share one session and see each other's changes
    ///   at once.
    ///
    /// The function given to [`Live::render`](crate::Live::render) is called only when a session has to be made. A page that is
    /// shown for another [user](crate::Live::user) than the session was made for begins a new one.
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Adds the action `name`, which the page's elements name (`st-click="add"`).
    ///
    /// The handler is an async function; its arguments are [`Data<T>`](crate::Data), [`Payload`](crate::Payload),
    /// [`ActionId`](crate::ActionId), [`Session<T>`](crate::Session), and axum's extractors that read no body, such as
    /// `State`. It returns `()`, an [`Answer`](crate::Answer), or a `Result` of these. One handler runs at a time in a
    /// session; what it changed is committed before the page hears of it, and an error, a panic or the end of its time
    /// (30 seconds unless [configured](crate::Builder::handler_timeout)) leaves the data as it was.
    ///
    /// When the data was changed meanwhile from elsewhere ([`Session::update`](crate::Session::update)), the handler runs
    /// again on the newer data, at most three times: effects outside of the data may repeat
    /// ([`ActionId`](crate::ActionId)).
    pub fn action<A, H: Handler<T, S, A>>(mut self, name: impl Into<String>, handler: H) -> Self {
        let name = name.into();
        let action: Action<T, S> = Arc::new(move |context, state| handler.clone().call(context, state));
        if self.actions.insert(name.clone(), action).is_some() {
            self.doubled.push(name);
        }
        self
    }

    /// Whether this page's long frames are deflated. Default: yes, unless
    /// [`Builder::compression`](crate::Builder::compression) says no for all pages; what to consider stands there.
    pub fn compression(mut self, compression: bool) -> Self {
        self.compression = compression;
        self
    }

    /// Starts a background task when a page of a session connects: a clock, a feed, anything that moves by itself.
    ///
    /// There is one task for each session, however many sockets it has; the task is dropped at its next await once the last
    /// of them has ended, and starts anew when the page returns.
    ///
    /// ```
    /// use std::time::Duration;
    /// use statetemplate_axum::{Page, Session};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Clock { seconds: u64 }
    ///
    /// let page: Page<Clock> = Page::<Clock>::new("clock.html").on_connect(|session: Session<Clock>| async move {
    ///     let mut tick = tokio::time::interval(Duration::from_secs(1));
    ///     loop {
    ///         tick.tick().await;
    ///         if session.update(|clock| clock.seconds += 1).await.is_err() {
    ///             break;
    ///         }
    ///     }
    /// });
    /// ```
    pub fn on_connect<F, Fut>(mut self, task: F) -> Self
    where
        F: Fn(Session<T>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.on_connect = Some(Arc::new(move |session| Box::pin(task(session))));
        self
    }
}

impl<T, S> fmt::Debug for Page<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut actions: Vec<_> = self.actions.keys().collect();
        actions.sort_unstable();
        f.debug_struct("Page")
            .field("template", &self.template)
            .field("actions", &actions)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use ::http::HeaderMap;
    use axum::extract::{Extension, FromRef, State};
    use serde::Deserialize;

    use super::*;
    use crate::{ActionId, Answer, Data, Payload};

    #[derive(Serialize, Deserialize)]
    struct Chat {
        lines: Vec<String>,
    }

    #[derive(Clone)]
    struct App;

    #[derive(Clone)]
    struct Room;

    impl FromRef<App> for Room {
        fn from_ref(_app: &App) -> Room {
            Room
        }
    }

    async fn nothing() {}
    async fn clear(mut chat: Data<Chat>) {
        chat.lines.clear();
    }
    #[allow(clippy::too_many_arguments)] // that is what is tried here
    async fn send(
        State(_app): State<App>,
        State(_room): State<Room>,
        _headers: HeaderMap,
        _user: Option<Extension<u8>>,
        _id: ActionId,
        _session: Session<Chat>,
        mut chat: Data<Chat>,
        Payload(line): Payload<String>,
    ) -> Result<Answer<usize>, &'static str> {
        if line.is_empty() {
            return Err("say something");
        }
        chat.lines.push(line);
        tokio::task::yield_now().await;
        Ok(Answer(chat.lines.len()))
    }

    #[test]
    fn handlers_of_many_arguments_belong_to_a_page() {
        let page = Page::<Chat, App>::new("chat.html")
            .action("send", send)
            .action("clear", clear)
            .action("nothing", nothing);
        let shown = format!("{page:?}");
        assert_eq!(
            shown,
            r#"Page { template: "chat.html", actions: ["clear", "nothing", "send"], .. }"#
        );
        assert!(page.doubled.is_empty());
    }

    #[test]
    fn an_action_named_twice_is_noted() {
        let page: Page<Chat> = Page::new("chat.html")
            .action("clear", clear)
            .action("clear", nothing);
        assert_eq!(page.doubled, ["clear"]);
    }
}
