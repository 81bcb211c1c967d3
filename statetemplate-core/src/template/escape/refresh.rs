//! The `content` of a `<meta>`, which is a time and an address if its `http-equiv` is `refresh`
//! (<https://html.spec.whatwg.org/multipage/semantics.html#attr-meta-http-equiv-refresh>).

use std::borrow::Cow;

use super::url;

/// Replaces what would be an unsafe address, were the element a refresh. A description that only looks a bit like one
/// stays as it is: browsers take an address where a number stands first, and it must carry code to count here.
pub(super) fn content(text: &str) -> Cow<'_, str> {
    let start = text.trim_start();
    let rest = start.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    if rest.len() == start.len() {
        return Cow::Borrowed(text);
    }
    let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ';' || c == ',');
    let address = match rest.get(..3) {
        Some(name) if name.eq_ignore_ascii_case("url") => {
            let after = rest[3..].trim_start();
            after.strip_prefix('=').map_or(rest, str::trim_start)
        }
        _ => rest,
    };
    let address = address.trim_start_matches(['"', '\'']);
    let code = url::is_script(address) || (url::is_data(address) && !url::is_safe(address, url::Use::Link));
    if code {
        Cow::Owned(format!("{}{}", &text[..text.len() - address.len()], url::BLOCKED))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::content;

    #[test]
    fn a_refresh_leads_to_no_script() {
        for (text, expected) in [
            ("0;url=javascript:alert(1)", "0;url=#st-blocked"),
            ("0; URL = 'javascript:alert(1)'", "0; URL = '#st-blocked"),
            ("0,javascript:alert(1)", "0,#st-blocked"),
            (" 5.5 data:text/html,x", " 5.5 #st-blocked"),
            ("0;url=java\tscript:x", "0;url=#st-blocked"),
            ("5; url=/next", "5; url=/next"),
            ("5; url=https://a.b/", "5; url=https://a.b/"),
            ("javascript: a description", "javascript: a description"),
            (
                "5 tips: use less javascript: no",
                "5 tips: use less javascript: no",
            ),
            ("width=device-width", "width=device-width"),
            ("", ""),
        ] {
            assert_eq!(content(text), expected);
        }
    }
}
