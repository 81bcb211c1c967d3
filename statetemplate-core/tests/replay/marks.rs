//! Takes the marks out of an annotated page, so that it can be compared with what minijinja alone prints.

/// The page without its marks. What looks like a mark and stands at the same place in `plain` is the author's own.
pub(crate) fn without(page: &str, plain: &str) -> String {
    let mut out = String::new();
    let (mut ours, mut theirs) = (page, Some(plain));
    while let Some(c) = ours.chars().next() {
        let mark = mark_length(ours);
        if let Some(length) = mark
            && theirs.is_none_or(|theirs| !theirs.starts_with(&ours[..length]))
        {
            ours = &ours[length..];
            continue;
        }
        // Once the pages differ, there is nothing left to go by.
        theirs = theirs.and_then(|theirs| theirs.strip_prefix(c));
        out.push(c);
        ours = &ours[c.len_utf8()..];
    }
    out
}

/// The length of the mark that the text starts with.
fn mark_length(text: &str) -> Option<usize> {
    if ["<!t>", "<!o>", "<!i>", "<!l>", "<!r>", "<!q>", "<!/>"]
        .iter()
        .any(|mark| text.starts_with(mark))
    {
        return Some(4);
    }
    if text.starts_with(" st>") || text.starts_with(" st/>") {
        return Some(" st".len());
    }
    let mark = text.strip_prefix(" st=")?;
    let mut named = false;
    let end = mark.find(|c: char| {
        named = c != ')' && (named || c == '(');
        !named && !c.is_ascii_alphanumeric() && !matches!(c, '?' | '.' | ')' | '!')
    })?;
    let close = &mark[end..];
    if end == 0 {
        return None;
    }
    // In front of `/>` the mark has a space behind it as well.
    (close.starts_with('>') || close.starts_with(" />"))
        .then_some(" st=".len() + end + usize::from(close.starts_with(' ')))
}
