//! Notifications: new ones on top, until dismissed.

use jiff::Timestamp;

use crate::data::{Dashboard, Notification, NotificationKind};

/// How many notifications wait at most; older ones go.
const WAITING: usize = 6;

impl Dashboard {
    /// Adds a notification at the top.
    pub(crate) fn notify(
        &mut self,
        kind: NotificationKind,
        title: &str,
        message: Option<String>,
        now: Timestamp,
    ) {
        self.notifications_so_far += 1;
        let id = self.notifications_so_far;
        self.notifications.insert(
            0,
            Notification {
                id,
                kind,
                title: title.to_owned(),
                message,
                created_at: now,
            },
        );
        self.notifications.truncate(WAITING);
    }

    /// Takes a notification away. One that is gone already stays gone.
    pub(crate) fn dismiss_notification(&mut self, id: u64) {
        self.notifications.retain(|notification| notification.id != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn the_newest_stands_first_and_the_oldest_goes() {
        let now = Timestamp::UNIX_EPOCH;
        let mut page = Dashboard {
            notifications: Vec::new(),
            notifications_so_far: 0,
            ..sample::dashboard(now)
        };
        for _ in 0..8 {
            page.notify(NotificationKind::Info, "Order", None, now);
        }
        let ids: Vec<_> = page.notifications.iter().map(|n| n.id).collect();
        assert_eq!(ids, [8, 7, 6, 5, 4, 3]);
        page.dismiss_notification(7);
        page.dismiss_notification(7);
        assert_eq!(page.notifications.len(), 5);
        assert!(page.notifications.iter().all(|n| n.id != 7));
    }
}
