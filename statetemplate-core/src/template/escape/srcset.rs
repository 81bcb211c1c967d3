//! `srcset`: candidates, each a URL and perhaps a descriptor
//! (<https://html.spec.whatwg.org/multipage/images.html#parsing-a-srcset-attribute>).

use std::borrow::Cow;

use super::url;

/// Replaces the candidates whose URL is not safe to load.
pub(super) fn candidates(text: &str) -> Cow<'_, str> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let start = rest
            .find(|c: char| !is_space(c) && c != ',')
            .unwrap_or(rest.len());
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        if rest.is_empty() {
            break;
        }
        let end = rest.find(is_space).unwrap_or(rest.len());
        // Commas at its end belong to the list.
        let address = rest[..end].trim_end_matches(',');
        out.push_str(&url::whole(address, url::Use::Picture));
        out.push_str(&rest[address.len()..end]);
        let listed = address.len() < end;
        rest = &rest[end..];
        if !listed {
            let end = descriptors(rest);
            out.push_str(&rest[..end]);
            rest = &rest[end..];
        }
    }
    if out == text {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(out)
    }
}

/// The length of what stands between a URL and the comma behind it.
fn descriptors(text: &str) -> usize {
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}')
}

#[cfg(test)]
mod tests {
    use super::candidates;

    #[test]
    fn only_unsafe_candidates_are_replaced() {
        for (text, expected) in [
            ("", ""),
            ("/a.png", "/a.png"),
            ("/a.png 1x, /b.png 2x", "/a.png 1x, /b.png 2x"),
            ("/a.png 1x,javascript:x 2x", "/a.png 1x,#st-blocked 2x"),
            ("javascript:x, /b.png", "#st-blocked, /b.png"),
            (" \n,javascript:alert(1)", " \n,#st-blocked"),
            (
                "data:image/png;base64,AA,BB 1x, /b 2x",
                "data:image/png;base64,AA,BB 1x, /b 2x",
            ),
            ("/a x(1,javascript:x), /b", "/a x(1,javascript:x), /b"),
            (
                "vbscript:a 300w , DATA:text/html,x",
                "#st-blocked 300w , #st-blocked",
            ),
        ] {
            assert_eq!(candidates(text), expected);
        }
    }
}
