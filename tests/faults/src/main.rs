//! One node of the application under test.
//!
//! `PORT` is where it listens on the loopback interface (0: a free port), `STORE` the address of where sessions are kept,
//! `WAIT_FOR_REPLICAS` how many replicas of Redis have to have each write, and with `RESILIENT` sessions go on without the
//! store. It prints its own address when it listens, and ends on SIGTERM.

use std::{env, error::Error, net::Ipv4Addr, sync::Arc, time::Duration};

use statetemplate_axum::StateTemplate;
use statetemplate_core::{
    Error as CoreError,
    store::{self, RedisStore, ResilientStore, SessionStore},
};
use statetemplate_faults::{SIGNING_KEY, journal};
use tokio::{net::TcpListener, signal::unix};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing_subscriber::filter::LevelFilter::ERROR)
        .init();
    let port: u16 = env::var("PORT").map_or(Ok(0), |port| port.parse())?;
    let store = store().await.map_err(|error| format!("{error:#}"))?;
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

async fn store() -> Result<Arc<dyn SessionStore>, CoreError> {
    let address = env::var("STORE").unwrap_or("memory:".into());
    let replicas = env::var("WAIT_FOR_REPLICAS")
        .ok()
        .and_then(|number| number.parse().ok());
    let store: Arc<dyn SessionStore> = match replicas {
        Some(number) => {
            let redis = RedisStore::builder(&address).wait_for_replicas(number, Duration::from_secs(1));
            Arc::new(redis.connect().await?)
        }
        None => store::connect(&address).await?,
    };
    Ok(if env::var_os("RESILIENT").is_some() {
        Arc::new(ResilientStore::shared_builder(store).build())
    } else {
        store
    })
}

#[expect(clippy::print_stdout, reason = "the tests read the address there")]
fn say(address: &str) {
    println!("{address}");
}
