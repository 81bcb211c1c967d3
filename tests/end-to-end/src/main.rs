//! Serves the workload's page live, and each of its steps as plain minijinja renders it: the two sides of the replay oracle.
//! And the pages of the attack tests ([`attacks`]) and of the tests of scopes ([`scopes`]).
//!
//! `/` is the live page; its action `step` (`{"to": 3}`) puts the data of a step in place of what the page shows.
//! `/plain/3` is the same template rendered afresh with that step's data, and `/steps` the names of the steps.
//! Listens on 127.0.0.1 at `PORT` (a free one if that is 0 or not set) and prints the address.

mod attacks;
mod scopes;

use std::{env, error::Error, net::Ipv4Addr, sync::Arc};

use attacks::Attacks;
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::Html,
    routing::get,
};
use minijinja::{Environment, value::Serde};
use serde::Deserialize;
use serde_json::Value;
use statetemplate_axum::{Data, Live, Page, Payload, Rendered, StateTemplate, live};
use tokio::{net::TcpListener, signal::unix};

const TEMPLATE: &str = include_str!("../../workload/dashboard.html");
const STEPS: &str = include_str!("../../workload/dashboard.jsonl");

/// One line of the workload.
#[derive(Deserialize)]
struct Step {
    step: String,
    data: Value,
}

/// What the handlers share.
#[derive(Clone)]
struct Workload {
    steps: Arc<[Step]>,
    templates: Environment<'static>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let steps = STEPS
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<Arc<[Step]>, _>>()?;
    let mut templates = Environment::new();
    templates.add_template("dashboard.html", TEMPLATE)?;
    let attacks = Attacks::new(&mut templates)?;
    scopes::add_templates(&mut templates)?;
    let workload = Workload {
        steps,
        templates: templates.clone(),
    };

    let page: Page<Value, Workload> = Page::new("dashboard.html").action("step", step);
    let mut builder = StateTemplate::builder(templates)
        .insecure_cookies()
        .signing_key("a secret of the end-to-end tests")
        .page(page)
        .with_state(workload.clone());
    for page in scopes::pages() {
        builder = builder.page(page);
    }
    for page in attacks.pages() {
        builder = builder.page(page);
    }
    let live = builder
        .with_state(attacks.clone())
        .build()
        .map_err(|error| format!("{error:#}"))?;
    let app = Router::new()
        .route("/", get(dashboard))
        .merge(attacks.live_routes())
        .merge(scopes::routes())
        .layer(live.layer())
        .merge(live.routes())
        .route("/plain/{step}", get(plain))
        .route("/steps", get(names))
        .merge(attacks.routes())
        // Browsers ask for it, and note an error if it is missing.
        .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
        .with_state(workload);

    let port = env::var("PORT").map_or(Ok(0), |port| port.parse())?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    say(&format!("http://{}", listener.local_addr()?));
    let mut terminated = unix::signal(unix::SignalKind::terminate())?;
    let stop = async move {
        terminated.recv().await;
        live.shutdown().await;
    };
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the tests read the address there")]
fn say(address: &str) {
    println!("{address}");
}

async fn dashboard(State(workload): State<Workload>, live: Live<Value>) -> Result<Rendered, live::Error> {
    live.render(|| async move { workload.steps[0].data.clone() })
        .await
}

#[derive(Deserialize)]
struct To {
    to: usize,
}

async fn step(
    State(workload): State<Workload>,
    mut shown: Data<Value>,
    Payload(To { to }): Payload<To>,
) -> Result<(), String> {
    let step = workload
        .steps
        .get(to)
        .ok_or_else(|| format!("there is no step {to}"))?;
    *shown = step.data.clone();
    Ok(())
}

async fn plain(
    State(workload): State<Workload>,
    Path(at): Path<usize>,
) -> Result<Html<String>, (StatusCode, String)> {
    let step = workload
        .steps
        .get(at)
        .ok_or_else(|| (StatusCode::NOT_FOUND, format!("there is no step {at}")))?;
    let template = workload
        .templates
        .get_template("dashboard.html")
        .map_err(failed)?;
    template.render(Serde(&step.data)).map(Html).map_err(failed)
}

fn failed(error: minijinja::Error) -> (StatusCode, String) {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}"))
}

async fn names(State(workload): State<Workload>) -> Json<Vec<String>> {
    Json(workload.steps.iter().map(|step| step.step.clone()).collect())
}
