//! What a person typed, and the actions that events send.

use std::rc::Rc;

use markup5ever_rcdom::Handle;
use serde_json::{Map, Value};

use super::html;

/// Values that a person gave to fields, by node: an update of the page does not touch them.
#[derive(Default)]
pub(super) struct Typed {
    texts: Vec<(Handle, String)>,
    checks: Vec<(Handle, bool)>,
}

impl Typed {
    pub(super) fn fill(&mut self, field: &Handle, text: &str) {
        self.texts.retain(|(other, _)| !Rc::ptr_eq(other, field));
        self.texts.push((field.clone(), text.to_owned()));
    }

    pub(super) fn check(&mut self, root: &Handle, field: &Handle, checked: bool) {
        // Of the radio buttons of one name only one is checked.
        if checked && kind(field) == "radio" {
            let (name, form) = (html::attribute(field, "name"), form_of(field));
            for other in html::descendants(root) {
                let same_form = match (form_of(&other), &form) {
                    (Some(a), Some(b)) => Rc::ptr_eq(&a, b),
                    (None, None) => true,
                    _ => false,
                };
                if kind(&other) == "radio" && html::attribute(&other, "name") == name && same_form {
                    self.set(&other, false);
                }
            }
        }
        self.set(field, checked);
    }

    fn set(&mut self, field: &Handle, checked: bool) {
        self.checks.retain(|(other, _)| !Rc::ptr_eq(other, field));
        self.checks.push((field.clone(), checked));
    }

    fn checked(&self, field: &Handle) -> bool {
        let typed = self.checks.iter().find(|(other, _)| Rc::ptr_eq(other, field));
        typed.map_or_else(
            || html::attribute(field, "checked").is_some(),
            |(_, checked)| *checked,
        )
    }

    /// The values of a field, as it would submit them: none for an unchecked box, several for a multiple select.
    fn values(&self, field: &Handle) -> Vec<String> {
        if matches!(kind(field).as_str(), "checkbox" | "radio") {
            let value = || html::attribute(field, "value").unwrap_or_else(|| "on".to_owned());
            return if self.checked(field) {
                vec![value()]
            } else {
                Vec::new()
            };
        }
        if let Some((_, text)) = self.texts.iter().find(|(other, _)| Rc::ptr_eq(other, field)) {
            return vec![text.clone()];
        }
        match html::tag(field) {
            Some("textarea") => vec![html::text_of(field)],
            Some("select") => selected(field),
            _ => vec![html::attribute(field, "value").unwrap_or_default()],
        }
    }
}

fn selected(select: &Handle) -> Vec<String> {
    let options: Vec<Handle> = html::descendants(select)
        .into_iter()
        .filter(|node| html::tag(node) == Some("option"))
        .collect();
    let value = |option: &Handle| {
        let text = || {
            html::text_of(option)
                .split_ascii_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        html::attribute(option, "value").unwrap_or_else(text)
    };
    let chosen: Vec<&Handle> = options
        .iter()
        .filter(|option| html::attribute(option, "selected").is_some())
        .collect();
    if is_multiple(select) {
        return chosen.into_iter().map(value).collect();
    }
    // Without a choice, a browser shows the first option that is not disabled.
    let first = || {
        options
            .iter()
            .find(|option| html::attribute(option, "disabled").is_none())
    };
    chosen
        .last()
        .copied()
        .or_else(first)
        .map(value)
        .into_iter()
        .collect()
}

fn is_multiple(field: &Handle) -> bool {
    html::tag(field) == Some("select") && html::attribute(field, "multiple").is_some()
}

/// An input's type, in lower case; empty for what is no input.
fn kind(field: &Handle) -> String {
    match html::tag(field) {
        Some("input") => html::attribute(field, "type")
            .unwrap_or_else(|| "text".to_owned())
            .to_ascii_lowercase(),
        _ => String::new(),
    }
}

fn ancestors(node: &Handle) -> impl Iterator<Item = Handle> {
    std::iter::successors(Some(node.clone()), html::parent_of)
}

fn form_of(field: &Handle) -> Option<Handle> {
    ancestors(field).find(|node| html::tag(node) == Some("form"))
}

/// The action that an event on `target` sends.
pub(super) fn action(target: &Handle, event: &str, typed: &Typed) -> Option<(String, Value)> {
    let attribute = format!("st-{event}");
    let listener = ancestors(target).find(|node| html::attribute(node, &attribute).is_some())?;
    let name = html::attribute(&listener, &attribute)?;
    let mut payload = Map::new();
    match event {
        "submit" => {
            let submitter = (!Rc::ptr_eq(target, &listener)).then_some(target);
            add_form(&listener, submitter, typed, &mut payload);
            add_values(&listener, &mut payload);
            if let Some(submitter) = submitter {
                add_values(submitter, &mut payload);
            }
        }
        "change" | "input" => {
            add_values(&listener, &mut payload);
            if !Rc::ptr_eq(target, &listener) {
                add_values(target, &mut payload);
            }
            let name = html::attribute(target, "name").filter(|name| !name.is_empty());
            payload.insert(
                name.unwrap_or_else(|| "value".to_owned()),
                field_value(target, typed),
            );
        }
        _ => add_values(&listener, &mut payload),
    }
    Some((name, Value::Object(payload)))
}

fn field_value(field: &Handle, typed: &Typed) -> Value {
    if kind(field) == "checkbox" {
        return typed.checked(field).into();
    }
    if is_multiple(field) {
        return typed.values(field).into();
    }
    if kind(field) == "radio" {
        return html::attribute(field, "value")
            .unwrap_or_else(|| "on".to_owned())
            .into();
    }
    typed.values(field).into_iter().next().unwrap_or_default().into()
}

/// `st-value-NAME="…"` becomes `"NAME": "…"`.
fn add_values(element: &Handle, payload: &mut Map<String, Value>) {
    for (name, value) in html::attributes(element) {
        if let Some(name) = name.strip_prefix("st-value-").filter(|name| !name.is_empty()) {
            payload.insert(name.to_owned(), value.into());
        }
    }
}

/// The successful controls of a form: a name that occurs again becomes a list, and so does a multiple select's.
fn add_form(form: &Handle, submitter: Option<&Handle>, typed: &Typed, payload: &mut Map<String, Value>) {
    for field in html::descendants(form) {
        let is_submitter = submitter.is_some_and(|submitter| Rc::ptr_eq(submitter, &field));
        let Some(name) = html::attribute(&field, "name").filter(|name| !name.is_empty()) else {
            continue;
        };
        if !is_successful(&field, is_submitter) {
            continue;
        }
        if is_multiple(&field) {
            payload
                .entry(name.as_str())
                .or_insert_with(|| Value::Array(Vec::new()));
        }
        for value in typed.values(&field) {
            match payload.get_mut(&name) {
                None => {
                    payload.insert(name.clone(), value.into());
                }
                Some(Value::Array(values)) => values.push(value.into()),
                Some(single) => *single = Value::Array(vec![single.take(), value.into()]),
            }
        }
    }
}

fn is_successful(field: &Handle, is_submitter: bool) -> bool {
    let disabled = html::attribute(field, "disabled").is_some()
        || ancestors(field)
            .any(|node| html::tag(&node) == Some("fieldset") && html::attribute(&node, "disabled").is_some());
    let control = match html::tag(field) {
        Some("input") => match kind(field).as_str() {
            "submit" => is_submitter,
            // Files cannot travel in a JSON frame.
            "button" | "reset" | "image" | "file" => false,
            _ => true,
        },
        Some("button") => is_submitter,
        Some("textarea" | "select") => true,
        _ => false,
    };
    control && !disabled
}
