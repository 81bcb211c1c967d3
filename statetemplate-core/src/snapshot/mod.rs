//! Snapshots: a page's data as an immutable tree that shares what did not change.

mod deserialize;
mod encode;
mod items;
mod kept;
mod keys;
mod leaf;
mod node;
mod object;
mod pairs;
mod paths;
mod serialize;
mod shared;
mod view;

#[cfg(test)]
mod tests;

use std::fmt;

use minijinja::Value;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, ErrorKind};

pub(crate) use self::items::{SeqItems, items_of};
pub use self::kept::KeptSnapshot;
pub(crate) use self::object::{identity, same_value};
pub(crate) use self::pairs::MapPairs;
pub use self::paths::{PathStep, changed_paths};
pub use self::shared::Shared;
pub(crate) use self::view::View;

use self::node::Node;

/// How deeply containers (maps, sequences, `Option`s and newtypes) may nest in a snapshot.
const MAX_DEPTH: usize = 128;

/// A page's data at one moment: an immutable tree, cheap to clone and to compare.
///
/// A snapshot is made from anything that implements [`Serialize`]. [`Snapshot::next`] takes the next one by walking the
/// last while serialising: a subtree that serialises to equal content *is* the old subtree, not a copy. So whether a
/// part has changed is answered by comparing pointers ([`Snapshot::is_same`]), and keeping an old snapshot beside a new
/// one costs only what differs.
///
/// Items of a sequence are matched by their first scalar, which usually is an id: after an insertion at the front, all
/// other items are still shared. Entries of maps are matched by their keys. The order of a map is part of its content,
/// as templates show it: prefer `BTreeMap` to `HashMap`, whose order differs from one instance to the next.
///
/// Templates read a snapshot in place ([`Snapshot::value`]), with the meaning that minijinja's own conversion of the
/// same data has, for every kind of serde's data model. Only that a string is safe is not kept: text in the data is
/// escaped, and it is the template that says `|safe`.
///
/// # Examples
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use statetemplate_core::{PathStep, Snapshot};
///
/// #[derive(Serialize, Deserialize)]
/// struct Page {
///     count: u32,
///     tags: Vec<String>,
/// }
///
/// let mut page = Page { count: 1, tags: vec!["new".into()] };
/// let first = Snapshot::of(&page)?;
/// page.count += 1;
/// let second = first.next(&page)?;
///
/// assert!(!second.is_same(&first));
/// let tags = [PathStep::from("tags")];
/// assert!(second.get(&tags).unwrap().is_same(&first.get(&tags).unwrap()));
/// assert_eq!(statetemplate_core::changed_paths(&first, &second), ["count"]);
/// assert_eq!(second.to::<Page>()?.count, 2);
/// # Ok::<(), statetemplate_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Snapshot(Node);

impl Snapshot {
    /// Takes a first snapshot of `data`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Data`] when `data` refuses to be serialised or nests more than 128 levels; the message names the
    /// path.
    pub fn of<T: Serialize + ?Sized>(data: &T) -> Result<Snapshot, Error> {
        serialize::walk(None, data).map(Snapshot)
    }

    /// Takes the snapshot that follows this one, sharing with it everything that is equal.
    ///
    /// Where nothing changed at all, the result [is the same](Snapshot::is_same) as `self`.
    ///
    /// # Errors
    ///
    /// As [`Snapshot::of`].
    pub fn next<T: Serialize + ?Sized>(&self, data: &T) -> Result<Snapshot, Error> {
        serialize::walk(Some(&self.0), data).map(Snapshot)
    }

    /// Reads the snapshot as a value of type `T`.
    ///
    /// Every serde kind comes back as it went in: 128-bit integers, bytes, keys that are not strings, `Some(None)`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Data`] when the data does not fit `T`, as after a change of the type; the message names the path.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, Error> {
        deserialize::read(&self.0)
    }

    /// Whether the two are the same tree (by pointer), or equal scalars of the same kind.
    ///
    /// This takes constant time but for strings. `false` means that they may differ; of two snapshots in one line of
    /// [`Snapshot::next`] it means that they do.
    #[must_use]
    pub fn is_same(&self, other: &Snapshot) -> bool {
        self.0.same(&other.0)
    }

    /// The part at `path`, as a template would read it, or `None` when there is nothing.
    ///
    /// A negative index counts from the end. An index into a string gives a character.
    #[must_use]
    pub fn get(&self, path: &[PathStep]) -> Option<Snapshot> {
        paths::get(&self.0, path).map(Snapshot)
    }

    /// Whether the parts at `path` are the same in both, as far as templates can tell: both there and
    /// [the same](Snapshot::is_same), or neither there.
    pub(crate) fn is_same_at(&self, other: &Snapshot, path: &[PathStep]) -> bool {
        paths::same_at(&self.0, &other.0, path)
    }

    /// The keys whose values are not [the same](Snapshot::is_same) in `old`, if both are maps with the same string keys.
    pub(crate) fn changed_keys(&self, old: &Snapshot) -> Option<Vec<&str>> {
        paths::changed_keys(&old.0, &self.0)
    }

    /// The snapshot as a template value that reads it in place.
    #[must_use]
    pub fn value(&self) -> Value {
        self.0.value()
    }

    /// The snapshot behind a value that came out of [`Snapshot::value`], or out of a template that read it.
    ///
    /// `None` for all other values, for scalars, and for tuples and arrays: those are minijinja's own tuples.
    #[must_use]
    pub fn from_value(value: &Value) -> Option<Snapshot> {
        object::node_of(value).map(Snapshot)
    }

    /// The snapshot in a compact, lossless form for stores.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode::encode(&self.0)
    }

    /// Reads what [`Snapshot::encode`] wrote.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Data`] when `bytes` are damaged, cut short or of an unknown version. No input makes this panic,
    /// recurse deeply or allocate more than a small multiple of its size.
    pub fn decode(bytes: &[u8]) -> Result<Snapshot, Error> {
        encode::decode(bytes)
            .map(Snapshot)
            .map_err(|why| Error::new(ErrorKind::Data, format!("cannot read a stored snapshot: {why}")))
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
