//! Stand-in for the diff.

use crate::{Error, Plan, Snapshot};

/// Stand-in.
#[derive(Debug)]
pub struct Patch(Option<String>);

impl Patch {
    /// Stand-in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Stand-in.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.0.is_some())
    }
}

/// Stand-in.
pub fn diff(plan: &Plan, old: &Snapshot, new: &Snapshot) -> Result<Patch, Error> {
    let (old, new) = (plan.render(old, "")?, plan.render(new, "")?);
    Ok(Patch((old != new).then_some(new)))
}
