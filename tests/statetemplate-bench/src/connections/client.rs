//! Browsers that need little memory and time: they open pages and act, and read of the answers only that they came.

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{Request, header};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, handshake::client::generate_key};

use crate::cli::Outcome;

const HOST: &str = "localhost";

/// Opens pages, one after the other, each as a browser that has been nowhere before.
pub(super) struct Browser {
    server: SocketAddr,
    requests: SendRequest<Empty<Bytes>>,
}

impl Browser {
    pub(super) async fn connect(server: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(server).await?;
        let (requests, connection) = handshake(TokioIo::new(stream)).await?;
        // It ends when the browser is dropped, whose requests tell of its errors.
        tokio::spawn(connection);
        Ok(Self { server, requests })
    }

    /// Requests the page and joins.
    pub(super) async fn open(&mut self) -> Outcome<Page> {
        let request = Request::get("/")
            .header(header::HOST, HOST)
            .header("sec-fetch-site", "none")
            .body(Empty::new())?;
        self.requests.ready().await?;
        let response = self.requests.send_request(request).await?;
        let cookie = response
            .headers()
            .get(header::SET_COOKIE)
            .and_then(|value| value.to_str().ok()?.split(';').next())
            .ok_or("the page sets no cookie")?
            .to_owned();
        let body = response.into_body().collect().await?.to_bytes();
        let html = std::str::from_utf8(&body)?;
        let [page, plan, revision] =
            ["data-page", "data-plan", "data-revision"].map(|name| attribute(html, name));
        let revision: u64 = revision.ok_or("the page names no revision")?.parse()?;
        let mut socket = websocket(self.server, "/ws", Some(&cookie)).await?;
        let join = serde_json::json!(["j", page, plan, revision, "benchmark-client-000000", 0, [], null]);
        socket.send(Message::text(join.to_string())).await?;
        let mut page = Page { socket, actions: 0 };
        page.wait_for("[\"j\"").await?;
        Ok(page)
    }
}

/// A connected page.
pub(super) struct Page {
    socket: WebSocketStream<TcpStream>,
    actions: u64,
}

impl Page {
    /// Acts, and waits until the answer is there.
    pub(super) async fn act(&mut self) -> Outcome {
        self.actions += 1;
        let number = self.actions;
        let task = fastrand::u8(0..50);
        let action = format!("[{number},\"toggle\",{task}]");
        self.socket.send(Message::text(action)).await?;
        // A patch with its answer: revision, changes, the action's number.
        let frame = self.wait_for("[").await?;
        if !frame.ends_with(&format!(",{number}]")) {
            return Err(format!("action {number} was not answered but with {frame}").into());
        }
        let revision = frame[1..].split(',').next().unwrap_or_default();
        self.socket
            .send(Message::text(format!("[\"a\",{revision}]")))
            .await?;
        self.socket
            .send(Message::text(format!("[\"k\",{number}]")))
            .await?;
        Ok(())
    }

    /// The next frame, which has to begin so; statics aside.
    async fn wait_for(&mut self, beginning: &str) -> Outcome<String> {
        loop {
            let message = self.socket.next().await.ok_or("the server closed the socket")??;
            match message {
                Message::Text(text) if text.starts_with("[\"s\"") => {}
                Message::Text(text) if text.starts_with(beginning) => return Ok(text.to_string()),
                Message::Text(text) => return Err(format!("an unexpected frame: {text}").into()),
                Message::Close(_) => return Err("the server closed the socket".into()),
                _ => {}
            }
        }
    }
}

/// A socket over which nothing is sent.
pub(super) struct Bare {
    _socket: WebSocketStream<TcpStream>,
}

impl Bare {
    pub(super) async fn open(server: SocketAddr) -> Outcome<Self> {
        let socket = websocket(server, "/bare", None).await?;
        Ok(Self { _socket: socket })
    }
}

async fn websocket(
    server: SocketAddr,
    path: &str,
    cookie: Option<&str>,
) -> Outcome<WebSocketStream<TcpStream>> {
    let mut request = Request::get(format!("ws://{HOST}{path}"))
        .header(header::HOST, HOST)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, generate_key())
        .header(header::ORIGIN, format!("http://{HOST}"))
        .header("sec-fetch-site", "same-origin");
    if let Some(cookie) = cookie {
        request = request
            .header(header::SEC_WEBSOCKET_PROTOCOL, "statetemplate.v1")
            .header(header::COOKIE, cookie);
    }
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let config = WebSocketConfig::default()
        .read_buffer_size(1024)
        .write_buffer_size(0);
    let (socket, _) =
        tokio_tungstenite::client_async_with_config(request.body(())?, stream, Some(config)).await?;
    Ok(socket)
}

fn attribute<'a>(html: &'a str, name: &str) -> Option<&'a str> {
    let rest = html.split_once(&format!(" {name}=\""))?.1;
    rest.split('"').next()
}
