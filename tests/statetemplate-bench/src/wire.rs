//! The suite `wire`: how many bytes go over the socket.

use std::io::{self, Write};

use serde::Serialize;
use statetemplate_core::testing::Document;
use statetemplate_core::wire::{self, Statics};
use statetemplate_core::{Plan, Snapshot, diff};

use crate::case::Case;
use crate::cli::Outcome;
use crate::servers::{self, Peers};
use crate::{dashboard, tables};

/// What the steps of the workload may take together, and how much once long frames are deflated.
const SUM: (usize, usize) = (25_000, 6_300);
/// What the statics of the dashboard may take, which a browser receives once.
const STATICS: usize = 8_192;
/// What a socket may carry before the first change.
const JOIN: usize = 99;
/// What a text change may take beside its text.
const TEXT: usize = 16;

/// Steps that change one text of the page's own fragment, and nothing else.
const TEXTS: [&str; 3] = ["counter_text", "user_renamed", "title_changed"];

/// Bytes as they are, and as they are sent to a page that inflates: each frame alone, short ones as text.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Bytes {
    raw: usize,
    deflated: usize,
}

impl Bytes {
    fn of(frame: &str) -> Self {
        Bytes {
            raw: frame.len(),
            deflated: wire::deflate(frame).map_or(frame.len(), |bytes| bytes.len()),
        }
    }

    fn add(&mut self, other: Bytes) {
        self.raw += other.raw;
        self.deflated += other.deflated;
    }
}

/// One line of `wire --json`.
#[derive(Serialize)]
struct Line<'a> {
    suite: &'static str,
    case: &'a str,
    /// Of the patch.
    bytes: usize,
    deflated: usize,
    /// Of the statics that went before it, which this browser never receives again.
    statics: usize,
    statics_deflated: usize,
    /// What `bytes` may be, and `deflated`.
    #[serde(skip_serializing_if = "Option::is_none")]
    bar: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deflated_bar: Option<usize>,
}

/// Measures the cases whose name contains `only`; says how many there were.
pub(crate) fn run(only: &str, json: bool) -> Outcome<usize> {
    let mut report = Report {
        json,
        only,
        cases: 0,
        missed: Vec::new(),
    };
    steps(&mut report)?;
    for size in tables::SIZES {
        let (page, first) = tables::first(size)?;
        report.page(&format!("table-{size}-page"), &page.plan, &first.first()?)?;
    }
    for case in tables::changes() {
        if !case.name.contains(only) {
            continue;
        }
        let Case { page, before, after } = (case.make)()?;
        let old = before.first()?;
        let new = after.with(|data| data.next(&old))?;
        let mut view = View::new(&page.plan, &old)?;
        let (patch, statics) = view.update(&old, &new)?;
        report.add(&case.name, patch, statics, None)?;
    }
    report.end()?;
    Ok(report.cases)
}

/// The workload as one page sees it: the join, then each step.
fn steps(report: &mut Report<'_>) -> Outcome {
    let (page, first) = dashboard::first()?;
    let mut old = first.first()?;
    let mut view = View::new(&page.plan, &old)?;
    report.page("dashboard-page", &page.plan, &old)?;
    let join = Bytes::of(&wire::joined(1, None));
    report.add("dashboard-join", join, Bytes::default(), Some((JOIN, JOIN)))?;
    let (mut sum, mut all_statics, mut beside_text) = (Bytes::default(), Bytes::default(), 0);
    for case in dashboard::changes()? {
        let Case { after, .. } = (case.make)()?;
        let new = after.with(|data| data.next(&old))?;
        let (patch, statics) = view.update(&old, &new)?;
        if TEXTS.contains(&&*case.name) {
            beside_text = beside_text.max(patch.raw - longest_text(&view.last));
        }
        sum.add(patch);
        all_statics.add(statics);
        let peers = servers::STEPS.iter().find(|peers| peers.step == case.name);
        let bar = peers.map(Peers::fewest).map(|bytes| (bytes, bytes));
        report.add(&case.name, patch, statics, bar)?;
        old = new;
    }
    report.add("dashboard-sum", sum, Bytes::default(), Some(SUM))?;
    report.add(
        "dashboard-statics",
        all_statics,
        Bytes::default(),
        Some((STATICS, STATICS)),
    )?;
    let beside = Bytes {
        raw: beside_text,
        deflated: beside_text,
    };
    report.add("beside-a-text", beside, Bytes::default(), Some((TEXT, TEXT)))
}

/// How many bytes the longest string of a frame takes, without its quotes.
fn longest_text(frame: &str) -> usize {
    let mut longest = 0;
    let mut start = None;
    let mut escaped = false;
    for (at, byte) in frame.bytes().enumerate() {
        match (start, byte) {
            (Some(from), b'"') if !escaped => {
                longest = longest.max(at - from);
                start = None;
            }
            (None, b'"') => start = Some(at + 1),
            _ => {}
        }
        escaped = byte == b'\\' && !escaped;
    }
    longest
}

/// A page of the reference client, and what the server knows of it.
struct View<'p> {
    plan: &'p Plan,
    document: Document,
    statics: Statics,
    revision: u64,
    /// The last patch.
    last: String,
}

impl<'p> View<'p> {
    fn new(plan: &'p Plan, data: &Snapshot) -> Outcome<Self> {
        Ok(View {
            plan,
            document: Document::parse(&plan.render(data, "")?)?,
            statics: Statics::new(plan, &[]),
            revision: 1,
            last: String::new(),
        })
    }

    /// Sends the page what has changed, as it would be sent, and makes sure that it then shows the fresh page. Gives the
    /// bytes of the patch, and of the statics before it.
    fn update(&mut self, old: &Snapshot, new: &Snapshot) -> Outcome<(Bytes, Bytes)> {
        self.revision += 1;
        let (mut bytes, mut statics) = (Bytes::default(), Bytes::default());
        let patch = diff(self.plan, old, new)?;
        if patch.is_refresh() {
            return Err("the page is sent anew, which is no update".into());
        }
        if patch.is_empty() {
            return Ok((bytes, statics));
        }
        for frame in wire::patch_frames(self.plan, &mut self.statics, self.revision, &patch, None) {
            match wire::deflate(&frame) {
                Some(deflated) => self.document.apply_deflated(&deflated)?,
                None => self.document.apply(&frame)?,
            };
            if frame.starts_with("[\"s\"") {
                statics.add(Bytes::of(&frame));
            } else {
                bytes.add(Bytes::of(&frame));
                self.last = frame;
            }
        }
        if self.document.html() != Document::normalise(&self.plan.render(new, "")?) {
            return Err("the page that was updated is not the page as it is rendered anew".into());
        }
        Ok((bytes, statics))
    }
}

struct Report<'r> {
    json: bool,
    only: &'r str,
    cases: usize,
    missed: Vec<String>,
}

impl Report<'_> {
    /// Adds a page with its marks, which may take a tenth of the bytes that it has without.
    fn page(&mut self, case: &str, plan: &Plan, data: &Snapshot) -> Outcome {
        let page = Bytes::of(&plan.render(data, "")?);
        let plain = Bytes::of(&plan.render_plain(data)?);
        let most = |bytes: usize| bytes * 11 / 10;
        // Deflated, marks that repeat cost next to nothing.
        self.add(
            case,
            page,
            Bytes::default(),
            Some((most(plain.raw), most(plain.deflated))),
        )
    }

    fn add(&mut self, case: &str, bytes: Bytes, statics: Bytes, bar: Option<(usize, usize)>) -> Outcome {
        if !case.contains(self.only) {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        self.cases += 1;
        let is_missed = bar.is_some_and(|(raw, deflated)| bytes.raw > raw || bytes.deflated > deflated);
        if is_missed {
            self.missed.push(case.to_owned());
        }
        if self.json {
            let line = Line {
                suite: "wire",
                case,
                bytes: bytes.raw,
                deflated: bytes.deflated,
                statics: statics.raw,
                statics_deflated: statics.deflated,
                bar: bar.map(|(raw, _)| raw),
                deflated_bar: bar.map(|(_, deflated)| deflated),
            };
            writeln!(out, "{}", serde_json::to_string(&line)?)?;
            return Ok(());
        }
        if self.cases == 1 {
            writeln!(
                out,
                "{:28} {:>8} {:>8} {:>15} {:>6} {:>8} {:>8}",
                "case", "bytes", "deflated", "bar", "", "statics", "deflated"
            )?;
        }
        let bar = match bar {
            Some((raw, deflated)) if raw == deflated => raw.to_string(),
            Some((raw, deflated)) => format!("{raw} / {deflated}"),
            None => "–".to_owned(),
        };
        let verdict = if is_missed { "MISSED" } else { "" };
        writeln!(
            out,
            "{case:28} {:>8} {:>8} {bar:>15} {verdict:>6} {:>8} {:>8}",
            bytes.raw, bytes.deflated, statics.raw, statics.deflated
        )?;
        Ok(())
    }

    fn end(&self) -> Outcome {
        if !self.json && self.cases > 0 {
            let mut out = io::stdout().lock();
            writeln!(
                out,
                "\nbar: of a step what LiveView or dioxus-liveview send at best, bytes and bytes deflated alike; of a page 1.1 times what it has without marks"
            )?;
            if !self.missed.is_empty() {
                writeln!(out, "missed: {}", self.missed.join(", "))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_text_of_a_frame_is_found() {
        assert_eq!(longest_text(r#"[3,{"7":"6"}]"#), 1);
        assert_eq!(longest_text(r#"[3,{"7":"a \"b\\"}]"#), 7);
        assert_eq!(longest_text("[1]"), 0);
    }

    #[test]
    fn each_step_of_the_workload_has_a_bar() {
        let steps: Vec<String> = dashboard::changes()
            .unwrap()
            .into_iter()
            .map(|case| case.name)
            .collect();
        let known: Vec<&str> = servers::STEPS.iter().map(|peers| peers.step).collect();
        assert_eq!(steps, known);
    }
}
