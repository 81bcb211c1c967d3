//! Deep nesting: what is deep works, what is too deep for the engine is replaced as a whole or refused in words.

use minijinja::Environment;
use serde_json::json;
use statetemplate_core::{ErrorKind, Plan};

use crate::oracle::Page;

/// A page with `depth` of something in each other, around a text.
fn nested(depth: usize, open: &str, close: &str) -> String {
    let (open, close) = (open.repeat(depth), close.repeat(depth));
    format!("<body>{open}{{{{ t }}}}{close}</body>")
}

/// Follows the page through changes of its text, and of what its branches and lists show; gives the first operations.
fn replay(source: String) -> Vec<String> {
    let mut env = Environment::new();
    env.add_template_owned("page.html", source).unwrap();
    let mut page = Page::open(&env, "page.html", &json!({"t": "a", "on": true, "xs": [1]}));
    let sent = page.update(&json!({"t": "b", "on": true, "xs": [1]}));
    page.update(&json!({"t": "b", "on": false, "xs": []}));
    page.update(&json!({"t": "c", "on": true, "xs": [1]}));
    sent.operations
}

#[test]
fn hundreds_of_elements_are_followed() {
    assert_eq!(replay(nested(255, "<div>", "</div>")), [r#"0 text "b""#]);
}

#[test]
fn elements_nested_deeper_are_replaced_as_a_whole() {
    for depth in [257, 600] {
        let operations = replay(nested(depth, "<div>", "</div>"));
        assert_eq!(operations.len(), 1);
        let inside = nested(depth - 257, "<div>", "</div>").replace("{{ t }}", "b");
        let inside = inside.trim_start_matches("<body>").trim_end_matches("</body>");
        assert_eq!(operations[0], format!("0 region {inside:?}"));
    }
}

#[test]
fn elements_that_never_end_are_replaced_as_a_whole() {
    let operations = replay(nested(700, "<div>", ""));
    assert_eq!(operations, ["refresh"]);
}

#[test]
fn branches_and_lists_are_followed_as_deep_as_frames_may_be() {
    for (open, close, step) in [
        ("{% if on %}<i>", "</i>{% endif %}", "0"),
        ("{% for x in xs %}<i>", "</i>{% endfor %}", "0[0]"),
        (
            "{% for x in xs %}{% if on %}<i>",
            "</i>{% endif %}{% endfor %}",
            "0[0].0",
        ),
    ] {
        let levels = 32 / open.matches("{%").count();
        let path = vec![step; levels].join(".");
        assert_eq!(
            replay(nested(levels, open, close)),
            [format!("{path}.0 text \"b\"")]
        );
        let deeper = replay(nested(levels + 10, open, close));
        assert_eq!(deeper.len(), 1);
        assert!(deeper[0].starts_with(&format!("{path}.0 region ")), "{deeper:?}");
    }
}

#[test]
fn what_minijinja_takes_we_take() {
    for (open, close) in [
        ("{% if on %}<i>", "</i>{% endif %}"),
        ("{% for x in xs %}<i>", "</i>{% endfor %}"),
        ("{% if on %}", "{% endif %}"),
        ("{% for x in xs %}", "{% endfor %}"),
        ("{% with y = 1 %}", "{% endwith %}"),
        ("{% filter upper %}", "{% endfilter %}"),
        ("{% autoescape true %}", "{% endautoescape %}"),
        ("{% set v %}", "{% endset %}"),
        ("<i {% if on %}title='{% endif %}'>", "</i>"),
    ] {
        replay(nested(145, open, close));
    }
}

#[test]
fn what_is_too_deep_for_minijinja_is_refused_with_its_place() {
    let mut env = Environment::new();
    env.set_loader(|name| {
        Ok((name == "page.html").then(|| nested(1000, "{% if on %}\n<i>", "</i>{% endif %}")))
    });
    let error = Plan::compile(&env, "page.html").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Template);
    assert_eq!(error.template().unwrap().name(), "page.html");
    assert!(error.to_string().contains("maximum recursion"), "{error}");
}
