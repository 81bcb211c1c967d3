//! Any template text: compiling, rendering and updating it never panics; and where a page is followed in parts, the
//! document equals a fresh render. (What is replaced as a whole must be balanced: see "Deviations" in ARCHITECTURE.md.)
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use minijinja::Environment;
use oracle::Page;
use serde_json::{Value, json};
use statetemplate_core::Plan;

#[allow(dead_code)] // The other tests use more of it.
#[path = "../../../statetemplate-core/tests/it/oracle.rs"]
mod oracle;

/// What separates the templates of an input: the page, and those that it may extend, include and import.
const SEPARATOR: &str = "\n=====\n";
const NAMES: [&str; 4] = ["page.html", "base.html", "part.html", "macros.html"];

fuzz_target!(|text: &str| -> Corpus {
    let mut env = Environment::new();
    // A loop in a loop in a loop is no bug.
    env.set_fuel(Some(20_000));
    for (name, source) in NAMES.iter().zip(text.split(SEPARATOR)) {
        if env.add_template_owned(*name, source.to_owned()).is_err() {
            return Corpus::Reject;
        }
    }
    let Ok(plan) = Plan::compile(&env, NAMES[0]) else {
        return Corpus::Reject;
    };
    let in_parts = !plan.explain().contains("as a whole");
    if let Err(why) = follow(&env)
        && in_parts
        && !why.contains("fuel")
    {
        panic!("{why}\nin {text}");
    }
    Corpus::Keep
});

fn follow(env: &Environment<'static>) -> Result<(), String> {
    let mut states = states().into_iter();
    // States that the template fails on say nothing before the first page is there.
    let mut page = None;
    for data in states.by_ref() {
        let plain = env
            .get_template("page.html")
            .and_then(|page| page.render(minijinja::value::Serde(&data)));
        if plain.is_ok() {
            page = Some(Page::try_open(env, "page.html", &data)?);
            break;
        }
    }
    if let Some(mut page) = page {
        for data in states {
            page.try_update(&data)?;
        }
    }
    Ok(())
}

fn states() -> [Value; 4] {
    [
        json!({"a": "x", "b": 1, "on": true, "xs": [{"id": 1, "t": "one"}, {"id": 2, "t": "two"}], "m": {"k": "v"}}),
        json!({"a": "<&\"'>", "b": 2, "on": false, "xs": [{"id": 2, "t": "two"}, {"id": 3, "t": "3"}, {"id": 1, "t": "one"}], "m": {}}),
        json!({"a": "", "b": -1, "on": true, "xs": [], "m": {"k": null, "l": 1}}),
        json!({"b": 1.5, "xs": [{"id": 1, "t": "one"}, {"id": 1, "t": ""}]}),
    ]
}
