//! `Shared<T>`: large data that is serialised once and then recognised by its pointer.

use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::node::Node;

/// The newtype name by which a snapshot's serializer and deserializer recognise a `Shared`.
pub(super) const MARK: &str = "$statetemplate::Shared";

/// The node that a `Shared` serialises to, and its height.
pub(super) type Memo = Arc<OnceLock<(Node, usize)>>;

thread_local! {
    // Serde has no way to hand anything but data to a serializer of unknown type, so a `Shared` leaves its memo here
    // just before it names itself, and ours takes it. Others leave it, and the `Shared` takes it back.
    static HANDED: RefCell<Option<Memo>> = const { RefCell::new(None) };
}

/// The memo of the `Shared` that is being serialised right now.
pub(super) fn take() -> Option<Memo> {
    HANDED.with(RefCell::take)
}

/// Leaves the memo for the `Shared` that is being deserialised right now.
pub(super) fn hand(memo: Memo) {
    HANDED.with(|handed| handed.replace(Some(memo)));
}

/// Data behind an [`Arc`] that a snapshot takes once: as long as it is not changed, the next snapshots share the node
/// of the first without looking inside.
///
/// Worth it for large data that changes rarely, or in few of many chunks. Reading is by [`Deref`]; changing goes through
/// [`Shared::make_mut`], which makes the next snapshot look inside again (and then share what is equal, as always).
/// Data with interior mutability must not be changed behind a `Shared`: snapshots would not see it.
///
/// Other serializers see the data itself.
///
/// # Examples
///
/// ```
/// use statetemplate_core::{Shared, Snapshot};
///
/// let mut rows = Shared::new(vec![1, 2, 3]);
/// let first = Snapshot::of(&rows)?;
/// assert!(first.next(&rows)?.is_same(&first));
/// rows.make_mut().push(4);
/// assert_eq!(first.next(&rows)?.to::<Vec<i32>>()?, [1, 2, 3, 4]);
/// # Ok::<(), statetemplate_core::Error>(())
/// ```
pub struct Shared<T: ?Sized>(Arc<Inner<T>>);

struct Inner<T: ?Sized> {
    memo: Memo,
    data: T,
}

impl<T> Shared<T> {
    /// Shares `data`.
    #[must_use]
    pub fn new(data: T) -> Self {
        Shared(Arc::new(Inner {
            memo: Memo::default(),
            data,
        }))
    }
}

impl<T: ?Sized> Shared<T> {
    /// Whether the two share the same data, by pointer.
    #[must_use]
    pub fn ptr_eq(a: &Self, b: &Self) -> bool {
        Arc::ptr_eq(&a.0, &b.0)
    }
}

impl<T: Clone> Shared<T> {
    /// The data, to change it. Where others share it, this clones it first, as [`Arc::make_mut`] does.
    pub fn make_mut(&mut self) -> &mut T {
        if Arc::get_mut(&mut self.0).is_none() {
            *self = Shared::new(self.0.data.clone());
        }
        let inner =
            Arc::get_mut(&mut self.0).expect("it was just found or made unshared, and `self` is borrowed");
        // The memo is of the data as it was. Dropping ours does not disturb a walk that still holds it.
        inner.memo = Memo::default();
        &mut inner.data
    }
}

impl<T: ?Sized> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Shared(Arc::clone(&self.0))
    }
}

impl<T: ?Sized> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.data
    }
}

impl<T: ?Sized> AsRef<T> for Shared<T> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T> From<T> for Shared<T> {
    fn from(data: T) -> Self {
        Shared::new(data)
    }
}

impl<T: Default> Default for Shared<T> {
    fn default() -> Self {
        Shared::new(T::default())
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: PartialEq + ?Sized> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Eq + ?Sized> Eq for Shared<T> {}

impl<T: Serialize + ?Sized> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        hand(Arc::clone(&self.0.memo));
        let result = serializer.serialize_newtype_struct(MARK, &self.0.data);
        drop(take());
        result
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Shared<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for Visitor<T> {
            type Value = Shared<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("shared data")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                deserializer: D,
            ) -> Result<Shared<T>, D::Error> {
                // Taken before the data is read, so that a `Shared` inside finds its own.
                let memo = take().unwrap_or_default();
                let data = T::deserialize(deserializer)?;
                Ok(Shared(Arc::new(Inner { memo, data })))
            }
        }

        deserializer.deserialize_newtype_struct(MARK, Visitor(std::marker::PhantomData))
    }
}
