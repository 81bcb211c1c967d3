//! What a person does on a page: click, type, submit.

use serde_json::{Value, json};

use super::{ActionFailure, TestPage};

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
        let target = self.one(selector);
        let submits = match target.tag() {
            "button" => target.attribute("type").is_none_or(|kind| kind == "submit"),
            "input" => target.attribute("type") == Some("submit"),
            _ => false,
        };
        let clicked = self.document.action_of(selector, "click");
        let submitted = || self.document.action_of(selector, "submit").filter(|_| submits);
        let Some((action, payload)) = clicked.or_else(submitted) else {
            panic!(
                "a click on {selector:?} does nothing: no st-click on it or around it, and no form to submit"
            );
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
        let resets = self.one(selector).attribute("st-reset").is_some();
        let Some((action, payload)) = self.document.action_of(selector, "submit") else {
            panic!("{selector:?} is no form with st-submit");
        };
        let answer = self.act(&action, payload).await;
        if resets && answer.is_ok() {
            self.reset(selector);
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
        self.document
            .fill(selector, value)
            .unwrap_or_else(|error| panic!("{}", error.message()));
        self.edited(selector).await;
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
        self.document
            .check(selector, checked)
            .unwrap_or_else(|error| panic!("{}", error.message()));
        self.edited(selector).await;
    }

    async fn edited(&mut self, selector: &str) {
        for event in ["input", "change"] {
            // The field may go with the first event, as in a browser.
            if let Some((action, payload)) = self.document.action_of(selector, event) {
                done(selector, self.act(&action, payload).await);
            }
        }
    }

    /// Puts the fields of a form back to what the page says.
    fn reset(&mut self, form: &str) {
        for tag in ["input", "textarea"] {
            for field in self.document.elements(&format!("{form} {tag}[name]")) {
                let Some(name) = field.attribute("name") else {
                    continue;
                };
                let selector = format!("{form} {tag}[name={name}]");
                let is_box = matches!(field.attribute("type"), Some("checkbox" | "radio"));
                let put_back = match tag {
                    "input" if is_box => self
                        .document
                        .check(&selector, field.attribute("checked").is_some()),
                    "input" => self
                        .document
                        .fill(&selector, field.attribute("value").unwrap_or_default()),
                    _ => self.document.fill(&selector, field.text()),
                };
                put_back.unwrap_or_else(|error| panic!("{}", error.message()));
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
    /// When the page is not connected, or its connection ends before the answer, unless it [connects again by
    /// itself](TestPage::reconnect_by_itself).
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has perhaps sent the action; its answer is applied later.
    pub async fn act(&mut self, action: &str, payload: Value) -> Result<Value, ActionFailure> {
        let number = self.send(action, payload).await;
        self.answer(number).await
    }

    /// Sends an action without waiting; [`answer`](TestPage::answer) waits for its answer. Without a connection it waits for
    /// the next one.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has perhaps sent the action.
    pub async fn send(&mut self, action: &str, payload: Value) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        let frame = json!([number, action, payload]).to_string();
        self.pending.insert(number, frame.clone());
        if self.is_connected() {
            self.send_frame(&frame).await;
        }
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
    /// When the connection ends before the answer, and the page does not [connect again by
    /// itself](TestPage::reconnect_by_itself).
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
