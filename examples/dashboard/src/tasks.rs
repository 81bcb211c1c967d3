//! The task list: adding, editing, completing and deleting, and what a task must look like.

use jiff::{Timestamp, civil::Date};

use crate::data::{Dashboard, Editing, Priority, Task, TaskForm};

/// The most tasks that a list holds.
pub(crate) const MAX_TASKS: usize = 50;
/// The most characters of a title.
pub(crate) const MAX_TITLE: usize = 80;
/// The most characters of a description.
pub(crate) const MAX_DESCRIPTION: usize = 200;

impl Dashboard {
    /// Adds the task that the form describes, at the top, and empties the form; a form that does not describe a task comes
    /// back with the reason.
    pub(crate) fn add_task(&mut self, form: TaskForm, now: Timestamp, today: Date) {
        let fields = if self.tasks.len() < MAX_TASKS {
            Fields::of(&form)
        } else {
            Err(format!(
                "The list is full: it holds {MAX_TASKS} tasks. Delete one first."
            ))
        };
        match fields {
            Ok(fields) => {
                let mut task = Task {
                    id: self.next_task,
                    title: String::new(),
                    description: None,
                    completed: false,
                    priority: form.priority,
                    due_date: None,
                    is_overdue: false,
                    created_at: now,
                };
                fields.fill(&mut task, form.priority, today);
                self.next_task += 1;
                self.tasks.insert(0, task);
                self.new_task = TaskForm::default();
                self.new_task_error = None;
            }
            Err(reason) => {
                self.new_task = form;
                self.new_task_error = Some(reason);
            }
        }
    }

    /// Opens the form of a task, in place of the one that is open.
    pub(crate) fn edit_task(&mut self, id: u64) -> Result<(), NoSuchTask> {
        let task = self.task(id)?;
        let form = TaskForm {
            title: task.title.clone(),
            description: task.description.clone().unwrap_or_default(),
            priority: task.priority,
            due_date: task.due_date.map(|day| day.to_string()).unwrap_or_default(),
        };
        self.editing = Some(Editing {
            id,
            form,
            error: None,
        });
        Ok(())
    }

    /// Writes a task's form into the task, or gives the form back with the reason.
    pub(crate) fn save_task(&mut self, id: u64, form: TaskForm, today: Date) -> Result<(), NoSuchTask> {
        let task = self.task(id)?;
        match Fields::of(&form) {
            Ok(fields) => {
                fields.fill(task, form.priority, today);
                self.editing = None;
            }
            Err(reason) => {
                self.editing = Some(Editing {
                    id,
                    form,
                    error: Some(reason),
                });
            }
        }
        Ok(())
    }

    /// Completes an open task, or opens a completed one.
    pub(crate) fn toggle_task(&mut self, id: u64, today: Date) -> Result<(), NoSuchTask> {
        let task = self.task(id)?;
        task.completed = !task.completed;
        task.mark_overdue(today);
        Ok(())
    }

    /// Deletes a task and closes its form.
    pub(crate) fn delete_task(&mut self, id: u64) -> Result<(), NoSuchTask> {
        self.task(id)?;
        self.tasks.retain(|task| task.id != id);
        if self.editing.as_ref().is_some_and(|editing| editing.id == id) {
            self.editing = None;
        }
        Ok(())
    }

    /// Marks the tasks whose day is over; called as time goes by.
    pub(crate) fn mark_overdue(&mut self, today: Date) {
        for task in &mut self.tasks {
            task.mark_overdue(today);
        }
    }

    fn task(&mut self, id: u64) -> Result<&mut Task, NoSuchTask> {
        self.tasks
            .iter_mut()
            .find(|task| task.id == id)
            .ok_or(NoSuchTask(id))
    }
}

impl Task {
    /// Marks the task when its day is over and it is still open.
    pub(crate) fn mark_overdue(&mut self, today: Date) {
        self.is_overdue = !self.completed && self.due_date.is_some_and(|day| day < today);
    }
}

/// An action named a task that is not there: deleted meanwhile, or never made by this page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoSuchTask(u64);

impl std::fmt::Display for NoSuchTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "there is no task {}", self.0)
    }
}

/// What a valid form says.
struct Fields {
    title: String,
    description: Option<String>,
    due_date: Option<Date>,
}

impl Fields {
    /// Checks a form; the error is for the person who filled it in.
    fn of(form: &TaskForm) -> Result<Fields, String> {
        let title = form.title.trim();
        if title.is_empty() {
            return Err("A task needs a title.".to_owned());
        }
        at_most(MAX_TITLE, "A title", title)?;
        let description = form.description.trim();
        at_most(MAX_DESCRIPTION, "A description", description)?;
        let due_date = match form.due_date.trim() {
            "" => None,
            day => Some(
                day.parse()
                    .map_err(|_| format!("“{day}” is not a day: write it as 2025-12-31."))?,
            ),
        };
        Ok(Fields {
            title: title.to_owned(),
            description: (!description.is_empty()).then(|| description.to_owned()),
            due_date,
        })
    }

    fn fill(self, task: &mut Task, priority: Priority, today: Date) {
        task.title = self.title;
        task.description = self.description;
        task.priority = priority;
        task.due_date = self.due_date;
        task.mark_overdue(today);
    }
}

fn at_most(limit: usize, what: &str, text: &str) -> Result<(), String> {
    let length = text.chars().count();
    if length > limit {
        return Err(format!(
            "{what} has at most {limit} characters; this one has {length}."
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::sample;

    const TODAY: Date = date(2025, 3, 1);

    fn page() -> Dashboard {
        Dashboard {
            tasks: Vec::new(),
            next_task: 1,
            ..sample::dashboard(Timestamp::UNIX_EPOCH)
        }
    }

    fn form(title: &str) -> TaskForm {
        TaskForm {
            title: title.to_owned(),
            ..TaskForm::default()
        }
    }

    fn add(page: &mut Dashboard, form: TaskForm) {
        page.add_task(form, Timestamp::UNIX_EPOCH, TODAY);
    }

    #[test]
    fn adds_at_the_top_and_empties_the_form() {
        let mut page = page();
        add(&mut page, form("first"));
        add(
            &mut page,
            TaskForm {
                title: "  second ".into(),
                description: " why ".into(),
                priority: Priority::High,
                due_date: "2025-02-28".into(),
            },
        );
        let second = &page.tasks[0];
        assert_eq!(
            (second.id, second.title.as_str(), second.priority),
            (2, "second", Priority::High)
        );
        assert_eq!(second.description.as_deref(), Some("why"));
        assert_eq!(second.due_date, Some(date(2025, 2, 28)));
        assert!(second.is_overdue);
        assert_eq!((page.tasks[1].id, page.tasks[1].is_overdue), (1, false));
        assert_eq!((page.new_task, page.new_task_error), (TaskForm::default(), None));
    }

    #[test]
    fn refuses_a_form_and_gives_it_back() {
        for (refused, reason) in [
            (form(" "), "A task needs a title."),
            (
                form(&"ä".repeat(81)),
                "A title has at most 80 characters; this one has 81.",
            ),
            (
                TaskForm {
                    description: "x".repeat(201),
                    ..form("a")
                },
                "A description has at most 200 characters; this one has 201.",
            ),
            (
                TaskForm {
                    due_date: "2025-02-30".into(),
                    ..form("a")
                },
                "“2025-02-30” is not a day: write it as 2025-12-31.",
            ),
        ] {
            let mut page = page();
            add(&mut page, refused.clone());
            assert_eq!(page.new_task_error.as_deref(), Some(reason));
            assert_eq!(page.new_task, refused);
            assert!(page.tasks.is_empty());
        }
    }

    #[test]
    fn a_full_list_takes_no_more() {
        let mut page = page();
        for _ in 0..MAX_TASKS {
            add(&mut page, form("a"));
        }
        assert_eq!(page.new_task_error, None);
        add(&mut page, form("one more"));
        assert_eq!(page.tasks.len(), MAX_TASKS);
        assert_eq!(
            page.new_task_error.as_deref(),
            Some("The list is full: it holds 50 tasks. Delete one first.")
        );
    }

    #[test]
    fn edits_in_place() {
        let mut page = page();
        add(
            &mut page,
            TaskForm {
                due_date: "2025-03-09".into(),
                ..form("draft")
            },
        );
        page.edit_task(1).unwrap();
        let editing = page.editing.clone().unwrap();
        assert_eq!(
            (editing.form.title.as_str(), editing.form.due_date.as_str()),
            ("draft", "2025-03-09")
        );

        page.save_task(1, form(""), TODAY).unwrap();
        assert_eq!(
            page.editing.as_ref().unwrap().error.as_deref(),
            Some("A task needs a title.")
        );
        assert_eq!(page.tasks[0].title, "draft");

        page.save_task(1, form("final"), TODAY).unwrap();
        assert_eq!(page.editing, None);
        assert_eq!(
            (page.tasks[0].title.as_str(), page.tasks[0].due_date),
            ("final", None)
        );
    }

    #[test]
    fn a_completed_task_is_not_overdue() {
        let mut page = page();
        add(
            &mut page,
            TaskForm {
                due_date: "2025-03-01".into(),
                ..form("a")
            },
        );
        assert!(!page.tasks[0].is_overdue, "the day itself is in time");
        page.mark_overdue(date(2025, 3, 2));
        assert!(page.tasks[0].is_overdue);
        page.toggle_task(1, date(2025, 3, 2)).unwrap();
        assert_eq!((page.tasks[0].completed, page.tasks[0].is_overdue), (true, false));
        page.toggle_task(1, date(2025, 3, 2)).unwrap();
        assert!(page.tasks[0].is_overdue);
    }

    #[test]
    fn deleting_closes_the_form() {
        let mut page = page();
        add(&mut page, form("a"));
        page.edit_task(1).unwrap();
        page.delete_task(1).unwrap();
        assert_eq!((page.tasks.len(), page.editing), (0, None));
    }

    #[test]
    fn names_the_task_that_is_not_there() {
        let mut page = page();
        assert_eq!(page.toggle_task(7, TODAY), Err(NoSuchTask(7)));
        assert_eq!(page.delete_task(7).unwrap_err().to_string(), "there is no task 7");
        assert!(page.edit_task(7).is_err() && page.save_task(7, form("a"), TODAY).is_err());
    }
}
