//! For places that could be several contexts at once: only what is a word in all of them.

/// What replaces a value that is not safe where it stands.
pub(super) const BLOCKED: &str = "st-blocked";

/// The value if it is made of letters, digits, `_`, `-` and `.`, which mean nothing anywhere.
pub(super) fn text(text: &str) -> String {
    if text
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
    {
        text.to_owned()
    } else {
        BLOCKED.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_pass_and_nothing_else() {
        for word in ["", "word", "über_2-1.5"] {
            assert_eq!(text(word), word);
        }
        for other in ["two words", "a=b", "x:y", "<b>", "a;b", "f()", "`", "\\", "a/b"] {
            assert_eq!(text(other), BLOCKED);
        }
    }
}
