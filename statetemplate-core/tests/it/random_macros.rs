//! Random macros, imports, `call` blocks and set blocks that share few names, through the oracle.

use minijinja::Environment;
use proptest::prelude::*;
use serde_json::Value;
use statetemplate_core::{Plan, Snapshot};

use crate::oracle::Page;
use crate::simple;

/// Few names, so that what is bound here shadows what is bound there. `t`, `n` and `on` are in the data.
fn name() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("t"), Just("n"), Just("k"), Just("on")]
}

fn value() -> BoxedStrategy<String> {
    prop_oneof![
        4 => name().prop_map(str::to_owned),
        1 => Just("'<c>'".to_owned()),
        1 => Just("3".to_owned()),
        1 => name().prop_map(|name| format!("{name} ~ 'x'")),
        1 => name().prop_map(|name| format!("{name}|upper")),
        1 => Just("loop.index if loop is defined else 0".to_owned()),
    ]
    .boxed()
}

/// What can be called at some place: the macros before it, so that none calls itself without end.
type Callable = &'static [&'static str];

fn call(callable: Callable) -> BoxedStrategy<String> {
    let keyword = prop_oneof![Just("t"), Just("n")];
    let args = prop::collection::vec(value(), 0..3);
    (prop::sample::select(callable), args, keyword, any::<bool>())
        .prop_map(|(which, mut args, keyword, last)| {
            if last && args.len() == 1 {
                args[0] = format!("{keyword}={}", args[0]);
            }
            format!("{which}({})", args.join(", "))
        })
        .boxed()
}

/// Statements in which these macros can be called.
fn piece(depth: u32, callable: Callable) -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        4 => value().prop_map(|value| format!("{{{{ {value} }}}}")),
        3 => call(callable).prop_map(|call| format!("{{{{ {call} }}}}")),
        1 => call(callable).prop_map(|call| format!("{{{{ {call}|upper }}}}")),
        1 => call(callable).prop_map(|call| format!("<i title=\"{{{{ {call}|length }}}}\"></i>")),
        1 => value().prop_map(|value| format!("<i class=\"a {{{{ {value} }}}}\">x</i>")),
        2 => (name(), value()).prop_map(|(name, value)| format!("{{% set {name} = {value} %}}")),
        1 => Just("text ".to_owned()),
        1 => prop_oneof![
            Just("{% import 'ui.html' as ui %}"),
            Just("{% from 'more.html' import u1 %}"),
            Just("{% macro m0(t, n) %}<s>{{ t }}{{ n }}{{ k }}{% if caller %}{{ caller(n) }}{% endif %}</s>{% endmacro %}"),
            Just("{% macro m1(t, k=n) %}{% for n in xs %}<s>{{ k }}{{ n }}{{ on }}</s>{% endfor %}{% endmacro %}"),
        ]
        .prop_map(str::to_owned),
    ];
    if depth == 0 {
        return leaf.boxed();
    }
    let body =
        move || prop::collection::vec(piece(depth - 1, callable), 1..4).prop_map(|parts| parts.concat());
    prop_oneof![
        4 => leaf,
        2 => body().prop_map(|body| format!("<div>{body}</div>")),
        2 => (name(), body(), body()).prop_map(|(name, yes, no)| format!("{{% if {name} %}}{yes}{{% else %}}{no}{{% endif %}}")),
        1 => (name(), value(), body()).prop_map(|(name, value, body)| format!("{{% with {name} = {value} %}}{body}{{% endwith %}}")),
        2 => (name(), body()).prop_map(|(name, body)| format!("<ul>{{% for {name} in xs %}}<li>{body}</li>{{% endfor %}}</ul>")),
        2 => (name(), body()).prop_map(|(name, body)| format!("{{% set s %}}<u>{body}</u>{{% endset %}}{{{{ s }}}}<hr>{{% set {name} = 1 %}}{{{{ s }}}}")),
        1 => body().prop_map(|body| format!("{{% filter upper %}}{body}{{% endfilter %}}")),
        1 => body().prop_map(|body| format!("{{% autoescape true %}}{body}{{% endautoescape %}}")),
        3 => (call(callable), prop::option::of(name()), body()).prop_map(|(call, name, body)| {
            let params = name.map_or(String::new(), |name| format!("({name})"));
            format!("{{% call{params} {call} %}}{body}{{% endcall %}}")
        }),
    ]
    .boxed()
}

/// A macro that prints what a `call` block gives it in one of some ways.
fn definition(macro_name: &'static str, callable: Callable) -> BoxedStrategy<String> {
    let params = prop_oneof![
        Just("t, n"),
        Just("t, n=1"),
        Just("t='d', n=t"),
        Just("n=k, t='d'"),
        Just("t=n, n=2"),
    ];
    let caller = prop_oneof![
        3 => Just("{% if caller %}{{ caller(n) }}{% endif %}"),
        2 => Just("{% if caller is defined %}<ol>{% for t in [1, n] %}<li>{{ caller(t) }}</li>{% endfor %}</ol>{% else %}-{% endif %}"),
        1 => Just("{% set c = caller(t) if caller else '' %}{{ c }}"),
        1 => Just("{% if not caller %}none{% elif on %}{{ caller(n) }}{{ caller(k) }}{% endif %}"),
    ];
    let body = prop::collection::vec(piece(1, callable), 0..3).prop_map(|parts| parts.concat());
    (params, body, caller)
        .prop_map(move |(params, body, caller)| {
            format!("{{% macro {macro_name}({params}) %}}<b>{body}{caller}</b>{{% endmacro %}}")
        })
        .boxed()
}

fn maybe_set() -> impl Strategy<Value = String> {
    prop::option::of((name(), value())).prop_map(|set| {
        set.map_or(String::new(), |(name, value)| {
            format!("{{% set {name} = {value} %}}")
        })
    })
}

/// The page and the template that it imports.
fn templates() -> impl Strategy<Value = (String, String)> {
    let ui = (
        maybe_set(),
        definition("u0", &["range"]),
        definition("u1", &["u0"]),
        maybe_set(),
    )
        .prop_map(|(before, u0, u1, after)| format!("{before}{u0}{u1}{after}"));
    let page = (
        definition("m0", &["ui.u0", "u1"]),
        definition("m1", &["ui.u0", "u1", "m0"]),
        definition("m2", &["ui.u1", "m0", "m1"]),
        prop::collection::vec(
            prop_oneof![
                6 => piece(2, &["ui.u0", "u1", "m0", "m1", "m2"]),
                1 => Just("{% include 'part.html' %}".to_owned()),
                1 => Just("<ol>{% for k in xs %}<li>{% include 'part.html' %}</li>{% endfor %}</ol>".to_owned()),
            ],
            1..5),
        maybe_set(),
        0..3usize,
        any::<bool>(),
    )
        .prop_map(|(m0, m1, m2, body, set, order, inherits)| {
            let import = "{% import 'ui.html' as ui %}{% from 'ui.html' import u1 %}";
            let head = match order {
                0 => format!("{import}{set}{m0}{m1}{m2}"),
                1 => format!("{m2}{set}{m1}{import}{m0}"),
                _ => format!("{set}{m0}{m1}{m2}{import}"),
            };
            if inherits {
                let (a, b) = body.split_at(body.len() / 2);
                return format!(
                    "{{% extends 'base.html' %}}{head}{{% block a %}}{}{{% endblock %}}{{% block b %}}{}{{% endblock %}}",
                    a.concat(),
                    b.concat()
                );
            }
            format!("<main>{head}{}</main>", body.concat())
        });
    (page, ui)
}

/// What the page includes, imports and extends.
const OTHERS: &[(&str, &str)] = &[
    ("part.html", "<div>{{ m0(t, n) }}{{ u1(k) }}{{ ui.u0(n) }}</div>"),
    (
        "more.html",
        "{% set k = n %}{% from 'ui.html' import u0 %}{% macro u1(t, n=k) %}<em>{{ u0(t, n) }}{{ k }}{% if caller %}{{ caller(t) }}{% endif %}</em>{% endmacro %}",
    ),
    (
        "base.html",
        "{% macro m0(t, n='base') %}<q>{{ t }}{{ n }}{{ k }}{% if caller %}{{ caller(t) }}{% endif %}</q>{% endmacro %}\
         <main>{% block a %}{% endblock %}{% set k = 'base' %}{% for n in xs %}<div>{% block b %}{% endblock %}</div>{% endfor %}</main>",
    ),
];

/// Whether minijinja renders the page on all of this data: a random page may well be wrong.
fn renders(env: &Environment<'static>, steps: &[Value]) -> bool {
    let plan = Plan::compile(env, "page.html").unwrap();
    steps
        .iter()
        .all(|data| plan.render_plain(&Snapshot::of(data).unwrap()).is_ok())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn random_macros_follow_random_data(
        (page, ui) in templates(),
        steps in prop::collection::vec(simple::data(), 2..5),
    ) {
        let mut env = Environment::new();
        let parsed = env.add_template_owned("page.html", page).and_then(|()| env.add_template_owned("ui.html", ui));
         prop_assert!(parsed.is_ok(), "{parsed:?}");
        for (name, source) in OTHERS {
            env.add_template(name, source).unwrap();
        }
        prop_assume!(renders(&env, &steps));
        let mut page = Page::open(&env, "page.html", &steps[0]);
        for step in &steps[1..] {
            page.update(step);
        }
    }
}
