//! What carries a page's frames: a socket, or where sockets do not work a stream of events with requests beside it.

use axum::extract::ws::{Message, Utf8Bytes, WebSocket, close_code};
use bytes::Bytes;
use statetemplate_core::wire;

use super::{end::End, stream::Stream};

/// Frames in, frames out. A connection is the same over either.
pub(super) enum Link {
    Socket {
        socket: Box<WebSocket>,
        /// Whether long frames are deflated: the page has said that it inflates them.
        deflates: bool,
    },
    Stream(Stream),
}

impl Link {
    pub(super) fn socket(socket: WebSocket) -> Self {
        Link::Socket {
            socket: Box::new(socket),
            deflates: false,
        }
    }

    /// From here on long frames are deflated, where what carries them can carry bytes.
    pub(super) fn deflate(&mut self) {
        if let Link::Socket { deflates, .. } = self {
            *deflates = true;
        }
    }

    /// The next frame, or nothing when the page has only shown that it is there.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a frame that has arrived is returned by the next call.
    pub(super) async fn recv(&mut self) -> Result<Option<Utf8Bytes>, End> {
        match self {
            Link::Socket { socket, .. } => read(socket.recv().await),
            Link::Stream(stream) => stream.recv().await,
        }
    }

    /// Sends a frame; waits while the page takes nothing in.
    pub(super) async fn send(&mut self, frame: String) -> Result<(), End> {
        match self {
            Link::Socket { socket, deflates } => {
                let deflated = if *deflates { wire::deflate(&frame) } else { None };
                let message = match deflated {
                    Some(bytes) => Message::Binary(bytes.into()),
                    None => Message::Text(frame.into()),
                };
                socket.send(message).await.map_err(|_| End::Gone)
            }
            Link::Stream(stream) => stream.send(frame).await,
        }
    }

    /// Asks the page for a sign of life, which [`recv`](Link::recv) sees.
    pub(super) async fn probe(&mut self) -> Result<(), End> {
        match self {
            Link::Socket { socket, .. } => socket
                .send(Message::Ping(Bytes::new()))
                .await
                .map_err(|_| End::Gone),
            Link::Stream(stream) => stream.probe().await,
        }
    }

    /// Says the last words, and waits until a socket has been closed by the other side too.
    pub(super) async fn finish(mut self, end: &End) {
        if let Some(frame) = end.frame() {
            let _ = self.send(frame).await;
        }
        if let Link::Socket { mut socket, .. } = self
            && let Some(close) = end.close()
        {
            let _ = socket.send(Message::Close(Some(close))).await;
            // The other side's close completes ours; without it the kernel may discard what was just sent.
            while let Some(Ok(_)) = socket.recv().await {}
        }
    }
}

/// The text of a message, if it has one.
fn read(message: Option<Result<Message, axum::Error>>) -> Result<Option<Utf8Bytes>, End> {
    match message {
        Some(Ok(Message::Text(text))) => Ok(Some(text)),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
        Some(Ok(Message::Binary(_))) => Err(End::Protocol {
            code: close_code::UNSUPPORTED,
            reason: "messages are text".into(),
        }),
        Some(Ok(Message::Close(_))) | None => Err(End::Gone),
        Some(Err(error)) => {
            let reason = error.to_string();
            // The library's own type is out of reach here; the words are those of its capacity error.
            if reason.contains("too long") || reason.contains("too big") {
                Err(End::too_long())
            } else {
                Err(End::Gone)
            }
        }
    }
}
