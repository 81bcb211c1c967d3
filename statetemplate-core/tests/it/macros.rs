//! Macros, `call` blocks, imports and set blocks: followed like the rest of the template.

use minijinja::Environment;
use serde_json::{Value, json};
use statetemplate_core::Plan;

use crate::oracle::{Page, environment};

type Templates<'t> = &'t [(&'static str, &'static str)];

/// Takes a page through its data; returns what each step changed. The oracle checks the page itself.
fn steps(env: &Environment<'static>, data: &[Value]) -> Vec<Vec<String>> {
    let mut page = Page::open(env, "page.html", &data[0]);
    data[1..]
        .iter()
        .map(|data| page.update(data).operations)
        .collect()
}

/// These templates, the page inside an element unless it has one around it or gets it from another.
fn inside_main(templates: Templates<'_>) -> Environment<'static> {
    let mut templates = templates.to_vec();
    let page = &mut templates[0].1;
    if !page.contains("<main>") && !page.contains("<body>") && !page.contains("extends") {
        *page = leaked(format!("<main>{page}</main>"));
    }
    environment(&templates)
}

/// Whether an explained plan has a region, or is one as a whole.
fn is_opaque(explained: &str) -> bool {
    explained.contains(" region in ") || explained.contains("It is sent as a whole")
}

/// The same, where nothing may be replaced as a whole.
#[track_caller]
fn fine(templates: Templates<'_>, data: &[Value]) -> Vec<Vec<String>> {
    let env = inside_main(templates);
    let explained = Plan::compile(&env, "page.html").unwrap().explain();
    assert!(!is_opaque(&explained), "{explained}");
    steps(&env, data)
}

/// The same, where a call has to stay a call.
#[track_caller]
fn opaque(templates: Templates<'_>, data: &[Value]) {
    let env = inside_main(templates);
    let explained = Plan::compile(&env, "page.html").unwrap().explain();
    assert!(is_opaque(&explained), "{explained}");
    steps(&env, data);
}

const BADGE: &str =
    "{% macro badge(text, kind='info') %}<b class=\"badge {{ kind }}\">{{ text }}</b>{% endmacro %}";

fn leaked(text: String) -> &'static str {
    text.leak()
}

#[test]
fn a_macro_is_followed_like_the_rest_of_the_page() {
    let page = leaked(format!(
        "{BADGE}<p>{{{{ badge(name) }}}} and {{{{ badge(name, kind) }}}}</p>"
    ));
    let sent = fine(
        &[("page.html", page)],
        &[
            json!({"name": "a", "kind": "x"}),
            json!({"name": "<b>", "kind": "x"}),
            json!({"name": "<b>", "kind": "y"}),
            json!({"name": "c"}),
        ],
    );
    assert_eq!(sent[0], [r#"0 text "<b>""#, r#"2 text "<b>""#]);
    assert_eq!(sent[1], [r#"1 attribute "badge y""#]);
    assert_eq!(
        sent[2],
        [r#"0 text "c""#, r#"1 attribute "badge info""#, r#"2 text "c""#]
    );
}

#[test]
fn what_is_constant_in_a_call_is_the_pages_own_text() {
    let page = leaked(format!(
        "{BADGE}<p>{{{{ badge('<Done>', kind=\"a'b\") }}}}{{{{ badge(n) }}}}</p>"
    ));
    let env = environment(&[("page.html", page)]);
    let plan = Plan::compile(&env, "page.html").unwrap();
    assert!(plan.explain().contains("In all: 1 place,"), "{}", plan.explain());
    let sent = steps(&env, &[json!({"n": 1}), json!({"n": 2})]);
    assert_eq!(sent, [[r#"0 text "2""#]]);
}

#[test]
fn arguments_and_defaults_are_bound_as_minijinja_binds_them() {
    let data = [
        json!({"x": 1, "y": 2, "b": "B", "a": "A"}),
        json!({"x": 2, "y": 2, "b": "B", "a": "A"}),
        json!({"y": 3, "a": "AA"}),
        json!({"x": null, "y": false, "b": "BB"}),
    ];
    for call in [
        "m()",
        "m(x)",
        "m(x, y)",
        "m(x, y, x)",
        "m(c=x)",
        "m(x, c=y, b=x)",
        "m(missing, missing, missing)",
        "m(b=missing or 1)",
        "m(1, 'two', 3.5)",
        "m((x or 0) + 1, [x, y], {'k': y})",
        "m(a)",
        "m(a=b, b=a)",
    ] {
        for params in [
            "a, b, c",
            "a, b=1, c='d'",
            "a=b, b=c, c=7",
            "a=1, b=a, c=b",
            "a=x, b=y, c=missing",
            "a=a, b=b, c=c",
        ] {
            let page = leaked(format!(
                "{{% macro m({params}) %}}<i>{{{{ a }}}}|{{{{ b }}}}|{{{{ c }}}}</i>{{% endmacro %}}<p>{{{{ {call} }}}}</p>"
            ));
            fine(&[("page.html", page)], &data);
        }
    }
}

#[test]
fn wrong_calls_keep_minijinjas_error() {
    for (call, says) in [
        ("badge(1, 2, 3)", "too many arguments"),
        ("badge(1, text=2)", "duplicate argument"),
        ("badge(colour=2)", "unknown keyword argument"),
        ("badge(1, caller=2)", "unknown keyword argument"),
    ] {
        let page = leaked(format!("{BADGE}<p>{{{{ {call} }}}}</p>"));
        let plan = Plan::compile(&environment(&[("page.html", page)]), "page.html").unwrap();
        let data = statetemplate_core::Snapshot::of(&json!({})).unwrap();
        let error = format!("{:#}", plan.render(&data, "").unwrap_err());
        assert!(error.contains(says), "{error}");
    }
    let page = leaked(format!("{BADGE}<p>{{% call badge(1) %}}x{{% endcall %}}</p>"));
    let plan = Plan::compile(&environment(&[("page.html", page)]), "page.html").unwrap();
    let data = statetemplate_core::Snapshot::of(&json!({})).unwrap();
    let error = format!("{:#}", plan.render(&data, "").unwrap_err());
    assert!(error.contains("unknown keyword argument `caller`"), "{error}");
}

#[test]
fn arguments_that_are_spread_stay_a_call() {
    for call in ["badge(*args)", "badge(**options)"] {
        let page = leaked(format!("{BADGE}<p>{{{{ {call} }}}}</p>"));
        opaque(
            &[("page.html", page)],
            &[
                json!({"args": ["a", "b"], "options": {"text": "a"}}),
                json!({"args": ["c"], "options": {"text": "a", "kind": "k"}}),
            ],
        );
    }
}

#[test]
fn a_row_that_a_macro_makes_keeps_its_key() {
    let rows = [
        json!({"tasks": [{"id": 1, "text": "a"}, {"id": 2, "text": "b"}, {"id": 3, "text": "c"}]}),
        json!({"tasks": [{"id": 3, "text": "c"}, {"id": 1, "text": "a"}, {"id": 2, "text": "b"}]}),
        json!({"tasks": [{"id": 3, "text": "c"}, {"id": 2, "text": "B"}]}),
        json!({"tasks": []}),
    ];
    for (params, call) in [
        ("task", "row(task)"),
        ("task", "row(task=task)"),
        ("task={}, n=0", "row(task, loop.index)"),
    ] {
        let page = leaked(format!(
            "{{% macro row({params}) %}}<li id=\"t{{{{ task.id }}}}\"{{% if n %}} data-n=\"{{{{ n }}}}\"{{% endif %}}>{{{{ task.text }}}}</li>{{% endmacro %}}\
             <ul>{{% for task in tasks %}}{{{{ {call} }}}}{{% endfor %}}</ul>"
        ));
        let env = environment(&[("page.html", page)]);
        let explained = Plan::compile(&env, "page.html").unwrap().explain();
        assert!(explained.contains("list by key in"), "{explained}");
        let sent = steps(&env, &rows);
        assert!(sent[0][0].contains("move"), "{sent:?}");
        assert!(!format!("{:?}", sent[0]).contains("text"), "{sent:?}");
    }
}

#[test]
fn branches_and_loops_in_a_macro_are_branches_and_loops() {
    let page = "{% macro card(t, open=false) %}<div class=\"card{% if open %} open{% endif %}\">{% if t.note %}<p>{{ t.note }}</p>{% else %}<hr>{% endif %}\
                <ul>{% for tag in t.tags %}<li>{{ loop.index }} {{ tag }}</li>{% else %}<li>none</li>{% endfor %}</ul>{% set n = t.tags|length %}<u>{{ n }}</u></div>{% endmacro %}\
                <main>{{ card(a, open=shown) }}{% for t in ts %}{{ card(t) }}{% endfor %}</main>";
    let sent = fine(
        &[("page.html", page)],
        &[
            json!({"a": {"note": "n", "tags": ["x"]}, "shown": false, "ts": [{"tags": []}]}),
            json!({"a": {"note": "m", "tags": ["x"]}, "shown": false, "ts": [{"tags": []}]}),
            json!({"a": {"tags": ["x", "y"]}, "shown": true, "ts": [{"tags": ["z"]}, {"note": "q"}]}),
            json!({"a": {}, "ts": []}),
        ],
    );
    assert_eq!(sent[0].len(), 1, "{sent:?}");
}

#[test]
fn macros_call_one_another() {
    let page = "{% macro icon(name) %}<svg><use href=\"#{{ name }}\"/></svg>{% endmacro %}\
                {% macro button(label, name='ok') %}<button>{{ icon(name) }}{{ label }}</button>{% endmacro %}\
                {% macro bar(label) %}<nav>{{ button(label) }}{{ button('Fixed', name=label) }}{{ later(label) }}</nav>{% endmacro %}\
                {% macro later(text) %}<i>{{ text }}</i>{% endmacro %}\
                <main>{{ bar(l) }}</main>";
    let sent = fine(
        &[("page.html", page)],
        &[json!({"l": "a"}), json!({"l": "b"}), json!({})],
    );
    assert_eq!(sent[0].len(), 3, "{sent:?}");
}

const UI: &str = "{% set size = 16 %}{% set prefix = site ~ '/' %}{% macro _dot() %}<i style=\"width:{{ size }}px\"></i>{% endmacro %}\
                  {% macro link(to, text) %}<a href=\"/{{ prefix }}{{ to }}\">{{ _dot() }}{{ text }}</a>{% endmacro %}\
                  {% macro pair(a, b) %}<p>{{ link(a, a) }}</p><p>{{ link(b, b) }} {{ user }}</p>{% endmacro %}";

#[test]
fn imported_macros_see_their_own_file_and_the_page() {
    let data = [
        json!({"site": "s", "a": "1", "b": "2", "user": "u"}),
        json!({"site": "t", "a": "1", "b": "3", "user": "u"}),
        json!({"site": "t", "a": "1", "b": "3", "user": "v"}),
        json!({"user": "<i>"}),
    ];
    for page in [
        "{% import 'ui.html' as ui %}<main>{{ ui.pair(a, b) }}</main>",
        "{% from 'ui.html' import pair %}<main>{{ pair(a, b) }}</main>",
        "{% from 'ui.html' import link, pair as both %}<main>{{ both(a, b=b) }}{{ link('x', a) }}</main>",
        "{% set size = 99 %}{% from 'ui.html' import pair %}<main>{{ pair(a, b) }}</main>",
        "{% from 'ui.html' import pair %}{% set size = 99 %}<main>{{ pair(a, b) }}</main>",
        "<main>{% block b %}{% import 'ui.html' as ui %}{{ ui.pair(a, b) }}{% endblock %}</main>",
        "<main>{% for a in [a, b] %}{% import 'ui.html' as ui %}<div>{{ ui.link(a, b) }}</div>{% endfor %}</main>",
        "{% import 'more.html' as more %}<main>{{ more.twice(a) }}</main>",
    ] {
        fine(
            &[
                ("page.html", page),
                ("ui.html", UI),
                (
                    "more.html",
                    "{% import 'ui.html' as ui %}{% from 'ui.html' import link as l %}{% macro twice(x) %}<p>{{ ui.link(x, user) }}</p><p>{{ l(x, x) }}</p>{% endmacro %}",
                ),
            ],
            &data,
        );
    }
}

#[test]
fn imported_macros_that_cannot_be_told_stay_calls() {
    let data = [
        json!({"name": "ui.html", "a": "1", "user": "u", "users": ["x", "y"], "on": true}),
        json!({"name": "ui.html", "a": "2", "user": "u", "users": ["y"], "on": false}),
        json!({"name": "ui.html", "a": "2", "user": "w", "users": ["z", "y"], "on": true}),
    ];
    let ui = "{% if on %}{% set size = 1 %}{% endif %}{% set now = f() %}{% macro m(x) %}<i>{{ size }}{{ x }}</i>{% endmacro %}\
              {% macro n(x) %}<i>{{ now }}{{ x }}</i>{% endmacro %}{% macro u(x) %}<b>{{ user }}{{ x }}</b>{% endmacro %}\
              {% macro tree(x) %}<b>{{ x }}{% if x > '1' %}{{ tree('0') }}{% endif %}</b>{% endmacro %}";
    for page in [
        "{% import name as ui %}<main>{{ ui.u(a) }}</main>",
        "{% from 'ui.html' import m %}<main>{{ m(a) }}</main>",
        "{% from 'ui.html' import n %}<main>{{ n(a) }}</main>",
        "{% from 'ui.html' import tree %}<main>{{ tree(a) }}</main>",
        // The page's own names are those at the import.
        "{% from 'ui.html' import u %}{% set user = 'set' %}<main>{{ u(a) }}</main>",
        "{% from 'ui.html' import u %}<main>{% for user in users %}<p>{{ u(user) }}</p>{% endfor %}</main>",
        "{% if on %}{% from 'ui.html' import u %}{% endif %}{% if on %}<main>{{ u(a) }}</main>{% endif %}",
    ] {
        let mut env = environment(&[("page.html", page), ("ui.html", ui)]);
        env.add_function("f", || "now");
        let explained = Plan::compile(&env, "page.html").unwrap().explain();
        assert!(is_opaque(&explained), "{page}\n{explained}");
        steps(&env, &data);
    }
}

#[test]
fn names_that_a_macro_does_not_bind_mean_what_they_mean_where_it_is_defined() {
    let data = [
        json!({"x": "data", "ys": ["a", "b"], "on": true}),
        json!({"x": "data", "ys": ["b", "c"], "on": false}),
        json!({"x": "changed", "ys": ["c"], "on": true}),
        json!({"ys": []}),
    ];
    let m = "{% macro m(a) %}<i>{{ x }}{{ a }}</i>{% endmacro %}";
    // Where `x` is the same at the call, the call is written out.
    for page in [
        format!("{m}<p>{{{{ m(1) }}}}</p>"),
        format!("{{% set x = 'before' %}}{m}<p>{{{{ m(ys) }}}}</p>"),
        format!("{m}{{% set x = 'after' %}}<p>{{{{ m(ys) }}}}</p>"),
        format!("{{% set x = 'before' %}}{m}{{% set x = 'after' %}}<p>{{{{ m(ys) }}}}</p>"),
        format!("{m}<p>{{% for y in ys %}}<b>{{{{ m(y) }}}}</b>{{% endfor %}}</p>"),
        format!("{{% with x = ys %}}{m}<p>{{{{ m(x) }}}}</p>{{% endwith %}}"),
        format!("{m}<p>{{% with y = x %}}{{{{ m(y) }}}}{{% endwith %}}</p>"),
        format!("<p>{{% for y in ys %}}{{% set x = y %}}{m}<b>{{{{ m(y) }}}}</b>{{% endfor %}}</p>"),
        format!("{{% if on %}}{{% set x = 'if' %}}{{% endif %}}{m}<p>{{{{ m(1) }}}}</p>"),
        format!("{{% if on %}}{m}<p>{{{{ m(1) }}}}</p>{{% endif %}}"),
    ] {
        fine(&[("page.html", leaked(page))], &data);
    }
    // Where it is another, the call stays.
    for page in [
        format!("{m}<p>{{% for x in ys %}}<b>{{{{ m(x) }}}}</b>{{% endfor %}}</p>"),
        format!("{m}<p>{{% with x = ys %}}{{{{ m(x) }}}}{{% endwith %}}</p>"),
        format!("{m}<p>{{% with %}}{{% set x = 5 %}}{{{{ m(x) }}}}{{% endwith %}}</p>"),
        format!("{m}{{% block b %}}{{% set x = 5 %}}<p>{{{{ m(x) }}}}</p>{{% endblock %}}"),
        format!("<p>{{% for y in ys %}}{m}<b>{{{{ m(y) }}}}</b>{{% set x = y %}}{{% endfor %}}</p>"),
        format!(
            "<p>{{% for y in ys %}}{{% if y == 'b' %}}{{% set x = y %}}{{% endif %}}{m}<b>{{{{ m(y) }}}}</b>{{% endfor %}}</p>"
        ),
    ] {
        opaque(&[("page.html", leaked(page))], &data);
    }
}

#[test]
fn names_that_minijinja_does_not_keep_for_a_macro_come_from_the_data() {
    let data = [
        json!({"x": "data", "ys": ["a", "b"], "n": 1}),
        json!({"x": "other", "ys": ["b", "c"], "n": 2}),
    ];
    for body in [
        "<i>{{ x[:1] }}</i>",
        "{% set x = x ~ '!' %}<i>{{ x }}</i>",
        "{% with x = x %}<i>{{ x }}</i>{% endwith %}",
        "{% set x %}{{ x }}{% endset %}<i>{{ x }}</i>",
    ] {
        let m = format!("{{% macro m() %}}{body}{{% endmacro %}}");
        // Nothing binds `x`: all the same.
        let env = environment(&[("page.html", leaked(format!("{m}<p>{{{{ m() }}}}</p>")))]);
        steps(&env, &data);
        // The page binds it, and the macro does not see that.
        let page = leaked(format!("{{% set x = 'set' %}}{m}<p>{{{{ m() }}}}</p>"));
        opaque(&[("page.html", page)], &data);
    }
}

#[test]
fn what_a_macro_binds_is_its_own() {
    let data = [
        json!({"x": "X", "i": "I", "n": "N", "xs": [1, 2], "on": true}),
        json!({"x": "Y", "i": "J", "n": "N", "xs": [2], "on": false}),
        json!({"x": "Y", "n": "M", "xs": [], "on": true}),
    ];
    for page in [
        // The macro's loop and set variables are not the caller's, nor the caller's the macro's.
        "{% macro m(x) %}{% for i in xs %}<i>{{ i }}{{ x }}</i>{% endfor %}{% set n = 5 %}<b>{{ n }}{{ i }}</b>{% endmacro %}\
         <p>{{ m(i) }}{{ n }}{% for i in xs %}<u>{{ i }}</u>{% endfor %}</p>",
        "{% macro m(x) %}{% if on %}{% set n = x %}{% endif %}<b>{{ n }}</b>{% endmacro %}<p>{{ m(1) }}{{ m(x) }}{{ n }}</p>",
        "{% macro m(x) %}{% if on %}{% set n = x %}{% else %}{% set n = i %}{% endif %}<b>{{ n }}</b>{% endmacro %}<p>{{ m(x) }}</p>",
        "{% macro m(x) %}{% set x = x ~ '!' %}{% set x = x ~ '!' %}<b>{{ x }}</b>{% endmacro %}<p>{{ m(x) }}{{ x }}</p>",
        "{% macro m(x) %}{% with i = x, n = i %}<b>{{ i }}{{ n }}</b>{% endwith %}{{ i }}{% endmacro %}<p>{{ m(x) }}</p>",
        "{% macro m(x) %}{% for k in xs %}{% set n = k %}<b>{{ n }}</b>{% else %}{% set n = 'none' %}{% endfor %}<u>{{ n }}</u>{% endmacro %}<p>{{ m(x) }}</p>",
        "{% macro m(x) %}{% for x in xs if x > 1 %}<b>{{ x }}{{ loop.length }}</b>{% endfor %}{{ x }}{% endmacro %}<p>{{ m(n) }}</p>",
        "{% macro m(a, b) %}<b>{{ a }}{{ b }}</b>{% endmacro %}{% macro o(b, a) %}{{ m(b, a) }}{{ m(a, b) }}{% endmacro %}<p>{{ o(x, n) }}</p>",
    ] {
        fine(&[("page.html", page)], &data);
    }
}

#[test]
fn recursion_stays_a_call_and_right() {
    let data = [
        json!({"t": {"n": 1, "kids": [{"n": 2, "kids": []}]}, "k": 2}),
        json!({"t": {"n": 1, "kids": [{"n": 2, "kids": [{"n": 3}]}, {"n": 4}]}, "k": 3}),
        json!({"t": {"n": 7}, "k": 0}),
    ];
    for page in [
        "{% macro tree(t) %}<li>{{ t.n }}<ul>{% for kid in t.kids %}{{ tree(kid) }}{% endfor %}</ul></li>{% endmacro %}<ul>{{ tree(t) }}</ul>",
        "{% macro a(k) %}<i>{{ k }}{% if k > 0 %}{{ b(k - 1) }}{% endif %}</i>{% endmacro %}{% macro b(k) %}<b>{{ k }}{% if k > 0 %}{{ a(k - 1) }}{% endif %}</b>{% endmacro %}<p>{{ a(k) }}</p>",
        "{% macro a(k) %}<i>{{ caller() }}</i>{% endmacro %}{% macro b(k) %}{% call a(k) %}{% if k > 0 %}{{ b(k - 1) }}{% endif %}{% endcall %}{% endmacro %}<p>{{ b(k) }}</p>",
    ] {
        opaque(&[("page.html", page)], &data);
    }
}

#[test]
fn macros_that_double_do_not_blow_the_page_up() {
    let mut page = "{% macro m0(x) %}<i>{{ x }}</i>{% endmacro %}".to_owned();
    for n in 1..40 {
        page += &format!(
            "{{% macro m{n}(x) %}}{{{{ m{0}(x) }}}}{{{{ m{0}(x) }}}}{{% endmacro %}}",
            n - 1
        );
    }
    page += "<p>{{ m4(x) }}</p>{% if y %}{{ m39(x) }}{% endif %}";
    opaque(
        &[("page.html", leaked(page))],
        &[json!({"x": 1}), json!({"x": 2})],
    );
    let mut page = "{% set s0 %}<i>{{ x }}</i>{% endset %}".to_owned();
    for n in 1..40 {
        page += &format!(
            "{{% set s{n} %}}{{{{ s{0} }}}}{{% if y %}}{{{{ s{0} }}}}{{% endif %}}{{% endset %}}",
            n - 1
        );
    }
    page += "<p>{{ s39 }}</p>";
    opaque(
        &[("page.html", leaked(page))],
        &[json!({"x": 1}), json!({"x": 2})],
    );
}

#[test]
fn a_call_finds_the_macro_that_minijinja_finds() {
    let data = [
        json!({"x": 1, "on": true}),
        json!({"x": 2, "on": false}),
        json!({"x": 2, "on": true}),
    ];
    for page in [
        "{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}<p>{{ m(x) }}</p>{% macro m(x) %}<b>{{ x }}</b>{% endmacro %}<p>{{ m(x) }}</p>",
        "{% block b %}{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}<p>{{ m(x) }}</p>{% endblock %}",
        "{% for k in [1, 2] %}{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}<p>{{ m(k + x) }}</p>{% endfor %}",
        "{% with %}{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}<p>{{ m(x) }}</p>{% endwith %}",
        "{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}<p>{% with %}{% macro m(x) %}<b>{{ x }}</b>{% endmacro %}{{ m(x) }}{% endwith %}{{ m(x) }}</p>",
    ] {
        fine(&[("page.html", page)], &data);
    }
    for page in [
        "{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}{% if on %}{% macro m(x) %}<b>{{ x }}</b>{% endmacro %}{% endif %}<p>{{ m(x) }}</p>",
        "{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}{% set f = m %}<p>{{ f(x) }}</p>",
        "{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}{% macro with_it(f) %}<p>{{ f(x) }}</p>{% endmacro %}{{ with_it(m) }}",
        "{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}<p>{{ m(x)|upper }}</p>",
        "{% macro m(x) %}{% include 'part.html' %}{% endmacro %}<p>{{ m(x) }}</p>",
        "{% macro m(x) %}{% autoescape false %}{{ x }}{% endautoescape %}{% endmacro %}<p>{{ m(x) }}</p>",
        "{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}<p>{% autoescape false %}{{ m(x) }}{% endautoescape %}</p>",
    ] {
        opaque(&[("page.html", page), ("part.html", "[{{ x }}]")], &data);
    }
}

#[test]
fn inheritance_finds_macros_of_parent_and_child() {
    let data = [json!({"x": 1}), json!({"x": 2}), json!({})];
    let base = "{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}<main>{% block a %}{{ m(x) }}{% endblock %}</main>{% block z %}{% endblock %}";
    for page in [
        "{% extends 'base.html' %}",
        "{% extends 'base.html' %}{% macro n(x) %}<u>{{ x }}</u>{% endmacro %}{% block a %}{{ m(x) }}{{ n(x) }}{{ super() }}{% endblock %}",
        "{% extends 'base.html' %}{% macro m(x) %}<u>{{ x }}</u>{% endmacro %}{% block z %}{{ m(x) }}{% endblock %}",
        "{% extends 'base.html' %}{% from 'ui.html' import m as k %}{% block z %}{{ k(x) }}{% endblock %}",
    ] {
        fine(
            &[
                ("page.html", page),
                ("base.html", base),
                ("ui.html", "{% macro m(x) %}<s>{{ x }}</s>{% endmacro %}"),
            ],
            &data,
        );
    }
}

#[test]
fn includes_and_macros_do_not_share_what_minijinja_keeps_apart() {
    let data = [
        json!({"x": 1, "name": "sets.html"}),
        json!({"x": 2, "name": "sets.html"}),
        json!({"name": "other.html"}),
    ];
    let templates = |page: &'static str| {
        vec![
            ("page.html", page),
            ("sets.html", "{% set x = 'included' %}"),
            ("other.html", ""),
            (
                "defines.html",
                "{% macro d(a) %}<i>{{ x }}{{ a }}</i>{% endmacro %}",
            ),
            ("uses.html", "{{ m(x) }}"),
        ]
    };
    let m = "{% macro m(a) %}<i>{{ x }}{{ a }}</i>{% endmacro %}";
    fine(
        &templates(leaked(format!("{m}<p>{{% include 'uses.html' %}}</p>"))),
        &data,
    );
    fine(&templates("{% include 'defines.html' %}<p>{{ d(x) }}</p>"), &data);
    opaque(
        &templates(leaked(format!("{m}{{% include name %}}<p>{{{{ m(1) }}}}</p>"))),
        &data,
    );
}

#[test]
fn call_blocks_print_their_body_where_the_macro_says() {
    let data = [
        json!({"x": "X", "t": "T", "xs": [{"n": 1, "s": "a"}, {"n": 2, "s": "b"}], "on": true}),
        json!({"x": "Y", "t": "T", "xs": [{"n": 2, "s": "b"}, {"n": 1, "s": "a"}], "on": true}),
        json!({"x": "Y", "t": "U", "xs": [{"n": 2, "s": "c"}], "on": false}),
        json!({"xs": []}),
    ];
    let card = "{% macro card(title, x='own') %}<div title=\"{{ title }}\"><h1>{{ x }}</h1>{{ caller() }}</div>{% endmacro %}";
    let list = "{% macro list(items) %}<ul>{% for item in items %}<li>{{ loop.index }} {{ caller(item, n=loop.index0) }}</li>{% endfor %}</ul>{% endmacro %}";
    let maybe = "{% macro maybe(x) %}<b>{% if caller %}{{ caller() }}{% else %}{{ x }}{% endif %}{% if caller is defined and true %}{% endif %}</b>{% endmacro %}";
    let maybe = maybe.replace(
        "{% if caller is defined and true %}{% endif %}",
        "{% if not caller %}!{% endif %}",
    );
    for page in [
        format!("{card}{{% call card(t) %}}<p>{{{{ x }}}}</p>{{% endcall %}}"),
        format!(
            "{card}{{% call card(title=t, x=x) %}}{{{{ x }}}} {{% if on %}}<i>{{{{ t }}}}</i>{{% endif %}}{{% endcall %}}"
        ),
        format!(
            "{card}{{% for x in xs %}}{{% call card(x.s) %}}<i>{{{{ x.n }}}} {{{{ loop.index }}}}</i>{{% endcall %}}{{% endfor %}}"
        ),
        format!(
            "{card}{{% call card(1) %}}{{% call card(2) %}}{{{{ x }}}}{{% endcall %}}{{{{ t }}}}{{% endcall %}}"
        ),
        format!(
            "{list}{{% call(it, n) list(xs) %}}<i>{{{{ it.s }}}}{{{{ n }}}}{{{{ t }}}}</i>{{% endcall %}}"
        ),
        format!(
            "{list}{{% call(item, n=5, more='m') list(xs) %}}{{% for k in [item] %}}<i>{{{{ k.s }}}}{{{{ n }}}}{{{{ more }}}}{{{{ loop.length }}}}</i>{{% endfor %}}{{% endcall %}}"
        ),
        format!("{maybe}<p>{{{{ maybe(x) }}}}{{% call maybe(x) %}}{{{{ t }}}}{{% endcall %}}</p>"),
        format!(
            "{card}{{% macro outer(y) %}}{{% for x in xs %}}{{% call card(y) %}}{{{{ x.s }}}}{{{{ loop.index }}}}{{{{ y }}}}{{% endcall %}}{{% endfor %}}{{% endmacro %}}{{{{ outer(t) }}}}"
        ),
        format!(
            "{card}{{% call card(t) %}}{{% set t = 'set' %}}<u>{{{{ t }}}}</u>{{% endcall %}}<p>{{{{ t }}}}</p>"
        ),
        "{% import 'ui.html' as ui %}{% call ui.box(t) %}<i>{{ x }}</i>{% endcall %}".to_owned(),
        "{% from 'ui.html' import box as b %}{% call b(t) %}<i>{{ x }}</i>{% endcall %}".to_owned(),
    ] {
        fine(
            &[
                ("page.html", leaked(page)),
                (
                    "ui.html",
                    "{% macro line() %}<p>{{ caller() }}</p>{% endmacro %}{% macro box(x) %}<div>{% call line() %}{{ x }}{% endcall %}{{ caller() }}</div>{% endmacro %}",
                ),
            ],
            &data,
        );
    }
}

#[test]
fn call_blocks_that_cannot_be_told_stay_calls() {
    let data = [
        json!({"x": "X", "t": "T", "xs": [1, 2]}),
        json!({"x": "Y", "t": "T", "xs": [2, 1, 3]}),
        json!({"x": "Y", "t": "U", "xs": []}),
    ];
    let card = "{% macro card(title) %}<div>{{ title }}{{ caller() }}</div>{% endmacro %}";
    for page in [
        "{% macro up(title) %}<div>{{ caller()|upper }}</div>{% endmacro %}{% call up(t) %}<i>{{ x }}</i>{% endcall %}".to_owned(),
        "{% macro keep(title) %}{% set c = caller() %}<div>{{ c }}{{ c }}</div>{% endmacro %}{% call keep(t) %}<i>{{ x }}</i>{% endcall %}".to_owned(),
        // Rows remember what rows before them set, as a macro sees it.
        format!("{card}{{% for k in xs %}}{{% call card(k) %}}{{{{ y }}}}{{% endcall %}}{{% set y = k %}}{{% endfor %}}"),
        // `loop` would be another.
        "{% macro twice() %}<p>{% for i in [1, 2] %}{{ caller() }}{% endfor %}</p>{% endmacro %}{% for k in xs %}{% call twice() %}{{ loop.index }}{% endcall %}{% endfor %}".to_owned(),
        format!("{card}{{% call card(t) %}}{{% include 'part.html' %}}{{% endcall %}}"),
    ] {
        opaque(&[("page.html", leaked(page)), ("part.html", "[{{ x }}]")], &data);
    }
}

#[test]
fn macros_make_attributes_and_raw_text() {
    let sent = fine(
        &[(
            "page.html",
            "{% macro cls(t) %}{% if t.done %}done{% endif %} p{{ t.p }}{% endmacro %}{% macro attrs(t) %}name=\"{{ t.n }}\" value=\"{{ t.v }}\"{% if t.done %} checked{% endif %}{% endmacro %}\
             {% macro title(t) %}{{ t.n }} – {{ t.v }}{% endmacro %}\
             <html><head><title>{{ title(t) }}</title></head><body><p class=\"a {{ cls(t) }}\">x</p><input {{ attrs(t) }}><textarea>{{ title(t=t) }}</textarea>\
             <ul>{% for t in ts %}<li id=\"l{{ t.n }}\" class=\"{{ cls(t) }}\">{{ title(t) }}</li>{% endfor %}</ul></body></html>",
        )],
        &[
            json!({"t": {"n": "a", "v": 1, "p": 2}, "ts": [{"n": 1, "v": 1}]}),
            json!({"t": {"n": "a", "v": 2, "p": 2}, "ts": [{"n": 1, "v": "<"}]}),
            json!({"t": {"n": "\"b\"", "v": 2, "p": 3, "done": true}, "ts": [{"n": 2, "v": 1}, {"n": 1, "v": 1, "done": true}]}),
            json!({"t": {}, "ts": []}),
        ],
    );
    assert_eq!(sent[0].len(), 4, "{sent:?}");
}

#[test]
fn macros_that_open_and_close_an_element_are_read_as_one() {
    let data = [
        json!({"t": "a", "x": 1, "on": true}),
        json!({"t": "b", "x": 2, "on": false}),
        json!({"t": "b", "x": 3, "on": true}),
    ];
    let macros = "{% macro open(t, k='k') %}<section title=\"{{ t }}\">{% set h = t ~ k %}<h1>{{ h }}</h1>{% endmacro %}{% macro close(x) %}{% set y = x %}<i>{{ y }}</i></section>{% endmacro %}";
    for page in [
        format!("{macros}<main>{{{{ open(t) }}}}<p>{{{{ x }}}}</p>{{{{ close(x) }}}}</main>"),
        format!(
            "{macros}<main>{{{{ open(t) }}}}{{% if on %}}<p>{{% endif %}}{{{{ x }}}}{{% if on %}}</p>{{% endif %}}{{{{ close(x) }}}}{{{{ x }}}}</main>"
        ),
        format!(
            "{macros}<main>{{% if on %}}{{{{ open(t) }}}}{{% endif %}}{{{{ x }}}}{{% if on %}}{{{{ close(x) }}}}{{% endif %}}</main>"
        ),
        format!(
            "{macros}<main>text {{{{ x }}}} {{{{ open(x) }}}} more {{{{ t }}}} {{{{ close(t) }}}} and {{{{ x }}}}</main>"
        ),
    ] {
        let env = environment(&[("page.html", leaked(page))]);
        steps(&env, &data);
    }
}

#[test]
fn set_blocks_are_followed_where_they_are_printed() {
    let data = [
        json!({"x": "X", "xs": ["a", "b"], "on": true}),
        json!({"x": "Y", "xs": ["b", "a"], "on": true}),
        json!({"x": "Y", "xs": [], "on": false}),
        json!({"x": "<b>", "xs": ["c"]}),
    ];
    for page in [
        "{% set s %}<i>{{ x }}</i>{% endset %}<p>{{ s }}</p><p title=\"{{ x }}\">{{ s }}</p>",
        "{% set s %}{{ x }}!{% endset %}<p class=\"a {{ s }}\">{{ s }}</p>",
        "{% set s %}{% for k in xs %}<i>{{ k }}</i>{% endfor %}{% endset %}<p>{% if on %}{{ s }}{% endif %}</p>",
        "<p>{% for k in xs %}{% set s %}<i>{{ k }}{{ loop.index }}</i>{% endset %}<b>{{ s }}</b>{% endfor %}</p>",
        "{% macro m(a) %}{% set s %}<i>{{ a }}</i>{% endset %}<b>{{ s }}{{ s }}</b>{% endmacro %}<p>{{ m(x) }}</p>",
        "{% macro m(a) %}<i>{{ a }}</i>{% endmacro %}{% set s %}{{ m(x) }}{% endset %}<p>{{ s }}</p>",
        "{% set s %}<i>1{{ x }}</i>{% endset %}<p>{{ s }}</p>{% set s %}<b>2{{ x }}</b>{% endset %}<p>{{ s }}</p>",
        "{% set s %}{% with x = xs %}<i>{{ x|length }}</i>{% endwith %}{% endset %}<p>{{ s }}{{ x }}</p>",
    ] {
        fine(&[("page.html", page)], &data);
    }
    for page in [
        "{% set s %}<i>{{ x }}</i>{% endset %}{% set x = 'other' %}<p>{{ s }}{{ x }}</p>",
        "{% set s %}<i>{{ x }}</i>{% endset %}<p>{% for x in xs %}<b>{{ s }}</b>{% endfor %}</p>",
        "{% set s %}<i>{{ x }}</i>{% endset %}{% if on %}{% set s %}<b>on</b>{% endset %}{% endif %}<p>{{ s }}</p>",
        "{% set s %}<i>{{ x }}</i>{% endset %}{% set s = s ~ s %}<p>{{ s }}</p>",
        "{% set s|upper %}<i>{{ x }}</i>{% endset %}<p>{{ s }}</p>",
        "{% set s %}{% set n = x %}<i>{{ n }}</i>{% endset %}<p>{{ s }}</p><p>{{ n }}</p>",
        "{% set s %}<i>{{ x }}</i>{% endset %}<p>{{ s|upper }}{{ s }}</p>",
        "{% autoescape false %}{% set s %}<i>{{ x }}</i>{% endset %}{% endautoescape %}<p>{{ s }}</p>",
        "<p>{% for k in xs %}{% set s %}{{ loop.index }}{% endset %}{% for j in [1, 2] %}<i>{{ s }}{{ loop.index }}</i>{% endfor %}{% endfor %}</p>",
    ] {
        opaque(&[("page.html", page)], &data);
    }
}

#[test]
fn a_set_block_is_computed_once() {
    let mut env = environment(&[(
        "page.html",
        "{% set s %}<i>{{ next() }}{{ x }}</i>{% endset %}<p>{{ s }}{{ s }}</p>",
    )]);
    let count = std::sync::atomic::AtomicUsize::new(0);
    env.add_function("next", move || {
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
    });
    let plan = Plan::compile(&env, "page.html").unwrap();
    let html = plan
        .render(&statetemplate_core::Snapshot::of(&json!({"x": 1})).unwrap(), "")
        .unwrap();
    assert_eq!(html.matches("<i>01</i>").count(), 2, "{html}");
}

#[test]
fn macros_keep_the_escaping_of_their_caller() {
    for (page, file) in [
        ("page.html", "ui.txt"),
        ("page.txt", "ui.html"),
        ("page.html", "ui.html"),
    ] {
        let env = environment(&[
            (
                page,
                leaked(format!(
                    "{{% from '{file}' import m %}}<p title=\"{{{{ m(x) }}}}\">{{{{ m(x, '<c>') }}}}</p>"
                )),
            ),
            (file, "{% macro m(x, y='&') %}{{ x }} {{ y }}{% endmacro %}"),
        ]);
        let mut shown = Page::open(&env, page, &json!({"x": "a"}));
        shown.update(&json!({"x": "b &amp; c"}));
        shown.update(&json!({"x": "1 < 2"}));
    }
}

#[test]
fn an_environment_that_formats_safe_text_keeps_its_calls() {
    let page = leaked(format!("{BADGE}<p>{{{{ badge(x) }}}}</p>"));
    let mut env = environment(&[("page.html", page)]);
    env.set_formatter(|out, state, value| {
        if value.is_safe() {
            out.write_str(&value.to_string().to_uppercase())
                .map_err(minijinja::Error::from)
        } else {
            minijinja::escape_formatter(out, state, value)
        }
    });
    let mut shown = Page::open(&env, "page.html", &json!({"x": "a"}));
    shown.update(&json!({"x": "b"}));
}

#[test]
fn undefined_values_fail_where_minijinja_fails() {
    let page = leaked(format!(
        "{BADGE}<p>{{% if on %}}{{{{ badge(x, k) }}}}{{% endif %}}</p>"
    ));
    let mut env = environment(&[("page.html", page)]);
    env.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    let plan = Plan::compile(&env, "page.html").unwrap();
    for data in [
        json!({"on": true}),
        json!({"on": true, "k": 1}),
        json!({"on": true, "x": 1}),
        json!({"on": false}),
    ] {
        let data = statetemplate_core::Snapshot::of(&data).unwrap();
        let ours = plan
            .render(&data, "")
            .map(|_| ())
            .map_err(|error| error.to_string());
        let plain = plan
            .render_plain(&data)
            .map(|_| ())
            .map_err(|error| error.to_string());
        assert_eq!(ours, plain);
    }
}

#[test]
fn an_error_in_an_imported_macro_names_its_file_and_line() {
    let env = environment(&[
        ("page.html", "{% from 'ui.html' import m %}\n<p>\n{{ m(n) }}</p>"),
        (
            "ui.html",
            "{% macro m(n) %}\n<i>\n\n{{ 1 // n }}</i>{% endmacro %}",
        ),
    ]);
    let plan = Plan::compile(&env, "page.html").unwrap();
    let old = statetemplate_core::Snapshot::of(&json!({"n": 1})).unwrap();
    let new = old.next(&json!({"n": 0})).unwrap();
    for error in [
        plan.render(&new, "").unwrap_err(),
        statetemplate_core::diff(&plan, &old, &new).unwrap_err(),
    ] {
        let place = error.template().unwrap();
        assert_eq!((place.name(), place.line()), ("ui.html", 4), "{error:#}");
    }
}

#[test]
fn what_shows_the_names_in_scope_stays_a_call() {
    opaque(
        &[(
            "page.html",
            "{% macro m(x) %}<i>{{ x }}</i><pre>{{ debug() }}</pre>{% endmacro %}<div>{{ m(y) }}</div>",
        )],
        &[json!({"y": 1}), json!({"y": 2})],
    );
}

#[test]
fn one_of_two_calls_is_a_branch() {
    let data = [
        json!({"x": "a", "on": true}),
        json!({"x": "b", "on": true}),
        json!({"x": "b", "on": false}),
        json!({}),
    ];
    for page in [
        "{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}{% macro n(x) %}<b>{{ x }}</b>{% endmacro %}<p>{{ m(x) if on else n(x) }}</p>",
        "{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}<p>{{ m(x) if on }}{{ x if on else m(x) }}</p>",
        "{% macro m(x) %}<i>{{ caller() if caller else x }}{{ caller() if caller }}</i>{% endmacro %}<p>{{ m(x) if on }}{% call m(x) %}{{ x }}{% endcall %}</p>",
    ] {
        fine(&[("page.html", page)], &data);
    }
}

#[test]
fn modules_that_import_one_another_do_not_end_in_a_spin() {
    let mut templates = vec![
        ("page.html", "{% import 'm11.html' as m %}<p>{{ m.m(x) }}</p>"),
        ("m0.html", "{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}"),
    ];
    for n in 1..12 {
        let source = format!(
            "{{% import 'm{0}.html' as a %}}{{% import 'm{0}.html' as b %}}{{% macro m(x) %}}{{{{ a.m(x) }}}}{{{{ b.m(x) }}}}{{% endmacro %}}",
            n - 1
        );
        templates.push((leaked(format!("m{n}.html")), leaked(source)));
    }
    opaque(&templates, &[json!({"x": 1}), json!({"x": 2})]);
    // A template that imports itself has no end for minijinja either; only its compilation is our concern.
    let env = environment(&[(
        "page.html",
        "{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}{% import 'page.html' as own %}<p>{{ own.m(1) }}</p>",
    )]);
    Plan::compile(&env, "page.html").unwrap();
}

#[test]
fn of_two_imports_under_one_name_the_first_counts() {
    let ui = "{% macro a(x) %}<i>{{ x }}</i>{% endmacro %}{% macro b(x) %}<b>{{ x }}</b>{% endmacro %}";
    fine(
        &[
            (
                "page.html",
                "{% from 'ui.html' import a as m, b as m %}<p>{{ m(x) }}</p>",
            ),
            ("ui.html", ui),
        ],
        &[json!({"x": 1}), json!({"x": 2})],
    );
}

#[test]
fn a_long_chain_of_macros_is_followed_as_far_as_it_goes() {
    for length in [20, 60] {
        let mut page = "{% macro m0(x) %}<i>{{ x }}</i>{% endmacro %}".to_owned();
        for n in 1..length {
            page += &format!(
                "{{% macro m{n}(x) %}}<div>{{{{ m{}(x) }}}}</div>{{% endmacro %}}",
                n - 1
            );
        }
        page += &format!("{{{{ m{}(x) }}}}", length - 1);
        let run = if length == 20 {
            |templates: Templates<'_>, data: &[Value]| drop(fine(templates, data))
        } else {
            opaque
        };
        run(
            &[("page.html", leaked(page))],
            &[json!({"x": 1}), json!({"x": 2})],
        );
    }
}
