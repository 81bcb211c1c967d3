//! Random data: it means what minijinja makes of it, is shared where it is equal, and comes back from its bytes.

use minijinja::Value;
use minijinja::value::Serde;
use proptest::prelude::*;

use super::tree::{Tree, tree};
use super::*;

/// Whether a map anywhere in the tree gives a key twice, as minijinja compares keys.
fn repeats_a_key(tree: &Tree) -> bool {
    match tree {
        Tree::Map(entries) => {
            Snapshot::of(tree).unwrap().value().len() != Some(entries.len())
                || entries.iter().any(|(_, value)| repeats_a_key(value))
        }
        Tree::Seq(items) | Tree::Tuple(items) | Tree::Struct(items) => items.iter().any(repeats_a_key),
        Tree::Some(inner) | Tree::Variant(inner) => repeats_a_key(inner),
        Tree::Shared(inner) => repeats_a_key(inner),
        _ => false,
    }
}

proptest! {
    #[test]
    fn a_snapshot_means_what_minijinja_makes_of_the_data(tree in tree()) {
        let ours = Snapshot::of(&tree).unwrap();
        let theirs = Value::from(Serde(&tree));
        prop_assert_eq!(format!("{:?}", ours.value()), format!("{theirs:?}"));
        prop_assert_eq!(views::differences(ours.view()), Vec::<String>::new());
        prop_assert_eq!(battery::differences(&ours.value(), [&theirs, &Value::from(Serde(&tree))]), Vec::<String>::new());
        prop_assert_eq!(
            serde_json::to_string(&ours.value()).map_err(|error| error.to_string()),
            serde_json::to_string(&theirs).map_err(|error| error.to_string())
        );
    }

    #[test]
    fn the_next_snapshot_equals_a_fresh_one(old in tree(), new in tree()) {
        let first = Snapshot::of(&old).unwrap();
        let next = first.next(&new).unwrap();
        let fresh = Snapshot::of(&new).unwrap();
        prop_assert_eq!(format!("{next:?}"), format!("{fresh:?}"));
        prop_assert_eq!(battery::differences(&next.value(), [&fresh.value(), &Value::from(Serde(&new))]), Vec::<String>::new());
        // Of a key given twice the last counts, while items are told apart by what they give first: such an item may
        // be made anew. No map of Rust's gives a key twice.
        prop_assert!(repeats_a_key(&new) || next.next(&new).unwrap().is_same(&next));
        prop_assert!(repeats_a_key(&old) || first.next(&old).unwrap().is_same(&first));
    }

    #[test]
    fn an_encoded_snapshot_comes_back(tree in tree()) {
        let snapshot = Snapshot::of(&tree).unwrap();
        let bytes = snapshot.encode();
        let back = Snapshot::decode(&bytes).unwrap();
        prop_assert_eq!(format!("{snapshot:?}"), format!("{back:?}"));
        prop_assert_eq!(back.encode(), bytes);
    }

    #[test]
    fn damaged_bytes_never_panic(tree in tree(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = Snapshot::of(&tree).unwrap().encode();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if cut {
            bytes.truncate(at);
        }
        if let Ok(snapshot) = Snapshot::decode(&bytes) {
            let _ = snapshot.value().to_string();
        }
    }

    #[test]
    fn random_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        bytes.insert(0, 1);
        let _ = Snapshot::decode(&bytes);
    }

    #[test]
    fn edited_lists_share_every_row_that_stays(
        mut ids in prop::collection::hash_set(0u32..1000, 1..30).prop_map(Vec::from_iter),
        edits in prop::collection::vec((0u8..3, any::<prop::sample::Index>(), 1000u32..2000), 0..6),
    ) {
        let rows = |ids: &[u32]| ids.iter().map(|id| (format!("row {id}"), *id)).map(|(t, id)| BTreeMap::from([("id", t), ("n", id.to_string())])).collect::<Vec<_>>();
        let old = Snapshot::of(&rows(&ids)).unwrap();
        let before: std::collections::HashSet<_> = ids.iter().copied().collect();
        for (kind, at, id) in edits {
            let at = at.index(ids.len().max(1));
            match kind {
                0 => ids.insert(at.min(ids.len()), id),
                1 if !ids.is_empty() => { ids.remove(at); }
                _ if !ids.is_empty() => ids.rotate_left(at),
                _ => {}
            }
        }
        ids.dedup();
        let new = old.next(&rows(&ids)).unwrap();
        for (id, row) in ids.iter().zip(new.0.items().unwrap()) {
            prop_assert_eq!(old.0.items().unwrap().iter().any(|o| o.same(row)), before.contains(id));
        }
    }

    #[test]
    fn changed_paths_are_empty_exactly_when_nothing_changed(old in tree(), new in tree()) {
        let first = Snapshot::of(&old).unwrap();
        let next = first.next(&new).unwrap();
        prop_assert_eq!(changed_paths(&first, &next).is_empty(), next.is_same(&first));
    }
}
