//! The replay oracle: after each update the document equals a fresh render.

use minijinja::Environment;
use statetemplate_core::testing::Document;
use statetemplate_core::wire::{self, Statics};
use statetemplate_core::{Plan, Snapshot, diff};

fn steps() -> Vec<(String, serde_json::Value)> {
    let lines = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/workload/dashboard.jsonl"
    ))
    .unwrap();
    lines
        .lines()
        .map(|line| {
            let mut step: serde_json::Value = serde_json::from_str(line).unwrap();
            (step["step"].as_str().unwrap().to_owned(), step["data"].take())
        })
        .collect()
}

fn plan() -> Plan {
    let source = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/workload/dashboard.html"
    ))
    .unwrap();
    let mut env = Environment::new();
    env.add_template_owned("dashboard.html", source).unwrap();
    Plan::compile(&env, "dashboard.html").unwrap()
}

#[test]
fn the_workload_replays() {
    let plan = plan();
    println!("{}", plan.explain());
    let steps = steps();
    let mut old = Snapshot::of(&steps[0].1).unwrap();
    let page = plan.render(&old, "").unwrap();
    let plain = plan.render_plain(&old).unwrap();
    println!(
        "annotated {} plain {} ratio {:.3}",
        page.len(),
        plain.len(),
        page.len() as f64 / plain.len() as f64
    );
    let mut document = Document::parse(&page).unwrap();
    assert_eq!(document.html(), Document::normalise(&plain));
    let mut statics = Statics::new(&plan, &[]);
    let mut total = 0;
    let mut total_statics = 0;
    let mut report = String::new();
    for (revision, (step, data)) in steps.iter().enumerate().skip(1) {
        let new = old.next(data).unwrap();
        let patch = diff(&plan, &old, &new).unwrap();
        assert!(!patch.is_refresh());
        report.push_str(&format!("{step}\n"));
        for operation in patch.operations() {
            report.push_str(&format!("    {operation}\n"));
        }
        if !patch.is_empty() {
            for frame in wire::patch_frames(&plan, &mut statics, revision as u64, &patch, None) {
                if frame.starts_with("[\"s\"") {
                    total_statics += frame.len()
                } else {
                    println!("{step} {}", frame.len());
                    total += frame.len()
                }
                document
                    .apply(&frame)
                    .unwrap_or_else(|error| panic!("{step}: {error}\n{frame}"));
            }
        }
        let fresh = plan.render_plain(&new).unwrap();
        assert_eq!(document.html(), Document::normalise(&fresh), "after {step}");
        old = new;
    }
    println!("{report}");
    println!("total {total} statics {total_statics}");
}
