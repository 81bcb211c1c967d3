//! URLs: which schemes data may bring.
//!
//! What a scheme is, and which characters a browser passes over before it looks, is the URL standard's
//! (<https://url.spec.whatwg.org/#concept-basic-url-parser>).

use std::borrow::Cow;

/// What a URL with an unsafe scheme becomes.
pub(super) const BLOCKED: &str = "#st-blocked";

/// Schemes that run no code in the page: those of the web, and those that the HTML standard lets a web page register
/// handlers for (<https://html.spec.whatwg.org/multipage/system-state.html#safelisted-scheme>).
const SAFE_SCHEMES: &[&str] = &[
    "http",
    "https",
    "ws",
    "wss",
    "blob",
    "cid",
    "bitcoin",
    "ftp",
    "ftps",
    "geo",
    "im",
    "irc",
    "ircs",
    "magnet",
    "mailto",
    "matrix",
    "mms",
    "news",
    "nntp",
    "openpgp4fpr",
    "sftp",
    "sip",
    "sips",
    "sms",
    "smsto",
    "ssh",
    "tel",
    "urn",
    "webcal",
    "wtai",
    "xmpp",
];

/// What becomes of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It is gone to, sent to, or loaded as a document or a script.
    Link,
    /// It is shown or played: an SVG runs no script there.
    Picture,
}

/// A whole URL, or what replaces it.
pub(super) fn whole(url: &str, usage: Use) -> Cow<'_, str> {
    if is_safe(url, usage) {
        Cow::Borrowed(url)
    } else {
        Cow::Borrowed(BLOCKED)
    }
}

/// URLs with white space or semicolons between them.
pub(super) fn list(urls: &str) -> Cow<'_, str> {
    let mut parts = urls.split(|c: char| c.is_whitespace() || c == ';');
    if is_safe(urls, Use::Link) && parts.all(|url| is_safe(url, Use::Link)) {
        Cow::Borrowed(urls)
    } else {
        Cow::Borrowed(BLOCKED)
    }
}

/// A value behind which the scheme may not be complete: it must not complete one.
pub(super) fn part(text: &str) -> Cow<'_, str> {
    let end = text.find([':', '/', '?', '#']);
    match end {
        Some(at) if text[at..].starts_with(':') => Cow::Borrowed(BLOCKED),
        _ => Cow::Borrowed(text),
    }
}

/// Whether what stands in front settles the scheme, whatever comes behind it.
pub(super) fn settles_scheme(prefix: &str) -> bool {
    prefix.contains([':', '/', '?', '#', '\\'])
}

/// Whether the template's own text makes what follows code: then it is guarded as code.
pub(super) fn is_script(prefix: &str) -> bool {
    matches!(scheme(prefix).as_deref(), Some("javascript" | "vbscript"))
}

/// Whether the template's own text starts a URL that carries its document in itself.
pub(super) fn is_data(prefix: &str) -> bool {
    scheme(prefix).as_deref() == Some("data")
}

pub(super) fn is_safe(url: &str, usage: Use) -> bool {
    // No browser passes over these, but what stands between us and the browser might.
    let bare: String = url
        .chars()
        .filter(|c| !c.is_whitespace() && !c.is_control() && !is_invisible(*c))
        .collect();
    let code = ["javascript:", "vbscript:", "livescript:", "mocha:"];
    if code.iter().any(|scheme| starts_with(&bare, scheme)) {
        return false;
    }
    match scheme(url).as_deref() {
        None => !starts_with(&bare, "data:") || is_harmless_data(&bare, usage),
        Some("data") => is_harmless_data(&bare, usage),
        Some(known) => SAFE_SCHEMES.contains(&known) || known.starts_with("web+"),
    }
}

/// A scheme in lower case, if the URL has one as browsers see it.
fn scheme(url: &str) -> Option<String> {
    let rest = url.trim_start_matches(|c: char| c <= ' ');
    let mut scheme = String::new();
    for c in rest.chars() {
        match c {
            '\t' | '\n' | '\r' => {}
            'a'..='z' | 'A'..='Z' => scheme.push(c.to_ascii_lowercase()),
            '0'..='9' | '+' | '-' | '.' if !scheme.is_empty() => scheme.push(c),
            ':' if !scheme.is_empty() => return Some(scheme),
            _ => return None,
        }
    }
    None
}

/// Whether a `data:` URL is one that only shows: an SVG is a document with scripts where it is not a mere picture.
fn is_harmless_data(url: &str, usage: Use) -> bool {
    let kinds: &[&str] = match usage {
        Use::Link => &["image/"],
        Use::Picture => &["image/", "audio/", "video/", "font/"],
    };
    let kind = url.get("data:".len()..).unwrap_or_default();
    kinds.iter().any(|fine| starts_with(kind, fine))
        && (usage == Use::Picture || !starts_with(kind, "image/svg"))
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len())
        .is_some_and(|found| found.eq_ignore_ascii_case(start))
}

/// Characters of no width, which people do not see and some filters drop.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
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
            "\u{a0}javascript:alert(1)",
            "java\tscript:alert(1)",
            "java\nscript:alert(1)",
            "java\r\nscript\t:alert(1)",
            "\u{1}javascript:alert(1)",
            "\0javascript:alert(1)",
            "java\0script:alert(1)",
            "java\u{200b}script:alert(1)",
            "javascript://example.org/%0aalert(1)",
            "vbscript:x",
            "livescript:x",
            "data:text/html,<script>alert(1)</script>",
            "data:text/html;base64,PHNjcmlwdD4=",
            " d\tata:text/html,x",
            "data:image/svg+xml,<svg onload=alert(1)>",
            "data:,x",
            "view-source:javascript:x",
            "jar:http://x!/y",
            "file:///etc/passwd",
            "filesystem:http://x/y",
            "about:blank",
            "x:y",
        ] {
            assert_eq!(whole(attack, Use::Link), BLOCKED, "{attack:?}");
        }
    }

    #[test]
    fn ordinary_addresses_stay_as_they_are() {
        for fine in [
            "",
            "/a",
            "b/c:d",
            "../x",
            "?a=b:c",
            "#x:y",
            "//host/x",
            "https://a.b/?c=d:e",
            "HTTPS://A.B",
            "mailto:a@b.c",
            "tel:+1234",
            "web+coffee:x",
            "blob:https://a.b/123",
            "data:image/png;base64,AA",
            "two words: a path",
            "über:x",
            "1:2",
            "{{x}}:y",
        ] {
            assert_eq!(whole(fine, Use::Link), fine);
        }
        assert_eq!(
            whole("data:image/svg+xml,<svg/>", Use::Picture),
            "data:image/svg+xml,<svg/>"
        );
        assert_eq!(whole("data:text/html,x", Use::Picture), BLOCKED);
    }

    #[test]
    fn parts_do_not_complete_a_scheme() {
        assert_eq!(part("script:alert(1)"), BLOCKED);
        assert_eq!(part(":alert(1)"), BLOCKED);
        assert_eq!(part("/a:b"), "/a:b");
        assert_eq!(part("plain"), "plain");
    }

    #[test]
    fn each_address_of_a_list_is_checked() {
        assert_eq!(list("/a https://b.c/d"), "/a https://b.c/d");
        assert_eq!(list("/a javascript:x"), BLOCKED);
        assert_eq!(list("0;1;2"), "0;1;2");
        assert_eq!(list("#a;javascript:x"), BLOCKED);
        assert_eq!(list("java\nscript:x"), BLOCKED);
    }
}
