//! Namespaces: what reads one follows all that changed it.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::oracle::{Page, environment};

/// Replays the steps there and back; gives the operations of each step forward.
fn replay(templates: &[(&'static str, &'static str)], steps: &[Value]) -> Vec<Vec<String>> {
    let env = environment(templates);
    let mut page = Page::open(&env, "page.html", &steps[0]);
    let sent = steps[1..]
        .iter()
        .map(|step| page.update(step).operations)
        .collect();
    for step in steps.iter().rev() {
        page.update(step);
    }
    sent
}

fn one(template: &'static str, steps: &[Value]) -> Vec<Vec<String>> {
    replay(
        &[
            ("page.html", "<html><body>{% include 'body.html' %}</body></html>"),
            ("body.html", template),
        ],
        steps,
    )
}

fn numbers() -> [Value; 4] {
    [
        json!({"xs": [1, 1, 2], "on": true, "k": 1}),
        json!({"xs": [1, 2, 2], "on": true, "k": 1}),
        json!({"xs": [], "on": false, "k": 2}),
        json!({"xs": [5], "on": true, "k": 2}),
    ]
}

#[test]
fn a_sum_is_sent_as_its_text() {
    let sent = one(
        "{% set ns = namespace(n=0) %}{% for x in xs %}{% set ns.n = ns.n + x %}{% endfor %}<p>{{ ns.n }}</p><b>{{ k }}</b>",
        &numbers(),
    );
    assert_eq!(sent[0], [r#"1 text "5""#]);
    assert_eq!(sent[1], [r#"1 text "0""#, r#"2 text "2""#]);
}

#[test]
fn rows_that_number_themselves_are_a_region_and_the_rest_is_not() {
    let sent = one(
        "{% set ns = namespace(n=0) %}<ul>{% for x in xs %}{% set ns.n = ns.n + x %}<li>{{ ns.n }}</li>{% endfor %}</ul><p>{{ ns.n }}</p><i>{{ k }}</i>",
        &numbers(),
    );
    assert_eq!(
        sent[0],
        [r#"0 region "<li>1</li><li>3</li><li>5</li>""#, r#"1 text "5""#]
    );
    assert_eq!(
        sent[2],
        [r#"0 region "<li>5</li>""#, r#"1 text "5""#],
        "what reads no namespace stays"
    );
}

#[test]
fn an_if_that_changes_a_namespace_stays_fine() {
    let sent = one(
        "{% set ns = namespace(n=0) %}{% if on %}{% set ns.n = k %}<b>{{ ns.n }}</b>{% endif %}<p>{{ ns.n }}</p>",
        &numbers(),
    );
    assert_eq!(sent[1], ["0 hide", r#"1 text "0""#]);
    assert_eq!(sent[2], ["0 show 1", r#"1 text "2""#]);
}

#[test]
fn changes_everywhere_are_followed() {
    for template in [
        // In nested loops, and in an `if` in a loop.
        "{% set ns = namespace(n=0, best='') %}{% for x in xs %}{% for y in range(x) %}{% if y > 0 %}{% set ns.n = ns.n + y * k %}{% set ns.best = x %}{% endif %}{% endfor %}{% endfor %}<p>{{ ns.n }} {{ ns.best }}</p>",
        // At the top of the page, more than once, with uses between.
        "{% set ns = namespace(n=1) %}<p>{{ ns.n }}</p>{% set ns.n = k %}<p>{{ ns.n }}</p>{% set ns.n = ns.n + xs|length %}<p title=\"{{ ns.n }}\">{{ ns.n }}</p>",
        // Two at once, one read by the other.
        "{% set a = namespace(n=0) %}{% set b = namespace(n=10) %}{% for x in xs %}{% set a.n = a.n + x %}{% set b.n = b.n - a.n %}{% endfor %}<p>{{ a.n }}</p><p>{{ b.n }}</p>",
        // In a scope of their own: a with block, a block.
        "{% set ns = namespace(n=0) %}{% with y = k %}{% set ns.n = ns.n + y %}<i>{{ ns.n }}</i>{% endwith %}<p>{{ ns.n }}</p>{% block b %}{% for x in xs %}{% set ns.n = ns.n + x %}{% endfor %}{% endblock %}<p>{{ ns.n }}</p>",
        // A name of the same kind in an inner scope is another one.
        "{% set ns = namespace(n=0) %}{% with ns = namespace(n=k) %}<i>{{ ns.n }}</i>{% endwith %}<p>{{ ns.n }}{{ k }}</p>",
        // Made in each row.
        "<ul>{% for x in xs %}{% set ns = namespace(n=0) %}{% for y in range(x) %}{% set ns.n = ns.n + y %}{% endfor %}<li>{{ ns.n }} of {{ k }}</li>{% endfor %}</ul>",
        // Read in rows after it.
        "{% set ns = namespace(n=0) %}{% for x in xs %}{% set ns.n = ns.n + x %}{% endfor %}<ul>{% for x in xs %}<li>{{ x }}/{{ ns.n }}{% if ns.n > 3 %}!{% endif %}</li>{% endfor %}</ul>",
        // In a title, in an attribute, among attributes, in a set block.
        "<title>{% set ns = namespace(n=0) %}{% for x in xs %}{% set ns.n = ns.n + x %}.{% endfor %}</title><p class=\"a{% if on %}{% set ns.n = ns.n + k %}{% endif %}\">{{ ns.n }}</p>",
        "{% set ns = namespace(n=0) %}<p {% if on %}{% set ns.n = ns.n + k %}hidden{% endif %}>{{ ns.n }}</p>{% set t %}{% set ns.n = ns.n + 1 %}{{ k }}{% endset %}<b>{{ ns.n }}{{ t }}</b>",
        // In a filter block and in unbalanced HTML.
        "{% set ns = namespace(n=0) %}{% filter upper %}a{% set ns.n = k %}{% endfilter %}<p>{{ ns.n }}</p>",
        "{% set ns = namespace(n=0) %}<div>{% if on %}<b>{% set ns.n = k %}{% else %}<i>{% endif %}{{ k }}{% if on %}</b>{% else %}</i>{% endif %}</div><p>{{ ns.n }}</p>",
        // Text, HTML and lists in it.
        "{% set ns = namespace(items=[], html='') %}{% for x in xs %}{% set ns.items = ns.items + [x * k] %}{% set ns.html = ('<b>' ~ x ~ '</b>')|safe %}{% endfor %}<ul>{% for i in ns.items %}<li>{{ i }}</li>{% endfor %}</ul>{{ ns.html }}",
        // Made in a branch.
        "{% if on %}{% set ns = namespace(n=1) %}{% else %}{% set ns = namespace(n=2) %}{% endif %}{% for x in xs %}{% set ns.n = ns.n + x %}{% endfor %}<p>{{ ns.n }}</p>",
        // Only its being there counts.
        "{% set ns = namespace() %}{% if on %}{% set ns.n = k %}{% endif %}<p>{{ ns.n is defined }} {{ ns is defined }} {{ ns['n'] }}</p>",
    ] {
        println!("{template}");
        for sent in one(template, &numbers()) {
            assert!(!sent.contains(&"refresh".to_owned()), "{template}");
        }
    }
}

#[test]
fn changes_in_an_include_are_followed() {
    let sent = replay(
        &[
            (
                "page.html",
                "{% set ns = namespace(n=0) %}{% include 'sum.html' %}<p>{{ ns.n }}</p>",
            ),
            (
                "sum.html",
                "{% for x in xs %}{% set ns.n = ns.n + x %}{% endfor %}",
            ),
        ],
        &numbers(),
    );
    assert_eq!(sent[0], [r#"1 text "5""#]);
}

#[test]
fn what_cannot_be_followed_is_sent_as_a_whole() {
    for template in [
        "{% macro add(ns, x) %}{% set ns.n = ns.n + x %}{% endmacro %}{% set ns = namespace(n=0) %}{% for x in xs %}{{ add(ns, x) }}{% endfor %}<p>{{ ns.n }}</p>",
        "{% set ns = namespace(n=0) %}{% macro show() %}{{ ns.n }}{% endmacro %}{% set ns.n = k %}<p>{{ show() }}</p>",
        "{% set ns = namespace(n=0) %}{% set other = ns %}{% set other.n = k %}<p>{{ ns.n }}</p>",
        "{% set ns = namespace(n=0) %}{% for each in [ns] %}{% set each.n = k %}{% endfor %}<p>{{ ns.n }}</p>",
    ] {
        println!("{template}");
        let sent = one(template, &numbers());
        assert_eq!(sent[1], ["refresh"], "{template}");
    }
    replay(
        &[
            (
                "page.html",
                "{% set ns = namespace(n=0) %}{% include 'a' ~ 'dd.html' %}<p>{{ ns.n }}</p>",
            ),
            ("add.html", "{% set ns.n = k %}"),
        ],
        &numbers(),
    );
}

/// A stretch of template that uses and changes the namespaces `a` and `b`.
fn piece(depth: u32, in_loop: bool) -> BoxedStrategy<String> {
    let operand = if in_loop { "x" } else { "k" };
    let leaf = prop_oneof![
        2 => Just("<p>{{ a.n }}</p>".to_owned()),
        1 => Just("{{ b.n }} ".to_owned()),
        1 => Just("<i title=\"{{ a.n }}\" {% if b.n > 3 %}hidden{% endif %}></i>".to_owned()),
        2 => Just(format!("{{% set a.n = a.n + {operand} %}}")),
        1 => Just(format!("{{% set b.n = a.n - {operand} %}}")),
        1 => Just("{% set v = a.n %}<u>{{ v }}</u>".to_owned()),
        1 => Just("{% set b = namespace(n=k) %}".to_owned()),
        1 => Just("<em>{{ k }}</em>".to_owned()),
        1 => Just("<title>{% if on %}{% set a.n = a.n + 1 %}{% endif %}{{ a.n }}</title>".to_owned()),
    ];
    if depth == 0 {
        return leaf.boxed();
    }
    let inside = move |in_loop| {
        prop::collection::vec(piece(depth - 1, in_loop), 1..4).prop_map(|parts| parts.concat())
    };
    prop_oneof![
        3 => leaf,
        2 => inside(true).prop_map(|body| format!("{{% for x in xs %}}{body}{{% endfor %}}")),
        1 => inside(in_loop).prop_map(|body| format!("{{% for y in xs %}}<b id=\"{{{{ y }}}}\">{{{{ a.n }}}}</b>{{% else %}}{body}{{% endfor %}}")),
        2 => inside(in_loop).prop_map(|body| format!("{{% if on %}}{body}{{% endif %}}")),
        1 => (inside(in_loop), inside(in_loop)).prop_map(|(yes, no)| format!("{{% if k > 1 %}}{yes}{{% else %}}{no}{{% endif %}}")),
        1 => inside(in_loop).prop_map(|body| format!("{{% with w = a.n %}}{body}{{{{ w }}}}{{% endwith %}}")),
        1 => inside(in_loop).prop_map(|body| format!("<div>{body}</div>")),
        1 => inside(in_loop).prop_map(|body| format!("{{% filter upper %}}{body}{{% endfilter %}}")),
    ]
    .boxed()
}

fn data() -> impl Strategy<Value = Value> {
    (prop::collection::vec(0..4u8, 0..4), any::<bool>(), 0..4u8)
        .prop_map(|(xs, on, k)| json!({"xs": xs, "on": on, "k": k}))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn random_changes_are_followed(
        parts in prop::collection::vec(piece(3, false), 1..7),
        steps in prop::collection::vec(data(), 2..5),
    ) {
        let template = format!(
            "<main>{{% set a = namespace(n=0) %}}{{% set b = namespace(n=5) %}}{}</main>",
            parts.concat()
        );
        let mut env = environment(&[]);
        env.add_template_owned("page.html", template).unwrap();
        let mut page = Page::open(&env, "page.html", &steps[0]);
        for step in &steps[1..] {
            page.update(step);
        }
    }
}
