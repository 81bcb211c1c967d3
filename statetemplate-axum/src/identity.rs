//! `Identity`: what an ordinary handler tells the library about logins.

use std::{fmt, sync::Arc};

use ::http::{header, request::Parts};
use axum::extract::FromRequestParts;
use statetemplate_core::BrowserIdentity;

use crate::{
    context::Context,
    http::cookie::Presented,
    layer::{Visit, Visitor},
    live::{Error, Rejection},
};

/// The extractor with which an ordinary handler says that someone has logged in or out in this browser.
///
/// Who someone is, the application finds out; the library then gives the browser another identity, so that nobody who knew
/// the one before, or planted it, has a part in what comes after. Needs the layer of
/// [`StateTemplate::layer`](crate::StateTemplate::layer) on its route, whose response brings the new cookie. A request that another site's
/// page began is refused.
///
/// ```
/// use axum::{Form, response::Redirect};
/// use statetemplate_axum::{Identity, live};
/// # #[derive(serde::Deserialize)] struct Login { name: String, password: String }
/// # fn is_right(_: &Login) -> bool { true }
///
/// async fn login(identity: Identity, Form(form): Form<Login>) -> Result<Redirect, live::Error> {
///     if is_right(&form) {
///         identity.login(&form.name).await?; // the browser's open pages go on, as this user's
///     }
///     Ok(Redirect::to("/"))
/// }
///
/// async fn logout(identity: Identity) -> Result<Redirect, live::Error> {
///     identity.logout().await?; // the browser's sessions end, on all nodes
///     Ok(Redirect::to("/"))
/// }
/// ```
pub struct Identity {
    context: Arc<Context>,
    visit: Arc<Visit>,
}

impl Identity {
    /// Someone has logged in: the browser gets another identity with this response. Its sessions are `user`'s from now on
    /// (the [authorisation hook](crate::Builder::authorize) sees it), and its open pages go on after they have shown the new
    /// cookie, half a second later. Where nothing of what was done before may go over, [`logout`](Identity::logout) is what
    /// gives the browser a new identity.
    ///
    /// # Errors
    ///
    /// When the store does not answer, or the sessions kept changing. The browser keeps its identity then, and loses those
    /// of its sessions that were carried over already.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped may have carried some of the sessions over to an identity that nobody holds; they end with
    /// their time.
    pub async fn login(&self, user: &str) -> Result<(), Error> {
        let next = match self.known() {
            Some(identity) => {
                let renderer = &self.context.renderer;
                renderer.rotate_identity(&identity, Some(user)).await?
            }
            None => BrowserIdentity::random()?,
        };
        self.visit.give(next);
        Ok(())
    }

    /// Someone has logged out: all sessions of this browser end, on all nodes, and it gets a new identity with this response.
    ///
    /// To log a user out of all browsers, call `live.renderer().invalidate_user(user)`.
    ///
    /// # Errors
    ///
    /// When the store does not answer; some of the sessions may have ended.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has ended some of the sessions; calling again ends the rest.
    pub async fn logout(&self) -> Result<(), Error> {
        let next = match self.known() {
            Some(identity) => self.context.renderer.replace_identity(&identity).await?,
            None => BrowserIdentity::random()?,
        };
        self.visit.give(next);
        Ok(())
    }

    fn known(&self) -> Option<BrowserIdentity> {
        self.visit.known(&self.context)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl<S: Sync> FromRequestParts<S> for Identity {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        let Some(Visitor { context, visit }) = parts.extensions.get::<Visitor>().cloned() else {
            return Err(Rejection::MissingLayer);
        };
        if visit.presented == Presented::Several {
            return Err(Rejection::SeveralCookies(context.cookie.name.clone()));
        }
        // Another site could log the person in as someone else, in an identity that its page makes.
        let is_foreign = parts.headers.contains_key(header::ORIGIN)
            && context.origins.check(&parts.headers, &parts.uri).is_err();
        if !visit.own || is_foreign {
            return Err(Rejection::ForeignSite);
        }
        Ok(Identity { context, visit })
    }
}
