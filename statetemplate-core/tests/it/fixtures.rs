//! Templates of every shape, each through the oracle.

use serde_json::{Value, json};

use crate::oracle::{Page, environment};

fn replay(templates: &[(&'static str, &'static str)], steps: &[Value]) {
    let env = environment(templates);
    let mut page = Page::open(&env, "page.html", &steps[0]);
    for step in &steps[1..] {
        page.update(step);
    }
    for step in steps.iter().rev() {
        page.update(step);
    }
}

fn one(template: &'static str, steps: &[Value]) {
    replay(&[("page.html", template)], steps);
}

#[test]
fn nested_lists() {
    one(
        "<div>{% for b in boards %}<section id=\"b{{ b.id }}\"><h2>{{ b.name }}</h2><ul>{% for c in b.cards %}<li id=\"c{{ c.id }}\">{{ c.t }} {{ loop.index }}/{{ b.cards|length }}</li>{% else %}<li>none in {{ b.name }}</li>{% endfor %}</ul></section>{% endfor %}</div>",
        &[
            json!({"boards": []}),
            json!({"boards": [{"id": 1, "name": "a", "cards": [{"id": 1, "t": "x"}, {"id": 2, "t": "y"}]}, {"id": 2, "name": "b", "cards": []}]}),
            json!({"boards": [{"id": 1, "name": "a", "cards": [{"id": 2, "t": "y"}, {"id": 1, "t": "x!"}, {"id": 3, "t": "z"}]}, {"id": 2, "name": "b!", "cards": []}]}),
            json!({"boards": [{"id": 2, "name": "b", "cards": [{"id": 9, "t": "n"}]}, {"id": 1, "name": "a", "cards": []}]}),
        ],
    );
}

#[test]
fn rows_of_every_shape() {
    let steps = [
        json!({"xs": [{"id": 1, "on": true, "t": "a"}, {"id": 2, "on": false, "t": "b"}], "k": 1}),
        json!({"xs": [{"id": 2, "on": true, "t": "b"}, {"id": 1, "on": true, "t": "a"}], "k": 1}),
        json!({"xs": [{"id": 1, "on": false, "t": ""}, {"id": 1, "on": true, "t": "dup"}, {"id": 3, "on": true, "t": "<&>"}], "k": 2}),
        json!({"xs": [], "k": 2}),
        json!({"xs": [{"id": 5, "on": true, "t": "z"}], "k": 3}),
    ];
    for template in [
        // Text only.
        "<p>{% for x in xs %}{{ x.t }}, {% endfor %}</p>",
        // Several roots.
        "<dl>{% for x in xs %}<dt>{{ x.t }}</dt> <dd id=\"d{{ x.id }}\">{{ x.id }}</dd>{% endfor %}</dl>",
        // An `if` round each row.
        "<ul>{% for x in xs %}{% if x.on %}<li id=\"r{{ x.id }}\">{{ x.t }}</li>{% endif %}{% endfor %}</ul>",
        "<ul>{% for x in xs %}\n{% if x.on %}<li id=\"r{{ x.id }}\">{{ x.t }}</li>{% else %}<li>off</li>{% endif %}\n{% endfor %}</ul>",
        // No keys.
        "<ul>{% for x in xs %}<li class=\"{{ x.t }} {% if x.on %}on{% endif %}\">{{ x.t }}</li>{% endfor %}</ul>",
        // Keys that repeat; keys of st-key.
        "<ul>{% for x in xs %}<li st-key=\"{{ x.id }}\">{{ x.t }}{{ k }}</li>{% endfor %}</ul>",
        // Counters, neighbours, cycles.
        "<ul>{% for x in xs %}<li id=\"i{{ x.id }}\" class=\"{{ loop.cycle('odd', 'even') }}\">{{ loop.index }} {{ loop.revindex }} {{ loop.first }} {{ loop.last }} {{ loop.length }} {{ loop.previtem|default({'t': '-'})|attr('t') }} {{ loop.nextitem is defined }} {{ loop.depth }}</li>{% endfor %}</ul>",
        // Filtered, with else.
        "<ul>{% for x in xs if x.on %}<li id=\"i{{ x.id }}\">{{ x.t }} {{ loop.index }}</li>{% else %}<li>nothing of {{ k }}</li>{% endfor %}</ul>",
        // Maps and unpacking.
        "<ul>{% for x in xs %}{% for key, value in x|items %}<li>{{ key }}={{ value }}</li>{% endfor %}{% endfor %}</ul>",
        "<ul>{% for key, value in (xs[0] or {})|dictsort %}<li id=\"{{ key }}\">{{ value }}</li>{% endfor %}</ul>",
        // A set inside the row, and one before the list.
        "{% set total = xs|length %}<ul>{% for x in xs %}{% set y = x.t ~ k %}<li id=\"{{ y }}\">{{ y }} of {{ total }}</li>{% endfor %}</ul>{{ total }}",
        // Recursion.
        "<ul>{% for x in xs recursive %}<li>{{ x.t }}{% if x.children %}<ul>{{ loop(x.children) }}</ul>{% endif %}</li>{% endfor %}</ul>",
        // Table rows.
        "<table><tbody>{% for x in xs %}<tr id=\"t{{ x.id }}\"><td>{{ x.t }}</td>{% if x.on %}<td>on</td>{% endif %}</tr>{% endfor %}</tbody></table>",
        "<table>{% for x in xs %}<tr><td>{{ x.t }}</td></tr>{% endfor %}</table>",
        "<select>{% for x in xs %}<option value=\"{{ x.id }}\" {% if x.on %}selected{% endif %}>{{ x.t }}</option>{% endfor %}</select>",
        "<ul>{% for x in xs %}<li>{{ x.t }}{% endfor %}</ul><p>{{ k }}</p>",
        "<svg>{% for x in xs %}<circle r=\"{{ x.id }}\"/><g viewBox=\"{{ x.t }}\"><text>{{ x.t }}</text></g>{% endfor %}</svg>",
    ] {
        println!("{template}");
        one(template, &steps);
    }
}

#[test]
fn branches_of_every_shape() {
    let steps = [
        json!({"a": true, "b": 1, "t": "x"}),
        json!({"a": false, "b": 2, "t": "y<i>"}),
        json!({"a": true, "b": 3, "t": ""}),
        json!({"a": true, "b": 2, "t": " \r\n z"}),
        json!({"a": null, "b": 0}),
    ];
    for template in [
        "<p>{% if a %}yes {{ t }}{% endif %}</p>",
        "<p>{% if a %}<b>{{ t }}</b>{% elif b > 1 %}<i>{{ b }}</i>{% else %}none{% endif %} {{ t }}</p>",
        "<p>{% if a %}{% if b > 1 %}<b>{{ t }}</b>{% endif %}{% endif %}</p>",
        "<div {% if a %}class=\"on {{ t }}\" hidden{% endif %} id=\"d{{ b }}\" data-t='{{ t }}'>x</div>",
        "<div class=a{{ b }} {{ t }}>x</div>",
        "<div data-{{ b }}=\"{{ t }}\" title=\"{% if a %}{{ t }}{% else %}none{% endif %}\">x</div>",
        "{% if a %}<div class=\"one\">{% else %}<div class=\"two\">{% endif %}{{ t }}</div><p>{{ b }}</p>",
        "<section>{% if a %}<div class=\"one\">{% else %}<div class=\"two\">{% endif %}{{ t }}</div></section><p>{{ b }}</p>",
        "<p>{% if a %}<div>{{ t }}</div>{% endif %}</p><em>{{ b }}</em>",
        "<title>{{ t }} - {% if a %}A{% endif %}</title><textarea>\n{{ t }}</textarea><pre>{{ t }}</pre>",
        "<style>.a { width: {{ b }}px }</style><script>var x = {{ t }};</script>",
        "<p>{{ t|upper }}{{ t|default('none') }} &amp; {{ b }} &copy;</p>",
        "<p>{{ ('<b>' ~ (t|e) ~ '</b>')|safe }}{{ b }}</p>",
        "<p>before {% filter upper %}{{ t }} and {{ b }}{% endfilter %} after</p>",
        "<p>{% autoescape false %}{{ t }}{% endautoescape %}</p>",
        "{% set html %}<b>{{ t }}</b>{% endset %}<p>{{ html }} {{ b }}</p>",
        "{% with x = b * 2, y = t %}<p>{{ x }}{{ y }}</p>{% endwith %}{{ x }}",
        "{% if a %}{% set x = t %}{% endif %}<p>{{ x }}</p>",
        "<!-- {{ b }} --><p>{{ t }}</p><!--t--><!--/-->",
        "<p>{% raw %}{{ not }}{% endraw %}{{ t }}</p>",
        "<template><p>{{ t }}</p></template><p>{{ b }}</p>",
        "<p>a < b {{ t }} x<{{ b }}</p>",
        "<input value=\"{{ t }}\" {% if a %}checked{% endif %}/><br/>{{ b }}",
        "<ul><li>{{ t }}<li>{{ b }}</ul>",
        "<table><tr><td>{{ t }}</td></tr>{% if a %}<tr><td>a</td></tr>{% endif %}</table>",
        "<a href=\"{{ t }}\">x</a><a href=\"/x?{{ t }}\">y</a>",
        "<p>{{ t }}</p>{% if a %}\n{% endif %}<p>{{ b if a else t }}</p>",
    ] {
        println!("{template}");
        one(template, &steps);
    }
}

#[test]
fn inheritance_includes_and_macros() {
    replay(
        &[
            (
                "page.html",
                "{% extends 'middle.html' %}{% from 'macros.html' import card, wrap %}{% set name = user.name %}{% block title %}{{ name }} - {{ super() }}{% endblock %}{% block body %}{{ super() }}<main>{{ card(user.name, n) }}{% call wrap('x') %}<b>{{ n }}</b>{% endcall %}{% include 'foot.html' %}{{ self.title() }}</main>{% endblock %}",
            ),
            (
                "middle.html",
                "{% extends 'base.html' %}{% block title %}middle {{ n }}{% endblock %}",
            ),
            (
                "base.html",
                "<!doctype html><html><head><title>{% block title %}base{% endblock %}</title></head><body>{% block body %}<h1>{{ user.name }}</h1>{% endblock %}{% include ['missing.html', 'foot.html'] %}{% include 'nothing.html' ignore missing %}</body></html>",
            ),
            (
                "macros.html",
                "{% macro card(title, n=1) %}<article><h2>{{ title }}</h2>{% for i in range(n) %}<i>{{ i }}</i>{% endfor %}</article>{% endmacro %}{% macro wrap(x) %}<div class=\"{{ x }}\">{{ caller() }}</div>{% endmacro %}",
            ),
            (
                "foot.html",
                "<footer>{{ n }} {% if n > 2 %}<em>many</em>{% endif %}</footer>",
            ),
        ],
        &[
            json!({"user": {"name": "Ada"}, "n": 1}),
            json!({"user": {"name": "Ada & Co"}, "n": 3}),
            json!({"user": {"name": "Grace"}, "n": 3}),
            json!({"user": {"name": "Grace"}, "n": 0}),
        ],
    );
}

#[test]
fn equal_expressions_travel_once() {
    let env = environment(&[(
        "page.html",
        "<ul>{% for x in xs %}<li id=\"r{{ x.id }}\" data-id=\"{{ x.id }}\"><b title=\"{{ x.id }}\">{{ x.id }}</b></li>{% endfor %}</ul>",
    )]);
    let mut page = Page::open(&env, "page.html", &json!({"xs": []}));
    let sent = page.update(&json!({"xs": [{"id": "abcdefgh"}]}));
    assert_eq!(sent.bytes, r#"[1,{"0":[[["abcdefgh"]],{},1]}]"#.len());
}
