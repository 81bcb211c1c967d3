//! What did not change is the same: rows that move, fields that are skipped, maps in another order.

use minijinja::Value;
use minijinja::value::Serde;

use super::tree::Tree;
use super::*;
use crate::snapshot::node::Node;

#[track_caller]
fn shares_tasks(expected: usize, change: impl FnOnce(&mut Vec<Task>)) {
    let mut data = dashboard();
    let old = Snapshot::of(&data).unwrap();
    change(&mut data.tasks);
    let new = old.next(&data).unwrap();
    assert_eq!(shared_tasks(&old, &new), expected);
    assert_eq!(new.to::<Dashboard>().unwrap().tasks, data.tasks);
    assert!(at(&old, &[key("notifications")]).is_same(&at(&new, &[key("notifications")])));
    assert_eq!(changed_paths(&old, &new).len(), 1);
}

#[test]
fn unchanged_data_is_the_same_snapshot() {
    let data = dashboard();
    let old = Snapshot::of(&data).unwrap();
    assert!(old.next(&data).unwrap().is_same(&old));
    assert!(changed_paths(&old, &old.next(&data).unwrap()).is_empty());
    // The same content walked on its own is equal, but not the same.
    assert!(!Snapshot::of(&data).unwrap().is_same(&old));
}

#[test]
fn an_insertion_at_the_front_shares_all_other_rows() {
    shares_tasks(100, |tasks| {
        let new = Task {
            id: "new".into(),
            ..tasks[3].clone()
        };
        tasks.insert(0, new);
    });
}

#[test]
fn removing_moving_swapping_and_reversing_share_every_row() {
    shares_tasks(99, |tasks| drop(tasks.remove(50)));
    shares_tasks(100, |tasks| tasks.rotate_right(1));
    shares_tasks(100, |tasks| tasks.swap(10, 90));
    shares_tasks(100, |tasks| tasks.reverse());
}

#[test]
fn one_changed_row_shares_the_others() {
    shares_tasks(99, |tasks| tasks[7].title = "Ship it".into());
}

#[test]
fn each_step_of_the_workload_shares_what_it_leaves_alone() {
    let mut last: Option<Snapshot> = None;
    for line in WORKLOAD.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let data: Dashboard = serde_json::from_value(line["data"].clone()).unwrap();
        let fresh = Snapshot::of(&data).unwrap();
        if let Some(last) = &last {
            let next = last.next(&data).unwrap();
            assert_eq!(next.value(), fresh.value(), "{}", line["step"]);
            match line["step"].as_str().unwrap() {
                "nothing_changed" => assert!(next.is_same(last)),
                "counter_text" => assert_eq!(changed_paths(last, &next), ["counter"]),
                "toggle_one_task" => assert_eq!(changed_paths(last, &next), ["tasks[50].completed"]),
                "rename_one_task" => assert_eq!(changed_paths(last, &next), ["tasks[7].title"]),
                "insert_task_first" => assert_eq!(shared_tasks(last, &next), 101),
                _ => {}
            }
        }
        assert_eq!(Snapshot::decode(&fresh.encode()).unwrap().value(), fresh.value());
        last = Some(fresh);
    }
}

#[test]
fn rows_share_one_key_table_from_the_start() {
    let tasks = at(&Snapshot::of(&dashboard()).unwrap(), &[key("tasks")]).0;
    let tables: Vec<_> = tasks
        .items()
        .unwrap()
        .iter()
        .map(|task| match task {
            Node::Map(map) => std::sync::Arc::as_ptr(&map.keys),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(tables.iter().all(|table| *table == tables[0]));
}

#[test]
fn rows_with_equal_first_scalars_still_align() {
    #[derive(Serialize, Clone)]
    struct Row(&'static str, u32);
    let mut rows: Vec<_> = (0..20).map(|n| Row(["a", "b", "c"][n as usize % 3], n)).collect();
    let old = Snapshot::of(&rows).unwrap();
    rows.remove(4);
    let new = old.next(&rows).unwrap();
    let shared = new
        .0
        .items()
        .unwrap()
        .iter()
        .filter(|row| old.0.items().unwrap().iter().any(|o| o.same(row)));
    assert_eq!(shared.count(), 19);
}

#[test]
fn skipped_fields_keep_the_others_shared() {
    #[derive(Serialize)]
    struct Page {
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<&'static str>,
        list: Vec<u8>,
        #[serde(skip_serializing_if = "Option::is_none")]
        late: Option<&'static str>,
        other: Vec<u8>,
    }
    let mut page = Page {
        note: Some("hi"),
        list: vec![1],
        late: Some("x"),
        other: vec![2],
    };
    let old = Snapshot::of(&page).unwrap();
    page.note = None;
    page.late = None;
    let new = old.next(&page).unwrap();
    for name in ["list", "other"] {
        assert!(at(&old, &[key(name)]).is_same(&at(&new, &[key(name)])), "{name}");
    }
    assert_eq!(changed_paths(&old, &new), ["note", "late"]);
    page.late = Some("y");
    let back = new.next(&page).unwrap();
    assert_eq!(changed_paths(&new, &back), ["late"]);
    assert!(at(&old, &[key("list")]).is_same(&at(&back, &[key("list")])));
}

#[test]
fn a_map_in_another_order_shares_its_values_and_is_another_map() {
    let first = Tree::Map(vec![
        (Tree::Str("a".into()), list(1)),
        (Tree::Str("b".into()), list(2)),
    ]);
    let second = Tree::Map(vec![
        (Tree::Str("b".into()), list(2)),
        (Tree::Str("a".into()), list(1)),
    ]);
    let old = Snapshot::of(&first).unwrap();
    let new = old.next(&second).unwrap();
    assert!(!new.is_same(&old));
    assert!(at(&old, &[key("a")]).is_same(&at(&new, &[key("a")])));
    assert_eq!(new.value().to_string(), Value::from(Serde(&second)).to_string());
    assert_eq!(changed_paths(&old, &new), ["."]);
}

fn list(n: i64) -> Tree {
    Tree::Seq(vec![Tree::Int(n)])
}
