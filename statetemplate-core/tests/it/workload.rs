//! The dashboard's workload: each step, each pair of steps, and the operations that it takes.

use serde_json::Value;

use crate::oracle::{Page, environment};

const TEMPLATE: &str = include_str!("../../../tests/workload/dashboard.html");
const STEPS: &str = include_str!("../../../tests/workload/dashboard.jsonl");

pub(crate) fn steps() -> Vec<(String, Value)> {
    STEPS
        .lines()
        .map(|line| {
            let mut step: Value = serde_json::from_str(line).unwrap();
            (step["step"].as_str().unwrap().to_owned(), step["data"].take())
        })
        .collect()
}

pub(crate) fn plan() -> statetemplate_core::Plan {
    statetemplate_core::Plan::compile(&environment(&[("dashboard.html", TEMPLATE)]), "dashboard.html")
        .unwrap()
}

fn page(data: &Value) -> Page {
    Page::open(
        &environment(&[("dashboard.html", TEMPLATE)]),
        "dashboard.html",
        data,
    )
}

#[test]
fn each_step_replays_with_the_fewest_operations() {
    let steps = steps();
    let mut page = page(&steps[0].1);
    let mut report = String::new();
    for (step, data) in &steps[1..] {
        let sent = page.update(data);
        report.push_str(step);
        report.push('\n');
        for operation in sent.operations.iter().take(12) {
            report.push_str(&format!("    {operation}\n"));
        }
        if sent.operations.len() > 12 {
            report.push_str(&format!("    … {} operations\n", sent.operations.len()));
        }
    }
    insta::assert_snapshot!(report);
}

#[test]
fn the_steps_need_few_bytes() {
    let steps = steps();
    let mut page = page(&steps[0].1);
    let (mut bytes, mut statics) = (0, 0);
    for (_, data) in &steps[1..] {
        let sent = page.update(data);
        bytes += sent.bytes;
        statics += sent.statics;
    }
    assert!(bytes <= 25_000, "{bytes} bytes");
    assert!(statics <= 8_000, "{statics} bytes of statics");
}

#[test]
fn the_annotated_page_is_at_most_a_tenth_larger() {
    let steps = steps();
    let page = page(&steps[0].1);
    let data = statetemplate_core::Snapshot::of(&steps[0].1).unwrap();
    let annotated = page.plan.render(&data, "").unwrap().len();
    let plain = page.plan.render_plain(&data).unwrap().len();
    assert!(annotated * 100 <= plain * 110, "{annotated} of {plain}");
}

#[test]
fn any_step_follows_any_other() {
    let steps = steps();
    // Every state is entered from seven others, so that all kinds of jumps occur.
    let mut page = page(&steps[0].1);
    for stride in [7, 11, 13, 17, 19, 23, 29] {
        let mut at = 0;
        for _ in 0..steps.len() {
            at = (at + stride) % steps.len();
            page.update(&steps[at].1);
        }
    }
}
