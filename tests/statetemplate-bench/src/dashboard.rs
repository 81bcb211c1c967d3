//! The dashboard's workload as typed data.

use std::rc::Rc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use statetemplate_core::Shared;

use crate::case::{self, After, Case, Data, Named, Page};
use crate::cli::Outcome;

pub(crate) const TEMPLATE: &str = include_str!("../../workload/dashboard.html");
const STEPS: &str = include_str!("../../workload/dashboard.jsonl");

/// The page's data. Its collections are as an application would have them, or in [`Shared`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Dashboard<S = Statistics, N = Vec<Notification>, H = Vec<Change>, T = Vec<Task>> {
    title: String,
    user: User,
    statistics: S,
    notifications: N,
    counter: i64,
    max_counter: i64,
    counter_history: H,
    tasks: T,
    show_completed: bool,
    is_loading: bool,
    loading_message: Option<String>,
    is_connected: bool,
    last_update_time: String,
}

/// The dashboard with each of its four collections in a [`Shared`].
pub(crate) type SharedDashboard =
    Dashboard<Shared<Statistics>, Shared<Vec<Notification>>, Shared<Vec<Change>>, Shared<Vec<Task>>>;

type Statistics = IndexMap<String, Statistic>;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct User {
    name: String,
    is_admin: bool,
    last_login: String,
    has_notifications: bool,
    notification_count: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Statistic {
    label: String,
    value: f64,
    #[serde(rename = "type")]
    kind: StatisticKind,
    color: String,
    change: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StatisticKind {
    Currency,
    Number,
    Percentage,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Notification {
    id: String,
    #[serde(rename = "type")]
    kind: NotificationKind,
    title: String,
    message: Option<String>,
    created_at: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum NotificationKind {
    Error,
    Success,
    Info,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Change {
    action: String,
    value: i64,
    timestamp: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Task {
    id: String,
    title: String,
    description: Option<String>,
    completed: bool,
    priority: Priority,
    due_date: Option<String>,
    is_overdue: bool,
    created_at: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Priority {
    High,
    Medium,
    Low,
}

impl Dashboard {
    /// The same data with its collections shared; what is equal to `last` is shared with it, as an application does that
    /// changes only what it has to.
    fn shared(&self, last: Option<&SharedDashboard>) -> SharedDashboard {
        Dashboard {
            title: self.title.clone(),
            user: self.user.clone(),
            statistics: share(&self.statistics, last.map(|last| &last.statistics)),
            notifications: share(&self.notifications, last.map(|last| &last.notifications)),
            counter: self.counter,
            max_counter: self.max_counter,
            counter_history: share(&self.counter_history, last.map(|last| &last.counter_history)),
            tasks: share(&self.tasks, last.map(|last| &last.tasks)),
            show_completed: self.show_completed,
            is_loading: self.is_loading,
            loading_message: self.loading_message.clone(),
            is_connected: self.is_connected,
            last_update_time: self.last_update_time.clone(),
        }
    }
}

fn share<T: PartialEq + Clone>(data: &T, last: Option<&Shared<T>>) -> Shared<T> {
    match last {
        Some(last) if **last == *data => last.clone(),
        _ => Shared::new(data.clone()),
    }
}

/// A line of the workload.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Step {
    step: String,
    data: Dashboard,
}

impl Dashboard {
    /// Marks a task as done, or not done.
    pub(crate) fn toggle(&mut self, task: usize) {
        if let Some(task) = self.tasks.get_mut(task) {
            task.completed = !task.completed;
        }
    }
}

impl Step {
    /// Whether it is the step of this name.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.step == name
    }

    /// The data after it.
    pub(crate) fn data(&self) -> &Dashboard {
        &self.data
    }
}

/// The states of the workload: the first data, then the data after each step.
pub(crate) fn steps() -> Outcome<Vec<Step>> {
    STEPS
        .lines()
        .map(|line| Ok(serde_json::from_str(line)?))
        .collect()
}

/// The dashboard on its first data.
pub(crate) fn first() -> Outcome<(Page, Box<dyn Data>)> {
    let step = steps()?.into_iter().next().ok_or("the workload is empty")?;
    Ok((page()?, Box::new(step.data)))
}

/// Each step from the one before it; then again the steps that leave the lists alone, with the lists in [`Shared`].
pub(crate) fn cases() -> Outcome<Vec<Named>> {
    let steps = Rc::new(steps()?);
    let mut cases = each_step(&steps);
    for at in 1..steps.len() {
        let steps = Rc::clone(&steps);
        if bar(&steps[at].step) != Some(case::TEXT) {
            continue;
        }
        // What changes in these is a list itself, which is walked and printed row by row.
        let is_list = steps[at].step.ends_with("statistic") || steps[at].step.ends_with("statistics");
        cases.push(Named {
            name: format!("{}-shared", steps[at].step),
            bar: Some(if is_list { case::TEXT } else { case::SHARED }),
            make: Box::new(move || {
                let before = steps[at - 1].data.shared(None);
                let after = steps[at].data.clone();
                Ok(Case {
                    page: page()?,
                    before: Box::new(before.clone()),
                    after: After::Anew(Box::new(move || Box::new(after.shared(Some(&before))))),
                })
            }),
        });
    }
    Ok(cases)
}

/// Each step from the one before it.
pub(crate) fn changes() -> Outcome<Vec<Named>> {
    Ok(each_step(&Rc::new(steps()?)))
}

fn each_step(steps: &Rc<Vec<Step>>) -> Vec<Named> {
    let mut cases = Vec::new();
    for at in 1..steps.len() {
        let steps = Rc::clone(steps);
        cases.push(Named {
            name: steps[at].step.clone(),
            bar: bar(&steps[at].step),
            make: Box::new(move || {
                Ok(Case {
                    page: page()?,
                    before: Box::new(steps[at - 1].data.clone()),
                    after: After::Same(Box::new(steps[at].data.clone())),
                })
            }),
        });
    }
    cases
}

fn page() -> Outcome<Page> {
    Page::new("dashboard.html", TEMPLATE)
}

/// What a step may cost of a full render. Steps that change many rows but not all have no bar.
fn bar(step: &str) -> Option<f64> {
    match step {
        "nothing_changed"
        | "counter_text"
        | "one_statistic"
        | "all_statistics"
        | "user_renamed"
        | "no_longer_admin"
        | "counter_reaches_maximum"
        | "loading_on"
        | "loading_off"
        | "title_changed"
        | "history_cleared" => Some(case::TEXT),
        "counter_with_history"
        | "toggle_one_task"
        | "rename_one_task"
        | "append_task"
        | "insert_task_first"
        | "insert_task_middle"
        | "remove_task_middle"
        | "move_last_task_first"
        | "swap_two_tasks"
        | "notification_first" => Some(case::ROW),
        "reverse_tasks" => Some(case::REVERSE),
        "show_completed" => Some(0.6),
        "hundred_tasks_again" => Some(case::REPLACE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;
    use statetemplate_core::Snapshot;

    use super::*;

    #[derive(Deserialize)]
    struct RawStep<'a> {
        #[serde(borrow)]
        data: &'a RawValue,
    }

    #[test]
    fn the_types_hold_all_of_the_workload() {
        for (line, step) in STEPS.lines().zip(steps().unwrap()) {
            let raw: RawStep<'_> = serde_json::from_str(line).unwrap();
            assert_eq!(serde_json::to_string(&step.data).unwrap(), raw.data.get());
            let shared = step.data.shared(None);
            assert_eq!(serde_json::to_string(&shared).unwrap(), raw.data.get());
        }
    }

    /// JSON whose maps keep their order, as the typed data does.
    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Json {
        Null(()),
        Bool(bool),
        Integer(i64),
        Float(f64),
        Text(String),
        List(Vec<Json>),
        Map(IndexMap<String, Json>),
    }

    #[derive(Deserialize)]
    struct JsonStep {
        data: Json,
    }

    #[test]
    fn typed_data_renders_the_same_page_as_the_json() {
        let page = page().unwrap();
        for (line, step) in STEPS.lines().zip(steps().unwrap()) {
            let json: JsonStep = serde_json::from_str(line).unwrap();
            let json = Snapshot::of(&json.data).unwrap();
            let expected = page.plan.render(&json, "").unwrap();
            let typed = Snapshot::of(&step.data).unwrap();
            let shared = Snapshot::of(&step.data.shared(None)).unwrap();
            for data in [&typed, &shared] {
                assert!(page.plan.render(data, "").unwrap() == expected, "{}", step.step);
            }
            let plain = page.plan.render_plain(&typed).unwrap();
            assert!(
                page.plain().render(step.data.value()).unwrap() == plain,
                "{}",
                step.step
            );
        }
    }
}
