//! Random data of the shape that the grammar's templates read, and how it changes from step to step.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

/// The states of a page's data, the first one included.
pub(super) fn steps() -> impl Strategy<Value = Vec<Value>> {
    let edits = prop::collection::vec(edit(), 1..4);
    (data(), prop::collection::vec(edits, 1..6)).prop_map(|(first, steps)| {
        let mut states = vec![first];
        for edits in &steps {
            let mut next = states[states.len() - 1].clone();
            for edit in edits {
                edit.apply(&mut next, &states);
            }
            states.push(next);
        }
        states
    })
}

/// A whole state.
pub(crate) fn data() -> impl Strategy<Value = Value> {
    let user = (text(), prop::collection::vec(text(), 0..3), text())
        .prop_map(|(name, tags, city)| json!({"name": name, "tags": tags, "address": {"city": city}}));
    let map = prop::collection::btree_map(select(vec!["k1", "k2", "k3", "a<b"]), text(), 0..4);
    let pairs = prop::collection::vec((text(), number()), 0..3);
    let nested = prop::collection::vec((0..9, (text(), 0..9)), 0..3);
    (
        (text(), text(), number(), number(), any::<bool>()),
        (prop::collection::vec(row(), 0..6), prop::collection::vec(text(), 0..4)),
        (user, map, pairs, nested),
        (prop::collection::vec(tree(), 0..3), anything(), html(), url(), part()),
    )
        .prop_map(
            |((t, u, n, m, on), (xs, ys), (user, mp, pairs, nested), (tree, a, html, url, part))| {
                json!({
                    "t": t, "u": u, "n": n, "m": m, "on": on, "xs": xs, "ys": ys, "user": user, "mp": mp,
                    "pairs": pairs, "nested": nested, "tree": tree, "a": a, "html": html, "url": url, "part": part,
                })
            },
        )
}

fn text() -> BoxedStrategy<String> {
    prop_oneof![
        4 => select(vec!["a", "b", "c", ""]).prop_map(str::to_owned),
        3 => "[a-c]{1,4}",
        3 => select(NASTY.to_vec()).prop_map(str::to_owned),
        1 => "\\PC{0,8}",
        1 => (1..400usize).prop_map(|times| "long <b>& ".repeat(times)),
    ]
    .boxed()
}

/// Texts that some part of the way from the data to the document may take for something else.
const NASTY: &[&str] = &[
    " ",
    "\n",
    "\n\na",
    "a\r\nb\rc",
    "<",
    "<b>",
    "</p>",
    "</script>",
    "</textarea>",
    "<!--",
    "-->",
    "<!t>",
    "<!/>",
    "&",
    "&amp;",
    "&lt;b",
    "&copy",
    "&#0;",
    "\"",
    "'",
    "a\" onclick=\"x",
    "`${1}`",
    "\\",
    "{{ t }}",
    "{% if %}",
    "]]>",
    "\u{a0}",
    "\u{2028}",
    "\u{feff}",
    "\u{1b}",
    "é",
    "😀👩‍👩‍👧",
    "\u{202e}",
    "a b\tc",
    "0",
    "javascript:alert(1)",
    "/*",
    "__proto__",
    "st-key",
    "$&",
];

fn number() -> BoxedStrategy<Value> {
    prop_oneof![
        8 => (0..5i64).prop_map(Value::from),
        2 => (-3..3i64).prop_map(Value::from),
        1 => select(vec![json!(1.5), json!(-0.0), json!(1e300), json!(i64::MAX), json!(u64::MAX), json!(0.1)]),
    ]
    .boxed()
}

fn row() -> BoxedStrategy<Value> {
    let card = (0..5u8, text()).prop_map(|(id, t)| json!({"id": id, "t": t}));
    let fields = prop::collection::btree_map(select(vec!["k1", "k2"]), text(), 0..3);
    let lists = (
        prop::collection::vec(text(), 0..3),
        prop::collection::vec(card, 0..3),
    );
    (0..6u8, text(), any::<bool>(), number(), lists, fields)
        .prop_map(|(id, t, on, n, (kids, cards), f)| {
            json!({"id": id, "t": t, "on": on, "n": n, "kids": kids, "cards": cards, "f": f})
        })
        .boxed()
}

fn tree() -> BoxedStrategy<Value> {
    let leaf = text().prop_map(|t| json!({"t": t, "children": []}));
    leaf.prop_recursive(2, 6, 2, |inner| {
        (text(), prop::collection::vec(inner, 0..3))
            .prop_map(|(t, children)| json!({"t": t, "children": children}))
    })
    .boxed()
}

/// A value of any type, for places that hold another one.
fn anything() -> BoxedStrategy<Value> {
    prop_oneof![
        2 => Just(Value::Null),
        2 => any::<bool>().prop_map(Value::from),
        2 => number(),
        3 => text().prop_map(Value::from),
        2 => prop::collection::vec(text(), 0..3).prop_map(Value::from),
        1 => prop::collection::vec(row(), 0..3).prop_map(Value::from),
        1 => (text(), text()).prop_map(|(k, t)| json!({"k1": k, "t": t})),
    ]
    .boxed()
}

/// What `|safe` is asked to trust is always balanced: see "Deviations" in ARCHITECTURE.md.
fn html() -> BoxedStrategy<Value> {
    select(SAFE.to_vec()).prop_map(Value::from).boxed()
}

const SAFE: &[&str] = &[
    "",
    "<b>x</b>",
    "plain",
    "<i>y</i> &amp; <u class=\"z\">z</u>",
    "<em></em>",
];

fn url() -> BoxedStrategy<Value> {
    select(vec![
        "/",
        "/a b?c=d&e=\"f\"",
        "javascript:alert(1)",
        " java\nscript:x",
        "#",
        "https://example.org/ä",
        "",
    ])
    .prop_map(Value::from)
    .boxed()
}

fn part() -> BoxedStrategy<Value> {
    select(vec!["part_a.html", "part_b.html"])
        .prop_map(Value::from)
        .boxed()
}

/// One small change. The indexes choose among what is there when it is applied.
#[derive(Clone, Debug)]
enum Edit {
    /// A text, number or flag becomes another of its kind.
    Scalar(Index, String, Value),
    /// The items of a list change.
    Items(Index, Items),
    /// A value of another type takes a place.
    Retype(Index, Value),
    /// A key goes.
    Remove(Index),
    /// What the special fields hold: HTML, a URL, the name of a template.
    Special(Value, Value, Value),
    /// An earlier state comes back.
    Revert(Index),
    /// All is new.
    Replace(Value),
}

#[derive(Clone, Debug)]
enum Items {
    Insert(Index, Value, String),
    Remove(Index),
    Move(Index, Index),
    Duplicate(Index, Index),
    Reverse,
    Clear,
}

fn edit() -> impl Strategy<Value = Edit> {
    let index = any::<Index>;
    let items = prop_oneof![
        4 => index().prop_map(Items::Remove),
        4 => (index(), row(), text()).prop_map(|(at, row, text)| Items::Insert(at, row, text)),
        4 => (index(), index()).prop_map(|(from, to)| Items::Move(from, to)),
        2 => (index(), index()).prop_map(|(from, to)| Items::Duplicate(from, to)),
        1 => Just(Items::Clear),
        1 => Just(Items::Reverse),
    ];
    prop_oneof![
        12 => (index(), text(), number()).prop_map(|(at, text, number)| Edit::Scalar(at, text, number)),
        10 => (index(), items).prop_map(|(list, items)| Edit::Items(list, items)),
        1 => (html(), url(), part()).prop_map(|(html, url, part)| Edit::Special(html, url, part)),
        2 => (index(), anything()).prop_map(|(at, value)| Edit::Retype(at, value)),
        1 => index().prop_map(Edit::Remove),
        2 => index().prop_map(Edit::Revert),
        1 => data().prop_map(Edit::Replace),
    ]
}

impl Edit {
    fn apply(&self, data: &mut Value, states: &[Value]) {
        match self {
            Edit::Scalar(at, text, number) => {
                change(
                    data,
                    *at,
                    &|value| !value.is_object() && !value.is_array(),
                    &mut |value| {
                        *value = match &*value {
                            Value::Bool(on) => json!(!on),
                            Value::Number(_) => number.clone(),
                            _ => json!(text),
                        };
                    },
                );
            }
            Edit::Items(at, items) => change(data, *at, &Value::is_array, &mut |value| {
                if let Value::Array(list) = value {
                    items.apply(list);
                }
            }),
            Edit::Retype(at, new) => change(data, *at, &|_| true, &mut |value| *value = new.clone()),
            Edit::Remove(at) => {
                let keyed = |value: &Value| value.as_object().is_some_and(|map| !map.is_empty());
                change(data, *at, &keyed, &mut |value| {
                    if let Value::Object(map) = value {
                        let key = map.keys().nth(at.index(map.len())).cloned();
                        key.and_then(|key| map.remove(&key));
                    }
                });
            }
            Edit::Special(html, url, part) => {
                data["html"] = html.clone();
                data["url"] = url.clone();
                data["part"] = part.clone();
            }
            Edit::Revert(to) => data.clone_from(&states[to.index(states.len())]),
            Edit::Replace(new) => data.clone_from(new),
        }
        // The changes above know nothing of places that hold only some values. What loops unpack keeps its form, since
        // an update does not evaluate rows that show nothing, and would not fail where a render does.
        let pair = |value: &Value| value.as_array().is_some_and(|items| items.len() == 2);
        let all = |value: &Value, holds: &dyn Fn(&Value) -> bool| {
            value.as_array().is_some_and(|items| items.iter().all(holds))
        };
        if !all(&data["pairs"], &pair) {
            data["pairs"] = json!([]);
        }
        if !all(&data["nested"], &|item| pair(item) && pair(&item[1])) {
            data["nested"] = json!([]);
        }
        if !SAFE.contains(&data["html"].as_str().unwrap_or_default()) {
            data["html"] = json!("");
        }
    }
}

impl Items {
    fn apply(&self, list: &mut Vec<Value>) {
        if list.is_empty() && !matches!(self, Items::Insert(..)) {
            return;
        }
        match self {
            Items::Insert(at, row, text) => {
                // Rows among rows, and texts among texts.
                let new = match list.first() {
                    Some(Value::Object(_)) | None => row.clone(),
                    Some(Value::Array(_)) => json!([text, 1]),
                    Some(_) => json!(text),
                };
                list.insert(at.index(list.len() + 1), new);
            }
            Items::Remove(at) => {
                list.remove(at.index(list.len()));
            }
            Items::Move(from, to) => {
                let item = list.remove(from.index(list.len()));
                list.insert(to.index(list.len() + 1), item);
            }
            Items::Duplicate(from, to) => {
                let item = list[from.index(list.len())].clone();
                list.insert(to.index(list.len() + 1), item);
            }
            Items::Reverse => list.reverse(),
            Items::Clear => list.clear(),
        }
    }
}

/// Changes one of the values, at whatever depth, that `wanted` accepts.
fn change(data: &mut Value, at: Index, wanted: &dyn Fn(&Value) -> bool, change: &mut dyn FnMut(&mut Value)) {
    let mut count = 0;
    visit(data, &mut |value| count += usize::from(wanted(value)));
    if count == 0 {
        return;
    }
    let mut left = at.index(count) + 1;
    visit(data, &mut |value| {
        if left > 0 && wanted(value) {
            left -= 1;
            if left == 0 {
                change(value);
            }
        }
    });
}

/// Calls `each` for every value below the root, parents first.
fn visit(data: &mut Value, each: &mut dyn FnMut(&mut Value)) {
    let mut inside = |value: &mut Value| {
        each(value);
        visit(value, each);
    };
    match data {
        Value::Array(list) => list.iter_mut().for_each(&mut inside),
        Value::Object(map) => map.values_mut().for_each(&mut inside),
        _ => {}
    }
}
