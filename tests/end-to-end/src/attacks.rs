//! The pages of the attack tests: every place of `tests/attacks`, with every attack as its value.
//!
//! `/attacks` says which pages there are and what stands on each. `/attacks/0` is a live page; its action `show`
//! (`{"which": "attacks"}`, `"harmless"` or `"nothing"`) puts other values into the same places, and `?which=` chooses the
//! first ones. `/attacks/raw/3/5` is the place 3 with the attack 5 as minijinja prints them without any escaping: a page
//! on which attacks must succeed, or the tests would prove nothing.

use std::{error::Error, fmt::Write as _, sync::Arc};

use axum::{
    Json, Router,
    extract::{Path, Query},
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use minijinja::{AutoEscape, Environment, context};
use serde::{Deserialize, Serialize};
use serde_json::json;
use statetemplate_axum::{Data, Live, Page, Payload};

const PLACES: &str = include_str!("../../attacks/contexts.json");
const ATTACKS: &str = include_str!("../../attacks/attacks.json");
const PRELUDE: &str = include_str!("../../attacks/prelude.html");
const PARTS: [(&str, &str); 2] = [
    ("part.html", include_str!("../../attacks/part.html")),
    ("parts.html", include_str!("../../attacks/parts.html")),
];

/// What an attack runs. It needs no quotes, and is heard from inside of any frame.
const CANARY: &str = "top.postMessage(1337,String.fromCharCode(42))";
/// The first value of each place, with which the others are compared.
const HARMLESS: &str = "harmless";
/// Hears of attacks, and of what the template's own scripts get.
const HARNESS: &str = "<script>window.ran = []; addEventListener('message', (event) => ran.push(event.data)); \
                       window.calls = {}; window.got = (n, value) => (calls[n] ??= []).push(value);</script>";
/// How many places share a page.
const PLACES_A_PAGE: usize = 14;
/// The numbers of a place's values start at a multiple of this.
const VALUES: usize = 1000;

#[derive(Clone, Deserialize)]
struct Place {
    name: String,
    html: String,
    #[serde(default)]
    alone: bool,
    /// What else the tests read of it.
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

/// What a page shows.
#[derive(Serialize, Deserialize)]
pub(crate) struct Shown {
    values: Vec<String>,
    /// The name of a template that is included by it.
    part: String,
}

/// The pages, as they are built from the tables.
#[derive(Clone)]
pub(crate) struct Attacks {
    places: Arc<[Place]>,
    /// The places on each page.
    pages: Arc<[Vec<usize>]>,
    attacks: Arc<[String]>,
}

impl Attacks {
    /// Reads the tables, and adds the pages' templates to `templates`.
    pub(crate) fn new(templates: &mut Environment<'static>) -> Result<Self, Box<dyn Error>> {
        let mut places: Vec<Place> = serde_json::from_str(PLACES)?;
        // The author's word, to show that the tests see what an update makes run.
        for (name, html) in [
            ("trusted text", "<p>{{ x|safe }}</p>"),
            ("trusted address", "<a href=\"{{ x|safe }}\">a</a>"),
        ] {
            let rest = [("trusted".to_owned(), json!(true))].into_iter().collect();
            places.push(Place {
                name: name.to_owned(),
                html: html.to_owned(),
                alone: true,
                rest,
            });
        }
        let (alone, together): (Vec<usize>, Vec<usize>) =
            (0..places.len()).partition(|place| places[*place].alone);
        let mut pages: Vec<Vec<usize>> = together.chunks(PLACES_A_PAGE).map(<[usize]>::to_vec).collect();
        pages.extend(alone.into_iter().map(|place| vec![place]));
        let attacks: Vec<String> = serde_json::from_str(ATTACKS)?;
        let attacks = Attacks {
            places: places.into(),
            pages: pages.into(),
            attacks: attacks
                .iter()
                .map(|attack| attack.replace("CANARY", CANARY))
                .collect(),
        };
        for page in 0..attacks.pages.len() {
            templates.add_template_owned(template(page), attacks.source(page))?;
        }
        for (name, source) in PARTS {
            templates.add_template(name, source)?;
        }
        Ok(attacks)
    }

    /// The template of a page: a section for each value in each place.
    fn source(&self, page: usize) -> String {
        let mut out = format!(
            "{PRELUDE}<!doctype html><html><head><meta charset=\"utf-8\"><title>Attacks</title>{HARNESS}</head><body>"
        );
        for &place in &self.pages[page] {
            let _ = write!(
                out,
                "<div id=\"place{place}\">{{% for x in values %}}{{% set n = loop.index0 + {} %}}<section>{}</section>{{% endfor %}}</div>",
                place * VALUES,
                self.places[place].html
            );
        }
        out.push_str("</body></html>");
        out
    }

    /// The live pages.
    pub(crate) fn pages(&self) -> Vec<Page<Shown, Attacks>> {
        (0..self.pages.len())
            .map(|page| Page::new(template(page)).action("show", show))
            .collect()
    }

    /// The routes of the live pages.
    pub(crate) fn live_routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        Router::new()
            .route("/attacks/{page}", get(page))
            .with_state(self.clone())
    }

    /// The routes of all else.
    pub(crate) fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        Router::new()
            .route("/attacks", get(list))
            .route(
                "/attacks/raw",
                get(|| async { Html(format!("<!doctype html>{HARNESS}")) }),
            )
            .route("/attacks/raw/{place}/{attack}", get(raw))
            .with_state(self.clone())
    }

    fn shown(&self, which: &str) -> Shown {
        let mut values = Vec::new();
        if which != "nothing" {
            values.push(HARMLESS.to_owned());
            values.extend(self.attacks.iter().map(|attack| match which {
                "harmless" => HARMLESS.to_owned(),
                _ => attack.clone(),
            }));
        }
        Shown {
            values,
            part: "part.html".to_owned(),
        }
    }
}

fn template(page: usize) -> String {
    format!("attacks{page}.html")
}

#[derive(Deserialize)]
struct Which {
    which: String,
}

async fn show(
    axum::extract::State(attacks): axum::extract::State<Attacks>,
    mut shown: Data<Shown>,
    Payload(Which { which }): Payload<Which>,
) {
    *shown = attacks.shown(&which);
}

async fn page(
    axum::extract::State(attacks): axum::extract::State<Attacks>,
    Path(page): Path<usize>,
    Query(Which { which }): Query<Which>,
    headers: HeaderMap,
    live: Live<Shown>,
) -> Response {
    // The address of a blocked frame is this page: it must not load itself for ever.
    if headers
        .get("sec-fetch-dest")
        .is_some_and(|dest| dest != "document")
    {
        return StatusCode::NO_CONTENT.into_response();
    }
    if page >= attacks.pages.len() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let shown = attacks.shown(&which);
    live.page(template(page))
        .render(|| async { shown })
        .await
        .into_response()
}

async fn list(axum::extract::State(attacks): axum::extract::State<Attacks>) -> Json<serde_json::Value> {
    let places: Vec<_> = attacks
        .places
        .iter()
        .map(|place| json!({"name": place.name, "html": place.html, "is": place.rest}))
        .collect();
    Json(json!({
        "places": places,
        "pages": *attacks.pages,
        "attacks": *attacks.attacks,
        "harmless": HARMLESS,
        "values": VALUES,
    }))
}

async fn raw(
    axum::extract::State(attacks): axum::extract::State<Attacks>,
    Path((place, attack)): Path<(usize, usize)>,
) -> Result<Html<String>, (StatusCode, String)> {
    let (Some(place), Some(attack)) = (attacks.places.get(place), attacks.attacks.get(attack)) else {
        return Err((
            StatusCode::NOT_FOUND,
            "there is no such place or attack".to_owned(),
        ));
    };
    let source = format!(
        "{PRELUDE}<!doctype html><meta charset=\"utf-8\">{HARNESS}<body><section>{}</section>",
        place.html
    );
    let render = || {
        let mut env = Environment::new();
        env.set_auto_escape_callback(|_| AutoEscape::None);
        for (name, source) in PARTS {
            env.add_template(name, source)?;
        }
        env.render_str(&source, context! { x => attack, n => 0, part => "part.html" })
    };
    render()
        .map(Html)
        .map_err(|error: minijinja::Error| (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")))
}
