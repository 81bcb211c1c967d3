//! Plans under the settings of an environment: each means what it means to minijinja.

use std::borrow::Cow;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, escape_formatter};
use serde_json::{Value, json};
use statetemplate_core::{ErrorKind, Plan, PlanOptions, Snapshot, diff};

use crate::oracle::{Outcome, Page};

/// Replays a page of `templates`, the first of which is shown, through the steps and back.
fn replay(
    configure: impl FnOnce(&mut Environment<'static>),
    templates: &[(&'static str, &'static str)],
    steps: &[Value],
) -> Vec<Vec<String>> {
    let mut env = Environment::new();
    configure(&mut env);
    for (name, source) in templates {
        env.add_template(name, source).unwrap();
    }
    let mut page = Page::open(&env, templates[0].0, &steps[0]);
    let sent = steps[1..]
        .iter()
        .map(|step| page.update(step).operations)
        .collect();
    for step in steps.iter().rev() {
        page.update(step);
    }
    sent
}

fn steps() -> [Value; 3] {
    [
        json!({"xs": [{"id": 1, "t": "a"}, {"id": 2, "t": "b"}], "on": true, "t": "x"}),
        json!({"xs": [{"id": 2, "t": "b"}, {"id": 1, "t": "A<"}, {"id": 3, "t": ""}], "on": false, "t": "y & z"}),
        json!({"xs": [], "on": true, "t": ""}),
    ]
}

#[test]
fn custom_delimiters() {
    let sent = replay(
        |env| {
            let syntax = SyntaxConfig::builder()
                .block_delimiters("<%", "%>")
                .variable_delimiters("${", "}")
                .comment_delimiters("<#", "#>")
                .line_statement_prefix("@@")
                .line_comment_prefix("##")
                .build();
            env.set_syntax(syntax.unwrap());
        },
        &[
            (
                "page.html",
                "<html><body>\n@@ if on\n<b>${ t }</b>\n@@ endif\n## gone\n<ul><% for x in xs %><li id=\"r${ x.id }\">${ x.t } {{ x }}</li><% endfor %></ul><# gone #><% include 'part.html' %></body></html>",
            ),
            ("part.html", "<i title=\"${ t }\">${ t }</i>"),
        ],
        &steps(),
    );
    assert!(!sent.concat().contains(&"refresh".to_owned()), "{sent:?}");
    assert!(sent[0].contains(&"0 hide".to_owned()), "{sent:?}");
}

#[test]
fn white_space_settings() {
    let template = "<html><body>\n  {% if on %}\n  <b>{{ t }}</b>\n  {% endif %}\n<pre>\n{% for x in xs %}\n  {{ x.t }}\n{% endfor %}\n</pre>\n</body></html>\n";
    for (trim, lstrip, keep) in [
        (true, false, false),
        (false, true, false),
        (true, true, false),
        (true, true, true),
        (false, false, true),
    ] {
        let sent = replay(
            |env| {
                let syntax = SyntaxConfig::builder()
                    .trim_blocks(trim)
                    .lstrip_blocks(lstrip)
                    .keep_trailing_newline(keep)
                    .build();
                env.set_syntax(syntax.unwrap());
            },
            &[("page.html", template)],
            &steps(),
        );
        assert!(!sent.concat().contains(&"refresh".to_owned()), "{sent:?}");
    }
}

#[test]
fn undefined_values() {
    let lenient = "<main><p title=\"{{ missing }}\">{{ missing }}{{ t }}</p>{% if missing %}<b>x</b>{% endif %}<ul>{% for x in missing %}<li>{{ x }}</li>{% else %}<li>{{ t }}</li>{% endfor %}</ul></main>";
    let chained = "<main><p>{{ missing.a.b }}{{ t }}</p>{% if missing.a %}<b>x</b>{% endif %}<i title=\"{{ xs[9].t }}\">{{ xs[0].t }}</i></main>";
    let strict = "<main><p>{{ missing is defined }}{{ missing|default(t) }}</p>{% if xs is defined %}<b>{{ t }}</b>{% endif %}<ul>{% for x in xs %}<li id=\"{{ x.id }}\">{{ x.t }} {{ loop.previtem is defined }}</li>{% endfor %}</ul></main>";
    let semi_strict = "<main>{% if missing %}<b>{{ t }}</b>{% else %}<i>{{ t }}</i>{% endif %}{{ missing is undefined }}</main>";
    for (behavior, template) in [
        (UndefinedBehavior::Lenient, lenient),
        (UndefinedBehavior::Lenient, strict),
        (UndefinedBehavior::Chainable, lenient),
        (UndefinedBehavior::Chainable, chained),
        (UndefinedBehavior::Strict, strict),
        (UndefinedBehavior::SemiStrict, strict),
        (UndefinedBehavior::SemiStrict, semi_strict),
    ] {
        println!("{behavior:?} {template}");
        replay(
            |env| env.set_undefined_behavior(behavior),
            &[("page.html", template)],
            &steps(),
        );
    }
}

#[test]
fn an_undefined_value_fails_an_update_where_it_fails_a_render() {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.add_template(
        "page.html",
        "<main>{% if on %}\n<p>{{ name }}</p>{% endif %}</main>",
    )
    .unwrap();
    let plan = Plan::compile(&env, "page.html").unwrap();
    let old = Snapshot::of(&json!({"on": false})).unwrap();
    let new = old.next(&json!({"on": true})).unwrap();
    let error = diff(&plan, &old, &new).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Template);
    assert_eq!(error.template().unwrap().line(), 2, "{error:#}");
    let fine = old.next(&json!({"on": true, "name": "x"})).unwrap();
    assert_eq!(diff(&plan, &old, &fine).unwrap().operations(), ["0 show 1"]);
}

#[test]
fn a_loop_over_something_undefined_fails_an_update_where_it_fails_a_render() {
    use UndefinedBehavior::{Lenient, SemiStrict, Strict};
    for (loops, behaviour, fails) in [
        ("x in xs", Strict, true),
        ("x in xs", SemiStrict, true),
        ("x in xs", Lenient, false),
        ("x in xs if x", Strict, true),
        ("x in xs.ys", Strict, true),
        // An `if` without `else` is nothing that could be missing.
        ("x in ([] if on)", Strict, false),
    ] {
        let mut env = Environment::new();
        env.set_undefined_behavior(behaviour);
        let page = format!("<main>{{% for {loops} %}}<b>{{{{ x }}}}</b>{{% endfor %}}{{{{ on }}}}</main>");
        env.add_template_owned("page.html", page).unwrap();
        let data = json!({"xs": {"ys": [1]}, "on": true});
        let mut page = Page::open(&env, "page.html", &data);
        let outcome = page.try_update(&json!({"on": false}));
        let is_refused = matches!(outcome.unwrap(), Outcome::Refused(_));
        assert_eq!(is_refused, fails, "{loops} {behaviour:?}");
        page.update(&data);
    }
}

#[test]
fn an_undefined_value_fails_wherever_it_is_escaped_by_context() {
    for place in [
        "<a href=\"{{ x }}\">a</a>",
        "<a href=\"/p?q={{ x }}\">a</a>",
        "<p title={{ x }}>t</p>",
        "<p {{ x }}>t</p>",
        "<p on{{ x }}=\"1\">t</p>",
        "<script>var a = {{ x }};</script>",
        "<script>var a = '{{ x }}';</script>",
        "<script>var a = `{{ x }}`;</script>",
        "<script>var a = /{{ x }}/;</script>",
        "<p onclick=\"go({{ x }})\">t</p>",
        "<p style=\"color: {{ x }}\">t</p>",
        "<style>p { color: {{ x }} }</style>",
        "<img srcset=\"{{ x }} 2x\">",
        "<iframe srcdoc=\"<p>{{ x }}</p>\"></iframe>",
        "<!-- {{ x }} -->",
    ] {
        for behaviour in [UndefinedBehavior::Strict, UndefinedBehavior::SemiStrict] {
            let mut env = Environment::new();
            env.set_undefined_behavior(behaviour);
            env.add_template_owned(
                "page.html",
                format!("<body><main>{place}{{{{ t }}}}</main></body>"),
            )
            .unwrap();
            let plan = Plan::compile(&env, "page.html").unwrap();
            let old = Snapshot::of(&json!({"x": "a", "t": 1})).unwrap();
            plan.render(&old, "").unwrap();
            let new = old.next(&json!({"t": 1})).unwrap();
            for error in [
                plan.render(&new, "").map(drop).unwrap_err(),
                diff(&plan, &old, &new).map(drop).unwrap_err(),
            ] {
                assert!(format!("{error:#}").contains("undefined"), "{place}: {error:#}");
            }
        }
    }
}

#[test]
fn a_formatter_of_ones_own() {
    let sent = replay(
        |env| {
            env.set_formatter(|out, state, value| {
                if value.is_none() || value.is_undefined() {
                    out.write_str("–").map_err(minijinja::Error::from)
                } else if let (true, Ok(number)) = (value.is_number(), f64::try_from(value.clone())) {
                    write!(out, "{number:.2}").map_err(minijinja::Error::from)
                } else {
                    escape_formatter(out, state, value)
                }
            });
        },
        &[(
            "page.html",
            "<main><p title=\"{{ xs|length }}\">{{ nothing }} {{ t }} {{ xs|length }}</p><ul>{% for x in xs %}<li>{{ x.id }}{{ x.t }}</li>{% endfor %}</ul></main>",
        )],
        &steps(),
    );
    assert!(sent[0].contains(&r#"0 attribute "3.00""#.to_owned()), "{sent:?}");
}

/// Hides one text that nobody would try as a sample.
fn hide_some(env: &mut Environment<'static>) {
    env.set_formatter(|out, state, value| match value.as_str() {
        Some("Mellon") => out.write_str("***").map_err(minijinja::Error::from),
        _ => escape_formatter(out, state, value),
    });
    let page = "<main><p>{{ t }}</p><ul>{% for x in xs %}<li id=\"{{ x.id }}\">{{ x.t }}</li>{% endfor %}</ul></main>";
    env.add_template("page.html", page).unwrap();
}

#[test]
fn a_formatter_that_changes_only_some_texts_is_declared() {
    let mut env = Environment::new();
    hide_some(&mut env);
    let plan = Plan::compile_with(&env, "page.html", &PlanOptions::new().own_formatter()).unwrap();
    let old = Snapshot::of(&json!({"t": "friend", "xs": []})).unwrap();
    let new = old
        .next(&json!({"t": "Mellon", "xs": [{"id": 1, "t": "Mellon"}]}))
        .unwrap();
    let patch = diff(&plan, &old, &new).unwrap();
    assert!(format!("{patch:?}").contains("***"), "{patch:?}");
    assert!(!format!("{patch:?}").contains("Mellon"), "{patch:?}");
}

#[test]
#[cfg(debug_assertions)]
fn one_that_is_not_declared_fails_updates_in_debug_builds() {
    let mut env = Environment::new();
    hide_some(&mut env);
    let plan = Plan::compile(&env, "page.html").unwrap();
    let old = Snapshot::of(&json!({"t": "friend", "xs": []})).unwrap();
    for data in [
        json!({"t": "Mellon", "xs": []}),
        json!({"t": "friend", "xs": [{"id": 1, "t": "Mellon"}]}),
    ] {
        let error = diff(&plan, &old, &old.next(&data).unwrap()).unwrap_err();
        let message = format!("{error:#}");
        assert!(
            message.contains("own_formatter()") && message.contains("***"),
            "{message}"
        );
    }
}

#[test]
fn an_item_that_cannot_be_taken_apart_fails_an_update_where_it_fails_a_render() {
    let mut env = Environment::new();
    let page = "<main><ul>{% for a, b in xs %}<li>{{ a }}{% if b %}<b>{{ b }}</b>{% endif %}</li>{% endfor %}</ul></main>";
    env.add_template("page.html", page).unwrap();
    let plan = Plan::compile(&env, "page.html").unwrap();
    let old = Snapshot::of(&json!({"xs": [[1, 2]]})).unwrap();
    for data in [
        json!({"xs": [[1, 2, 3]]}),
        json!({"xs": [[1, 2], [1]]}),
        json!({"xs": [[1, 2], 1]}),
    ] {
        let new = old.next(&data).unwrap();
        plan.render(&new, "").unwrap_err();
        diff(&plan, &old, &new).unwrap_err();
    }
}

#[test]
fn ways_of_escaping_of_ones_own() {
    let page = "<main><p title=\"{{ t }}\">{{ t }}</p><ul>{% for x in xs %}<li>{{ x.t }}</li>{% endfor %}</ul>{% include 'part.txt' %}</main>";
    let templates = [("page.jinja", page), ("part.txt", "<em>{{ t }}</em>")];
    // Everything is HTML, whatever it is called.
    let sent = replay(
        |env| env.set_auto_escape_callback(|_| AutoEscape::Html),
        &templates,
        &steps(),
    );
    assert!(
        !sent
            .concat()
            .iter()
            .any(|op| op.contains("region") || op == "refresh"),
        "{sent:?}"
    );
    // By the name; the page is escaped and what it includes is not.
    let plain = [
        json!({"xs": [{"id": 1, "t": "a"}], "on": true, "t": "x"}),
        json!({"xs": [{"id": 1, "t": "b"}], "on": true, "t": "<b>y</b>"}),
    ];
    replay(
        |env| {
            env.set_auto_escape_callback(|name| {
                if name.ends_with(".jinja") {
                    AutoEscape::Html
                } else {
                    AutoEscape::None
                }
            });
        },
        &templates,
        &plain,
    );
    // A way that only the application knows.
    replay(
        |env| {
            env.set_auto_escape_callback(|_| AutoEscape::Custom(Cow::Borrowed("shouting")));
            env.set_formatter(|out, state, value| {
                if state.auto_escape() == &AutoEscape::Custom(Cow::Borrowed("shouting")) {
                    let text = value.to_string().to_uppercase();
                    out.write_str(&text.replace('&', "&amp;").replace('<', "&lt;"))
                        .map_err(minijinja::Error::from)
                } else {
                    escape_formatter(out, state, value)
                }
            });
        },
        &templates,
        &steps(),
    );
}

#[test]
fn fuel_limits_renders_and_updates() {
    let template = "<main><ul>{% for x in xs %}<li id=\"{{ x.id }}\">{{ x.t }}</li>{% endfor %}</ul>{% for i in range(n|default(0)) %}{{ t }}{% endfor %}</main>";
    replay(
        |env| env.set_fuel(Some(10_000)),
        &[("page.html", template)],
        &steps(),
    );
    let mut env = Environment::new();
    env.set_fuel(Some(1_000));
    env.add_template("page.html", template).unwrap();
    let plan = Plan::compile(&env, "page.html").unwrap();
    let old = Snapshot::of(&json!({"xs": [], "t": "a", "n": 1})).unwrap();
    let new = old.next(&json!({"xs": [], "t": "a", "n": 5_000})).unwrap();
    for error in [
        plan.render(&new, "").unwrap_err(),
        diff(&plan, &old, &new).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Template);
        assert!(format!("{error:#}").contains("fuel"), "{error:#}");
    }
}

#[test]
fn names_that_are_joined() {
    let sent = replay(
        |env| {
            env.set_path_join_callback(|name, parent| {
                let folder = parent.rsplit_once('/').map_or("", |(folder, _)| folder);
                format!("{folder}/{name}").into()
            });
        },
        &[
            (
                "a/page.html",
                "<main>{% include 'part.html' %}<p>{{ t }}</p></main>",
            ),
            ("a/part.html", "{% include 'deep/part.html' %}"),
            ("a/deep/part.html", "<b>{{ t }}</b>"),
            ("part.html", "<i>not this one</i>"),
        ],
        &steps(),
    );
    assert_eq!(sent[0], [r#"0 text "y & z""#, r#"1 text "y & z""#]);
}
