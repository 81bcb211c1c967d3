//! From HTML as a template prints it to text as the document holds it.

use std::borrow::Cow;

use html5ever::ParseOpts;
use html5ever::tendril::TendrilSink as _;
use markup5ever_rcdom::{NodeData, RcDom};

use super::tags::is_space;

/// The text in what minijinja printed for a text or an attribute, with line ends and NUL as they were.
pub(crate) fn unescape(html: &str) -> Cow<'_, str> {
    let Some(first) = memchr::memchr(b'&', html.as_bytes()) else {
        return Cow::Borrowed(html);
    };
    let mut out = String::with_capacity(html.len());
    out.push_str(&html[..first]);
    for part in html[first + 1..].split('&') {
        let Some((name, character)) = WRITTEN.iter().find(|(name, _)| part.starts_with(name)) else {
            return html_escape::decode_html_entities(html);
        };
        out.push(*character);
        out.push_str(&part[name.len()..]);
    }
    Cow::Owned(out)
}

/// The character references that minijinja writes, without their ampersand.
const WRITTEN: [(&str, char); 6] = [
    ("lt;", '<'),
    ("gt;", '>'),
    ("amp;", '&'),
    ("quot;", '"'),
    ("#x27;", '\''),
    ("#x2f;", '/'),
];

/// The text that the HTML parser makes of the template's own text: with references that have no semicolon, and those
/// that mean another character than they say.
pub(crate) fn decode(html: &str, place: Place) -> String {
    // Most often the references are those that minijinja writes.
    let mut references = html.split('&').skip(1);
    if references.all(|rest| WRITTEN.iter().any(|(name, _)| rest.starts_with(name))) {
        return unescape(&normalise(html, place)).into_owned();
    }
    // In an attribute `&copy=` is no reference, so the text is parsed as what it is.
    let quoted = html.replace('"', "&quot;").replace('<', "&lt;");
    let (open, close) = match place {
        Place::Attribute => ("<p title=\"", "\">"),
        _ => ("<title>", "</title>"),
    };
    let page = html5ever::parse_document(RcDom::default(), ParseOpts::default());
    let document = page
        .one(format!("{open}{}{close}", normalise(&quoted, place)))
        .document;
    // What holds a node must live as long as it: a node that is dropped empties all below it.
    let mut open = vec![document.clone()];
    while let Some(node) = open.pop() {
        match &node.data {
            NodeData::Element { attrs, .. } if place == Place::Attribute => {
                if let Some(title) = attrs.borrow().first() {
                    return title.value.to_string();
                }
            }
            NodeData::Text { contents } => return contents.borrow().to_string(),
            _ => {}
        }
        open.extend(node.children.borrow().iter().cloned());
    }
    String::new()
}

/// Where a text stands, for what the HTML parser does to its characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Between the tags of HTML.
    Html,
    Attribute,
    /// In an element that holds text alone, or in SVG and MathML.
    Other,
}

/// White space as JavaScript's `trim` has it, which the client uses.
pub(crate) fn is_white_space(character: char) -> bool {
    character == '\u{feff}' || (character.is_whitespace() && character != '\u{85}')
}

/// What the HTML parser does to the characters of a text before it reaches the document: one kind of line end, and no
/// NUL characters.
pub(crate) fn normalise(text: &str, place: Place) -> Cow<'_, str> {
    if memchr::memchr2(b'\r', b'\0', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let nul = if place == Place::Html { "" } else { "\u{fffd}" };
    Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', nul))
}

/// Whether what follows the template's own text may change what its end means: as in `&am{{ x }};`.
pub(super) fn is_open_ended(html: &str) -> bool {
    let name = html.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '#');
    name.ends_with('&')
}

/// Whether [`unescape`] reads the text as the HTML parser does.
pub(super) fn is_plain(html: &str) -> bool {
    let normal = normalise(html, Place::Other);
    let text = unescape(&normal);
    [Place::Attribute, Place::Other]
        .iter()
        .all(|place| decode(html, *place) == text)
}

/// The attributes in a stretch of a tag, in order; of a name given twice the first counts.
pub(crate) fn attributes(html: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut rest = html.trim_start_matches(separates);
    while !rest.is_empty() {
        let length = rest
            .char_indices()
            .skip(1)
            .find(|(_, c)| separates(*c) || *c == '=')
            .map_or(rest.len(), |(at, _)| at);
        let name = rest[..length].to_ascii_lowercase();
        rest = rest[length..].trim_start_matches(is_space);
        let mut value = "";
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start_matches(is_space);
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
            let (start, end) = match quote {
                Some(quote) => (1, after[1..].find(quote).map_or(after.len(), |end| end + 1)),
                None => (0, after.find(|c: char| is_space(c)).unwrap_or(after.len())),
            };
            value = &after[start..end];
            rest = &after[(end + start).min(after.len())..];
        }
        if !found.iter().any(|(known, _)| *known == name) {
            found.push((name, decode(value, Place::Attribute)));
        }
        rest = rest.trim_start_matches(separates);
    }
    found
}

fn separates(c: char) -> bool {
    is_space(c) || c == '/'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_minijinja_writes_is_read_back() {
        for (html, text) in [
            ("", ""),
            ("a", "a"),
            ("&lt;b&gt; &amp;amp; &quot;&#x27;&#x2f;&quot;", "<b> &amp; \"'/\""),
            ("&amp;", "&"),
            ("a&#39;b&eacute;&lt;", "a'bé<"),
            ("& &nothing; &", "& &nothing; &"),
        ] {
            assert_eq!(unescape(html), text, "{html}");
        }
    }

    #[test]
    fn attributes_are_read_as_the_html_parser_reads_them() {
        assert_eq!(attributes(""), []);
        let pairs = |html: &str| {
            attributes(html)
                .into_iter()
                .map(|(n, v)| format!("{n}={v}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(pairs("checked"), ["checked="]);
        assert_eq!(
            pairs(" a=1 B='x y' c = \"&lt;\" a=2 d/"),
            ["a=1", "b=x y", "c=<", "d="]
        );
        assert_eq!(pairs("a='unclosed"), ["a=unclosed"]);
        assert_eq!(pairs("="), ["=="]);
    }
}
