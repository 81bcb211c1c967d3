//! The browser client's files, part of the binary, served under names that change with their content.

use std::sync::LazyLock;

use ::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use sha2::{Digest, Sha256};

/// The folder of the client's files, as the page names it.
pub(crate) const PREFIX: &str = "/_statetemplate";

/// One file of the client.
pub(crate) struct Asset {
    /// `client.HASH.js`
    pub(crate) name: String,
    etag: HeaderValue,
    content: Bytes,
}

/// What the page loads to become live.
pub(crate) static CLIENT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("client", include_str!("../../assets/statetemplate.js")));
/// What the client loads when it has to bring a page or a region into another shape.
pub(crate) static MORPH: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("morph", include_str!("../../assets/morph.js")));

impl Asset {
    fn new(stem: &str, content: &'static str) -> Self {
        let hash = URL_SAFE_NO_PAD.encode(&Sha256::digest(content.as_bytes())[..9]);
        let etag = HeaderValue::try_from(format!("\"{hash}\"")).expect("base64url between quotes is ASCII");
        Asset {
            name: format!("{stem}.{hash}.js"),
            etag,
            content: Bytes::from_static(content.as_bytes()),
        }
    }

    fn respond(&self, headers: &HeaderMap) -> Response {
        let mut response = if self.is_known(headers) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let mut response = Body::from(self.content.clone()).into_response();
            let headers = response.headers_mut();
            headers.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("text/javascript; charset=utf-8"),
            );
            headers.insert(
                header::X_CONTENT_TYPE_OPTIONS,
                HeaderValue::from_static("nosniff"),
            );
            response
        };
        let headers = response.headers_mut();
        headers.insert(header::ETAG, self.etag.clone());
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=31536000, immutable"),
        );
        response
    }

    /// Whether the browser holds this content already (`If-None-Match`).
    fn is_known(&self, headers: &HeaderMap) -> bool {
        headers
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|value| {
                value.split(',').map(str::trim).any(|tag| {
                    tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).as_bytes() == self.etag.as_bytes()
                })
            })
    }
}

/// The response to a request for the client's file `name`.
pub(crate) fn respond(name: &str, headers: &HeaderMap) -> Response {
    match [&*CLIENT, &*MORPH].into_iter().find(|asset| asset.name == name) {
        Some(asset) => asset.respond(headers),
        // Perhaps a file of the release before: its page must not keep this answer for when a server of it is back.
        None => (
            StatusCode::NOT_FOUND,
            [(header::CACHE_CONTROL, "no-store")],
            "no such file of the client\n",
        )
            .into_response(),
    }
}
