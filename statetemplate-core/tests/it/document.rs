//! What a test sees and does with a document: selectors, forms, and rows where HTML is particular.

use serde_json::json;
use statetemplate_core::testing::Document;

fn parse(html: &str) -> Document {
    Document::parse(html).unwrap()
}

#[test]
fn an_action_bubbles_to_the_nearest_listener() {
    let page = parse(
        "<div st-click=outer><button id=a st-click=add st-value-by=1 st-value-task-id=x><b>+</b></button><i>i</i></div><p>",
    );
    assert_eq!(
        page.action_of("#a b", "click"),
        Some(("add".into(), json!({"by": "1", "task-id": "x"})))
    );
    assert_eq!(page.action_of("i", "click"), Some(("outer".into(), json!({}))));
    assert_eq!(page.action_of("p", "click"), None);
    assert_eq!(page.action_of("#a", "submit"), None);
    assert_eq!(page.action_of("#nowhere", "click"), None);
}

const FORM: &str = r#"<form st-submit=save st-value-list=l>
    <input name=title value=old><input name=off disabled value=x><input value=unnamed>
    <fieldset disabled><input name=inside value=x></fieldset>
    <input type=checkbox name=done><input type=CHECKBOX name=tag value=a checked><input type=checkbox name=tag value=b>
    <input type=radio name=level value=low checked><input type=radio name=level value=high>
    <textarea name=note>
first</textarea>
    <select name=one><option disabled>no<option value=1>One<option>  two   words </select>
    <select name=many multiple><option selected>m<option>n</select>
    <input type=file name=doc><input type=submit name=go value=go>
    <button id=plain name=how value=plain st-value-list=b>Save</button><button name=how value=other>Other</button>
    </form>"#;

#[test]
fn a_form_sends_its_successful_controls() {
    let page = parse(FORM);
    let expected = json!({
        "title": "old", "tag": "a", "level": "low", "note": "first", "one": "1", "many": ["m"], "list": "l",
    });
    assert_eq!(page.action_of("form", "submit"), Some(("save".into(), expected)));
    let (_, by_button) = page.action_of("#plain", "submit").unwrap();
    assert_eq!(
        (&by_button["how"], &by_button["list"]),
        (&json!("plain"), &json!("b"))
    );
}

#[test]
fn what_a_person_filled_in_is_what_is_sent() {
    let mut page = parse(FORM);
    page.fill("[name=title]", "new").unwrap();
    page.fill("textarea", "second\nline").unwrap();
    page.fill("[name=one]", "two words").unwrap();
    page.check("[name=done]", true).unwrap();
    page.check("[name=tag][value=b]", true).unwrap();
    page.check("[name=level][value=high]", true).unwrap();
    let (_, sent) = page.action_of("form", "submit").unwrap();
    assert_eq!(
        sent,
        json!({
            "title": "new", "note": "second\nline", "one": "two words", "done": "on", "tag": ["a", "b"],
            "level": "high", "many": ["m"], "list": "l",
        })
    );
    page.check("[name=tag][value=a]", false).unwrap();
    let (_, sent) = page.action_of("form", "submit").unwrap();
    assert_eq!(sent["tag"], "b");
    assert!(page.fill("form", "x").unwrap_err().to_string().contains("<form>"));
    assert!(
        page.fill("#nowhere", "x")
            .unwrap_err()
            .to_string()
            .contains("#nowhere")
    );
    assert!(page.check("textarea", true).is_err());
}

#[test]
fn a_field_sends_its_own_value() {
    let mut page = parse(
        "<div st-change=set st-value-a=1><input type=checkbox name=done st-value-b=2><input id=free>\
         <select multiple name=m><option selected>x<option>y</select><input type=radio name=r value=v></div>",
    );
    let sent = |page: &Document, field: &str| page.action_of(field, "change").unwrap().1;
    assert_eq!(
        sent(&page, "[name=done]"),
        json!({"a": "1", "b": "2", "done": false})
    );
    page.check("[name=done]", true).unwrap();
    assert_eq!(
        sent(&page, "[name=done]"),
        json!({"a": "1", "b": "2", "done": true})
    );
    page.fill("#free", "typed").unwrap();
    assert_eq!(sent(&page, "#free"), json!({"a": "1", "value": "typed"}));
    assert_eq!(sent(&page, "select"), json!({"a": "1", "m": ["x"]}));
    page.fill("select", "y").unwrap();
    assert_eq!(sent(&page, "select"), json!({"a": "1", "m": ["y"]}));
    assert_eq!(sent(&page, "[name=r]"), json!({"a": "1", "r": "v"}));
}

#[test]
fn typed_text_survives_an_update() {
    let mut page = parse("<form st-submit=save><input name=a value=1 st=1></form>");
    page.fill("[name=a]", "mine").unwrap();
    page.apply(r#"[2,{"0":"2"}]"#).unwrap();
    assert_eq!(page.attribute("input", "value"), Some("2".into()));
    assert_eq!(page.action_of("form", "submit").unwrap().1, json!({"a": "mine"}));
}

#[test]
fn selectors_combine() {
    let page = parse(
        "<ul id=tasks><li class='task done'><input type=checkbox></li><li class=task><a href=x>A</a></li></ul><li class=done>",
    );
    let count = |selector: &str| page.elements(selector).len();
    assert_eq!(count("li"), 3);
    assert_eq!(count("#tasks li.task"), 2);
    assert_eq!(count("#tasks .task.done input[type=checkbox]"), 1);
    assert_eq!(count("li.done"), 2);
    assert_eq!(count("ul [href]"), 1);
    assert_eq!(count("* a[href=\"x\"]"), 1);
    assert_eq!(count("ul ul"), 0);
    assert_eq!(page.text("#tasks a"), Some("A".into()));
    let element = &page.elements("a")[0];
    assert_eq!(
        (element.tag(), element.attribute("href"), element.text()),
        ("a", Some("x"), "A")
    );
}

#[test]
#[should_panic(expected = "is malformed")]
fn a_malformed_selector_is_no_empty_answer() {
    let _ = parse("<p>").elements("p > b");
}

#[test]
fn rows_are_parsed_where_they_stand() {
    let mut page =
        parse("<table><tbody><!l><!/></tbody></table><svg><!l><!/></svg><select><!l><!/></select>");
    page.apply(r#"["s",{"1":["a","<!r><tr><td st=\".\"></td></tr>",0],"2":["b","<!r><circle r=\"\" st=\"0\"/>",0],"3":["c","<!r><option st=\".\"></option>",0]}]"#)
        .unwrap();
    page.apply(r#"[2,{"0":[[["x"]],{},1],"1":[[["1"],["2"]],{},2],"2":[[["o"]],{},3]}]"#)
        .unwrap();
    page.apply(r#"[3,{"0":{"0":{"0":"y"}},"1":[[1,1,0,1],{"0":{"0":"3"}}],"2":{"0":{"0":"p"}}}]"#)
        .unwrap();
    assert_eq!(
        page.inner_html("body").unwrap(),
        "<table><tbody><tr><td>y</td></tr></tbody></table>\
         <svg><circle r=\"3\"></circle><circle r=\"1\"></circle></svg><select><option>p</option></select>"
    );
}

#[test]
fn normalised_pages_are_equal_when_they_look_alike() {
    let annotated = "<html><head><script data-page=p data-plan=q data-revision=7 src=x></script></head>\
                     <body><p b=2 a=1 st=1.>x</p>a<!t>b<!--kept-->c";
    assert_eq!(
        Document::normalise(annotated),
        "<html><head></head><body><p a=\"1\" b=\"2\">x</p>ab<!--kept-->c</body></html>"
    );
    let page = parse(annotated);
    assert_eq!(page.revision(), 7);
    assert_eq!(page.client().page.as_deref(), Some("p"));
    assert_eq!(page.client().plan.as_deref(), Some("q"));
    assert_eq!(page.html(), Document::normalise(annotated));
}
