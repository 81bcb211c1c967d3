//! Finds elements by CSS selectors, as far as tests need them, and reads forms as browsers do.

use html5ever::{ParseOpts, parse_document, tendril::TendrilSink};
use markup5ever_rcdom::{Handle, NodeData, RcDom};

/// A parsed page.
pub(super) struct Dom {
    dom: RcDom,
}

/// `a b > c, d`: alternatives, each a chain of compounds from the right.
struct Alternative {
    compounds: Vec<(Combinator, Compound)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Combinator {
    Descendant,
    Child,
}

#[derive(Default)]
struct Compound {
    tests: Vec<Test>,
}

enum Test {
    Tag(String),
    Attribute(String, Option<String>),
    Class(String),
    /// The place among its siblings that are elements, from 1; negative from the end.
    Nth(isize),
}

impl Dom {
    pub(super) fn parse(html: &str) -> Self {
        Dom {
            dom: parse_document(RcDom::default(), ParseOpts::default()).one(html),
        }
    }

    /// The elements that match, in document order.
    ///
    /// # Panics
    ///
    /// When the selector is not one that the kit understands.
    pub(super) fn select(&self, selector: &str) -> Vec<Handle> {
        let alternatives = parse_selector(selector).unwrap_or_else(|reason| {
            panic!("the test kit does not understand the selector {selector:?}: {reason}")
        });
        let mut found = Vec::new();
        walk(&self.dom.document, &mut |node| {
            if alternatives.iter().any(|alternative| alternative.matches(node)) {
                found.push(node.clone());
            }
        });
        found
    }

    /// The first element that matches.
    ///
    /// # Panics
    ///
    /// When there is none; the message shows the page.
    pub(super) fn one(&self, selector: &str) -> Handle {
        match self.select(selector).into_iter().next() {
            Some(node) => node,
            None => panic!("nothing on the page matches {selector:?}"),
        }
    }
}

/// Visits the elements below `node` in document order.
pub(super) fn walk(node: &Handle, visit: &mut impl FnMut(&Handle)) {
    // A template's content is not part of the document.
    for child in node.children.borrow().iter() {
        if matches!(child.data, NodeData::Element { .. }) {
            visit(child);
        }
        walk(child, visit);
    }
}

pub(super) fn tag(node: &Handle) -> &str {
    match &node.data {
        NodeData::Element { name, .. } => &name.local,
        _ => "",
    }
}

pub(super) fn attributes(node: &Handle) -> Vec<(String, String)> {
    match &node.data {
        NodeData::Element { attrs, .. } => attrs
            .borrow()
            .iter()
            .map(|attr| (attr.name.local.to_string(), attr.value.to_string()))
            .collect(),
        _ => Vec::new(),
    }
}

pub(super) fn attribute(node: &Handle, name: &str) -> Option<String> {
    attributes(node)
        .into_iter()
        .find(|(attr, _)| attr == name)
        .map(|(_, value)| value)
}

pub(super) fn parent(node: &Handle) -> Option<Handle> {
    let weak = node.parent.take();
    let parent = weak.as_ref().and_then(std::rc::Weak::upgrade);
    node.parent.set(weak);
    parent
}

/// The element itself or the nearest around it that satisfies `test`.
pub(super) fn closest(node: &Handle, test: impl Fn(&Handle) -> bool) -> Option<Handle> {
    let mut at = Some(node.clone());
    while let Some(node) = at {
        if test(&node) {
            return Some(node);
        }
        at = parent(&node);
    }
    None
}

/// The text of an element, as it stands in the document.
pub(super) fn raw_text(node: &Handle) -> String {
    let mut text = String::new();
    gather(node, &mut text);
    text
}

/// The text of an element as people read it: runs of white space are one space.
pub(super) fn text(node: &Handle) -> String {
    raw_text(node).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn gather(node: &Handle, text: &mut String) {
    if let NodeData::Text { contents } = &node.data {
        text.push_str(&contents.borrow());
    }
    for child in node.children.borrow().iter() {
        gather(child, text);
    }
}

impl Alternative {
    fn matches(&self, node: &Handle) -> bool {
        let Some(((_, last), before)) = self.compounds.split_last() else {
            return false;
        };
        let combinator = self.compounds[self.compounds.len() - 1].0;
        last.matches(node) && chain_matches(before, combinator, node)
    }
}

/// Whether the ancestors of `node` satisfy the compounds before its own.
fn chain_matches(before: &[(Combinator, Compound)], combinator: Combinator, node: &Handle) -> bool {
    let Some(((next, compound), rest)) = before.split_last() else {
        return true;
    };
    let mut at = parent(node);
    while let Some(ancestor) = at {
        if compound.matches(&ancestor) && chain_matches(rest, *next, &ancestor) {
            return true;
        }
        if combinator == Combinator::Child {
            return false;
        }
        at = parent(&ancestor);
    }
    false
}

impl Compound {
    fn matches(&self, node: &Handle) -> bool {
        matches!(node.data, NodeData::Element { .. }) && self.tests.iter().all(|test| test.matches(node))
    }
}

impl Test {
    fn matches(&self, node: &Handle) -> bool {
        match self {
            Test::Tag(name) => tag(node) == name,
            Test::Attribute(name, value) => {
                attribute(node, name).is_some_and(|found| value.as_ref().is_none_or(|value| *value == found))
            }
            Test::Class(class) => {
                attribute(node, "class").is_some_and(|classes| classes.split_whitespace().any(|c| c == class))
            }
            Test::Nth(place) => {
                let Some(parent) = parent(node) else { return false };
                let siblings = parent.children.borrow();
                let elements: Vec<_> = siblings
                    .iter()
                    .filter(|node| matches!(node.data, NodeData::Element { .. }))
                    .collect();
                let index = match usize::try_from(*place) {
                    Ok(place) => place.checked_sub(1),
                    Err(_) => elements.len().checked_sub(place.unsigned_abs()),
                };
                index
                    .and_then(|index| elements.get(index))
                    .is_some_and(|found| std::rc::Rc::ptr_eq(found, node))
            }
        }
    }
}

fn parse_selector(selector: &str) -> Result<Vec<Alternative>, String> {
    let mut alternatives = Vec::new();
    let mut compounds = Vec::new();
    let mut combinator = Combinator::Descendant;
    let mut rest = selector.trim();
    loop {
        if rest.is_empty() {
            break;
        }
        if let Some(after) = rest.strip_prefix(',') {
            alternatives.push(Alternative {
                compounds: std::mem::take(&mut compounds),
            });
            combinator = Combinator::Descendant;
            rest = after.trim_start();
            continue;
        }
        if let Some(after) = rest.strip_prefix('>') {
            combinator = Combinator::Child;
            rest = after.trim_start();
            continue;
        }
        let (compound, after) = parse_compound(rest)?;
        compounds.push((combinator, compound));
        combinator = Combinator::Descendant;
        rest = after.trim_start();
    }
    alternatives.push(Alternative { compounds });
    if alternatives
        .iter()
        .any(|alternative| alternative.compounds.is_empty())
    {
        return Err("an alternative is empty".into());
    }
    Ok(alternatives)
}

fn parse_compound(text: &str) -> Result<(Compound, &str), String> {
    let mut compound = Compound::default();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        match first {
            ' ' | '\n' | '\t' | ',' | '>' => break,
            '*' => rest = &rest[1..],
            '#' | '.' => {
                let (name, after) = identifier(&rest[1..])?;
                compound.tests.push(match first {
                    '#' => Test::Attribute("id".into(), Some(name.into())),
                    _ => Test::Class(name.into()),
                });
                rest = after;
                continue;
            }
            '[' => {
                let (inside, after) = rest[1..].split_once(']').ok_or("a [ has no ]")?;
                let (name, value) = match inside.split_once('=') {
                    Some((name, value)) => (name, Some(value.trim().trim_matches(['"', '\'']).to_owned())),
                    None => (inside, None),
                };
                let name = name.trim();
                if name.is_empty() || name.ends_with(['^', '$', '*', '~', '|']) {
                    return Err(format!("[{inside}] is not [name] or [name=value]"));
                }
                compound.tests.push(Test::Attribute(name.into(), value));
                rest = after;
                continue;
            }
            ':' => {
                let known = [(":first-child", 1), (":last-child", -1)];
                if let Some((name, place)) = known.into_iter().find(|(name, _)| rest.starts_with(name)) {
                    compound.tests.push(Test::Nth(place));
                    rest = &rest[name.len()..];
                } else if let Some(after) = rest.strip_prefix(":nth-child(") {
                    let (number, after) = after.split_once(')').ok_or("a ( has no )")?;
                    let place = number
                        .trim()
                        .parse()
                        .map_err(|_| format!("{number:?} is not a number"))?;
                    compound.tests.push(Test::Nth(place));
                    rest = after;
                } else {
                    return Err(format!(
                        "{rest:?} is not :first-child, :last-child or :nth-child(number)"
                    ));
                }
                continue;
            }
            _ => {
                let (name, after) = identifier(rest)?;
                compound.tests.push(Test::Tag(name.to_ascii_lowercase()));
                rest = after;
                continue;
            }
        }
    }
    Ok((compound, rest))
}

fn identifier(text: &str) -> Result<(&str, &str), String> {
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_'))
        .unwrap_or(text.len());
    if end == 0 {
        Err(format!("a name is missing before {text:?}"))
    } else {
        Ok(text.split_at(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<main id=m class="a b"><ul><li data-x=1>one<li class=a data-x="2 3"> two
        <b>too</b><li>three</ul><p>p</p></main><p class=a>last</p>"#;

    fn found(selector: &str) -> Vec<String> {
        Dom::parse(PAGE).select(selector).iter().map(text).collect()
    }

    #[test]
    fn selectors_find_what_css_finds() {
        assert_eq!(found("li"), ["one", "two too", "three"]);
        assert_eq!(found("#m li.a"), ["two too"]);
        assert_eq!(found("main > p, li > b"), ["too", "p"]);
        assert_eq!(found("main p"), ["p"]);
        assert_eq!(found("main > li"), [""; 0]);
        assert_eq!(found("[data-x]"), ["one", "two too"]);
        assert_eq!(found("li[data-x='2 3']"), ["two too"]);
        assert_eq!(found("li:first-child, li:last-child"), ["one", "three"]);
        assert_eq!(found("ul li:nth-child(2)"), ["two too"]);
        assert_eq!(found("p.a"), ["last"]);
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for selector in ["", "li:hover", "[x^=1]", "a,,b", "#"] {
            assert!(parse_selector(selector).is_err(), "{selector}");
        }
    }
}
