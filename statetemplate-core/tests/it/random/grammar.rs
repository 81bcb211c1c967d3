//! Reads grammar.txt, and makes proptest strategies of its symbols.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::strategy::Union;

use super::case::uncontrolled;

/// The tags of a scope: `row` inside of a loop over rows, `top` in the page's own file, and so on.
type Scope = BTreeSet<&'static str>;

/// A symbol at a depth in a scope.
type Made = (&'static str, u32, Scope);

/// How deep the symbols marked with `!` may stand in one another.
const DEPTH: u32 = 4;

/// The grammar, and the strategies that were made so far: each is made once, however often it occurs.
pub(crate) struct Grammar {
    symbols: BTreeMap<&'static str, Vec<Alternative>>,
    deep: BTreeSet<&'static str>,
    made: RefCell<BTreeMap<Made, Option<BoxedStrategy<String>>>>,
}

struct Alternative {
    weight: u32,
    /// The tag that the scope must have.
    tag: Option<&'static str>,
    parts: Vec<Part>,
}

enum Part {
    Text(String),
    Symbol {
        name: &'static str,
        /// Whether the scope around is left behind.
        alone: bool,
        tags: Vec<&'static str>,
        times: (usize, usize),
    },
}

impl Grammar {
    pub(crate) fn new() -> Self {
        let mut grammar = Grammar {
            symbols: BTreeMap::new(),
            deep: BTreeSet::new(),
            made: RefCell::default(),
        };
        let mut open = ("", None);
        for (number, line) in include_str!("grammar.txt").lines().enumerate() {
            let wrong = |what: &str| -> ! { panic!("grammar.txt, line {}: {what}: {line}", number + 1) };
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(alternative) = line.strip_prefix("  ") {
                let (weight, text) = alternative.split_once(' ').unwrap_or((alternative, ""));
                let Ok(weight) = weight.parse() else {
                    wrong("an alternative opens with its weight")
                };
                let parts = parts(text);
                grammar.symbols.entry(open.0).or_default().push(Alternative {
                    weight,
                    tag: open.1,
                    parts,
                });
                continue;
            }
            let Some(head) = line.strip_suffix(':') else {
                wrong("a symbol's name ends with a colon")
            };
            let name = head.strip_suffix('!').unwrap_or(head);
            let (name, tag) = name
                .split_once('@')
                .map_or((name, None), |(name, tag)| (name, Some(tag)));
            if head.ends_with('!') {
                grammar.deep.insert(name);
            }
            open = (name, tag);
        }
        for part in grammar
            .symbols
            .values()
            .flatten()
            .flat_map(|alternative| &alternative.parts)
        {
            if let Part::Symbol { name, .. } = part {
                assert!(
                    grammar.symbols.contains_key(name),
                    "grammar.txt defines no ${name}"
                );
            }
        }
        grammar
    }

    /// Texts that the symbol stands for.
    pub(super) fn strategy(&self, symbol: &'static str) -> BoxedStrategy<String> {
        let made = self.symbol(symbol, DEPTH, &Scope::new());
        made.unwrap_or_else(|| panic!("grammar.txt gives ${symbol} no alternative at its top"))
    }

    /// The texts of the grammar that occur in none of the templates: of each alternative the longest.
    pub(crate) fn unused(&self, templates: &str) -> Vec<String> {
        let texts = self.symbols.values().flatten().filter_map(|alternative| {
            let text = alternative.parts.iter().filter_map(|part| match part {
                Part::Text(text) => Some(text),
                Part::Symbol { .. } => None,
            });
            text.max_by_key(|text| text.len())
        });
        texts
            .map(|text| uncontrolled(text))
            .filter(|text| !templates.contains(text.as_str()))
            .collect()
    }

    fn symbol(&self, name: &'static str, depth: u32, scope: &Scope) -> Option<BoxedStrategy<String>> {
        let key = (name, depth, scope.clone());
        if let Some(made) = self.made.borrow().get(&key) {
            return made.clone();
        }
        let depth = match (self.deep.contains(name), depth) {
            (true, 0) => return None,
            (true, _) => depth - 1,
            (false, _) => depth,
        };
        let alternatives: Vec<(u32, BoxedStrategy<String>)> = self.symbols[name]
            .iter()
            .filter(|alternative| alternative.tag.is_none_or(|tag| scope.contains(tag)))
            .filter_map(|alternative| {
                Some((
                    alternative.weight,
                    self.sequence(&alternative.parts, depth, scope)?,
                ))
            })
            .collect();
        let made = (!alternatives.is_empty()).then(|| Union::new_weighted(alternatives).boxed());
        self.made.borrow_mut().insert(key, made.clone());
        made
    }

    fn sequence(&self, parts: &[Part], depth: u32, scope: &Scope) -> Option<BoxedStrategy<String>> {
        let mut strategies = Vec::new();
        for part in parts {
            strategies.push(match part {
                Part::Text(text) => Just(text.clone()).boxed(),
                Part::Symbol {
                    name,
                    alone,
                    tags,
                    times: (least, most),
                } => {
                    let mut inside = if *alone { Scope::new() } else { scope.clone() };
                    inside.extend(tags);
                    match self.symbol(name, depth, &inside) {
                        Some(once) if (*least, *most) == (1, 1) => once,
                        Some(once) => prop::collection::vec(once, *least..=*most)
                            .prop_map(|texts| texts.concat())
                            .boxed(),
                        None if *least == 0 => Just(String::new()).boxed(),
                        None => return None,
                    }
                }
            });
        }
        Some(match strategies.len() {
            1 => strategies.remove(0),
            _ => strategies.prop_map(|texts| texts.concat()).boxed(),
        })
    }
}

fn parts(text: &'static str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, symbol) = rest.split_at(at);
        parts.push(Part::Text(unescape(before)));
        let (name, mut after) = word(&symbol[1..]);
        let (mut alone, mut tags) = (false, Vec::new());
        while let Some(mark @ ('@' | '=')) = after.chars().next()
            && after[1..].starts_with(|c: char| c.is_ascii_lowercase())
        {
            alone |= mark == '=';
            let (tag, follows) = word(&after[1..]);
            tags.push(tag);
            after = follows;
        }
        let times = match after.chars().next() {
            Some('?') => (0, 1),
            Some('*') => (0, 3),
            Some('+') => (1, 3),
            _ => (1, 1),
        };
        rest = if times == (1, 1) { after } else { &after[1..] };
        parts.push(Part::Symbol {
            name,
            alone,
            tags,
            times,
        });
    }
    parts.push(Part::Text(unescape(rest)));
    parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
    parts
}

/// The name at the start of a text, and what follows it.
fn word(text: &'static str) -> (&'static str, &'static str) {
    let end = text.find(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '_');
    text.split_at(end.unwrap_or(text.len()))
}

fn unescape(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\t", "\t").replace("\\s", " ")
}
