//! An enum's variant with content: a map of one entry, as minijinja and JSON have it.

use std::sync::Arc;

use serde::ser::{
    Serialize, SerializeStruct, SerializeStructVariant, SerializeTupleStruct, SerializeTupleVariant,
};

use super::fault::Fault;
use super::{Done, Walk, Walked};
use crate::snapshot::keys::{Keys, Shape};
use crate::snapshot::node::{Map, Node};

/// A variant whose content is walked.
pub(super) struct Variant<'a> {
    name: &'static str,
    /// The old value, when it is of the same variant.
    old: Option<&'a Map>,
}

impl<'a> Variant<'a> {
    /// The variant, and the walk of its content.
    pub(super) fn enter(name: &'static str, walk: &Walk<'a>) -> Result<(Variant<'a>, Walk<'a>), Fault> {
        let old = match walk.old {
            Some(Node::Map(map)) if map.keys.shape() == Shape::Map && map.values.len() == 1 => {
                map.get(name).map(|content| (&**map, content))
            }
            _ => None,
        };
        let variant = Variant {
            name,
            old: old.map(|(map, _)| map),
        };
        let content = Walk {
            old: old.map(|(_, content)| content),
            depth: walk.deeper()?,
            ..*walk
        };
        Ok((variant, content))
    }

    /// The variant with its content.
    pub(super) fn wrap(self, content: Walked) -> Walked {
        let Walked::New(content) = content else {
            return Walked::Same;
        };
        let keys = match self.old {
            Some(old) => old.keys.clone(),
            None => Arc::new(Keys::new(Shape::Map, vec![Node::Str(self.name.into())]).0),
        };
        Walked::New(Node::Map(Arc::new(Map {
            keys,
            values: [content].into(),
        })))
    }
}

/// A variant whose content, a sequence or map, is on its way as `content`.
pub(super) struct VariantWalk<'a, W> {
    pub(super) variant: Variant<'a>,
    pub(super) content: W,
}

impl<W: SerializeTupleStruct<Ok = Walked, Error = Fault>> SerializeTupleVariant for VariantWalk<'_, W> {
    type Ok = Walked;
    type Error = Fault;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        self.content.serialize_field(value)
    }

    fn end(self) -> Done {
        Ok(self.variant.wrap(self.content.end()?))
    }
}

impl<W: SerializeStruct<Ok = Walked, Error = Fault>> SerializeStructVariant for VariantWalk<'_, W> {
    type Ok = Walked;
    type Error = Fault;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Fault> {
        self.content.serialize_field(name, value)
    }

    fn end(self) -> Done {
        Ok(self.variant.wrap(self.content.end()?))
    }
}
