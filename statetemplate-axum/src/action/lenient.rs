//! Decodes payloads as forms and attributes write them: text where a number or a boolean is meant.

use std::{cell::Cell, collections::HashSet, fmt};

use serde::{
    de::{
        self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer,
        MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
    },
    forward_to_deserialize_any,
};
use serde_json::{Map, Value};

/// How often decoding starts again because an empty text stands where an optional number or boolean is meant. Each such
/// text costs one pass, so that the limit keeps a hostile payload from costing more than its size times this.
const MAX_PASSES: usize = 64;

/// Why a payload did not decode: where, and what was expected there.
#[derive(Debug)]
pub(crate) struct PayloadError {
    /// The steps to the value, innermost first, because an error travels outwards.
    path: Vec<String>,
    message: String,
    /// An empty text stood in an `Option` of something that no empty text can be.
    empty_option: bool,
}

impl PayloadError {
    fn within(mut self, step: impl Into<String>) -> Self {
        self.path.push(step.into());
        self
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for step in self.path.iter().rev() {
            if !path.is_empty() && !step.starts_with('[') {
                path.push('.');
            }
            path.push_str(step);
        }
        path
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path();
        if path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{path}: {}", self.message)
        }
    }
}

impl std::error::Error for PayloadError {}

impl de::Error for PayloadError {
    fn custom<M: fmt::Display>(message: M) -> Self {
        PayloadError {
            path: Vec::new(),
            message: message.to_string(),
            empty_option: false,
        }
    }
}

/// Decodes `value` as a `P`.
///
/// # Errors
///
/// When the value has not the shape of a `P`: with the path to the field and what was expected there.
pub(crate) fn decode<P: DeserializeOwned>(value: &Value) -> Result<P, PayloadError> {
    // An empty text means `None` in an `Option<i64>` but `Some("")` in an `Option<String>`, and serde says which of
    // them is meant only after `Some` has been chosen. So a pass that chose wrongly notes the place and starts again.
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

#[derive(Clone, Copy)]
struct Lenient<'a> {
    value: &'a Value,
    pass: Pass<'a>,
    /// The number of the option whose empty text this is.
    option: Option<usize>,
}

impl<'a> Lenient<'a> {
    fn of(self, value: &'a Value) -> Self {
        Lenient {
            value,
            pass: self.pass,
            option: None,
        }
    }

    /// The value itself, or the only entry of an object: `st-value-by="1"` sends `{"by":"1"}`, and a handler may ask for
    /// the number alone.
    fn scalar(self) -> Self {
        match self.value {
            Value::Object(map) if map.len() == 1 => match map.values().next() {
                Some(only) if !only.is_object() && !only.is_array() => self.of(only),
                _ => self,
            },
            _ => self,
        }
    }

    fn mismatch(self, expected: &dyn de::Expected) -> PayloadError {
        let unexpected = match self.value {
            Value::Null => Unexpected::Unit,
            Value::Bool(flag) => Unexpected::Bool(*flag),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => Unexpected::Unsigned(number),
                (_, Some(number)) => Unexpected::Signed(number),
                _ => Unexpected::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => Unexpected::Str(beginning(text)),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        };
        let mut error = PayloadError::invalid_type(unexpected, expected);
        if let (Some(option), Value::String(text)) = (self.option, self.value)
            && text.trim().is_empty()
        {
            self.pass.failed_option.set(Some(option));
            error.empty_option = true;
        }
        error
    }

    fn integer<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        let this = self.scalar();
        match this.value {
            Value::Number(_) => this.number(visitor),
            Value::String(text) => {
                let text = text.trim();
                if let Ok(number) = text.parse::<i64>() {
                    visitor.visit_i64(number)
                } else if let Ok(number) = text.parse::<u64>() {
                    visitor.visit_u64(number)
                } else {
                    Err(this.mismatch(&visitor))
                }
            }
            _ => Err(this.mismatch(&visitor)),
        }
    }

    fn float<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        let this = self.scalar();
        match this.value {
            Value::Number(_) => this.number(visitor),
            Value::String(text) => match text.trim().parse::<f64>() {
                // "NaN" and "inf" parse, but nobody types them into a field to mean a number.
                Ok(number) if number.is_finite() => visitor.visit_f64(number),
                _ => Err(this.mismatch(&visitor)),
            },
            _ => Err(this.mismatch(&visitor)),
        }
    }

    fn number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        match self.value {
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), ..) => visitor.visit_u64(number),
                (_, Some(number), _) => visitor.visit_i64(number),
                (_, _, Some(number)) => visitor.visit_f64(number),
                _ => Err(self.mismatch(&visitor)),
            },
            _ => Err(self.mismatch(&visitor)),
        }
    }
}

/// The beginning of a text, for a message.
fn beginning(text: &str) -> &str {
    match text.char_indices().nth(40) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

macro_rules! lenient {
    ($way:ident: $($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
            self.$way(visitor)
        }
    )*};
}

impl<'de, 'a> Deserializer<'de> for Lenient<'a> {
    type Error = PayloadError;

    lenient!(integer: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128);
    lenient!(float: deserialize_f32 deserialize_f64);

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(*flag),
            Value::Number(_) => self.number(visitor),
            Value::String(text) => visitor.visit_str(text),
            Value::Array(items) => visitor.visit_seq(Items {
                items: items.iter(),
                at: 0,
                parent: self,
            }),
            Value::Object(map) => visitor.visit_map(Entries::new(map, self)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        let this = self.scalar();
        match this.value {
            Value::Bool(flag) => visitor.visit_bool(*flag),
            Value::String(text) => match text.trim() {
                "true" | "on" | "yes" | "1" => visitor.visit_bool(true),
                "false" | "off" | "no" | "0" => visitor.visit_bool(false),
                _ => Err(this.mismatch(&visitor)),
            },
            _ => Err(this.mismatch(&visitor)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        let this = self.scalar();
        match this.value {
            Value::String(text) => visitor.visit_str(text),
            _ => Err(this.mismatch(&visitor)),
        }
    }

    lenient!(deserialize_str: deserialize_string deserialize_char);

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        let number = self.pass.options_seen.get();
        self.pass.options_seen.set(number + 1);
        match self.scalar().value {
            Value::Null => visitor.visit_none(),
            Value::String(text) if text.trim().is_empty() => {
                if self.pass.empty_is_none.contains(&number) {
                    visitor.visit_none()
                } else {
                    visitor.visit_some(Lenient {
                        option: Some(number),
                        ..self.scalar()
                    })
                }
            }
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Object(map) if map.is_empty() => visitor.visit_unit(),
            Value::Array(items) if items.is_empty() => visitor.visit_unit(),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, PayloadError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, PayloadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        match self.value {
            // A form with one chosen option sends one text where several choices send an array.
            Value::Bool(_) | Value::Number(_) | Value::String(_) => visitor.visit_seq(Items {
                items: std::slice::from_ref(self.value).iter(),
                at: 0,
                parent: self,
            }),
            Value::Array(_) => self.deserialize_any(visitor),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, PayloadError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, PayloadError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, PayloadError> {
        match self.value {
            Value::String(name) => visitor.visit_enum(Variant {
                name,
                content: None,
                parent: self,
            }),
            Value::Object(map) if map.len() == 1 => match map.iter().next() {
                // `{"filter":"done"}` from `st-value-filter="done"`, for an enum without a variant named "filter".
                Some((key, Value::String(name))) if !variants.contains(&key.as_str()) => {
                    visitor.visit_enum(Variant {
                        name,
                        content: None,
                        parent: self,
                    })
                }
                Some((name, content)) => visitor.visit_enum(Variant {
                    name,
                    content: Some(content),
                    parent: self,
                }),
                None => Err(self.mismatch(&visitor)),
            },
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { bytes byte_buf map struct identifier }
}

struct Items<'a> {
    items: std::slice::Iter<'a, Value>,
    at: usize,
    parent: Lenient<'a>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = PayloadError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, PayloadError> {
        let Some(item) = self.items.next() else {
            return Ok(None);
        };
        let at = self.at;
        self.at += 1;
        seed.deserialize(self.parent.of(item))
            .map(Some)
            .map_err(|error| error.within(format!("[{at}]")))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Entries<'a> {
    entries: serde_json::map::Iter<'a>,
    value: Option<(&'a str, &'a Value)>,
    parent: Lenient<'a>,
}

impl<'a> Entries<'a> {
    fn new(map: &'a Map<String, Value>, parent: Lenient<'a>) -> Self {
        Entries {
            entries: map.iter(),
            value: None,
            parent,
        }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = PayloadError;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, PayloadError> {
        let Some((key, value)) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some((key, value));
        // Keys go through the same decoder, so that a map keyed by numbers reads its textual keys.
        let text = Value::String(key.clone());
        seed.deserialize(Lenient {
            value: &text,
            pass: self.parent.pass,
            option: None,
        })
        .map(Some)
        .map_err(|error| error.within(key.as_str()))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, PayloadError> {
        let (key, value) = self
            .value
            .take()
            .ok_or_else(|| PayloadError::custom("a value was asked for before its key"))?;
        seed.deserialize(self.parent.of(value))
            .map_err(|error| error.within(key))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

struct Variant<'a> {
    name: &'a str,
    content: Option<&'a Value>,
    parent: Lenient<'a>,
}

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = PayloadError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), PayloadError> {
        let name: de::value::StrDeserializer<'_, PayloadError> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = PayloadError;

    fn unit_variant(self) -> Result<(), PayloadError> {
        match self.content {
            None | Some(Value::Null) => Ok(()),
            Some(content) => Err(self
                .parent
                .of(content)
                .mismatch(&"nothing, as the variant holds no value"))
            .map_err(|error: PayloadError| error.within(self.name)),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, PayloadError> {
        seed.deserialize(self.parent.of(self.content.unwrap_or(&Value::Null)))
            .map_err(|error| error.within(self.name))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, PayloadError> {
        self.parent
            .of(self.content.unwrap_or(&Value::Null))
            .deserialize_seq(visitor)
            .map_err(|error| error.within(self.name))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, PayloadError> {
        self.parent
            .of(self.content.unwrap_or(&Value::Null))
            .deserialize_any(visitor)
            .map_err(|error| error.within(self.name))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

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
