//! The live dashboard: `cargo run -p dashboard`, then open the address it prints.
//!
//! `PORT` is the port to listen on (3000; 0 takes a free one). `DATABASE_URL` is where sessions are kept, such as
//! `sqlite:dashboard.db` or `postgres://user:password@host/database`, or `REDIS_URL`, such as `redis://host`; without them
//! they are in memory and end with the process.
//! `SIGNING_KEY` is the secret that seals the cookies, at least 32 bytes; a debug build has one of its own.

mod actions;
mod app;
mod counter;
mod data;
mod format;
mod live_data;
mod metrics;
mod notifications;
mod sample;
mod store;
mod tasks;
#[cfg(test)]
mod tests;

use std::{env, error::Error, io, net::Ipv4Addr};

use tokio::{net::TcpListener, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    let port: u16 = match env::var("PORT") {
        Ok(port) => port
            .parse()
            .map_err(|_| format!("PORT is {port:?}, which is no port"))?,
        Err(_) => 3000,
    };
    let store = store::open().await.map_err(|error| format!("{error:#}"))?;
    let signing_key = env::var("SIGNING_KEY").ok();
    let live = app::live(signing_key.as_deref(), store).map_err(|error| format!("{error:#}"))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(|error| format!("cannot listen on port {port}: {error} (set PORT to another)"))?;
    say(&format!("http://{}", listener.local_addr()?));

    let app = app::app(&live);
    let stop = async move {
        stop_signal().await;
        live.shutdown().await;
    };
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the address is what the program has to say")]
fn say(address: &str) {
    println!("{address}");
}

/// Resolves when the process is asked to end: Ctrl-C or SIGTERM.
async fn stop_signal() {
    let interrupted = signal::ctrl_c();
    #[cfg(unix)]
    {
        if let Ok(mut terminated) = signal::unix::signal(signal::unix::SignalKind::terminate()) {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    // A process that cannot listen for its end runs until it is killed.
    if interrupted.await.is_err() {
        std::future::pending::<()>().await;
    }
}
