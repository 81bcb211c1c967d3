//! What a person does on a page: click, type, submit.

use serde_json::{Value, json};

use super::{ActionFailure, TestPage};
use crate::test::{
    form::{self, Edit, Fields, Typed},
    select::{attribute, closest, tag},
};

impl TestPage {
    /// Clicks an element: carries out the `st-click` of it or of the nearest element around it, or submits its form. Waits
    /// for the answer and returns what the handler answered, `null` for nothing.
    ///
    /// # Panics
    ///
    /// When nothing matches, nothing happens on a click there, or the action fails.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has perhaps sent the action; its answer is applied later.
    pub async fn click(&mut self, selector: &str) -> Value {
        done(selector, self.try_click(selector).await)
    }

    /// Clicks an element as [`click`](TestPage::click) does.
    ///
    /// # Errors
    ///
    /// When the action fails.
    ///
    /// # Panics
    ///
    /// When nothing matches, or nothing happens on a click there.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has perhaps sent the action; its answer is applied later.
    pub async fn try_click(&mut self, selector: &str) -> Result<Value, ActionFailure> {
        let (action, payload) = {
            let dom = self.dom();
            let target = dom.one(selector);
            let fields = Fields {
                dom: &dom,
                edits: &self.edits,
            };
            if let Some(element) = closest(&target, |node| attribute(node, "st-click").is_some()) {
                (
                    attribute(&element, "st-click").unwrap_or_default(),
                    form::element(&element),
                )
            } else if let Some((form, button)) = form::submitted_by(&target)
                && let Some(action) = attribute(&form, "st-submit")
            {
                (action, fields.form(&form, Some(&button)))
            } else {
                panic!(
                    "a click on {selector:?} does nothing: no st-click on it or around it, and no form to submit"
                );
            }
        };
        self.act(&action, payload).await
    }

    /// Submits a form and waits for the answer.
    ///
    /// # Panics
    ///
    /// When nothing matches, the form has no `st-submit`, or the action fails.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has perhaps sent the action; its answer is applied later.
    pub async fn submit(&mut self, selector: &str) -> Value {
        done(selector, self.try_submit(selector).await)
    }

    /// Submits a form as [`submit`](TestPage::submit) does.
    ///
    /// # Errors
    ///
    /// When the action fails.
    ///
    /// # Panics
    ///
    /// When nothing matches, or the form has no `st-submit`.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has perhaps sent the action; its answer is applied later.
    pub async fn try_submit(&mut self, selector: &str) -> Result<Value, ActionFailure> {
        let (action, payload, resets) = {
            let dom = self.dom();
            let form = dom.one(selector);
            let Some(action) = attribute(&form, "st-submit") else {
                panic!("{selector:?} has no st-submit")
            };
            let fields = Fields {
                dom: &dom,
                edits: &self.edits,
            };
            (
                action,
                fields.form(&form, None),
                attribute(&form, "st-reset").is_some(),
            )
        };
        let answer = self.act(&action, payload).await;
        if resets && answer.is_ok() {
            self.edits.clear();
        }
        answer
    }

    /// Types `value` into a field, or chooses it, and leaves the field: carries out its `st-input` and `st-change`.
    ///
    /// # Panics
    ///
    /// When nothing matches, or an action fails.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has perhaps sent an action; its answer is applied later.
    pub async fn fill(&mut self, selector: &str, value: &str) {
        self.edit(selector, Typed::Text(value.to_owned())).await;
    }

    /// Ticks a checkbox or radio button, or clears it: carries out its `st-input` and `st-change`.
    ///
    /// # Panics
    ///
    /// When nothing matches, or an action fails.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has perhaps sent an action; its answer is applied later.
    pub async fn check(&mut self, selector: &str, checked: bool) {
        self.edit(selector, Typed::Checked(checked)).await;
    }

    async fn edit(&mut self, selector: &str, typed: Typed) {
        self.edits.push(Edit {
            selector: selector.to_owned(),
            typed,
        });
        for event in ["st-input", "st-change"] {
            let due = {
                let dom = self.dom();
                let Some(field) = dom.select(selector).into_iter().next() else {
                    assert!(event == "st-change", "nothing on the page matches {selector:?}");
                    // The field went with the first event, as in a browser.
                    return;
                };
                assert!(
                    matches!(tag(&field), "input" | "textarea" | "select"),
                    "{selector:?} is a <{}>, not a field",
                    tag(&field)
                );
                let fields = Fields {
                    dom: &dom,
                    edits: &self.edits,
                };
                closest(&field, |node| attribute(node, event).is_some()).map(|listener| {
                    (
                        attribute(&listener, event).unwrap_or_default(),
                        fields.field(&listener, &field),
                    )
                })
            };
            if let Some((action, payload)) = due {
                done(selector, self.act(&action, payload).await);
            }
        }
    }

    /// Sends an action, whatever the page offers, and waits for its answer: what `sendUpdate` does in a script.
    ///
    /// # Errors
    ///
    /// When the action fails.
    ///
    /// # Panics
    ///
    /// When the page is not connected, or its connection ends before the answer.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has perhaps sent the action; its answer is applied later.
    pub async fn act(&mut self, action: &str, payload: Value) -> Result<Value, ActionFailure> {
        let number = self.send(action, payload).await;
        self.answer(number).await
    }

    /// Sends an action without waiting; [`answer`](TestPage::answer) waits for its answer.
    ///
    /// # Panics
    ///
    /// When the page is not connected.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has perhaps sent the action.
    pub async fn send(&mut self, action: &str, payload: Value) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        let frame = json!([number, action, payload]).to_string();
        self.pending.insert(number, frame.clone());
        self.send_frame(&frame).await;
        number
    }

    /// Waits for the answer to an action.
    ///
    /// # Errors
    ///
    /// When the action failed.
    ///
    /// # Panics
    ///
    /// When the connection ends before the answer.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the answer is kept.
    pub async fn answer(&mut self, number: u64) -> Result<Value, ActionFailure> {
        loop {
            if let Some(answer) = self.answers.remove(&number) {
                return answer;
            }
            self.wait_for_frame(&format!("the answer to action {number}"))
                .await;
        }
    }
}

fn done(selector: &str, answer: Result<Value, ActionFailure>) -> Value {
    answer.unwrap_or_else(|failure| panic!("the action of {selector:?} failed: {failure}"))
}
