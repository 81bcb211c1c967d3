//! The crate's error: a failure of the core, as a response of HTTP.

use std::fmt;

use ::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use statetemplate_core::ErrorKind;

/// Why a page, a session or the whole set-up failed.
///
/// As a response it is 503 when the store does not answer or the limit of sessions is reached (with `Retry-After`), 404 for
/// a session that is not there, and 500 otherwise. A debug build shows the whole message in the response, a template's
/// excerpt included; a release build logs it and shows the status alone.
#[derive(Debug)]
pub struct Error(statetemplate_core::Error);

impl Error {
    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Error(statetemplate_core::Error::new(
            ErrorKind::Configuration,
            message.into(),
        ))
    }

    pub(crate) fn data(message: impl Into<String>) -> Self {
        Error(statetemplate_core::Error::new(ErrorKind::Data, message.into()))
    }

    /// What sort of thing went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind()
    }

    /// The status that the error has as a response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.kind() {
            ErrorKind::StoreUnavailable | ErrorKind::MaxSessionsReached | ErrorKind::Timeout => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            ErrorKind::SessionNotFound | ErrorKind::SessionExpired | ErrorKind::SessionClosed => {
                StatusCode::NOT_FOUND
            }
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The error of the core.
    #[must_use]
    pub fn into_inner(self) -> statetemplate_core::Error {
        self.0
    }
}

impl From<statetemplate_core::Error> for Error {
    fn from(error: statetemplate_core::Error) -> Self {
        Error(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            tracing::error!(kind = ?self.kind(), "a page failed: {:#}", self.0);
        }
        let text = if cfg!(debug_assertions) {
            format!("{:#}\n", self.0)
        } else {
            format!("{}\n", status.canonical_reason().unwrap_or("error"))
        };
        let mut response = (status, [(header::CACHE_CONTROL, "no-store")], text).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}
