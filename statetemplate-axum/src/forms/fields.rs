//! What a form's fields say, as the payload of an action: the same that the client makes of them.

use serde_json::{Map, Value, value::RawValue};

use super::target::Values;

/// The payload of fields and of the values that go with them: a name that occurs once is a text, one that occurs again a
/// list; `values` count in the place of fields of their names.
pub(super) fn payload(fields: Values, values: Values) -> Box<RawValue> {
    let mut payload = Map::new();
    for (name, value) in fields {
        match payload.get_mut(&name) {
            None => drop(payload.insert(name, Value::String(value))),
            Some(Value::Array(list)) => list.push(Value::String(value)),
            Some(one) => *one = Value::Array(vec![one.take(), Value::String(value)]),
        }
    }
    payload.extend(
        values
            .into_iter()
            .map(|(name, value)| (name, Value::String(value))),
    );
    serde_json::value::to_raw_value(&payload).expect("a map of texts is JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_become_what_the_client_makes_of_them() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let fields = vec![
            pair("title", "Milk"),
            pair("tag", "a"),
            pair("tag", "b"),
            pair("task", "from a field"),
            pair("tag", "c"),
        ];
        let made = payload(fields, vec![pair("task", "5")]);
        let expected = serde_json::json!({"title": "Milk", "tag": ["a", "b", "c"], "task": "5"});
        assert_eq!(serde_json::from_str::<Value>(made.get()).unwrap(), expected);
        assert_eq!(payload(vec![], vec![]).get(), "{}");
    }
}
