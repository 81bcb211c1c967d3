//! The list, driven by the test kit.

use serde_json::json;
use statetemplate_axum::test::TestPage;

use crate::{app, live_pages};

#[tokio::test]
async fn what_people_do_shows_as_a_fresh_render_would_show_it() {
    let live = live_pages().unwrap();
    let mut page = TestPage::open(&app(&live), "/").await;
    page.fill("#item", "Olives & <oil>").await;
    page.submit("#new").await;
    assert_eq!(
        page.texts(".item label"),
        ["Bread", "Coffee", "Tomatoes", "Olives & <oil>"]
    );
    page.act("toggle", json!({"id": "2"})).await.unwrap();
    assert_eq!(page.text("#total"), "1 of 4 bought");
    page.act("search", json!({"search": "O"})).await.unwrap();
    assert_eq!(
        page.texts(".item label"),
        ["Coffee", "Tomatoes", "Olives & <oil>"]
    );
    page.act("clear", json!({})).await.unwrap();
    assert_eq!(page.text("#total"), "0 of 3 bought");
    page.assert_matches_fresh_render(&live).await;
}

#[tokio::test]
async fn a_locked_list_refuses_changes_and_stays_as_it_is() {
    let live = live_pages().unwrap();
    let mut page = TestPage::open(&app(&live), "/").await;
    page.click("#lock").await;
    for (action, payload) in [
        ("add", json!({"name": "Milk"})),
        ("toggle", json!({"id": 1})),
        ("clear", json!({})),
    ] {
        let failure = page.act(action, payload).await.unwrap_err();
        assert!(
            format!("{failure:?}").contains("the list is locked"),
            "{failure:?}"
        );
    }
    assert_eq!(page.text("#total"), "0 of 3 bought");
    page.assert_matches_fresh_render(&live).await;
}
