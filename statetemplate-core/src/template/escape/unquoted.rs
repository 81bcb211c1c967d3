//! Attribute values without quotes: white space, quotes and the like would end them.

use std::fmt::Write as _;

/// Writes as a reference every character that could mean something; those that minijinja escapes in its own way.
/// `html`: the text is HTML already, so that its own references stay.
pub(super) fn escape(text: &str, html: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' if !html => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#x27;"),
            '/' if !html => out.push_str("&#x2f;"),
            // No reference leads to this character.
            '\0' => out.push('\u{fffd}'),
            '\t' | '\n' | '\u{c}' | '\r' | ' ' | '=' | '`' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn nothing_ends_the_value() {
        assert_eq!(
            escape("a b\tonclick='x'>`=\"<", false),
            "a&#32;b&#9;onclick&#61;&#x27;x&#x27;&gt;&#96;&#61;&quot;&lt;"
        );
        assert_eq!(escape("/path,(x)@#f", false), "&#x2f;path,(x)@#f");
        assert_eq!(escape("a&b", false), "a&amp;b");
        assert_eq!(escape("a&amp;b/c", true), "a&amp;b/c");
        assert_eq!(escape("\0\u{1}", false), "\u{fffd}\u{1}");
    }
}
