//! What people do on the page: one handler an action, thin, over the methods of the data.

use std::{fmt, time::Duration};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Deserialize;
use statetemplate_axum::{Data, Page, Payload, Session};

use crate::{
    data::{CounterAction, Dashboard, NotificationKind, TaskForm},
    live_data,
    metrics::Noise,
    tasks::NoSuchTask,
};

/// How long a refresh takes: long enough to see the overlay.
const REFRESH: Duration = Duration::from_millis(1200);

/// The live page: its template, its actions by the names that the template gives them, and its background task.
pub(crate) fn page() -> Page<Dashboard> {
    Page::new("dashboard.html")
        .action("increment_counter", increment_counter)
        .action("decrement_counter", decrement_counter)
        .action("reset_counter", reset_counter)
        .action("add_task", add_task)
        .action("toggle_task", toggle_task)
        .action("edit_task", edit_task)
        .action("save_task", save_task)
        .action("cancel_edit", cancel_edit)
        .action("delete_task", delete_task)
        .action("toggle_show_completed", toggle_show_completed)
        .action("dismiss_notification", dismiss_notification)
        .action("refresh", refresh)
        .on_connect(live_data::push)
}

async fn increment_counter(mut page: Data<Dashboard>) {
    page.acted().count(CounterAction::Increment, Timestamp::now());
}

async fn decrement_counter(mut page: Data<Dashboard>) {
    page.acted().count(CounterAction::Decrement, Timestamp::now());
}

async fn reset_counter(mut page: Data<Dashboard>) {
    page.acted().count(CounterAction::Reset, Timestamp::now());
}

/// The task that an action is about: `st-value-task` in the template.
#[derive(Deserialize)]
struct OfTask {
    task: u64,
}

async fn add_task(mut page: Data<Dashboard>, Payload(form): Payload<TaskForm>) {
    page.acted().add_task(form, Timestamp::now(), today());
}

async fn toggle_task(mut page: Data<Dashboard>, Payload(of): Payload<OfTask>) -> Result<(), NoSuchTask> {
    page.acted().toggle_task(of.task, today())
}

async fn edit_task(mut page: Data<Dashboard>, Payload(of): Payload<OfTask>) -> Result<(), NoSuchTask> {
    page.acted().edit_task(of.task)
}

async fn save_task(
    mut page: Data<Dashboard>,
    Payload(of): Payload<OfTask>,
    Payload(form): Payload<TaskForm>,
) -> Result<(), NoSuchTask> {
    page.acted().save_task(of.task, form, today())
}

async fn cancel_edit(mut page: Data<Dashboard>) {
    page.acted().editing = None;
}

async fn delete_task(mut page: Data<Dashboard>, Payload(of): Payload<OfTask>) -> Result<(), NoSuchTask> {
    page.acted().delete_task(of.task)
}

async fn toggle_show_completed(mut page: Data<Dashboard>) {
    page.acted().show_completed ^= true;
}

#[derive(Deserialize)]
struct OfNotification {
    notification: u64,
}

async fn dismiss_notification(mut page: Data<Dashboard>, Payload(of): Payload<OfNotification>) {
    page.acted().dismiss_notification(of.notification);
}

/// Fetches new numbers, which takes its time: the handler covers the page and returns, and a task of its own brings the
/// result later. A handler that waited itself would hold up the page's other actions.
async fn refresh(mut page: Data<Dashboard>, session: Session<Dashboard>) -> Result<(), AlreadyRunning> {
    if page.is_loading {
        return Err(AlreadyRunning);
    }
    page.acted().is_loading = true;
    page.loading_message = Some("Fetching the latest numbers…".to_owned());
    tokio::spawn(async move {
        tokio::time::sleep(REFRESH).await;
        let fetched = |page: &mut Dashboard| {
            page.acted().move_statistics(&mut Noise::new());
            page.is_loading = false;
            page.loading_message = None;
            page.notify(
                NotificationKind::Success,
                "Data refreshed",
                None,
                Timestamp::now(),
            );
        };
        if let Err(error) = session.update(fetched).await {
            tracing::info!(%error, "the page was gone before its numbers came");
        }
    });
    Ok(())
}

/// A refresh was asked for while one runs.
struct AlreadyRunning;

impl fmt::Display for AlreadyRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the numbers are being fetched already")
    }
}

impl Dashboard {
    /// Notes that the data changes now.
    pub(crate) fn acted(&mut self) -> &mut Self {
        self.last_update_time = Timestamp::now();
        self
    }
}

/// Today, where the server stands.
pub(crate) fn today() -> Date {
    Timestamp::now().to_zoned_datetime(TimeZone::system()).date()
}
