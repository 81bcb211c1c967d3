//! Tests of snapshots: sharing, meaning, round trips.

use std::collections::BTreeMap;

use minijinja::value::Serde;
use minijinja::{Environment, Value, context};
use proptest::prelude::*;
use serde::ser::{SerializeMap as _, SerializeSeq as _, SerializeStruct as _, SerializeTuple as _};
use serde::{Deserialize, Serialize, Serializer};

use super::node::Node;
use super::*;

const WORKLOAD: &str = include_str!("../../../tests/workload/dashboard.jsonl");

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
    let first = tree_map(vec![
        (Tree::Str("a".into()), list(1)),
        (Tree::Str("b".into()), list(2)),
    ]);
    let second = tree_map(vec![
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

#[test]
fn a_path_reads_what_a_template_reads() {
    let data = context! { name => "Zoë", rows => vec![1, 2, 3], deep => context! { n => 4 } };
    let snapshot = Snapshot::of(&data).unwrap();
    assert_eq!(
        at(&snapshot, &[key("rows"), PathStep::Index(-1)])
            .to::<i64>()
            .unwrap(),
        3
    );
    assert_eq!(
        at(&snapshot, &[key("name"), PathStep::Index(2)])
            .to::<char>()
            .unwrap(),
        'ë'
    );
    assert_eq!(at(&snapshot, &[key("deep"), key("n")]).to::<i64>().unwrap(), 4);
    assert!(snapshot.get(&[key("rows"), PathStep::Index(3)]).is_none());
    assert!(snapshot.get(&[key("rows"), key("x")]).is_none());
    assert!(snapshot.get(&[key("none"), key("x")]).is_none());
}

#[test]
fn every_serde_kind_comes_back_as_it_went_in() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    enum Shape {
        Unit,
        Newtype(Option<u8>),
        Tuple(i8, String),
        Struct { side: f32, name: Option<()> },
    }
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Unit;
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Newtype(u16);
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Everything {
        shapes: Vec<Shape>,
        by_number: BTreeMap<i32, char>,
        by_flag: BTreeMap<bool, u64>,
        by_letter: BTreeMap<char, Unit>,
        by_pair: BTreeMap<(u8, u8), Newtype>,
        large: (u64, i128, u128, i64),
        nested: [Option<Option<u8>>; 3],
        #[serde(with = "as_bytes")]
        bytes: Vec<u8>,
        floats: [f64; 2],
    }
    let data = Everything {
        shapes: vec![
            Shape::Unit,
            Shape::Newtype(None),
            Shape::Newtype(Some(1)),
            Shape::Tuple(-1, "x".into()),
            Shape::Struct {
                side: 1.5,
                name: Some(()),
            },
        ],
        by_number: [(-1, 'a'), (1, 'ß')].into(),
        by_flag: [(false, 0), (true, u64::MAX)].into(),
        by_letter: [('x', Unit)].into(),
        by_pair: [((1, 2), Newtype(3)), ((1, 3), Newtype(4))].into(),
        large: (u64::MAX, i128::MIN, u128::MAX, i64::MIN),
        nested: [None, Some(None), Some(Some(1))],
        bytes: vec![0, 255, 7],
        floats: [-0.0, f64::INFINITY],
    };
    let snapshot = Snapshot::of(&data).unwrap();
    assert_eq!(snapshot.to::<Everything>().unwrap(), data);
    let decoded = Snapshot::decode(&snapshot.encode()).unwrap();
    assert_eq!(decoded.to::<Everything>().unwrap(), data);
    assert!(snapshot.next(&data).unwrap().is_same(&snapshot));
    assert!(decoded.next(&data).unwrap().is_same(&decoded));
}

mod as_bytes {
    use serde::{Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl de::Visitor<'_> for Bytes {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

#[test]
fn tagged_and_flattened_data_comes_back() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    #[serde(tag = "kind")]
    enum Tagged {
        A { n: u64 },
        B,
    }
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    #[serde(untagged)]
    enum Untagged {
        Number(i64),
        Text(String),
    }
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Page {
        tagged: Vec<Tagged>,
        untagged: Vec<Untagged>,
        #[serde(flatten)]
        rest: BTreeMap<String, Shared<Vec<u8>>>,
    }
    let page = Page {
        tagged: vec![Tagged::A { n: 1 }, Tagged::B],
        untagged: vec![Untagged::Number(-1), Untagged::Text("x".into())],
        rest: [("more".to_owned(), Shared::new(vec![1, 2]))].into(),
    };
    assert_eq!(Snapshot::of(&page).unwrap().to::<Page>().unwrap(), page);
}

#[test]
fn shared_data_is_serialised_once() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static TIMES: AtomicUsize = AtomicUsize::new(0);
    #[derive(Clone, Deserialize)]
    struct Counted(u32);
    impl Serialize for Counted {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            TIMES.fetch_add(1, Ordering::Relaxed);
            let mut list = serializer.serialize_seq(None)?;
            list.serialize_element(&self.0)?;
            list.end()
        }
    }
    let mut page = (Shared::new(Counted(1)), 0);
    let first = Snapshot::of(&page).unwrap();
    page.1 = 1;
    let second = first.next(&page).unwrap();
    assert_eq!(TIMES.load(Ordering::Relaxed), 1);
    assert!(at(&first, &[PathStep::Index(0)]).is_same(&at(&second, &[PathStep::Index(0)])));
    page.0.make_mut().0 = 2;
    let third = second.next(&page).unwrap();
    assert_eq!(TIMES.load(Ordering::Relaxed), 2);
    assert_eq!(
        at(&third, &[PathStep::Index(0), PathStep::Index(0)])
            .to::<u32>()
            .unwrap(),
        2
    );
    assert_eq!(serde_json::to_string(&page).unwrap(), "[[2],1]");
}

#[test]
fn shared_data_that_was_read_from_a_snapshot_is_not_serialised_again() {
    #[derive(Serialize, Deserialize)]
    struct Page {
        rows: Shared<Vec<Shared<Vec<u8>>>>,
    }
    let first = Snapshot::of(&Page {
        rows: vec![vec![1].into(), vec![2].into()].into(),
    })
    .unwrap();
    let mut page = first.to::<Page>().unwrap();
    assert!(first.next(&page).unwrap().is_same(&first));
    page.rows.make_mut()[1].make_mut().push(3);
    let second = first.next(&page).unwrap();
    assert_eq!(
        second.to::<serde_json::Value>().unwrap(),
        serde_json::json!({ "rows": [[1], [2, 3]] })
    );
    let row = [key("rows"), PathStep::Index(0)];
    assert!(at(&first, &row).is_same(&at(&second, &row)));
}

#[test]
fn too_deep_data_is_an_error_and_names_where() {
    #[derive(Serialize, Default)]
    struct Deep {
        child: Option<Box<Deep>>,
    }
    let mut deep = Deep::default();
    for _ in 0..1000 {
        deep = Deep {
            child: Some(Box::new(deep)),
        };
    }
    let error = Snapshot::of(&deep).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data);
    assert!(error.message().contains("nests more than 128 levels"), "{error}");
    assert!(error.message().contains("child.child"), "{error}");
    // Data that is memoised flat may not be stacked up to any height either.
    let mut list = Shared::new(Tree::Null);
    let mut result = Snapshot::of(&list);
    for _ in 0..200 {
        list = Shared::new(Tree::Seq(vec![Tree::Shared(list)]));
        result = Snapshot::of(&list);
    }
    assert!(result.is_err());
}

#[test]
fn errors_name_the_path() {
    struct Broken;
    impl Serialize for Broken {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("the sensor is broken"))
        }
    }
    #[derive(Serialize)]
    struct Page {
        rows: Vec<BTreeMap<&'static str, Broken>>,
    }
    let error = Snapshot::of(&Page {
        rows: vec![BTreeMap::new(), [("the value", Broken)].into()],
    })
    .unwrap_err();
    assert_eq!(
        error.message(),
        "cannot take a snapshot of `rows[1][\"the value\"]`: the sensor is broken"
    );

    let error = Snapshot::of(&context! { tasks => vec![context! { id => 1 }] }).unwrap();
    #[derive(Deserialize, Debug)]
    #[allow(dead_code)]
    struct Row {
        id: String,
    }
    #[derive(Deserialize, Debug)]
    #[allow(dead_code)]
    struct Rows {
        tasks: Vec<Row>,
    }
    let error = error.to::<Rows>().unwrap_err();
    assert!(
        error.message().starts_with("cannot read `tasks[0].id` as "),
        "{error}"
    );
}

#[test]
fn decoding_garbage_is_an_error() {
    let message = |bytes: &[u8]| Snapshot::decode(bytes).unwrap_err().message().to_owned();
    assert_eq!(
        message(&[]),
        "cannot read a stored snapshot: it is cut short (at byte 0 of 0)"
    );
    assert!(message(&[9, 0]).contains("version 9"));
    assert!(message(&[1, 200]).contains("200 is no kind of value"));
    assert!(message(&[1, 0, 0]).contains("1 bytes follow"));
    assert!(message(&[1, 12, 0]).contains("no key table 0"));
    assert!(message(&[1, 8, 1, 0xff]).contains("UTF-8"));
    assert!(message(&[1, 10, 0xff, 0xff, 0xff, 0xff, 0x0f]).contains("do not fit"));
    assert!(message(&[1, 13, 2, 8, 1, b'a', 8, 1, b'a', 0, 0]).contains("twice"));
    let mut deep = vec![1];
    deep.extend([10, 1].repeat(100_000));
    assert!(message(&deep).contains("nests more than"));
}

#[test]
fn values_give_their_nodes_back() {
    let snapshot = Snapshot::of(&dashboard()).unwrap();
    let task = snapshot
        .value()
        .get_attr("tasks")
        .unwrap()
        .get_item_by_index(3)
        .unwrap();
    assert!(
        Snapshot::from_value(&task)
            .unwrap()
            .is_same(&at(&snapshot, &[key("tasks"), PathStep::Index(3)]))
    );
    assert!(Snapshot::from_value(&Value::from(1)).is_none());
    assert!(Snapshot::from_value(&Value::from(vec![1])).is_none());
}

#[test]
fn sameness_of_values_is_exact() {
    let snapshot = Snapshot::of(&(dashboard(), (f64::NAN, 1.0))).unwrap();
    let (a, b) = (snapshot.value(), snapshot.value());
    assert!(same_value(&a, &b));
    assert!(same_value(
        &a.get_item_by_index(1).unwrap(),
        &b.get_item_by_index(1).unwrap()
    ));
    assert!(!same_value(
        &a,
        &Snapshot::of(&(dashboard(), (f64::NAN, 1.0))).unwrap().value()
    ));
    assert!(same_value(&Value::from(f64::NAN), &Value::from(f64::NAN)));
    assert!(!same_value(&Value::from(0.0), &Value::from(-0.0)));
    assert!(!same_value(&Value::from(1.0), &Value::from(1)));
    assert!(same_value(&Value::from(u128::MAX), &Value::from(u128::MAX)));
    assert!(!same_value(&Value::from(u128::MAX), &Value::from(u128::MAX - 1)));
    assert!(!same_value(
        &Value::from("a"),
        &Value::from_safe_string("a".into())
    ));
    assert!(!same_value(&Value::from("a"), &Value::from_bytes(b"a".to_vec())));
    assert!(!same_value(&Value::from(true), &Value::from(1)));
    let pair = |n| Value::from(vec![Value::from("k"), a.get_item_by_index(n).unwrap()]);
    assert!(same_value(&pair(0), &pair(0)));
    assert!(!same_value(&pair(0), &pair(1)));
    assert!(!same_value(&Value::from(vec![0; 9]), &Value::from(vec![0; 9])));
}

/// Random data of every serde kind.
#[derive(Clone, Debug)]
enum Tree {
    Null,
    Some(Box<Tree>),
    Bool(bool),
    Int(i64),
    UInt(u64),
    Int128(i128),
    UInt128(u128),
    Float(f64),
    Char(char),
    Str(String),
    Bytes(Vec<u8>),
    Seq(Vec<Tree>),
    Tuple(Vec<Tree>),
    Map(Vec<(Tree, Tree)>),
    Struct(Vec<Tree>),
    Variant(Box<Tree>),
    Shared(Shared<Tree>),
}

const FIELDS: [&str; 4] = ["a", "b", "c", "d"];

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Tree::Null => s.serialize_unit(),
            Tree::Some(tree) => s.serialize_some(tree),
            Tree::Bool(value) => s.serialize_bool(*value),
            Tree::Int(value) => s.serialize_i64(*value),
            Tree::UInt(value) => s.serialize_u64(*value),
            Tree::Int128(value) => s.serialize_i128(*value),
            Tree::UInt128(value) => s.serialize_u128(*value),
            Tree::Float(value) => s.serialize_f64(*value),
            Tree::Char(value) => s.serialize_char(*value),
            Tree::Str(value) => s.serialize_str(value),
            Tree::Bytes(value) => s.serialize_bytes(value),
            Tree::Seq(items) => {
                let mut seq = s.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| seq.serialize_element(item))?;
                seq.end()
            }
            Tree::Tuple(items) => {
                let mut tuple = s.serialize_tuple(items.len())?;
                items.iter().try_for_each(|item| tuple.serialize_element(item))?;
                tuple.end()
            }
            Tree::Map(entries) => {
                let mut map = s.serialize_map(None)?;
                entries
                    .iter()
                    .try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
            Tree::Struct(fields) => {
                let mut map = s.serialize_struct("S", fields.len())?;
                FIELDS
                    .iter()
                    .zip(fields)
                    .try_for_each(|(name, field)| map.serialize_field(name, field))?;
                map.end()
            }
            Tree::Variant(tree) => s.serialize_newtype_variant("E", 0, "V", tree),
            Tree::Shared(tree) => tree.serialize(s),
        }
    }
}

fn tree_map(entries: Vec<(Tree, Tree)>) -> Tree {
    Tree::Map(entries)
}

fn list(n: i64) -> Tree {
    Tree::Seq(vec![Tree::Int(n)])
}

fn leaf_tree() -> impl Strategy<Value = Tree> {
    prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::Bool),
        prop_oneof![-3i64..3, any::<i64>()].prop_map(Tree::Int),
        any::<u64>().prop_map(Tree::UInt),
        any::<i128>().prop_map(Tree::Int128),
        any::<u128>().prop_map(Tree::UInt128),
        prop_oneof![Just(f64::NAN), Just(-0.0), Just(1.0), any::<f64>()].prop_map(Tree::Float),
        any::<char>().prop_map(Tree::Char),
        "[a-d<&\\\\']{0,3}|.{20,30}".prop_map(Tree::Str),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(Tree::Bytes),
    ]
}

fn tree() -> impl Strategy<Value = Tree> {
    leaf_tree().prop_recursive(4, 40, 6, |inner| {
        let key = prop_oneof![4 => "[a-d]".prop_map(Tree::Str), 1 => leaf_tree()];
        prop_oneof![
            inner.clone().prop_map(|tree| Tree::Some(Box::new(tree))),
            prop::collection::vec(inner.clone(), 0..6).prop_map(Tree::Seq),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Tree::Tuple),
            prop::collection::vec((key, inner.clone()), 0..6).prop_map(Tree::Map),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Tree::Struct),
            inner.clone().prop_map(|tree| Tree::Variant(Box::new(tree))),
            inner.prop_map(|tree| Tree::Shared(Shared::new(tree))),
        ]
    })
}

/// Whether a map anywhere in the tree gives a key twice, as minijinja compares keys.
fn repeats_a_key(tree: &Tree) -> bool {
    match tree {
        Tree::Map(entries) => {
            Snapshot::of(tree).unwrap().value().len() != Some(entries.len())
                || entries.iter().any(|(_, value)| repeats_a_key(value))
        }
        Tree::Seq(items) | Tree::Tuple(items) | Tree::Struct(items) => items.iter().any(repeats_a_key),
        Tree::Some(inner) | Tree::Variant(inner) => repeats_a_key(inner),
        Tree::Shared(inner) => repeats_a_key(inner),
        _ => false,
    }
}

/// Everything about a value that a template can see, kinds of numbers aside.
fn seen(value: &Value) -> String {
    let mut env = Environment::new();
    env.set_undefined_behavior(minijinja::UndefinedBehavior::Chainable);
    let source = "{{ v }}|{{ v.a }}|{{ v['b'] }}|{{ v[0] }}|{{ v[1] }}|{{ v[-1] }}|{{ v[true] }}|{{ v[1.0] }}|{{ v[none] }}\
                  |{{ v is mapping }}|{{ v is sequence }}|{{ v is string }}|{{ v is number }}|{{ v is integer }}|{{ v is none }}\
                  |{% if v %}true{% endif %}|{% if v is iterable %}{% for x in v %}{{ loop.index }}/{{ loop.length }}={{ x }},{% endfor %}{% endif %}\
                  |{% if v is mapping %}{% for k, x in v|items %}{{ k }}:{{ x }};{% endfor %}{{ v|list|last }}{% endif %}\
                  |{{ v == v }}|{{ v == [] }}|{% if v is sequence %}{{ v|reverse|list }}{{ v[1:] }}{% endif %}\
                  {% if v is mapping or v is sequence %}{{ v|length }}{% endif %}";
    env.render_str(source, context! { v => value })
        .unwrap_or_else(|error| format!("{error:#}"))
}

proptest! {
    #[test]
    fn a_snapshot_means_what_minijinja_makes_of_the_data(tree in tree()) {
        let ours = Snapshot::of(&tree).unwrap();
        let theirs = Value::from(Serde(&tree));
        prop_assert_eq!(format!("{:?}", ours.value()), format!("{theirs:?}"));
        prop_assert_eq!(seen(&ours.value()), seen(&theirs));
        prop_assert_eq!(
            serde_json::to_string(&ours.value()).map_err(|error| error.to_string()),
            serde_json::to_string(&theirs).map_err(|error| error.to_string())
        );
    }

    #[test]
    fn the_next_snapshot_equals_a_fresh_one(old in tree(), new in tree()) {
        let first = Snapshot::of(&old).unwrap();
        let next = first.next(&new).unwrap();
        let fresh = Snapshot::of(&new).unwrap();
        prop_assert_eq!(format!("{next:?}"), format!("{fresh:?}"));
        prop_assert_eq!(seen(&next.value()), seen(&fresh.value()));
        // Of a key given twice the last counts, while items are told apart by what they give first: such an item may
        // be made anew. No map of Rust's gives a key twice.
        prop_assert!(repeats_a_key(&new) || next.next(&new).unwrap().is_same(&next));
        prop_assert!(repeats_a_key(&old) || first.next(&old).unwrap().is_same(&first));
    }

    #[test]
    fn an_encoded_snapshot_comes_back(tree in tree()) {
        let snapshot = Snapshot::of(&tree).unwrap();
        let bytes = snapshot.encode();
        let back = Snapshot::decode(&bytes).unwrap();
        prop_assert_eq!(format!("{snapshot:?}"), format!("{back:?}"));
        prop_assert_eq!(back.encode(), bytes);
    }

    #[test]
    fn damaged_bytes_never_panic(tree in tree(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = Snapshot::of(&tree).unwrap().encode();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if cut {
            bytes.truncate(at);
        }
        if let Ok(snapshot) = Snapshot::decode(&bytes) {
            let _ = snapshot.value().to_string();
        }
    }

    #[test]
    fn random_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        bytes.insert(0, 1);
        let _ = Snapshot::decode(&bytes);
    }

    #[test]
    fn edited_lists_share_every_row_that_stays(
        mut ids in prop::collection::hash_set(0u32..1000, 1..30).prop_map(Vec::from_iter),
        edits in prop::collection::vec((0u8..3, any::<prop::sample::Index>(), 1000u32..2000), 0..6),
    ) {
        let rows = |ids: &[u32]| ids.iter().map(|id| (format!("row {id}"), *id)).map(|(t, id)| BTreeMap::from([("id", t), ("n", id.to_string())])).collect::<Vec<_>>();
        let old = Snapshot::of(&rows(&ids)).unwrap();
        let before: std::collections::HashSet<_> = ids.iter().copied().collect();
        for (kind, at, id) in edits {
            let at = at.index(ids.len().max(1));
            match kind {
                0 => ids.insert(at.min(ids.len()), id),
                1 if !ids.is_empty() => { ids.remove(at); }
                _ if !ids.is_empty() => ids.rotate_left(at),
                _ => {}
            }
        }
        ids.dedup();
        let new = old.next(&rows(&ids)).unwrap();
        for (id, row) in ids.iter().zip(new.0.items().unwrap()) {
            prop_assert_eq!(old.0.items().unwrap().iter().any(|o| o.same(row)), before.contains(id));
        }
    }

    #[test]
    fn changed_paths_are_empty_exactly_when_nothing_changed(old in tree(), new in tree()) {
        let first = Snapshot::of(&old).unwrap();
        let next = first.next(&new).unwrap();
        prop_assert_eq!(changed_paths(&first, &next).is_empty(), next.is_same(&first));
    }
}

#[test]
fn the_template_of_these_tests_renders() {
    assert!(
        seen(&Value::from(vec![1, 2])).starts_with("[1, 2]|||1|2|2|"),
        "{}",
        seen(&Value::from(vec![1, 2]))
    );
    for value in [
        Value::from(()),
        Value::from(1),
        Value::from("x"),
        context! { a => 1 },
    ] {
        assert!(!seen(&value).contains("error"), "{}", seen(&value));
    }
}
