//! What maps and structs have in common on their way into a snapshot: entries that are those of the old one, or not.

use std::cell::Cell;
use std::sync::Arc;

use serde::ser::Serialize;

use super::fault::Fault;
use super::{Done, Walk, Walked, shares};
use crate::snapshot::keys::{Keys, Shape};
use crate::snapshot::leaf;
use crate::snapshot::node::{Map, Node};

/// The entries of a map or struct on their way. `fresh` is made only once something differs from `old`.
pub(super) struct Entries<'a> {
    shape: Shape,
    pub(super) old: Option<&'a Arc<Map>>,
    /// The values of `old`, as long as nothing differs: an entry that is found here is in its place.
    pub(super) same: &'a [Node],
    pub(super) depth: usize,
    /// What the walk of the whole map has to tell of its first scalar, until there was one.
    first: Option<&'a Cell<bool>>,
    /// Where in `old` the next key is expected. While there is no `fresh`, that is how many entries there were.
    pub(super) cursor: usize,
    fresh: Option<Fresh>,
}

/// What differs from the old map.
struct Fresh {
    /// The keys, once one is not where the old map has it.
    keys: Option<Vec<Node>>,
    values: Vec<Node>,
}

/// Where the key of an entry is.
pub(super) enum Key {
    /// The old map has it, at this position.
    Old(usize),
    Name(&'static str),
    Node(Node),
}

impl<'a> Entries<'a> {
    #[inline]
    pub(super) fn new(shape: Shape, walk: &Walk<'a>) -> Result<Entries<'a>, Fault> {
        let old = match walk.old {
            Some(Node::Map(map)) if map.keys.shape() == shape => Some(map),
            _ => None,
        };
        Ok(Entries {
            shape,
            old,
            same: old.map_or(&[], |old| &old.values),
            depth: walk.deeper()?,
            first: walk.first,
            cursor: 0,
            fresh: None,
        })
    }

    /// The key that is expected next.
    #[inline]
    pub(super) fn expected(&self) -> Option<&'a Node> {
        self.old?.keys.names().get(self.cursor)
    }

    /// Takes the entry whose key the old map has here too, and probably this value.
    #[inline]
    pub(super) fn in_place<T: Serialize + ?Sized>(&mut self, old: &'a Node, value: &T) -> Result<(), Fault> {
        let walked = value.serialize(Walk {
            old: Some(old),
            first: self.first,
            depth: self.depth,
        });
        match walked {
            Ok(Walked::Same) => {
                self.settle(old);
                self.cursor += 1;
                Ok(())
            }
            Ok(Walked::New(node)) => {
                self.put(Key::Old(self.cursor), node);
                Ok(())
            }
            Err(fault) => Err(self.blame(&Key::Old(self.cursor), fault)),
        }
    }

    /// Takes an entry that may be elsewhere in the old map, or be new.
    pub(super) fn moved<T: Serialize + ?Sized>(&mut self, key: Key, value: &T) -> Result<(), Fault> {
        let old = match (&key, self.old) {
            (Key::Old(at), Some(old)) => old.values.get(*at),
            _ => None,
        };
        let model = old.or_else(|| self.sibling());
        let walked = value.serialize(Walk {
            old: model,
            first: self.first,
            depth: self.depth,
        });
        match walked {
            Ok(walked) => {
                let node = walked.resolve(model);
                self.put(key, node);
                Ok(())
            }
            Err(fault) => Err(self.blame(&key, fault)),
        }
    }

    /// What to walk a value along whose key is new: values of a map often look alike; fields of a struct do not.
    fn sibling(&self) -> Option<&Node> {
        if self.shape == Shape::Struct {
            return None;
        }
        let fresh = self.fresh.as_ref().and_then(|fresh| fresh.values.last());
        fresh
            .or_else(|| self.old?.values.first())
            .filter(|node| shares(node))
    }

    /// Once the first scalar was there, nobody waits for it any more.
    #[inline]
    fn settle(&mut self, value: &Node) {
        if self.first.is_some() && leaf::is_in(value) {
            self.first = None;
        }
    }

    #[cold]
    fn blame(&self, key: &Key, fault: Fault) -> Fault {
        match (key, self.old) {
            (Key::Old(at), Some(old)) => fault.at_key(&old.keys.names()[*at]),
            (Key::Old(_), None) => fault,
            (Key::Name(name), _) => fault.at_name(name),
            (Key::Node(key), _) => fault.at_key(key),
        }
    }

    /// Puts an entry that the old map does not have in this place, or not with this value.
    fn put(&mut self, key: Key, value: Node) {
        self.settle(&value);
        if let (Key::Old(at), Some(Fresh { keys: None, values })) = (&key, &mut self.fresh)
            && *at == values.len()
        {
            values.push(value);
            self.cursor = values.len();
            return;
        }
        let old_names = self.old.map_or(&[][..], |old| old.keys.names());
        let len = self
            .fresh
            .as_ref()
            .map_or(self.cursor, |fresh| fresh.values.len());
        let fresh = self.fresh.get_or_insert_with(|| {
            let old_values = self.old.map_or(&[][..], |old| &old.values);
            let mut values = Vec::with_capacity(old_values.len());
            values.extend_from_slice(&old_values[..len]);
            Fresh { keys: None, values }
        });
        self.same = &[];
        let in_place = matches!(key, Key::Old(at) if at == len);
        if !in_place && fresh.keys.is_none() {
            fresh.keys = Some(old_names[..len].to_vec());
        }
        if let Key::Old(at) = key {
            self.cursor = at + 1;
        }
        if let Some(keys) = &mut fresh.keys {
            keys.push(match key {
                Key::Old(at) => old_names[at].clone(),
                Key::Name(name) => Node::Str(name.into()),
                Key::Node(key) => key,
            });
        }
        fresh.values.push(value);
    }

    #[inline]
    pub(super) fn finish(self) -> Done {
        match self.old {
            Some(old) if self.fresh.is_none() && old.values.len() == self.cursor => Ok(Walked::Same),
            _ => Ok(self.build()),
        }
    }

    fn build(self) -> Walked {
        let (old_names, old_values) = match self.old {
            Some(old) => (old.keys.names(), &*old.values),
            None => (&[][..], &[][..]),
        };
        let Fresh { keys, mut values } = self.fresh.unwrap_or_else(|| Fresh {
            keys: None,
            values: old_values[..self.cursor].to_vec(),
        });
        if let Some(old) = self.old
            && keys.is_none()
            && values.len() == old.values.len()
        {
            return Walked::New(Node::Map(Arc::new(Map {
                keys: old.keys.clone(),
                values: values.into(),
            })));
        }
        let names = keys.unwrap_or_else(|| old_names[..values.len()].to_vec());
        let (keys, sources) = Keys::new(self.shape, names);
        if let Some(sources) = sources {
            values = sources.into_iter().map(|source| values[source].clone()).collect();
        }
        share(self.old, keys, values)
    }
}

/// The old map where its keys and values turn out equal after all (data that names a key twice), else a new one.
fn share(old: Option<&Arc<Map>>, keys: Keys, values: Vec<Node>) -> Walked {
    let equal = |a: &[Node], b: &[Node]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b));
    let keys = match old {
        Some(old) if equal(old.keys.names(), keys.names()) => {
            if equal(&old.values, &values) {
                return Walked::Same;
            }
            old.keys.clone()
        }
        _ => Arc::new(keys),
    };
    Walked::New(Node::Map(Arc::new(Map {
        keys,
        values: values.into(),
    })))
}
