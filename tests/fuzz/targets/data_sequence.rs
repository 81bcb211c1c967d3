//! Any states of the data, on a template that has about everything: after each update the document is a fresh render.
#![no_main]

use std::sync::{Arc, LazyLock};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use oracle::{Page, environment, is_guarded};
use serde_json::{Map, Value, json};
use statetemplate_core::Plan;

#[allow(dead_code)] // The other tests use more of it.
#[path = "../../../statetemplate-core/tests/it/oracle.rs"]
mod oracle;

const TEMPLATE: &str = include_str!("../templates/rich.html");

/// A state of the data; whatever is missing is undefined in the template.
#[derive(Arbitrary, Clone, Debug)]
struct State {
    title: Any,
    note: Any,
    count: i16,
    on: bool,
    rows: Vec<Row>,
    tags: Vec<Any>,
    table: Vec<(u8, Any)>,
}

#[derive(Arbitrary, Clone, Debug)]
struct Row {
    id: u8,
    text: Any,
    done: bool,
    parts: Vec<Any>,
}

#[derive(Arbitrary, Clone, Debug)]
enum Any {
    Missing,
    Null,
    Flag(bool),
    Number(i32),
    Float(f32),
    Text(String),
}

/// How a state follows from the one before: mostly by a small change.
#[derive(Arbitrary, Debug)]
enum Step {
    Title(Any),
    Toggle,
    Count(i16),
    Insert(u8, Row),
    Remove(u8),
    Move(u8, u8),
    Edit(u8, Any),
    Tags(Vec<Any>),
    Table(Vec<(u8, Any)>),
    Note(Any),
    Revert,
    All(State),
}

fuzz_target!(|input: (State, Vec<Step>)| {
    let (first, steps) = input;
    static PLAN: LazyLock<Arc<Plan>> = LazyLock::new(|| {
        let env = environment(&[("page.html", TEMPLATE)]);
        Arc::new(Plan::compile(&env, "page.html").expect("the template can be compiled"))
    });
    let mut state = first.clone();
    let opened = Page::try_open_plan(PLAN.clone(), is_guarded(TEMPLATE), &state.json());
    let mut page = opened.unwrap_or_else(|why| panic!("{why}"));
    for step in steps.iter().take(12) {
        step.apply(&mut state, &first);
        page.update(&state.json());
    }
});

impl Step {
    fn apply(&self, state: &mut State, first: &State) {
        let place = |at: &u8, len: usize| usize::from(*at) % len.max(1);
        let len = state.rows.len();
        match self {
            Step::Title(title) => state.title = title.clone(),
            Step::Note(note) => state.note = note.clone(),
            Step::Toggle => state.on = !state.on,
            Step::Count(count) => state.count = *count,
            Step::Insert(at, row) => state.rows.insert(place(at, len + 1), row.clone()),
            Step::Remove(at) if len > 0 => drop(state.rows.remove(place(at, len))),
            Step::Move(from, to) if len > 0 => {
                let row = state.rows.remove(place(from, len));
                state.rows.insert(place(to, len), row);
            }
            Step::Edit(at, text) if len > 0 => state.rows[place(at, len)].text = text.clone(),
            Step::Remove(_) | Step::Move(..) | Step::Edit(..) => {}
            Step::Tags(tags) => state.tags.clone_from(tags),
            Step::Table(table) => state.table.clone_from(table),
            Step::Revert => state.clone_from(first),
            Step::All(new) => state.clone_from(new),
        }
    }
}

impl State {
    fn json(&self) -> Value {
        let mut map = Map::new();
        put(&mut map, "title", &self.title);
        put(&mut map, "note", &self.note);
        map.insert("count".into(), json!(self.count));
        map.insert("on".into(), json!(self.on));
        map.insert("rows".into(), self.rows.iter().map(Row::json).collect());
        map.insert(
            "tags".into(),
            self.tags
                .iter()
                .map(|tag| tag.json().unwrap_or_default())
                .collect(),
        );
        let mut table = Map::new();
        for (key, value) in &self.table {
            put(&mut table, &format!("k{key}"), value);
        }
        map.insert("table".into(), table.into());
        map.into()
    }
}

impl Row {
    fn json(&self) -> Value {
        let mut map = Map::new();
        map.insert("id".into(), json!(self.id));
        put(&mut map, "text", &self.text);
        map.insert("done".into(), json!(self.done));
        map.insert(
            "parts".into(),
            self.parts
                .iter()
                .map(|part| part.json().unwrap_or_default())
                .collect(),
        );
        map.into()
    }
}

fn put(map: &mut Map<String, Value>, key: &str, value: &Any) {
    if let Some(value) = value.json() {
        map.insert(key.to_owned(), value);
    }
}

impl Any {
    fn json(&self) -> Option<Value> {
        Some(match self {
            Any::Missing => return None,
            Any::Null => Value::Null,
            Any::Flag(on) => json!(on),
            Any::Number(number) => json!(number),
            Any::Float(number) => json!(number),
            Any::Text(text) => json!(text),
        })
    }
}
