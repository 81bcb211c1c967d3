//! A network that fails: passes TCP connections on to servers, and cuts, stalls and delays them.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::watch,
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A proxy between clients and servers; everything it carries can be broken from outside.
///
/// It ends with its last handle, and so do its links. Links go to the servers in turn; one that does not accept is passed
/// over for the next.
pub struct Proxy {
    address: SocketAddr,
    network: Arc<Network>,
}

/// The state of the network, which all links share.
struct Network {
    servers: Mutex<Vec<SocketAddr>>,
    next: AtomicUsize,
    /// Replaced when all links are cut.
    links: Mutex<CancellationToken>,
    stalled: watch::Sender<bool>,
    delay_millis: AtomicU64,
    /// Of a million chunks so many are cut off somewhere within, and their link with them.
    cut_per_million: AtomicU32,
    cuts: AtomicU64,
    tasks: TaskTracker,
    ended: CancellationToken,
}

impl Proxy {
    /// Starts a proxy before `servers`, on a free port of the loopback interface.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    pub async fn before(servers: impl Into<Vec<SocketAddr>>) -> io::Result<Proxy> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let network = Arc::new(Network {
            servers: Mutex::new(servers.into()),
            next: AtomicUsize::new(0),
            links: Mutex::default(),
            stalled: watch::Sender::new(false),
            delay_millis: AtomicU64::new(0),
            cut_per_million: AtomicU32::new(0),
            cuts: AtomicU64::new(0),
            tasks: TaskTracker::new(),
            ended: CancellationToken::new(),
        });
        let accepting = network.clone();
        network.tasks.spawn(async move {
            loop {
                let accepted = tokio::select! {
                    () = accepting.ended.cancelled() => return,
                    accepted = listener.accept() => accepted,
                };
                match accepted {
                    Ok((near, _)) => {
                        let network = accepting.clone();
                        accepting.tasks.spawn(network.link(near));
                    }
                    // Out of descriptors, most likely: others will be freed.
                    Err(_) => sleep(Duration::from_millis(10)).await,
                }
            }
        });
        Ok(Proxy { address, network })
    }

    /// Where clients connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends new links to other servers; those that exist go on.
    pub fn set_servers(&self, servers: impl Into<Vec<SocketAddr>>) {
        *self.network.servers() = servers.into();
    }

    /// Cuts all links now, in the middle of whatever they carry. New ones work.
    pub fn cut(&self) {
        let links = std::mem::take(&mut *self.network.links());
        links.cancel();
    }

    /// Cuts links at random from now on: of a million chunks so many are passed on only up to some byte within.
    pub fn cut_at_random(&self, per_million: u32) {
        self.network.cut_per_million.store(per_million, Ordering::Relaxed);
    }

    /// Holds everything back, in both directions, until it is called with `false`. Connections are accepted and silent.
    pub fn stall(&self, stalled: bool) {
        self.network.stalled.send_replace(stalled);
    }

    /// Delays each chunk, in both directions.
    pub fn delay(&self, delay: Duration) {
        let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.network.delay_millis.store(millis, Ordering::Relaxed);
    }

    /// How many links were cut at random so far.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.network.cuts.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.network.ended.cancel();
        self.cut();
    }
}

impl Network {
    fn servers(&self) -> std::sync::MutexGuard<'_, Vec<SocketAddr>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn links(&self) -> std::sync::MutexGuard<'_, CancellationToken> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn link(self: Arc<Self>, near: TcpStream) {
        let cut = self.links().child_token();
        let Some(far) = self.connect().await else {
            return;
        };
        // Small frames must not wait for each other; a socket that refuses the option is only slower.
        let _ = near.set_nodelay(true);
        let _ = far.set_nodelay(true);
        let (near_read, near_write) = near.into_split();
        let (far_read, far_write) = far.into_split();
        tokio::select! {
            () = cut.cancelled() => {}
            () = async {
                tokio::join!(
                    self.carry(near_read, far_write, &cut),
                    self.carry(far_read, near_write, &cut),
                );
            } => {}
        }
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

    /// Passes on what one side sends until it ends, or the link is cut.
    async fn carry(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, cut: &CancellationToken) {
        let mut chunk = vec![0; 16 * 1024];
        let mut stalled = self.stalled.subscribe();
        while let Ok(length @ 1..) = from.read(&mut chunk).await {
            if stalled.wait_for(|stalled| !stalled).await.is_err() {
                break;
            }
            match self.delay_millis.load(Ordering::Relaxed) {
                0 => {}
                delay => sleep(Duration::from_millis(delay)).await,
            }
            let is_cut = fastrand::u32(..1_000_000) < self.cut_per_million.load(Ordering::Relaxed);
            let end = if is_cut { fastrand::usize(..length) } else { length };
            if to.write_all(&chunk[..end]).await.is_err() || is_cut {
                self.cuts.fetch_add(u64::from(is_cut), Ordering::Relaxed);
                cut.cancel();
                return;
            }
        }
        // The other direction may go on: a half-closed connection is one.
        let _ = to.shutdown().await;
    }
}
