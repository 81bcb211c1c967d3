//! A snapshot that is kept for long: a tree while it is in use, its bytes while nobody needs it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Snapshot;

/// A [`Snapshot`] as a session keeps it, which gives up its tree while the session hibernates.
///
/// A tree takes several times the memory of its [encoding](Snapshot::encode). [`compact`](Self::compact) keeps the encoding
/// alone, and the next [`get`](Self::get) makes the tree again. Clones are the same kept snapshot: compacting one compacts
/// all, wherever a session's record, its version and its connections hold it.
///
/// # Examples
///
/// ```
/// use statetemplate_core::{KeptSnapshot, Snapshot};
///
/// let kept = KeptSnapshot::from(Snapshot::of(&["a", "b"])?);
/// assert!(kept.compact());
/// assert_eq!(kept.get().to::<Vec<String>>()?, ["a", "b"]);
/// # Ok::<(), statetemplate_core::Error>(())
/// ```
#[derive(Clone)]
pub struct KeptSnapshot(Arc<Mutex<Form>>);

enum Form {
    Tree(Snapshot),
    Encoded(Box<[u8]>),
}

impl KeptSnapshot {
    /// The snapshot. Of two calls between which it was not compacted, the results [are the same](Snapshot::is_same).
    #[must_use]
    pub fn get(&self) -> Snapshot {
        let mut form = self.form();
        match &*form {
            Form::Tree(snapshot) => snapshot.clone(),
            Form::Encoded(bytes) => {
                let snapshot = Snapshot::decode(bytes).expect("these bytes are the encoding of a snapshot");
                *form = Form::Tree(snapshot.clone());
                snapshot
            }
        }
    }

    /// Keeps the encoding in the place of the tree, and says whether it does.
    ///
    /// A tree of which somebody holds a part, another snapshot or a [`Shared`](super::Shared), stays as it is: its memory would not
    /// come back.
    pub fn compact(&self) -> bool {
        let mut form = self.form();
        if let Form::Tree(snapshot) = &*form {
            if !snapshot.0.is_held_once() {
                return false;
            }
            *form = Form::Encoded(snapshot.encode().into());
        }
        true
    }

    /// Whether it is compacted now.
    #[must_use]
    pub fn is_compact(&self) -> bool {
        matches!(*self.form(), Form::Encoded(_))
    }

    /// Whether the two are one, or hold snapshots that [are the same](Snapshot::is_same). `false` means that they may differ.
    #[must_use]
    pub fn is_same(&self, other: &KeptSnapshot) -> bool {
        if Arc::ptr_eq(&self.0, &other.0) {
            return true;
        }
        // One lock after the other: two that are compared crosswise at the same time must not wait for each other.
        match (self.tree(), other.tree()) {
            (Some(tree), Some(other)) => tree.is_same(&other),
            _ => false,
        }
    }

    /// As [`Snapshot::encode`].
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match &*self.form() {
            Form::Tree(snapshot) => snapshot.encode(),
            Form::Encoded(bytes) => bytes.to_vec(),
        }
    }

    fn tree(&self) -> Option<Snapshot> {
        match &*self.form() {
            Form::Tree(snapshot) => Some(snapshot.clone()),
            Form::Encoded(_) => None,
        }
    }

    /// The form is whole at every moment of holding the lock, so a poisoned lock is taken as it is.
    fn form(&self) -> MutexGuard<'_, Form> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Snapshot> for KeptSnapshot {
    fn from(snapshot: Snapshot) -> Self {
        Self(Arc::new(Mutex::new(Form::Tree(snapshot))))
    }
}

impl fmt::Debug for KeptSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.form() {
            Form::Tree(snapshot) => snapshot.fmt(f),
            Form::Encoded(bytes) => write!(f, "a snapshot in {} bytes", bytes.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;
    use crate::Shared;

    #[derive(Serialize)]
    struct Page<T> {
        title: &'static str,
        rows: T,
    }

    fn page() -> Snapshot {
        Snapshot::of(&Page {
            title: "A title that is too long to be held in place",
            rows: vec![Some(1), None],
        })
        .unwrap()
    }

    #[test]
    fn what_was_compacted_comes_back() {
        let kept = KeptSnapshot::from(page());
        let (other, encoded) = (kept.clone(), kept.encode());
        assert!(kept.compact());
        assert!(matches!(*other.form(), Form::Encoded(_)));
        assert_eq!(kept.encode(), encoded);
        assert_eq!(other.get().encode(), encoded);
        assert!(kept.get().is_same(&other.get()), "one tree for all who hold it");
        assert!(kept.compact(), "and again");
    }

    #[test]
    fn a_tree_that_somebody_holds_stays() {
        let kept = KeptSnapshot::from(page());
        let whole = kept.get();
        assert!(!kept.compact());
        let part = whole.get(&["rows".into()]).unwrap();
        drop(whole);
        assert!(!kept.compact());
        drop(part);
        assert!(kept.compact());

        let rows = Shared::new(vec![1, 2, 3]);
        let page = Page {
            title: "",
            rows: rows.clone(),
        };
        let kept = KeptSnapshot::from(Snapshot::of(&page).unwrap());
        drop(page);
        assert!(!kept.compact(), "other sessions may show the same rows");
        drop(rows);
        assert!(kept.compact());
    }

    #[test]
    fn what_is_compacted_is_the_same_as_itself_alone() {
        let (kept, other) = (KeptSnapshot::from(page()), KeptSnapshot::from(page()));
        assert!(kept.compact());
        assert!(kept.is_same(&kept.clone()));
        assert!(!kept.is_same(&other));
        assert!(!other.is_same(&kept));
        let same = KeptSnapshot::from(kept.get());
        assert!(same.is_same(&kept), "both hold one tree");
    }
}
