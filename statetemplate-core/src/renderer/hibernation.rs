//! The task that lets sessions hibernate which are in memory, because a page is connected, but have nothing to do.

use std::sync::Weak;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::core::Core;
use crate::session::Live;

/// After so many sessions other tasks have their turn: each takes some microseconds.
const BATCH: usize = 64;

impl Core {
    /// Lets those sessions hibernate that have not changed since the last call.
    pub(super) async fn hibernate(&self) {
        for (at, id) in self.registry.ids().iter().enumerate() {
            if at % BATCH == BATCH - 1 {
                tokio::task::yield_now().await;
            }
            let slot = self.registry.get(id);
            let live = slot.as_ref().and_then(|slot| slot.live.get());
            if live.is_some_and(Live::hibernate) {
                self.metrics.sessions_hibernated().one();
            }
        }
    }
}

/// Looks for idle sessions each `delay`, until the renderer stops.
pub(super) async fn hibernate(core: Weak<Core>, stopping: CancellationToken, delay: Duration) {
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(delay) => {}
        }
        let Some(core) = core.upgrade() else { return };
        tokio::select! {
            // Each session is done as a whole, so it may stop between any two.
            () = stopping.cancelled() => return,
            () = core.hibernate() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use minijinja::Environment;
    use serde::{Deserialize, Serialize};

    use crate::store::{ClientId, OwnerId};
    use crate::{ActionError, Renderer, Session, SessionOptions};

    const DELAY: Duration = Duration::from_secs(10);

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Page {
        count: u32,
        rows: Vec<String>,
    }

    fn renderer() -> Renderer {
        let mut env = Environment::new();
        env.add_template(
            "page.html",
            "<p>{{ count }}</p><ul>{% for row in rows %}<li>{{ row }}</li>{% endfor %}</ul>",
        )
        .unwrap();
        Renderer::builder(env)
            .signing_key(b"a secret for tests, of 32 bytes.")
            .tokio_clock()
            .hibernation_delay(DELAY)
            .build()
            .unwrap()
    }

    async fn session(renderer: &Renderer) -> Session {
        let page = Page {
            count: 1,
            rows: vec!["a".into(), "b".into()],
        };
        let token = renderer.create_session(&page).await.unwrap();
        renderer.get_session(&token).await.unwrap()
    }

    fn hibernates(session: &Session) -> bool {
        session.version().snapshot.is_compact()
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_session_hibernates_and_wakes_as_it_was() {
        let renderer = renderer();
        let session = session(&renderer).await;
        session.update(|page: &mut Page| page.count = 2).await.unwrap();
        let shown = session.version();
        assert!(!hibernates(&session));
        tokio::time::sleep(DELAY * 2 + Duration::from_secs(1)).await;
        assert!(hibernates(&session), "though a page shows this version");
        assert_eq!(renderer.metrics().snapshot().sessions_hibernated, 1);

        let (_, patch) = session.patch_from(&shown).unwrap();
        assert!(patch.is_empty());
        assert!(hibernates(&session), "nothing of the data was needed for this");

        session
            .update(|page: &mut Page| page.rows.remove(0))
            .await
            .unwrap();
        let (_, patch) = session.patch_from(&shown).unwrap();
        assert_eq!(patch.operations(), ["1 remove 0"]);
        assert_eq!(session.data::<Page>().unwrap().rows, ["b"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_in_use_stays_awake() {
        let renderer = renderer();
        let session = session(&renderer).await;
        for count in 0..10 {
            tokio::time::sleep(DELAY - Duration::from_secs(1)).await;
            assert!(!hibernates(&session));
            session
                .update(|page: &mut Page| page.count = count)
                .await
                .unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_action_wakes_a_session() {
        let renderer = renderer();
        let session = session(&renderer).await;
        tokio::time::sleep(DELAY * 3).await;
        assert!(hibernates(&session));
        let client = ClientId::parse("a-client-of-the-test").unwrap();
        let outcome = session
            .act(&client, 1, |mut page: Page| async move {
                page.count += 1;
                Ok::<_, ActionError>((page, None))
            })
            .await
            .unwrap();
        assert!(outcome.answer.is_done());
        assert_eq!(session.data::<Page>().unwrap().count, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_that_was_sent_hibernates_at_once_and_joins_without_waking() {
        let renderer = renderer();
        let page = Page {
            count: 1,
            rows: Vec::new(),
        };
        let made = renderer
            .create_provisional(SessionOptions::new(), &page)
            .await
            .unwrap();
        assert!(made.render("").unwrap().contains('1'));
        assert!(made.version.snapshot.is_compact());
        let joined = renderer
            .bind(&made.page_id, &OwnerId::random().unwrap())
            .await
            .unwrap();
        let (_, patch) = joined.patch_from(&made.version).unwrap();
        assert!(patch.is_empty());
        assert!(hibernates(&joined));
        assert_eq!(joined.data::<Page>().unwrap(), page);
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_that_nobody_holds_hibernates_in_the_store_in_memory() {
        let renderer = renderer();
        let kept = session(&renderer).await;
        let (id, snapshot) = (kept.id().to_owned(), kept.version().snapshot);
        drop(kept);
        renderer.core.clean().await.unwrap();
        assert!(!snapshot.is_compact(), "it was just used");
        tokio::time::sleep(Duration::from_secs(61)).await;
        renderer.core.clean().await.unwrap();
        assert!(snapshot.is_compact());
        let session = renderer.session(&id).await.unwrap();
        assert_eq!(session.data::<Page>().unwrap().rows, ["a", "b"]);
    }
}
