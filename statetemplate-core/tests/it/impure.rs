//! Functions that give something else each time: what depends on them is sent at each change.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use minijinja::Environment;
use serde_json::{Value, json};
use statetemplate_core::testing::Document;
use statetemplate_core::wire::{self, Statics};
use statetemplate_core::{Plan, PlanOptions, Snapshot, diff};

use crate::oracle::environment;

/// A page whose function `tick`, filter `ticked` and test `ticking` give a new number each time, printed as `#7#`.
struct Clock {
    env: Environment<'static>,
    count: Arc<AtomicUsize>,
}

impl Clock {
    fn new(templates: &[(&'static str, &'static str)]) -> Self {
        let mut env = environment(templates);
        let count = Arc::new(AtomicUsize::new(1));
        let next = |count: &Arc<AtomicUsize>| {
            let count = count.clone();
            move || count.fetch_add(1, Ordering::SeqCst)
        };
        let tick = next(&count);
        env.add_function("tick", move || format!("#{}#", tick()));
        let ticked = next(&count);
        env.add_filter("ticked", move |text: String| format!("{text}#{}#", ticked()));
        let ticking = next(&count);
        env.add_test("ticking", move |_: minijinja::Value| ticking() % 2 == 0);
        Clock { env, count }
    }

    fn plan(&self) -> Plan {
        let options = PlanOptions::new()
            .impure("tick")
            .impure("ticked")
            .impure("ticking");
        Plan::compile_with(&self.env, "page.html", &options).unwrap()
    }

    /// Follows the data through the steps. After each, the page is what a fresh render is but for the numbers, and
    /// each number is one that was given since the change.
    fn replay(&self, steps: &[Value]) -> Vec<Vec<String>> {
        let plan = self.plan();
        let mut old = Snapshot::of(&steps[0]).unwrap();
        let mut document = Document::parse(&plan.render(&old, "").unwrap()).unwrap();
        let mut statics = Statics::new(&plan, &[]);
        let mut sent = Vec::new();
        for (at, step) in steps.iter().enumerate().skip(1) {
            let before = self.count.load(Ordering::SeqCst);
            let new = old.next(step).unwrap();
            let patch = diff(&plan, &old, &new).unwrap();
            let revision = u64::try_from(at).unwrap();
            let frames = if patch.is_refresh() {
                vec![wire::refresh(
                    revision,
                    plan.hash(),
                    &plan.render(&new, "").unwrap(),
                )]
            } else {
                wire::patch_frames(&plan, &mut statics, revision, &patch, None)
            };
            for frame in frames {
                document.apply(&frame).unwrap();
            }
            let shown = document.html();
            let fresh = Document::normalise(&plan.render(&new, "").unwrap());
            assert_eq!(
                without_numbers(&shown),
                without_numbers(&fresh),
                "{:?}\n{}",
                patch.operations(),
                plan.explain()
            );
            let is_new = !old.is_same(&new);
            for number in numbers(&shown).into_iter().filter(|_| is_new) {
                assert!(
                    number >= before,
                    "#{number}# is older than #{before}#: {shown}\n{:?}",
                    patch.operations()
                );
            }
            sent.push(
                patch
                    .operations()
                    .iter()
                    .map(|line| without_numbers(line))
                    .collect(),
            );
            old = new;
        }
        sent
    }
}

fn one(template: &'static str, steps: &[Value]) -> Vec<Vec<String>> {
    Clock::new(&[("page.html", template)]).replay(steps)
}

fn numbers(html: &str) -> Vec<usize> {
    html.split('#').filter_map(|part| part.parse().ok()).collect()
}

fn without_numbers(html: &str) -> String {
    let parts: Vec<&str> = html
        .split('#')
        .map(|part| {
            if part.parse::<usize>().is_ok() {
                "tick"
            } else {
                part
            }
        })
        .collect();
    parts.join("#")
}

fn steps() -> [Value; 4] {
    [
        json!({"k": 1, "xs": [{"id": 1, "t": "a"}, {"id": 2, "t": "b"}], "on": true}),
        json!({"k": 2, "xs": [{"id": 1, "t": "a"}, {"id": 2, "t": "b"}], "on": true}),
        json!({"k": 2, "xs": [{"id": 2, "t": "b"}, {"id": 3, "t": "c"}, {"id": 1, "t": "A"}], "on": false}),
        json!({"k": 3, "xs": [], "on": true}),
    ]
}

#[test]
fn texts_and_attributes_are_sent_at_each_change() {
    let sent = one(
        "<main><textarea>{{ tick() }}</textarea><p title=\"{{ k|ticked }}\">{{ k }}</p><i>{{ xs|length }}</i></main>",
        &steps(),
    );
    assert_eq!(
        sent[0],
        [
            r##"0 text "#tick#""##,
            r##"1 attribute "2#tick#""##,
            r#"2 text "2""#
        ],
        "what calls nothing impure is compared"
    );
}

#[test]
fn a_change_of_nothing_sends_nothing() {
    let data = steps()[0].clone();
    let sent = one("<p>{{ tick() }}</p>", &[data.clone(), data]);
    assert_eq!(sent, [Vec::<String>::new()]);
}

#[test]
fn without_its_declaration_a_function_is_taken_for_unchanged() {
    let clock = Clock::new(&[("page.html", "<p>{{ tick() }}</p><b>{{ k }}</b>")]);
    let plan = Plan::compile(&clock.env, "page.html").unwrap();
    let [first, second, ..] = steps();
    let old = Snapshot::of(&first).unwrap();
    let patch = diff(&plan, &old, &old.next(&second).unwrap()).unwrap();
    assert_eq!(patch.operations(), [r#"1 text "2""#]);
    assert_ne!(plan.hash(), clock.plan().hash(), "declarations change the slots");
}

#[test]
fn names_that_are_set_from_it_are_sent_too() {
    let sent = one(
        "<main>{% set now = tick() %}<p>{{ now }}</p>{% with then = now ~ k %}<b>{{ then }}</b>{% endwith %}<i>{{ k }}</i></main>",
        &steps(),
    );
    assert_eq!(
        sent[1],
        [r##"0 region "#tick#""##, r##"1 region "#tick#2""##],
        "only these depend on it"
    );
}

#[test]
fn rows_that_call_it_are_sent_and_stay_in_place() {
    let sent = one(
        "<ul>{% for x in xs %}<li id=\"r{{ x.id }}\" title=\"{{ x.t }} {{ tick() }}\"><b>{{ x.t }}</b></li>{% endfor %}</ul>",
        &steps(),
    );
    assert_eq!(
        sent[0],
        [
            r##"0[0].1 attribute "a #tick#""##,
            r##"0[1].1 attribute "b #tick#""##
        ]
    );
    assert!(sent[1].contains(&"0 insert 1".to_owned()), "{:?}", sent[1]);
    one(
        "<ul>{% for x in xs %}<li id=\"{{ tick() }}\">{{ x.t }}{% for k in [1, 2] %}<b>{{ tick() }}</b>{% endfor %}</li>{% else %}<li>{{ tick() }}</li>{% endfor %}</ul>",
        &steps(),
    );
}

#[test]
fn what_it_decides_is_a_region() {
    for (template, place) in [
        (
            "<main>{% if k is ticking %}<b>{{ k }}</b>{% else %}<i>no</i>{% endif %}</main>",
            "0 region",
        ),
        (
            "<main><ul>{% for x in [tick(), k] %}<li>{{ x }}</li>{% endfor %}</ul></main>",
            "0 region",
        ),
        (
            "<main><ul>{% for x in xs if x.t|ticked %}<li>{{ x.t }}</li>{% endfor %}</ul></main>",
            "0 region",
        ),
        (
            "<main><p {% if on %}title=\"{{ tick() }}\"{% endif %}>x</p></main>",
            "0 region",
        ),
        (
            "<main><ul>{% for x in xs|map('ticked') %}<li>{{ x }}</li>{% endfor %}</ul></main>",
            "0 region",
        ),
        (
            "<main><p>{% if k is ticking %}one{% endif %} {{ tick() }}</p></main>",
            "0 text",
        ),
        (
            "<main>{% filter upper %}{{ tick() }}{% endfilter %}</main>",
            "0 region",
        ),
        ("<main>{{ tick()|safe }}</main>", "0 region"),
    ] {
        println!("{template}");
        let clock = Clock::new(&[("page.html", template)]);
        if template.contains("ticking") {
            // The test's own answers differ between any two renders: only that it is sent can be told.
            let [first, second, ..] = steps();
            let old = Snapshot::of(&first).unwrap();
            let patch = diff(&clock.plan(), &old, &old.next(&second).unwrap()).unwrap();
            assert!(
                patch.operations()[0].starts_with(place),
                "{:?}",
                patch.operations()
            );
            continue;
        }
        let sent = clock.replay(&steps()[..2]);
        assert!(sent[0][0].starts_with(place), "{sent:?}");
        clock.replay(&steps());
    }
}

#[test]
fn it_is_found_in_macros_includes_and_inheritance() {
    let clock = Clock::new(&[
        (
            "page.html",
            "{% extends 'base.html' %}{% from 'macros.html' import stamp %}{% block body %}{{ super() }}<main>{{ stamp(k) }}{% include 'part.html' %}{% include 'pa' ~ 'rt.html' %}<u>{{ k }}</u></main>{% endblock %}",
        ),
        (
            "base.html",
            "<!doctype html><html><head><title>{{ tick() }}</title></head><body>{% block body %}<b>{{ tick() }}</b>{% endblock %}</body></html>",
        ),
        (
            "macros.html",
            "{% macro stamp(x) %}<i>{{ x }}{{ tick() }}</i>{% endmacro %}",
        ),
        ("part.html", "<p>{% if on %}<em>{{ tick() }}</em>{% endif %}</p>"),
    ]);
    let sent = clock.replay(&steps());
    assert!(
        sent.iter().flatten().all(|operation| operation != "refresh"),
        "{sent:?}"
    );
    let explained = clock.plan().explain();
    insta::assert_snapshot!(explained);
}

#[test]
fn a_page_that_is_sent_as_a_whole_is_sent_at_each_change() {
    let sent = one(
        "{% set ns = namespace(n=0) %}{% set other = ns %}{% set ns.n = 1 %}<p>{{ tick() }}{{ other.n }}</p>",
        &steps(),
    );
    assert_eq!(sent, [["refresh"], ["refresh"], ["refresh"]]);
}
