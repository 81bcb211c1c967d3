//! The frames that a server sends.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::value::RawValue;

use crate::fragment::{Change, Changes, ListChange, Run, Tree};
use crate::template::{Fine, FragmentId, Part};
use crate::{Patch, Plan};

/// Which statics one connection's client holds, for one plan.
#[derive(Debug, Default)]
pub struct Statics {
    known: BTreeSet<String>,
    sent: BTreeSet<FragmentId>,
}

impl Statics {
    /// For a client whose join named these hashes.
    #[must_use]
    pub fn new(_plan: &Plan, known: &[String]) -> Self {
        Statics {
            known: known.iter().cloned().collect(),
            sent: BTreeSet::new(),
        }
    }
}

/// Why the server ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndReason {
    /// The session is gone, or was never this browser's.
    SessionExpired,
    /// The application ended the session.
    SessionClosed,
    /// This build of the application cannot read the session's data.
    SessionOutdated,
    /// The client should connect again.
    TryAgain,
}

impl EndReason {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            EndReason::SessionExpired => "session_expired",
            EndReason::SessionClosed => "session_closed",
            EndReason::SessionOutdated => "session_outdated",
            EndReason::TryAgain => "try_again",
        }
    }
}

/// The answer to a join; `session` where the page belongs to another session than the one it named.
#[must_use]
pub fn joined(revision: u64, session: Option<&str>) -> String {
    match session {
        None => format!("[\"j\",{revision}]"),
        Some(session) => format!("[\"j\",{revision},{}]", string(session)),
    }
}

/// The frames that bring a page to `revision`: statics that the client lacks, then the patch, with the answer to the
/// action that caused it. A patch that [is a refresh](Patch::is_refresh) has no frames: send [`refresh`] instead.
#[must_use]
pub fn patch_frames(
    plan: &Plan,
    statics: &mut Statics,
    revision: u64,
    patch: &Patch,
    answer: Option<(u64, Option<&RawValue>)>,
) -> Vec<String> {
    let mut frames = Vec::new();
    let mut body = Encoder {
        out: String::new(),
        used: BTreeSet::new(),
    };
    body.changes(&patch.changes);
    if let Some(fine) = plan.fine() {
        frames.extend(statics_frame(fine, statics, &body.used));
    }
    let mut frame = format!("[{revision},{}", body.out);
    if let Some((number, value)) = answer {
        frame.push_str(&format!(",{number}"));
        if let Some(value) = value {
            frame.push(',');
            frame.push_str(value.get());
        }
    }
    frame.push(']');
    frames.push(frame);
    frames
}

/// The answer to an action that changed nothing on the page.
#[must_use]
pub fn answer(number: u64, value: Option<&RawValue>) -> String {
    match value {
        Some(value) => format!("[\"k\",{number},{}]", value.get()),
        None => format!("[\"k\",{number}]"),
    }
}

/// The failure of an action.
#[must_use]
pub fn error(number: u64, code: &str, text: &str) -> String {
    format!("[\"e\",{number},{},{}]", string(code), string(text))
}

/// An event for the page's scripts.
#[must_use]
pub fn event(name: &str, data: &RawValue) -> String {
    format!("[\"v\",{},{}]", string(name), data.get())
}

/// The whole page anew; `plan` is what the page says at its next join ([`Version::page_plan`](crate::Version::page_plan)).
#[must_use]
pub fn refresh(revision: u64, plan: &str, html: &str) -> String {
    format!("[\"f\",{revision},{},{}]", string(plan), string(html))
}

/// The end of the connection; `milliseconds` is how long to wait before trying again.
#[must_use]
pub fn end(reason: EndReason, milliseconds: u64) -> String {
    format!("[\"x\",{},{milliseconds}]", string(reason.as_str()))
}

/// The answer to a ping.
#[must_use]
pub fn pong() -> String {
    "[\"p\"]".to_owned()
}

/// The statics frame for the fragments used, if the client lacks any.
fn statics_frame(fine: &Fine, statics: &mut Statics, used: &BTreeSet<FragmentId>) -> Option<String> {
    let mut out = String::new();
    for &id in used {
        if !statics.sent.insert(id) {
            continue;
        }
        out.push_str(if out.is_empty() { "[\"s\",{" } else { "," });
        let fragment = &fine.fragments[id];
        out.push_str(&format!("\"{id}\":"));
        if statics.known.contains(&fragment.hash) {
            out.push_str(&string(&fragment.hash));
            continue;
        }
        out.push_str(&format!("[{}", string(&fragment.hash)));
        for part in &fragment.statics {
            out.push(',');
            match part {
                Part::Html(html) => out.push_str(&string(html)),
                Part::Text(hole) => out.push_str(&hole.to_string()),
                Part::Raw(hole) => out.push_str(&format!("[{hole}]")),
                Part::Branch(hole) => out.push_str(&format!("[\"i\",{hole}]")),
                Part::List(hole, item) => out.push_str(&format!("[\"l\",{hole},{item}]")),
            }
        }
        out.push(']');
    }
    if out.is_empty() {
        return None;
    }
    out.push_str("}]");
    Some(out)
}

struct Encoder {
    out: String,
    /// The fragments whose statics the client needs.
    used: BTreeSet<FragmentId>,
}

impl Encoder {
    fn changes(&mut self, changes: &Changes) {
        self.out.push('{');
        for (at, (slot, change)) in changes.iter().enumerate() {
            self.key(at, *slot);
            self.change(change);
        }
        self.out.push('}');
    }

    fn key(&mut self, at: usize, key: usize) {
        if at > 0 {
            self.out.push(',');
        }
        self.out.push('"');
        write_number(key, &mut self.out);
        self.out.push_str("\":");
    }

    fn string(&mut self, text: &str) {
        write_string(text, &mut self.out);
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Text(text) | Change::Attribute(text) => self.string(text),
            Change::Attributes(pairs) => {
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
            Change::Region(html) if html.contains(['<', '&']) => {
                self.out.push('[');
                self.string(html);
                self.out.push(']');
            }
            Change::Region(text) => self.string(text),
            Change::Hide => self.out.push('0'),
            Change::Show(id, values) => self.arm(*id, values),
            Change::Inside(changes) => self.changes(changes),
            Change::List(ListChange::Otherwise(id, values)) => {
                self.used.insert(*id);
                self.out.push_str(&format!("[0,{id},"));
                self.values(values);
                self.out.push(']');
            }
            Change::List(ListChange::InsideOtherwise(changes)) => {
                self.out.push_str("{\"e\":");
                self.changes(changes);
                self.out.push('}');
            }
            Change::List(ListChange::Rows {
                order: None, edits, ..
            }) => self.edits(edits),
            Change::List(ListChange::Rows {
                order: Some(order),
                edits,
                item,
                ..
            }) => {
                self.out.push('[');
                let new_rows = self.order(order);
                if new_rows || !edits.is_empty() {
                    self.out.push(',');
                    self.edits(edits);
                }
                if new_rows {
                    self.used.insert(*item);
                    self.out.push_str(&format!(",{item}"));
                }
                self.out.push(']');
            }
        }
    }

    fn edits(&mut self, edits: &[(usize, Changes)]) {
        self.out.push('{');
        for (at, (row, changes)) in edits.iter().enumerate() {
            self.key(at, *row);
            self.changes(changes);
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
                    write_number(*start, &mut self.out);
                    self.out.push(',');
                    write_number(*count, &mut self.out);
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
        self.used.insert(id);
        self.out.push('[');
        write_number(id, &mut self.out);
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
                Tree::Branch(None) => self.out.push('0'),
                Tree::Branch(Some((id, values))) => self.arm(*id, values),
                Tree::List {
                    otherwise: Some((id, values)),
                    ..
                } => {
                    self.out.push_str("{\"e\":");
                    self.arm(*id, values);
                    self.out.push('}');
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

fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    write_string(text, &mut out);
    out
}

/// Writes a JSON string. The characters that JSON has to escape are few and rare, so what is between them is copied whole.
fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = first_escaped(rest.as_bytes()) {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            byte => {
                let _ = write!(out, "\\u{byte:04x}");
            }
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

/// Where the first byte stands that has to be escaped. Eight bytes are looked at together: of each that is to be found,
/// one of these sums has the highest bit set (<https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord>).
fn first_escaped(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    const HIGHEST: u64 = ONES << 7;
    let holds_less = |word: u64, than: u8| word.wrapping_sub(ONES * u64::from(than)) & !word & HIGHEST;
    let holds = |word: u64, byte: u8| holds_less(word ^ (ONES * u64::from(byte)), 1);
    let (words, _) = bytes.as_chunks::<8>();
    let plain = words.iter().take_while(|word| {
        let word = u64::from_le_bytes(**word);
        holds_less(word, b' ') | holds(word, b'"') | holds(word, b'\\') == 0
    });
    let start = plain.count() * 8;
    let found = bytes[start..].iter().position(|byte| ESCAPED[usize::from(*byte)]);
    found.map(|at| start + at)
}

/// The bytes that a JSON string can't hold as they are.
const ESCAPED: [bool; 256] = {
    let mut escaped = [false; 256];
    let mut byte = 0;
    while byte < b' ' as usize {
        escaped[byte] = true;
        byte += 1;
    }
    escaped[b'"' as usize] = true;
    escaped[b'\\' as usize] = true;
    escaped
};

/// Writes a number, without a string of its own.
fn write_number(number: impl itoa::Integer, out: &mut String) {
    out.push_str(itoa::Buffer::new().format(number));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn strings_are_those_of_serde_json(text in "(\\PC|[\u{0}-\u{7f}]){0,40}") {
            prop_assert_eq!(string(&text), serde_json::to_string(&text).unwrap());
        }
    }
}
