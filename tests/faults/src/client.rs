//! A page's client that does not give up: it numbers its actions, connects again when it must, and sends again what was not
//! answered, as `client-js` does.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::SocketAddr,
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, HeaderValue, Request, header};
use serde_json::{Value, json};
use statetemplate_core::testing::{Document, Event};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite, tungstenite::Message};

use crate::{
    Failure,
    http1::{self, HOST},
    journal::Entry,
};

/// How many actions may wait for their answers.
const WINDOW: usize = 4;

type Socket = WebSocketStream<TcpStream>;

/// How long a client waits before it believes that something is broken, and before it gives up for good.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Without a frame for so long, while it waits for one, it drops the connection and makes another.
    pub silence: Duration,
    /// How long it pauses between two actions, at most; each pause is a random share of it.
    pub pause: Duration,
    /// When it stops trying.
    pub until: Instant,
}

impl Patience {
    /// A client that gives up after `limit`.
    #[must_use]
    pub fn of(limit: Duration) -> Patience {
        Patience {
            silence: Duration::from_secs(3),
            pause: Duration::from_millis(20),
            until: Instant::now() + limit,
        }
    }
}

/// What became of a client's actions, and what it went through.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The actions that were answered, and their answers.
    pub answered: BTreeMap<u64, Value>,
    /// The actions that failed, with code and reason.
    pub failed: BTreeMap<u64, String>,
    /// How often it connected.
    pub connections: u64,
    /// How often an action was sent a second time.
    pub repeated: u64,
    /// How often the page was replaced as a whole.
    pub refreshes: u64,
    /// The longest time between sending an action and its answer.
    pub longest_gap: Duration,
    /// Why the session ended, if it did: no client should ever hear it.
    pub ended: Option<String>,
}

/// A live page over a real connection.
///
/// It is driven from one thread, since its document is.
pub struct Client {
    server: SocketAddr,
    cookies: BTreeMap<String, String>,
    document: Document,
    page: String,
    plan: String,
    id: String,
    next: u64,
    waiting: BTreeMap<u64, (String, Instant)>,
    heard: BTreeSet<u64>,
    last_answer: u64,
    /// Set when the server asked to come back later.
    retry_after: Option<Duration>,
    outcome: Outcome,
    first_page: String,
    frames: Vec<String>,
}

impl Client {
    /// Requests the page at `path`, again and again until it comes.
    ///
    /// # Errors
    ///
    /// When `patience` ends before, or what comes is not a live page.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has perhaps left a provisional session.
    pub async fn open(
        server: SocketAddr,
        path: &str,
        id: &str,
        patience: Patience,
    ) -> Result<Client, Failure> {
        let response = loop {
            let reason = match timeout(patience.silence, http1::get(server, path, HeaderMap::new())).await {
                Ok(Ok(response)) if response.status().is_success() => break response,
                Ok(Ok(response)) => format!("status {}", response.status()),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no answer".into(),
            };
            if Instant::now() > patience.until {
                return Err(format!("GET {path} did not succeed: {reason}").into());
            }
            sleep(back_off()).await;
        };
        let html = String::from_utf8(response.body().to_vec())?;
        let document = Document::parse(&html)?;
        let script = document.client().clone();
        let (Some(page), Some(plan)) = (script.page, script.plan) else {
            return Err(format!("GET {path} answered a page that is not live: {html}").into());
        };
        let mut client = Client {
            server,
            cookies: BTreeMap::new(),
            document,
            page,
            plan,
            id: format!("faults-client-{id}"),
            next: 1,
            waiting: BTreeMap::new(),
            heard: BTreeSet::new(),
            last_answer: 0,
            retry_after: None,
            outcome: Outcome::default(),
            first_page: html,
            frames: Vec::new(),
        };
        client.keep_cookies(response.headers());
        Ok(client)
    }

    /// The id of the page's session.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.page
    }

    /// Requests something else in the same browser, of any node; returns the body.
    ///
    /// # Errors
    ///
    /// When the node cannot be reached, or its answer is no success.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped may have taken effect without its cookie being kept.
    pub async fn get(&mut self, server: SocketAddr, path: &str) -> Result<String, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, self.cookie_header()?);
        let response = http1::get(server, path, headers).await?;
        self.keep_cookies(response.headers());
        let body = String::from_utf8(response.body().to_vec())?;
        if response.status().is_success() {
            Ok(body)
        } else {
            Err(format!("GET {path} answered {}: {body}", response.status()).into())
        }
    }

    /// From now on this is the browser that the other client is.
    pub fn take_cookies_of(&mut self, other: &Client) {
        self.cookies.clone_from(&other.cookies);
    }

    /// Stays connected until the server ends the session; returns the reason that it gives.
    ///
    /// # Errors
    ///
    /// When `patience` ends before, or the page cannot apply a frame.
    ///
    /// # Cancel safety
    ///
    /// As [`record`](Self::record).
    pub async fn ended(&mut self, patience: Patience) -> Result<String, Failure> {
        while self.outcome.ended.is_none() {
            if Instant::now() > patience.until {
                return Err(format!("{} still has its session", self.id).into());
            }
            let mut socket = timeout(patience.silence, self.connect()).await??;
            self.serve(&mut socket, &|_| Value::Null, None, patience).await?;
        }
        Ok(self.outcome.ended.clone().unwrap_or_default())
    }

    /// What the page shows, normalised.
    #[must_use]
    pub fn html(&self) -> String {
        self.document.html()
    }

    /// What became of its actions so far.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// The page as it was requested.
    #[must_use]
    pub fn first_page(&self) -> &str {
        &self.first_page
    }

    /// All that the server ever sent over its sockets.
    #[must_use]
    pub fn frames(&self) -> &[String] {
        &self.frames
    }

    /// Sends the journal's action `record` up to number `last`, each with its own number, and returns when each is answered.
    ///
    /// # Errors
    ///
    /// When the page cannot apply a frame, when the session ended, or when `patience` ends.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped leaves the page without a connection; the next call goes on.
    pub async fn record(&mut self, last: u64, patience: Patience) -> Result<(), Failure> {
        let record = |number| json!([number, "record", Entry { entry: number }]);
        self.perform(&record, last, patience).await
    }

    /// Sends one action, and returns its answer, or how it failed.
    ///
    /// # Errors
    ///
    /// As [`record`](Self::record).
    ///
    /// # Cancel safety
    ///
    /// As [`record`](Self::record).
    pub async fn act(
        &mut self,
        action: &str,
        payload: Value,
        patience: Patience,
    ) -> Result<Result<Value, String>, Failure> {
        let number = self.next;
        let frame = json!([number, action, payload]);
        self.perform(&|_| frame.clone(), number, patience).await?;
        Ok(match self.outcome.failed.get(&number) {
            Some(failure) => Err(failure.clone()),
            None => Ok(self.outcome.answered.get(&number).cloned().unwrap_or_default()),
        })
    }

    /// Sends actions up to number `last`, connecting as often as it takes.
    async fn perform(
        &mut self,
        action: &impl Fn(u64) -> Value,
        last: u64,
        patience: Patience,
    ) -> Result<(), Failure> {
        while !self.is_done(last) {
            if Instant::now() > patience.until {
                return Err(format!(
                    "{} gave up with {} of {last} actions answered",
                    self.id,
                    self.heard.len()
                )
                .into());
            }
            match timeout(patience.silence, self.connect()).await {
                Ok(Ok(mut socket)) => {
                    self.serve(&mut socket, action, Some(last), patience).await?;
                    // The server notices by itself when the network is too broken for a farewell.
                    let _ = timeout(Duration::from_millis(200), socket.close(None)).await;
                }
                Ok(Err(_)) | Err(_) => sleep(back_off()).await,
            }
            if let Some(reason) = &self.outcome.ended {
                return Err(format!("{} lost its session: {reason}", self.id).into());
            }
        }
        Ok(())
    }

    fn is_done(&self, last: u64) -> bool {
        self.next > last && self.waiting.is_empty()
    }

    async fn connect(&mut self) -> Result<Socket, Failure> {
        let mut request = Request::get(format!("ws://{HOST}/ws"))
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
            .body(())?;
        request
            .headers_mut()
            .insert(header::COOKIE, self.cookie_header()?);
        let (socket, response) = client_async(request, TcpStream::connect(self.server).await?).await?;
        self.keep_cookies(response.headers());
        Ok(socket)
    }

    /// Joins, and exchanges frames until all is done, with nothing to do until the session ends, or the connection is of no
    /// more use.
    async fn serve(
        &mut self,
        socket: &mut Socket,
        action: &impl Fn(u64) -> Value,
        last: Option<u64>,
        patience: Patience,
    ) -> Result<(), Failure> {
        let join = json!([
            "j",
            self.page,
            self.plan,
            self.document.revision(),
            self.id,
            self.last_answer,
            self.document.statics(),
        ]);
        if send(socket, join.to_string()).await.is_err() {
            return Ok(());
        }
        let mut has_joined = false;
        let mut pause_until = Instant::now();
        let mut silent_at = Instant::now() + patience.silence;
        while !(has_joined && last.is_some_and(|last| self.is_done(last))) && self.outcome.ended.is_none() {
            let may_send =
                has_joined && last.is_some_and(|last| self.next <= last) && self.waiting.len() < WINDOW;
            tokio::select! {
                message = socket.next() => {
                    silent_at = Instant::now() + patience.silence;
                    let text = match message {
                        Some(Ok(Message::Text(text))) => text,
                        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                        Some(Ok(Message::Binary(_))) => return Err("a binary frame that nobody asked for".into()),
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(()),
                    };
                    let joins = text.starts_with("[\"j\"");
                    let answers = self.apply(&text)?;
                    if joins {
                        has_joined = true;
                        self.outcome.connections += 1;
                        for (frame, _) in self.waiting.values() {
                            self.outcome.repeated += 1;
                            if send(socket, frame.clone()).await.is_err() {
                                return Ok(());
                            }
                        }
                    }
                    for frame in answers {
                        if send(socket, frame).await.is_err() {
                            return Ok(());
                        }
                    }
                    if let Some(pause) = self.retry_after.take() {
                        sleep(pause.mul_f64(fastrand::f64())).await;
                        return Ok(());
                    }
                }
                () = sleep_until(pause_until), if may_send => {
                    pause_until = Instant::now() + patience.pause.mul_f64(fastrand::f64());
                    silent_at = Instant::now() + patience.silence;
                    let number = self.next;
                    let frame = action(number).to_string();
                    self.next += 1;
                    self.waiting.insert(number, (frame.clone(), Instant::now()));
                    if send(socket, frame).await.is_err() {
                        return Ok(());
                    }
                }
                () = sleep_until(silent_at) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Applies a frame; returns those to send in return.
    fn apply(&mut self, text: &str) -> Result<Vec<String>, Failure> {
        self.frames.push(text.to_owned());
        let before = self.document.revision();
        let mut replies = Vec::new();
        for event in self.document.apply(text)? {
            match event {
                Event::Answer { number, value } => {
                    self.outcome.answered.insert(number, value.unwrap_or_default());
                    replies.push(self.answered(number)?);
                }
                Event::Failed { number, code, text } => {
                    self.outcome.failed.insert(number, format!("{code}: {text}"));
                    replies.push(self.answered(number)?);
                }
                Event::Refreshed { plan, .. } => {
                    self.plan = plan;
                    self.outcome.refreshes += 1;
                }
                Event::Ended { reason, milliseconds } if reason == "try_again" => {
                    self.retry_after = Some(Duration::from_millis(milliseconds));
                }
                Event::Ended { reason, .. } => self.outcome.ended = Some(reason),
                _ => {}
            }
        }
        if self.document.revision() != before {
            replies.push(json!(["a", self.document.revision()]).to_string());
        }
        Ok(replies)
    }

    fn answered(&mut self, number: u64) -> Result<String, Failure> {
        let Some((_, sent)) = self.waiting.remove(&number) else {
            return Err(format!("action {number} was answered, which was not waiting").into());
        };
        self.outcome.longest_gap = self.outcome.longest_gap.max(sent.elapsed());
        self.heard.insert(number);
        while self.heard.contains(&(self.last_answer + 1)) {
            self.last_answer += 1;
        }
        Ok(json!(["k", self.last_answer]).to_string())
    }

    fn cookie_header(&self) -> Result<HeaderValue, Failure> {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        Ok(HeaderValue::try_from(cookies.join("; "))?)
    }

    fn keep_cookies(&mut self, headers: &HeaderMap) {
        for header in headers.get_all(header::SET_COOKIE) {
            if let Ok(text) = header.to_str()
                && let Some((name, value)) = text.split(';').next().and_then(|pair| pair.split_once('='))
            {
                self.cookies.insert(name.trim().into(), value.trim().into());
            }
        }
    }
}

async fn send(socket: &mut Socket, frame: String) -> Result<(), tungstenite::Error> {
    // A stalled network takes in as much as its buffers hold, and then nothing.
    match timeout(Duration::from_secs(3), socket.send(Message::text(frame))).await {
        Ok(sent) => sent,
        Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
    }
}

fn back_off() -> Duration {
    Duration::from_millis(fastrand::u64(20..200))
}
