//! The suite `peers`: DOM work in Chromium, beside other clients and a patch written by hand.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use statetemplate_core::wire::{self, Statics};
use statetemplate_core::{Plan, Snapshot, diff};

use crate::case::Case;
use crate::cli::Outcome;
use crate::{dashboard, tables};

/// Rows beyond this take morph libraries seconds.
const SIZES: [&str; 2] = ["table-100-", "table-1000-"];
/// How many times the floor a case may take, or how many milliseconds more.
const CASE: (f64, f64) = (2.0, 0.1);
/// How many times the floor all cases may take, as their geometric mean.
const MEAN: f64 = 1.5;

/// What the page in the browser needs of a case.
#[derive(Serialize)]
struct Test {
    name: String,
    plan: String,
    /// The page before, with marks and without.
    annotated: String,
    before: String,
    after: String,
    statics: Vec<String>,
    patch: String,
    /// The patch from after to before.
    back: String,
}

/// What it gives.
#[derive(Deserialize)]
struct Timed {
    case: String,
    client: String,
    ms: f64,
}

/// One line of `peers --json`.
#[derive(Serialize)]
struct Line<'a> {
    suite: &'static str,
    case: &'a str,
    floor_ms: f64,
    ratio: f64,
    /// By client; `statetemplate` is this project's.
    ms: &'a BTreeMap<String, f64>,
}

/// Measures the cases whose name contains `only`; says how many there were.
pub(crate) fn run(only: &str, repeats: u32, json: bool) -> Outcome<usize> {
    let mut cases = dashboard::changes()?;
    let tables = tables::changes().into_iter();
    cases.extend(tables.filter(|case| SIZES.iter().any(|size| case.name.starts_with(size))));
    let mut tests = Vec::new();
    for case in cases {
        if case.name.contains(only)
            && let Some(test) = test(&case.name, (case.make)()?)?
        {
            tests.push(test);
        }
    }
    if tests.is_empty() {
        return Ok(0);
    }
    let times = in_chromium(&tests, repeats)?;
    report(&times, json)?;
    Ok(times.len())
}

/// `None` when nothing changes on the page.
fn test(name: &str, case: Case) -> Outcome<Option<Test>> {
    let Case { page, before, after } = case;
    let plan = &page.plan;
    let old = before.first()?;
    let new = after.with(|data| data.next(&old))?;
    let mut statics = Statics::new(plan, &[]);
    let Some((mut sent, patch)) = frames(plan, &mut statics, (&old, &new), 2)? else {
        return Ok(None);
    };
    let (more, back) = frames(plan, &mut statics, (&new, &old), 3)?.ok_or("the way back changes nothing")?;
    sent.extend(more);
    Ok(Some(Test {
        name: name.to_owned(),
        plan: plan.hash().to_owned(),
        annotated: plan.render(&old, "")?,
        before: plan.render_plain(&old)?,
        after: plan.render_plain(&new)?,
        statics: sent,
        patch,
        back,
    }))
}

/// The statics that a change needs, and its patch.
fn frames(
    plan: &Plan,
    statics: &mut Statics,
    (old, new): (&Snapshot, &Snapshot),
    revision: u64,
) -> Outcome<Option<(Vec<String>, String)>> {
    let patch = diff(plan, old, new)?;
    if patch.is_empty() {
        return Ok(None);
    }
    let mut frames = wire::patch_frames(plan, statics, revision, &patch, None);
    let patch = frames.pop().ok_or("a patch is a frame")?;
    Ok(Some((frames, patch)))
}

/// The milliseconds that each client takes, by case in their order.
fn in_chromium(tests: &[Test], repeats: u32) -> Outcome<Vec<(String, BTreeMap<String, f64>)>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../client-js/bench/run.mjs");
    let mut node = Command::new("node")
        .arg(script)
        .arg(repeats.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("node cannot be started, which this suite needs: {error}"))?;
    let mut input = node.stdin.take().ok_or("node has an input")?;
    input.write_all(&serde_json::to_vec(tests)?)?;
    drop(input);
    let output = BufReader::new(node.stdout.take().ok_or("node has an output")?);
    let mut times: Vec<(String, BTreeMap<String, f64>)> = Vec::new();
    for line in output.lines() {
        let Timed { case, client, ms } = serde_json::from_str(&line?)?;
        match times.last_mut() {
            Some((last, of)) if *last == case => drop(of.insert(client, ms)),
            _ => times.push((case, BTreeMap::from([(client, ms)]))),
        }
    }
    if node.wait()?.success() {
        Ok(times)
    } else {
        Err("the benchmark's page failed (run `npm ci` in client-js first)".into())
    }
}

fn report(times: &[(String, BTreeMap<String, f64>)], json: bool) -> Outcome {
    let mut out = io::stdout().lock();
    let (mut logs, mut missed) = (0.0, Vec::new());
    for (at, (case, ms)) in times.iter().enumerate() {
        let time = |client: &str| ms.get(client).copied().ok_or("a client was not measured");
        let (floor, own) = (time("floor")?, time("statetemplate")?);
        // The clock has steps of 5 µs.
        let ratio = own.max(0.005) / floor.max(0.005);
        logs += ratio.ln();
        let is_missed = ratio > CASE.0 && own > floor + CASE.1;
        if is_missed {
            missed.push(case.as_str());
        }
        if json {
            let line = Line {
                suite: "peers",
                case,
                floor_ms: floor,
                ratio: (ratio * 1000.0).round() / 1000.0,
                ms,
            };
            writeln!(out, "{}", serde_json::to_string(&line)?)?;
            continue;
        }
        if at == 0 {
            writeln!(
                out,
                "{:28} {:>9} {:>13} {:>7} {:>7} {:>10} {:>10} {:>10}",
                "case, ms", "floor", "statetemplate", "ratio", "", "innerHTML", "morphdom", "idiomorph"
            )?;
        }
        let verdict = if is_missed { "MISSED" } else { "" };
        writeln!(
            out,
            "{case:28} {floor:>9.3} {own:>13.3} {ratio:>7.2} {verdict:>7} {:>10.3} {:>10.3} {:>10.3}",
            time("innerHTML")?,
            time("morphdom")?,
            time("idiomorph")?
        )?;
    }
    let mean = (logs / times.len() as f64).exp();
    if !json {
        let verdict = |holds: bool| if holds { "holds" } else { "MISSED" };
        writeln!(
            out,
            "\ngeometric mean of the ratios: {mean:.2} (bar {MEAN}: {}); {} of {} cases hold theirs, {} times the floor or +{} ms",
            verdict(mean <= MEAN),
            times.len() - missed.len(),
            times.len(),
            CASE.0,
            CASE.1
        )?;
        if !missed.is_empty() {
            writeln!(out, "missed: {}", missed.join(", "))?;
        }
    }
    Ok(())
}
