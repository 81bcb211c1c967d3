//! The application: the live page, its style sheet and the headers that every response carries.

use std::{error::Error, sync::Arc};

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
use statetemplate_core::store::SessionStore;

use crate::{actions, data::Dashboard, format, sample};

/// Nothing from elsewhere, nothing inline, no script but the client's: live pages need no more than that, and browsers without
/// scripts send their forms here.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; \
    img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'";

/// Seals the cookies of debug builds that keep sessions: with a secret that is made up at each start, no page would find
/// its session after it.
const DEBUG_KEY: &str = "the dashboard's key in debug builds, known to everyone";

/// The live pages, with the secret that seals the browsers' cookies and the place where sessions are kept, if there are any.
pub(crate) fn live(
    signing_key: Option<&str>,
    store: Option<Arc<dyn SessionStore>>,
) -> Result<StateTemplate, Box<dyn Error>> {
    let mut templates = Environment::new();
    format::add_filters(&mut templates, &TimeZone::system());
    templates.add_template("dashboard.html", include_str!("../templates/dashboard.html"))?;
    // The dashboard is served on 127.0.0.1 without encryption, where not every browser keeps Secure cookies.
    let mut builder = StateTemplate::builder(templates)
        .insecure_cookies()
        .page(actions::page());
    let debug_key = (cfg!(debug_assertions) && store.is_some()).then_some(DEBUG_KEY);
    if let Some(key) = signing_key.or(debug_key) {
        builder = builder.signing_key(key);
    }
    if let Some(store) = store {
        builder = builder.shared_store(store);
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
