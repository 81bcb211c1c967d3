//! Tests of snapshots: sharing, meaning, round trips.

mod battery;
mod errors;
mod kinds;
mod random;
mod reading;
mod shared_data;
mod sharing;
mod tree;
mod views;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;

const WORKLOAD: &str = include_str!("../../../../tests/workload/dashboard.jsonl");

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
struct Task {
    id: String,
    title: String,
    description: Option<String>,
    completed: bool,
    priority: String,
    due_date: Option<String>,
    is_overdue: bool,
    created_at: i64,
}

#[derive(Serialize, Deserialize, Clone)]
struct Dashboard {
    title: String,
    tasks: Vec<Task>,
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

fn dashboard() -> Dashboard {
    let line: serde_json::Value = serde_json::from_str(WORKLOAD.lines().next().unwrap()).unwrap();
    serde_json::from_value(line["data"].clone()).unwrap()
}

fn at(snapshot: &Snapshot, path: &[PathStep]) -> Snapshot {
    snapshot
        .get(path)
        .unwrap_or_else(|| panic!("nothing at {path:?}"))
}

fn key(name: &str) -> PathStep {
    name.into()
}

/// How many of the new tasks are old ones, by pointer.
fn shared_tasks(old: &Snapshot, new: &Snapshot) -> usize {
    let (old, new) = (at(old, &[key("tasks")]).0, at(new, &[key("tasks")]).0);
    let old = old.items().unwrap();
    new.items()
        .unwrap()
        .iter()
        .filter(|task| old.iter().any(|other| other.same(task)))
        .count()
}
