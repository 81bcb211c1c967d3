//! What of minijinja's language is followed finely, and that the rest is right: by the operations that updates take.

use minijinja::Environment;
use serde_json::{Value, json};

use crate::oracle::{Page, environment};

/// Replays the steps there and back; gives the operations of each step forward.
fn replay(env: &Environment<'static>, steps: &[Value]) -> Vec<Vec<String>> {
    let mut page = Page::open(env, "page.html", &steps[0]);
    let sent = steps[1..]
        .iter()
        .map(|step| page.update(step).operations)
        .collect();
    for step in steps.iter().rev() {
        page.update(step);
    }
    sent
}

/// The templates as the body of a page; the first is its content.
fn site(templates: &[(&'static str, &'static str)]) -> Environment<'static> {
    let mut env = environment(templates);
    if env.get_template("page.html").is_err() {
        env.add_template("page.html", "<html><body>{% include 'body.html' %}</body></html>")
            .unwrap();
    }
    env
}

/// Replays a template of which nothing may be a region or make the page a refresh.
fn fine(templates: &[(&'static str, &'static str)], steps: &[Value]) -> Vec<Vec<String>> {
    let sent = replay(&site(templates), steps);
    for operation in sent.iter().flatten() {
        assert!(
            !operation.contains(" region ") && operation != "refresh",
            "{operation} for {}",
            templates[0].1
        );
    }
    assert!(sent.iter().any(|sent| !sent.is_empty()), "something changes");
    sent
}

fn one_fine(template: &'static str, steps: &[Value]) -> Vec<Vec<String>> {
    fine(&[("body.html", template)], steps)
}

fn rows() -> [Value; 4] {
    let row = |id: u8, t: &str, on: bool| json!({"id": id, "t": t, "on": on, "kids": [t, "k"]});
    [
        json!({"xs": [row(1, "a", true), row(2, "b", false)], "m": {"x": 1, "y": 2}, "k": 1, "on": true, "t": "text"}),
        json!({"xs": [row(1, "a", true), row(2, "B", true)], "m": {"x": 1, "y": 3}, "k": 1, "on": true, "t": "text"}),
        json!({"xs": [row(3, "c", true), row(2, "B", true), row(1, "a<", false)], "m": {"z": 0, "x": 1}, "k": 2, "on": false, "t": "<&>"}),
        json!({"xs": [], "m": {}, "k": 3, "on": true, "t": ""}),
    ]
}

#[test]
fn loops_are_followed_row_by_row() {
    for template in [
        "<dl>{% for key, value in m|items %}<dt>{{ key }}</dt><dd>{{ value }}</dd>{% endfor %}</dl>",
        "<dl>{% for key, value in m|dictsort %}<dt id=\"{{ key }}\">{{ value }}</dt>{% endfor %}</dl>",
        "<ul>{% for key in m %}<li>{{ key }} {{ m[key] }}</li>{% endfor %}</ul>",
        "<ul>{% for x in xs if x.on %}<li id=\"r{{ x.id }}\">{{ x.t }}</li>{% endfor %}</ul>",
        "<ul>{% for x in xs if x.id > k %}<li>{{ loop.index }} {{ x.t }}</li>{% else %}<li>none above {{ k }}</li>{% endfor %}</ul>",
        "<ul>{% for x in xs %}<li id=\"r{{ x.id }}\">{% for kid in x.kids %}<b>{{ kid }} {{ loop.index }} of {{ x.t }}</b>{% else %}-{% endfor %}</li>{% endfor %}</ul>",
        "<ul>{% for x in xs %}<li>{{ loop.index }} {{ loop.index0 }} {{ loop.revindex }} {{ loop.revindex0 }} {{ loop.length }}</li>{% endfor %}</ul>",
        "<ul>{% for x in xs %}<li class=\"{% if loop.first %}first{% endif %} {{ 'last' if loop.last }}\">{{ loop.depth }} {{ loop.depth0 }}</li>{% endfor %}</ul>",
        "<ul>{% for x in xs %}<li id=\"{{ x.id }}\">{{ loop.previtem.t if loop.previtem }} &lt; {{ x.t }} &lt; {{ loop.nextitem.t if loop.nextitem else 'end' }}</li>{% endfor %}</ul>",
        "<ul>{% for x in xs %}<li class=\"{{ loop.cycle('odd', 'even') }}\">{{ loop.cycle(1, 2, k) }}</li>{% endfor %}</ul>",
        "<ul>{% for a, b in xs|map(attribute='kids') %}<li>{{ a }}-{{ b }}</li>{% endfor %}</ul>",
        "<ul>{% for id, (a, b) in [[k, [1, k]], [2, [3, 4]]] %}<li id=\"i{{ id }}\">{{ a }}{{ b }}</li>{% endfor %}</ul>",
        "<ul>{% for x in xs|sort(attribute='t')|reverse %}<li id=\"{{ x.id }}\">{{ x.t }}</li>{% endfor %}</ul>",
        "<ul>{% for x in xs[1:] %}<li>{{ x.t }}</li>{% endfor %}{% for x in xs[:k] %}<li>{{ x.t }}</li>{% endfor %}</ul>",
        "<ul>{% for x in xs %}{% set label = x.t ~ k %}<li id=\"{{ label }}\">{{ label }}</li>{% endfor %}</ul>",
        "<ul>{% for x in xs %}{% with id = 'r' ~ x.id %}<li id=\"{{ id }}\">{{ id }}: {{ x.t }}</li>{% endwith %}{% endfor %}</ul>",
        "<ul>{% for i in range(k) %}<li>{{ i }} {{ t }}</li>{% endfor %}</ul>",
        "<ul>{% for letter in t %}<li>{{ letter }}</li>{% endfor %}</ul>",
        "<ul>{% for group in xs|groupby('on') %}<li>{{ group.grouper }}{% for x in group.list %}<b>{{ x.t }}</b>{% endfor %}</li>{% endfor %}</ul>",
        "<ul>{% for row in xs|batch(2) %}<li>{% for x in row %}{{ x.t }}{% endfor %}</li>{% endfor %}</ul>",
    ] {
        println!("{template}");
        one_fine(template, &rows());
    }
}

#[test]
fn a_row_that_changes_is_all_that_is_sent() {
    let sent = one_fine(
        "<ul>{% for x in xs %}<li id=\"r{{ x.id }}\">{{ x.t }}<i>{{ loop.index }}</i></li>{% endfor %}</ul>",
        &rows(),
    );
    assert_eq!(sent[0], [r#"0[1].1 text "B""#]);
    assert_eq!(
        sent[1],
        [
            "0 insert 0",
            "0 move 1 to 1",
            r#"0[2].1 text "a<""#,
            r#"0[2].2 text "3""#
        ]
    );
}

#[test]
fn a_row_is_known_by_a_name_that_is_set_from_its_item() {
    let sent = one_fine(
        "<ul>{% for x in xs %}{% set name = 'r' ~ x.id %}<li id=\"{{ name }}\">{{ x.t }}</li>{% endfor %}</ul>",
        &rows(),
    );
    assert!(sent[1].contains(&"0 insert 0".to_owned()), "{:?}", sent[1]);
}

#[test]
fn expressions_are_texts_and_attributes() {
    for template in [
        "<p title=\"{{ t }} {{ k }}\">{{ t|upper|replace('T', 'x') }}</p>",
        "<p>{{ k + 1 }} {{ -k }} {{ k * 2 // 3 }} {{ k ** 2 }} {{ k % 2 }} {{ t ~ k }} {{ not on }} {{ on and t }} {{ on or k }}</p>",
        "<p>{{ k if on else t }} {{ 'yes' if k is odd }} {{ t is defined }} {{ k in [1, 2] }} {{ 1 < k <= 3 }} {{ k == 1 }}</p>",
        "<p>{{ t[1:3] }} {{ t[::-1] }} {{ xs[0] is defined }} {{ xs[-1]|default({})|attr('t') }} {{ m.x }} {{ m['y'] }} {{ [k, t]|last }} {{ {'a': k}.a }} {{ (1, k)[1] }}</p>",
        "<p>{{ xs|length }} {{ xs|map(attribute='t')|join(', ') }} {{ xs|map('length')|sum }} {{ xs|selectattr('on')|list|length }} {{ xs|sum(attribute='id') }}</p>",
        "<p>{{ [t, 'b']|map('upper')|join }} {{ t|e }} {{ t|string|title }} {{ k|round }} {{ xs|tojson }} {{ t|urlencode }} {{ t|length|abs }}</p>",
        "<p>{{ '%s of %s'|format(k, t) }} {{ t|default('none', true) }} {{ missing|default(k) }} {{ [3, k]|max }} {{ [k, 1]|sort|first }}</p>",
        "<p>{{ range(k)|join }} {{ dict(a=k)|items|list }} {{ t|list|unique|join }} {{ t|trim|lines|length }} {{ xs|first is mapping }}</p>",
        "<p {% if on %}hidden{% endif %} class=\"a {% if k > 1 %}b{% elif on %}c{% else %}d{% endif %}\" {{ 'data-k' if on }}>{{ k }}</p>",
        "<input value=\"{{ t }}\" {% if on %}checked{% endif %} {% if k > 1 %}disabled title=\"{{ t }}\"{% endif %}>",
        "{% if on %}<b>{{ t }}</b>{% elif k > 1 %}<i>{{ k }}</i>{% else %}none{% endif %}<p>{% if k == 1 %}{% if on %}both{% endif %}{% endif %}</p>",
        "{% set v = t ~ k %}{% set a, b = [k, t] %}<p>{{ v }} {{ a }} {{ b }}</p>{% with c = k * 2, d = v %}<b>{{ c }}{{ d }}</b>{% endwith %}",
        "<p>{% raw %}{{ not }} {% if %}{% endraw %}{{ k }}</p>",
        "<p>\n  {%- if on -%}\n  {{ t }}\n  {%- endif -%}\n  {{- k -}}\n</p>{#- gone -#}\n<b>{{+ k +}}</b>",
    ] {
        println!("{template}");
        one_fine(template, &rows());
    }
}

#[test]
fn includes_and_inheritance_are_written_out() {
    fine(
        &[
            (
                "body.html",
                "{% include 'a.html' %}{% include ['missing.html', 'b.html'] %}{% include 'missing.html' ignore missing %}{% for x in xs %}{% include 'row.html' %}{% endfor %}",
            ),
            ("a.html", "<p>{{ k }}</p>"),
            ("b.html", "{% if on %}<b>{{ t }}</b>{% endif %}"),
            ("row.html", "<i id=\"x{{ x.id }}\">{{ x.t }} {{ loop.index }}</i>"),
        ],
        &rows(),
    );
    let sent = fine(
        &[
            (
                "page.html",
                "{% extends 'two.html' %}{% set name = t ~ '!' %}{% block title %}{{ name }}{% endblock %}{% block body %}{{ super() }}<p>{{ k }}</p>{{ self.foot() }}{% endblock %}",
            ),
            (
                "two.html",
                "{% extends 'three.html' %}{% block body %}<h1>{{ super() }} of {{ t }}</h1>{% endblock %}{% block foot %}<i>{{ k }}</i>{{ super() }}{% endblock %}",
            ),
            (
                "three.html",
                "<html><head><title>{% block title %}none{% endblock %}</title></head><body>{% block body %}{{ xs|length }}{% endblock %}<footer>{% block foot %}<u>{{ on }}</u>{% endblock %}</footer></body></html>",
            ),
        ],
        &rows(),
    );
    assert_eq!(sent[0], [] as [&str; 0], "nothing of it is shown");
}

#[test]
fn autoescape_blocks_leave_all_but_their_expressions_fine() {
    for template in [
        "{% autoescape true %}<p>{{ t }}</p>{% endautoescape %}<b>{{ k }}</b>",
        "{% autoescape 'html' %}<p title=\"{{ t }}\">{{ t }}</p>{% endautoescape %}<b>{{ k }}</b>",
        "{% autoescape false %}{% autoescape true %}<p>{{ t }}</p>{% endautoescape %}{% endautoescape %}",
        "<p>{{ t }}{% autoescape true %}{{ t }}{% endautoescape %}{{ k }}</p>",
        // What is not escaped is not taken for text, but what is around it is as fine as ever.
        "{% autoescape false %}<ul>{% for x in xs %}<li id=\"r{{ x.id }}\">{% if x.on %}<b>on</b>{% endif %}</li>{% endfor %}</ul>{% endautoescape %}<p>{{ k }}</p>",
        "{% autoescape 'none' %}{% if on %}<p class=\"{{ k }}\" {% if k > 1 %}hidden{% endif %}>static</p>{% endif %}{% endautoescape %}",
        "{% autoescape false %}<title>{{ k }}</title>{% include 'part.html' %}{% endautoescape %}",
    ] {
        println!("{template}");
        fine(
            &[
                ("body.html", template),
                ("part.html", "<em title=\"{{ t }}\">{{ t }}</em>"),
            ],
            &rows(),
        );
    }
}

#[test]
fn what_is_not_escaped_is_a_region_by_itself() {
    let steps = [
        json!({"html": "<b>1</b>", "k": 1, "on": true, "xs": ["<i>a</i>", "b"]}),
        json!({"html": "2", "k": 1, "on": true, "xs": ["<i>a</i>", "<u>B</u>"]}),
        json!({"html": "<u>3</u>&amp;", "k": 2, "on": false, "xs": []}),
    ];
    let sent = replay(
        &site(&[(
            "body.html",
            "{% autoescape false %}<p>{{ html }}</p>{% for x in xs %}<li>{{ x }}</li>{% endfor %}{% endautoescape %}<p>{{ k }}</p>",
        )]),
        &steps,
    );
    assert_eq!(sent[0], [r#"0 region "2""#, r#"1[1].0 region "<u>B</u>""#]);
    for template in [
        "{% autoescape false %}{% set h = html %}{% endautoescape %}<p>{{ h }}</p>",
        "{% autoescape false %}{% set h %}{{ html }}{% endset %}<p>{{ h }}</p>{% endautoescape %}<p>{{ h }}</p>",
        "{% set h %}{{ html }}{% endset %}{% autoescape false %}<p>{{ h }}{{ html }}</p>{% endautoescape %}{{ h }}",
        "{% autoescape 'json' %}<p>{{ html }} {{ xs }}</p>{% endautoescape %}<i>{{ html }}</i>",
        "{% autoescape on %}<p>{{ html }}</p>{% endautoescape %}<i>{{ html }}</i>",
        "{% autoescape on %}{% include 'part.html' %}{% endautoescape %}",
        "{% autoescape false %}{% autoescape true %}<p>{{ html }}</p>{% endautoescape %}<p>{{ html }}</p>{% endautoescape %}<p>{{ html }}</p>",
        "{% autoescape false %}<div>{% if on %}<b>{% else %}<i>{% endif %}{{ html }}{% if on %}</b>{% else %}</i>{% endif %}</div>{% endautoescape %}<p>{{ html }}</p>",
        "{% autoescape false %}<p title=\"{{ k }}\" {% if on %}data-k=\"{{ k }}\"{% endif %}>{% endautoescape %}{{ html }}</p>",
        "<p title=\"{% autoescape false %}{{ k }}{% endautoescape %}{{ html }}\">{{ html }}</p>",
        "{% for x in xs %}{% autoescape false %}<p>{{ x }}</p>{% endautoescape %}<i>{{ x }}</i>{% endfor %}",
        "{% include 'part.txt' %}<p>{{ html }}</p>",
        "{% autoescape false %}{% include 'part.html' %}{{ html }}{% endautoescape %}{{ html }}",
        "{% autoescape false %}{% block b %}{{ html }}{% autoescape true %}{{ html }}{% endautoescape %}{% endblock %}{% endautoescape %}",
        "{% autoescape false %}{% filter upper %}{{ html }}{% endfilter %}{% for x in xs recursive %}{{ x }}{% endfor %}{% endautoescape %}{{ html }}",
    ] {
        println!("{template}");
        let sent = replay(
            &site(&[
                ("body.html", template),
                ("part.html", "<em>{{ html }}</em>"),
                (
                    "part.txt",
                    "<p>{{ html }}</p>{% for x in xs %}<li>{{ x }}</li>{% endfor %}",
                ),
            ]),
            &steps,
        );
        assert!(!sent.concat().contains(&"refresh".to_owned()), "{sent:?}");
    }
    // A block that ends where a region can't: only the whole page is right.
    let crossing = "{% autoescape false %}<div>{% if on %}<b>{% else %}<i>{% endif %}{{ k }}{% endautoescape %}{{ html }}{% if on %}</b>{% else %}</i>{% endif %}</div><p>{{ html }}</p>";
    assert_eq!(
        replay(&site(&[("body.html", crossing)]), &steps),
        [["refresh"], ["refresh"]]
    );
}

#[test]
fn what_is_opaque_is_right_and_leaves_the_rest_fine() {
    let mut env = site(&[
        (
            "body.html",
            "<p>{{ k }}</p>{% include [chosen, 'part.html'] %}<ul>{% for x in xs recursive %}<li>{{ x.t }}{{ loop(x.more) if x.more }}</li>{% endfor %}</ul>",
        ),
        ("part.html", "<em>{{ t }}</em>"),
        ("other.html", "<strong>{{ k }}</strong>"),
    ]);
    env.add_function("note", |text: String| text.len());
    let steps = [
        json!({"chosen": "part.html", "k": 1, "t": "a", "xs": [{"t": "x", "more": [{"t": "y"}]}]}),
        json!({"chosen": "other.html", "k": 1, "t": "a", "xs": [{"t": "x", "more": [{"t": "z", "more": [{"t": "w"}]}]}]}),
        json!({"chosen": "missing", "k": 2, "t": "b", "xs": []}),
    ];
    let sent = replay(&env, &steps);
    assert_eq!(
        sent[0],
        [
            r#"1 region "<strong>1</strong>""#,
            r#"2 region "<li>x<li>z<li>w</li></li></li>""#
        ]
    );
    assert_eq!(sent[1][0], r#"0 text "2""#);
    for template in [
        "<ul>{% for x in xs %}{% if x.t == 'b' %}{% continue %}{% endif %}<li>{{ x.t }}</li>{% if x.id == 3 %}{% break %}{% endif %}{% endfor %}</ul><p>{{ k }}</p>",
        "<ul>{% for x in xs %}{% if loop.changed(x.on) %}<li>{{ x.on }}</li>{% endif %}{% endfor %}</ul><p>{{ k }}</p>",
        "<ul>{% for x in xs %}{% set self_ = loop %}<li>{{ self_.index }}{{ x.t }}</li>{% endfor %}</ul><p>{{ k }}</p>",
        "<p>{% filter upper|replace('A', 'b') %}{{ t }} <b>{{ k }}</b>{% if on %}yes{% endif %}{% endfilter %}</p><p>{{ k }}</p>",
        "{% do note(t) %}<p>{{ k }}</p>{% if on %}{% do note('x') %}<i>{{ t }}</i>{% endif %}{% for x in xs %}{% do note(x.t) %}<b>{{ x.t }}</b>{% endfor %}",
        "{% filter upper %}{% set v = t %}{{ v }}{% endfilter %}<p>{{ v }}</p>",
        "{% for x in xs %}<li>{{ x.t }}</li>{% else %}{% set empty = k %}none{% endfor %}<p>{{ empty|default('no') }}</p>",
        "<title>{% if on %}{% set v = t %}{% endif %}{{ k }}</title><p {% if on %}{% set w = k %}hidden{% endif %}>{{ v }}{{ w }}</p>",
        "<!-- {{ k }} --><table>{% for x in xs %}<tr><td>{{ x.t }}</td></tr>{% endfor %}</table><p>{{ k }}</p>",
    ] {
        println!("{template}");
        let mut env = site(&[("body.html", template)]);
        env.add_function("note", |text: String| text.len());
        let sent = replay(&env, &rows());
        assert!(!sent.concat().contains(&"refresh".to_owned()), "{sent:?}");
    }
}
