//! Blocks that are called inside of expressions.

use serde_json::{Value, json};

use crate::oracle::{Page, environment};

const BASE: &str = "<html><head><title>{% block title %}Base {{ k }}{% endblock %}</title></head><body>{% block body %}<p>{{ t }}</p>{% endblock %}<footer>{% block foot %}{{ k }}{% endblock %}</footer></body></html>";

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

fn steps() -> [Value; 4] {
    [
        json!({"k": 1, "t": "a", "on": true, "xs": ["x", "y"]}),
        json!({"k": 1, "t": "<b>", "on": true, "xs": ["x", "z"]}),
        json!({"k": 2, "t": "<b>", "on": false, "xs": []}),
        json!({"k": 3, "t": "", "on": true, "xs": ["z"]}),
    ]
}

/// A page that extends the base, with these blocks; nothing of it may be a refresh.
fn page(blocks: &'static str) -> Vec<Vec<String>> {
    let sent = replay(&[("page.html", blocks), ("base.html", BASE)], &steps());
    assert!(!sent.concat().contains(&"refresh".to_owned()), "{sent:?}");
    sent
}

#[test]
fn what_super_prints_can_be_changed() {
    let sent =
        page("{% extends 'base.html' %}{% block body %}{{ super()|upper }}<i>{{ k }}</i>{% endblock %}");
    assert_eq!(
        sent[0],
        [r#"1 region "<P>&LT;B&GT;</P>""#],
        "only what reads the text"
    );
    assert_eq!(sent[1], [r#"0 text "Base 2""#, r#"2 text "2""#, r#"3 text "2""#]);
}

#[test]
fn blocks_can_stand_in_any_expression() {
    for blocks in [
        "{% extends 'base.html' %}{% block body %}{% set s = super() %}<div>{{ s }}{{ s|length }}</div>{% endblock %}",
        "{% extends 'base.html' %}{% block body %}{% if 'b' in super() %}<b>{{ k }}</b>{% else %}none{% endif %}{% endblock %}",
        "{% extends 'base.html' %}{% block body %}{% if on %}x{% elif super()|length > 8 %}<b>{{ k }}</b>{% endif %}{{ t if on else super() }}{% endblock %}",
        "{% extends 'base.html' %}{% block body %}<h1 title=\"{{ self.title()|upper }}\">{{ self.title()|lower }}</h1>{{ super() }}{% endblock %}",
        "{% extends 'base.html' %}{% block body %}<ul>{% for x in xs %}<li>{{ x ~ super()|length }}</li>{% endfor %}</ul>{% endblock %}",
        "{% extends 'base.html' %}{% block body %}<ul>{% for letter in super()|upper %}<li>{{ letter }}</li>{% endfor %}</ul>{% endblock %}",
        "{% extends 'base.html' %}{% block body %}{% with s = super()|striptags_not if false else super() %}<div>{{ s }}</div>{% endwith %}{% endblock %}",
        "{% extends 'base.html' %}{% block foot %}<b title=\"{{ super() }}\">{{ super()|int + 1 }}</b>{% endblock %}{% block title %}{{ self.foot()|length }}{{ super()|upper }}{% endblock %}",
        // Blocks within blocks, each with a parent of its own.
        "{% extends 'base.html' %}{% block body %}{% block inner %}{{ t }}{% endblock %}{% if super()|length > 8 %}{{ self.inner()|upper }}{% endif %}{{ super()|lower }}{% endblock %}",
        "{% extends 'base.html' %}{% block body %}{% if on %}{% block inner %}{% set v = self.title() %}<i>{{ v|upper }}</i>{% endblock %}{% elif super()|length > 8 %}<u>{{ k }}</u>{% endif %}{{ super()|upper }}{% endblock %}",
        "{% extends 'base.html' %}{% block body %}{% filter lower %}{{ super()|upper }}{% endfilter %}{% set c %}{{ super()|upper }}{{ k }}{% endset %}{{ c }}{% endblock %}",
    ] {
        println!("{blocks}");
        page(blocks);
    }
}

#[test]
fn each_level_has_its_own_parent() {
    let sent = replay(
        &[
            (
                "page.html",
                "{% extends 'middle.html' %}{% block body %}<div>{{ super()|replace('p', 'P') }}</div>{% endblock %}",
            ),
            (
                "middle.html",
                "{% extends 'base.html' %}{% block body %}[{{ super()|upper }}{{ k }}]{% endblock %}",
            ),
            ("base.html", BASE),
        ],
        &steps(),
    );
    assert!(!sent.concat().contains(&"refresh".to_owned()), "{sent:?}");
}

#[test]
fn what_a_block_reads_from_around_its_call_is_followed() {
    for blocks in [
        "{% extends 'base.html' %}{% block body %}{% for t in xs %}<li>{{ super()|upper }}</li>{% endfor %}{% endblock %}",
        "{% extends 'base.html' %}{% block body %}{% set t = xs|join %}{{ super()|upper }}{% with t = k %}{{ super()|upper }}{% endwith %}{% endblock %}",
        "{% extends 'base.html' %}{% block body %}{% for x in xs %}<li>{{ self.foot()|upper }}</li>{% endfor %}{% endblock %}{% block foot %}{{ loop.index if loop is defined }}{{ x }}{{ k }}{% endblock %}",
    ] {
        println!("{blocks}");
        page(blocks);
    }
}

#[test]
fn what_cannot_be_told_is_sent_as_a_whole() {
    for blocks in [
        "{% extends 'base.html' %}{% block body %}{% autoescape false %}{{ super()|upper }}{% endautoescape %}{% endblock %}",
        "{% extends 'base.html' %}{% set ns = namespace(n=0) %}{% block title %}{% set ns.n = k %}{% endblock %}{% block body %}{{ self.title()|upper }}{{ ns.n }}{% endblock %}",
    ] {
        println!("{blocks}");
        let sent = replay(&[("page.html", blocks), ("base.html", BASE)], &steps());
        assert_eq!(sent[1], ["refresh"]);
    }
}
