//! From HTML as a template prints it to text as the document holds it.

use std::borrow::Cow;

/// The text that the HTML parser makes of an escaped text.
pub(crate) fn decode(html: &str) -> Cow<'_, str> {
    if !html.contains('&') {
        return normalise(html);
    }
    match html_escape::decode_html_entities(html) {
        Cow::Borrowed(text) => normalise(text),
        Cow::Owned(text) => Cow::Owned(normalise(&text).into_owned()),
    }
}

/// What the HTML parser does to the characters of a text before it reaches the document: one kind of line end, and no
/// NUL characters.
pub(crate) fn normalise(text: &str) -> Cow<'_, str> {
    if memchr::memchr2(b'\r', b'\0', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', ""))
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
        rest = rest[length..].trim_start();
        let mut value = "";
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start();
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
            let (start, end) = match quote {
                Some(quote) => (1, after[1..].find(quote).map_or(after.len(), |end| end + 1)),
                None => (0, after.find(|c: char| c.is_whitespace()).unwrap_or(after.len())),
            };
            value = &after[start..end];
            rest = &after[(end + start).min(after.len())..];
        }
        if !found.iter().any(|(known, _)| *known == name) {
            found.push((name, decode(value).into_owned()));
        }
        rest = rest.trim_start_matches(separates);
    }
    found
}

fn separates(c: char) -> bool {
    c.is_whitespace() || c == '/'
}

#[cfg(test)]
mod tests {
    use super::*;

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
