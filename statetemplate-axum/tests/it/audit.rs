//! The audit trail: what must be in it, and what must never be.

use std::{
    fmt::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::json;
use statetemplate_axum::action::Attempt;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::app::{KEY, Test, Wire, data_of};

const COOKIE: &str = "__Host-session_token";
const SECRET: &str = "what-only-the-person-may-know";

/// Keeps each event of this library, with all of its fields.
#[derive(Clone, Default)]
struct Trail(Arc<Mutex<Vec<(String, String)>>>);

impl Trail {
    fn has(&self, text: &str) -> bool {
        self.of("statetemplate::audit")
            .iter()
            .any(|event| event.contains(text))
    }

    fn of(&self, target: &str) -> Vec<String> {
        let events = self.0.lock().unwrap();
        let matching = events.iter().filter(|(of, _)| of.starts_with(target));
        matching.map(|(_, text)| text.clone()).collect()
    }
}

impl Subscriber for Trail {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("statetemplate")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        let target = event.metadata().target().to_owned();
        self.0.lock().unwrap().push((target, text.0));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, "{field}={value:?} ");
    }
}

#[tokio::test(start_paused = true)]
async fn the_trail_tells_what_happened_and_no_secret() {
    let trail = Trail::default();
    let _guard = tracing::subscriber::set_default(trail.clone());
    let test = Test::with(|builder| {
        builder
            .tokio_clock()
            .max_sessions(2)
            .expiration(Duration::from_secs(300))
            .authorize(|attempt: Attempt| async move {
                if attempt.action() == "divide" {
                    return Err(format!("not {}", attempt.payload()));
                }
                Ok(())
            })
    });
    let renderer = test.live.renderer();
    let mut secrets = vec![SECRET.to_owned(), KEY.to_owned()];

    // Sessions are made, bound and refused.
    let browser = test.browser();
    let mut page = browser.open("/").await;
    assert!(trail.has("session created") && trail.has("session bound"));
    let html = String::from_utf8(browser.get("/").await.into_body().into()).unwrap();
    let stranger = test.browser();
    stranger.get("/").await;
    let mut thief = Wire::open(&stranger).await;
    thief
        .join(&html.replace(&data_of(&html, "page"), page.session_id()), "c")
        .await;
    assert_eq!(thief.next().await.unwrap()[1], "session_expired");
    assert!(trail.has("session refused"));

    // Actions are refused, whatever refuses them.
    for (action, payload, code) in [
        (SECRET, json!({}), "unknown_action"),
        ("add", json!({ "by": SECRET }), "bad_payload"),
        ("divide", json!(SECRET), "refused"),
        ("append", json!({ "item": SECRET.repeat(4_000) }), "bad_payload"),
    ] {
        let before = trail.of("statetemplate::audit").len();
        assert_eq!(page.act(action, payload).await.unwrap_err().code, code);
        let events = trail.of("statetemplate::audit")[before..].join("\n");
        assert!(
            events.contains("action refused") && events.contains(code),
            "{code}: {events}"
        );
    }
    page.act("append", json!({ "item": SECRET })).await.unwrap();

    // Tokens are refreshed, refused, and their sessions invalidated.
    let options = statetemplate_core::SessionOptions::new().template("chat.html");
    let data = json!({ "count": SECRET });
    let token = renderer.create_session_with(options, &data).await.unwrap();
    let next = renderer.refresh_token(&token).await.unwrap();
    assert!(trail.has("token refreshed"));
    tokio::time::sleep(Duration::from_secs(11)).await;
    renderer.get_session(&token).await.unwrap_err();
    renderer.invalidate_session(&next).await.unwrap();
    assert!(trail.has("reason=\"invalidated\""));
    secrets.extend([token.to_string(), next.to_string()]);

    // Sessions are evicted, and run out.
    for _ in 0..2 {
        let mut other = browser.open("/").await;
        other.disconnect();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(trail.has("reason=\"evicted\""));
    tokio::time::sleep(Duration::from_secs(1_000)).await;
    assert!(trail.has("reason=\"expired\""));

    // What breaks the protocol, and what comes from elsewhere.
    let mut broken = Wire::open(&browser).await;
    broken.send(format!("[\"j\",\"{SECRET}\",{SECRET}")).await;
    broken.next().await.unwrap_err();
    assert!(trail.has("broke the protocol"));

    secrets.extend([browser.cookie(COOKIE).unwrap(), stranger.cookie(COOKIE).unwrap()]);
    let events = trail.of("");
    assert!(events.len() > 20);
    for event in events {
        for secret in &secrets {
            assert!(!event.contains(secret.as_str()), "{event} holds {secret}");
        }
    }
}
