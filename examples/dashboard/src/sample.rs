//! The data a new dashboard starts with.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::TimeZone};

use crate::{
    data::{Dashboard, NotificationKind, Priority, Statistic, Task, TaskForm, Unit, User},
    metrics::Noise,
};

/// A dashboard as it looks at the moment `now`.
pub(crate) fn dashboard(now: Timestamp) -> Dashboard {
    let mut noise = Noise::seeded(now.as_second().unsigned_abs());
    let today = now.to_zoned_datetime(TimeZone::system()).date();
    let ago = |minutes: i64| now.checked_sub(SignedDuration::from_mins(minutes)).unwrap_or(now);
    let mut page = Dashboard {
        title: "Acme".to_owned(),
        session_id: String::new(),
        user: User {
            name: "Ada Lovelace".to_owned(),
            is_admin: true,
            last_login: ago(16 * 60 + 23),
        },
        statistics: statistics(&mut noise),
        notifications: Vec::new(),
        notifications_so_far: 0,
        counter: 3,
        max_counter: 10,
        counter_history: Vec::new(),
        tasks: tasks(now, today),
        next_task: 7,
        new_task: TaskForm::default(),
        new_task_error: None,
        editing: None,
        show_completed: true,
        is_loading: false,
        loading_message: None,
        last_update_time: now,
    };
    let invoice = Some("Invoice 1042 was declined by the bank. The customer has been told.".to_owned());
    page.notify(NotificationKind::Error, "Payment failed", invoice, ago(95));
    let release = Some("Version 2.4 is live in all regions.".to_owned());
    page.notify(NotificationKind::Success, "Deploy finished", release, ago(42));
    page.notify(
        NotificationKind::Info,
        "Grace Hopper joined the team",
        None,
        ago(8),
    );
    page
}

fn statistics(noise: &mut Noise) -> BTreeMap<String, Statistic> {
    [
        ("conversion", "Conversion", Unit::Percentage, "violet", 3.62),
        ("orders", "Orders today", Unit::Number, "green", 1284.0),
        ("revenue", "Revenue", Unit::Currency, "blue", 84_637.5),
        ("visitors", "Visitors now", Unit::Number, "amber", 412.0),
    ]
    .map(|(name, label, unit, color, baseline)| {
        (
            name.to_owned(),
            Statistic::new(label, unit, color, baseline, noise),
        )
    })
    .into()
}

fn tasks(now: Timestamp, today: Date) -> Vec<Task> {
    let mut tasks: Vec<Task> = [
        (
            "Review the quarterly budget",
            Some("Finance needs the numbers before the board meets."),
            Priority::High,
            Some(-1),
            false,
        ),
        (
            "Send the contract to Northwind",
            None,
            Priority::Medium,
            Some(2),
            false,
        ),
        (
            "Plan the autumn release",
            Some("Collect what each team wants to ship."),
            Priority::Medium,
            Some(9),
            false,
        ),
        ("Order new chairs", None, Priority::Low, None, false),
        ("Write the onboarding guide", None, Priority::Low, None, true),
        ("Renew the certificates", None, Priority::High, Some(-3), true),
    ]
    .into_iter()
    .zip(1..)
    .map(|((title, description, priority, due_in, completed), id)| Task {
        id,
        title: title.to_owned(),
        description: description.map(str::to_owned),
        completed,
        priority,
        due_date: due_in.map(|days: i64| today.saturating_add(days.days())),
        is_overdue: false,
        created_at: now,
    })
    .collect();
    // Marked by the same rule as later ones.
    for task in &mut tasks {
        task.mark_overdue(today);
    }
    tasks
}
