//! Data and bytes that are no snapshot end in an error that names the place.

use minijinja::context;
use serde::Serializer;

use super::tree::Tree;
use super::*;

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
