//! The application: the live page, its style sheet and the headers that every response carries.

use std::error::Error;

use axum::{
    Router,
    http::{HeaderValue, header},
    middleware::map_response,
    response::{IntoResponse, Response},
    routing::get,
};
use jiff::{Timestamp, tz::TimeZone};
use minijinja::Environment;
use statetemplate_axum::{Live, Rendered, StateTemplate, live};

use crate::{actions, data::Dashboard, format, sample};

/// Nothing from elsewhere, nothing inline, no script but the client's: live pages need no more than that, and browsers without
/// scripts send their forms here.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; \
    img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'";

/// The live pages, with the secret that seals the browsers' cookies if there is one.
pub(crate) fn live(signing_key: Option<&str>) -> Result<StateTemplate, Box<dyn Error>> {
    let mut templates = Environment::new();
    format::add_filters(&mut templates, &TimeZone::system());
    templates.add_template("dashboard.html", include_str!("../templates/dashboard.html"))?;
    // The dashboard is served on 127.0.0.1 without encryption, where not every browser keeps Secure cookies.
    let mut builder = StateTemplate::builder(templates)
        .insecure_cookies()
        .page(actions::page());
    if let Some(key) = signing_key {
        builder = builder.signing_key(key);
    }
    Ok(builder.build()?)
}

/// The routes of the application.
pub(crate) fn app(live: &StateTemplate) -> Router {
    Router::new()
        .route("/", get(dashboard))
        .layer(live.layer())
        .merge(live.routes())
        .route(
            "/static/dashboard.css",
            get(|| file("text/css; charset=utf-8", include_str!("../static/dashboard.css"))),
        )
        .route(
            "/static/icon.svg",
            get(|| file("image/svg+xml", include_str!("../static/icon.svg"))),
        )
        .layer(map_response(protect))
}

async fn dashboard(live: Live<Dashboard>) -> Result<Rendered, live::Error> {
    let session_id = live.session_id().to_owned();
    live.render(|| async {
        Dashboard {
            session_id,
            ..sample::dashboard(Timestamp::now())
        }
    })
    .await
}

async fn file(content_type: &'static str, text: &'static str) -> impl IntoResponse {
    (
        [
            (header::CONTENT_TYPE, content_type),
            (header::CACHE_CONTROL, "no-cache"),
        ],
        text,
    )
}

async fn protect(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(CONTENT_SECURITY_POLICY),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}
