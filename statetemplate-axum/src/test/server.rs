//! The application under test as a server within the process: no port, no network, paused time welcome.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{Router, serve::Listener};
use tokio::{
    io::{DuplexStream, duplex},
    sync::mpsc,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{browser::TestBrowser, link::Link};

/// As much as a socket of the operating system holds in each direction, by and large.
const BUFFER: usize = 64 * 1024;
/// How many connections wait to be accepted before others are refused.
const BACKLOG: usize = 128;

/// A server within the process, which a test stops and starts again, with the same application or with another version of
/// it, while browsers have its pages open.
///
/// It accepts connections as long as there is a handle, a browser or a page of it; a clone is the same server.
///
/// ```
/// # use axum::{Router, routing::get};
/// # use statetemplate_axum::{Data, Live, Page, Payload, Rendered, StateTemplate, live};
/// use statetemplate_axum::test::TestServer;
/// use statetemplate_core::store::{MemoryStore, SessionStore};
/// use std::sync::Arc;
///
/// # #[derive(serde::Serialize, serde::Deserialize, Default)]
/// # struct Counter { count: i64 }
/// # async fn page(live: Live<Counter>) -> Result<Rendered, live::Error> {
/// #     live.render(|| async { Counter::default() }).await
/// # }
/// # async fn add(mut counter: Data<Counter>, Payload(by): Payload<i64>) { counter.count += by; }
/// fn app(store: &Arc<dyn SessionStore>) -> Router {
/// #   let mut templates = minijinja::Environment::new();
/// #   templates.add_template("counter.html", r#"<!doctype html><title>Counter</title>
/// #       <p>{{ count }}</p><button st-click="add" st-value-by="5">+5</button>"#).unwrap();
///     let live = StateTemplate::builder(templates)
///         .shared_store(store.clone())
///         // …
/// #       .signing_key("a test may keep its secret of 32 bytes here")
/// #       .page(Page::<Counter>::new("counter.html").action("add", add))
///         .build().unwrap();
///     Router::new().route("/", get(page)).merge(live.routes()).layer(live.layer())
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let store: Arc<dyn SessionStore> = Arc::new(MemoryStore::new());
/// let server = TestServer::start(app(&store));
/// let mut page = server.browser().open("/").await;
/// page.click("button").await;
///
/// server.stop(); // as if the process were gone
/// server.restart(app(&store));
/// page.reconnect().await;
/// page.click("button").await;
/// assert_eq!(page.text("p"), "10");
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TestServer(Arc<Running>);

#[derive(Debug)]
struct Running {
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Up(Instance),
    Down,
}

/// One life of the server.
#[derive(Debug)]
struct Instance {
    app: Router,
    connect: mpsc::Sender<DuplexStream>,
    /// Ends the connections. Those of a server that nobody holds any more go on: a test may keep a socket alone.
    killed: CancellationToken,
    _accepting: DropGuard,
}

impl TestServer {
    /// Starts a server of the application. Must be called in a Tokio runtime.
    #[must_use]
    pub fn start(app: Router) -> TestServer {
        TestServer(Arc::new(Running {
            state: Mutex::new(State::Up(Instance::start(app))),
        }))
    }

    /// Ends the server as a process ends that is killed: its connections break without a farewell, and new ones are refused.
    ///
    /// Handlers that run cannot be killed within a process: they go on to their end, and what they commit is in the store.
    pub fn stop(&self) {
        if let State::Up(instance) = std::mem::replace(&mut *self.state(), State::Down) {
            instance.killed.cancel();
        }
    }

    /// Starts the server again with an application, which may be another version of the last one. If it still runs, it is
    /// [stopped](Self::stop) first. Must be called in a Tokio runtime.
    pub fn restart(&self, app: Router) {
        self.stop();
        *self.state() = State::Up(Instance::start(app));
    }

    /// A new browser without cookies, whose pages come from this server.
    #[must_use]
    pub fn browser(&self) -> TestBrowser {
        TestBrowser::of(self.clone())
    }

    /// The application, for requests; `None` when the server is stopped.
    pub(super) fn app(&self) -> Option<Router> {
        match &*self.state() {
            State::Up(instance) => Some(instance.app.clone()),
            State::Down => None,
        }
    }

    /// A new connection to the server, over a link.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::ConnectionRefused`] when it is stopped, or too many connections wait already.
    pub(super) fn connect(&self, link: &Link) -> io::Result<DuplexStream> {
        let refused = || {
            io::Error::new(
                io::ErrorKind::ConnectionRefused,
                "the test's server is stopped or overrun",
            )
        };
        let state = self.state();
        let State::Up(instance) = &*state else {
            return Err(refused());
        };
        let ((ours, near), (far, theirs)) = (duplex(BUFFER), duplex(BUFFER));
        instance.connect.try_send(theirs).map_err(|_| refused())?;
        let (link, killed) = (link.clone(), instance.killed.clone());
        // It ends with either side and with the server.
        tokio::spawn(async move {
            tokio::select! {
                () = killed.cancelled() => {}
                () = link.carry(near, far) => {}
            }
        });
        Ok(ours)
    }

    /// No code panics while it holds this lock, so a poisoned one is taken as it is.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Instance {
    fn start(app: Router) -> Instance {
        let (connect, incoming) = mpsc::channel(BACKLOG);
        let (killed, accepting) = (CancellationToken::new(), CancellationToken::new());
        let (serving, ended) = (app.clone(), accepting.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = ended.cancelled() => {}
                _ = async { axum::serve(InProcess { incoming }, serving).await } => {}
            }
        });
        Instance {
            app,
            connect,
            killed,
            _accepting: accepting.drop_guard(),
        }
    }
}

struct InProcess {
    incoming: mpsc::Receiver<DuplexStream>,
}

impl Listener for InProcess {
    type Io = DuplexStream;
    type Addr = ();

    async fn accept(&mut self) -> (DuplexStream, ()) {
        match self.incoming.recv().await {
            Some(stream) => (stream, ()),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}
