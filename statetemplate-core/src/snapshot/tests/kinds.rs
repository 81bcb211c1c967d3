//! Every kind of serde's data model means in templates what minijinja makes of it, and comes back as it went in.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt::Debug;
use std::num::NonZeroU8;
use std::time::Duration;

use minijinja::Value;
use minijinja::value::Serde;
use serde::de::DeserializeOwned;
use serde_bytes::{ByteBuf, Bytes};

use super::*;

/// Templates see what they would see of minijinja's own value, from the data and from its stored bytes alike, and data
/// that is the same is the same snapshot.
#[track_caller]
fn means_the_same<T: Serialize + ?Sized>(data: &T) -> Snapshot {
    let (theirs, other) = (Value::from(Serde(data)), Value::from(Serde(data)));
    let snapshot = Snapshot::of(data).unwrap();
    assert_eq!(
        battery::differences(&snapshot.value(), [&theirs, &other]),
        Vec::<String>::new()
    );
    assert_eq!(views::differences(snapshot.view()), Vec::<String>::new());
    let json = |value: &Value| serde_json::to_string(value).map_err(|error| error.to_string());
    assert_eq!(json(&snapshot.value()), json(&theirs));
    let bytes = snapshot.encode();
    let decoded = Snapshot::decode(&bytes).unwrap();
    assert_eq!(
        battery::differences(&decoded.value(), [&theirs, &other]),
        Vec::<String>::new()
    );
    assert_eq!(decoded.encode(), bytes);
    for known in [&snapshot, &decoded] {
        assert!(known.next(data).unwrap().is_same(known));
        assert!(changed_paths(known, &known.next(data).unwrap()).is_empty());
    }
    decoded
}

/// And it can be read as the type that it was.
#[track_caller]
fn comes_back<T: Serialize + DeserializeOwned + Debug>(data: T) {
    let decoded = means_the_same(&data);
    // By its debug form, in which NaN is NaN and -0.0 is not 0.0.
    for snapshot in [Snapshot::of(&data).unwrap(), decoded] {
        assert_eq!(format!("{:?}", snapshot.to::<T>().unwrap()), format!("{data:?}"));
    }
}

macro_rules! limits {
    ($($kind:ty),*) => {$(
        comes_back([<$kind>::MIN, <$kind>::MAX, <$kind>::MIN + 1, <$kind>::MAX - 1, 0, 1]);
        comes_back(<$kind>::MIN);
        comes_back(<$kind>::MAX);
    )*};
}

#[test]
fn integers_up_to_their_limits() {
    limits!(i8, u8, i16, u16, i32, u32, i64, u64, i128, u128);
    comes_back(vec![
        (1_u64 << 53) - 1,
        1 << 53,
        (1 << 53) + 1,
        (1 << 63) - 1,
        1 << 63,
    ]);
    comes_back(vec![-(1_i64 << 53) - 1, -(1 << 53)]);
    comes_back(vec![
        i128::from(i64::MIN) - 1,
        i128::from(u64::MAX),
        i128::from(u64::MAX) + 1,
    ]);
    comes_back(vec![i128::MAX as u128, i128::MAX as u128 + 1]);
    comes_back(NonZeroU8::MIN);
}

#[test]
fn floats_of_every_sort() {
    for float in [
        0.0,
        -0.0,
        1.0,
        -1.5,
        0.1,
        1e300,
        1e16,
        123_456_789.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MIN,
        f64::MAX,
        f64::EPSILON,
        f64::MIN_POSITIVE,
        5e-324,
        9_007_199_254_740_993.0,
    ] {
        comes_back(float);
        comes_back(vec![float]);
    }
    for float in [0.1_f32, f32::MAX, f32::MIN_POSITIVE, 1e-45, f32::NAN, -0.0] {
        comes_back(float);
    }
}

#[test]
fn texts_characters_and_bytes() {
    for text in [
        "", "a", "<b>&\"'/", "1", "1.0", "true", "none", "äöü", "😀", "\0\r\n", "e\u{301}",
    ] {
        comes_back(text.to_owned());
    }
    comes_back("x".repeat(23));
    comes_back("ä".repeat(500));
    let long = "ä".repeat(1_000_000);
    let snapshot = Snapshot::of(&long).unwrap();
    assert_eq!(
        Snapshot::decode(&snapshot.encode())
            .unwrap()
            .to::<String>()
            .unwrap(),
        long
    );
    for char in ['a', '<', '😀', '\0', '1'] {
        comes_back(char);
    }
    comes_back(ByteBuf::from(vec![]));
    comes_back(ByteBuf::from(b"abc".to_vec()));
    comes_back(ByteBuf::from(vec![0, 159, 146, 150]));
    means_the_same(Bytes::new(b"a"));
    comes_back(vec![ByteBuf::from(b"a".to_vec())]);
    comes_back(vec![1_u8, 2]);
}

#[test]
fn units_options_and_newtypes() {
    #[derive(Serialize, Deserialize, Debug)]
    struct Unit;
    #[derive(Serialize, Deserialize, Debug)]
    struct Newtype(i64);
    #[derive(Serialize, Deserialize, Debug)]
    struct Wrapped(Newtype);
    comes_back(());
    comes_back(Unit);
    comes_back(Newtype(-7));
    comes_back(Wrapped(Newtype(7)));
    comes_back(true);
    comes_back(false);
    comes_back([None, Some(1)]);
    comes_back([None, Some(None), Some(Some(1))]);
    comes_back([Some(Some(None)), Some(Some(Some(1))), Some(None), None]);
    comes_back(Some(vec![Some(())]));
    comes_back([Some(Unit), None]);
    comes_back(Box::new(1));
    comes_back(Duration::from_millis(1500));
    comes_back(Ok::<u8, String>(1));
    comes_back(Err::<u8, String>("x".into()));
}

#[test]
fn sequences_of_every_sort() {
    #[derive(Serialize, Deserialize, Debug)]
    struct Pair(u8, String);
    comes_back(Vec::<u8>::new());
    comes_back(vec![3, 1, 2]);
    comes_back(vec!["b".to_owned(), "a".to_owned()]);
    comes_back(vec![vec![1, 2], vec![], vec![3]]);
    comes_back((1, "a".to_owned(), 2.5, None::<u8>));
    comes_back([1, 2]);
    comes_back([0_u8; 0]);
    comes_back(((1, 2), (3, 4)));
    comes_back(Pair(1, "x".into()));
    comes_back(VecDeque::from([1, 2]));
    comes_back(BTreeSet::from(["b".to_owned(), "a".to_owned()]));
    comes_back(vec![(1, 2), (3, 4)]);
    comes_back(vec![Pair(2, "b".into()), Pair(1, "a".into())]);
    comes_back((0..1000).collect::<Vec<i32>>());
    means_the_same("a slice of bytes".as_bytes());
}

#[test]
fn maps_with_keys_of_every_sort() {
    #[derive(Serialize, Deserialize, Debug, PartialEq, Eq, PartialOrd, Ord)]
    enum Name {
        A,
        B,
    }
    #[derive(Serialize, Deserialize, Debug, PartialEq, Eq, PartialOrd, Ord)]
    struct Id(u8);
    comes_back(BTreeMap::<String, u8>::new());
    comes_back(BTreeMap::from([
        ("a".to_owned(), 1),
        ("key".to_owned(), 2),
        ("1".to_owned(), 3),
    ]));
    comes_back(BTreeMap::from([(1, "x".to_owned()), (-1, "y".to_owned())]));
    comes_back(BTreeMap::from([(u64::MAX, 1), (0, 2)]));
    comes_back(BTreeMap::from([(i128::MIN, 1), (1, 2)]));
    comes_back(BTreeMap::from([(true, 1), (false, 2)]));
    comes_back(BTreeMap::from([('a', 1), ('1', 2)]));
    comes_back(BTreeMap::from([((1, 2), 'x'), ((2, 1), 'y')]));
    comes_back(BTreeMap::from([(Some(1), 'x'), (None, 'y')]));
    comes_back(BTreeMap::from([((), 'x')]));
    comes_back(BTreeMap::from([(Name::A, 1), (Name::B, 2)]));
    comes_back(BTreeMap::from([(Id(1), 1), (Id(2), 2)]));
    comes_back(BTreeMap::from([(vec![1, 2], 1), (vec![], 2)]));
    comes_back(BTreeMap::from([(ByteBuf::from(b"a".to_vec()), 1)]));
    comes_back(HashMap::from([("a".to_owned(), 1)]));
    comes_back(
        (0..100)
            .map(|n| (format!("key {n}"), n))
            .collect::<BTreeMap<_, _>>(),
    );
    comes_back((0..100).map(|n| (n, n)).collect::<BTreeMap<_, _>>());

    /// No map of Rust's has floats for keys.
    struct Floats;
    impl Serialize for Floats {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map([(1.0, 'a'), (0.5, 'b'), (-0.0, 'c'), (f64::INFINITY, 'd')])
        }
    }
    means_the_same(&Floats);
}

#[test]
fn structs_and_what_serde_does_to_them() {
    #[derive(Serialize, Deserialize, Debug, Default)]
    struct Plain {
        a: u8,
        key: String,
        #[serde(rename = "1")]
        one: bool,
    }
    #[derive(Serialize, Deserialize, Debug)]
    struct Skipping {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        a: Option<u8>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        b: Vec<u8>,
        #[serde(skip)]
        _never: u8,
        length: u8,
    }
    #[derive(Serialize, Deserialize, Debug)]
    struct Flat {
        a: u8,
        #[serde(flatten)]
        plain: Inner,
        #[serde(flatten)]
        rest: BTreeMap<String, Vec<i64>>,
    }
    #[derive(Serialize, Deserialize, Debug)]
    struct Inner {
        b: Option<u64>,
        c: f64,
    }
    #[derive(Serialize, Deserialize, Debug)]
    struct Empty {}
    comes_back(Plain::default());
    comes_back(vec![Plain::default(), Plain::default()]);
    comes_back(Empty {});
    for (a, b) in [(None, vec![]), (Some(1), vec![]), (Some(1), vec![2])] {
        comes_back(Skipping {
            a,
            b,
            _never: 0,
            length: 9,
        });
    }
    comes_back(Flat {
        a: 1,
        plain: Inner {
            b: Some(u64::MAX),
            c: -0.0,
        },
        rest: BTreeMap::from([("more".to_owned(), vec![i64::MIN]), ("z".to_owned(), vec![])]),
    });
}

#[test]
fn enums_of_all_four_kinds() {
    macro_rules! shapes {
        ($(#[$tag:meta])* $name:ident) => {
            #[derive(Serialize, Deserialize, Debug)]
            $(#[$tag])*
            enum $name {
                Unit,
                Newtype(BTreeMap<String, u8>),
                Struct { a: i8, key: Option<String> },
            }
            comes_back(vec![
                $name::Unit,
                $name::Newtype(BTreeMap::from([("b".to_owned(), 1)])),
                $name::Struct { a: -1, key: None },
                $name::Struct { a: 1, key: Some("x".into()) },
            ]);
            comes_back($name::Unit);
            comes_back($name::Struct { a: 0, key: None });
        };
    }
    shapes!(External);
    shapes!(
        #[serde(tag = "kind")]
        Internal
    );
    shapes!(
        #[serde(tag = "kind", content = "value")]
        Adjacent
    );
    shapes!(
        #[serde(untagged)]
        Untagged
    );

    #[derive(Serialize, Deserialize, Debug)]
    enum Tuples {
        None(),
        One(Option<()>),
        Two(u8, String),
        Nested(Box<Tuples>),
    }
    comes_back(vec![
        Tuples::None(),
        Tuples::One(None),
        Tuples::One(Some(())),
        Tuples::Two(1, "x".into()),
        Tuples::Nested(Box::new(Tuples::Two(2, "y".into()))),
    ]);
    #[derive(Serialize, Deserialize, Debug)]
    #[serde(tag = "kind", content = "value")]
    enum AdjacentTuples {
        One(u8),
        Two(u8, String),
    }
    comes_back(vec![AdjacentTuples::One(1), AdjacentTuples::Two(1, "x".into())]);
    #[derive(Serialize, Deserialize, Debug)]
    #[serde(untagged)]
    enum Scalars {
        Flag(bool),
        Number(i64),
        Large(u64),
        Float(f64),
        Text(String),
        List(Vec<Scalars>),
        Nothing,
    }
    comes_back(vec![
        Scalars::Flag(true),
        Scalars::Number(-1),
        Scalars::Large(u64::MAX),
        Scalars::Float(0.5),
        Scalars::Text("1".into()),
        Scalars::List(vec![Scalars::Nothing]),
        Scalars::Nothing,
    ]);
}

#[test]
fn values_of_other_crates() {
    comes_back(serde_json::json!({"a": [1, -1, 1.5, null, true, "x", {"key": {}}], "length": []}));
    means_the_same(&minijinja::context! { a => vec![1, 2], key => "x" });
}

#[test]
fn shared_data_means_what_it_holds() {
    let data = vec![vec![1_u8, 2], vec![]];
    let shared = Shared::new(data.iter().cloned().map(Shared::new).collect::<Vec<_>>());
    let (theirs, other) = (Value::from(Serde(&data)), Value::from(Serde(&shared)));
    let snapshot = Snapshot::of(&shared).unwrap();
    assert_eq!(
        battery::differences(&snapshot.value(), [&theirs, &other]),
        Vec::<String>::new()
    );
    assert!(snapshot.next(&shared).unwrap().is_same(&snapshot));
    assert_eq!(snapshot.to::<Vec<Vec<u8>>>().unwrap(), data);
}

#[test]
fn a_safe_string_in_the_data_is_text_like_any_other() {
    let data = minijinja::context! { html => Value::from_safe_string("<b>".to_owned()) };
    let snapshot = Snapshot::of(&data).unwrap();
    assert!(!snapshot.value().get_attr("html").unwrap().is_safe());
    assert_eq!(snapshot.to::<BTreeMap<String, String>>().unwrap()["html"], "<b>");
}
