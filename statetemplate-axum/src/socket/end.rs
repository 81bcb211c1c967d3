//! How a connection ends, and what its page is told.

use axum::extract::ws::{CloseFrame, close_code};
use statetemplate_core::{Error, ErrorKind, SessionEnd, wire};

/// Why a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// The page left, or the network did.
    Gone,
    /// The page does not answer, or takes nothing in.
    Silent,
    /// The session's time is over; also for a session that is unknown or somebody else's: the answer is the same.
    Expired,
    /// The application or the store ended the session.
    Closed,
    /// This build of the application cannot read the session's data.
    Outdated,
    /// The page should come back after this many milliseconds.
    TryAgain(u64),
    /// The page does not keep to the protocol.
    Protocol { code: u16, reason: String },
}

impl End {
    pub(super) fn protocol(reason: impl Into<String>) -> Self {
        End::Protocol {
            code: close_code::POLICY,
            reason: reason.into(),
        }
    }

    pub(super) fn too_long() -> Self {
        End::Protocol {
            code: close_code::SIZE,
            reason: "the message is longer than allowed".into(),
        }
    }

    /// The last frame of the protocol, if the page is to hear one.
    pub(super) fn frame(&self) -> Option<String> {
        match self {
            End::Gone | End::Silent | End::Protocol { .. } => None,
            End::Expired => Some(wire::end(wire::EndReason::SessionExpired, 0)),
            End::Closed => Some(wire::end(wire::EndReason::SessionClosed, 0)),
            End::Outdated => Some(wire::end(wire::EndReason::SessionOutdated, 0)),
            End::TryAgain(ms) => Some(wire::end(wire::EndReason::TryAgain, *ms)),
        }
    }

    /// How the socket itself is closed, if there is someone to close it towards.
    pub(super) fn close(&self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            End::Gone => return None,
            End::Silent => (close_code::AWAY, "no answer to a ping"),
            End::Expired | End::Closed | End::Outdated => (close_code::NORMAL, ""),
            End::TryAgain(_) => (close_code::RESTART, ""),
            End::Protocol { code, reason } => (*code, reason.as_str()),
        };
        // A close frame has room for 123 bytes of reason.
        let end = (0..=reason.len().min(123))
            .rev()
            .find(|&end| reason.is_char_boundary(end))
            .unwrap_or(0);
        Some(CloseFrame {
            code,
            reason: reason[..end].into(),
        })
    }
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::SessionExpired | ErrorKind::SessionNotFound => End::Expired,
            ErrorKind::SessionClosed => End::Closed,
            ErrorKind::SessionOutdated => End::Outdated,
            ErrorKind::Protocol => End::protocol(error.to_string()),
            _ => {
                tracing::warn!("a connection ended: {error:#}");
                End::TryAgain(RETRY_MILLIS)
            }
        }
    }
}

/// After how long a page tries again when the server cannot serve it now.
pub(super) const RETRY_MILLIS: u64 = 2000;

/// After how long a page comes back whose browser has another identity: the response that brings the cookie is on its way.
pub(super) const REBOUND_MILLIS: u64 = 500;

impl From<SessionEnd> for End {
    fn from(end: SessionEnd) -> Self {
        match end {
            SessionEnd::Closed | SessionEnd::Invalidated => End::Closed,
            SessionEnd::Outdated => End::Outdated,
            // Another node can serve it.
            SessionEnd::TakenOver => End::TryAgain(RETRY_MILLIS),
            _ => End::Expired,
        }
    }
}
