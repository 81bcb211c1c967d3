//! The parts of sequences, objects and enums, each with its place for the error.

use serde::{
    Deserializer,
    de::{
        self, DeserializeSeed, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess, VariantAccess,
        Visitor,
    },
};
use serde_json::{Map, Value};

use super::{deserializer::Lenient, error::PayloadError};

pub(super) struct Items<'a> {
    pub(super) items: std::slice::Iter<'a, Value>,
    pub(super) at: usize,
    pub(super) parent: Lenient<'a>,
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

pub(super) struct Entries<'a> {
    entries: serde_json::map::Iter<'a>,
    value: Option<(&'a str, &'a Value)>,
    pub(super) parent: Lenient<'a>,
}

impl<'a> Entries<'a> {
    pub(super) fn new(map: &'a Map<String, Value>, parent: Lenient<'a>) -> Self {
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

pub(super) struct Variant<'a> {
    pub(super) name: &'a str,
    pub(super) content: Option<&'a Value>,
    pub(super) parent: Lenient<'a>,
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
