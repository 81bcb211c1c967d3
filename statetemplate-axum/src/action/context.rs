//! What an action brings along: the request of its socket, its payload, its number, and the data it may change.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use ::http::request::Parts;
use serde_json::value::RawValue;

use crate::session::Session;

/// Names one action of one document, the same each time the action is repeated.
///
/// A handler changes its page's data exactly once, but what it does outside (a mail, a payment) may happen again when the
/// server dies between the effect and the commit. Give the outside world this name as its idempotency key.
///
/// ```
/// use statetemplate_axum::{ActionId, Data};
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Cart { paid: bool }
/// # async fn charge(_key: &str) -> Result<(), std::io::Error> { Ok(()) }
///
/// async fn pay(mut cart: Data<Cart>, id: ActionId) -> Result<(), std::io::Error> {
///     charge(&id.to_string()).await?;
///     cart.paid = true;
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ActionId {
    session: Arc<str>,
    client: Arc<str>,
    number: u64,
}

impl ActionId {
    pub(crate) fn new(session: Arc<str>, client: Arc<str>, number: u64) -> Self {
        ActionId {
            session,
            client,
            number,
        }
    }

    /// The number of the action among those of its document: 1, 2, 3, …
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl fmt::Display for ActionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.session, self.client, self.number)
    }
}

/// Where a page's data waits while its handler runs: taken by [`Data`](crate::Data), and put back when that is dropped.
pub(crate) struct Slot<T>(Arc<Mutex<Option<T>>>);

impl<T> Slot<T> {
    pub(crate) fn new(data: T) -> Self {
        Slot(Arc::new(Mutex::new(Some(data))))
    }

    pub(crate) fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(crate) fn put(&self, data: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(data);
    }
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Slot(self.0.clone())
    }
}

/// One action on its way to a handler; extractors ([`FromAction`](crate::action::FromAction)) read it.
pub struct ActionContext<T> {
    pub(crate) data: Slot<T>,
    pub(crate) payload: Arc<RawValue>,
    pub(crate) id: ActionId,
    pub(crate) session: Session<T>,
    request: Arc<Parts>,
    parts: Option<Parts>,
}

impl<T> ActionContext<T> {
    pub(crate) fn new(
        data: Slot<T>,
        payload: Arc<RawValue>,
        id: ActionId,
        session: Session<T>,
        request: Arc<Parts>,
    ) -> Self {
        ActionContext {
            data,
            payload,
            id,
            session,
            request,
            parts: None,
        }
    }

    /// The action's payload, as JSON text; `{}` when the client sent none.
    pub fn payload(&self) -> &str {
        self.payload.get()
    }

    /// The action's name towards the outside world.
    pub fn id(&self) -> &ActionId {
        &self.id
    }

    /// The session that the action belongs to.
    pub fn session(&self) -> &Session<T> {
        &self.session
    }

    /// The request that opened the action's socket: its headers, its extensions, its URI (`/ws`, not the page's).
    pub fn parts(&mut self) -> &mut Parts {
        // Extractors may change the parts, and most handlers have none that reads them: a copy is made on first use.
        self.parts.get_or_insert_with(|| (*self.request).clone())
    }
}

impl<T> fmt::Debug for ActionContext<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActionContext")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
