//! What travels when data changes is no more than it must be.

use serde_json::json;

use crate::oracle::{Page, environment};

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
