//! Data that another build of the application wrote, brought into the form of this one.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::commit::{RERUNS, WriteError};
use super::guarded::guarded_sync;
use super::{Session, SessionEnd};
use crate::store::SessionRecord;
use crate::{Error, ErrorKind, Snapshot};

impl Session {
    /// Brings data that another build of the application wrote into the form that this one gives it: fields that were
    /// added since have their defaults, fields that were removed are gone. Says whether anything changed.
    ///
    /// Call it before a page of another build is shown. Data that cannot be read as a `T` any more ends the session, so
    /// that its pages are loaded afresh: see
    /// [`RendererBuilder::data_version`](crate::RendererBuilder::data_version) for what keeps an older node from doing so.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::SessionOutdated`] when the data cannot be read, and the session has ended; otherwise as for
    /// [`update`](Self::update).
    ///
    /// # Cancel safety
    ///
    /// A dropped call has brought the data into its new form, or not.
    pub async fn upgrade<T: Serialize + DeserializeOwned>(&self) -> Result<bool, Error> {
        let mut turn = self.turn().await?;
        for _ in 0..=RERUNS {
            let base = self.live().record();
            let snapshot = match self.in_present_form::<T>(&base) {
                Ok(snapshot) => snapshot,
                Err(error) if error.kind() == ErrorKind::Data => return Err(self.end_outdated(&error).await),
                Err(error) => return Err(error),
            };
            let Some(snapshot) = snapshot else {
                return Ok(false);
            };
            let mut next = SessionRecord::clone(&base);
            next.snapshot = snapshot.into();
            next.revision += 1;
            // No patch: the template need not be able to show the data in its old form.
            match self.write(turn, base, next, None).await {
                Ok(_) => return Ok(true),
                Err(WriteError::Conflict(same)) => turn = same,
                Err(WriteError::Failed(error)) => return Err(error),
            }
            self.reload().await?;
        }
        Err(self.conflict())
    }

    /// The data in the form that a `T` has now; nothing if that is the form it has.
    fn in_present_form<T: Serialize + DeserializeOwned>(
        &self,
        base: &SessionRecord,
    ) -> Result<Option<Snapshot>, Error> {
        guarded_sync(|| {
            let old = base.snapshot.get();
            let new = old.next(&old.to::<T>()?)?;
            Ok((!new.is_same(&old)).then_some(new))
        })
        .unwrap_or_else(|failure| Err(self.panicked(&failure)))
    }

    /// Ends a session whose data nothing here can work with; the error is for whoever asked for it.
    pub(super) async fn end_outdated(&self, error: &Error) -> Error {
        tracing::error!(
            session = self.id(),
            "the session ends, because its data cannot be read: {error:#}"
        );
        match self.core().end_session(self.id(), SessionEnd::Outdated).await {
            Ok(_) => SessionEnd::Outdated.error(self.id()),
            Err(error) => error,
        }
    }
}
