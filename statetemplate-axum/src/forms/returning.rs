//! The way back: after an action by POST the GET finds the same session, by a cookie that is good for one use.

use std::time::Duration;

use ::http::{HeaderMap, HeaderValue};
use statetemplate_core::{
    ErrorKind, Session,
    store::{Answer, ClientId, OwnerId},
};

use crate::{
    context::Context,
    http::cookie::{CookiePolicy, Presented},
};

/// How long the browser may take for its GET.
const MAX_AGE: Duration = Duration::from_secs(60);

/// Which session the next GET of the page shows, and under which name its action was carried out.
///
/// It is worth nothing without the cookie of the browser whose session it is. It stands in a cookie and not in the address,
/// so that an address that is copied, kept or reloaded leads to a page of its own, as it does with scripts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Return {
    page: String,
    client: ClientId,
}

impl Return {
    pub(super) fn new(page: &str, client: ClientId) -> Self {
        Return {
            page: page.to_owned(),
            client,
        }
    }

    /// Reads a request's cookie.
    pub(crate) fn read(policy: &CookiePolicy, headers: &HeaderMap) -> Option<Self> {
        let Presented::One(value) = policy.return_cookie().read(headers) else {
            return None;
        };
        let (page, client) = value.split_once('.')?;
        Some(Return::new(page, ClientId::parse(client).ok()?))
    }

    /// The header that sets the cookie.
    pub(super) fn header(&self, policy: &CookiePolicy) -> Option<HeaderValue> {
        // Ids are base64url, so a dot divides them.
        let value = format!("{}.{}", self.page, self.client);
        policy.return_cookie().header(&value, MAX_AGE)
    }

    /// The header that takes the cookie away.
    pub(crate) fn used(policy: &CookiePolicy) -> Option<HeaderValue> {
        policy.return_cookie().header("", Duration::ZERO)
    }

    /// The session to show, if it is this browser's and one of the page, and what there is to say about the action.
    pub(crate) async fn find(&self, context: &Context, owner: &OwnerId, template: &str) -> Option<Returned> {
        let session = context.renderer.bind(&self.page, owner).await;
        let session = session
            .inspect_err(|error| {
                if error.kind() != ErrorKind::SessionNotFound {
                    tracing::warn!("a page is shown afresh after an action: {error:#}");
                }
            })
            .ok()
            .filter(|session| session.plan().name() == template)?;
        let answer = session.unacknowledged(&self.client, 0).into_iter().next();
        if let Err(error) = session.acknowledge_now(&self.client, 1).await {
            // The same form from the same view is then taken for a repetition.
            tracing::warn!("that an answer was shown could not be stored: {error:#}");
        }
        let notice = match answer {
            Some((_, Answer::Failed { text, .. })) => Some(text.to_string()),
            _ => None,
        };
        Some(Returned { session, notice })
    }
}

/// A session to be shown again.
pub(crate) struct Returned {
    pub(crate) session: Session,
    /// Why the action failed.
    pub(crate) notice: Option<String>,
}
