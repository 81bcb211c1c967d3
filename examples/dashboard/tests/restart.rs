//! The dashboard itself, killed and started again on the same SQLite file: its pages go on with their data.
// Helpers unwrap like the tests they serve; clippy takes only test functions for tests.
#![allow(clippy::unwrap_used)]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use statetemplate_core::testing::{Document, Event};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

/// A process of the dashboard; it is killed when dropped.
struct Dashboard {
    process: Child,
    port: u16,
}

impl Dashboard {
    /// Starts it on a port (0: a free one), and waits until it listens.
    fn start(database: &Path, port: u16) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_dashboard"))
            .env("PORT", port.to_string())
            .env("DATABASE_URL", format!("sqlite:{}", database.display()))
            .env("SIGNING_KEY", "the tests' key of more than thirty-two bytes")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = process.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        let port = line.trim().rsplit(':').next().unwrap().parse().unwrap();
        Self { process, port }
    }

    /// `kill -9`, whatever it is doing.
    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a browser keeps of the page while the server is away.
struct Page {
    host: String,
    cookie: String,
    document: Document,
}

impl Page {
    async fn open(port: u16) -> Self {
        let host = format!("127.0.0.1:{port}");
        let mut stream = TcpStream::connect(&host).await.unwrap();
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        let cookie = response
            .lines()
            .find_map(|line| line.strip_prefix("set-cookie: "))
            .and_then(|cookie| cookie.split(';').next())
            .unwrap()
            .to_owned();
        // The client takes what is not markup for text before the page.
        let html = &response[response.find("<!").unwrap()..];
        Self {
            host,
            cookie,
            document: Document::parse(html).unwrap(),
        }
    }

    fn counter(&self) -> String {
        self.document.text("#counter-display").unwrap()
    }

    /// Connects, and says what the page shows.
    async fn join(&mut self) -> WebSocketStream<TcpStream> {
        let mut request = format!("ws://{}/ws", self.host).into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert("origin", format!("http://{}", self.host).parse().unwrap());
        headers.insert("cookie", self.cookie.parse().unwrap());
        headers.insert(
            "sec-websocket-protocol",
            HeaderValue::from_static("statetemplate.v1"),
        );
        let stream = TcpStream::connect(&self.host).await.unwrap();
        let (mut socket, _) = client_async(request, stream).await.unwrap();
        let script = self.document.client().clone();
        let join = json!([
            "j",
            script.page.unwrap(),
            script.plan.unwrap(),
            self.document.revision(),
            "the-test",
            // No answer is acknowledged, so that the ledger keeps them all.
            0,
            self.document.statics(),
        ]);
        socket.send(Message::text(join.to_string())).await.unwrap();
        self.apply(&mut socket, |event| matches!(event, Event::Joined(_)))
            .await;
        socket
    }

    /// Does an action and waits for its answer.
    async fn act(&mut self, socket: &mut WebSocketStream<TcpStream>, number: u64, action: &str) {
        let frame = json!([number, action, {}]).to_string();
        socket.send(Message::text(frame)).await.unwrap();
        self.apply(
            socket,
            |event| matches!(event, Event::Answer { number: answered, .. } if *answered == number),
        )
        .await;
    }

    /// Applies what comes until the event is among it.
    async fn apply(&mut self, socket: &mut WebSocketStream<TcpStream>, is_awaited: impl Fn(&Event) -> bool) {
        let comes = async {
            loop {
                let Message::Text(frame) = socket.next().await.unwrap().unwrap() else {
                    continue;
                };
                let events = self.document.apply(&frame).unwrap();
                assert!(
                    !events
                        .iter()
                        .any(|event| matches!(event, Event::Ended { .. } | Event::Failed { .. })),
                    "{frame}"
                );
                if events.iter().any(&is_awaited) {
                    return;
                }
            }
        };
        timeout(Duration::from_secs(60), comes).await.unwrap();
    }
}

#[tokio::test]
async fn a_page_goes_on_after_the_process_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("dashboard.db");
    let mut dashboard = Dashboard::start(&database, 0);
    let mut page = Page::open(dashboard.port).await;
    let before: u64 = page.counter().parse().unwrap();
    let mut socket = page.join().await;
    for number in 1..=3 {
        page.act(&mut socket, number, "increment_counter").await;
    }
    assert_eq!(page.counter(), (before + 3).to_string());

    dashboard.kill();
    drop(socket);
    let dashboard = Dashboard::start(&database, dashboard.port);
    let mut socket = page.join().await;
    assert_eq!(page.counter(), (before + 3).to_string());
    // An action that had been answered before the kill takes no second effect.
    page.act(&mut socket, 3, "increment_counter").await;
    assert_eq!(page.counter(), (before + 3).to_string());
    page.act(&mut socket, 4, "increment_counter").await;
    assert_eq!(page.counter(), (before + 4).to_string());
    drop(dashboard);
}
