//! `/_statetemplate/stream`: opens a page's stream of events, and takes in what the page sends beside it.

use std::{sync::Arc, time::Duration};

use ::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::{
    body::{Body, to_bytes},
    extract::{Request, State, ws::Utf8Bytes},
    response::{IntoResponse, Response, Sse},
};
use bytes::Bytes;
use tokio::time::timeout;

use super::{
    connection::{Connection, JOIN_WITHIN},
    link::Link,
    oversized::read_limit,
    stream::events,
    upgrade::{admit, compact, identify, refuse},
};
use crate::context::Context;

/// The header that names a stream: in the response that is one, and in the requests that belong to it.
const STREAM: HeaderName = HeaderName::from_static("statetemplate-stream");
/// How long a request may wait until its frames are taken in: as long as an action before them may take, and a little.
const TAKEN_WITHIN: Duration = Duration::from_secs(40);

/// Answers a page that has no socket.
pub(crate) async fn stream(State(context): State<Arc<Context>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if let Err(reason) = context.origins.check(&parts.headers, &parts.uri) {
        tracing::warn!(target: "statetemplate::audit", %reason, "a stream was refused for its origin");
        return refuse(StatusCode::FORBIDDEN, &reason);
    }
    match parts.headers.get(&STREAM) {
        Some(id) => take(&context, &parts.headers, id, body).await,
        None => open(context, parts, body).await,
    }
}

/// Opens a stream; the request's body is the join, the response its answer and all frames that follow.
async fn open(context: Arc<Context>, parts: ::http::request::Parts, body: Body) -> Response {
    let (identity, cookie) = match identify(&context, &parts.headers) {
        Ok(identity) => identity,
        Err(response) => return *response,
    };
    let permit = match admit(&context) {
        Ok(permit) => permit,
        Err(response) => return *response,
    };
    let join = match read(&context, body).await.and_then(text) {
        Ok(join) => join,
        Err(response) => return *response,
    };
    let (id, stream, incoming) = match context.streams.open(identity.owner().clone()) {
        Ok(opened) => opened,
        Err(error) => return crate::live::Error::from(error).into_response(),
    };
    let request = Arc::new(compact(parts));
    let connection = Connection::new(context.clone(), Link::Stream(stream), request, identity);
    context.tasks.spawn(async move {
        connection.run(Some(join)).await;
        drop(permit);
    });
    let mut response = Sse::new(events(incoming)).into_response();
    let headers = response.headers_mut();
    // Ids are base64url.
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(STREAM, id);
    }
    // Whatever stands between must pass each event on as it comes.
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-store, no-transform"),
    );
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    if let Some(cookie) = cookie {
        headers.append(header::SET_COOKIE, cookie);
    }
    response
}

/// Takes the frames of a request in, one on each line, and answers when the connection has them.
async fn take(context: &Context, headers: &HeaderMap, id: &HeaderValue, body: Body) -> Response {
    // The same answer for a stream that has ended and for somebody else's.
    let unknown = || refuse(StatusCode::NOT_FOUND, "this browser has no such stream");
    let browser = context.browser(&context.cookie.read(headers));
    let frames = browser
        .zip(id.to_str().ok())
        .and_then(|(browser, id)| context.streams.find(id, browser.owner()));
    let Some(frames) = frames else {
        return unknown();
    };
    let Ok(frames) = frames.try_lock() else {
        return refuse(
            StatusCode::CONFLICT,
            "a request of this stream is still being taken in",
        );
    };
    let body = match read(context, body).await {
        Ok(body) => body,
        Err(response) => return *response,
    };
    let taken = async {
        // A request of no frames is a sign of life, which is a frame of no text here.
        for frame in body.split(|&byte| byte == b'\n') {
            let frame = match text(body.slice_ref(frame)) {
                Ok(frame) => frame,
                Err(response) => return *response,
            };
            if frames.send(frame).await.is_err() {
                return unknown();
            }
        }
        (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, "no-store")]).into_response()
    };
    timeout(TAKEN_WITHIN, taken).await.unwrap_or_else(|_| {
        refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            "the actions before these are still being carried out",
        )
    })
}

/// The body of a request: as long as a socket's message may be.
async fn read(context: &Context, body: Body) -> Result<Bytes, Box<Response>> {
    let limit = read_limit(context.options.max_message_size);
    let Ok(read) = timeout(JOIN_WITHIN, to_bytes(body, limit)).await else {
        return Err(Box::new(refuse(
            StatusCode::REQUEST_TIMEOUT,
            "the request's body did not arrive within 10 seconds",
        )));
    };
    read.map_err(|_| {
        let reason = format!("the request's body is broken, or longer than {limit} bytes");
        Box::new(refuse(StatusCode::PAYLOAD_TOO_LARGE, &reason))
    })
}

fn text(bytes: Bytes) -> Result<Utf8Bytes, Box<Response>> {
    Utf8Bytes::try_from(bytes)
        .map_err(|_| Box::new(refuse(StatusCode::BAD_REQUEST, "the request's body is not UTF-8")))
}
