//! `/ws`: who may open a socket, and under which identity.

use std::sync::Arc;

use ::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header, request::Parts};
use axum::{
    extract::{FromRequestParts, OriginalUri, Request, State, WebSocketUpgrade},
    response::{IntoResponse, Response},
};

use statetemplate_core::BrowserIdentity;
use tokio::sync::OwnedSemaphorePermit;

use super::{connection::Connection, link::Link, oversized::read_limit};
use crate::{context::Context, http::cookie::Presented};

/// The subprotocol that client and server must both speak.
pub(crate) const SUBPROTOCOL: &str = "statetemplate.v1";

/// The default of tungstenite, 128 KB, would be most of what an idle connection costs.
const READ_BUFFER: usize = 4096;
/// Frames are written whole and at once, so nothing gathers here.
const WRITE_BUFFER: usize = 0;

/// Answers a request to open a socket.
pub(crate) async fn upgrade(State(context): State<Arc<Context>>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    if let Err(reason) = context.origins.check(&parts.headers, &parts.uri) {
        tracing::warn!(target: "statetemplate::audit", %reason, "a socket was refused for its origin");
        return refuse(StatusCode::FORBIDDEN, &reason);
    }
    let (identity, cookie) = match identify(&context, &parts.headers) {
        Ok(identity) => identity,
        Err(response) => return *response,
    };
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade.protocols([SUBPROTOCOL]),
        Err(rejection) => return rejection.into_response(),
    };
    if upgrade.selected_protocol().is_none() {
        return refuse(
            StatusCode::BAD_REQUEST,
            &format!("this socket speaks the subprotocol {SUBPROTOCOL}, and the request does not offer it"),
        );
    }
    let permit = match admit(&context) {
        Ok(permit) => permit,
        Err(response) => return *response,
    };
    let limit = read_limit(context.options.max_message_size);
    let request = Arc::new(compact(parts));
    // The token is taken now, so that a shutdown waits for this socket from here on.
    let token = context.tasks.token();
    let mut response = upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(usize::MAX)
        .max_message_size(limit)
        .max_frame_size(limit)
        .on_failed_upgrade(|error| tracing::debug!(%error, "a socket did not open"))
        .on_upgrade(move |socket| async move {
            let link = Link::socket(socket);
            Connection::new(context, link, request, identity).run(None).await;
            drop((permit, token));
        });
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The right to one more connection.
pub(super) fn admit(context: &Context) -> Result<OwnedSemaphorePermit, Box<Response>> {
    context.connections.clone().try_acquire_owned().map_err(|_| {
        tracing::warn!(
            limit = context.options.max_connections,
            "a connection was refused: too many are open"
        );
        let mut response = refuse(StatusCode::SERVICE_UNAVAILABLE, "too many connections");
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        Box::new(response)
    })
}

/// A browser without an identity receives one with the response: this request is same-origin, so that the absence of a
/// Strict cookie means that there is none.
pub(crate) fn identify(
    context: &Context,
    headers: &HeaderMap,
) -> Result<(BrowserIdentity, Option<HeaderValue>), Box<Response>> {
    let presented = context.cookie.read(headers);
    if presented == Presented::Several {
        let rejection = crate::live::Rejection::SeveralCookies(context.cookie.name.clone());
        return Err(Box::new(rejection.into_response()));
    }
    if let Some(browser) = context.browser(&presented) {
        let renewed = browser
            .past_half_life(context.renderer.now())
            .then(|| context.cookie_for(browser.identity()));
        return Ok((browser.identity().clone(), renewed.and_then(Result::ok)));
    }
    match context.new_browser() {
        Ok((identity, cookie)) => Ok((identity, Some(cookie))),
        Err(error) => Err(Box::new(error.into_response())),
    }
}

pub(super) fn refuse(status: StatusCode, reason: &str) -> Response {
    (
        status,
        [(header::CACHE_CONTROL, "no-store")],
        format!("{reason}\n"),
    )
        .into_response()
}

/// Copies what the extractors of action handlers may read: the parts that hyper parsed are slices of its read buffer,
/// which would live as long as the connection.
pub(super) fn compact(mut parts: Parts) -> Parts {
    let mut headers = HeaderMap::with_capacity(parts.headers.len());
    for (name, value) in &parts.headers {
        let copy = HeaderName::from_bytes(name.as_str().as_bytes())
            .ok()
            .zip(HeaderValue::from_bytes(value.as_bytes()).ok());
        if let Some((name, mut copy)) = copy {
            copy.set_sensitive(value.is_sensitive());
            headers.append(name, copy);
        }
    }
    parts.headers = headers;
    let copy = |uri: &Uri| uri.to_string().parse::<Uri>().ok();
    if let Some(uri) = copy(&parts.uri) {
        parts.uri = uri;
    }
    // Where the router was nested, this one says what was asked for.
    if let Some(OriginalUri(uri)) = parts.extensions.get_mut()
        && let Some(original) = copy(uri)
    {
        *uri = original;
    }
    parts
}
