//! The updates of a session, for those who bring their own transport.

use super::{Change, Subscription, Version};
use crate::{Error, Update};

/// The updates that bring a page to one revision; they belong together and are applied in order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpdateBatch {
    /// The revision of the data that the page shows once all are applied.
    pub revision: u64,
    /// What changes; never empty.
    pub updates: Vec<Update>,
}

/// Yields what changes on one page of a session, until the session ends.
///
/// The latest wins: nothing queues for a slow reader, which gets one batch from what its page shows to what is true.
/// A change that the page does not show, or that was taken back meanwhile, yields nothing. How fine the updates are is
/// [`RendererBuilder::optimization_level`](crate::RendererBuilder::optimization_level).
///
/// It is made by [`Session::updates`](crate::Session::updates), and keeps its session in memory.
#[derive(Debug)]
pub struct Updates {
    subscription: Subscription,
    shown: Version,
    /// The last sequence number that was used.
    sequence: u64,
    /// Whether what is shown has been compared with what was true when this was made.
    started: bool,
}

impl Updates {
    pub(super) fn new(subscription: Subscription, shown: Version) -> Self {
        Self {
            subscription,
            shown,
            sequence: 0,
            started: false,
        }
    }

    /// Waits for the page to change; `None` once the session has ended. Its last changes may then be missing: the page is
    /// of no more use.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Template`](crate::ErrorKind::Template) when the template fails on the new data, which can only come
    /// from another node, because a session does not commit such data. The page keeps what it shows, and the next change
    /// is a chance to go on.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped call has taken nothing, and what it would have returned, the next one returns, brought up to
    /// date.
    pub async fn next(&mut self) -> Option<Result<UpdateBatch, Error>> {
        loop {
            // Nothing is awaited between hearing of a version and returning its batch, so that none is lost.
            if !self.started && self.subscription.session().end_reason().is_none() {
                self.started = true;
            } else {
                match self.subscription.next().await? {
                    Change::Version(_) => {}
                    Change::Event(_) | Change::Rebound => continue,
                    Change::End(_) => return None,
                }
            }
            if let Some(batch) = self.batch().transpose() {
                return Some(batch);
            }
        }
    }

    /// The version that the page shows once all that was yielded is applied.
    #[must_use]
    pub fn shown(&self) -> &Version {
        &self.shown
    }

    /// The way from what is shown to what is true, if they differ.
    fn batch(&mut self) -> Result<Option<UpdateBatch>, Error> {
        let session = self.subscription.session();
        let (version, patch) = session.patch_from(&self.shown)?;
        let updates = if patch.is_empty() {
            Vec::new()
        } else {
            Update::from_patch(
                session.plan(),
                &patch,
                &self.shown.snapshot.get(),
                &version.snapshot.get(),
                session.core().config.optimization_level,
                &mut self.sequence,
            )?
        };
        let revision = version.revision;
        self.shown = version;
        Ok((!updates.is_empty()).then_some(UpdateBatch { revision, updates }))
    }
}
