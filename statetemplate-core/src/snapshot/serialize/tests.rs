//! Tests of the walk: what it shares when things move, come and go.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use serde::ser::{Error as _, SerializeSeq as _, SerializeStruct as _};
use serde::{Serialize, Serializer};

use crate::snapshot::node::Node;
use crate::{Shared, Snapshot};

/// The snapshot of `new` after that of `old`; made sure to be what a first one of `new` is.
#[track_caller]
fn next<T: Serialize + ?Sized, U: Serialize + ?Sized>(old: &T, new: &U) -> (Snapshot, Snapshot) {
    let first = Snapshot::of(old).unwrap();
    let second = first.next(new).unwrap();
    let alone = Snapshot::of(new).unwrap();
    assert_eq!(format!("{second:?}"), format!("{alone:?}"));
    assert!(second.next(new).unwrap().is_same(&second));
    (first, second)
}

/// How many items of the second sequence are items of the first, by pointer.
#[track_caller]
fn shared<T: Serialize + Debug + ?Sized>(old: &T, new: &T) -> usize {
    let (old, new) = next(old, new);
    let (old, new) = (old.0.items().unwrap(), new.0.items().unwrap());
    new.iter()
        .filter(|item| old.iter().any(|other| other.same(item)))
        .count()
}

fn table(row: &Node) -> *const () {
    match row {
        Node::Map(map) => Arc::as_ptr(&map.keys).cast(),
        other => panic!("{other:?} is no map"),
    }
}

#[derive(Serialize, Clone, Debug)]
struct Row {
    id: Option<u32>,
    label: String,
}

fn row(id: u32) -> Row {
    Row {
        id: Some(id),
        label: format!("this is the row of the number {id}"),
    }
}

fn rows(ids: impl IntoIterator<Item = u32>) -> Vec<Row> {
    ids.into_iter().map(row).collect()
}

#[test]
fn a_changed_row_among_moved_ones_keeps_what_did_not_change() {
    let old = rows(0..20);
    let mut new = rows((0..20).rev());
    new[4].label = "another".into();
    assert_eq!(shared(&old, &new), 19);
    new[7].id = Some(100);
    assert_eq!(shared(&old, &new), 18);
}

#[test]
fn rows_are_found_however_many_have_moved() {
    // Interleaved, so that no row is beside the last one: more than are looked for one by one.
    let old = rows(0..40);
    let new = rows((0..40).map(|n| n * 7 % 40));
    assert_eq!(shared(&old, &new), 40);
    // Between rows that are new.
    let new = rows((0..40).map(|n| if n % 3 == 0 { n + 100 } else { n * 7 % 40 }));
    assert_eq!(shared(&old, &new), 26);
    assert_eq!(shared(&old, &rows(100..140)), 0);
    assert_eq!(shared(&old, &rows(10..50)), 30);
    assert_eq!(shared(&old, &rows([])), 0);
    assert_eq!(shared(&rows([]), &old), 0);
}

#[test]
fn new_rows_share_the_old_key_table() {
    let (old, new) = next(&rows(0..3), &rows([9, 0, 8, 1, 7, 2, 6]));
    let (old, new) = (old.0.items().unwrap(), new.0.items().unwrap());
    assert!(new.iter().all(|row| table(row) == table(&old[0])));
}

#[test]
fn rows_without_an_id_are_found_by_what_they_begin_with() {
    let mut old = rows(0..6);
    old[2].id = None;
    old[4].id = None;
    let mut new = old.clone();
    new.insert(0, row(9));
    assert_eq!(shared(&old, &new), 6);
    new.remove(3);
    assert_eq!(shared(&old, &new), 5);
}

#[test]
fn an_empty_list_at_the_front_of_a_row_is_passed_over() {
    #[derive(Serialize, Clone, Debug)]
    struct Tagged {
        tags: Vec<String>,
        place: (Option<()>, u32),
        rest: String,
    }
    let tagged = |id: u32| Tagged {
        tags: Vec::new(),
        place: (None, 0),
        rest: format!("of {id}"),
    };
    let nested = |id: u32| Tagged {
        tags: vec![format!("tag {id}"), "more".into()],
        ..tagged(id)
    };
    let old: Vec<_> = (0..9).map(nested).collect();
    let mut new = old.clone();
    new.rotate_left(4);
    new.insert(2, nested(50));
    assert_eq!(shared(&old, &new), 9);
    #[derive(Serialize, Clone, Debug)]
    struct Later(Vec<u8>, String);
    let old: Vec<_> = (0..9).map(|id| Later(Vec::new(), format!("the {id}"))).collect();
    let mut new = old.clone();
    new.remove(3);
    new.insert(6, Later(Vec::new(), "new".into()));
    assert_eq!(shared(&old, &new), 8);
}

#[test]
fn items_of_an_enum_are_found_whatever_variant_stood_there() {
    #[derive(Serialize, Clone, Debug)]
    enum Item {
        Line,
        Text(String),
        Pair(u8, String),
        Link { to: String, title: String },
    }
    let item = |n: u8| match n % 4 {
        0 => Item::Line,
        1 => Item::Text(format!("text {n}")),
        2 => Item::Pair(n, "two".into()),
        _ => Item::Link {
            to: format!("/{n}"),
            title: "a link".into(),
        },
    };
    let old: Vec<_> = (0..12).map(item).collect();
    let mut new = old.clone();
    new.remove(1);
    new.insert(5, item(99));
    assert_eq!(shared(&old, &new), 11);
    new.reverse();
    assert_eq!(shared(&old, &new), 11);
}

#[test]
fn maps_with_their_keys_in_another_order_are_found_too() {
    #[derive(Serialize)]
    struct Ordered<'a>(#[serde(serialize_with = "entries")] &'a [(&'a str, u32)]);
    fn entries<S: Serializer>(entries: &[(&str, u32)], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(entries.iter().copied())
    }
    let old = [Ordered(&[("id", 1), ("n", 5)]), Ordered(&[("id", 2), ("n", 6)])];
    let new = [Ordered(&[("n", 5), ("id", 1)]), Ordered(&[("id", 2), ("n", 6)])];
    let (old, new) = next(&old[..], &new[..]);
    assert!(old.0.items().unwrap()[1].same(&new.0.items().unwrap()[1]));
    assert!(!old.0.items().unwrap()[0].same(&new.0.items().unwrap()[0]));
}

/// A struct whose fields are given in an order of its own, by names that stand elsewhere in the program.
struct Loose(Vec<(&'static str, Vec<u32>)>);

impl Serialize for Loose {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Loose", self.0.len())?;
        for (name, value) in &self.0 {
            fields.serialize_field(name, value)?;
        }
        fields.end()
    }
}

#[test]
fn fields_are_known_by_their_letters_wherever_their_names_stand() {
    let fields = |names: &[&'static str]| {
        Loose(
            names
                .iter()
                .map(|name| (*name, vec![name.len() as u32]))
                .collect(),
        )
    };
    let elsewhere: &'static str = String::from("alpha").leak();
    let prefix: &'static str = &"alphabet"[..5];
    let old = fields(&["alpha", "b", "gamma", "delta", "c"]);
    for first in ["alpha", elsewhere, prefix] {
        let (one, two) = next(&old, &fields(&[first, "b", "gamma", "delta", "c"]));
        assert!(one.is_same(&two));
    }
    // In another order, with one less, one more, and one instead of another.
    for names in [
        &["b", "alpha", "gamma", "delta", "c"][..],
        &["alpha", "gamma", "delta", "c"],
        &["b", "gamma", "delta"],
        &["alpha", "b", "new", "gamma", "delta", "c", "more"],
        &["alphabet", "b", "gamma", "c", "delta"],
        &[],
    ] {
        let (one, two) = next(&old, &fields(names));
        assert!(!one.is_same(&two));
        for name in names {
            let path = [(*name).into()];
            if let Some(value) = one.get(&path) {
                assert!(value.is_same(&two.get(&path).unwrap()), "{name} in {names:?}");
            }
        }
    }
}

#[test]
fn many_fields_and_alike_names_are_told_apart() {
    const ALIKE: [&str; 8] = ["aXbXc", "aYbYc", "aXbYc", "aYbXc", "", "a", "aa", "é"];
    let few: BTreeMap<&str, usize> = ALIKE.into_iter().zip(0..).collect();
    let snapshot = Snapshot::of(&few).unwrap();
    for (at, name) in ALIKE.into_iter().enumerate() {
        assert_eq!(snapshot.get(&[name.into()]).unwrap().to::<usize>().unwrap(), at);
    }
    assert!(snapshot.get(&["aZbXc".into()]).is_none());
    for count in [31, 32, 33, 300] {
        let many: BTreeMap<String, usize> = (0..count).map(|n| (format!("field number {n:03}"), n)).collect();
        let snapshot = Snapshot::of(&many).unwrap();
        for (name, at) in &many {
            assert_eq!(
                snapshot
                    .get(&[name.as_str().into()])
                    .unwrap()
                    .to::<usize>()
                    .unwrap(),
                *at
            );
        }
        assert!(snapshot.get(&["field number 999".into()]).is_none());
    }
}

#[test]
fn strings_of_all_lengths_come_back() {
    for len in [0, 1, 21, 22, 23, 24, 25, 300] {
        let text = "é".repeat(len / 2) + &"x".repeat(len % 2);
        let (first, second) = next(&text, &text);
        assert!(first.is_same(&second));
        assert_eq!(second.to::<String>().unwrap(), text);
        assert_eq!(second.value().as_str(), Some(&*text));
        assert_eq!(
            Snapshot::decode(&second.encode())
                .unwrap()
                .to::<String>()
                .unwrap(),
            text
        );
    }
}

#[test]
fn shared_rows_that_moved_are_taken_as_they_are() {
    let mut rows: Vec<_> = rows(0..10).into_iter().map(Shared::new).collect();
    let old = Snapshot::of(&rows).unwrap();
    rows.rotate_right(3);
    rows[5].make_mut().label = "changed".into();
    rows.insert(1, Shared::new(row(70)));
    let new = old.next(&rows).unwrap();
    let (before, after) = (old.0.items().unwrap(), new.0.items().unwrap());
    let kept = after.iter().filter(|row| before.iter().any(|old| old.same(row)));
    assert_eq!(kept.count(), 9);
    assert!(after.iter().all(|row| table(row) == table(&before[0])));
    assert!(new.next(&rows).unwrap().is_same(&new));
}

/// Data that tells its errors in words of its own, or does not mind them at all.
#[derive(Clone, Debug)]
struct Careless {
    id: u32,
    reworded: bool,
}

impl Serialize for Careless {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        if self.reworded {
            seq.serialize_element(&self.id)
                .map_err(|error| S::Error::custom(format!("the id: {error}")))?;
        } else {
            let _ = seq.serialize_element(&self.id);
        }
        let _ = seq.serialize_element("the same in all");
        seq.end()
    }
}

#[test]
fn looking_elsewhere_for_a_row_does_not_show_in_the_data() {
    for reworded in [true, false] {
        let careless = |id: u32| Careless { id, reworded };
        let old: Vec<_> = (0..6).map(careless).collect();
        let new: Vec<_> = [3, 9, 0, 1, 8, 2].map(careless).to_vec();
        next(&old, &new);
        // Rows as the first thing in a row: the outer list looks first.
        let nested = |list: &[Careless]| list.iter().map(|row| vec![row.clone()]).collect::<Vec<_>>();
        next(&nested(&old), &nested(&new));
    }
}

#[test]
fn errors_are_those_of_the_data_and_not_of_the_search() {
    struct Broken(u32);
    impl Serialize for Broken {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            if self.0 == 3 {
                return Err(S::Error::custom("three does not work"));
            }
            Row::serialize(&row(self.0), serializer)
        }
    }
    let broken = |ids: &[u32]| ids.iter().copied().map(Broken).collect::<Vec<_>>();
    let old = Snapshot::of(&broken(&[0, 1, 2])).unwrap();
    let error = old.next(&broken(&[1, 5, 3])).unwrap_err().to_string();
    assert!(
        error.ends_with("cannot take a snapshot of `[2]`: three does not work"),
        "{error}"
    );
}
