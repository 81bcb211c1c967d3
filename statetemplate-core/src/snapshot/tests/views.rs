//! What is read in place is what a template reads of the value there.

use minijinja::value::ValueKind;
use minijinja::{Environment, Value};

use super::*;
use crate::snapshot::View;

/// Where reading a part in place gives another answer than its value does; nothing when all is right.
pub(super) fn differences(part: View<'_>) -> Vec<String> {
    let value = part.value();
    let mut found = Vec::new();
    let mut expect = |is_right: bool, what: &str| {
        if !is_right {
            found.push(format!("{what} of {value:?}"));
        }
    };
    expect(part.is_true() == value.is_true(), "truth");
    let is_text = matches!(
        value.kind(),
        ValueKind::String | ValueKind::Number | ValueKind::Bool | ValueKind::None
    );
    let printed = is_text.then(|| value.to_string());
    expect(part.printed().as_deref() == printed.as_deref(), "text");
    let environment = Environment::new();
    let filter = |name: &str, arguments: &[Value]| environment.empty_state().apply_filter(name, arguments);
    if let Some(length) = part.length() {
        let theirs = filter("length", std::slice::from_ref(&value)).ok();
        expect(theirs == Some(Value::from(length)), "length");
    }
    if let Some(text) = part.fixed(2) {
        let theirs = filter("format", &[Value::from("%.2f"), value.clone()]).ok();
        expect(
            theirs.as_ref().and_then(Value::as_str) == Some(text.as_str()),
            "fixed",
        );
    }
    if let Some(pairs) = part.pairs() {
        let theirs = filter("items", std::slice::from_ref(&value)).unwrap();
        let theirs: Vec<Value> = theirs.try_iter().unwrap().collect();
        let ours: Vec<Value> = (0..pairs.len()).map(|at| pairs.value(at)).collect();
        expect(
            ours.len() == theirs.len() && ours.iter().zip(&theirs).all(|(a, b)| same_value(a, b)),
            "pairs",
        );
        for at in 0..pairs.len() {
            let inside = pairs.view(at, &[PathStep::Index(1)]).unwrap();
            found.extend(differences(inside));
        }
    } else if value.kind() == ValueKind::Seq {
        for at in 0..value.len().unwrap() {
            let step = PathStep::Index(at.try_into().unwrap());
            found.extend(differences(part.at(&[step]).unwrap()));
        }
    }
    found
}

#[test]
fn a_path_leads_to_parts_only() {
    let data = Snapshot::of(&serde_json::json!({"text": "ab", "list": [1, {"a": 2}], "0": 3})).unwrap();
    let read = |path: &[PathStep]| data.view().at(path).map(View::value);
    assert_eq!(read(&["list".into(), 1.into(), "a".into()]), Some(Value::from(2)));
    for missing in [
        vec!["none".into()],
        vec!["list".into(), 2.into()],
        vec!["list".into(), PathStep::Index(-1)],
        vec!["text".into(), 0.into()],
        vec![PathStep::Index(0)],
    ] {
        assert_eq!(read(&missing), None, "{missing:?}");
    }
}
