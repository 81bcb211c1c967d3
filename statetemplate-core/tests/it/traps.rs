//! What goes wrong when parts of a template are evaluated alone, done right.

use minijinja::{Environment, Value as TemplateValue};
use serde_json::json;
use statetemplate_core::{ErrorKind, Plan, Snapshot, diff};

use crate::oracle::{Page, environment};

#[test]
fn names_not_in_scope_fall_through_to_globals() {
    let mut env = environment(&[(
        "page.html",
        "<main>{% for t in tasks %}<p id={{ t.id }}>{{ range(t.n)|length }} {{ site }}</p>{% endfor %}</main>",
    )]);
    env.add_global("site", TemplateValue::from("GLOBAL"));
    let mut page = Page::open(&env, "page.html", &json!({"tasks": [{"id": 1, "n": 1}]}));
    let sent = page.update(&json!({"tasks": [{"id": 1, "n": 2}]}));
    assert_eq!(sent.operations, [r#"0[0].1 text "2 GLOBAL""#]);
    page.update(&json!({"tasks": [{"id": 1, "n": 2}], "site": "data comes first"}));
}

#[test]
fn macros_do_not_see_the_loop_variables_of_their_caller() {
    let env = environment(&[(
        "page.html",
        "{% macro m(x) %}<i>{{ task }}{{ x }}</i>{% endmacro %}{% for task in tasks %}<p>{{ m(task) }}</p>{% endfor %}",
    )]);
    let mut page = Page::open(&env, "page.html", &json!({"tasks": ["a", "b"]}));
    page.update(&json!({"tasks": ["a", "c"]}));
    page.update(&json!({"tasks": ["c", "a"], "task": "root"}));
}

#[test]
fn a_macro_can_be_held_by_a_variable() {
    let env = environment(&[(
        "page.html",
        "{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}{% set f = m %}<p>{{ f(x) }}</p>{% for y in ys %}<b>{{ f(y) }}</b>{% endfor %}",
    )]);
    let mut page = Page::open(&env, "page.html", &json!({"x": 1, "ys": [1]}));
    page.update(&json!({"x": 2, "ys": [1, 2]}));
}

#[test]
fn a_scope_may_end_in_the_middle_of_a_text() {
    let env = environment(&[(
        "page.html",
        "<main>{% with a = 1 %}<p>{{ a }}</p>x{% endwith %} more {{ t }}</main>",
    )]);
    let mut page = Page::open(&env, "page.html", &json!({"t": 1}));
    let sent = page.update(&json!({"t": 2}));
    assert_eq!(sent.operations, [r#"1 text "x more 2""#]);
}

#[test]
fn statements_that_print_nothing_leave_nothing_among_the_values() {
    let env = environment(&[
        (
            "page.html",
            "<main>{% for n in xs %}<div>{% if t %}{% from 'ui.html' import m %}{% do range(2) %}{{ t }}{{ n }}{% endif %}</div>{% endfor %}</main>",
        ),
        ("ui.html", "{% macro m(x) %}{{ x }}{% endmacro %}"),
    ]);
    let mut page = Page::open(&env, "page.html", &json!({"t": "", "xs": []}));
    page.update(&json!({"t": "a", "xs": [1]}));
    page.update(&json!({"t": "b", "xs": [1, 2]}));
}

#[test]
fn break_and_continue_end_and_skip_rows() {
    let env = environment(&[(
        "page.html",
        "<ul>{% for t in ts %}{% if t == 'skip' %}{% continue %}{% endif %}<li>{{ t }}</li>{% if t == 'last' %}{% break %}{% endif %}{% endfor %}</ul>",
    )]);
    let mut page = Page::open(&env, "page.html", &json!({"ts": ["a", "skip", "b"]}));
    page.update(&json!({"ts": ["skip", "a", "last", "b"]}));
    page.update(&json!({"ts": []}));
}

#[test]
fn loop_changed_and_namespaces_stay_right() {
    let env = environment(&[(
        "page.html",
        "<p>{% for x in xs %}{{ loop.changed(x) }} {% endfor %}</p>",
    )]);
    let mut page = Page::open(&env, "page.html", &json!({"xs": [1, 1, 2]}));
    page.update(&json!({"xs": [1, 2, 2]}));
    let env = environment(&[(
        "page.html",
        "{% set ns = namespace(n=0) %}{% for x in xs %}{% set ns.n = ns.n + x %}{% endfor %}<p>{{ ns.n }}</p>",
    )]);
    let mut page = Page::open(&env, "page.html", &json!({"xs": [1, 1, 2]}));
    assert_eq!(
        page.update(&json!({"xs": [1, 2, 2]})).operations,
        [r#"1 text "5""#]
    );
}

#[test]
fn an_include_sees_what_is_in_scope() {
    let env = environment(&[
        (
            "page.html",
            "{% for task in tasks %}{% include 'row.html' %}{% endfor %}",
        ),
        ("row.html", "<p>[task={{ task }} of {{ tasks|length }}]</p>"),
    ]);
    let mut page = Page::open(&env, "page.html", &json!({"tasks": ["a", "b"]}));
    page.update(&json!({"tasks": ["a", "c", "b"]}));
}

#[test]
fn an_error_names_the_file_and_line_that_it_is_in() {
    let env = environment(&[
        ("page.html", "<p>\n{% include 'partial.html' %}</p>"),
        ("partial.html", "line1\nline2 {{ 1 // divisor }}"),
    ]);
    let plan = Plan::compile(&env, "page.html").unwrap();
    let old = Snapshot::of(&json!({"divisor": 1})).unwrap();
    let new = old.next(&json!({"divisor": 0})).unwrap();
    for error in [
        plan.render(&new, "").unwrap_err(),
        diff(&plan, &old, &new).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Template);
        let place = error.template().unwrap();
        assert_eq!((place.name(), place.line()), ("partial.html", 2), "{error:#}");
    }
}

#[test]
fn a_template_that_does_not_parse_is_refused_with_its_place() {
    let mut env = Environment::new();
    env.set_loader(|name| Ok((name == "bad.html").then(|| "<p>\n{{ open".to_owned())));
    let error = Plan::compile(&env, "bad.html").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Template);
    assert_eq!(error.template().unwrap().name(), "bad.html");
    let missing = Plan::compile(&env, "missing.html").unwrap_err();
    assert!(missing.to_string().contains("missing.html"), "{missing}");
}

#[test]
fn data_in_scripts_is_json_and_cannot_end_the_script() {
    let env = environment(&[(
        "page.html",
        "<script>var d = {{ d|tojson }}; var e = {{ e }}; var s = '{{ s }}';</script>",
    )]);
    let plan = Plan::compile(&env, "page.html").unwrap();
    let data = Snapshot::of(&json!({"d": ["</script>"], "e": "</script>", "s": "</script>'"})).unwrap();
    let html = plan.render(&data, "").unwrap();
    assert_eq!(html.matches("</script>").count(), 1, "{html}");
    assert!(html.contains(r#"var e = "\u003c/script\u003e""#), "{html}");
    assert!(
        html.contains(r"var s = '\u003c\u002fscript\u003e\u0027'"),
        "{html}"
    );
}

#[test]
fn attributes_are_guarded_by_what_they_mean() {
    let env = environment(&[(
        "page.html",
        r#"<a href="{{ u }}">x</a><a href={{ u }}>y</a><img src="/i/{{ u }}"><b onclick="f('{{ u }}')">z</b><i title={{ t }}>t</i><a href="{{ u|safe }}">s</a>"#,
    )]);
    let plan = Plan::compile(&env, "page.html").unwrap();
    let data = Snapshot::of(&json!({"u": "javascript:alert('1')", "t": "a onmouseover=alert(1)"})).unwrap();
    let html = plan.render(&data, "").unwrap();
    assert!(
        html.starts_with(r##"<a href="#st-blocked" st=0>x</a>"##),
        "{html}"
    );
    assert!(html.contains(r"f('javascript:alert(\u00271\u0027)')"), "{html}");
    assert!(!html.contains(" onmouseover"), "{html}");
    assert!(
        html.contains("<a href=\"javascript:alert('1')\""),
        "the author's word counts: {html}"
    );
}

#[test]
fn a_target_that_takes_maps_apart_takes_their_keys() {
    let env = environment(&[(
        "page.html",
        "<ul>{% for a, b in maps %}<li id='{{ a }}'>{% if b == 'y' %}<b>{{ b }}</b>{% endif %}{{ a }}</li>{% endfor %}</ul>",
    )]);
    let mut page = Page::open(&env, "page.html", &json!({"maps": [{"x": 1, "y": 2}]}));
    page.update(&json!({"maps": [{"y": 2, "x": 1}]}));
    page.update(&json!({"maps": [{"x": 1, "z": 2}, {"x": 1, "y": 2}]}));
    page.update(&json!({"maps": [{"x": 1, "y": 2}, {"x": 1, "z": 2}]}));
}

#[test]
fn a_condition_on_a_name_that_the_data_lacks_is_minijinjas_to_answer() {
    let mut env = environment(&[(
        "page.html",
        "{% if flag %}<b>{{ x }}</b>{% endif %}{% if not user.name %}<i>nobody</i>{% endif %}{% if n > 1 and n != 3 %}<u>{{ n }}</u>{% else %}-{% endif %}",
    )]);
    env.add_global("flag", true);
    let mut page = Page::open(&env, "page.html", &json!({"x": 1, "n": 1, "user": {}}));
    page.update(&json!({"x": 1, "n": 1, "flag": false, "user": {}}));
    page.update(&json!({"x": 1, "n": 2, "user": {}}));
    page.update(&json!({"x": 2, "n": 3, "user": {"name": "a"}, "flag": null}));
    page.update(&json!({"x": 2, "n": "3", "user": "a", "flag": []}));
    page.update(&json!({"x": 2, "n": 2.5, "user": {"name": ""}, "flag": [0]}));
}

#[test]
fn a_step_past_what_went_missing_is_refused() {
    let env = environment(&[(
        "page.html",
        "<p>{{ user.name.first }}</p>{% for x in xs %}<b>{{ x.f.k }}</b>{% endfor %}",
    )]);
    let plan = Plan::compile(&env, "page.html").unwrap();
    for (old, new) in [
        (json!({"user": {"name": null}}), json!({"user": null})),
        (
            json!({"user": {"name": {}}, "xs": [{"f": null}]}),
            json!({"user": {"name": {}}, "xs": [{}]}),
        ),
    ] {
        let old = Snapshot::of(&old).unwrap();
        let new = old.next(&new).unwrap();
        plan.render(&old, "").unwrap();
        plan.render(&new, "").unwrap_err();
        assert_eq!(diff(&plan, &old, &new).unwrap_err().kind(), ErrorKind::Template);
    }
}

#[test]
fn an_item_is_not_taken_for_what_another_item_held() {
    for source in [
        "<main>{% for x in xs %}<i id=\"{{ x.t }}\"></i>{% endfor %}</main>",
        "<table><tbody>{% for x in xs|unique %}{% if x.t > 1 %}<tr></tr>{% endif %}{% endfor %}</tbody></table>",
    ] {
        let mut env = Environment::new();
        env.set_undefined_behavior(minijinja::UndefinedBehavior::Chainable);
        env.add_template("page.html", source).unwrap();
        let mut page = Page::open(&env, "page.html", &json!({"xs": [{"t": "c"}]}));
        page.update(&json!({"xs": "bac"}));
        page.update(&json!({"xs": [{"t": 2}]}));
        page.update(&json!({"xs": [2]}));
    }
}
