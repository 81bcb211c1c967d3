//! Runs the benchmark with the least effort: what it prints, not how long things take.

#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

use serde_json::Value;

fn bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_statetemplate-bench"))
        .args(arguments)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The lines of JSON of a run that succeeds.
fn lines(arguments: &[&str]) -> Vec<Value> {
    let output = bench(arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn updates_prints_one_object_a_case() {
    let lines = lines(&["updates", "--json", "--batches", "1", "--case", "table-100-"]);
    let cases: Vec<&str> = lines.iter().map(|line| line["case"].as_str().unwrap()).collect();
    assert_eq!(
        cases,
        [
            "table-100-title",
            "table-100-one-row",
            "table-100-every-tenth",
            "table-100-swap",
            "table-100-prepend",
            "table-100-append",
            "table-100-remove",
            "table-100-reverse",
            "table-100-clear",
            "table-100-replace-all",
            "table-100-first-render",
            "table-100-first-snapshot",
        ]
    );
    for line in &lines {
        let line = line.as_object().unwrap();
        let mut keys: Vec<&str> = line.keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(
            keys,
            [
                "allocs",
                "bytes",
                "case",
                "ratio",
                "render_ns",
                "suite",
                "update_ns"
            ]
        );
        assert_eq!(line["suite"], "updates");
        let number = |key: &str| line[key].as_f64().unwrap();
        assert!(number("update_ns") > 0.0 && number("render_ns") > 0.0);
        // The times are rounded to nanoseconds, of which the fastest of these cases takes hundreds.
        let ratio = number("update_ns") / number("render_ns");
        assert!((number("ratio") / ratio - 1.0).abs() < 0.01, "{line:?}");
        assert!(line["bytes"].as_u64().unwrap() > 0 && line["allocs"].as_u64().unwrap() > 0);
    }
}

#[test]
fn updates_has_each_step_of_the_workload() {
    // The steps' names are unlike, so that each is found by its own.
    let workload = include_str!("../../workload/dashboard.jsonl");
    let mut steps: Vec<String> = workload
        .lines()
        .skip(1)
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["step"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let printed = lines(&["updates", "--json", "--batches", "1", "--case", "_"]);
    let plain = printed
        .iter()
        .map(|line| line["case"].as_str().unwrap())
        .filter(|case| !case.contains('-'));
    assert_eq!(plain.collect::<Vec<_>>(), steps);
    steps.retain(|step| {
        printed
            .iter()
            .any(|line| line["case"] == format!("{step}-shared"))
    });
    assert_eq!(steps.len(), 11, "{steps:?}");
}

#[test]
fn the_table_has_the_bars() {
    let output = bench(&["updates", "--batches", "1", "--case", "table-100-re"]);
    let table = text(&output.stdout);
    let row = table
        .lines()
        .find(|line| line.starts_with("table-100-reverse"))
        .unwrap();
    assert!(row.contains(" 0.30 "), "{row}");
    assert!(table.contains(" of 3 bars hold"), "{table}");
}

/// Bytes are the same in every run, so that the bars hold in each.
#[test]
fn wire_keeps_to_its_bars() {
    let mut lines = lines(&["wire", "--json", "--case", ""]);
    lines.retain(|line| line.get("bar").is_some());
    assert_eq!(lines.len(), 29 + 4 + 4);
    for line in &lines {
        assert_eq!(line["suite"], "wire");
        let number = |key: &str| line[key].as_u64().unwrap();
        assert!(number("bytes") <= number("bar"), "{line}");
        assert!(number("deflated") <= number("deflated_bar"), "{line}");
        assert!(number("deflated") <= number("bytes"), "{line}");
    }
}

#[test]
fn wire_counts_the_changes_of_tables() {
    let lines = lines(&["wire", "--json", "--case", "table-100-"]);
    assert_eq!(lines.len(), 11);
    for (case, bytes) in [("reverse", 21), ("remove", 24), ("clear", 14)] {
        let line = lines
            .iter()
            .find(|line| line["case"] == format!("table-100-{case}"))
            .unwrap();
        assert!(line["bytes"].as_u64().unwrap() <= bytes, "{line}");
    }
}

#[test]
fn sessions_prints_one_object_a_case() {
    let lines = lines(&["sessions", "--json", "--batches", "1"]);
    let cases: Vec<&str> = lines.iter().map(|line| line["case"].as_str().unwrap()).collect();
    assert_eq!(
        cases,
        ["memory-create", "memory-update", "redis-create", "redis-update"]
    );
    for line in &lines {
        assert_eq!(line["suite"], "sessions");
        assert!(line["ns"].as_f64().unwrap() > 0.0);
    }
    assert_eq!(lines[0]["bar_ns"], 250e3);
    assert_eq!(lines[2]["bar_ns"], 1500e3);
}

#[test]
fn refuses_unknown_suites_and_cases() {
    let output = bench(&["nonsense"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("'nonsense'"),
        "{}",
        text(&output.stderr)
    );
    assert!(
        text(&output.stderr).contains("updates"),
        "{}",
        text(&output.stderr)
    );
    let output = bench(&["updates", "--case", "no such case"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("no such case"),
        "{}",
        text(&output.stderr)
    );
}
