//! A rendered live page, as a response.

use ::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// A live page, ready to be sent: what a page handler returns.
///
/// As a response it is HTML for this browser alone, which asks for it anew each time (`Cache-Control: private, no-cache`), since
/// it names its own session. The way back leads to the page as it was left, which then goes on where it was. Give it other
/// headers as with any axum response: `([("cache-control", "no-store")], rendered)` has the browser forget it at once, and
/// asks for the page anew on the way back, too.
#[derive(Clone, Debug)]
#[must_use = "a page is shown by returning it from its handler"]
pub struct Rendered {
    pub(crate) html: String,
}

impl Rendered {
    /// The page as the browser receives it.
    #[must_use]
    pub fn html(&self) -> &str {
        &self.html
    }
}

impl IntoResponse for Rendered {
    fn into_response(self) -> Response {
        let mut response = self.html.into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        );
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-cache"),
        );
        response
    }
}
