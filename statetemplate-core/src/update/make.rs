//! Makes updates from a patch.

use super::draft::{Draft, Made};
use super::walk::{Instance, Maker, styles_change};
use super::{OptimizationLevel, Update, UpdateAction, UpdateKind, WHOLE_PAGE};
use crate::fragment::{Stop, Tree, read};
use crate::store::Timestamp;
use crate::template::{Fine, PAGE, Root};
use crate::{Error, Patch, Plan, Snapshot};

impl Update {
    /// Puts a patch into words that any transport can carry: the updates that bring a page of `plan` from `old` to `new`,
    /// in order. `patch` is the [`diff`](crate::diff) of the two.
    ///
    /// `sequence` is the last number that was used; it is moved on. An empty patch gives one update of the kind
    /// [`UpdateKind::NoOp`]. A patch that [is a refresh](Patch::is_refresh), and any patch of a page that prints HTML where
    /// text is expected, gives the whole page.
    ///
    /// This evaluates the page's values once, and a second time for differences of classes and styles, because hashes and
    /// savings need the fragments as a whole. The wire's own frames ([`wire`](crate::wire)) cost less.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Template`](crate::ErrorKind::Template) when the template fails on one of the two.
    pub fn from_patch(
        plan: &Plan,
        patch: &Patch,
        old: &Snapshot,
        new: &Snapshot,
        level: OptimizationLevel,
        sequence: &mut u64,
    ) -> Result<Vec<Update>, Error> {
        let mut made = Made {
            sequence,
            at: Timestamp::now(),
            updates: Vec::new(),
        };
        if patch.is_empty() {
            let page = plan.render(new, "")?;
            let draft = Draft {
                kind: UpdateKind::NoOp,
                ..Draft::new(WHOLE_PAGE, UpdateAction::Replace)
            };
            made.push(draft, &page);
            return Ok(made.updates);
        }
        let fine = plan.fine().filter(|_| !patch.refresh);
        let values = match fine {
            Some(fine) => page_values(plan, fine, new)?.map(|values| (fine, values)),
            None => None,
        };
        let Some((fine, values)) = values else {
            let page = plan.render(new, "")?;
            made.push(Draft::full(WHOLE_PAGE, page.clone()), &page);
            return Ok(made.updates);
        };
        let needs_old =
            level >= OptimizationLevel::Maximal && styles_change(fine, PAGE, &patch.changes, &values);
        let before = if needs_old {
            page_values(plan, fine, old)?
        } else {
            None
        };
        let mut maker = Maker { fine, level, made };
        let page = Instance {
            fragment: PAGE,
            address: String::new(),
            values: &values,
            before: before.as_deref(),
        };
        maker.instance(&page, &patch.changes);
        Ok(maker.made.updates)
    }
}

/// All values of the page; `None` when it prints HTML where text is expected.
pub(super) fn page_values(plan: &Plan, fine: &Fine, data: &Snapshot) -> Result<Option<Vec<Tree>>, Error> {
    let program = &fine.fragments[PAGE].values;
    let values = program
        .render(plan.env(), Root::new(data).value())
        .map_err(Stop::from)
        .and_then(|printed| read(fine, PAGE, printed, 1));
    match values {
        Ok(mut values) => Ok(values.pop()),
        Err(Stop::Markup | Stop::Forgotten) => Ok(None),
        Err(Stop::Failed(error)) => Err(plan.explain_error(error, data)),
    }
}
