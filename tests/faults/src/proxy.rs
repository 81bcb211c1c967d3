//! A network that fails: passes TCP connections on to servers, over a link that tests cut, stall and delay.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use statetemplate_axum::test::Link;
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A proxy between clients and servers; everything it carries can be broken from outside, by its [`link`](Self::link).
///
/// It ends when it is dropped, and so do its connections. They go to the servers in turn; a server that does not accept is
/// passed over for the next.
pub struct Proxy {
    address: SocketAddr,
    network: Arc<Network>,
}

struct Network {
    servers: Mutex<Vec<SocketAddr>>,
    next: AtomicUsize,
    link: Link,
    tasks: TaskTracker,
    ended: CancellationToken,
}

impl Proxy {
    /// Starts a proxy before `servers`, on a free port of the loopback interface.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped leaves nothing behind.
    pub async fn before(servers: impl Into<Vec<SocketAddr>>) -> io::Result<Proxy> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let network = Arc::new(Network {
            servers: Mutex::new(servers.into()),
            next: AtomicUsize::new(0),
            link: Link::new(),
            tasks: TaskTracker::new(),
            ended: CancellationToken::new(),
        });
        network.tasks.spawn(network.clone().accept(listener));
        Ok(Proxy { address, network })
    }

    /// Where clients connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The link that carries all connections.
    #[must_use]
    pub fn link(&self) -> &Link {
        &self.network.link
    }

    /// Sends new connections to other servers; those that exist go on.
    pub fn set_servers(&self, servers: impl Into<Vec<SocketAddr>>) {
        *self.network.servers() = servers.into();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.network.ended.cancel();
        self.network.link.cut();
    }
}

impl Network {
    fn servers(&self) -> MutexGuard<'_, Vec<SocketAddr>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn accept(self: Arc<Self>, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                () = self.ended.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((near, _)) => {
                    self.tasks.spawn(self.clone().serve(near));
                }
                // Out of descriptors, most likely: others will be freed.
                Err(_) => sleep(Duration::from_millis(10)).await,
            }
        }
    }

    async fn serve(self: Arc<Self>, near: TcpStream) {
        let Some(far) = self.connect().await else {
            return;
        };
        // Small frames must not wait for each other; a socket that refuses the option is only slower.
        let _ = near.set_nodelay(true);
        let _ = far.set_nodelay(true);
        self.link.carry(near, far).await;
    }

    async fn connect(&self) -> Option<TcpStream> {
        let servers = self.servers().clone();
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        for at in 0..servers.len() {
            let server = servers[(first.wrapping_add(at)) % servers.len()];
            if let Ok(stream) = TcpStream::connect(server).await {
                return Some(stream);
            }
        }
        None
    }
}
