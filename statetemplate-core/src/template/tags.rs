//! Tags in a template's own text: where one starts, which elements it opens and closes, what fits inside.

use super::node::Node;
use super::text;

/// Elements that the HTML parser closes at once, those that HTML no longer has among them.
pub(super) const VOID: &[&str] = &[
    "area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "image", "img", "input",
    "keygen", "link", "meta", "param", "source", "track", "wbr",
];
/// Elements whose content is text up to their end tag. Entities count in the first two only.
pub(super) const TEXT_ONLY: &[&str] = &[
    "title", "textarea", "script", "style", "xmp", "iframe", "noembed", "noframes", "noscript",
];
/// Elements whose tags may be left out everywhere: they hold whatever is around them.
pub(super) const TRANSPARENT: &[&str] = &["html", "head", "body"];

/// Whether an element's content is read as text in which `&amp;` means `&amp;`.
pub(super) fn is_raw_text(name: &str) -> bool {
    TEXT_ONLY.contains(&name) && name != "title" && name != "textarea"
}

/// Whether the HTML parser drops a newline at the very start of the element.
pub(super) fn drops_first_newline(name: &str) -> bool {
    matches!(name, "pre" | "textarea" | "listing")
}

/// What the HTML parser takes for white space.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c')
}

/// Whether text at a `<` is markup for the HTML parser.
pub(super) fn starts_markup(rest: &str) -> bool {
    let mut chars = rest.chars();
    chars.next() == Some('<')
        && match chars.next() {
            // Without a name behind it, what follows is a comment.
            Some('/') => chars.next().is_some(),
            Some('!' | '?') => true,
            Some(c) => c.is_ascii_alphabetic(),
            None => false,
        }
}

/// The name in an end tag at the start of the text.
pub(super) fn end_tag(rest: &str) -> Option<String> {
    let name = rest
        .strip_prefix("</")
        .filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()))?;
    let end = name
        .find(|c: char| is_space(c) || c == '/' || c == '>')
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
                None => !text.contains(|c: char| is_space(c) || matches!(c, '>' | '"' | '\'')),
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

/// Whether the text of nodes has character references that can't be read apart from what is beside them.
pub(super) fn refers_oddly(nodes: &[Node<'_>]) -> bool {
    nodes.iter().enumerate().any(|(at, node)| match node {
        Node::Raw(html) => text::is_open_ended(html) && nodes[at + 1..].iter().any(|next| !next.is_silent()),
        _ => {
            let mut odd = false;
            node.walk(&mut |inside| {
                if let Node::Raw(html) = inside {
                    odd |= text::is_open_ended(html) || !text::is_plain(html);
                }
            });
            odd
        }
    })
}

/// Whether whatever a node prints starts with white space, if it prints anything.
pub(super) fn opens_with_space(node: &Node<'_>) -> bool {
    match node {
        Node::If(_) | Node::For(_) => node.children().into_iter().all(|nodes| {
            let first = nodes.iter().find(|inside| !inside.is_silent());
            first.is_none_or(|first| match first {
                Node::Raw(text) => text.starts_with(is_space),
                _ => false,
            })
        }),
        node => node.is_silent(),
    }
}

/// Whether a text of the template ends within the name of a tag, and something else than an expression may go on with it.
pub(super) fn splits_tag(nodes: &[Node<'_>]) -> bool {
    let shown: Vec<&Node<'_>> = nodes.iter().filter(|node| !node.is_silent()).collect();
    shown.iter().enumerate().any(|(at, node)| match node {
        Node::Raw(text) => ends_in_name(text) && !name_ends(&shown[at + 1..]),
        _ => node.children().into_iter().any(|inside| splits_tag(inside)),
    })
}

/// Whether what follows the name of a tag ends it, or is part of it in any case.
fn name_ends(nodes: &[&Node<'_>]) -> bool {
    // As in `<h{{ level }}>`, where the data goes on with the name.
    let printed = |node: &&&Node<'_>| matches!(node, Node::Emit(_) | Node::Guarded(..));
    let named = nodes.iter().take_while(printed).count();
    match nodes[named..].iter().find(|node| !opens_with_space(node)) {
        Some(Node::Raw(text)) => text.starts_with(|c: char| is_space(c) || matches!(c, '/' | '>')),
        _ => false,
    }
}

fn ends_in_name(text: &str) -> bool {
    text.rfind('<').is_some_and(|at| {
        let name = text[at + 1..].trim_start_matches('/');
        name.chars().next().is_none_or(|c| c.is_ascii_alphabetic())
            && !name.contains(|c: char| is_space(c) || matches!(c, '/' | '>'))
    })
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
    if ["<!", "<?", "</"].iter().any(|start| rest.starts_with(start)) {
        return 2;
    }
    let length = rest[1..]
        .find(|c: char| is_space(c) || c == '/' || c == '>')
        .unwrap_or(rest.len() - 1);
    let name = rest[1..=length].to_ascii_lowercase();
    if !VOID.contains(&name.as_str()) && !TRANSPARENT.contains(&name.as_str()) {
        open.push(name);
    }
    length + 1
}
