//! A fragment's HTML for a client that parses it in a document of its own, in which scripts do not run.

use std::borrow::Cow;

const OPEN: &str = "<noscript";
const CLOSE: &str = "</noscript";

/// Where scripts run the content of `<noscript>` is text, and elsewhere it is elements: images in it would be loaded. With
/// references for its markup it is that text in both.
pub(super) fn html(fragment: &str) -> Cow<'_, str> {
    let lower = fragment.to_ascii_lowercase();
    let mut out = String::new();
    let mut done = 0;
    while let Some(found) = lower[done..].find(OPEN) {
        let start = done + found + OPEN.len();
        let Some(content) = lower[start..].find('>').map(|at| start + at + 1) else {
            break;
        };
        let Some(end) = lower[content..].find(CLOSE).map(|at| content + at) else {
            break;
        };
        out.push_str(&fragment[done..content]);
        out.push_str(&fragment[content..end].replace('&', "&amp;").replace('<', "&lt;"));
        done = end;
    }
    if done == 0 {
        return Cow::Borrowed(fragment);
    }
    out.push_str(&fragment[done..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_without_scripts_stays_text() {
        assert!(matches!(html("<p>a &amp; b</p><noscript>"), Cow::Borrowed(_)));
        assert_eq!(
            html("<p>&lt;</p><NoScript class=\"a\"><img src=a&b></NOSCRIPT><b>x</b><noscript st></noscript>"),
            "<p>&lt;</p><NoScript class=\"a\">&lt;img src=a&amp;b></NOSCRIPT><b>x</b><noscript st></noscript>"
        );
    }
}
