//! The browser client's files, part of the binary, served from a folder whose name changes with their content.

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

/// The file that the page loads to become live. It finds the others beside it.
pub(crate) const CLIENT: &str = "statetemplate.js";

/// One file of the client.
struct Asset {
    name: &'static str,
    content: &'static str,
}

static ASSETS: [Asset; 4] = [
    Asset {
        name: CLIENT,
        content: include_str!("../../assets/statetemplate.js"),
    },
    // What the client loads when it needs it, or has nothing else to do.
    Asset {
        name: "extras.js",
        content: include_str!("../../assets/extras.js"),
    },
    Asset {
        name: "morph.js",
        content: include_str!("../../assets/morph.js"),
    },
    Asset {
        name: "dev.js",
        content: include_str!("../../assets/dev.js"),
    },
];

/// One hash for all files, since they belong together: a client never loads a part of another release.
pub(crate) static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for asset in &ASSETS {
        hash.update(asset.content);
    }
    URL_SAFE_NO_PAD.encode(&hash.finalize()[..9])
});

static ETAG: LazyLock<HeaderValue> = LazyLock::new(|| {
    HeaderValue::try_from(format!("\"{}\"", *VERSION)).expect("base64url between quotes is ASCII")
});

impl Asset {
    fn respond(&self, headers: &HeaderMap) -> Response {
        let mut response = if is_known(headers) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let mut response = Body::from(Bytes::from_static(self.content.as_bytes())).into_response();
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
        headers.insert(header::ETAG, ETAG.clone());
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=31536000, immutable"),
        );
        response
    }
}

/// Whether the browser holds the files of this version already (`If-None-Match`).
fn is_known(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| {
            value
                .split(',')
                .map(str::trim)
                .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).as_bytes() == ETAG.as_bytes())
        })
}

/// The response to a request for the client's file `name` of a version.
pub(crate) fn respond(version: &str, name: &str, headers: &HeaderMap) -> Response {
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    match asset.filter(|_| version == *VERSION) {
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
