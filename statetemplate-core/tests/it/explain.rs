//! What `Plan::explain` tells people.

use statetemplate_core::Plan;

use crate::oracle::environment;
use crate::workload;

fn explain(templates: &[(&'static str, &'static str)]) -> String {
    Plan::compile(&environment(templates), templates[0].0)
        .unwrap()
        .explain()
}

#[test]
fn the_dashboard_is_explained() {
    let explained = workload::plan().explain();
    insta::assert_snapshot!(explained);
}

#[test]
fn a_template_that_has_everything_is_explained() {
    let explained = explain(&[
        (
            "page.html",
            "{% extends 'base.html' %}
{% from 'macros.html' import badge %}
{% block title %}{{ user.name }} - {{ super() }}{% endblock %}
{% block body %}
<h1 class=\"{% if user.admin %}admin{% endif %}\" {% if user.away %}hidden{% endif %}>{{ user.name }}</h1>
{% if user.admin %}<b>{{ user.rights[0] }}</b>{% elif user.guest %}guest{% else %}<i>none</i>{% endif %}
<div id=\"news\" class=\"box\">{{ news|safe }}</div>
{% set total = tasks|length %}
<ul class=\"tasks wide\">{% for task in tasks if task.open %}
  <li id=\"t{{ task.id }}\">{{ loop.index }}/{{ total }} {{ task.name }}</li>
{% else %}<li>{{ user.name }} has nothing to do</li>{% endfor %}</ul>
<p>{% for tag, number in tags|items %}<em>{{ tag }}: {{ number }}</em>{% endfor %}</p>
{% include 'foot.html' %}
{% endblock %}
{% block unused %}{{ overridden|safe }}{% endblock %}",
        ),
        (
            "base.html",
            "<!doctype html><html><head><title>{% block title %}Site{% endblock %}</title></head>
<body>{% block body %}{{ never_shown|safe }}{% endblock %}
<script>var settings = {{ settings|safe }};</script></body></html>",
        ),
        (
            "macros.html",
            "{% macro badge(x) %}<b>{{ x|safe }}</b>{% endmacro %}",
        ),
        (
            "foot.html",
            "<footer title=\"{{ motto|safe }}\">
  {% for node in tree recursive %}<s>{{ node.name }}{{ loop(node.children) }}</s>{% endfor %}
  {% filter upper %}{{ motto }}{% endfilter %}
  {% include chosen %}
  <section>{% if odd %}<div class=\"a\">{% else %}<div class=\"b\">{% endif %}{{ motto }}</div></section>
  <table>{% for row in rows %}<tr><td>{{ row }}</td></tr>{% endfor %}</table>
  <!-- {{ motto }} -->
</footer>",
        ),
    ]);
    insta::assert_snapshot!(explained);
}

#[test]
fn a_page_that_is_sent_as_a_whole_says_why() {
    let explained = explain(&[
        (
            "page.html",
            "{% if wide %}{% extends 'wide.html' %}{% endif %}<p>{{ body|safe }}</p>",
        ),
        ("wide.html", "<main></main>"),
    ]);
    insta::assert_snapshot!(explained);
}

#[test]
fn a_page_without_anything_dynamic_is_explained() {
    let explained = explain(&[("page.html", "<p>Hello</p>")]);
    insta::assert_snapshot!(explained);
}
