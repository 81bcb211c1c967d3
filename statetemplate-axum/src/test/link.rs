//! A network that a test breaks: cut at any byte, stalled, delayed.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::watch,
    time::sleep,
};
use tokio_util::sync::CancellationToken;

/// As much as is passed on in one go.
const CHUNK: usize = 16 * 1024;

/// One of the two ways along a [`Link`].
///
/// This enum is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// What the client sends.
    ToServer,
    /// What the server sends.
    ToClient,
}

/// A network link between clients and a server, which a test breaks on purpose.
///
/// It carries any number of connections, one after the other or at once, and what is done to it is done to all of them. A
/// new link passes everything on at once. A clone is the same link.
///
/// [`TestPage::link`](super::TestPage::link) is the one between a page's socket and the application. With
/// [`carry`](Self::carry) a link stands between any two streams, for example in a proxy between processes.
///
/// ```
/// use std::time::Duration;
/// use statetemplate_axum::test::{Direction, Link};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let link = Link::new();
/// let ((mut client, near), (far, mut server)) = (duplex(64), duplex(64));
/// let carried = tokio::spawn({ let link = link.clone(); async move { link.carry(near, far).await } });
///
/// link.cut_after(Direction::ToServer, 3);
/// client.write_all(b"hello").await.unwrap();
/// let mut arrived = String::new();
/// server.read_to_string(&mut arrived).await.unwrap();
/// assert_eq!(arrived, "hel");
/// carried.await.unwrap();
/// # });
/// ```
#[derive(Clone)]
pub struct Link(Arc<State>);

struct State {
    /// The connections that exist; replaced when they are cut.
    connections: Mutex<CancellationToken>,
    stalled: watch::Sender<bool>,
    delay_micros: AtomicU64,
    /// Of a million chunks so many are cut off somewhere within, and their connection with them.
    cut_per_million: AtomicU32,
    cuts: AtomicU64,
    ways: [Way; 2],
}

/// What is known of one direction.
#[derive(Default)]
struct Way {
    carried: AtomicU64,
    /// How many bytes may still pass before everything is cut.
    left: Mutex<Option<u64>>,
}

impl Link {
    /// A link that works.
    #[must_use]
    pub fn new() -> Link {
        Link(Arc::new(State {
            connections: Mutex::default(),
            stalled: watch::Sender::new(false),
            delay_micros: AtomicU64::new(0),
            cut_per_million: AtomicU32::new(0),
            cuts: AtomicU64::new(0),
            ways: Default::default(),
        }))
    }

    /// Cuts all connections now, in the middle of whatever they carry. New ones work.
    pub fn cut(&self) {
        std::mem::take(&mut *lock(&self.0.connections)).cancel();
    }

    /// Cuts all connections once `bytes` more bytes have passed in a direction, counted over all of them: those pass, and
    /// nothing after them. With 0 the next byte is the one that does not arrive. New connections work.
    pub fn cut_after(&self, direction: Direction, bytes: u64) {
        *lock(&self.way(direction).left) = Some(bytes);
    }

    /// Cuts connections at random from now on: of a million chunks so many are passed on only up to some byte within. 0,
    /// the default, ends it.
    pub fn cut_at_random(&self, per_million: u32) {
        self.0.cut_per_million.store(per_million, Ordering::Relaxed);
    }

    /// Holds everything back, in both directions, until it is called with `false`. Connections stay open, and silent.
    pub fn stall(&self, stalled: bool) {
        self.0.stalled.send_replace(stalled);
    }

    /// Delays each chunk, in both directions, to the microsecond. Nothing by default.
    pub fn delay(&self, delay: Duration) {
        let micros = u64::try_from(delay.as_micros()).unwrap_or(u64::MAX);
        self.0.delay_micros.store(micros, Ordering::Relaxed);
    }

    /// How many bytes have passed in a direction so far, over all connections.
    #[must_use]
    pub fn carried(&self, direction: Direction) -> u64 {
        self.way(direction).carried.load(Ordering::Relaxed)
    }

    /// How many times [`cut_after`](Self::cut_after) and [`cut_at_random`](Self::cut_at_random) have cut something so far.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.0.cuts.load(Ordering::Relaxed)
    }

    /// Carries a connection until both sides have ended it, or it is cut.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped cuts this connection.
    pub async fn carry<N, F>(&self, near: N, far: F)
    where
        N: AsyncRead + AsyncWrite,
        F: AsyncRead + AsyncWrite,
    {
        let cut = lock(&self.0.connections).child_token();
        let (near_read, near_write) = tokio::io::split(near);
        let (far_read, far_write) = tokio::io::split(far);
        let carrying = async {
            tokio::join!(
                self.pass_on(Direction::ToServer, near_read, far_write, &cut),
                self.pass_on(Direction::ToClient, far_read, near_write, &cut),
            );
        };
        tokio::select! {
            () = cut.cancelled() => {}
            () = carrying => {}
        }
    }

    /// Passes on what one side sends until it ends, or the connection is cut.
    async fn pass_on(
        &self,
        direction: Direction,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
        cut: &CancellationToken,
    ) {
        let mut chunk = vec![0; CHUNK];
        let mut stalled = self.0.stalled.subscribe();
        while let Ok(length @ 1..) = from.read(&mut chunk).await {
            // The sender lives as long as this link.
            if stalled.wait_for(|stalled| !stalled).await.is_err() {
                break;
            }
            match self.0.delay_micros.load(Ordering::Relaxed) {
                0 => {}
                delay => sleep(Duration::from_micros(delay)).await,
            }
            let passing = self.passing(direction, length);
            let sent = to.write_all(&chunk[..passing.bytes]).await;
            let way = self.way(direction);
            way.carried.fetch_add(passing.bytes as u64, Ordering::Relaxed);
            match passing.cuts {
                Some(Cuts::Everything) => {
                    self.0.cuts.fetch_add(1, Ordering::Relaxed);
                    self.cut();
                    return;
                }
                Some(Cuts::Connection) => {
                    self.0.cuts.fetch_add(1, Ordering::Relaxed);
                    cut.cancel();
                    return;
                }
                None if sent.is_err() => return,
                None => {}
            }
        }
        // The other direction may go on: a half-closed connection is one.
        let _ = to.shutdown().await;
    }

    /// How much of a chunk passes.
    fn passing(&self, direction: Direction, length: usize) -> Passing {
        let mut left = lock(&self.way(direction).left);
        match *left {
            Some(bytes) if length as u64 >= bytes => {
                *left = None;
                Passing {
                    bytes: usize::try_from(bytes).unwrap_or(length),
                    cuts: Some(Cuts::Everything),
                }
            }
            Some(bytes) => {
                *left = Some(bytes - length as u64);
                Passing {
                    bytes: length,
                    cuts: None,
                }
            }
            None if fastrand::u32(..1_000_000) < self.0.cut_per_million.load(Ordering::Relaxed) => Passing {
                bytes: fastrand::usize(..length),
                cuts: Some(Cuts::Connection),
            },
            None => Passing {
                bytes: length,
                cuts: None,
            },
        }
    }

    fn way(&self, direction: Direction) -> &Way {
        &self.0.ways[direction as usize]
    }
}

struct Passing {
    bytes: usize,
    cuts: Option<Cuts>,
}

/// What ends after a chunk.
enum Cuts {
    Everything,
    Connection,
}

/// No code panics while it holds one of these locks, so a poisoned one is taken as it is.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for Link {
    fn default() -> Self {
        Link::new()
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("stalled", &*self.0.stalled.borrow())
            .field("to_server", &self.carried(Direction::ToServer))
            .field("to_client", &self.carried(Direction::ToClient))
            .field("cuts", &self.cuts())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{DuplexStream, duplex},
        task::JoinHandle,
    };

    use super::*;

    fn connect(link: &Link) -> (DuplexStream, DuplexStream, JoinHandle<()>) {
        let ((client, near), (far, server)) = (duplex(64), duplex(64));
        let link = link.clone();
        let carried = tokio::spawn(async move { link.carry(near, far).await });
        (client, server, carried)
    }

    #[tokio::test]
    async fn the_cut_counts_over_all_connections_and_happens_once() {
        let link = Link::new();
        link.cut_after(Direction::ToClient, 5);
        let (mut first, mut first_server, _first) = connect(&link);
        let (mut second, mut second_server, _second) = connect(&link);
        first_server.write_all(b"abc").await.unwrap();
        let mut arrived = [0; 3];
        first.read_exact(&mut arrived).await.unwrap();
        second_server.write_all(b"defg").await.unwrap();
        let mut rest = Vec::new();
        second.read_to_end(&mut rest).await.unwrap();
        assert_eq!((&arrived, rest.as_slice()), (b"abc", b"de".as_slice()));
        assert_eq!(first.read(&mut arrived).await.unwrap(), 0, "all connections end");

        let (mut third, mut third_server, _third) = connect(&link);
        third_server.write_all(b"abcdefgh").await.unwrap();
        let mut whole = [0; 8];
        third.read_exact(&mut whole).await.unwrap();
        assert_eq!((link.cuts(), link.carried(Direction::ToClient)), (1, 13));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_link_delivers_later_and_a_delayed_one_after_its_delay() {
        let link = Link::new();
        let (mut client, mut server, _carried) = connect(&link);
        link.stall(true);
        client.write_all(b"held").await.unwrap();
        let mut arrived = [0; 4];
        let early = tokio::time::timeout(Duration::from_secs(60), server.read_exact(&mut arrived)).await;
        assert!(early.is_err(), "nothing passes a stalled link");
        link.stall(false);
        server.read_exact(&mut arrived).await.unwrap();

        link.delay(Duration::from_secs(2));
        let begun = tokio::time::Instant::now();
        client.write_all(b"slow").await.unwrap();
        server.read_exact(&mut arrived).await.unwrap();
        assert_eq!(begun.elapsed(), Duration::from_secs(2));
    }

    #[tokio::test]
    async fn an_end_on_one_side_leaves_the_other_direction_open() {
        let link = Link::new();
        let (mut client, mut server, carried) = connect(&link);
        client.shutdown().await.unwrap();
        let mut request = Vec::new();
        server.read_to_end(&mut request).await.unwrap();
        server.write_all(b"answer").await.unwrap();
        drop(server);
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "answer");
        carried.await.unwrap();
    }

    #[tokio::test]
    async fn random_cuts_end_connections_sooner_or_later() {
        let link = Link::new();
        link.cut_at_random(1_000_000);
        let (mut client, mut server, carried) = connect(&link);
        client.write_all(b"cut somewhere").await.unwrap();
        let mut arrived = Vec::new();
        server.read_to_end(&mut arrived).await.unwrap();
        assert!(arrived.len() < 13 && b"cut somewhere".starts_with(&arrived));
        carried.await.unwrap();
        assert_eq!(link.cuts(), 1);
    }
}
