//! Paths into a snapshot: what templates read, what changed, and where an error is.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use minijinja::Value;

use super::Snapshot;
use super::node::Node;

/// One step of a path into a snapshot. The set of kinds is complete.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PathStep {
    /// The value of a string key: `.name` or `["name"]`.
    Key(Arc<str>),
    /// An item of a sequence, from the end when negative; or the value of an integer key of a map.
    Index(i64),
}

impl From<&str> for PathStep {
    fn from(key: &str) -> Self {
        PathStep::Key(key.into())
    }
}

impl From<i64> for PathStep {
    fn from(index: i64) -> Self {
        PathStep::Index(index)
    }
}

/// The node at `path`, as a template would read it.
pub(super) fn get(root: &Node, path: &[PathStep]) -> Option<Node> {
    let mut node = root;
    for (at, step) in path.iter().enumerate() {
        node = match (node, step) {
            (Node::Map(map), PathStep::Key(key)) => map.get(key)?,
            (Node::Map(map), PathStep::Index(index)) => {
                &map.values[map.keys.find_value(&Value::from(*index))?]
            }
            (Node::Seq(_) | Node::Tuple(_), PathStep::Index(index)) => {
                let items = node.items()?;
                &items[position(*index, items.len())?]
            }
            // Templates can index strings and bytes as well; what they get has no node of its own.
            (Node::Str(text), PathStep::Index(index)) => {
                let position = position(*index, text.chars().count())?;
                let character = text.chars().nth(position)?;
                return get(
                    &Node::Str(character.encode_utf8(&mut [0; 4]).into()),
                    &path[at + 1..],
                );
            }
            (Node::Bytes(bytes), PathStep::Index(index)) => {
                let byte = bytes[position(*index, bytes.len())?];
                return get(&Node::Int(byte.into()), &path[at + 1..]);
            }
            _ => return None,
        };
    }
    Some(node.clone())
}

/// Whether there is the same at `path` under both roots, or nothing under either.
pub(super) fn same_at(old: &Node, new: &Node, path: &[PathStep]) -> bool {
    let (mut old, mut new) = (old, new);
    for (at, step) in path.iter().enumerate() {
        // What is below the same node is the same.
        if old.same(new) {
            return true;
        }
        match (old, new, step) {
            (Node::Map(a), Node::Map(b), PathStep::Key(key)) => match (a.get(key), b.get(key)) {
                (Some(a), Some(b)) => (old, new) = (a, b),
                (None, None) => return true,
                _ => return false,
            },
            // A loop's target that takes a map apart takes its keys, and those changed or their order may have.
            (Node::Map(_), _, PathStep::Index(_)) | (_, Node::Map(_), PathStep::Index(_)) => return false,
            _ => {
                return match (get(old, &path[at..]), get(new, &path[at..])) {
                    (Some(old), Some(new)) => old.same(&new),
                    // A template may read what is missing, but nothing of it: that is an error.
                    (None, None) => found(old, &path[at..]) == found(new, &path[at..]),
                    _ => false,
                };
            }
        }
    }
    old.same(new)
}

/// How many of the steps lead to something.
fn found(node: &Node, path: &[PathStep]) -> usize {
    let missing = (1..=path.len()).find(|&end| get(node, &path[..end]).is_none());
    missing.map_or(path.len(), |end| end - 1)
}

/// The keys under which two maps with one key table differ, if they all are strings.
pub(super) fn changed_keys<'n>(old: &Node, new: &'n Node) -> Option<Vec<&'n str>> {
    let (Node::Map(old), Node::Map(new)) = (old, new) else {
        return None;
    };
    if !Arc::ptr_eq(&old.keys, &new.keys) {
        return None;
    }
    let values = old.values.iter().zip(&new.values);
    let changed = values
        .zip(new.keys.names())
        .filter(|((old, new), _)| !old.same(new));
    changed.map(|(_, key)| key.as_str()).collect()
}

fn position(index: i64, len: usize) -> Option<usize> {
    let position = if index < 0 {
        len.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?
    } else {
        usize::try_from(index).ok()?
    };
    (position < len).then_some(position)
}

/// The paths at which two snapshots differ, for people to read: `user.name`, `tasks[3].title`.
///
/// A list that grew, shrank or was rearranged is named as a whole, and so is a map whose keys came or went in another
/// order. The root is named `.`. Parts that are [the same](Snapshot::is_same) are skipped without a look.
#[must_use]
pub fn changed_paths(old: &Snapshot, new: &Snapshot) -> Vec<String> {
    let mut changes = Changes {
        path: String::new(),
        found: Vec::new(),
    };
    changes.compare(&old.0, &new.0);
    changes.found
}

struct Changes {
    path: String,
    found: Vec<String>,
}

impl Changes {
    /// Returns whether anything was reported.
    fn compare(&mut self, old: &Node, new: &Node) -> bool {
        if old.same(new) {
            return false;
        }
        match (old, new) {
            (Node::Map(old), Node::Map(new)) if old.keys.shape() == new.keys.shape() => {
                let before = self.found.len();
                for (key, value) in new.entries() {
                    let old = old.keys.find_node(key).map(|at| &old.values[at]);
                    self.inside(|path| push_key(path, key), old, Some(value));
                }
                for (key, value) in old.entries() {
                    if new.keys.find_node(key).is_none() {
                        self.inside(|path| push_key(path, key), Some(value), None);
                    }
                }
                let reordered = !old
                    .keys
                    .names()
                    .iter()
                    .zip(new.keys.names())
                    .all(|(old, new)| old.same(new));
                if reordered && self.found.len() == before {
                    self.report();
                }
                self.found.len() > before
            }
            (Node::Seq(_), Node::Seq(_)) | (Node::Tuple(_), Node::Tuple(_)) => {
                self.items(old.items().unwrap_or_default(), new.items().unwrap_or_default())
            }
            _ => {
                self.report();
                true
            }
        }
    }

    fn items(&mut self, old: &[Node], new: &[Node]) -> bool {
        let containers: HashSet<_> = old.iter().filter_map(address).collect();
        let moved = old.iter().zip(new).any(|(old, new)| {
            !old.same(new) && address(new).is_some_and(|address| containers.contains(&address))
        });
        if old.len() != new.len() || moved {
            self.report();
            return true;
        }
        let before = self.found.len();
        for (at, (old, new)) in old.iter().zip(new).enumerate() {
            self.inside(|path| push_index(path, at), Some(old), Some(new));
        }
        self.found.len() > before
    }

    fn inside(&mut self, step: impl FnOnce(&mut String), old: Option<&Node>, new: Option<&Node>) {
        let outer = self.path.len();
        step(&mut self.path);
        match (old, new) {
            (Some(old), Some(new)) => {
                self.compare(old, new);
            }
            _ => self.report(),
        }
        self.path.truncate(outer);
    }

    fn report(&mut self) {
        let path = if self.path.is_empty() { "." } else { &self.path };
        self.found.push(path.to_owned());
    }
}

fn address(node: &Node) -> Option<*const ()> {
    match node {
        Node::Seq(seq) => Some(Arc::as_ptr(seq).cast()),
        Node::Tuple(tuple) => Some(Arc::as_ptr(tuple).cast()),
        Node::Map(map) => Some(Arc::as_ptr(map).cast()),
        _ => None,
    }
}

fn push_index(path: &mut String, index: usize) {
    *path += &format!("[{index}]");
}

fn push_key(path: &mut String, key: &Node) {
    match key {
        Node::Str(name) => push_name(path, name),
        other => *path += &format!("[{other:?}]"),
    }
}

fn push_name(path: &mut String, name: &str) {
    let plain = |c: char| c.is_alphanumeric() || c == '_';
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(plain) {
        *path += &format!("[{name:?}]");
        return;
    }
    if !path.is_empty() {
        path.push('.');
    }
    *path += name;
}

/// A path that is put together while an error unwinds, so from its end to its beginning.
#[derive(Debug, Default)]
pub(super) struct Trail(Vec<Step>);

#[derive(Debug)]
enum Step {
    Key(Node),
    Index(usize),
}

impl Trail {
    pub(super) fn outer_key(&mut self, key: &Node) {
        self.0.push(Step::Key(key.clone()));
    }

    pub(super) fn outer_name(&mut self, name: &str) {
        self.0.push(Step::Key(Node::Str(name.into())));
    }

    pub(super) fn outer_index(&mut self, index: usize) {
        self.0.push(Step::Index(index));
    }
}

impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the data");
        }
        // Deep trails name both ends: the middle of a tree that nests without end helps nobody.
        const SHOWN: usize = 12;
        let mut path = String::new();
        for (at, step) in self.0.iter().rev().enumerate() {
            if self.0.len() > 2 * SHOWN && (SHOWN..self.0.len() - SHOWN).contains(&at) {
                if at == SHOWN {
                    path += " … ";
                }
                continue;
            }
            match step {
                Step::Key(key) => push_key(&mut path, key),
                Step::Index(index) => push_index(&mut path, *index),
            }
        }
        write!(f, "`{path}`")
    }
}
