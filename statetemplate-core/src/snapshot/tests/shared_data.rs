//! `Shared` data is serialised once.

use serde::Serializer;
use serde::ser::SerializeSeq as _;

use super::*;

#[test]
fn shared_data_is_serialised_once() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static TIMES: AtomicUsize = AtomicUsize::new(0);
    #[derive(Clone, Deserialize)]
    struct Counted(u32);
    impl Serialize for Counted {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            TIMES.fetch_add(1, Ordering::Relaxed);
            let mut list = serializer.serialize_seq(None)?;
            list.serialize_element(&self.0)?;
            list.end()
        }
    }
    let mut page = (Shared::new(Counted(1)), 0);
    let first = Snapshot::of(&page).unwrap();
    page.1 = 1;
    let second = first.next(&page).unwrap();
    assert_eq!(TIMES.load(Ordering::Relaxed), 1);
    assert!(at(&first, &[PathStep::Index(0)]).is_same(&at(&second, &[PathStep::Index(0)])));
    page.0.make_mut().0 = 2;
    let third = second.next(&page).unwrap();
    assert_eq!(TIMES.load(Ordering::Relaxed), 2);
    assert_eq!(
        at(&third, &[PathStep::Index(0), PathStep::Index(0)])
            .to::<u32>()
            .unwrap(),
        2
    );
    assert_eq!(serde_json::to_string(&page).unwrap(), "[[2],1]");
}

#[test]
fn shared_data_that_was_read_from_a_snapshot_is_not_serialised_again() {
    #[derive(Serialize, Deserialize)]
    struct Page {
        rows: Shared<Vec<Shared<Vec<u8>>>>,
    }
    let first = Snapshot::of(&Page {
        rows: vec![vec![1].into(), vec![2].into()].into(),
    })
    .unwrap();
    let mut page = first.to::<Page>().unwrap();
    assert!(first.next(&page).unwrap().is_same(&first));
    page.rows.make_mut()[1].make_mut().push(3);
    let second = first.next(&page).unwrap();
    assert_eq!(
        second.to::<serde_json::Value>().unwrap(),
        serde_json::json!({ "rows": [[1], [2, 3]] })
    );
    let row = [key("rows"), PathStep::Index(0)];
    assert!(at(&first, &row).is_same(&at(&second, &row)));
}
