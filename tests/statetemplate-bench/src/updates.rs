//! The suite `updates`: from typed data to the encoded frame, beside a full render.

use minijinja::Value;
use statetemplate_core::testing::Document;
use statetemplate_core::wire::{self, Statics};
use statetemplate_core::{Plan, Snapshot, diff};

use crate::alloc;
use crate::case::{After, Case, Data, Page};
use crate::cli::Outcome;
use crate::measure::{Batch, Effort, batch, batch_with, in_turns};
use crate::report::{Measured, Renders, Report};
use crate::{dashboard, tables};

/// What a first render may cost of plain minijinja's.
const FIRST_RENDER: f64 = 1.15;

const CHECKED: &str = "the check before has done the same without an error";

/// Measures the case of the name `only`, or all cases whose name contains it.
pub(crate) fn run(only: &str, effort: Effort, report: &mut Report) -> Outcome {
    let mut cases = dashboard::cases()?;
    cases.extend(tables::cases());
    let whole = cases.iter().any(|case| case.name == only);
    cases.retain(|case| {
        if whole {
            case.name == only
        } else {
            case.name.contains(only)
        }
    });
    for case in cases {
        let name = &case.name;
        let made = (case.make)().map_err(|error| format!("{name}: {error}"))?;
        let measured = measure(&made, effort).map_err(|error| format!("{name}: {error}"))?;
        report.add(name, case.bar, &measured)?;
    }
    first("dashboard", only, effort, report, dashboard::first)?;
    for size in tables::SIZES {
        first(&format!("table-{size}"), only, effort, report, || {
            tables::first(size)
        })?;
    }
    report.end()
}

/// One update, as a session makes it: the snapshot, the comparison, the frames.
///
/// Never inlined, so that profilers show it by name.
#[inline(never)]
fn update(
    plan: &Plan,
    statics: &mut Statics,
    old: &Snapshot,
    data: &dyn Data,
) -> Result<(Snapshot, Vec<String>), statetemplate_core::Error> {
    let new = data.next(old)?;
    let patch = diff(plan, old, &new)?;
    let frames = if patch.is_empty() {
        Vec::new()
    } else {
        wire::patch_frames(plan, statics, 2, &patch, None)
    };
    Ok((new, frames))
}

fn measure(case: &Case, effort: Effort) -> Outcome<Measured> {
    let Case { page, before, after } = case;
    let plan = &page.plan;
    let old = before.first()?;
    let (new, mut statics) = after.with(|data| check(plan, &old, data))?;
    let mut run = |data: &dyn Data| update(plan, &mut statics, &old, data).expect(CHECKED);
    let mut updates = |runs: u32| match after {
        After::Same(data) => batch(runs, || run(&**data)),
        After::Anew(make) => batch_with(runs, make, |data| run(&**data)),
    };
    let (times, renders) =
        after.with(|data| beside_renders(effort, page, &new, data, vec![Box::new(&mut updates)]));
    let allocated = after.with(|data| alloc::count(|| run(data)));
    Ok(Measured::new(times[0], &renders, allocated))
}

/// Updates a page that a client shows, and makes sure that it then shows the fresh page.
///
/// Returns the new snapshot, and the statics as the server knows them from then on: all that this update needs have been
/// sent, as they have in a session after the first update of a kind. So what is measured is the patch alone.
fn check(plan: &Plan, old: &Snapshot, data: &dyn Data) -> Outcome<(Snapshot, Statics)> {
    let mut statics = Statics::new(plan, &[]);
    let mut document = Document::parse(&plan.render(old, "")?)?;
    let (new, frames) = update(plan, &mut statics, old, data)?;
    for frame in &frames {
        document.apply(frame)?;
    }
    if diff(plan, old, &new)?.is_refresh() {
        return Err("the page is sent anew, which is no update".into());
    }
    if document.html() != Document::normalise(&plan.render(&new, "")?) {
        return Err("the page that was updated is not the page as it is rendered anew".into());
    }
    let (_, again) = update(plan, &mut statics, old, data)?;
    if again.len() > 1 {
        return Err("statics are sent although the client has them".into());
    }
    Ok((new, statics))
}

/// Measures the first render with its marks, beside the plain one; and the first snapshot.
fn first(
    name: &str,
    only: &str,
    effort: Effort,
    report: &mut Report,
    make: impl FnOnce() -> Outcome<(Page, Box<dyn Data>)>,
) -> Outcome {
    let render_name = format!("{name}-first-render");
    let snapshot_name = format!("{name}-first-snapshot");
    if ![&render_name, &snapshot_name]
        .iter()
        .any(|name| name.contains(only))
    {
        return Ok(());
    }
    let (page, data) = make()?;
    let snapshot = data.first()?;
    let marked = page.plan.render(&snapshot, "")?;
    let plain = page.plan.render_plain(&snapshot)?;
    if Document::normalise(&marked) != Document::normalise(&plain) {
        return Err(format!("{name}: without its marks the page is not the plain one").into());
    }
    let render = || page.plan.render(&snapshot, "").expect(CHECKED);
    let take = || data.first().expect(CHECKED);
    let (times, renders) = beside_renders(
        effort,
        &page,
        &snapshot,
        &*data,
        vec![
            Box::new(|runs| batch(runs, render)),
            Box::new(|runs| batch(runs, take)),
        ],
    );
    if render_name.contains(only) {
        let measured = Measured::new(times[0], &renders, alloc::count(render));
        report.add(&render_name, Some(FIRST_RENDER), &measured)?;
    }
    if snapshot_name.contains(only) {
        let measured = Measured::new(times[1], &renders, alloc::count(take));
        report.add(&snapshot_name, None, &measured)?;
    }
    report.note(format!(
        "{name}: {} bytes with marks, {} without: {:.3} times (bar 1.10)",
        marked.len(),
        plain.len(),
        marked.len() as f64 / plain.len() as f64
    ));
    Ok(())
}

/// Measures `things` in turns with full renders of the page by plain minijinja.
fn beside_renders(
    effort: Effort,
    page: &Page,
    snapshot: &Snapshot,
    data: &dyn Data,
    things: Vec<Batch<'_>>,
) -> (Vec<f64>, Renders) {
    let template = page.plain();
    let render = |value: Value| template.render(value).expect(CHECKED);
    let shared = snapshot.value();
    let own = data.value();
    // From here on they need not live longer than what is borrowed here.
    let mut things = things;
    things.push(Box::new(|runs| batch(runs, || render(shared.clone()))));
    things.push(Box::new(|runs| batch(runs, || render(own.clone()))));
    things.push(Box::new(|runs| batch(runs, || render(data.value()))));
    let mut times = in_turns(effort, things);
    let renders = times.split_off(times.len() - 3);
    let renders = Renders {
        cheapest: renders[0].min(renders[1]),
        typed: renders[2],
    };
    (times, renders)
}
