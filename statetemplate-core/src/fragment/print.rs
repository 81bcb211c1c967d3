//! Renders a page, and prints those lists of it that are read from the data: to the byte as minijinja would, without a program.

use std::sync::Arc;

use minijinja::Value;

use super::list::in_place;
use super::row::RowPlace;
use crate::template::{Fine, Found, FragmentId, List, Lookup, LoopId, Print, PrintsLists, SlotKind, print};
use crate::{Error, PathStep, Plan, Snapshot};

impl Plan {
    /// Renders the page with the marks that its client needs; `head` is HTML for the end of the page's head
    /// (the client's script element), or `""`.
    ///
    /// # Errors
    /// [`ErrorKind::Template`](crate::ErrorKind::Template) when the template fails on this data: the error that minijinja gives for it.
    pub fn render(&self, data: &Snapshot, head: &str) -> Result<String, Error> {
        self.render_with(data, head, |fine| {
            Arc::new(PageLists {
                fine: fine.clone(),
                data: data.clone(),
            })
        })
    }
}

/// Prints the lists of one page.
#[derive(Debug)]
struct PageLists {
    fine: Arc<Fine>,
    data: Snapshot,
}

impl PrintsLists for PageLists {
    fn print(&self, list: LoopId) -> Option<String> {
        let (fragment, slot) = self.fine.printed.get(&list)?;
        let SlotKind::List(list) = &self.fine.fragments[*fragment].slots[*slot].kind else {
            return None;
        };
        let mut out = String::new();
        self.list(list, &PagePlace(&self.data), &mut out)?;
        Some(out)
    }
}

impl PageLists {
    fn list(&self, list: &List, lookup: &dyn Lookup, out: &mut String) -> Option<()> {
        let items = in_place(list, lookup)?;
        for row in 0..items.len() {
            let start = out.len();
            let place = RowPlace {
                list,
                items: &items,
                row,
                around: lookup,
            };
            self.fragment(list.item, &place, out)?;
            if row == 0 {
                // The others are about as long.
                out.reserve(
                    (out.len() - start + 16)
                        .saturating_mul(items.len() - 1)
                        .min(MOST_RESERVED),
                );
            }
        }
        match list.otherwise.filter(|_| items.len() == 0) {
            Some(otherwise) => self.fragment(otherwise, lookup, out),
            None => Some(()),
        }
    }

    fn fragment(&self, id: FragmentId, lookup: &dyn Lookup, out: &mut String) -> Option<()> {
        let fragment = &self.fine.fragments[id];
        for step in fragment.printing.as_ref()? {
            match step {
                Print::Html(html) => out.push_str(html),
                Print::Hole(hole) => print(fragment.holes[*hole].reading.as_deref()?, lookup, out)?,
                Print::Slot(slot) => {
                    let slot = &fragment.slots[*slot];
                    match &slot.kind {
                        SlotKind::List(list) => self.list(list, lookup, out)?,
                        _ => {
                            if let Some(arm) = slot.choice.as_ref()?.choose(lookup)? {
                                self.fragment(arm, lookup, out)?;
                            }
                        }
                    }
                }
            }
        }
        Some(())
    }
}

/// How much memory the first row of a list may ask for on behalf of the others, in bytes.
const MOST_RESERVED: usize = 1 << 20;

/// The page's data, outside of all lists.
struct PagePlace<'p>(&'p Snapshot);

impl Lookup for PagePlace<'_> {
    fn data(&self, path: &[PathStep]) -> Option<Found<'_>> {
        self.0.view().at(path).map(Found::Data)
    }

    fn item(&self, _id: LoopId, _path: &[PathStep]) -> Option<Found<'_>> {
        None
    }

    fn counter(&self, _id: LoopId, _attribute: &str) -> Option<Value> {
        None
    }
}
