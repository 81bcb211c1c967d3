//! Structs and maps on their way into a snapshot.

use serde::ser::{self, Serialize};

use super::entries::{Entries, Key};
use super::fault::Fault;
use super::{Done, Walk, Walked};
use crate::snapshot::keys::{Field, Shape};

/// A struct on its way.
pub(super) struct StructWalk<'a> {
    entries: Entries<'a>,
    fields: &'a [Field],
}

impl<'a> StructWalk<'a> {
    /// A struct as a template reads it: `shape` is that of a map for an enum's variant, as minijinja has it. The two
    /// look keys up differently.
    #[inline]
    pub(super) fn new(shape: Shape, walk: &Walk<'a>) -> Result<StructWalk<'a>, Fault> {
        let entries = Entries::new(shape, walk)?;
        let fields = entries.old.map_or(&[][..], |old| old.keys.fields());
        Ok(StructWalk { entries, fields })
    }

    /// Takes a field that is not where it is expected, or after others that were not the same.
    fn other_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Fault> {
        let cursor = self.entries.cursor;
        let at = match (self.fields.get(cursor), self.entries.old) {
            (Some(field), _) if field.is(name) => Some(cursor),
            (_, Some(old)) => old.keys.find_field(cursor, name),
            (_, None) => None,
        };
        match self.entries.same.get(cursor) {
            Some(old) if at == Some(cursor) => self.entries.in_place(old, value),
            _ => self.entries.moved(at.map_or(Key::Name(name), Key::Old), value),
        }
    }
}

impl ser::SerializeStruct for StructWalk<'_> {
    type Ok = Walked;
    type Error = Fault;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Fault> {
        let cursor = self.entries.cursor;
        match (self.entries.same.get(cursor), self.fields.get(cursor)) {
            (Some(old), Some(field)) if field.is(name) => self.entries.in_place(old, value),
            _ => self.other_field(name, value),
        }
    }

    #[inline]
    fn end(self) -> Done {
        self.entries.finish()
    }
}

/// A map on its way.
pub(super) struct MapWalk<'a> {
    entries: Entries<'a>,
    /// The key whose value comes next.
    key: Option<Key>,
}

impl<'a> MapWalk<'a> {
    #[inline]
    pub(super) fn new(walk: &Walk<'a>) -> Result<MapWalk<'a>, Fault> {
        Ok(MapWalk {
            entries: Entries::new(Shape::Map, walk)?,
            key: None,
        })
    }

    /// Takes a key. The expected one is the model, so that a key that is still there costs no allocation.
    #[inline]
    fn key<T: Serialize + ?Sized>(&self, key: &T) -> Result<Key, Fault> {
        let walked = key.serialize(Walk {
            old: self.entries.expected(),
            first: None,
            depth: self.entries.depth,
        });
        match walked {
            Ok(Walked::Same) => Ok(Key::Old(self.entries.cursor)),
            Ok(Walked::New(key)) => {
                let at = self.entries.old.and_then(|old| old.keys.find_node(&key));
                Ok(at.map_or(Key::Node(key), Key::Old))
            }
            Err(fault) => Err(Fault::new(format!("one of its keys: {fault}"))),
        }
    }

    #[inline]
    fn value<T: Serialize + ?Sized>(&mut self, key: Key, value: &T) -> Result<(), Fault> {
        let cursor = self.entries.cursor;
        match (&key, self.entries.same.get(cursor)) {
            (Key::Old(at), Some(old)) if *at == cursor => self.entries.in_place(old, value),
            _ => self.entries.moved(key, value),
        }
    }
}

impl ser::SerializeMap for MapWalk<'_> {
    type Ok = Walked;
    type Error = Fault;

    #[inline]
    fn serialize_entry<K: Serialize + ?Sized, V: Serialize + ?Sized>(
        &mut self,
        key: &K,
        value: &V,
    ) -> Result<(), Fault> {
        let key = self.key(key)?;
        self.value(key, value)
    }

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Fault> {
        self.key = Some(self.key(key)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        match self.key.take() {
            Some(key) => self.value(key, value),
            None => Err(Fault::new(
                "its Serialize gives a value before its key".to_owned(),
            )),
        }
    }

    #[inline]
    fn end(self) -> Done {
        self.entries.finish()
    }
}
