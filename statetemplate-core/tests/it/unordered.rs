//! HTML in which classes and declarations of styles have one order, since theirs has no meaning.

/// Sorts what has no order: classes, and declarations of styles.
pub(crate) fn unordered(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some((at, name, separator)) = [(" class=\"", ' '), (" style=\"", ';')]
        .into_iter()
        .filter_map(|(name, separator)| Some((rest.find(name)?, name, separator)))
        .min()
    {
        let (before, value) = rest.split_at(at + name.len());
        let (value, after) = value.split_once('"').unwrap();
        // Classes stand apart by any white space, declarations by their semicolons alone.
        let parts = value.split(|c: char| c == separator || (separator == ' ' && c.is_ascii_whitespace()));
        let mut parts: Vec<&str> = parts.map(str::trim).filter(|part| !part.is_empty()).collect();
        parts.sort_unstable();
        // A class given twice is given once; declarations are not repeated by these templates.
        parts.dedup();
        out += before;
        out += &parts.join(&separator.to_string());
        out.push('"');
        rest = after;
    }
    out + rest
}
