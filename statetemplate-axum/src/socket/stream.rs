//! One page's stream of events: the server's frames as a response that goes on, the page's frames by requests.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{extract::ws::Utf8Bytes, response::sse::Event};
use futures_util::stream;
use statetemplate_core::{Error, store::OwnerId};
use tokio::sync::{Mutex as AsyncMutex, mpsc};

use super::end::End;

/// How many frames wait for a page that is slower than they come; then the connection waits.
const WAITING: usize = 4;

/// The server's end of a stream.
pub(super) struct Stream {
    outgoing: mpsc::Sender<Event>,
    incoming: mpsc::Receiver<Utf8Bytes>,
    /// Makes the stream findable while it lives.
    _listed: Listed,
}

impl Stream {
    /// See [`Link::recv`](super::link::Link::recv). A request without frames is a sign of life.
    pub(super) async fn recv(&mut self) -> Result<Option<Utf8Bytes>, End> {
        tokio::select! {
            frame = self.incoming.recv() => match frame {
                Some(frame) if frame.is_empty() => Ok(None),
                Some(frame) => Ok(Some(frame)),
                None => Err(End::Gone),
            },
            // The response was dropped: the page has left.
            () = self.outgoing.closed() => Err(End::Gone),
        }
    }

    pub(super) async fn send(&mut self, frame: String) -> Result<(), End> {
        // A frame is JSON on one line, so it is one line of data.
        let event = Event::default().data(frame);
        self.outgoing.send(event).await.map_err(|_| End::Gone)
    }

    /// A frame of no meaning, which a page answers with a request of no frames. It also keeps proxies from giving the
    /// silent response up.
    pub(super) async fn probe(&mut self) -> Result<(), End> {
        self.send(statetemplate_core::wire::pong()).await
    }
}

/// The events of a stream, as the body of its response takes them.
pub(super) fn events(
    incoming: mpsc::Receiver<Event>,
) -> impl futures_util::Stream<Item = Result<Event, Infallible>> {
    stream::unfold(incoming, |mut incoming| async move {
        let event = incoming.recv().await?;
        Some((Ok(event), incoming))
    })
}

/// The streams that are open, by their unguessable ids, each with the browser that it belongs to.
///
/// There are never more than connections are allowed.
#[derive(Clone, Default)]
pub(crate) struct Streams(Arc<Mutex<HashMap<Arc<str>, Entry>>>);

struct Entry {
    owner: OwnerId,
    frames: Frames,
}

/// Where the requests of a page leave its frames. One request at a time holds the lock, so that their order is that of
/// the requests.
pub(super) type Frames = Arc<AsyncMutex<mpsc::Sender<Utf8Bytes>>>;

impl Streams {
    /// Opens a stream: its id, the server's end, and what its response consists of.
    pub(super) fn open(&self, owner: OwnerId) -> Result<(Arc<str>, Stream, mpsc::Receiver<Event>), Error> {
        // As random as an identity, and made in the same way.
        let id: Arc<str> = OwnerId::random()?.as_str().into();
        let (outgoing, body) = mpsc::channel(WAITING);
        // What a request brought waits in the request itself.
        let (frames, incoming) = mpsc::channel(1);
        let entry = Entry {
            owner,
            frames: Arc::new(AsyncMutex::new(frames)),
        };
        self.entries().insert(id.clone(), entry);
        let listed = Listed {
            streams: self.clone(),
            id: id.clone(),
        };
        let stream = Stream {
            outgoing,
            incoming,
            _listed: listed,
        };
        Ok((id, stream, body))
    }

    /// Where the frames for a stream go, if there is one of that id and it is that browser's.
    pub(super) fn find(&self, id: &str, owner: &OwnerId) -> Option<Frames> {
        let entries = self.entries();
        let entry = entries.get(id).filter(|entry| entry.owner == *owner)?;
        Some(entry.frames.clone())
    }

    /// Every change under this lock is whole, so a poisoned lock is taken as it is.
    fn entries(&self) -> MutexGuard<'_, HashMap<Arc<str>, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Listed {
    streams: Streams,
    id: Arc<str>,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.streams.entries().remove(&self.id);
    }
}
