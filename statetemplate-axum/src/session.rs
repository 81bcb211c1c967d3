//! `Session<T>`: a page's session, from anywhere in the application.

use std::{fmt, marker::PhantomData};

use serde::{Serialize, de::DeserializeOwned};

use crate::live::Error;

/// The session of one page whose data is `T`: an inexpensive handle that can be cloned, kept and sent to other tasks.
///
/// Action handlers take it as an argument, [`Page::on_connect`](crate::Page::on_connect) receives it, and
/// [`StateTemplate::session`](crate::StateTemplate::session) finds it by its id.
///
/// Inside an action handler change the data through [`Data`](crate::Data); [`update`](Session::update) fails there, because it
/// would wait for the handler's own end. Long work belongs into a task of its own that updates the session when it has something to show:
///
/// ```
/// use statetemplate_axum::{Data, Session};
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Report { running: bool, text: String }
/// # async fn compute() -> String { String::new() }
/// async fn start(mut report: Data<Report>, session: Session<Report>) {
///     report.running = true;
///     tokio::spawn(async move {
///         let text = compute().await;
///         let _ = session.update(move |report| { report.running = false; report.text = text.clone(); }).await;
///     });
/// }
/// ```
pub struct Session<T> {
    inner: statetemplate_core::Session,
    data: PhantomData<fn() -> T>,
}

impl<T> Session<T> {
    pub(crate) fn new(inner: statetemplate_core::Session) -> Self {
        Session {
            inner,
            data: PhantomData,
        }
    }

    /// The session's id, as the page carries it.
    #[must_use]
    pub fn id(&self) -> &str {
        self.inner.id()
    }

    /// The core's session, for what this handle does not offer.
    #[must_use]
    pub fn inner(&self) -> &statetemplate_core::Session {
        &self.inner
    }
}

impl<T> Clone for Session<T> {
    fn clone(&self) -> Self {
        Session::new(self.inner.clone())
    }
}

impl<T> fmt::Debug for Session<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

impl<T> Session<T>
where
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Changes the data: `change` gets it and may return something. The session's pages follow at once.
    ///
    /// When the data was changed elsewhere at the same moment, `change` runs again on the newer data, so it should do
    /// nothing but change it. A change that turns out to change nothing costs nothing.
    ///
    /// # Errors
    ///
    /// When the session has ended, the store does not answer, others kept changing the data, the template fails with the new
    /// data, or the call comes from the session's own action handler: then the data is as it was.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has changed the data as a whole, or not at all.
    pub async fn update<R>(&self, change: impl FnMut(&mut T) -> R) -> Result<R, Error> {
        Ok(self.inner.update(change).await?)
    }

    /// The data as it is now.
    ///
    /// # Errors
    ///
    /// When the stored data cannot be read as a `T`, as after an incompatible change of the type.
    pub fn data(&self) -> Result<T, Error> {
        Ok(self.inner.data()?)
    }

    /// Pushes an event to the scripts of the session's pages that are connected now. Others miss it: what a page must not
    /// miss belongs into the data.
    ///
    /// # Errors
    ///
    /// When `data` cannot be written as JSON, or the session has ended.
    pub fn push_event<E: Serialize + ?Sized>(&self, name: &str, data: &E) -> Result<(), Error> {
        Ok(self.inner.push_event(name, data)?)
    }

    /// Ends the session and forgets its data; its pages are told.
    ///
    /// # Errors
    ///
    /// When the store does not answer; then the session goes on.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has ended the session or not; calling again ends it.
    pub async fn close(&self) -> Result<(), Error> {
        Ok(self.inner.close().await?)
    }
}
