//! What the fields of a page hold: the page's own values, and what the test has typed.

use std::rc::Rc;

use markup5ever_rcdom::Handle;
use serde_json::{Map, Value};

use super::select::{Dom, attribute, attributes, closest, raw_text, tag, walk};

/// What a test has typed into the field that a selector finds.
#[derive(Clone, Debug)]
pub(super) struct Edit {
    pub(super) selector: String,
    pub(super) typed: Typed,
}

#[derive(Clone, Debug)]
pub(super) enum Typed {
    Text(String),
    Checked(bool),
}

/// The fields of a page.
pub(super) struct Fields<'a> {
    pub(super) dom: &'a Dom,
    pub(super) edits: &'a [Edit],
}

impl Fields<'_> {
    fn typed(&self, field: &Handle) -> Option<&Typed> {
        let is_this = |edit: &&Edit| {
            self.dom
                .select(&edit.selector)
                .first()
                .is_some_and(|n| Rc::ptr_eq(n, field))
        };
        self.edits.iter().rev().find(is_this).map(|edit| &edit.typed)
    }

    fn is_checked(&self, field: &Handle) -> bool {
        match self.typed(field) {
            Some(Typed::Checked(checked)) => *checked,
            _ => attribute(field, "checked").is_some(),
        }
    }

    /// The values that a field sends: none, one, or several of a multiple select.
    fn values(&self, field: &Handle) -> Vec<String> {
        if let Some(Typed::Text(text)) = self.typed(field) {
            return vec![text.clone()];
        }
        match tag(field) {
            "textarea" => vec![raw_text(field).trim_start_matches('\n').to_owned()],
            "select" => {
                let mut options = Vec::new();
                walk(field, &mut |node| {
                    if tag(node) == "option" {
                        options.push(node.clone());
                    }
                });
                let value = |option: &Handle| {
                    attribute(option, "value").unwrap_or_else(|| raw_text(option).trim().to_owned())
                };
                let chosen: Vec<_> = options
                    .iter()
                    .filter(|o| attribute(o, "selected").is_some())
                    .map(value)
                    .collect();
                match (
                    attribute(field, "multiple").is_some(),
                    chosen.last(),
                    options.first(),
                ) {
                    (true, ..) => chosen,
                    (false, Some(last), _) => vec![last.clone()],
                    (false, None, Some(first)) => vec![value(first)],
                    (false, None, None) => Vec::new(),
                }
            }
            _ => match kind(field).as_str() {
                "checkbox" | "radio" if !self.is_checked(field) => Vec::new(),
                "checkbox" | "radio" => vec![attribute(field, "value").unwrap_or_else(|| "on".into())],
                _ => vec![attribute(field, "value").unwrap_or_default()],
            },
        }
    }

    /// The payload of a form: its successful fields, its `st-value-*`, and the submitter's.
    pub(super) fn form(&self, form: &Handle, submitter: Option<&Handle>) -> Value {
        let mut payload = Map::new();
        for field in fields_of(form) {
            let Some(name) = attribute(&field, "name").filter(|name| !name.is_empty()) else {
                continue;
            };
            let is_button = tag(&field) == "button"
                || matches!(kind(&field).as_str(), "submit" | "image" | "button" | "reset");
            let is_submitter = submitter.is_some_and(|submitter| Rc::ptr_eq(submitter, &field));
            let is_list = tag(&field) == "select" && attribute(&field, "multiple").is_some();
            if attribute(&field, "disabled").is_some()
                || (is_button && !is_submitter)
                || kind(&field) == "file"
            {
                continue;
            }
            if is_list {
                payload
                    .entry(name.clone())
                    .or_insert_with(|| Value::Array(Vec::new()));
            }
            for value in self.values(&field) {
                let value = Value::String(value);
                match payload.get_mut(&name) {
                    None => drop(payload.insert(name.clone(), value)),
                    Some(Value::Array(values)) => values.push(value),
                    Some(one) => *one = Value::Array(vec![one.take(), value]),
                }
            }
        }
        add_values(&mut payload, form);
        if let Some(submitter) = submitter {
            add_values(&mut payload, submitter);
        }
        Value::Object(payload)
    }

    /// The payload of a field that changed, by the element that listens.
    pub(super) fn field(&self, listener: &Handle, field: &Handle) -> Value {
        if tag(listener) == "form" {
            return self.form(listener, None);
        }
        let mut payload = Map::new();
        add_values(&mut payload, listener);
        add_values(&mut payload, field);
        let value = if kind(field) == "checkbox" {
            Value::Bool(self.is_checked(field))
        } else if tag(field) == "select" && attribute(field, "multiple").is_some() {
            self.values(field).into()
        } else {
            self.values(field).into_iter().next().unwrap_or_default().into()
        };
        let name = attribute(field, "name")
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| "value".into());
        payload.insert(name, value);
        Value::Object(payload)
    }
}

/// The payload of an element that is no field: its `st-value-*`.
pub(super) fn element(node: &Handle) -> Value {
    let mut payload = Map::new();
    add_values(&mut payload, node);
    Value::Object(payload)
}

fn add_values(payload: &mut Map<String, Value>, node: &Handle) {
    for (name, value) in attributes(node) {
        if let Some(name) = name.strip_prefix("st-value-").filter(|name| !name.is_empty()) {
            payload.insert(name.to_owned(), Value::String(value));
        }
    }
}

pub(super) fn fields_of(form: &Handle) -> Vec<Handle> {
    let mut fields = Vec::new();
    walk(form, &mut |node| {
        if matches!(tag(node), "input" | "textarea" | "select" | "button") {
            fields.push(node.clone());
        }
    });
    fields
}

/// The type of an `input`, or of a `button`.
fn kind(field: &Handle) -> String {
    let default = match tag(field) {
        "input" => "text",
        "button" => "submit",
        _ => "",
    };
    attribute(field, "type").map_or_else(|| default.to_owned(), |kind| kind.to_ascii_lowercase())
}

/// The form that a click on `node` submits.
pub(super) fn submitted_by(node: &Handle) -> Option<(Handle, Handle)> {
    let button = closest(node, |node| {
        matches!(tag(node), "button" | "input") && kind(node) == "submit"
    })?;
    let form = closest(&button, |node| tag(node) == "form")?;
    Some((form, button))
}
