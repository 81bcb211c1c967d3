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

use super::item::{Element, Item, TagPart};
use super::node::Node;
use super::opaque::Opaque;
use super::tags::{TEXT_ONLY, TRANSPARENT};

/// Makes regions of the smallest elements around marks that the HTML parser would move.
///
/// # Errors
/// Says what moves when no element is around it.
pub(super) fn settle(items: &mut Vec<Item<'_>>) -> Result<(), String> {
    let mut opaque = BTreeSet::new();
    loop {
        let mut skeleton = Skeleton::default();
        skeleton.items(items, None);
        let moved = skeleton.moved();
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
        let whole = opaque.contains(&skeleton.paths[&first]);
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
                        *item = Item::Region(all, Opaque::Moved);
                    } else {
                        element.children = vec![Item::Region(content, Opaque::Moved)];
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
    /// For each mark the element that should hold it.
    marks: Vec<Option<usize>>,
    /// Marks that should be siblings.
    pairs: Vec<(usize, usize)>,
    /// The marks that a text should follow.
    texts: BTreeSet<usize>,
    /// The elements that carry slots.
    carriers: BTreeSet<usize>,
}

impl Skeleton {
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
                    let start = self.mark(parent);
                    nodes.iter().for_each(|node| self.sample(node));
                    let end = self.mark(parent);
                    self.pairs.push((start, end));
                }
                Item::Branch(arms, otherwise) => {
                    for arm in arms.iter().map(|(_, arm)| arm).chain(std::iter::once(otherwise)) {
                        let start = self.mark(parent);
                        self.items(arm, parent);
                        let end = self.mark(parent);
                        self.pairs.push((start, end));
                    }
                }
                Item::List(_, body, otherwise) => {
                    let start = self.mark(parent);
                    let first = self.elements;
                    self.items(body, parent);
                    // A second row, whose elements are the same ones.
                    let (elements, carriers) = (self.elements, self.carriers.clone());
                    self.elements = usize::MAX / 2;
                    let second = self.mark(parent);
                    self.items_again(body, parent);
                    self.elements = elements;
                    self.carriers = carriers;
                    debug_assert!(first <= elements);
                    self.mark(parent);
                    self.items(otherwise, parent);
                    let end = self.mark(parent);
                    self.pairs.extend([(start, second), (start, end)]);
                }
                Item::Element(element) => self.element(element, parent),
                Item::Silent(_) | Item::Defined(_) | Item::HeadEnd => {}
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
    }

    /// Writes what nodes print: the first branch of each `if`, each loop's body once.
    fn sample(&mut self, node: &Node<'_>) {
        match node {
            Node::Raw(text) => self.html.push_str(text),
            Node::If(branch) => {
                branch
                    .arms
                    .iter()
                    .take(1)
                    .for_each(|(_, body)| body.iter().for_each(|inside| self.sample(inside)));
            }
            Node::For(lp) => lp.body.iter().for_each(|inside| self.sample(inside)),
            Node::AutoEscape(_, body) | Node::Filter(_, body) => {
                body.iter().for_each(|inside| self.sample(inside));
            }
            _ => {}
        }
    }

    /// The elements that hold something that the parser moved; `None` for what no element holds.
    fn moved(&self) -> BTreeSet<Option<usize>> {
        let options = ParseOpts::default();
        let dom = parse_document(RcDom::default(), options).one(self.html.as_str());
        let mut found = Found::default();
        found.walk(&dom.document);
        let mut moved = BTreeSet::new();
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
            if found.elements.get(carrier) != Some(&1) {
                moved.insert(self.parents.get(carrier).copied().flatten());
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
    /// How often each element is there.
    elements: BTreeMap<usize, usize>,
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
                            *self.elements.entry(number).or_default() += 1;
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
