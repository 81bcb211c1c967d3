//! From two snapshots and a plan to the changes of the page.

mod align;
mod change;
mod compare;
mod counter;
mod instances;
mod items;
mod list;
mod print;
mod reading;
mod row;
mod values;

use crate::template::FragmentId;
use crate::{Error, Plan, Snapshot};

pub(crate) use align::longest_increasing;
pub(crate) use change::attributes;
pub(crate) use compare::Stop;
pub(crate) use values::{Tree, join, read};

/// What must change on a page: the result of [`diff`], which [`wire`](crate::wire) encodes.
#[derive(Debug, Default)]
pub struct Patch {
    pub(crate) changes: Changes,
    /// Set when the page can only be sent anew.
    pub(crate) refresh: bool,
}

/// The changes of one instance, by slot number.
pub(crate) type Changes = Vec<(usize, Change)>;

#[derive(Debug, PartialEq)]
pub(crate) enum Change {
    /// The new text of a text node.
    Text {
        text: String,
        /// How many bytes of white space at its start and at its end the node shows already.
        around: (usize, usize),
    },
    /// The new value of an attribute.
    Attribute(String),
    /// Attributes to set, or to remove.
    Attributes(Vec<(String, Option<String>)>),
    /// The new content of a region.
    Region(String),
    /// The branch shows nothing.
    Hide,
    /// The branch shows another fragment.
    Show(FragmentId, Vec<Tree>),
    /// The branch shows what it showed, changed.
    Inside(Changes),
    List(ListChange),
}

#[derive(Debug, PartialEq)]
pub(crate) enum ListChange {
    Rows {
        /// The new order; `None` when rows stay where they are.
        order: Option<Vec<Run>>,
        /// How many rows there were.
        before: usize,
        /// Changes of rows, by new position.
        edits: Vec<(usize, Changes)>,
        item: FragmentId,
    },
    /// No rows; the `else` fragment comes in.
    Otherwise(FragmentId, Vec<Tree>),
    /// The `else` fragment stays, changed.
    InsideOtherwise(Changes),
}

/// A stretch of a list's new order.
#[derive(Debug, PartialEq)]
pub(crate) enum Run {
    /// `count` rows from old position `start` on; backwards when negative.
    Keep { start: usize, count: i64 },
    /// A new row.
    New(Vec<Tree>),
}

impl Patch {
    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && !self.refresh
    }

    /// How many operations the patch consists of: a text, an attribute, a branch, an insertion, a removal or a move of
    /// a row is one each; any other rearrangement of a list is one as a whole.
    #[must_use]
    pub fn len(&self) -> usize {
        self.operations().len()
    }

    /// Whether the page has to be sent anew: the template can't be followed, or printed HTML where text was expected.
    #[must_use]
    pub fn is_refresh(&self) -> bool {
        self.refresh
    }

    /// The operations in words, one each, in the order in which they are applied.
    #[must_use]
    pub fn operations(&self) -> Vec<String> {
        let mut out = Vec::new();
        if self.refresh {
            out.push("refresh".to_owned());
        }
        describe(&self.changes, "", &mut out);
        out
    }
}

/// Finds what changes on the page of `plan` when its data goes from `old` to `new`.
///
/// Pure: it keeps nothing between calls. What the two snapshots share is recognised by pointer, so `new` should come
/// from [`Snapshot::next`] of `old`, or of one that it shares with.
///
/// # Errors
/// [`ErrorKind::Template`](crate::ErrorKind::Template) when the template fails on the new data.
pub fn diff(plan: &Plan, old: &Snapshot, new: &Snapshot) -> Result<Patch, Error> {
    if old.is_same(new) {
        return Ok(Patch::default());
    }
    let Some(fine) = plan.fine() else {
        // The page must be known to render before anything is committed.
        let page = plan.render_plain(new)?;
        let changed = plan.is_impure_whole() || page != plan.render_plain(old)?;
        return Ok(Patch {
            changes: Vec::new(),
            refresh: changed,
        });
    };
    match compare::page(plan, fine, old, new) {
        Ok(changes) => Ok(Patch {
            changes,
            refresh: false,
        }),
        Err(Stop::Markup | Stop::Forgotten) => {
            plan.render(new, "")?;
            Ok(Patch {
                changes: Vec::new(),
                refresh: true,
            })
        }
        Err(Stop::Failed(error)) => Err(plan.explain_error(error, new)),
    }
}

fn describe(changes: &Changes, at: &str, out: &mut Vec<String>) {
    for (slot, change) in changes {
        let at = if at.is_empty() {
            slot.to_string()
        } else {
            format!("{at}.{slot}")
        };
        match change {
            Change::Text { text, .. } => out.push(format!("{at} text {text:?}")),
            Change::Attribute(value) => out.push(format!("{at} attribute {value:?}")),
            Change::Attributes(pairs) => {
                let pairs: Vec<String> = pairs
                    .iter()
                    .map(|(name, value)| match value {
                        Some(value) => format!("{name}={value:?}"),
                        None => format!("-{name}"),
                    })
                    .collect();
                out.push(format!("{at} attributes {}", pairs.join(" ")));
            }
            Change::Region(html) => out.push(format!("{at} region {html:?}")),
            Change::Hide => out.push(format!("{at} hide")),
            Change::Show(fragment, _) => out.push(format!("{at} show {fragment}")),
            Change::Inside(inside) => describe(inside, &at, out),
            Change::List(ListChange::Otherwise(..)) => out.push(format!("{at} clear, else")),
            Change::List(ListChange::InsideOtherwise(inside)) => describe(inside, &format!("{at}.else"), out),
            Change::List(ListChange::Rows {
                order, before, edits, ..
            }) => {
                if let Some(order) = order {
                    describe_order(order, *before, &at, out);
                }
                for (row, inside) in edits {
                    describe(inside, &format!("{at}[{row}]"), out);
                }
            }
        }
    }
}

fn describe_order(order: &[Run], before: usize, at: &str, out: &mut Vec<String>) {
    let mut rows: Vec<Option<usize>> = Vec::new();
    for run in order {
        match run {
            Run::New(_) => rows.push(None),
            Run::Keep { start, count } => {
                let steps = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
                rows.extend(
                    (0..steps).map(|step| Some(if *count < 0 { start - step } else { start + step })),
                );
            }
        }
    }
    if rows.is_empty() {
        out.push(format!("{at} clear {before}"));
        return;
    }
    for (row, _) in rows.iter().enumerate().filter(|(_, old)| old.is_none()) {
        out.push(format!("{at} insert {row}"));
    }
    let mut kept = vec![false; before];
    let old: Vec<usize> = rows.iter().flatten().copied().collect();
    old.iter().for_each(|&row| kept[row] = true);
    let removed: Vec<usize> = kept
        .iter()
        .enumerate()
        .filter(|(_, kept)| !**kept)
        .map(|(row, _)| row)
        .collect();
    if removed.len() > 8 {
        out.push(format!("{at} remove {} rows", removed.len()));
    } else {
        removed
            .iter()
            .for_each(|row| out.push(format!("{at} remove {row}")));
    }
    let still = longest_increasing(&old);
    let moved = old.len() - still.len();
    if moved > 4 {
        out.push(format!("{at} order {moved} rows"));
    } else {
        let still: std::collections::BTreeSet<usize> = still.into_iter().collect();
        for (position, row) in rows.iter().enumerate() {
            if let Some(row) = row
                && !still.contains(row)
            {
                out.push(format!("{at} move {row} to {position}"));
            }
        }
    }
}
