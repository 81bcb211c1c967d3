//! Pages whose sessions belong to a tab (`/tab`) and to a browser (`/browser`), for the tests of scopes.

use std::error::Error;

use axum::{Router, routing::get};
use minijinja::Environment;
use serde::{Deserialize, Serialize};
use statetemplate_axum::{Data, Live, Page, Payload, Rendered, Scope, live};

const TEMPLATE: &str = r#"<!doctype html><html><head><title>{{ title }}</title></head><body>
<form st-submit="note" st-reset><input name="line"><button>Note</button></form>
<ul>{% for line in lines %}<li>{{ line }}</li>{% endfor %}</ul>
<a href="/tab">tab</a> <a href="/browser">browser</a></body></html>"#;

#[derive(Serialize, Deserialize)]
struct Notes {
    title: String,
    lines: Vec<String>,
}

#[derive(Deserialize)]
struct Note {
    line: String,
}

pub(crate) fn add_templates(templates: &mut Environment<'static>) -> Result<(), Box<dyn Error>> {
    for name in ["tab.html", "browser.html"] {
        templates.add_template(name, TEMPLATE)?;
    }
    Ok(())
}

pub(crate) fn pages<S: Clone + Send + Sync + 'static>()
-> [Page<impl Serialize + for<'a> Deserialize<'a> + Send + Sync + 'static, S>; 2] {
    [("tab.html", Scope::Tab), ("browser.html", Scope::Browser)]
        .map(|(template, scope)| Page::<Notes, S>::new(template).scope(scope).action("note", note))
}

pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/tab", get(tab))
        .route("/browser", get(browser))
}

async fn tab(live: Live<Notes>) -> Result<Rendered, live::Error> {
    live.page("tab.html").render(|| async { first("Tab") }).await
}

async fn browser(live: Live<Notes>) -> Result<Rendered, live::Error> {
    live.page("browser.html")
        .render(|| async { first("Browser") })
        .await
}

fn first(title: &str) -> Notes {
    Notes {
        title: title.to_owned(),
        lines: vec!["first".to_owned()],
    }
}

async fn note(mut notes: Data<Notes>, Payload(Note { line }): Payload<Note>) {
    notes.lines.push(line);
}
