//! What moves by itself: pushed to the page as long as it is connected.

use std::time::Duration;

use jiff::Timestamp;
use statetemplate_axum::Session;
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    actions::today,
    data::{Dashboard, NotificationKind},
    metrics::Noise,
};

/// How often the numbers move.
const TICK: Duration = Duration::from_secs(2);
/// After how many ticks something happens that is worth a notification.
const NEWS: u64 = 20;

/// Moves the statistics of a session until its last page has disconnected.
pub(crate) async fn push(session: Session<Dashboard>) {
    let mut noise = Noise::new();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick comes at once, when the page has just been rendered.
    ticks.tick().await;
    for number in 1u64.. {
        ticks.tick().await;
        let moved = session.update(|page: &mut Dashboard| {
            page.acted().move_statistics(&mut noise);
            page.mark_overdue(today());
            if number % NEWS == 0 {
                let order = format!("Order {} was paid.", 1042 + page.notifications_so_far);
                page.notify(NotificationKind::Info, "New order", Some(order), Timestamp::now());
            }
        });
        if let Err(error) = moved.await {
            tracing::info!(%error, "the session ended");
            return;
        }
    }
}
