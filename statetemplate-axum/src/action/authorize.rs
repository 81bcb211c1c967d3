//! The authorisation hook: it sees every action before its handler does.

use std::{fmt, fmt::Display, pin::Pin, sync::Arc};

use ::http::request::Parts;
use serde_json::value::RawValue;

use super::{ActionId, extract::Refusal};

/// An action that a client attempts, as the authorisation hook sees it.
#[derive(Clone)]
pub struct Attempt {
    pub(crate) template: Arc<str>,
    pub(crate) action: Arc<str>,
    pub(crate) payload: Arc<RawValue>,
    pub(crate) id: ActionId,
    pub(crate) session_id: Arc<str>,
    pub(crate) user: Option<Arc<str>>,
    pub(crate) request: Arc<Parts>,
}

impl Attempt {
    /// The template of the page.
    pub fn template(&self) -> &str {
        &self.template
    }

    /// The action's name.
    pub fn action(&self) -> &str {
        &self.action
    }

    /// The action's payload, as JSON text; `{}` when the client sent none.
    pub fn payload(&self) -> &str {
        self.payload.get()
    }

    /// What names this attempt, the same when it is repeated.
    pub fn id(&self) -> &ActionId {
        &self.id
    }

    /// The id of the session.
    pub fn session_id(&self) -> &str {
        &self.session_id
    }

    /// The user of the session, if the application said who that is.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The request that opened the socket: its headers and extensions.
    pub fn request(&self) -> &Parts {
        &self.request
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the payload nor the request's headers: both may hold secrets.
        f.debug_struct("Attempt")
            .field("template", &self.template)
            .field("action", &self.action)
            .field("id", &self.id)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

type Verdict = Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>>;

/// A hook, whatever function it is.
pub(crate) type AuthorizeHook = Arc<dyn Fn(Attempt) -> Verdict + Send + Sync>;

pub(crate) fn erase_hook<F, Fut, E>(hook: F) -> AuthorizeHook
where
    F: Fn(Attempt) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), E>> + Send + 'static,
    E: Display,
{
    Arc::new(move |attempt| {
        let verdict = hook(attempt);
        Box::pin(async move { verdict.await.map_err(Refusal::refused) })
    })
}
