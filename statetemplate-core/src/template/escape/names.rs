//! Names of elements and attributes that come from data: only names that mean nothing special pass.

use std::borrow::Cow;

use super::attribute::{self, Kind};
use super::guard::Whole;
use super::strict::BLOCKED;
use super::url;
use crate::template::text;

/// Elements that hold what they are given and do nothing else.
const HARMLESS: &[&str] = &[
    "a",
    "abbr",
    "address",
    "article",
    "aside",
    "b",
    "bdi",
    "bdo",
    "blockquote",
    "button",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "details",
    "dfn",
    "dialog",
    "div",
    "dl",
    "dt",
    "em",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hgroup",
    "hr",
    "i",
    "input",
    "ins",
    "kbd",
    "label",
    "legend",
    "li",
    "main",
    "mark",
    "menu",
    "meter",
    "nav",
    "ol",
    "optgroup",
    "option",
    "output",
    "p",
    "pre",
    "progress",
    "q",
    "rp",
    "rt",
    "ruby",
    "s",
    "samp",
    "search",
    "section",
    "select",
    "small",
    "span",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "time",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
    "wbr",
];

/// The name of an element: one of those that are harmless, or a custom element's.
pub(super) fn tag(text: &str) -> String {
    let name = text.to_ascii_lowercase();
    let custom = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.contains('-')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    let numbers = !name.is_empty() && name.chars().all(|c| c.is_ascii_digit());
    // A number makes no tag of the `<` before it.
    if custom || numbers || HARMLESS.contains(&name.as_str()) {
        text.to_owned()
    } else {
        BLOCKED.to_owned()
    }
}

/// A name's rest that is only numbers: `<h{{ level }}>`.
pub(super) fn digits(text: &str) -> String {
    if text.chars().all(|c| c.is_ascii_digit()) {
        text.to_owned()
    } else {
        BLOCKED.to_owned()
    }
}

/// A name's rest where the beginning makes every name harmless: `data-{{ key }}`.
pub(super) fn part(text: &str) -> String {
    if text
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':'))
    {
        text.to_owned()
    } else {
        BLOCKED.to_owned()
    }
}

/// The name of one attribute, whose value follows.
pub(super) fn attribute(text: &str) -> String {
    let one = !text.contains(|c: char| c.is_whitespace() || matches!(c, '=' | '/'));
    if one && is_harmless(text) {
        text.to_owned()
    } else {
        BLOCKED.to_owned()
    }
}

/// Attributes, as `{{ attributes }}` in a tag prints them: names, perhaps with values that need no quotes.
pub(super) fn attributes(text: &str) -> String {
    let html = html_escape::encode_quoted_attribute(text);
    let fine = !text.trim_start().starts_with('=')
        && text::attributes(&html)
            .iter()
            .all(|(name, value)| is_harmless(name) || is_safe_address(name, value));
    if fine { text.to_owned() } else { BLOCKED.to_owned() }
}

fn is_safe_address(name: &str, value: &str) -> bool {
    matches!(attribute::kind("", name), Kind::Whole(Whole::Url | Whole::Media))
        && url::is_safe(value, url::Use::Link)
}

/// Whether an attribute means neither code, nor style, nor an address, and none to the client.
fn is_harmless(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let ours = name == "st" || name.starts_with("st-");
    // What an element is, how it is read and what it may do is the template's to say.
    let special = matches!(
        name.as_str(),
        "accept-charset"
            | "allow"
            | "attributename"
            | "charset"
            | "content"
            | "crossorigin"
            | "enctype"
            | "form"
            | "formenctype"
            | "formmethod"
            | "http-equiv"
            | "integrity"
            | "is"
            | "language"
            | "method"
            | "nonce"
            | "rel"
            | "sandbox"
            | "shadowrootmode"
            | "type"
    );
    !ours && !special && !name.starts_with("xml") && attribute::kind("", &name) == Kind::Plain
}

/// The attribute that an SVG animation changes: not an address.
pub(super) fn animated(text: &str) -> Cow<'_, str> {
    let name = text.trim().to_ascii_lowercase();
    let local = name.rsplit(':').next().unwrap_or_default();
    if attribute::kind("", local) == Kind::Plain {
        Cow::Borrowed(text)
    } else {
        Cow::Borrowed(BLOCKED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_that_do_something_are_blocked() {
        for fine in ["div", "H2", "my-element", "x-1"] {
            assert_eq!(tag(fine), fine);
        }
        for attack in [
            "",
            "script",
            "SCRIPT",
            "style",
            "iframe",
            "object",
            "embed",
            "base",
            "meta",
            "link",
            "svg",
            "math",
            "template",
            "textarea",
            "title",
            "plaintext",
            "noscript",
            "xmp",
            "div onclick=x",
            "div/onclick",
            "!--",
            "/div",
            "-x",
            "img src=x onerror=alert(1)",
        ] {
            assert_eq!(tag(attack), BLOCKED, "{attack:?}");
        }
        assert_eq!(digits("2"), "2");
        assert_eq!(digits("r onclick=x"), BLOCKED);
        assert_eq!(part("user-name"), "user-name");
        assert_eq!(part("x onclick=y"), BLOCKED);
    }

    #[test]
    fn attributes_that_do_something_are_blocked() {
        for fine in ["title", "class", "hidden", "data-x", "aria-label", "id", "y<i>"] {
            assert_eq!(attribute(fine), fine);
            assert_eq!(attributes(fine), fine);
        }
        for attack in [
            "onclick",
            "ONLOAD",
            "onanything",
            "style",
            "href",
            "src",
            "srcdoc",
            "xlink:href",
            "formaction",
            "action",
            "srcset",
            "http-equiv",
            "type",
            "st",
            "st-click",
            "is",
            "xmlns",
            "a=b",
            "a b",
            "a/b",
        ] {
            assert_eq!(attribute(attack), BLOCKED, "{attack:?}");
        }
        for fine in [
            "",
            " ",
            "hidden",
            "class=foo data-x=1",
            "href=/x",
            "src=https://a.b/c",
            "a=\"b\"",
        ] {
            assert_eq!(attributes(fine), fine);
        }
        for attack in [
            "onclick=alert(1)",
            "x onload=alert(1)",
            "x/onload=alert(1)",
            "href=javascript:x",
            "style=x",
            "=alert(1)",
            " =alert(1)",
            "srcdoc=<script>",
            "x\nonfocus=x autofocus",
            "st-click=drop",
            "a=b\tonclick=c",
        ] {
            assert_eq!(attributes(attack), BLOCKED, "{attack:?}");
        }
        assert_eq!(animated("cx"), "cx");
        assert_eq!(animated(" xlink:HREF"), BLOCKED);
    }
}
