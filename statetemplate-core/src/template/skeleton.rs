//! Asks an HTML parser whether the marks stay where they are put.
//!
//! A `<table>` without `tbody`, a `<p>` around a `<div>`, text in a table: the parser moves what follows, and marks with
//! it. Such an element is replaced as a whole instead: first what is inside it, and if the marks around that move as
//! well, the element itself within its parent.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use html5ever::tendril::TendrilSink as _;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};

use super::html::{Element, Item, TEXT_ONLY, TRANSPARENT, TagPart};
use super::node::Node;

/// In how many ways the page is tried when parts of it are opened in one branch and closed in another.
const VARIANTS: usize = 12;

/// Elements after which a text would end the page's head.
const IN_HEAD: &[&str] = &[
    "title", "meta", "link", "base", "script", "style", "noscript", "template",
];

/// Elements in which a text would be moved or dropped.
const HOLDS_NO_TEXT: &[&str] = &[
    "table", "tbody", "thead", "tfoot", "tr", "colgroup", "select", "frameset",
];

const REASON: &str = "the HTML parser moves what is inside";

/// Makes regions of the smallest elements around marks that the HTML parser would move.
///
/// # Errors
/// Says what moves when no element is around it.
pub(super) fn settle(items: &mut Vec<Item<'_>>) -> Result<(), String> {
    let mut opaque = BTreeSet::new();
    loop {
        let mut skeleton = Skeleton::default();
        let mut moved = BTreeSet::new();
        for variant in 0..VARIANTS {
            skeleton = Skeleton {
                variant,
                ..Skeleton::default()
            };
            skeleton.items(items, None);
            moved = skeleton.moved();
            if !moved.is_empty() || !skeleton.varies {
                break;
            }
        }
        if moved.is_empty() {
            return Ok(());
        }
        let mut wanted = Vec::new();
        for owner in moved {
            let Some(owner) = owner else {
                return Err("the HTML parser moves parts of the page that no element holds".to_owned());
            };
            wanted.push(owner);
        }
        // Numbers change with the items, so the outermost goes first and the rest is asked again.
        let Some(first) = wanted.into_iter().min() else {
            return Ok(());
        };
        // What does not belong into a table is moved in front of it, so only the whole table can hold it.
        let table = skeleton.table_around(first);
        let whole = table.is_some() || opaque.contains(&skeleton.paths[&first]);
        let first = table.unwrap_or(first);
        opaque.insert(skeleton.paths[&first].clone());
        let mut number = 0;
        replace(items, first, whole, &mut number);
    }
}

/// Replaces the content of the element with this number, or the element.
fn replace<'a>(items: &mut Vec<Item<'a>>, wanted: usize, whole: bool, number: &mut usize) -> bool {
    for item in items {
        let found = match item {
            Item::Element(element) => {
                let this = *number;
                *number += 1;
                if this == wanted {
                    let (content, all) = (element.content.clone(), element.whole.clone());
                    if whole {
                        *item = Item::Region(all, REASON);
                    } else {
                        element.children = vec![Item::Region(content, REASON)];
                    }
                    return true;
                }
                replace(&mut element.children, wanted, whole, number)
            }
            Item::Branch(arms, otherwise) => {
                arms.iter_mut()
                    .any(|(_, arm)| replace(arm, wanted, whole, number))
                    || replace(otherwise, wanted, whole, number)
            }
            Item::List(_, body, otherwise) => {
                replace(body, wanted, whole, number) || replace(otherwise, wanted, whole, number)
            }
            _ => false,
        };
        if found {
            return true;
        }
    }
    false
}

/// The page with each branch shown and each list with two rows, and where each mark should be found.
#[derive(Default)]
struct Skeleton {
    html: String,
    elements: usize,
    /// For each element the elements around it, as a name for it that stays while others change.
    paths: BTreeMap<usize, String>,
    parents: BTreeMap<usize, Option<usize>>,
    /// The elements' names.
    names: BTreeMap<usize, String>,
    /// For each mark the element that should hold it.
    marks: Vec<Option<usize>>,
    /// Marks that should be siblings.
    pairs: Vec<(usize, usize)>,
    /// The marks that a text should follow.
    texts: BTreeSet<usize>,
    /// The elements that carry slots, and those that come and go.
    carriers: BTreeSet<usize>,
    /// Elements that can't hold what is in them: there is no telling where in a table HTML ends up.
    forced: BTreeSet<usize>,
    /// Which branches the nodes of regions take.
    variant: usize,
    /// How many such choices were made.
    choices: usize,
    /// Whether another variant would look different.
    varies: bool,
}

impl Skeleton {
    /// The innermost table around an element, or the element if it is one; `None` where content is free.
    fn table_around(&self, mut element: usize) -> Option<usize> {
        loop {
            match self.names.get(&element).map(String::as_str) {
                Some("table") => return Some(element),
                Some("tbody" | "thead" | "tfoot" | "tr" | "colgroup") => {
                    element = self.parents.get(&element).copied().flatten()?;
                }
                _ => return None,
            }
        }
    }

    fn mark(&mut self, parent: Option<usize>) -> usize {
        let _ = write!(self.html, "<!--m{}-->", self.marks.len());
        self.marks.push(parent);
        self.marks.len() - 1
    }

    fn items(&mut self, items: &[Item<'_>], parent: Option<usize>) {
        for item in items {
            match item {
                Item::Static(html) => self.html.push_str(html),
                Item::Text(_) => {
                    let mark = self.mark(parent);
                    self.texts.insert(mark);
                    self.html.push('x');
                }
                Item::Region(nodes, _) => {
                    if let Some(parent) = parent
                        && self.table_around(parent).is_some()
                    {
                        self.forced.insert(parent);
                    }
                    let start = self.mark(parent);
                    nodes.iter().for_each(|node| self.sample(node));
                    let end = self.mark(parent);
                    self.pairs.push((start, end));
                }
                Item::Branch(arms, otherwise) => {
                    for arm in arms.iter().map(|(_, arm)| arm).chain(std::iter::once(otherwise)) {
                        let start = self.mark(parent);
                        self.loose(arm, parent);
                        let end = self.mark(parent);
                        self.pairs.push((start, end));
                    }
                }
                Item::List(_, body, otherwise) => {
                    let start = self.mark(parent);
                    let first = self.elements;
                    self.loose(body, parent);
                    // A second row, whose elements are the same ones.
                    let (elements, carriers) = (self.elements, self.carriers.clone());
                    self.elements = usize::MAX / 2;
                    let second = self.mark(parent);
                    self.items_again(body, parent);
                    self.elements = elements;
                    self.carriers = carriers;
                    debug_assert!(first <= elements);
                    self.mark(parent);
                    self.loose(otherwise, parent);
                    let end = self.mark(parent);
                    self.pairs.extend([(start, second), (start, end)]);
                }
                Item::Element(element) => self.element(element, parent),
                Item::Silent(_) | Item::Defined(_) | Item::HeadEnd => {}
            }
        }
    }

    /// Writes items that come and go: their texts and elements must stay among them, too.
    fn loose(&mut self, items: &[Item<'_>], parent: Option<usize>) {
        for item in items {
            match item {
                Item::Static(html) if !html.starts_with('<') && !html.trim_ascii().is_empty() => {
                    let mark = self.mark(parent);
                    self.texts.insert(mark);
                    self.html.push_str(html);
                }
                Item::Element(element) => {
                    self.carriers.insert(self.elements);
                    self.element(element, parent);
                }
                other => self.items(std::slice::from_ref(other), parent),
            }
        }
    }

    /// Writes a row once more, without asking for its inside.
    fn items_again(&mut self, items: &[Item<'_>], parent: Option<usize>) {
        let (marks, texts) = (self.marks.len(), self.texts.clone());
        self.items(items, parent);
        for mark in &mut self.marks[marks..] {
            *mark = Some(usize::MAX);
        }
        self.texts = texts;
    }

    fn element(&mut self, element: &Element<'_>, parent: Option<usize>) {
        let number = self.elements;
        self.elements += 1;
        if number < usize::MAX / 2 {
            let around = parent
                .and_then(|parent| self.paths.get(&parent))
                .cloned()
                .unwrap_or_default();
            let siblings = self.parents.values().filter(|known| **known == parent).count();
            self.paths
                .insert(number, format!("{around}/{}{siblings}", element.name));
            self.parents.insert(number, parent);
            self.names.insert(number, element.name.clone());
        }
        let last = element.tag.len() - 1;
        for (at, part) in element.tag.iter().enumerate() {
            match part {
                TagPart::Static(html) if at == last => {
                    let _ = write!(self.html, " st-n={number} {html}");
                }
                TagPart::Static(html) => self.html.push_str(html),
                TagPart::Attribute { .. } => {
                    self.html.push('x');
                    self.carriers.insert(number);
                }
                TagPart::Attributes(_) => {
                    self.carriers.insert(number);
                }
            }
        }
        if TEXT_ONLY.contains(&element.name.as_str()) {
            self.html.push('x');
        } else {
            let inside = if TRANSPARENT.contains(&element.name.as_str()) {
                parent
            } else {
                Some(number)
            };
            self.items(&element.children, inside);
        }
        self.html.push_str(&element.end);
        // A `<b>` that a branch left open inside goes on behind the end tag, around the next text.
        let free = match parent.and_then(|parent| self.names.get(&parent)) {
            Some(around) => !HOLDS_NO_TEXT.contains(&around.as_str()),
            None => !IN_HEAD.contains(&element.name.as_str()),
        };
        if free
            && number < usize::MAX / 2
            && element
                .children
                .iter()
                .any(|child| matches!(child, Item::Region(..)))
        {
            let mark = self.mark(parent);
            self.texts.insert(mark);
            self.html.push('x');
        }
    }

    /// Writes what nodes may print: some branch of each `if`, each loop's body a few times.
    fn sample(&mut self, node: &Node<'_>) {
        match node {
            Node::Raw(text) => self.html.push_str(text),
            Node::If(branch) => {
                let bodies: Vec<_> = branch
                    .arms
                    .iter()
                    .map(|(_, body)| body)
                    .chain([&branch.otherwise])
                    .collect();
                let body = bodies[self.choice(bodies.len())];
                body.iter().for_each(|inside| self.sample(inside));
            }
            Node::For(lp) => {
                // At first once, as often as any: most loops are balanced or not whatever their number of rows.
                let times = [1, 0, 2][self.choice(3)];
                let body = if times == 0 { &lp.otherwise } else { &lp.body };
                for _ in 0..times.max(1) {
                    body.iter().for_each(|inside| self.sample(inside));
                }
            }
            Node::AutoEscape(_, body) | Node::Filter(_, body) => {
                body.iter().for_each(|inside| self.sample(inside));
            }
            Node::Emit(_) | Node::Guarded(..) | Node::Captured(..) => {
                let printed = ["x", ""][self.choice(2)];
                self.html.push_str(printed);
            }
            Node::Native(_) => {
                // It may print anything that is balanced, even what ends a paragraph, a link or a button around it.
                const SAMPLES: [&str; 5] = ["x", "<div>x</div>", "", "<a>x</a>", "<button>x</button>"];
                let printed = SAMPLES[self.choice(SAMPLES.len())];
                self.html.push_str(printed);
            }
            _ => {}
        }
    }

    /// One of so many ways to go on: in the first variant always the first, then all kinds of others.
    fn choice(&mut self, ways: usize) -> usize {
        self.varies = true;
        self.choices += 1;
        match self.variant {
            0 => 0,
            1 => ways - 1,
            // In turns, so that each way is taken with each neighbour.
            2..8 => (self.variant + self.choices) % ways,
            // Multiplied by an odd number, so that neighbours do not choose alike.
            variant => (variant * 7 + self.choices * 0x9E37_79B1 * variant) / 64 % ways,
        }
    }

    /// The elements that hold something that the parser moved; `None` for what no element holds.
    fn moved(&self) -> BTreeSet<Option<usize>> {
        let options = ParseOpts::default();
        let dom = parse_document(RcDom::default(), options).one(self.html.as_str());
        let mut found = Found::default();
        found.walk(&dom.document);
        let mut moved: BTreeSet<Option<usize>> = self.forced.iter().copied().map(Some).collect();
        for (mark, expected) in self.marks.iter().enumerate() {
            if *expected == Some(usize::MAX) {
                continue;
            }
            let stays = found.marks.get(&mark).is_some_and(|(parent, text)| {
                *parent == Place::of(*expected) && (*text || !self.texts.contains(&mark))
            });
            if !stays {
                moved.insert(*expected);
            }
        }
        // Parts of the page that no element of the template holds must at least stay in one place.
        for (start, end) in &self.pairs {
            if self.marks[*start].is_none() && found.roots.get(start) != found.roots.get(end) {
                moved.insert(None);
            }
        }
        for carrier in &self.carriers {
            let parent = self.parents.get(carrier).copied().flatten();
            if found.elements.get(carrier) != Some(&(1, Place::of(parent))) {
                moved.insert(parent);
            }
        }
        moved
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Directly in the page.
    Page,
    Element(usize),
    /// In an element that the parser made up.
    Implied,
}

impl Place {
    fn of(expected: Option<usize>) -> Self {
        expected.map_or(Place::Page, Place::Element)
    }
}

#[derive(Default)]
struct Found {
    /// Where each mark is, and whether a text follows it.
    marks: BTreeMap<usize, (Place, bool)>,
    /// What holds the marks that no element of the template holds: `head`, `body`, or nothing.
    roots: BTreeMap<usize, String>,
    /// How often each element is there, and where.
    elements: BTreeMap<usize, (usize, Place)>,
}

impl Found {
    fn walk(&mut self, root: &Handle) {
        let mut next = vec![(root.clone(), Place::Page)];
        while let Some((node, place)) = next.pop() {
            // What is inside a `<template>` is no part of the document: clients do not look there.
            let children = node.children.borrow().clone();
            let holder = match &node.data {
                NodeData::Element { name, .. } => name.local.to_string(),
                _ => String::new(),
            };
            for (at, child) in children.iter().enumerate() {
                match &child.data {
                    NodeData::Comment { contents } => {
                        if let Some(mark) = contents.strip_prefix('m').and_then(|mark| mark.parse().ok()) {
                            let text = children
                                .get(at + 1)
                                .is_some_and(|next| matches!(next.data, NodeData::Text { .. }));
                            self.marks.insert(mark, (place, text));
                            self.roots.insert(mark, holder.clone());
                        }
                    }
                    NodeData::Element { name, attrs, .. } => {
                        let number = attrs
                            .borrow()
                            .iter()
                            .find(|attr| &*attr.name.local == "st-n")
                            .and_then(|attr| attr.value.parse().ok());
                        if let Some(number) = number {
                            self.elements.entry(number).or_insert((0, place)).0 += 1;
                        }
                        let inside = match number {
                            _ if TRANSPARENT.contains(&&*name.local) => Place::Page,
                            Some(number) => Place::Element(number),
                            None => Place::Implied,
                        };
                        next.push((child.clone(), inside));
                    }
                    _ => {}
                }
            }
        }
    }
}
