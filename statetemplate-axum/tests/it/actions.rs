//! Actions: what handlers receive, what they answer, and what the page shows then.

use serde_json::{Value, json};
use statetemplate_axum::{action::Attempt, test::TestPage};

use crate::app::Test;

#[tokio::test]
async fn the_example_of_the_design_runs() {
    use axum::{Router, routing::get};
    use minijinja::Environment;
    use serde::{Deserialize, Serialize};
    use statetemplate_axum::{Data, Live, Page, Payload, Rendered, StateTemplate, live};

    #[derive(Serialize, Deserialize, Default)]
    struct Counter {
        count: i64,
    }

    async fn page(live: Live<Counter>) -> Result<Rendered, live::Error> {
        // a page handler returns a rendered session
        live.render(|| async { Counter::default() }).await
    }
    async fn add(mut counter: Data<Counter>, Payload(by): Payload<i64>) {
        // an action handler changes the data
        counter.count += by; // committed and sent when it returns
    }

    async fn start(templates: Environment<'static>, key: &str) -> Result<Router, live::Error> {
        let counter = Page::<Counter>::new("counter.html").action("add", add);
        let live = StateTemplate::builder(templates)
            .signing_key(key)
            .page(counter)
            .build()?;
        let app = Router::new()
            .route("/", get(page))
            .merge(live.routes())
            .layer(live.layer());
        Ok(app)
    }

    let mut templates = Environment::new();
    let template = r#"<!doctype html><title>C</title><p>{{ count }}</p><button st-click="add" st-value-by="1">+</button>"#;
    templates.add_template("counter.html", template).unwrap();
    let app = start(templates, crate::app::KEY).await.unwrap();
    let mut page = TestPage::open(&app, "/").await;
    page.click("button").await;
    page.click("button").await;
    assert_eq!(page.text("p"), "2");
}

#[tokio::test]
async fn a_click_changes_the_page_and_is_answered() {
    let test = Test::new();
    let mut page = TestPage::open(&test.app, "/").await;
    assert_eq!(page.text("#session"), page.session_id());
    assert_eq!(page.click("#more").await, json!(1));
    assert_eq!(page.text("#count"), "1");
    assert_eq!(page.act("add", json!(41)).await, Ok(json!(42)));
    assert_eq!(page.text("#count"), "42");
    page.assert_matches_fresh_render(&test.live).await;
}

#[tokio::test]
async fn a_form_is_submitted_with_what_was_typed() {
    let test = Test::new();
    let mut page = TestPage::open(&test.app, "/").await;
    page.fill("[name=item]", "bread").await;
    page.check("[name=twice]", true).await;
    page.submit("#form").await;
    page.fill("[name=item]", "milk").await;
    page.click("#go").await;
    assert_eq!(page.texts("li"), ["bread", "bread", "milk"]);
    page.assert_matches_fresh_render(&test.live).await;
}

#[tokio::test]
async fn choosing_carries_the_change_out() {
    let test = Test::new();
    let mut page = TestPage::open(&test.app, "/").await;
    page.fill("#set", "2").await;
    assert_eq!(page.text("#count"), "2");
}

#[tokio::test]
async fn a_handler_sees_the_request_of_the_socket_and_its_own_name() {
    let test = Test::new();
    let mut page = TestPage::open(&test.app, "/").await;
    let first = page.act("who", Value::Null).await.unwrap();
    assert_eq!(first["origin"], "http://localhost");
    assert_eq!(first["number"], 1);
    assert_eq!(first["session"], page.session_id());
    let second = page.act("who", Value::Null).await.unwrap();
    assert_ne!(first["id"], second["id"]);
}

#[tokio::test]
async fn two_pages_of_one_browser_are_independent() {
    let test = Test::new();
    let browser = test.browser();
    let mut one = browser.open("/").await;
    let mut two = browser.open("/").await;
    one.click("#more").await;
    one.click("#more").await;
    two.click("#more").await;
    assert_eq!((one.text("#count"), two.text("#count")), ("2".into(), "1".into()));
}

#[tokio::test]
async fn an_action_is_carried_out_once_however_often_it_is_sent() {
    let test = Test::new();
    let mut page = TestPage::open(&test.app, "/").await;
    page.send_frame(r#"[1,"add",{"by":"5"}]"#).await;
    page.send_frame(r#"[1,"add",{"by":"5"}]"#).await;
    assert_eq!(page.answer(1).await, Ok(json!(5)));
    page.wait_until(|page| page.frames().iter().filter(|frame| frame.contains('5')).count() >= 2)
        .await;
    assert_eq!(page.text("#count"), "5");
    assert_eq!(test.runs(), 1);
}

#[tokio::test]
async fn the_authorisation_hook_sees_every_action() {
    let test = Test::with(|builder| {
        builder.authorize(|attempt: Attempt| async move {
            assert_eq!(attempt.template(), "counter.html");
            assert!(attempt.request().headers.contains_key("origin"));
            match (attempt.action(), attempt.payload()) {
                ("add", "100") => Err("that is too much"),
                _ => Ok(()),
            }
        })
    });
    let mut page = TestPage::open(&test.app, "/").await;
    page.act("add", json!(99)).await.unwrap();
    let refused = page.act("add", json!(100)).await.unwrap_err();
    assert_eq!(
        (refused.code.as_str(), refused.text.as_str()),
        ("refused", "that is too much")
    );
    assert_eq!(test.runs(), 1);
    assert_eq!(page.text("#count"), "99");
}

#[tokio::test]
async fn the_hook_knows_the_sessions_user() {
    use axum::{Router, routing::get};
    use statetemplate_axum::{Data, Live, Page, Rendered, StateTemplate, live};

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Account {
        count: i64,
    }
    async fn page(live: Live<Account>) -> Result<Rendered, live::Error> {
        live.user("ann").render(|| async { Account { count: 1 } }).await
    }
    async fn empty(mut account: Data<Account>) {
        account.count = 0;
    }
    let live = StateTemplate::builder(crate::app::templates())
        .signing_key(crate::app::KEY)
        .page(Page::<Account>::new("chat.html").action("empty", empty))
        .authorize(|attempt: Attempt| async move {
            if attempt.user() == Some("ann") {
                Ok(())
            } else {
                Err("who are you?")
            }
        })
        .build()
        .unwrap();
    let app = Router::new()
        .route("/", get(page))
        .merge(live.routes())
        .layer(live.layer());
    let mut page = TestPage::open(&app, "/").await;
    page.act("empty", Value::Null).await.unwrap();
    assert_eq!(page.text("p"), "0");
    assert_eq!(live.renderer().invalidate_user("ann").await.unwrap(), 1);
    page.settle(std::time::Duration::from_secs(1)).await;
    assert_eq!(page.end(), Some("session_closed"));
}
