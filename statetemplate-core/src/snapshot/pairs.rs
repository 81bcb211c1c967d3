//! The pairs of a map, read in place: what a list over `|items` runs over.

use std::sync::Arc;

use minijinja::Value;
use minijinja::value::Tuple;

use super::items::identity;
use super::keys::Shape;
use super::node::{Map, Node};
use super::{PathStep, View, paths};

/// The keys of a map in a snapshot, each with its value.
#[derive(Clone)]
pub(crate) struct MapPairs(Arc<Map>);

impl MapPairs {
    pub(super) fn new(map: Arc<Map>) -> Self {
        MapPairs(map)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.values.len()
    }

    fn pair(&self, at: usize) -> Option<(&Node, &Node)> {
        let (key, value) = (self.0.keys.names().get(at)?, self.0.values.get(at)?);
        // As templates find them: of a struct's name that is given twice, one value.
        match (self.0.keys.shape(), key) {
            (Shape::Struct, Node::Str(name)) => Some((key, self.0.get(name)?)),
            _ => Some((key, value)),
        }
    }

    /// The pair as `|items` makes it; undefined past the end.
    pub(crate) fn value(&self, at: usize) -> Value {
        self.pair(at)
            .map(|(key, value)| Value::from(Tuple::new(vec![key.value(), value.value()])))
            .unwrap_or_default()
    }

    /// What a path finds of a pair, if it leads into its key or its value.
    pub(crate) fn view(&self, at: usize, path: &[PathStep]) -> Option<View<'_>> {
        let (key, value) = self.pair(at)?;
        let (first, rest) = path.split_first()?;
        match first {
            PathStep::Index(0) => View(key).at(rest),
            PathStep::Index(1) => View(value).at(rest),
            _ => None,
        }
    }

    /// Whether two pairs are the same, as [`Snapshot::is_same`](super::Snapshot::is_same) tells it.
    pub(crate) fn same(&self, at: usize, other: &MapPairs, other_at: usize) -> bool {
        match (self.pair(at), other.pair(other_at)) {
            (Some((key, value)), Some((other_key, other))) => key.same(other_key) && value.same(other),
            (None, None) => true,
            _ => false,
        }
    }

    /// Whether two pairs certainly have the same at a path.
    pub(crate) fn same_at(&self, at: usize, other: &MapPairs, other_at: usize, path: &[PathStep]) -> bool {
        let (Some((key, value)), Some((other_key, other_value))) = (self.pair(at), other.pair(other_at))
        else {
            return self.same(at, other, other_at);
        };
        match path.split_first() {
            Some((PathStep::Index(0), rest)) => paths::same_at(key, other_key, rest),
            Some((PathStep::Index(1), rest)) => paths::same_at(value, other_value, rest),
            _ => key.same(other_key) && value.same(other_value),
        }
    }

    /// A number that is equal for pairs that are the same; different pairs may share one.
    pub(crate) fn identity(&self, at: usize) -> u64 {
        self.pair(at).map_or(0, |(key, value)| {
            identity(key)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .wrapping_add(identity(value))
        })
    }

    /// As [`MapPairs::identity`], of what a pair has at a path.
    pub(crate) fn identity_at(&self, at: usize, path: &[PathStep]) -> u64 {
        self.view(at, path).map_or(0, |part| identity(part.0))
    }
}
