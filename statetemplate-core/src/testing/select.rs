//! A small part of CSS selectors.

use markup5ever_rcdom::Handle;

use super::html;

/// The elements below `root` that `selector` finds, in document order.
pub(super) fn all(root: &Handle, selector: &str) -> Vec<Handle> {
    let compounds = match parse(selector) {
        Ok(compounds) => compounds,
        Err(why) => panic!("the selector {selector:?} is malformed: {why}"),
    };
    html::descendants(root)
        .into_iter()
        .filter(|element| matches(element, &compounds))
        .collect()
}

/// One step of a selector: what an element must be.
#[derive(Debug, Default)]
struct Compound {
    tag: Option<String>,
    /// Attributes that must be there, and their values where they matter.
    attributes: Vec<(String, Option<String>)>,
    classes: Vec<String>,
}

fn matches(element: &Handle, compounds: &[Compound]) -> bool {
    let Some((last, ancestors)) = compounds.split_last() else {
        return true;
    };
    if !last.matches(element) {
        return false;
    }
    if ancestors.is_empty() {
        return true;
    }
    let mut above = html::parent_of(element);
    while let Some(ancestor) = above {
        if matches(&ancestor, ancestors) {
            return true;
        }
        above = html::parent_of(&ancestor);
    }
    false
}

impl Compound {
    fn matches(&self, element: &Handle) -> bool {
        let Some(tag) = html::tag(element) else {
            return false;
        };
        let has = |(name, wanted): &(String, Option<String>)| {
            html::attribute(element, name)
                .is_some_and(|value| wanted.as_ref().is_none_or(|wanted| *wanted == value))
        };
        let classes = html::attribute(element, "class").unwrap_or_default();
        self.tag.as_ref().is_none_or(|wanted| wanted == tag)
            && self.attributes.iter().all(has)
            && self
                .classes
                .iter()
                .all(|wanted| classes.split_ascii_whitespace().any(|class| class == wanted))
    }
}

fn parse(selector: &str) -> Result<Vec<Compound>, String> {
    let mut compounds = Vec::new();
    let mut rest = selector.trim();
    if rest.is_empty() {
        return Err("it is empty".to_owned());
    }
    while !rest.is_empty() {
        let (compound, after) = parse_compound(rest)?;
        compounds.push(compound);
        rest = after.trim_start();
    }
    Ok(compounds)
}

fn parse_compound(selector: &str) -> Result<(Compound, &str), String> {
    let mut compound = Compound::default();
    let (tag, mut rest) = word(selector);
    if let Some(after) = rest.strip_prefix('*').filter(|_| tag.is_empty()) {
        rest = after;
    } else if !tag.is_empty() {
        compound.tag = Some(tag.to_owned());
    }
    while let Some(first) = rest.chars().next().filter(|c| !c.is_whitespace()) {
        let after = &rest[first.len_utf8()..];
        rest = match first {
            '#' | '.' => {
                let (name, after) = word(after);
                if name.is_empty() {
                    return Err(format!("a name is missing after {first:?}"));
                }
                match first {
                    '#' => compound.attributes.push(("id".to_owned(), Some(name.to_owned()))),
                    _ => compound.classes.push(name.to_owned()),
                }
                after
            }
            '[' => {
                let (inside, after) = after.split_once(']').ok_or("a ] is missing")?;
                let (name, value) = match inside.split_once('=') {
                    Some((name, value)) => (name, Some(value.trim_matches(['"', '\'']).to_owned())),
                    None => (inside, None),
                };
                if name.is_empty() || !word(name).1.is_empty() {
                    return Err(format!("{name:?} is no attribute's name"));
                }
                compound.attributes.push((name.to_owned(), value));
                after
            }
            other => return Err(format!("{other:?} is not supported")),
        };
    }
    Ok((compound, rest))
}

fn word(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_'))
        .unwrap_or(text.len());
    text.split_at(end)
}
