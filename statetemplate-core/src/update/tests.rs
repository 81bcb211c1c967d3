//! What updates say at each level.

use minijinja::Environment;
use serde_json::{Value, json};

use super::{OptimizationLevel, Update, UpdateAction, UpdateKind};
use crate::{Plan, Snapshot, diff};

const PAGE: &str = "<h1 class=\"{{ c }}\" style=\"{{ s }}\">{{ t }}</h1>\
    {% if b %}<p>{{ b }}</p>{% endif %}\
    <ul>{% for x in xs %}<li id=\"{{ x.id }}\"{% if x.on %} data-on{% endif %}>{{ x.n }}</li>{% else %}<li>none</li>{% endfor %}</ul>";

fn plan(source: &str) -> Plan {
    let mut env = Environment::new();
    env.add_template_owned("page.html", source.to_owned()).unwrap();
    Plan::compile(&env, "page.html").unwrap()
}

fn data() -> Value {
    json!({"c": "big red", "s": "color: red", "t": "Title", "b": "branch",
        "xs": [{"id": "a", "n": 1}, {"id": "b", "n": 2}, {"id": "c", "n": 3}]})
}

fn updates_of(source: &str, old: &Value, new: &Value, level: OptimizationLevel) -> Vec<Update> {
    let plan = plan(source);
    let old = Snapshot::of(old).unwrap();
    let new = old.next(new).unwrap();
    let patch = diff(&plan, &old, &new).unwrap();
    Update::from_patch(&plan, &patch, &old, &new, level, &mut 0).unwrap()
}

fn updates(level: OptimizationLevel, change: impl Fn(&mut Value)) -> Vec<Update> {
    let mut new = data();
    change(&mut new);
    updates_of(PAGE, &data(), &new, level)
}

/// An update without what differs from run to run, or follows from the rest.
fn words(update: &Update) -> Value {
    let mut json = serde_json::to_value(update).unwrap();
    let fields = json.as_object_mut().unwrap();
    for name in ["sequence_number", "content_hash", "bytes_saved", "timestamp"] {
        assert!(fields.remove(name).is_some(), "{name}");
    }
    json
}

fn all_words(updates: &[Update]) -> Value {
    updates.iter().map(words).collect()
}

use OptimizationLevel::{Content, Maximal, None as Whole, Structural};

#[test]
fn a_text_is_content_and_at_the_coarsest_level_the_whole_fragment() {
    for level in [Content, Structural, Maximal] {
        assert_eq!(
            all_words(&updates(level, |d| d["t"] = "New <b>".into())),
            json!([{"fragment_id": "page", "action": "replace", "kind": "content",
                "content": {"text_nodes": {"2": "New <b>"}}}])
        );
    }
    let whole = updates(Whole, |d| d["t"] = "New <b>".into());
    assert_eq!(whole.len(), 1);
    assert_eq!(
        (whole[0].fragment_id.as_str(), whole[0].kind),
        ("page", UpdateKind::Full)
    );
    assert!(whole[0].html.as_deref().unwrap().contains("New &lt;b&gt;</h1>"));
    assert_eq!(whole[0].bytes_saved, 0);
}

#[test]
fn a_row_changes_alone() {
    let change = |d: &mut Value| {
        d["xs"][1] = json!({"id": "b", "n": 22, "on": true});
    };
    for level in [Content, Structural, Maximal] {
        assert_eq!(
            all_words(&updates(level, change)),
            json!([{"fragment_id": "4[1]", "action": "replace", "kind": "incremental",
                "content": {"text_nodes": {"4[1].2": "22"}}, "structure": {"attributes": {"4[1].1": {"data-on": ""}}}}])
        );
    }
    assert_eq!(
        all_words(&updates(Whole, change)),
        json!([{"fragment_id": "4[1]", "action": "replace", "kind": "full",
            "html": "<li id=\"b\" data-on st=!0?.>22</li>"}])
    );
}

#[test]
fn classes_and_styles_are_differences_only_at_the_finest_level() {
    let change = |d: &mut Value| {
        d["c"] = "big blue".into();
        d["s"] = "color: blue; top: 0".into();
    };
    for level in [Content, Structural] {
        assert_eq!(
            all_words(&updates(level, change)),
            json!([{"fragment_id": "page", "action": "replace", "kind": "content", "content": {"attributes": {
                "0": {"class": "big blue"}, "1": {"style": "color: blue; top: 0"}}}}])
        );
    }
    assert_eq!(
        all_words(&updates(Maximal, change)),
        json!([{"fragment_id": "page", "action": "replace", "kind": "incremental", "styling": {
            "class_additions": {"0": ["blue"]}, "class_removals": {"0": ["red"]},
            "inline_styles": {"1": {"color": "blue", "top": "0"}}}}])
    );
}

#[test]
fn branches_come_change_and_go() {
    for (level, kind) in [
        (Whole, "full"),
        (Content, "full"),
        (Structural, "structural"),
        (Maximal, "structural"),
    ] {
        let hidden = {
            let mut hidden = data();
            hidden["b"] = "".into();
            hidden
        };
        assert_eq!(
            all_words(&updates_of(PAGE, &data(), &hidden, level)),
            json!([{"fragment_id": "3", "action": "remove", "kind": "structural"}])
        );
        assert_eq!(
            all_words(&updates_of(PAGE, &hidden, &data(), level)),
            json!([{"fragment_id": "3", "action": "replace", "kind": kind, "html": "<p st>branch</p>"}])
        );
    }
    assert_eq!(
        all_words(&updates(Maximal, |d| d["b"] = "B".into())),
        json!([{"fragment_id": "3", "action": "replace", "kind": "content", "content": {"text_nodes": {"3.0": "B"}}}])
    );
    assert_eq!(
        all_words(&updates(Whole, |d| d["b"] = "B".into())),
        json!([{"fragment_id": "3", "action": "replace", "kind": "full", "html": "<p st>B</p>"}])
    );
}

#[test]
fn rows_come_move_and_go() {
    let insert = |d: &mut Value| {
        d["xs"]
            .as_array_mut()
            .unwrap()
            .insert(1, json!({"id": "<", "n": "&"}));
    };
    let row = "<li id=\"&lt;\" st=!0?.>&amp;</li>";
    let remove = |d: &mut Value| drop(d["xs"].as_array_mut().unwrap().remove(0));
    let rotate = |d: &mut Value| d["xs"].as_array_mut().unwrap().rotate_right(1);
    let clear = |d: &mut Value| d["xs"] = json!([]);
    for level in [Structural, Maximal] {
        assert_eq!(
            all_words(&updates(level, insert)),
            json!([{"fragment_id": "4", "action": "insertBefore", "target_id": "4[1]", "kind": "structural", "html": row}])
        );
        assert_eq!(
            all_words(&updates(level, remove)),
            json!([{"fragment_id": "4[0]", "action": "remove", "kind": "structural"}])
        );
        assert_eq!(
            all_words(&updates(level, rotate)),
            json!([{"fragment_id": "4[2]", "action": "move", "target_id": "4[0]", "kind": "structural"}])
        );
    }
    for level in [Whole, Content] {
        for change in [&insert as &dyn Fn(&mut Value), &remove, &rotate] {
            let made = updates(level, change);
            assert_eq!(made.len(), 1);
            assert_eq!(
                (made[0].fragment_id.as_str(), made[0].kind),
                ("4", UpdateKind::Full)
            );
        }
        assert_eq!(
            updates(level, insert)[0]
                .html
                .as_deref()
                .unwrap()
                .matches("st=!")
                .count(),
            4
        );
    }
    assert_eq!(
        all_words(&updates(Maximal, clear)),
        json!([{"fragment_id": "4", "action": "replace", "kind": "structural", "html": "<li>none</li>"}])
    );
}

#[test]
fn rows_that_follow_an_else_replace_it() {
    let empty = {
        let mut empty = data();
        empty["xs"] = json!([]);
        empty
    };
    let made = updates_of(PAGE, &empty, &data(), Maximal);
    assert_eq!(made.len(), 1);
    assert_eq!(
        (made[0].fragment_id.as_str(), made[0].action),
        ("4", UpdateAction::Replace)
    );
    assert_eq!(made[0].html.as_deref().unwrap().matches("st=!").count(), 3);
}

#[test]
fn a_row_that_changes_is_addressed_where_it_went() {
    let made = updates(Maximal, |d| {
        let rows = d["xs"].as_array_mut().unwrap();
        rows.remove(0);
        rows[1]["n"] = 33.into();
    });
    assert_eq!(
        all_words(&made),
        json!([{"fragment_id": "4[0]", "action": "remove", "kind": "structural"},
            {"fragment_id": "4[1]", "action": "replace", "kind": "content", "content": {"text_nodes": {"4[1].2": "33"}}}])
    );
    assert_eq!(
        made.iter()
            .map(|update| update.sequence_number)
            .collect::<Vec<_>>(),
        [1, 2]
    );
}

#[test]
fn nested_lists_and_an_else_have_addresses() {
    let source = "<main>{% if on %}{% for g in gs %}<b>{{ g.n }}</b>{% for i in g.is %}<i>{{ i }}</i>{% endfor %}{% endfor %}{% endif %}\
                  {% for x in [] %}{% else %}<u>{{ t }}</u>{% endfor %}</main>";
    let data =
        |i: i32, t: &str| json!({"on": true, "t": t, "gs": [{"n": 1, "is": [0]}, {"n": 2, "is": [0, i]}]});
    assert_eq!(
        all_words(&updates_of(source, &data(1, "x"), &data(2, "y"), Maximal)),
        json!([{"fragment_id": "0.0[1].1[1]", "action": "replace", "kind": "content",
                "content": {"text_nodes": {"0.0[1].1[1].0": "2"}}},
            {"fragment_id": "1.else", "action": "replace", "kind": "content", "content": {"text_nodes": {"1.else.0": "y"}}}])
    );
}

#[test]
fn equal_fragments_have_equal_hashes() {
    let one = updates(Whole, |d| d["xs"][0]["n"] = 7.into());
    let other = updates(Maximal, |d| d["xs"][0]["n"] = 7.into());
    assert_eq!(one[0].content_hash, other[0].content_hash);
    assert_eq!(one[0].content_hash.len(), 22);
    let third = updates(Maximal, |d| d["xs"][0]["n"] = 8.into());
    assert_ne!(other[0].content_hash, third[0].content_hash);
    let text = updates(Maximal, |d| d["t"] = "x".into());
    assert!(text[0].bytes_saved > 100, "{text:?}");
}

#[test]
fn nothing_new_is_a_no_op() {
    let made = updates(Maximal, |d| d["unseen"] = 1.into());
    assert_eq!(
        all_words(&made),
        json!([{"fragment_id": "page", "action": "replace", "kind": "no-op"}])
    );
}

#[test]
fn a_page_that_cannot_be_followed_is_sent_whole() {
    let source = "{% set ns = namespace(n=0) %}{% set other = ns %}{% for x in xs %}{% set ns.n = ns.n + x %}{% endfor %}<p>{{ other.n }}</p>";
    let made = updates_of(source, &json!({"xs": [1]}), &json!({"xs": [1, 2]}), Maximal);
    assert_eq!(
        all_words(&made),
        json!([{"fragment_id": "page", "action": "replace", "kind": "full", "html": "<p>3</p>"}])
    );
}

#[test]
fn updates_survive_serialisation() {
    let made = updates(Maximal, |d| {
        d["c"] = "blue".into();
        d["b"] = "".into();
        d["xs"] = json!([{"id": "z", "n": 0, "on": true}, {"id": "c", "n": 4}, {"id": "a", "n": 1}]);
    });
    assert!(made.len() >= 4, "{made:?}");
    let json = serde_json::to_string(&made).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Update>>(&json).unwrap(), made);
    for (level, name) in [
        (Whole, "none"),
        (Content, "content"),
        (Structural, "structural"),
        (Maximal, "maximal"),
    ] {
        assert_eq!(serde_json::to_value(level).unwrap(), name);
    }
    assert_eq!(OptimizationLevel::default(), Maximal);
}
