//! The frames that a server sends.

use std::collections::BTreeSet;

use serde_json::value::RawValue;

use super::json::{string, write_number};
use super::{patch, template};
use crate::template::text::Place;
use crate::template::{Fill, Fine, FragmentId, Piece};
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
    let mut frame = format!("[{revision},");
    let used = patch::write(&patch.changes, &mut frame);
    if let Some(fine) = plan.fine() {
        frames.extend(statics_frame(fine, statics, &used));
    }
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
        out.push(',');
        out.push_str(&string(&template::html(&fragment.html.concat())));
        for fill in fragment.fills() {
            out.push(',');
            match fill {
                Fill::Text {
                    pieces,
                    drops_newline,
                    place,
                } => {
                    let first = if drops_newline { FIRST } else { 0 };
                    let other = if place == Place::Other { REPLACED } else { 0 };
                    write_pieces(first + other, pieces, &mut out);
                }
                Fill::Attribute(pieces) => write_pieces(0, pieces, &mut out),
                Fill::Hole(hole) => write_number(hole, &mut out),
                Fill::List(hole, item) => out.push_str(&format!("[{hole},{item}]")),
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

/// Of a text's place: the HTML parser drops a line feed that the text begins with.
const FIRST: i8 = -1;
/// Of a text's place: the HTML parser replaces NUL, which it drops elsewhere.
const REPLACED: i8 = -2;

/// What fills a text or an attribute; `place` is 0 where the HTML parser does nothing special.
fn write_pieces(place: i8, pieces: &[Piece], out: &mut String) {
    if let ([Piece::Hole(hole)], 0) = (pieces, place) {
        return write_number(*hole, out);
    }
    let place = (place < 0).then(|| place.to_string());
    let parts = pieces.iter().map(|piece| match piece {
        Piece::Static { text, .. } => string(text),
        Piece::Hole(hole) => hole.to_string(),
    });
    let parts: Vec<String> = place.into_iter().chain(parts).collect();
    out.push_str(&format!("[{}]", parts.join(",")));
}
