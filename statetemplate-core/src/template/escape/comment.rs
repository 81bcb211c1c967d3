//! Comments of JavaScript and CSS: what stands in them is read by people only.

/// The value with spaces for what could end a comment.
pub(super) fn text(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            c if c.is_alphanumeric() || matches!(c, '.' | ',' | ':' | '_' | '-') => c,
            _ => ' ',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn no_comment_ends() {
        assert_eq!(text("version 1.2, final"), "version 1.2, final");
        assert_eq!(text("*/ alert(1) /*"), "   alert 1    ");
        assert_eq!(text("\n\r\u{2028}\u{2029}x</script>"), "    x  script ");
    }
}
