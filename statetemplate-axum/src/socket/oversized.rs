//! Messages that are longer than allowed: what can still be answered is answered.

/// How many times the longest message a page may send before its connection ends: between the two, an action is refused.
///
/// A page sends an unanswered action again whenever it reconnects, so that a connection which ended over an action would
/// end over it for ever.
const READ_FACTOR: usize = 4;

/// How long a message may be to be read at all.
pub(super) fn read_limit(max_message_size: usize) -> usize {
    max_message_size.saturating_mul(READ_FACTOR)
}

/// The number of the action that a message carries, by its beginning alone.
pub(super) fn action_number(text: &str) -> Option<u64> {
    let (number, _) = text.strip_prefix('[')?.split_once(',')?;
    number.trim().parse().ok().filter(|&number| number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_at_the_beginning() {
        assert_eq!(action_number(r#"[12,"add",{}]"#), Some(12));
        assert_eq!(action_number(r#"[ 12 ,"add"#), Some(12));
        for other in [
            r#"["j","#,
            r#"[0,"add"]"#,
            "[-1,",
            "[1.5,",
            "[1",
            "1,",
            "",
            "[99999999999999999999,",
        ] {
            assert_eq!(action_number(other), None, "{other}");
        }
    }
}
