//! The server: the workload's page with an action, and a bare socket to compare with.

use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use axum::{Router, routing::get};
use minijinja::Environment;
use statetemplate_axum::{Data, Live, Page, Payload, Rendered, StateTemplate, live};
use tokio::net::TcpListener;

use crate::cli::Outcome;
use crate::dashboard::{self, Dashboard};

/// Serves until it is killed. It prints its address when it listens.
pub(crate) fn serve() -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(listen())
}

async fn listen() -> Outcome {
    let first = dashboard::steps()?
        .into_iter()
        .next()
        .ok_or("the workload is empty")?;
    let mut templates = Environment::new();
    templates.add_template("dashboard.html", dashboard::TEMPLATE)?;
    let live = StateTemplate::builder(templates)
        .insecure_cookies()
        .signing_key(b"a secret of the benchmark's own, of 32 bytes")
        .max_connections(100_000)
        .max_sessions(100_000)
        .max_provisional_sessions(100_000)
        // Sooner than by default, so that nobody waits for it.
        .hibernation_delay(Duration::from_secs(3))
        .page(Page::<Dashboard>::new("dashboard.html").action("toggle", toggle))
        .build()?;
    let app = Router::new()
        .route("/", get(page))
        .layer(live.layer())
        .merge(live.routes())
        .route("/bare", get(bare))
        .with_state(Arc::new(first.data().clone()));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    Ok(axum::serve(listener, app).await?)
}

async fn page(State(first): State<Arc<Dashboard>>, live: Live<Dashboard>) -> Result<Rendered, live::Error> {
    live.render(|| async move { first.as_ref().clone() }).await
}

async fn toggle(mut dashboard: Data<Dashboard>, Payload(task): Payload<usize>) {
    dashboard.toggle(task);
}

/// A socket with the buffers of StateTemplate's, and nothing else.
async fn bare(upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .read_buffer_size(4096)
        .write_buffer_size(0)
        .on_upgrade(|mut socket| async move { while let Some(Ok(_)) = socket.recv().await {} })
}
