//! Escaping by context: which filter a value needs for the place where it stands, and those filters.
//!
//! The contexts and the attacks that they stop are those of Go's `html/template`
//! (<https://pkg.go.dev/html/template>); the rules here are fewer, and written for this engine.

use std::rc::Rc;

use minijinja::{Environment, Value};

use super::machinery::ast::{self, Expr};
use super::node::{For, If, Node, Nodes, emitted};

/// What a URL with an unsafe scheme becomes.
const BLOCKED_URL: &str = "#st-blocked";
/// What a style value that could run code becomes.
const BLOCKED_STYLE: &str = "st-blocked";

const URL: &str = "statetemplate_url";
const SRCSET: &str = "statetemplate_srcset";
const SRCDOC: &str = "statetemplate_srcdoc";
const UNQUOTED: &str = "statetemplate_unquoted";
/// Quotes what a page prints without quotes where there is nothing: an attribute would take the next one as its value.
pub(super) const QUOTED: &str = "statetemplate_quoted";
pub(super) const CSS: &str = "statetemplate_css";
const CSS_ATTRIBUTE: &str = "statetemplate_css_attribute";
const JS_VALUE: &str = "statetemplate_js_value";
const JS_STRING: &str = "statetemplate_js_string";
const JS_VALUE_ATTRIBUTE: &str = "statetemplate_js_value_attribute";
const JS_STRING_ATTRIBUTE: &str = "statetemplate_js_string_attribute";

/// Gives the plan's own environment the filters that guarded nodes use.
pub(super) fn register(env: &mut Environment<'static>) {
    env.add_filter(URL, |html: String| Value::from_safe_string(url(html)));
    env.add_filter(SRCSET, |html: String| Value::from_safe_string(srcset(html)));
    // Escaped once already: as a plain string it is escaped once more for the attribute.
    env.add_filter(SRCDOC, |html: String| Value::from(html));
    env.add_filter(UNQUOTED, |value: Value| unquoted(&value));
    env.add_filter(QUOTED, |html: String| {
        Value::from_safe_string(if html.is_empty() { "\"\"".to_owned() } else { html })
    });
    env.add_filter(CSS, |value: Value| {
        Value::from_safe_string(css(&value).replace('<', "\\3c "))
    });
    env.add_filter(CSS_ATTRIBUTE, |value: Value| Value::from(css(&value)));
    env.add_filter(JS_VALUE, |value: Value| {
        js_value(&value).map(Value::from_safe_string)
    });
    env.add_filter(JS_STRING, |value: Value| {
        Value::from_safe_string(js_string(&value))
    });
    env.add_filter(JS_VALUE_ATTRIBUTE, |value: Value| {
        js_value(&value).map(Value::from)
    });
    env.add_filter(JS_STRING_ATTRIBUTE, |value: Value| Value::from(js_string(&value)));
}

/// Guards the value of an attribute as its name demands.
pub(super) fn guard_attribute<'a>(
    element: &str,
    name: &str,
    quote: Option<char>,
    value: Vec<Node<'a>>,
) -> Vec<Node<'a>> {
    let local = name.strip_prefix("xlink:").unwrap_or(name);
    let mut value = if is_event_handler(local) {
        guard_js(&value, true)
    } else if local == "style" {
        guard_each(&value, CSS_ATTRIBUTE)
    } else if local == "srcdoc" {
        vec![Node::Captured(SRCDOC, value.into())]
    } else if matches!(local, "srcset" | "imagesrcset") && !is_trusted(&value) {
        vec![Node::Captured(SRCSET, value.into())]
    } else if is_url(element, local) && !starts_safely(&value) && !is_trusted(&value) {
        vec![Node::Captured(URL, value.into())]
    } else {
        value
    };
    if quote.is_none() {
        value = guard_each(&value, UNQUOTED);
    }
    value
}

/// Guards the values in a `<script>` by where they stand in the JavaScript.
pub(super) fn guard_script<'a>(nodes: &[Node<'a>]) -> Vec<Node<'a>> {
    guard_js(nodes, false)
}

/// Sends each value that is not trusted through a filter.
pub(super) fn guard_each<'a>(nodes: &[Node<'a>], filter: &'static str) -> Vec<Node<'a>> {
    nodes
        .iter()
        .map(|node| match node {
            Node::Emit(statement) => guarded(filter, statement),
            other => rebuild(other, &mut |inside| guard_each(inside, filter).into()),
        })
        .collect()
}

fn guarded<'a>(filter: &'static str, statement: &'a ast::Stmt<'static>) -> Node<'a> {
    let expr = &emitted(statement).expr;
    if ends_in(expr, "safe") || (filter != UNQUOTED && ends_in(expr, "tojson")) {
        Node::Emit(statement)
    } else {
        Node::Guarded(filter, statement)
    }
}

/// The same node around other insides.
fn rebuild<'a>(node: &Node<'a>, change: &mut dyn FnMut(&Nodes<'a>) -> Nodes<'a>) -> Node<'a> {
    match node {
        Node::If(branch) => Node::If(Rc::new(If {
            arms: branch
                .arms
                .iter()
                .map(|(condition, body)| (*condition, change(body)))
                .collect(),
            otherwise: change(&branch.otherwise),
        })),
        Node::For(lp) => Node::For(Rc::new(For {
            syntax: lp.syntax,
            body: change(&lp.body),
            otherwise: change(&lp.otherwise),
        })),
        Node::AutoEscape(block, body) => Node::AutoEscape(block, change(body)),
        Node::Filter(block, body) => Node::Filter(block, change(body)),
        other => other.clone(),
    }
}

/// Whether an expression's last filter is `name`: the author's word on what it prints.
fn ends_in(expr: &Expr<'static>, name: &str) -> bool {
    matches!(expr, Expr::Filter(filter) if filter.name == name)
}

fn is_trusted(value: &[Node<'_>]) -> bool {
    matches!(value, [Node::Emit(statement)] if ends_in(&emitted(statement).expr, "safe"))
}

fn is_event_handler(name: &str) -> bool {
    name.len() > 2 && name.starts_with("on")
}

fn is_url(element: &str, name: &str) -> bool {
    matches!(
        name,
        "action"
            | "archive"
            | "background"
            | "cite"
            | "classid"
            | "codebase"
            | "formaction"
            | "href"
            | "icon"
            | "longdesc"
            | "manifest"
            | "poster"
            | "profile"
            | "src"
            | "usemap"
            | "ping"
    ) || (name == "data" && element == "object")
        || (matches!(name, "to" | "from" | "values" | "by") && matches!(element, "animate" | "set"))
}

/// Whether the template's own text settles the scheme before anything dynamic comes.
fn starts_safely(value: &[Node<'_>]) -> bool {
    matches!(value.first(), Some(Node::Raw(text)) if text.contains(['/', '?', '#', ':']))
}

fn url(html: String) -> String {
    if has_safe_scheme(&html_escape::decode_html_entities(&html)) {
        html
    } else {
        BLOCKED_URL.to_owned()
    }
}

fn srcset(html: String) -> String {
    let decoded = html_escape::decode_html_entities(&html);
    let safe = decoded.split(',').all(has_safe_scheme);
    if safe { html } else { BLOCKED_URL.to_owned() }
}

/// Whether a URL has no scheme, or one that runs no code. Browsers pass over whitespace and control characters.
fn has_safe_scheme(url: &str) -> bool {
    let clean: String = url
        .chars()
        .filter(|c| !c.is_whitespace() && !c.is_control())
        .collect();
    let Some(end) = clean.find([':', '/', '?', '#']) else {
        return true;
    };
    if !clean[end..].starts_with(':') {
        return true;
    }
    let scheme = clean[..end].to_ascii_lowercase();
    if scheme == "data" {
        return clean
            .get(5..11)
            .is_some_and(|kind| kind.eq_ignore_ascii_case("image/"))
            && !clean.to_ascii_lowercase().starts_with("data:image/svg");
    }
    matches!(
        scheme.as_str(),
        "http" | "https" | "mailto" | "tel" | "sms" | "ftp" | "ftps" | "ws" | "wss" | "blob" | "geo" | "xmpp"
    )
}

fn unquoted(value: &Value) -> Value {
    let mut out = String::new();
    for c in value.to_string().chars() {
        match c {
            // A trusted string is HTML already: its references stay as they are.
            '&' if value.is_safe() => out.push('&'),
            c if c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/' | '#' | '?' | '%' | ';') => {
                out.push(c);
            }
            c => out.push_str(&format!("&#{};", u32::from(c))),
        }
    }
    Value::from_safe_string(out)
}

fn css(value: &Value) -> String {
    let text = value.to_string();
    // What a browser sees once comments and escapes are gone.
    let mut seen: String = text
        .to_ascii_lowercase()
        .chars()
        .filter(|c| !c.is_whitespace() && !c.is_control())
        .collect();
    while let Some(start) = seen.find("/*") {
        let end = seen[start + 2..]
            .find("*/")
            .map_or(seen.len(), |found| start + found + 4);
        seen.replace_range(start..end, "");
    }
    let runs_code = [
        "expression(",
        "javascript:",
        "vbscript:",
        "behavior:",
        "-moz-binding",
        "@import",
    ];
    if seen.contains('\\') || runs_code.iter().any(|attack| seen.contains(attack)) {
        return BLOCKED_STYLE.to_owned();
    }
    text
}

fn js_value(value: &Value) -> Result<String, minijinja::Error> {
    if value.is_undefined() {
        return Ok("null".to_owned());
    }
    // minijinja's own `tojson` escapes what could end the script or the attribute.
    let json = minijinja::filters::tojson(
        value,
        None,
        minijinja::value::Kwargs::from_iter(Vec::<(String, Value)>::new()),
    )?;
    // Spaces keep a value from joining the token beside it.
    Ok(if value.is_number() {
        format!(" {json} ")
    } else {
        json.to_string()
    })
}

fn js_string(value: &Value) -> String {
    let mut out = String::new();
    for c in value.to_string().chars() {
        match c {
            'a'..='z'
            | 'A'..='Z'
            | '0'..='9'
            | ' '
            | ','
            | '.'
            | '_'
            | '-'
            | ':'
            | ';'
            | '@'
            | '!'
            | '#'
            | '%' => {
                out.push(c);
            }
            c if u32::from(c) < 0x80 => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// Where in a piece of JavaScript the reader is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Js {
    Value { regex_may_follow: bool },
    Quoted(char),
    Regex { class: bool },
    LineComment,
    BlockComment,
}

fn guard_js<'a>(nodes: &[Node<'a>], attribute: bool) -> Vec<Node<'a>> {
    let mut state = Some(Js::Value {
        regex_may_follow: true,
    });
    guard_js_from(nodes, attribute, &mut state)
}

/// `state` is unknown after branches that end in different places: then values are escaped as in a string.
fn guard_js_from<'a>(nodes: &[Node<'a>], attribute: bool, state: &mut Option<Js>) -> Vec<Node<'a>> {
    nodes
        .iter()
        .map(|node| match node {
            Node::Raw(text) => {
                *state = state.map(|state| follow_js(text, state));
                node.clone()
            }
            Node::Emit(statement) => {
                let filter = match (*state, attribute) {
                    (Some(Js::Value { .. }), false) => JS_VALUE,
                    (Some(Js::Value { .. }), true) => JS_VALUE_ATTRIBUTE,
                    (_, false) => JS_STRING,
                    (_, true) => JS_STRING_ATTRIBUTE,
                };
                if let Some(Js::Value { regex_may_follow }) = state {
                    *regex_may_follow = false;
                }
                guarded(filter, statement)
            }
            other => {
                let before = *state;
                let mut after: Vec<Option<Js>> = Vec::new();
                let node = rebuild(other, &mut |inside| {
                    let mut state = before;
                    let nodes = guard_js_from(inside, attribute, &mut state);
                    after.push(state);
                    nodes.into()
                });
                if let Some(first) = after.first().copied() {
                    *state = if after.iter().all(|state| *state == first) {
                        first
                    } else {
                        None
                    };
                }
                node
            }
        })
        .collect()
}

fn follow_js(text: &str, mut state: Js) -> Js {
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        state = match state {
            Js::Value { regex_may_follow } => match c {
                '"' | '\'' | '`' => Js::Quoted(c),
                '/' if chars.peek() == Some(&'/') => Js::LineComment,
                '/' if chars.peek() == Some(&'*') => {
                    chars.next();
                    Js::BlockComment
                }
                '/' if regex_may_follow => Js::Regex { class: false },
                c if c.is_whitespace() => state,
                c => Js::Value {
                    regex_may_follow: "(,=:[!&|?{};+-*%<>~^/".contains(c),
                },
            },
            Js::Quoted(_) | Js::Regex { .. } if c == '\\' => {
                chars.next();
                state
            }
            Js::Quoted(quote) if c == quote || (quote != '`' && c == '\n') => Js::Value {
                regex_may_follow: false,
            },
            Js::Regex { class: false } if c == '/' => Js::Value {
                regex_may_follow: false,
            },
            Js::Regex { .. } if c == '[' => Js::Regex { class: true },
            Js::Regex { .. } if c == ']' => Js::Regex { class: false },
            Js::LineComment if c == '\n' => Js::Value {
                regex_may_follow: true,
            },
            Js::BlockComment if c == '*' && chars.peek() == Some(&'/') => {
                chars.next();
                Js::Value {
                    regex_may_follow: true,
                }
            }
            same => same,
        };
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_schemes_are_blocked_however_they_are_written() {
        for attack in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            " javascript:alert(1)",
            "java\tscript:alert(1)",
            "java\nscript:alert(1)",
            "\u{1}javascript:alert(1)",
            "javascript&#58;alert(1)",
            "javascript&colon;alert(1)",
            "vbscript:x",
            "data:text/html,<script>alert(1)</script>",
            "data:image/svg+xml,<svg onload=alert(1)>",
            "livescript:x",
        ] {
            assert_eq!(url(attack.to_owned()), BLOCKED_URL, "{attack:?}");
        }
        for fine in [
            "/a",
            "a:b/c".strip_prefix("a:").unwrap_or(""),
            "https://a.b/?c=d:e",
            "#x",
            "?a=b:c",
            "mailto:a@b.c",
            "",
            "data:image/png;base64,AA",
        ] {
            assert_eq!(url(fine.to_owned()), fine);
        }
    }

    #[test]
    fn a_script_string_cannot_be_left() {
        assert_eq!(
            js_string(&Value::from("'; alert(1) //</script>")),
            "\\x27; alert\\x281\\x29 \\x2f\\x2f\\x3c\\x2fscript\\x3e"
        );
        assert_eq!(
            js_string(&Value::from("${alert(1)}`")),
            "\\x24\\x7balert\\x281\\x29\\x7d\\x60"
        );
    }

    #[test]
    fn javascript_is_followed_through_strings_comments_and_expressions() {
        let start = Js::Value {
            regex_may_follow: true,
        };
        assert!(matches!(follow_js("var a = ", start), Js::Value { .. }));
        assert!(matches!(follow_js("var a = '", start), Js::Quoted('\'')));
        assert!(matches!(follow_js("var a = 'it\\'s", start), Js::Quoted('\'')));
        assert!(matches!(follow_js("a = /['\"]/; b = ", start), Js::Value { .. }));
        assert!(matches!(follow_js("// don't\n", start), Js::Value { .. }));
        assert!(matches!(follow_js("/* don't */ `", start), Js::Quoted('`')));
    }

    #[test]
    fn styles_that_run_code_are_blocked() {
        for attack in [
            "expression(alert(1))",
            "exp/**/ression(x)",
            "url(javascript:x)",
            "\\65xpression(x)",
        ] {
            assert_eq!(css(&Value::from(attack)), BLOCKED_STYLE);
        }
        assert_eq!(css(&Value::from("#2a7")), "#2a7");
    }
}
