//! `/_statetemplate/act/PAGE`: carries out the action of a form that a browser sent by itself, and sends it back.

use std::sync::Arc;

use ::http::{HeaderMap, HeaderValue, StatusCode, Uri, header, uri::PathAndQuery};
use axum::{
    body::to_bytes,
    extract::{Path, Request, State},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use statetemplate_core::{
    Error, ErrorKind, Joining,
    store::{ClientId, OwnerId},
};

use super::{
    fields::payload,
    returning::Return,
    target::{Asked, Event, Values, from_short},
};
use crate::{
    context::Context,
    mounted::{Call, MountedPage},
    socket::identify,
};

const FORM: &str = "application/x-www-form-urlencoded";

/// Answers a form: 303 to its page when the action was carried out or refused, and a page that says why otherwise.
pub(crate) async fn submit(
    State(context): State<Arc<Context>>,
    Path(page): Path<String>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let asked = Asked::read(parts.uri.query().unwrap_or(""));
    let back = back(&parts.headers, &asked.to);
    if let Err(reason) = context.origins.check_form(&parts.headers, &parts.uri) {
        tracing::warn!(target: "statetemplate::audit", %reason, "a form was refused for its origin");
        return tell(
            StatusCode::FORBIDDEN,
            "This form was sent from another site.",
            &back,
        );
    }
    let (identity, cookie) = match identify(&context, &parts.headers) {
        Ok(identity) => identity,
        Err(response) => return *response,
    };
    let is_form = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case(FORM));
    if !is_form {
        let text = "This form was sent in a way that is not understood here.";
        return tell(StatusCode::UNSUPPORTED_MEDIA_TYPE, text, &back);
    }
    let Ok(body) = to_bytes(body, context.options.max_message_size).await else {
        return tell(
            StatusCode::PAYLOAD_TOO_LARGE,
            "This is more than may be sent at once.",
            &back,
        );
    };
    let fields = form_urlencoded::parse(&body).into_owned().collect();
    let Some((action, payload)) = action(&asked, fields) else {
        return tell(
            StatusCode::BAD_REQUEST,
            "This form does not say what to do.",
            &back,
        );
    };
    let client = client(&asked.view, &action, &payload);
    let joining = Joining {
        page_id: &page,
        earlier: None,
        identity: &identity,
    };
    let scope = |template: &str| context.scope_of(template);
    let session = match context.renderer.join(joining, scope).await {
        Ok(session) => session,
        Err(error) => return failed(&error, &back),
    };
    let Some(mounted) = context.pages.get(session.plan().name()).cloned() else {
        tracing::error!(
            template = session.plan().name(),
            "a session belongs to a template without a page"
        );
        return tell(
            StatusCode::INTERNAL_SERVER_ERROR,
            "This page is not served here.",
            &back,
        );
    };
    let mut call = Call {
        session,
        client,
        number: 1,
        action: action.into(),
        payload: payload.into(),
        request: Arc::new(parts),
        authorize: context.authorize.clone(),
    };
    let mut done = act(&context, &mounted, call.clone()).await;
    if done
        .as_ref()
        .is_err_and(|error| error.kind() == ErrorKind::Protocol)
    {
        // The answer was shown already: whoever went back to the view from which the form was sent means it anew.
        let again =
            OwnerId::random().and_then(|random| ClientId::parse(&format!("form-{}", random.as_str())));
        match again {
            Ok(again) => {
                call.client = again;
                done = act(&context, &mounted, call.clone()).await;
            }
            Err(error) => done = Err(error),
        }
    }
    if let Err(error) = done {
        return failed(&error, &back);
    }
    // `back` is a path of visible ASCII.
    let location = HeaderValue::from_str(&back).unwrap_or(HeaderValue::from_static("/"));
    let mut response = (StatusCode::SEE_OTHER, [(header::CACHE_CONTROL, "no-store")]).into_response();
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, location);
    let back_to = Return::new(call.session.id(), call.client);
    for cookie in [cookie, back_to.header(&context.cookie)].into_iter().flatten() {
        headers.append(header::SET_COOKIE, cookie);
    }
    response
}

/// Carries an action out, in a task of its own: when the person goes away meanwhile, the handler still ends and commits.
async fn act(context: &Context, page: &Arc<dyn MountedPage>, call: Call) -> Result<(), Error> {
    let outcome = context.tasks.spawn(page.act(call)).await;
    outcome
        .unwrap_or_else(|error| {
            Err(Error::new(
                ErrorKind::Internal,
                format!("the task of an action ended: {error}"),
            ))
        })
        .map(drop)
}

/// The action that is asked for, and its payload.
fn action(asked: &Asked, fields: Values) -> Option<(String, Box<RawValue>)> {
    let (action, payload) = match &asked.action {
        Some((Event::Submit, action)) => (action.clone(), payload(fields, asked.values.clone())),
        Some((Event::Click, action)) => (action.clone(), payload(Values::new(), asked.values.clone())),
        None => {
            // Whatever else is in the form is not the button's.
            let (_, short) = fields.iter().find(|(name, _)| name == "st")?;
            let (action, values) = from_short(short);
            (action, payload(Values::new(), values))
        }
    };
    Some((action, payload)).filter(|(action, _)| !action.is_empty())
}

/// Under which name the action goes into the ledger: the same for the same form with the same content from the same view, so
/// that a form that was sent twice takes effect once.
fn client(view: &str, action: &str, payload: &RawValue) -> ClientId {
    let mut hash = Sha256::new();
    for part in [view, action, payload.get()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let name = URL_SAFE_NO_PAD.encode(&hash.finalize()[..18]);
    ClientId::parse(&format!("form-{name}")).expect("a prefix with base64url of 18 bytes is an id")
}

/// Where the page is: as the browser says, which knows of proxies that change paths; else as the page was asked for.
fn back(headers: &HeaderMap, to: &str) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let referer = headers
        .get(header::REFERER)
        .and_then(|referer| referer.to_str().ok()?.parse::<Uri>().ok())
        .filter(|referer| referer.authority().map(::http::uri::Authority::as_str) == host && host.is_some());
    let referred = referer
        .as_ref()
        .and_then(Uri::path_and_query)
        .map(PathAndQuery::as_str);
    // A referrer of the bare origin is what a strict policy leaves of it.
    let path = referred.filter(|path| *path != "/").unwrap_or(to);
    let is_path = path.starts_with('/')
        && !path[1..].starts_with(['/', '\\'])
        && path.bytes().all(|byte| byte.is_ascii_graphic());
    // A page that says why a form failed is none to go back to.
    let is_ours = path.contains(crate::http::assets::PREFIX);
    if is_path && !is_ours { path } else { "/" }.to_owned()
}

fn failed(error: &Error, back: &str) -> Response {
    match error.kind() {
        ErrorKind::SessionNotFound | ErrorKind::SessionExpired | ErrorKind::SessionClosed => {
            let text = "This page has expired, and what was sent from it was not carried out.";
            tell(StatusCode::GONE, text, back)
        }
        _ => {
            tracing::error!("a form was not carried out: {error:#}");
            let text = "This could not be carried out now. Reload this page to try it again.";
            tell(StatusCode::SERVICE_UNAVAILABLE, text, back)
        }
    }
}

/// A page that says what went wrong and leads back.
fn tell(status: StatusCode, text: &str, back: &str) -> Response {
    let back = html_escape::encode_double_quoted_attribute(back);
    let page = format!(
        "<!doctype html><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{text}</title><p role=\"alert\">{text}</p><p><a href=\"{back}\">Back to the page</a></p>\n"
    );
    (status, [(header::CACHE_CONTROL, "no-store")], Html(page)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_a_path_of_this_site() {
        let mut headers = HeaderMap::new();
        for to in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\nb",
            "/_statetemplate/act/x",
        ] {
            assert_eq!(back(&headers, to), "/", "{to}");
        }
        assert_eq!(back(&headers, "/tasks?q=1"), "/tasks?q=1");
        headers.insert(header::HOST, HeaderValue::from_static("example.com"));
        for (referer, path) in [
            ("https://example.com/app/tasks?q=2", "/app/tasks?q=2"),
            ("https://example.com/", "/to"),
            ("https://evil.example/x", "/to"),
            ("nonsense", "/to"),
        ] {
            headers.insert(header::REFERER, HeaderValue::from_static(referer));
            assert_eq!(back(&headers, "/to"), path, "{referer}");
        }
    }

    #[test]
    fn the_same_form_of_the_same_view_has_one_name() {
        let payload = |text: &str| payload(vec![("t".into(), text.into())], vec![]);
        let name = client("v", "add", &payload("x"));
        assert_eq!(name, client("v", "add", &payload("x")));
        for other in [
            client("w", "add", &payload("x")),
            client("v", "ad", &payload("x")),
            client("v", "add", &payload("y")),
        ] {
            assert_ne!(name, other);
        }
    }
}
