//! Writes values as CSS, or blocks them.
//!
//! A value that is a balanced piece of CSS stays as it is, to the byte. One that could reach beyond its place (into
//! another declaration, rule or comment), load what runs, or mean what browsers once ran as code, is blocked.

use std::fmt::Write as _;

use super::address::{self, Use};
use crate::template::escape::strict::BLOCKED;

/// A property's value, or a selector.
pub(in super::super) fn value(text: &str) -> String {
    checked(text, false)
}

/// Declarations of a `style` attribute, with semicolons between them.
pub(in super::super) fn declarations(text: &str) -> String {
    checked(text, true)
}

fn checked(text: &str, semicolons: bool) -> String {
    if is_contained(text, semicolons) && !runs_code(text) {
        text.to_owned()
    } else {
        BLOCKED.to_owned()
    }
}

/// Whether the text is balanced, and nothing in it ends what it stands in.
fn is_contained(text: &str, semicolons: bool) -> bool {
    let mut open: Vec<char> = Vec::new();
    let mut quote: Option<char> = None;
    let mut before = ' ';
    // A slash could complete an end tag or a comment that the template's own text begins.
    if text.starts_with(['/', '*', '!']) {
        return false;
    }
    for c in text.chars() {
        match (quote, c) {
            (_, '\\' | '<' | '\0' | '\r' | '\n' | '\u{c}') => return false,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(') => open.push(')'),
            (None, '[') => open.push(']'),
            (None, ')' | ']') if open.pop() != Some(c) => return false,
            (None, '{' | '}' | '@' | '`') => return false,
            (None, ';') if !semicolons || !open.is_empty() => return false,
            (None, '*') if before == '/' => return false,
            (None, '/') if before == '*' => return false,
            (None, '>') if before == '-' => return false,
            (None, c) if c.is_control() && c != '\t' => return false,
            _ => {}
        }
        before = c;
    }
    // A slash or a star at the end could begin a comment with what follows.
    quote.is_none() && open.is_empty() && !matches!(before, '/' | '*')
}

/// Whether a browser of any age would run or load code for this.
fn runs_code(text: &str) -> bool {
    let bare: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && !c.is_control())
        .flat_map(char::to_lowercase)
        .collect();
    let attacks = [
        "expression",
        "javascript:",
        "vbscript:",
        "behavior:",
        "behaviour:",
        "-moz-binding",
        "data:text/",
    ];
    if attacks.iter().any(|attack| bare.contains(attack)) {
        return true;
    }
    bare.match_indices("url(").any(|(at, found)| {
        let inside = bare[at + found.len()..].trim_start_matches(['"', '\'']);
        let end = inside.find(['"', '\'', ')']).unwrap_or(inside.len());
        !address::is_safe(&inside[..end], Use::Picture)
    })
}

/// The inside of a string.
pub(in super::super) fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\0' => out.push('\u{fffd}'),
            '"' | '\'' | '\\' | '<' | '>' | '&' | '/' | '(' | ')' | '{' | '}' | '*' | ';' | '@' | '`' => {
                escape(c, &mut out);
            }
            c if c.is_control() => escape(c, &mut out),
            c => out.push(c),
        }
    }
    out
}

/// Ends with a space, so that no digit that follows is taken for a part of it.
fn escape(c: char, out: &mut String) {
    let _ = write!(out, "\\{:x} ", u32::from(c));
}

/// The inside of a `url(…)`, with or without quotes: what could end it is percent-encoded, as in any URL.
pub(in super::super) fn url(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // The one that stands for a blocked address included, `#` is fine.
            c if c.is_ascii_whitespace()
                || c.is_ascii_control()
                || matches!(c, '"' | '\'' | '(' | ')' | '\\' | '<' | '>' | '`' | '*' | '&') =>
            {
                // An ampersand means nothing to CSS, but the text may stand where entities do.
                if c == '&' {
                    out.push_str("\\26 ");
                } else {
                    let _ = write!(out, "%{:02x}", u32::from(c));
                }
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_values_stay_as_they_are() {
        for fine in [
            "",
            "red",
            "0",
            "-5px",
            "1.25in",
            "+.33em",
            "100%",
            "#48f",
            ".foo",
            "#bar",
            "corner-radius",
            "-moz-corner-radius",
            "U+00-FF, U+980-9FF",
            "rgb(1, 2, 3)",
            "rgb(0 0 0 / 50%)",
            "calc(100% - (2px * 3))",
            "1px solid var(--line)",
            "\"Times New Roman\", serif",
            "url(/a.png) no-repeat",
            "url('data:image/svg+xml,x')",
            "ul > li:hover",
            "a[href='x']",
            "red !important",
        ] {
            assert_eq!(value(fine), fine);
            assert_eq!(declarations(fine), fine);
        }
        for fine in ["color: red; width: 10px", "color: red;", "--x: 1; --y: 2"] {
            assert_eq!(declarations(fine), fine);
        }
    }

    #[test]
    fn what_leaves_its_place_or_runs_code_is_blocked() {
        for attack in [
            "<!--",
            "-->",
            "<![CDATA[",
            "</style",
            "/style>",
            "\"",
            "'",
            "`",
            "\0",
            "/* foo */",
            "/*",
            "*/",
            "x /",
            "* {",
            "a) b",
            "(a",
            "[a",
            "a}b",
            "a{b",
            "@import url evil.css",
            "\"a\nb\"",
            "expression(alert(1))",
            "EXPRESSION (alert(1))",
            "exp/**/ression(x)",
            "\\65xpression(x)",
            "-moz-binding: url(x)",
            "behavior: url(x)",
            "url(javascript:x)",
            "url( 'java\tscript:x')",
            "url(data:text/html,x)",
            "url(x:y)",
            "a\\",
        ] {
            assert_eq!(value(attack), BLOCKED, "{attack:?}");
            assert_eq!(declarations(attack), BLOCKED, "{attack:?}");
        }
        assert_eq!(value("red; position: fixed"), BLOCKED);
        assert_eq!(declarations("url(a;b)"), BLOCKED);
    }

    #[test]
    fn a_string_cannot_be_left() {
        assert_eq!(string("Times New-Roman, 12"), "Times New-Roman, 12");
        assert_eq!(string("\"'\\"), "\\22 \\27 \\5c ");
        assert_eq!(string("</style>"), "\\3c \\2f style\\3e ");
        assert_eq!(string("a\nb\0"), "a\\a b\u{fffd}");
        assert_eq!(string("(x){;}&"), "\\28 x\\29 \\7b \\3b \\7d \\26 ");
    }

    #[test]
    fn a_url_cannot_be_left() {
        assert_eq!(url("/a/b.png?c=d#e"), "/a/b.png?c=d#e");
        assert_eq!(url("a) b(\"'\\\n"), "a%29%20b%28%22%27%5c%0a");
        assert_eq!(url("/?a&b</style>*"), "/?a\\26 b%3c/style%3e%2a");
    }
}
