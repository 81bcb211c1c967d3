//! What the dashboard shows: the page's data, as the template reads it.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

/// All data of one dashboard. Each browser tab has a session of its own, and so a dashboard of its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Dashboard {
    /// The company's name, in the page's title and header.
    pub(crate) title: String,
    /// Which session this is, for the footer. It is a label: it opens nothing.
    pub(crate) session_id: String,
    pub(crate) user: User,
    /// By name, in the order of the names.
    pub(crate) statistics: BTreeMap<String, Statistic>,
    /// Newest first.
    pub(crate) notifications: Vec<Notification>,
    /// How many notifications there have been; the next one's id.
    pub(crate) notifications_so_far: u64,
    pub(crate) counter: i64,
    pub(crate) max_counter: i64,
    /// Newest first.
    pub(crate) counter_history: Vec<CounterChange>,
    pub(crate) tasks: Vec<Task>,
    /// The id of the next task.
    pub(crate) next_task: u64,
    /// What stands in the form for a new task.
    pub(crate) new_task: TaskForm,
    /// Why the form for a new task was refused.
    pub(crate) new_task_error: Option<String>,
    /// The task that is being edited, and what stands in its form.
    pub(crate) editing: Option<Editing>,
    pub(crate) show_completed: bool,
    /// Whether a slow action runs: the page is covered until it is done.
    pub(crate) is_loading: bool,
    pub(crate) loading_message: Option<String>,
    pub(crate) last_update_time: Timestamp,
}

/// Who is looking.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) is_admin: bool,
    pub(crate) last_login: Timestamp,
}

/// One number that moves by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Statistic {
    pub(crate) label: String,
    pub(crate) value: f64,
    #[serde(rename = "type")]
    pub(crate) unit: Unit,
    /// The name of a colour in the stylesheet.
    pub(crate) color: String,
    /// By how many percent the value differs from the last period's.
    pub(crate) change: f64,
    /// The last period's value, from which `change` is computed.
    pub(crate) baseline: f64,
    /// The latest values, oldest first, for the small chart.
    pub(crate) recent: Vec<f64>,
}

/// How a statistic's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Unit {
    Currency,
    Number,
    Percentage,
}

/// A message to the user, until dismissed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Notification {
    pub(crate) id: u64,
    #[serde(rename = "type")]
    pub(crate) kind: NotificationKind,
    pub(crate) title: String,
    pub(crate) message: Option<String>,
    pub(crate) created_at: Timestamp,
}

/// How grave a notification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NotificationKind {
    Error,
    Success,
    Info,
}

/// One step of the counter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CounterChange {
    /// Counts the changes, so that the page knows one from the other.
    pub(crate) number: u64,
    pub(crate) action: CounterAction,
    /// The counter after the change.
    pub(crate) value: i64,
    pub(crate) timestamp: Timestamp,
}

/// What was done to the counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CounterAction {
    Increment,
    Decrement,
    Reset,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) id: u64,
    pub(crate) title: String,
    pub(crate) description: Option<String>,
    pub(crate) completed: bool,
    pub(crate) priority: Priority,
    pub(crate) due_date: Option<Date>,
    /// Whether the task is open and its day is over.
    pub(crate) is_overdue: bool,
    pub(crate) created_at: Timestamp,
}

/// How urgent a task is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Priority {
    High,
    #[default]
    Medium,
    Low,
}

/// The fields of a task's form, as they were typed.
///
/// They are data like any other: a form that was refused comes back with what the person typed, even in a page that was
/// reconnected meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TaskForm {
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default)]
    pub(crate) priority: Priority,
    /// A day as `2025-03-01`, or nothing.
    #[serde(default)]
    pub(crate) due_date: String,
}

/// A task's form, in place of the task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Editing {
    pub(crate) id: u64,
    pub(crate) form: TaskForm,
    /// Why the form was refused.
    pub(crate) error: Option<String>,
}
