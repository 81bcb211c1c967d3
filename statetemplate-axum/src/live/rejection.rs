//! Why a request cannot have a live page.

use std::fmt;

use ::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Why [`Live`](crate::Live) could not be extracted. More reasons may be added.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// The route has not the layer of `StateTemplate::layer`: a fault of the application, 500.
    MissingLayer,
    /// The request has two cookies of the browser's name; 400. One of them was planted, and there is no telling which.
    SeveralCookies(String),
    /// The request comes from another site's page, which has no say in who is logged in; 403.
    ForeignSite,
    /// The system gives no random numbers, so that no session can be named; 500.
    NoRandomNumbers,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rejection::MissingLayer => f.write_str(
                "this route shows a live page but has not the layer for it: add `.layer(live.layer())` after the route, \
                 where `live` is the `StateTemplate`",
            ),
            Rejection::SeveralCookies(name) => write!(
                f,
                "the request has more than one cookie named {name}, and only one of them can be right: clear this \
                 site's cookies and load the page again",
            ),
            Rejection::ForeignSite => f.write_str("only this site's own pages log in and out"),
            Rejection::NoRandomNumbers => f.write_str("the system gives no random numbers"),
        }
    }
}

impl std::error::Error for Rejection {}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let status = match self {
            Rejection::MissingLayer | Rejection::NoRandomNumbers => {
                tracing::error!("{self}");
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Rejection::ForeignSite => {
                tracing::warn!(target: "statetemplate::audit", "{self}");
                StatusCode::FORBIDDEN
            }
            Rejection::SeveralCookies(_) => {
                tracing::warn!(target: "statetemplate::audit", "{self}");
                StatusCode::BAD_REQUEST
            }
        };
        (status, [(header::CACHE_CONTROL, "no-store")], format!("{self}\n")).into_response()
    }
}
