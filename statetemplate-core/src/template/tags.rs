//! Tags in a template's own text: where one starts, which elements it opens and closes, what fits inside.

use super::html::{TRANSPARENT, VOID};
use super::node::Node;

/// Whether text at a `<` is markup for the HTML parser.
pub(super) fn starts_markup(rest: &str) -> bool {
    let mut chars = rest.chars();
    chars.next() == Some('<')
        && match chars.next() {
            Some('/') => chars.next().is_some_and(|c| c.is_ascii_alphabetic()),
            Some('!' | '?') => true,
            Some(c) => c.is_ascii_alphabetic(),
            None => false,
        }
}

/// The name in an end tag at the start of the text.
pub(super) fn end_tag(rest: &str) -> Option<String> {
    let name = rest.strip_prefix("</")?;
    let end = name
        .find(|c: char| c.is_whitespace() || c == '/' || c == '>')
        .unwrap_or(name.len());
    Some(name[..end].to_ascii_lowercase())
}

pub(super) fn find_end_tag(text: &str, name: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = text[from..].find("</") {
        let at = from + found;
        if end_tag(&text[at..]).as_deref() == Some(name) {
            return Some(at);
        }
        from = at + 2;
    }
    None
}

/// Whether the template's own text inside a node stays within an attribute's value.
pub(super) fn fits_value(node: &Node<'_>, quote: Option<char>) -> bool {
    let mut fits = true;
    node.walk(&mut |inside| {
        if let Node::Raw(text) = inside {
            fits &= match quote {
                Some(quote) => !text.contains(quote),
                None => !text.contains(|c: char| c.is_whitespace() || matches!(c, '>' | '"' | '\'')),
            };
        }
    });
    fits
}

/// Whether the template's own text inside a node is whole attributes.
pub(super) fn fits_tag(node: &Node<'_>) -> bool {
    match node {
        Node::Emit(_) | Node::Guarded(..) | Node::Captured(..) => true,
        Node::If(_) | Node::For(_) => node.children().iter().all(|nodes| {
            let mut quote: Option<char> = None;
            nodes.iter().all(|inside| match inside {
                Node::Raw(text) => text.chars().all(|c| {
                    match quote {
                        Some(open) if c == open => quote = None,
                        Some(_) => {}
                        None if matches!(c, '"' | '\'') => quote = Some(c),
                        None => {}
                    }
                    quote.is_some() || c != '>'
                }),
                _ if quote.is_some() => fits_value(inside, quote),
                _ => inside.is_silent() || fits_tag(inside),
            }) && quote.is_none()
        }),
        _ => false,
    }
}

/// Whether whatever a node prints starts with white space, if it prints anything.
pub(super) fn opens_with_space(node: &Node<'_>) -> bool {
    match node {
        Node::If(_) | Node::For(_) => node.children().into_iter().all(|nodes| {
            let first = nodes.iter().find(|inside| !inside.is_silent());
            first.is_none_or(|first| match first {
                Node::Raw(text) => text.starts_with(char::is_whitespace),
                _ => false,
            })
        }),
        node => node.is_silent(),
    }
}

/// Whether a text of the template inside a node ends within the name of a tag.
pub(super) fn splits_tag(node: &Node<'_>) -> bool {
    let mut splits = false;
    node.walk(&mut |inside| {
        if let Node::Raw(text) = inside
            && let Some(at) = text.rfind('<')
        {
            let name = text[at + 1..].trim_start_matches('/');
            splits |= !name.contains(|c: char| c.is_whitespace() || matches!(c, '/' | '>' | '!' | '?'));
        }
    });
    splits
}

/// Follows the tags in a node's first branch, or in a loop's body once.
pub(super) fn follow(node: &Node<'_>, open: &mut Vec<String>) {
    let first = match node {
        Node::Raw(text) => {
            let mut offset = 0;
            while let Some(found) = text[offset..].find('<') {
                offset += found;
                offset += follow_tag(&text[offset..], open);
            }
            return;
        }
        Node::If(branch) => branch.arms.first().map(|(_, body)| body.clone()),
        Node::For(lp) => Some(lp.body.clone()),
        Node::AutoEscape(_, body) => Some(body.clone()),
        _ => None,
    };
    for inside in first.iter().flat_map(|nodes| nodes.iter()) {
        follow(inside, open);
    }
}

/// Follows one tag at the start of the text, and returns how much of the text it is.
pub(super) fn follow_tag(rest: &str, open: &mut Vec<String>) -> usize {
    if !starts_markup(rest) {
        return 1;
    }
    if let Some(name) = end_tag(rest) {
        // An end tag closes what was left open inside its element.
        if let Some(at) = open.iter().rposition(|opened| *opened == name) {
            open.truncate(at);
        }
        return 2;
    }
    if let Some(comment) = rest.strip_prefix("<!--") {
        return comment.find("-->").map_or(rest.len(), |end| end + 7);
    }
    if rest.starts_with("<!") || rest.starts_with("<?") {
        return 2;
    }
    let length = rest[1..]
        .find(|c: char| c.is_whitespace() || c == '/' || c == '>')
        .unwrap_or(rest.len() - 1);
    let name = rest[1..=length].to_ascii_lowercase();
    if !VOID.contains(&name.as_str()) && !TRANSPARENT.contains(&name.as_str()) {
        open.push(name);
    }
    length + 1
}
