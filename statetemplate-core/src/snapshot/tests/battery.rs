//! What a template can see of a value: expressions that each look at it in another way, and whether two values differ in one.

use std::sync::LazyLock;

use minijinja::{Environment, UndefinedBehavior, Value, context};

/// `v` is the value, `w` one that minijinja makes of the same data. The results are compared as texts, or as errors.
const EXPRESSIONS: &[&str] = &[
    // As text.
    "v",
    "v ~ '!'",
    "v|string",
    "v|tojson",
    "v|tojson(indent=2)",
    "v|pprint",
    "v|escape",
    "v|upper",
    "v|trim",
    "v|urlencode",
    "v|indent(2)",
    "v|replace('a', 'b')",
    "v|safe",
    "'%s'|format(v)",
    // What it is.
    "v is defined",
    "v is none",
    "v is boolean",
    "v is number",
    "v is integer",
    "v is float",
    "v is string",
    "v is mapping",
    "v is sequence",
    "v is iterable",
    "v is true",
    "v is false",
    "v is safe",
    "v is odd",
    "v is divisibleby(2)",
    "v is startingwith('a')",
    "v is sameas(v)",
    "not v",
    "v and 'yes'",
    "v or 'no'",
    "'yes' if v else 'no'",
    // Beside others.
    "v == v",
    "v == w",
    "w == v",
    "v != w",
    "v < w",
    "v <= w",
    "v > 1",
    "v == 1",
    "v == 1.0",
    "v == 'a'",
    "v == none",
    "v == []",
    "v == {}",
    "v == true",
    "v in [w]",
    "[v] == [w]",
    "{'k': v} == {'k': w}",
    "[v, w]|unique",
    "[v, w, v]|sort",
    "[v, 1, 'a', w, none]|unique",
    "{v: 1}[w]",
    // As a number.
    "v + 1",
    "1 - v",
    "v * 2",
    "v / 2",
    "v // 2",
    "v % 2",
    "v ** 2",
    "-v",
    "v|int",
    "v|float",
    "v|abs",
    "v|round",
    "v|bool",
    "range(3)[v]",
    // What it holds.
    "v|length",
    "v.a",
    "v.key",
    "v.length",
    "v['1']",
    "v[0]",
    "v[1]",
    "v[-1]",
    "v[1.0]",
    "v[true]",
    "v[none]",
    "v['a']",
    "v[[1, 2]]",
    "v[v]",
    "v|attr('a')",
    "v[1:]",
    "v[:-1]",
    "v[::-1]",
    "v[::2]",
    "1 in v",
    "'a' in v",
    "true in v",
    "none in v",
    "w in v",
    "v|list",
    "v|first",
    "v|last",
    "v|min",
    "v|max",
    "v|sum",
    "v|sort",
    "v|sort(reverse=true)",
    "v|reverse",
    "v|unique",
    "v|join('/')",
    "v|items",
    "v|dictsort",
    "v|dictsort(by='value', reverse=true)",
    "v|batch(2)",
    "v|slice(2)",
    "v|map('string')|list",
    "v|map(attribute='a')|list",
    "v|select|list",
    "v|reject('none')|list",
    "v|selectattr('a')|list",
    "v|groupby('a')",
    "v|chain(w)|list",
    "v|zip(w)|list",
    "v|default('d')",
    "dict(v)",
    "v()",
];

/// What minijinja alone refuses on every value: only the errors are compared.
const REFUSED: &[&str] = &["v.items()", "v.get('a')", "v|nothing"];

const LOOPS: &[&str] = &[
    "{% for x in v %}{{ loop.index }}/{{ loop.length }}={{ x }};{% else %}nothing{% endfor %}",
    "{% for k, x in v|items %}{{ k }}:{{ x }};{{ x is none }}{{ x|tojson }},{% endfor %}",
    "{% for k, x in v %}{{ k }}:{{ x }};{% endfor %}",
    "{% for x in v %}{{ x == v[loop.index0] }}{{ x is integer }}{{ x|string }},{% endfor %}",
    "{% for x in v recursive %}{{ x }}{% if x is sequence %}{{ loop(x) }}{% endif %},{% endfor %}",
    "{% set x, y = v %}{{ x }}{{ y }}",
    "{% for x in v|reverse %}{{ x }}{% if loop.changed(x) %}!{% endif %}{{ loop.previtem }}{% endfor %}",
];

static ENVIRONMENTS: LazyLock<[Environment<'static>; 2]> = LazyLock::new(|| {
    [UndefinedBehavior::Lenient, UndefinedBehavior::Strict].map(|behaviour| {
        let mut env = Environment::new();
        env.set_undefined_behavior(behaviour);
        env.set_auto_escape_callback(|_| minijinja::AutoEscape::Html);
        let print = |expr: &&str| format!("{{{{ {expr} }}}}");
        let loops = LOOPS.iter().map(|source| (*source).to_owned());
        let sources = EXPRESSIONS
            .iter()
            .map(print)
            .chain(loops)
            .chain(REFUSED.iter().map(print));
        for (at, source) in sources.enumerate() {
            env.add_template_owned(at.to_string(), source).unwrap();
        }
        env
    })
});

/// What each template of the battery makes of a value, with the template.
fn seen(value: &Value, other: &Value) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for env in ENVIRONMENTS.iter() {
        for at in 0..EXPRESSIONS.len() + LOOPS.len() + REFUSED.len() {
            let template = env.get_template(&at.to_string()).unwrap();
            let result = template.render(context! { v => value, w => other });
            let result = result.unwrap_or_else(|error| format!("{:?}: {:?}", error.kind(), error.detail()));
            out.push((template.source().to_owned(), result));
        }
    }
    out
}

/// Where templates see a difference between a value and what minijinja makes of the same data. That is given twice, as
/// two values: a list that holds NaN equals itself, and no other.
pub(super) fn differences(ours: &Value, [theirs, other]: [&Value; 2]) -> Vec<String> {
    let pairs = seen(ours, other).into_iter().zip(seen(theirs, other));
    let differing = pairs.filter(|(ours, theirs)| ours != theirs);
    differing
        .map(|((template, ours), (_, theirs))| format!("{template} is {ours:?}, and in minijinja {theirs:?}"))
        .collect()
}

#[test]
fn the_templates_of_the_battery_do_what_they_are_meant_to() {
    for expression in EXPRESSIONS {
        let parsed = ENVIRONMENTS[0].compile_expression(expression);
        assert!(parsed.is_ok(), "{expression}: {parsed:?}");
    }
    // Each one works on some value: one that always fails would compare nothing.
    let values = [
        Value::from(2),
        Value::from(-1.5),
        Value::from("a"),
        Value::from(vec![1, 2]),
        Value::from(vec![Value::from(vec![1, 2]), Value::from(vec![3, 4])]),
        context! { a => 1, b => 2 },
        Value::from(vec![context! { a => 1 }]),
        Value::from_function(|| 1),
    ];
    let results: Vec<_> = values.iter().map(|value| seen(value, value)).collect();
    for at in 0..EXPRESSIONS.len() + LOOPS.len() {
        let works = results.iter().any(|seen| {
            let result = &seen[at].1;
            !result.contains("UnknownFilter") && !result.contains(": Some(") && !result.contains(": None")
        });
        assert!(
            works,
            "{} fails on every value: {:?}",
            results[0][at].0, results[0][at].1
        );
    }
}

#[test]
fn the_battery_tells_values_apart() {
    for (one, other) in [
        (Value::from(1), Value::from(1.0)),
        (Value::from(1), Value::from(true)),
        (Value::from("1"), Value::from(1)),
        (Value::from("a"), Value::from_safe_string("a".to_owned())),
        (Value::from(vec![1]), Value::from(vec![1.0])),
        (Value::from(()), Value::UNDEFINED),
        (Value::from(0.0), Value::from(-0.0)),
        (context! { a => 1, b => 2 }, context! { b => 2, a => 1 }),
    ] {
        assert!(
            !differences(&one, [&other, &other]).is_empty(),
            "{one:?} and {other:?}"
        );
        assert_eq!(differences(&one, [&one, &one]), Vec::<String>::new());
    }
}
