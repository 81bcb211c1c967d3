//! Where the time comes from: the system, or tokio's clock that tests can pause.

use crate::store::Timestamp;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Clock {
    System,
    #[cfg(any(test, feature = "test"))]
    Tokio {
        start: Timestamp,
        instant: tokio::time::Instant,
    },
}

impl Clock {
    /// A clock that stands still and jumps with tokio's.
    #[cfg(any(test, feature = "test"))]
    pub(super) fn tokio() -> Self {
        Self::Tokio {
            start: Timestamp::now(),
            instant: tokio::time::Instant::now(),
        }
    }

    pub(crate) fn now(self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            #[cfg(any(test, feature = "test"))]
            Self::Tokio { start, instant } => start + instant.elapsed(),
        }
    }
}
