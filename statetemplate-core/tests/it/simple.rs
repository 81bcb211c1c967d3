//! Small random templates and data, for the tests that try each case at several levels.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[a-z]{1,6}".prop_map(|s| s),
        Just("<b>&amp;\"'`".to_owned()),
        Just(" spaced\n".to_owned()),
    ]
}

fn row() -> impl Strategy<Value = Value> {
    (0..6u8, text(), any::<bool>(), prop::collection::vec(text(), 0..3))
        .prop_map(|(id, t, on, kids)| json!({"id": id, "t": t, "on": on, "kids": kids}))
}

pub(crate) fn data() -> impl Strategy<Value = Value> {
    (
        text(),
        any::<bool>(),
        -2..4i64,
        prop::collection::vec(row(), 0..6),
    )
        .prop_map(|(t, on, n, xs)| {
            let mut map = Map::new();
            map.insert("t".into(), json!(t));
            map.insert("on".into(), json!(on));
            map.insert("n".into(), json!(n));
            map.insert("xs".into(), json!(xs));
            Value::Object(map)
        })
}

fn expression(inside: bool) -> BoxedStrategy<String> {
    let outer = prop_oneof![
        Just("t"),
        Just("n"),
        Just("on"),
        Just("t|upper"),
        Just("n + 1"),
        Just("xs|length"),
        Just("t if on else n"),
        Just("missing")
    ];
    if inside {
        prop_oneof![
            outer,
            Just("x.t"),
            Just("x.id"),
            Just("loop.index"),
            Just("loop.last"),
            Just("x.kids|join(',')")
        ]
        .prop_map(str::to_owned)
        .boxed()
    } else {
        outer.prop_map(str::to_owned).boxed()
    }
}

fn condition(inside: bool) -> BoxedStrategy<String> {
    let outer = prop_oneof![Just("on"), Just("n > 1"), Just("t"), Just("xs"), Just("not on")];
    if inside {
        prop_oneof![outer, Just("x.on"), Just("x.id > 2"), Just("loop.first")]
            .prop_map(str::to_owned)
            .boxed()
    } else {
        outer.prop_map(str::to_owned).boxed()
    }
}

pub(crate) fn piece(depth: u32, inside: bool) -> BoxedStrategy<String> {
    let emit = expression(inside).prop_map(|e| format!("{{{{ {e} }}}}"));
    let leaf = prop_oneof![
        3 => emit.clone(),
        2 => "[a-z ]{1,4}".prop_map(|s| s),
        1 => (expression(inside), condition(inside))
            .prop_map(|(e, c)| format!("<i class=\"k {{{{ {e} }}}}\" {{% if {c} %}}hidden{{% endif %}}></i>")),
        1 => (expression(inside)).prop_map(|e| format!("<input value=\"{{{{ {e} }}}}\">")),
        1 => expression(inside).prop_map(|e| format!("{{{{ {e}|safe }}}}").replace("|safe", "")),
        1 => expression(inside).prop_map(|e| format!("{{% set v = {e} %}}<u>{{{{ v }}}}</u>")),
    ];
    if depth == 0 {
        return leaf.boxed();
    }
    let body = move || prop::collection::vec(piece(depth - 1, inside), 1..4).prop_map(|parts| parts.concat());
    let row = prop::collection::vec(piece(depth - 1, true), 1..4).prop_map(|parts| parts.concat());
    let branch = (condition(inside), body(), body(), any::<bool>()).prop_map(|(c, yes, no, both)| {
        if both {
            format!("{{% if {c} %}}{yes}{{% else %}}{no}{{% endif %}}")
        } else {
            format!("{{% if {c} %}}{yes}{{% endif %}}")
        }
    });
    if inside {
        return prop_oneof![
            3 => leaf,
            2 => branch,
            2 => body().prop_map(|b| format!("<div>{b}</div>")),
            1 => Just("{% for k in x.kids %}<s>{{ k }}{{ loop.index }}</s>{% endfor %}".to_owned()),
        ]
        .boxed();
    }
    prop_oneof![
        3 => leaf,
        2 => branch,
        2 => body().prop_map(|b| format!("<div>{b}</div>")),
        1 => body().prop_map(|b| format!("{{% with w = n %}}{b}{{{{ w }}}}{{% endwith %}}")),
        3 => (row, body(), any::<bool>(), any::<bool>()).prop_map(|(row, otherwise, keyed, with_else)| {
            let open = if keyed { "<p id=\"p{{ x.id }}\">" } else { "<div>" };
            let close = if keyed { "</p>" } else { "</div>" };
            let row = if keyed { "{{ x.t }}".to_owned() } else { row };
            let otherwise = if with_else { format!("{{% else %}}{otherwise}") } else { String::new() };
            format!("{{% for x in xs %}}{open}{row}{close}{otherwise}{{% endfor %}}")
        }),
    ]
    .boxed()
}
