//! Decodes payloads as forms and attributes write them: text where a number or a boolean is meant.

mod access;
mod deserializer;
mod error;

use std::{cell::Cell, collections::HashSet};

use serde::de::{DeserializeOwned, Error as _};
use serde_json::Value;

use self::{deserializer::Lenient, error::PayloadError};

/// How often decoding starts again because an empty text stands where an optional number or boolean is meant. Each such
/// text costs one pass, so that the limit keeps a hostile payload from costing more than its size times this.
const MAX_PASSES: usize = 64;

/// Decodes `value` as a `P`.
///
/// # Errors
///
/// When the value has not the shape of a `P`: with the path to the field and what was expected there.
pub(crate) fn decode<P: DeserializeOwned>(value: &Value) -> Result<P, PayloadError> {
    // An empty text means `None` in an `Option<i64>` but `Some("")` in an `Option<String>`, and serde says which of
    // them is meant only after `Some` has been chosen. So a pass that chose wrongly notes the place and starts again.
    // An empty object likewise is an object of defaults where an object is meant, and nothing where a value is.
    let mut empty_is_none = HashSet::new();
    for _ in 0..MAX_PASSES {
        let options_seen = Cell::new(0);
        let failed_option = Cell::new(None);
        let pass = Pass {
            empty_is_none: &empty_is_none,
            options_seen: &options_seen,
            failed_option: &failed_option,
        };
        match P::deserialize(Lenient {
            value,
            pass,
            option: None,
        }) {
            Err(error) if error.empty_option => match failed_option.get() {
                Some(place) if !empty_is_none.contains(&place) => {
                    empty_is_none.insert(place);
                }
                _ => return Err(error),
            },
            result => return result,
        }
    }
    Err(PayloadError::custom("more empty fields than a payload may have"))
}

/// What one pass over the payload knows: serde visits the options of a type in the same order each time, so that their
/// number names them.
#[derive(Clone, Copy)]
struct Pass<'a> {
    empty_is_none: &'a HashSet<usize>,
    options_seen: &'a Cell<usize>,
    failed_option: &'a Cell<Option<usize>>,
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fmt};

    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Task {
        title: String,
        #[serde(default)]
        note: Option<String>,
        #[serde(default)]
        due: Option<u32>,
        #[serde(default)]
        hours: f64,
        #[serde(default)]
        done: bool,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Filter {
        All,
        Done,
        Since(i64),
        Between { from: i64, to: i64 },
    }

    fn refused<P: DeserializeOwned + fmt::Debug>(value: &Value) -> String {
        decode::<P>(value).unwrap_err().to_string()
    }

    #[test]
    fn reads_the_texts_of_a_form_as_numbers_and_booleans() {
        let form = json!({"title": "Write", "note": "", "due": " 20261124 ", "hours": "1.5", "done": "on"});
        let task: Task = decode(&form).unwrap();
        let expected = Task {
            title: "Write".into(),
            note: Some(String::new()),
            due: Some(20_261_124),
            hours: 1.5,
            done: true,
        };
        assert_eq!(task, expected);
    }

    #[test]
    fn an_empty_text_is_no_number_but_is_a_text() {
        let task: Task = decode(&json!({"title": "", "note": "", "due": ""})).unwrap();
        assert_eq!((task.note, task.due), (Some(String::new()), None));
        let many: Vec<Option<i64>> = decode(&json!(["", "1", "", "", null])).unwrap();
        assert_eq!(many, [None, Some(1), None, None, None]);
        assert_eq!(decode::<Option<i64>>(&json!({"by": ""})).unwrap(), None);
    }

    #[test]
    fn an_action_without_data_has_no_optional_value_and_an_object_of_defaults() {
        assert_eq!(decode::<Option<i64>>(&json!({})).unwrap(), None);
        assert_eq!(decode::<Option<String>>(&json!({})).unwrap(), None);
        #[derive(Debug, Default, PartialEq, Deserialize)]
        #[serde(default)]
        struct Defaults {
            page: u32,
        }
        assert_eq!(
            decode::<Option<Defaults>>(&json!({})).unwrap(),
            Some(Defaults::default())
        );
        assert!(refused::<i64>(&json!({})).contains("expected i64"));
    }

    #[test]
    fn many_empty_texts_end_in_an_error_and_not_in_work_without_end() {
        let hostile = Value::Array(vec![json!(""); 20_000]);
        assert!(refused::<Vec<Option<i64>>>(&hostile).contains("more empty fields"));
    }

    #[test]
    fn an_object_with_one_entry_is_its_value() {
        assert_eq!(decode::<i64>(&json!({"by": "1"})).unwrap(), 1);
        assert_eq!(decode::<Option<u8>>(&json!({"by": "1"})).unwrap(), Some(1));
        assert_eq!(decode::<String>(&json!({"id": "t1"})).unwrap(), "t1");
        assert!(decode::<bool>(&json!({"on": "true"})).unwrap());
        assert_eq!(decode::<i64>(&json!(-3)).unwrap(), -3);
        assert!(refused::<i64>(&json!({"a": 1, "b": 2})).contains("expected i64"));
    }

    #[test]
    fn enums_are_read_by_name_and_from_an_object_of_one() {
        assert_eq!(decode::<Filter>(&json!("all")).unwrap(), Filter::All);
        assert_eq!(
            decode::<Filter>(&json!({"filter": "done"})).unwrap(),
            Filter::Done
        );
        assert_eq!(
            decode::<Filter>(&json!({"since": "7"})).unwrap(),
            Filter::Since(7)
        );
        let between: Filter = decode(&json!({"between": {"from": "1", "to": 2}})).unwrap();
        assert_eq!(between, Filter::Between { from: 1, to: 2 });
        assert!(refused::<Filter>(&json!("some")).contains("unknown variant `some`"));
        assert!(refused::<Filter>(&json!({"all": 1})).contains("holds no value"));
    }

    #[test]
    fn one_choice_is_a_sequence_of_one_and_keys_may_be_numbers() {
        assert_eq!(decode::<Vec<u8>>(&json!("4")).unwrap(), [4]);
        let map: BTreeMap<i64, bool> = decode(&json!({"7": "true"})).unwrap();
        assert_eq!(map, BTreeMap::from([(7, true)]));
    }

    #[test]
    fn nothing_is_unit() {
        decode::<()>(&Value::Null).unwrap();
        decode::<()>(&json!({})).unwrap();
        assert!(refused::<()>(&json!({"by": 1})).contains("map"));
    }

    #[test]
    fn an_error_names_the_field_and_what_was_expected() {
        let tasks = json!({"tasks": [{"title": "a"}, {"title": "b", "due": "soon"}]});
        #[derive(Debug, Deserialize)]
        struct List {
            #[allow(dead_code)]
            tasks: Vec<Task>,
        }
        assert_eq!(
            refused::<List>(&tasks),
            "tasks[1].due: invalid type: string \"soon\", expected u32"
        );
        assert_eq!(refused::<Task>(&json!({})), "missing field `title`");
        assert_eq!(
            refused::<u8>(&json!("300")),
            "invalid value: integer `300`, expected u8"
        );
        assert!(refused::<f64>(&json!("NaN")).contains("expected f64"));
    }
}
