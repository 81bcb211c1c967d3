//! Every attack of `tests/attacks` in every place of a template: what the HTML parser makes of the page is the page of
//! a harmless value. `tests/end-to-end` has Chromium load the same.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use html5ever::tendril::TendrilSink as _;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use minijinja::Environment;
use serde::Deserialize;
use serde_json::json;

use crate::{Plan, Snapshot};

#[derive(Deserialize)]
struct Place {
    name: String,
    html: String,
    #[serde(default)]
    names: bool,
    #[serde(default)]
    author: bool,
    #[serde(default)]
    plain: bool,
}

fn places() -> Vec<Place> {
    serde_json::from_str(include_str!("../../../../tests/attacks/contexts.json")).unwrap()
}

fn texts(json: &str) -> Vec<String> {
    serde_json::from_str::<Vec<String>>(json).unwrap()
}

fn attacks() -> Vec<String> {
    texts(include_str!("../../../../tests/attacks/attacks.json"))
        .iter()
        .map(|attack| attack.replace("CANARY", "top.postMessage(1337,String.fromCharCode(42))"))
        .collect()
}

fn ordinary() -> Vec<String> {
    texts(include_str!("../../../../tests/attacks/ordinary.json"))
}

const PRELUDE: &str = include_str!("../../../../tests/attacks/prelude.html");
const PART: &str = include_str!("../../../../tests/attacks/part.html");
const PARTS: &str = include_str!("../../../../tests/attacks/parts.html");

fn environment(page: &str) -> Environment<'static> {
    let mut env = Environment::new();
    env.add_template_owned("page.html", page.to_owned()).unwrap();
    env.add_template("part.html", PART).unwrap();
    env.add_template("parts.html", PARTS).unwrap();
    env
}

/// A page with a section for each value.
fn plan(place: &Place) -> Plan {
    let html = &place.html;
    let page = format!(
        "{PRELUDE}<main>{{% for x in values %}}{{% set n = loop.index0 %}}<section>{html}</section>{{% endfor %}}</main>"
    );
    Plan::compile(&environment(&page), "page.html")
        .unwrap_or_else(|error| panic!("{}: {error:#}", place.name))
}

fn render(plan: &Plan, values: &[&str]) -> String {
    let data = Snapshot::of(&json!({"values": values, "part": "part.html"})).unwrap();
    plan.render(&data, "").unwrap_or_else(|error| panic!("{error:#}"))
}

/// What the HTML parser makes of one value's page: elements with their attributes, as lines.
#[derive(Debug, Default)]
struct Shape {
    lines: String,
    /// Attributes by element, and their values.
    attributes: Vec<(String, String, String)>,
    elements: Vec<String>,
    scripts: Vec<String>,
}

fn shape(html: &str) -> Shape {
    let dom = parse_document(RcDom::default(), ParseOpts::default()).one(html);
    let mut shape = Shape::default();
    walk(&dom.document, 0, &mut shape);
    shape
}

fn walk(node: &Handle, depth: usize, shape: &mut Shape) {
    for child in node.children.borrow().iter() {
        let NodeData::Element {
            name,
            attrs,
            template_contents,
            ..
        } = &child.data
        else {
            continue;
        };
        let element = name.local.to_string();
        let mut names = BTreeSet::new();
        for attribute in attrs.borrow().iter() {
            let prefix = attribute.name.prefix.as_ref().map(|prefix| format!("{prefix}:"));
            let name = format!("{}{}", prefix.unwrap_or_default(), attribute.name.local);
            if name != "st" {
                names.insert(name.clone());
                shape
                    .attributes
                    .push((element.clone(), name, attribute.value.to_string()));
            }
        }
        let _ = writeln!(shape.lines, "{}{element} {names:?}", "  ".repeat(depth));
        shape.elements.push(element.clone());
        if element == "script" {
            let text: String = child
                .children
                .borrow()
                .iter()
                .map(|inside| match &inside.data {
                    NodeData::Text { contents } => contents.borrow().to_string(),
                    _ => "<not text>".to_owned(),
                })
                .collect();
            shape.scripts.push(text);
        }
        walk(child, depth + 1, shape);
        if let Some(contents) = template_contents.borrow().as_ref() {
            walk(contents, depth + 1, shape);
        }
    }
}

/// Whether a browser would run a URL.
fn runs(url: &str) -> bool {
    let seen: String = url
        .trim_start_matches(|c: char| c <= ' ')
        .chars()
        .filter(|c| !matches!(c, '\t' | '\n' | '\r'))
        .collect::<String>()
        .to_ascii_lowercase();
    ["javascript:", "vbscript:", "data:text", "view-source:"]
        .iter()
        .any(|scheme| seen.starts_with(scheme))
}

/// A script with the insides of its strings and comments taken out, by rules of its own.
fn code(script: &str) -> String {
    let mut out = String::new();
    let mut rest = script;
    while let Some(c) = rest.chars().next() {
        let skip = match c {
            '"' | '\'' => {
                let mut end = 1;
                let bytes = rest.as_bytes();
                while end < bytes.len() && char::from(bytes[end]) != c {
                    assert!(
                        !matches!(bytes[end], b'\n' | b'\r'),
                        "an open string in {script:?}"
                    );
                    end += if bytes[end] == b'\\' { 2 } else { 1 };
                }
                assert!(end < bytes.len(), "an open string in {script:?}");
                out.push_str("''");
                end + 1
            }
            '/' if rest.starts_with("//") => rest.find(['\n', '\u{2028}', '\u{2029}']).unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '<' if rest.starts_with("<!--") => rest.find('\n').unwrap_or(rest.len()),
            c => {
                out.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[skip..];
    }
    out
}

#[test]
fn no_attack_changes_the_page() {
    let mut failures = String::new();
    let attacks = attacks();
    for place in places() {
        let plan = plan(&place);
        let harmless = shape(&render(&plan, &["harmless"]));
        for attack in &attacks {
            // A number is a fine end of a name.
            if place.names && attack.parse::<i32>().is_ok() {
                continue;
            }
            let html = render(&plan, &[attack]);
            let found = shape(&html);
            let mut wrong: Vec<String> = Vec::new();
            if place.names {
                if found.elements.len() != harmless.elements.len() {
                    wrong.push("other elements".to_owned());
                }
                for element in &found.elements {
                    if super::names::tag(element) != *element
                        && !harmless.elements.contains(element)
                        && !element.starts_with("hst-blocked")
                    {
                        wrong.push(format!("the element {element}"));
                    }
                }
                for (element, name, value) in &found.attributes {
                    let known = harmless.attributes.iter().any(|(_, known, _)| known == name);
                    let handler = name.starts_with("on") && name != "onst-blocked";
                    let special = matches!(name.as_str(), "style" | "srcdoc" | "src" | "type");
                    if !known && (handler || special) {
                        wrong.push(format!("{name}={value:?} of {element}"));
                    }
                }
            } else if found.lines != harmless.lines {
                wrong.push(format!("another page:\n{}", found.lines));
            }
            for (element, name, value) in &found.attributes {
                // A set of sources is split at white space, so that no address in it has any inside.
                let address = matches!(
                    name.as_str(),
                    "href"
                        | "xlink:href"
                        | "src"
                        | "action"
                        | "formaction"
                        | "data"
                        | "to"
                        | "values"
                        | "poster"
                );
                if address && !place.author && runs(value) {
                    wrong.push(format!("{name}={value:?} of {element}"));
                }
            }
            if !wrong.is_empty() {
                let _ = writeln!(
                    failures,
                    "{} with {attack:?}: {}\n  in {html}",
                    place.name,
                    wrong.join(", ")
                );
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn no_attack_becomes_code() {
    for place in places() {
        // The rules of this test know no templates and regular expressions; Chromium does.
        let script = place.html.starts_with("<script>")
            && !place.html.contains(['`', '^'])
            && !place.html.contains("/[");
        if !script || place.html.contains("{% for") {
            continue;
        }
        let plan = plan(&place);
        let harmless = shape(&render(&plan, &["harmless"])).scripts;
        for attack in attacks() {
            let scripts = shape(&render(&plan, &[&attack])).scripts;
            assert_eq!(scripts.len(), harmless.len(), "{}: {attack:?}", place.name);
            for (script, harmless) in scripts.iter().zip(&harmless) {
                let same = code(script) == code(harmless);
                assert!(same, "{} with {attack:?}: {script}", place.name);
            }
        }
    }
}

#[test]
fn ordinary_values_are_printed_as_ever() {
    for place in places().iter().filter(|place| place.plain) {
        let plan = plan(place);
        for value in ordinary() {
            let data = Snapshot::of(&json!({"values": [value], "part": "part.html"})).unwrap();
            let ours = unmarked(&plan.render(&data, "").unwrap());
            let plain = plan.render_plain(&data).unwrap();
            // Of an unquoted value that is not there the parser makes something else altogether.
            if place.name.contains("without quotes") && (value.is_empty() || value.contains(' ')) {
                continue;
            }
            assert_eq!(ours, plain, "{}: {value:?}", place.name);
        }
    }
}

/// A page without the client's marks.
fn unmarked(html: &str) -> String {
    let mut out = html.to_owned();
    for mark in ["t", "o", "i", "l", "r", "q", "/"] {
        out = out.replace(&format!("<!{mark}>"), "");
    }
    out = out.replace(" st>", ">").replace(" st/>", "/>");
    while let Some(at) = out.find(" st=") {
        let end = out[at + 4..]
            .find([' ', '>', '/'])
            .map_or(out.len(), |end| at + 4 + end);
        // In front of `/>` the mark brings a space of its own.
        let end = end + usize::from(out[end..].starts_with(" />"));
        out.replace_range(at..end, "");
    }
    out
}

#[test]
fn what_is_printed_otherwise_than_by_minijinja() {
    let mut out = String::new();
    let shown = [
        "harmless",
        "two words",
        "-1",
        "<b>'\"&`",
        "javascript:alert(1)",
        "x onclick=alert(1)",
        "red; top: 0",
    ];
    for place in places() {
        let plan = plan(&place);
        let _ = writeln!(out, "{}: {}", place.name, place.html.replace('\n', "\\n"));
        for value in shown {
            let data = Snapshot::of(&json!({"values": [value], "part": "part.html"})).unwrap();
            let inside = |html: &str| {
                let start = html.find("<section>").unwrap() + "<section>".len();
                let end = html.rfind("</section>").unwrap();
                html[start..end].replace('\n', "\\n")
            };
            let ours = inside(&unmarked(&plan.render(&data, "").unwrap()));
            let plain = inside(&plan.render_plain(&data).unwrap());
            if ours != plain {
                let _ = writeln!(out, "  {value}\n    minijinja {plain}\n    here      {ours}");
            }
        }
    }
    insta::assert_snapshot!("escape_exceptions", out);
}
