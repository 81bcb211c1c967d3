//! A patch as frames have it: paths to what changes, and the changes.

use std::collections::BTreeSet;

use super::json::{write_number, write_string};
use crate::fragment::{Change, Changes, ListChange, Run, Tree, attributes};
use crate::template::FragmentId;

/// With how many of the rows before it a row is compared, to be written together with one that changes alike.
const COMPARED: usize = 4;

/// Writes a patch, and gives the fragments whose statics the client needs for it.
pub(super) fn write(changes: &Changes, out: &mut String) -> BTreeSet<FragmentId> {
    let mut encoder = Encoder {
        out,
        used: BTreeSet::new(),
    };
    encoder.changes(changes);
    encoder.used
}

/// Rows that change alike.
struct Rows<'c> {
    first: usize,
    others: Vec<usize>,
    changes: &'c Changes,
}

/// Groups edits that are the same. Each is compared with a few groups only, so that many edits cost what they are.
fn alike(edits: &[(usize, Changes)]) -> Vec<Rows<'_>> {
    let mut groups: Vec<Rows<'_>> = Vec::with_capacity(edits.len());
    for (row, changes) in edits {
        let last = groups.iter_mut().rev().take(COMPARED);
        match last.into_iter().find(|group| group.changes == changes) {
            Some(group) => group.others.push(*row),
            None => groups.push(Rows {
                first: *row,
                others: Vec::new(),
                changes,
            }),
        }
    }
    groups
}

struct Encoder<'o> {
    out: &'o mut String,
    used: BTreeSet<FragmentId>,
}

impl Encoder<'_> {
    fn changes(&mut self, changes: &Changes) {
        self.out.push('{');
        for (at, (slot, change)) in changes.iter().enumerate() {
            self.begin_key(at);
            write_number(*slot, self.out);
            self.change(change);
        }
        self.out.push('}');
    }

    fn begin_key(&mut self, at: usize) {
        self.out.push_str(if at > 0 { ",\"" } else { "\"" });
    }

    fn end_key(&mut self) {
        self.out.push_str("\":");
    }

    fn string(&mut self, text: &str) {
        write_string(text, self.out);
    }

    /// Goes on with a key: steps that have no siblings belong to it. Then writes the change at its end.
    fn change(&mut self, change: &Change) {
        match change {
            Change::Inside(changes) => return self.inside(changes),
            Change::List(ListChange::InsideOtherwise(changes)) => {
                self.out.push_str(".e");
                return self.inside(changes);
            }
            Change::List(ListChange::Rows {
                order: None, edits, ..
            }) => {
                let groups = alike(edits);
                if let [group] = groups.as_slice() {
                    self.out.push('.');
                    return self.row_edit(group);
                }
                self.end_key();
                return self.edits(&groups);
            }
            _ => self.end_key(),
        }
        match change {
            Change::Text { text, around } => self.text(text, *around),
            Change::Attribute(text) => self.string(text),
            Change::Attributes(pairs) => self.attributes(pairs),
            Change::Region(html) if html.contains(['<', '&']) => {
                self.out.push('[');
                self.string(html);
                self.out.push(']');
            }
            Change::Region(text) => self.string(text),
            Change::Hide => self.out.push('0'),
            Change::Show(id, values) => self.arm(*id, values),
            Change::List(ListChange::Otherwise(id, values)) => self.otherwise(*id, values),
            Change::List(ListChange::Rows {
                order, edits, item, ..
            }) => {
                self.out.push('[');
                let new_rows = self.order(order.as_deref().unwrap_or_default());
                if new_rows || !edits.is_empty() {
                    self.out.push(',');
                    self.edits(&alike(edits));
                }
                if new_rows {
                    self.used.insert(*item);
                    self.out.push(',');
                    write_number(*item, self.out);
                }
                self.out.push(']');
            }
            // These went on with the key.
            Change::Inside(_) | Change::List(ListChange::InsideOtherwise(_)) => {}
        }
    }

    fn inside(&mut self, changes: &Changes) {
        if let [(slot, change)] = changes.as_slice() {
            self.out.push('.');
            write_number(*slot, self.out);
            self.change(change);
        } else {
            self.end_key();
            self.changes(changes);
        }
    }

    fn edits(&mut self, groups: &[Rows<'_>]) {
        self.out.push('{');
        for (at, group) in groups.iter().enumerate() {
            self.begin_key(at);
            self.row_edit(group);
        }
        self.out.push('}');
    }

    fn row_edit(&mut self, group: &Rows<'_>) {
        let mut rows = std::iter::once(group.first)
            .chain(group.others.iter().copied())
            .peekable();
        while let Some(first) = rows.next() {
            let mut last = first;
            while rows.next_if_eq(&(last + 1)).is_some() {
                last += 1;
            }
            write_number(first, self.out);
            if last > first {
                self.out.push('-');
                write_number(last, self.out);
            }
            if rows.peek().is_some() {
                self.out.push(',');
            }
        }
        self.inside(group.changes);
    }

    /// Leaves the white space `around` a text out where that is shorter: the node on the page has it.
    fn text(&mut self, text: &str, around: (usize, usize)) {
        let (before, after) = around;
        // The brackets are two bytes, as is one line end between quotes.
        if before + after > 2 {
            self.out.push('[');
            self.string(&text[before..text.len() - after]);
            self.out.push(']');
        } else {
            self.string(text);
        }
    }

    fn attributes(&mut self, pairs: &[(String, Option<String>)]) {
        self.out.push('{');
        for (at, (name, value)) in pairs.iter().enumerate() {
            if at > 0 {
                self.out.push(',');
            }
            self.string(name);
            self.out.push(':');
            match value {
                Some(value) => self.string(value),
                None => self.out.push_str("null"),
            }
        }
        self.out.push('}');
    }

    /// Writes an order, and says whether it has new rows.
    fn order(&mut self, order: &[Run]) -> bool {
        let mut new_rows = false;
        self.out.push('[');
        for (at, run) in order.iter().enumerate() {
            if at > 0 {
                self.out.push(',');
            }
            match run {
                Run::Keep { start, count } => {
                    write_number(*start, self.out);
                    self.out.push(',');
                    write_number(*count, self.out);
                }
                Run::New(values) => {
                    new_rows = true;
                    self.values(values);
                }
            }
        }
        self.out.push(']');
        new_rows
    }

    fn arm(&mut self, id: FragmentId, values: &[Tree]) {
        self.out.push('[');
        self.rest_of_arm(id, values);
    }

    /// What a list shows instead of rows.
    fn otherwise(&mut self, id: FragmentId, values: &[Tree]) {
        self.out.push_str("[0,");
        self.rest_of_arm(id, values);
    }

    fn rest_of_arm(&mut self, id: FragmentId, values: &[Tree]) {
        self.used.insert(id);
        write_number(id, self.out);
        self.out.push(',');
        self.values(values);
        self.out.push(']');
    }

    fn values(&mut self, values: &[Tree]) {
        self.out.push('[');
        for (at, tree) in values.iter().enumerate() {
            if at > 0 {
                self.out.push(',');
            }
            match tree {
                Tree::Text(text) | Tree::Raw(text) => self.string(text),
                Tree::Tag { html, foreign } => {
                    let pairs = attributes(html, *foreign).into_iter();
                    let pairs: Vec<_> = pairs.map(|(name, value)| (name, Some(value))).collect();
                    self.attributes(&pairs);
                }
                Tree::Branch(None) => self.out.push('0'),
                Tree::Branch(Some((id, values))) => self.arm(*id, values),
                Tree::List {
                    otherwise: Some((id, values)),
                    ..
                } => {
                    self.otherwise(*id, values);
                }
                Tree::List { rows, item, .. } => {
                    if !rows.is_empty() {
                        self.used.insert(*item);
                    }
                    self.out.push('[');
                    for (at, row) in rows.iter().enumerate() {
                        if at > 0 {
                            self.out.push(',');
                        }
                        self.values(row);
                    }
                    self.out.push(']');
                }
            }
        }
        self.out.push(']');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(changes: Changes) -> String {
        let mut out = String::new();
        assert!(write(&changes, &mut out).is_empty());
        out
    }

    fn text(text: &str, around: (usize, usize)) -> Change {
        Change::Text {
            text: text.to_owned(),
            around,
        }
    }

    fn rows(edits: Vec<(usize, Changes)>) -> Change {
        Change::List(ListChange::Rows {
            order: None,
            before: 20,
            edits,
            item: 1,
        })
    }

    #[test]
    fn steps_without_siblings_are_one_key() {
        let inner = Change::Inside(vec![(4, text("x", (0, 0)))]);
        assert_eq!(
            written(vec![(
                3,
                Change::Inside(vec![(0, rows(vec![(7, vec![(2, inner)])]))])
            )]),
            r#"{"3.0.7.2.4":"x"}"#
        );
        let two = vec![(0, text("x", (0, 0))), (1, Change::Hide)];
        assert_eq!(
            written(vec![(3, Change::Inside(two))]),
            r#"{"3":{"0":"x","1":0}}"#
        );
        let otherwise = ListChange::InsideOtherwise(vec![(1, text("x", (0, 0)))]);
        assert_eq!(written(vec![(5, Change::List(otherwise))]), r#"{"5.e.1":"x"}"#);
    }

    #[test]
    fn rows_that_change_alike_are_named_together() {
        let hide = || vec![(0, Change::Hide)];
        let edits = [0, 1, 2, 5, 7, 8].map(|row| (row, hide())).into();
        assert_eq!(written(vec![(3, rows(edits))]), r#"{"3.0-2,5,7-8.0":0}"#);
        let show = || vec![(0, text("x", (0, 0)))];
        let edits = vec![(0, hide()), (1, show()), (2, hide()), (3, show()), (9, hide())];
        assert_eq!(
            written(vec![(3, rows(edits))]),
            r#"{"3":{"0,2,9.0":0,"1,3.0":"x"}}"#
        );
    }

    #[test]
    fn white_space_that_stays_is_left_out_where_that_is_shorter() {
        let texts = vec![
            (0, text("\n  a \n", (3, 2))),
            (1, text("a  ", (0, 2))),
            (2, text("   ", (0, 3))),
        ];
        assert_eq!(written(texts), r#"{"0":["a"],"1":"a  ","2":[""]}"#);
    }
}
