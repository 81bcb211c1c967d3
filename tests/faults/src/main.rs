//! One node of the application under test.
//!
//! `PORT` is where it listens on the loopback interface (0: a free port), `STORE` the address of where sessions are kept. It
//! prints its own address when it listens, and ends on SIGTERM.

use std::{env, error::Error, net::Ipv4Addr};

use statetemplate_axum::StateTemplate;
use statetemplate_core::store;
use statetemplate_faults::{SIGNING_KEY, journal};
use tokio::{net::TcpListener, signal::unix};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing_subscriber::filter::LevelFilter::ERROR)
        .init();
    let port: u16 = env::var("PORT").map_or(Ok(0), |port| port.parse())?;
    let store = store::connect(&env::var("STORE").unwrap_or("memory:".into()))
        .await
        .map_err(|error| format!("{error:#}"))?;
    let live = StateTemplate::builder(journal::templates())
        .insecure_cookies()
        .signing_key(SIGNING_KEY)
        .max_connections(100_000)
        .shared_store(store)
        .page(journal::page())
        .build()
        .map_err(|error| format!("{error:#}"))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    say(&listener.local_addr()?.to_string());
    let app = journal::app(&live);
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
