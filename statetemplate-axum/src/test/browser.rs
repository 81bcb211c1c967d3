//! A browser as far as a server can tell: a cookie jar, requests, and sockets of one origin.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ::http::{HeaderMap, HeaderValue, Request, Response, header};
use axum::{Router, body::Body};
use bytes::Bytes;
use tokio::io::DuplexStream;
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite};
use tower::ServiceExt;

use super::{link::Link, page::TestPage, server::TestServer};

/// The host under which the tested application believes itself to be. Browsers trust it without encryption.
const HOST: &str = "localhost";
/// A response longer than this is a mistake of the test.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// A browser with its cookies: the pages it opens belong to one person.
///
/// [`TestPage::open`] makes one for a single page; make one yourself for several tabs. A clone is the same browser.
#[derive(Clone, Debug)]
pub struct TestBrowser {
    server: TestServer,
    cookies: Arc<Mutex<BTreeMap<String, String>>>,
}

impl TestBrowser {
    /// A new browser without cookies, before the application `app`. Must be called in a Tokio runtime.
    #[must_use]
    pub fn new(app: &Router) -> Self {
        TestServer::start(app.clone()).browser()
    }

    pub(super) fn of(server: TestServer) -> Self {
        TestBrowser {
            server,
            cookies: Arc::default(),
        }
    }

    /// The server that the browser talks to.
    #[must_use]
    pub fn server(&self) -> &TestServer {
        &self.server
    }

    /// Opens a live page in a new tab.
    ///
    /// # Panics
    ///
    /// When the response is not a live page, or its socket does not join.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has perhaps left a provisional session.
    pub async fn open(&self, path: &str) -> TestPage {
        TestPage::load(self.clone(), path).await
    }

    /// Requests a page as a person does who types its address.
    ///
    /// # Panics
    ///
    /// When the path is not one, or the response cannot be read.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped may have reached the application.
    pub async fn get(&self, path: &str) -> Response<Bytes> {
        let request = Request::get(path)
            .header("sec-fetch-site", "none")
            .header("sec-fetch-mode", "navigate");
        self.send(
            request
                .body(Body::empty())
                .expect("the path of a request is valid"),
        )
        .await
    }

    /// Sends a request with the browser's cookies, and keeps those that the response sets.
    ///
    /// # Panics
    ///
    /// When the server is stopped, or the response cannot be read.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped may have reached the application.
    pub async fn send(&self, mut request: Request<Body>) -> Response<Bytes> {
        request
            .headers_mut()
            .entry(header::HOST)
            .or_insert(HeaderValue::from_static(HOST));
        if let Some(cookies) = self.cookie_header() {
            request.headers_mut().append(header::COOKIE, cookies);
        }
        let app = self.server.app().expect("a request needs a server that runs");
        let response = match app.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        self.keep_cookies(response.headers());
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, MAX_BODY)
            .await
            .expect("the body of the response can be read");
        Response::from_parts(parts, body)
    }

    /// The value of a cookie that the browser holds.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.jar().get(name).cloned()
    }

    /// Sets a cookie, or forgets it.
    pub fn set_cookie(&self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.jar().insert(name.to_owned(), value.to_owned()),
            None => self.jar().remove(name),
        };
    }

    /// Opens the socket at `path`, with `Origin: http://localhost` unless `headers` say otherwise.
    ///
    /// # Errors
    ///
    /// The response with which the application refused.
    ///
    /// # Panics
    ///
    /// When the server is stopped, or what comes back is no HTTP.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped may have reached the application.
    pub async fn socket(&self, path: &str, headers: HeaderMap) -> Result<TestSocket, Response<Bytes>> {
        match self.socket_over(&Link::new(), path, headers).await {
            Ok(socket) => Ok(socket),
            Err(NoSocket::Refused(response)) => Err(response),
            Err(NoSocket::Broken(error)) => panic!("the socket at {path} could not be opened: {error}"),
        }
    }

    /// Opens the socket at `path` over a link that may break.
    pub(super) async fn socket_over(
        &self,
        link: &Link,
        path: &str,
        headers: HeaderMap,
    ) -> Result<TestSocket, NoSocket> {
        let mut request = Request::get(format!("ws://{HOST}{path}"))
            .header(header::HOST, HOST)
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .header(
                header::SEC_WEBSOCKET_KEY,
                tungstenite::handshake::client::generate_key(),
            )
            .header(header::SEC_WEBSOCKET_PROTOCOL, "statetemplate.v1")
            .header(header::ORIGIN, format!("http://{HOST}"))
            .header("sec-fetch-site", "same-origin")
            .body(())
            .expect("the path of a request is valid");
        if let Some(cookies) = self.cookie_header() {
            request.headers_mut().append(header::COOKIE, cookies);
        }
        // A header given replaces the kit's own; of cookies a request may have several.
        for (name, value) in headers.iter() {
            if name == header::COOKIE {
                request.headers_mut().append(name, value.clone());
            } else {
                request.headers_mut().insert(name, value.clone());
            }
        }
        let stream = self
            .server
            .connect(link)
            .map_err(|error| NoSocket::Broken(error.into()))?;
        match client_async(request, stream).await {
            Ok((socket, response)) => {
                self.keep_cookies(response.headers());
                Ok(socket)
            }
            Err(tungstenite::Error::Http(response)) => Err(NoSocket::Refused(
                response.map(|body| body.unwrap_or_default().into()),
            )),
            Err(error) => Err(NoSocket::Broken(error)),
        }
    }

    fn cookie_header(&self) -> Option<HeaderValue> {
        let cookies: Vec<_> = self
            .jar()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if cookies.is_empty() {
            return None;
        }
        Some(HeaderValue::try_from(cookies.join("; ")).expect("cookies came out of headers"))
    }

    fn keep_cookies(&self, headers: &HeaderMap) {
        for header in headers.get_all(header::SET_COOKIE) {
            let text = header.to_str().expect("a cookie is ASCII");
            let (name, value) = text
                .split(';')
                .next()
                .and_then(|pair| pair.split_once('='))
                .expect("a cookie has a value");
            let is_gone = text.split(';').any(|part| part.trim() == "Max-Age=0");
            self.set_cookie(name.trim(), (!is_gone).then(|| value.trim()));
        }
    }

    fn jar(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why there is no socket.
pub(super) enum NoSocket {
    /// The application said no.
    Refused(Response<Bytes>),
    /// The network, or the server, is not there.
    Broken(tungstenite::Error),
}

/// The browser's end of a socket, for tests that speak the protocol themselves.
pub type TestSocket = WebSocketStream<DuplexStream>;
