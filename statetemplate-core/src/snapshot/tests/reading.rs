//! Reading a snapshot: by paths, as typed data, and back from the values of a template.

use minijinja::{Value, context};

use super::*;

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

pub(super) mod as_bytes {
    use serde::{Deserializer, Serializer, de};

    pub(in crate::snapshot::tests) fn serialize<S: Serializer>(
        bytes: &[u8],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(in crate::snapshot::tests) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
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
