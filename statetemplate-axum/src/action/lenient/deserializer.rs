//! The deserializer: a JSON value, read as what is asked for.

use serde::{
    de::{self, Deserializer, Error as _, Unexpected, Visitor},
    forward_to_deserialize_any,
};
use serde_json::Value;

use super::{
    Pass,
    access::{Entries, Items, Variant},
    error::PayloadError,
};

#[derive(Clone, Copy)]
pub(super) struct Lenient<'a> {
    pub(super) value: &'a Value,
    pub(super) pass: Pass<'a>,
    /// The number of the option whose empty text or object this is.
    pub(super) option: Option<usize>,
}

/// Whether the value may be meant as nothing: an empty field, or the payload of an action without data.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.trim().is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

impl<'a> Lenient<'a> {
    pub(super) fn of(self, value: &'a Value) -> Self {
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

    pub(super) fn mismatch(self, expected: &dyn de::Expected) -> PayloadError {
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
        if let Some(option) = self.option
            && is_empty(self.value)
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
            value if is_empty(value) => {
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
