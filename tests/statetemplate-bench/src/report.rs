//! What was measured, as a table for people or as lines of JSON.

use std::io::{self, Write};

use serde::Serialize;

use crate::alloc::Allocated;
use crate::cli::Outcome;

/// What a full render of a page takes, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Renders {
    /// From a value made before: the snapshot's, or minijinja's own, whichever is faster.
    pub(crate) cheapest: f64,
    /// From typed data, of which minijinja makes a value first.
    pub(crate) typed: f64,
}

/// What one case of the suite `updates` takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    update: f64,
    renders: Renders,
    allocated: Allocated,
}

impl Measured {
    /// Of an update (or what stands in its place) in nanoseconds.
    pub(crate) fn new(update: f64, renders: &Renders, allocated: Allocated) -> Self {
        Measured {
            update,
            renders: *renders,
            allocated,
        }
    }

    fn ratio(&self) -> f64 {
        self.update / self.renders.cheapest
    }
}

/// One line of `updates --json`.
#[derive(Serialize)]
struct Line<'a> {
    suite: &'static str,
    case: &'a str,
    update_ns: f64,
    render_ns: f64,
    ratio: f64,
    bytes: u64,
    allocs: u64,
}

/// One line of `sessions --json`.
#[derive(Serialize)]
struct TimeLine<'a> {
    suite: &'a str,
    case: &'a str,
    ns: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    bar_ns: Option<f64>,
}

/// Writes what is measured, case by case.
pub(crate) struct Report {
    json: bool,
    cases: usize,
    bars: usize,
    missed: Vec<String>,
    notes: Vec<String>,
}

impl Report {
    /// For people, or as `json`.
    pub(crate) fn new(json: bool) -> Self {
        Report {
            json,
            cases: 0,
            bars: 0,
            missed: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Whether there was no case.
    pub(crate) fn is_empty(&self) -> bool {
        self.cases == 0
    }

    /// Writes a case, with the ratio that it should not exceed.
    pub(crate) fn add(&mut self, case: &str, bar: Option<f64>, measured: &Measured) -> Outcome {
        let mut out = io::stdout().lock();
        let ratio = measured.ratio();
        let Measured {
            update,
            renders,
            allocated: Allocated { bytes, allocs },
        } = *measured;
        self.cases += 1;
        if self.json {
            let line = Line {
                suite: "updates",
                case,
                update_ns: rounded(update, 1.0),
                render_ns: rounded(renders.cheapest, 1.0),
                ratio: rounded(ratio, 1e5),
                bytes,
                allocs,
            };
            writeln!(out, "{}", serde_json::to_string(&line)?)?;
            return Ok(());
        }
        if self.cases == 1 {
            writeln!(
                out,
                "{:32} {:>11} {:>11} {:>11} {:>8} {:>5} {:>6} {:>10} {:>7}",
                "case", "update µs", "render µs", "from typed", "ratio", "bar", "", "bytes", "allocs"
            )?;
        }
        let (bar_text, verdict) = match bar {
            Some(bar) => (format!("{bar:.2}"), if ratio <= bar { "holds" } else { "MISSED" }),
            None => ("–".to_owned(), ""),
        };
        if let Some(bar) = bar {
            self.bars += 1;
            if ratio > bar {
                self.missed.push(case.to_owned());
            }
        }
        writeln!(
            out,
            "{case:32} {:>11.2} {:>11.2} {:>11.2} {ratio:>8.4} {bar_text:>5} {verdict:>6} {bytes:>10} {allocs:>7}",
            update / 1e3,
            renders.cheapest / 1e3,
            renders.typed / 1e3,
        )?;
        Ok(())
    }

    /// Writes a case of which only the time counts, in nanoseconds, with the time that it should not exceed.
    pub(crate) fn add_time(&mut self, suite: &str, case: &str, bar: Option<f64>, time: f64) -> Outcome {
        let mut out = io::stdout().lock();
        self.cases += 1;
        if self.json {
            let line = TimeLine {
                suite,
                case,
                ns: rounded(time, 1.0),
                bar_ns: bar,
            };
            writeln!(out, "{}", serde_json::to_string(&line)?)?;
            return Ok(());
        }
        if self.cases == 1 {
            writeln!(out, "{:32} {:>11} {:>11}", "case", "µs", "bar µs")?;
        }
        let (bar_text, verdict) = match bar {
            Some(bar) => (
                format!("{:.0}", bar / 1e3),
                if time <= bar { "holds" } else { "MISSED" },
            ),
            None => ("–".to_owned(), ""),
        };
        if let Some(bar) = bar {
            self.bars += 1;
            if time > bar {
                self.missed.push(case.to_owned());
            }
        }
        writeln!(out, "{case:32} {:>11.1} {bar_text:>11} {verdict}", time / 1e3)?;
        Ok(())
    }

    /// Keeps a sentence for below the table.
    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Writes what stands below the table.
    pub(crate) fn end(&mut self) -> Outcome {
        if self.json || self.cases == 0 {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        writeln!(out)?;
        for note in &self.notes {
            writeln!(out, "{note}")?;
        }
        let held = self.bars - self.missed.len();
        writeln!(out, "{held} of {} bars hold", self.bars)?;
        if !self.missed.is_empty() {
            writeln!(out, "missed: {}", self.missed.join(", "))?;
        }
        Ok(())
    }
}

/// To a fraction of `1 / parts`.
fn rounded(number: f64, parts: f64) -> f64 {
    (number * parts).round() / parts
}
