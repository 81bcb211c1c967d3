//! Differences of `class` and `style` attributes.

use std::collections::BTreeMap;

/// The classes that come and those that go; `None` when adding and removing does not lead from one value to the other.
pub(super) fn classes(old: &str, new: &str) -> Option<(Vec<String>, Vec<String>)> {
    let without = |from: &str, other: &str| {
        from.split_ascii_whitespace()
            .filter(|class| !other.split_ascii_whitespace().any(|known| known == *class))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (added, removed) = (without(new, old), without(old, new));
    (!added.is_empty() || !removed.is_empty()).then_some((added, removed))
}

/// The properties to set and to remove; `None` when one of the values is not a plain list of declarations whose order
/// means nothing, or when they differ in nothing but their order.
pub(super) fn styles(old: &str, new: &str) -> Option<BTreeMap<String, Option<String>>> {
    let (old, new) = (declarations(old)?, declarations(new)?);
    let mut names: Vec<&str> = old.keys().map(String::as_str).collect();
    names.extend(
        new.keys()
            .filter(|name| !old.contains_key(*name))
            .map(String::as_str),
    );
    if !are_independent(&names) {
        return None;
    }
    let mut changes = BTreeMap::new();
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        changes.insert(name.clone(), None);
    }
    for (name, value) in new {
        if old.get(&name) != Some(&value) {
            changes.insert(name, Some(value));
        }
    }
    (!changes.is_empty()).then_some(changes)
}

/// Whether no property can be a shorthand of another: then each can be set by itself, in any order. Two of one family,
/// such as `border-top` and `border-color`, count as dependent.
fn are_independent(names: &[&str]) -> bool {
    let mut families: Vec<&str> = Vec::new();
    names.iter().filter(|name| !name.starts_with("--")).all(|name| {
        let family = name.split('-').next().unwrap_or_default();
        let reaches_others = matches!(family, "all" | "inset" | "place" | "gap");
        let fresh = !reaches_others && !families.contains(&family);
        families.push(family);
        fresh
    })
}

/// The declarations of a style by property; `None` when one is malformed, or a property is given twice.
fn declarations(style: &str) -> Option<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for declaration in split(style)? {
        let (name, value) = declaration.split_once(':')?;
        let (name, value) = (name.trim(), value.trim());
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || value.is_empty() || value.contains('!') || !name.chars().all(plain) {
            return None;
        }
        if found.insert(name.to_owned(), value.to_owned()).is_some() {
            return None;
        }
    }
    Some(found)
}

/// A style's declarations, split at semicolons outside of quotes and brackets.
fn split(style: &str) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let (mut start, mut depth, mut quote) = (0, 0usize, None);
    for (at, c) in style.char_indices() {
        match (quote, c) {
            (_, '\\') => return None,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.checked_sub(1)?,
            (None, ';') if depth == 0 => {
                parts.push(&style[start..at]);
                start = at + 1;
            }
            (None, _) => {}
        }
    }
    parts.push(&style[start..]);
    if depth > 0 || quote.is_some() || style.contains("/*") {
        return None;
    }
    Some(parts.into_iter().filter(|part| !part.trim().is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_come_and_go() {
        let (added, removed) = classes("task done", " task  urgent ").unwrap();
        assert_eq!(
            (added, removed),
            (vec!["urgent".to_owned()], vec!["done".to_owned()])
        );
        assert_eq!(classes("a b", "b a"), None);
    }

    #[test]
    fn styles_change_by_property() {
        let changes = styles("color: red; width: 3px", "width:4px;top:0;").unwrap();
        let changes: Vec<_> = changes.iter().map(|(k, v)| (k.as_str(), v.as_deref())).collect();
        assert_eq!(
            changes,
            [("color", None), ("top", Some("0")), ("width", Some("4px"))]
        );
        let image = styles("", "background: url(data:image/png;base64,AA==)").unwrap();
        assert_eq!(
            image["background"].as_deref(),
            Some("url(data:image/png;base64,AA==)")
        );
    }

    #[test]
    fn styles_that_are_not_plain_are_sent_whole() {
        for style in [
            "color",
            "color:",
            "a:b;a:c",
            "a:'b",
            "a:(b",
            "a:b)",
            "a:/*;*/b",
            "a:\\3b",
            "margin:0;margin-top:1px",
            "a:b!important",
            "inset:0",
        ] {
            assert_eq!(styles("", style), None, "{style:?}");
        }
        assert_eq!(styles("a:b;c:d", "c:d;a:b"), None);
        assert_eq!(styles("border-top:0", "border:1px"), None);
    }
}
