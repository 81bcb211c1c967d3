//! Data of every serde kind, and random data.

use proptest::prelude::*;
use serde::ser::{SerializeMap as _, SerializeSeq as _, SerializeStruct as _, SerializeTuple as _};
use serde::{Serialize, Serializer};

use crate::Shared;

/// Random data of every serde kind.
#[derive(Clone, Debug)]
pub(super) enum Tree {
    Null,
    Some(Box<Tree>),
    Bool(bool),
    Int(i64),
    UInt(u64),
    Int128(i128),
    UInt128(u128),
    Float(f64),
    Char(char),
    Str(String),
    Bytes(Vec<u8>),
    Seq(Vec<Tree>),
    Tuple(Vec<Tree>),
    Map(Vec<(Tree, Tree)>),
    Struct(Vec<Tree>),
    Variant(Box<Tree>),
    Shared(Shared<Tree>),
}

const FIELDS: [&str; 4] = ["a", "b", "c", "d"];

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Tree::Null => s.serialize_unit(),
            Tree::Some(tree) => s.serialize_some(tree),
            Tree::Bool(value) => s.serialize_bool(*value),
            Tree::Int(value) => s.serialize_i64(*value),
            Tree::UInt(value) => s.serialize_u64(*value),
            Tree::Int128(value) => s.serialize_i128(*value),
            Tree::UInt128(value) => s.serialize_u128(*value),
            Tree::Float(value) => s.serialize_f64(*value),
            Tree::Char(value) => s.serialize_char(*value),
            Tree::Str(value) => s.serialize_str(value),
            Tree::Bytes(value) => s.serialize_bytes(value),
            Tree::Seq(items) => {
                let mut seq = s.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| seq.serialize_element(item))?;
                seq.end()
            }
            Tree::Tuple(items) => {
                let mut tuple = s.serialize_tuple(items.len())?;
                items.iter().try_for_each(|item| tuple.serialize_element(item))?;
                tuple.end()
            }
            Tree::Map(entries) => {
                let mut map = s.serialize_map(None)?;
                entries
                    .iter()
                    .try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
            Tree::Struct(fields) => {
                let mut map = s.serialize_struct("S", fields.len())?;
                FIELDS
                    .iter()
                    .zip(fields)
                    .try_for_each(|(name, field)| map.serialize_field(name, field))?;
                map.end()
            }
            Tree::Variant(tree) => s.serialize_newtype_variant("E", 0, "V", tree),
            Tree::Shared(tree) => tree.serialize(s),
        }
    }
}

fn leaf_tree() -> impl Strategy<Value = Tree> {
    prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::Bool),
        prop_oneof![-3i64..3, any::<i64>()].prop_map(Tree::Int),
        any::<u64>().prop_map(Tree::UInt),
        any::<i128>().prop_map(Tree::Int128),
        any::<u128>().prop_map(Tree::UInt128),
        prop_oneof![Just(f64::NAN), Just(-0.0), Just(1.0), any::<f64>()].prop_map(Tree::Float),
        any::<char>().prop_map(Tree::Char),
        "[a-d<&\\\\']{0,3}|.{20,30}".prop_map(Tree::Str),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(Tree::Bytes),
    ]
}

pub(super) fn tree() -> impl Strategy<Value = Tree> {
    leaf_tree().prop_recursive(4, 40, 6, |inner| {
        let key = prop_oneof![4 => "[a-d]".prop_map(Tree::Str), 1 => leaf_tree()];
        prop_oneof![
            inner.clone().prop_map(|tree| Tree::Some(Box::new(tree))),
            prop::collection::vec(inner.clone(), 0..6).prop_map(Tree::Seq),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Tree::Tuple),
            prop::collection::vec((key, inner.clone()), 0..6).prop_map(Tree::Map),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Tree::Struct),
            inner.clone().prop_map(|tree| Tree::Variant(Box::new(tree))),
            inner.prop_map(|tree| Tree::Shared(Shared::new(tree))),
        ]
    })
}
