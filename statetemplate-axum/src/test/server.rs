//! The application under test as a server within the process: no port, no network, paused time welcome.

use std::{io, sync::Arc};

use axum::{Router, serve::Listener};
use tokio::{
    io::{DuplexStream, duplex},
    sync::mpsc,
    task::AbortHandle,
};

/// As much as a socket of the operating system holds in each direction, by and large.
const BUFFER: usize = 64 * 1024;

/// A server that ends with its last handle.
#[derive(Clone, Debug)]
pub(super) struct Server {
    connect: mpsc::Sender<DuplexStream>,
    _task: Arc<AbortOnDrop>,
}

#[derive(Debug)]
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Server {
    pub(super) fn start(app: Router) -> Self {
        let (connect, incoming) = mpsc::channel(1);
        // The handle owns the task and ends it, so that a test leaves nothing behind.
        let task = tokio::spawn(async move { axum::serve(InProcess { incoming }, app).await });
        Server {
            connect,
            _task: Arc::new(AbortOnDrop(task.abort_handle())),
        }
    }

    /// A new connection to the server.
    ///
    /// # Panics
    ///
    /// When the server has ended.
    pub(super) async fn connect(&self) -> DuplexStream {
        let (ours, theirs) = duplex(BUFFER);
        self.connect
            .send(theirs)
            .await
            .expect("the server runs as long as there is a handle");
        ours
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
