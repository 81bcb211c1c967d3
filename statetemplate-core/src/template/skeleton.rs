//! Asks an HTML parser whether the marks stay where they are put.
//!
//! A `<table>` without `tbody`, a `<p>` around a `<div>`, text in a table: the parser moves what follows, and marks with
//! it. Such an element is replaced as a whole instead: first what is inside it, and if the marks around that move as
//! well, the element itself within its parent.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use html5ever::tendril::TendrilSink as _;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};

use super::item::{Element, Item, TagPart};
use super::machinery::ast::{Expr, Stmt};
use super::node::{Node, emitted};
use super::opaque::Opaque;
use super::syntax;
use super::tags::{TEXT_ONLY, TRANSPARENT};
use super::ways::{self, Way};

/// Makes regions of the smallest elements around marks that the HTML parser would move.
///
/// # Errors
/// Says what moves when no element is around it.
pub(super) fn settle(items: &mut Vec<Item<'_>>) -> Result<(), String> {
    let mut opaque = BTreeSet::new();
    loop {
        let skeleton = Skeleton::of(items, Sample::default());
        let mut moved = skeleton.moved();
        if moved.is_empty() {
            moved = leaks(items, &skeleton);
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
        let whole = opaque.contains(&skeleton.paths[&first]);
        opaque.insert(skeleton.paths[&first].clone());
        let mut number = 0;
        replace(items, first, whole, &mut number);
    }
}

/// The elements that hold a region of which something ends up elsewhere: text and elements in a table, a tag that is not
/// closed. Its marks stay where they are, so it is only seen by what is around them.
fn leaks(items: &[Item<'_>], skeleton: &Skeleton<'_>) -> BTreeSet<Option<usize>> {
    let mut found = BTreeSet::new();
    if skeleton.regions.is_empty() {
        return found;
    }
    // A formatting element that is not closed shows only where there is text after it.
    for probe in [false, true] {
        let around = |choice, only| {
            let sample = Sample { choice, only, probe };
            Skeleton::of(items, sample).outside_of_regions()
        };
        let nothing = around(Choice::Nothing, None);
        let through = skeleton.ways.iter().map(Choice::Through);
        let mixed = (0..MIXED).map(Choice::Mixed);
        for choice in [Choice::First, Choice::Otherwise, Choice::Last]
            .into_iter()
            .chain(through)
            .chain(mixed)
        {
            if around(choice, None) == nothing {
                continue;
            }
            for (number, region) in skeleton.regions.iter().enumerate() {
                if around(choice, Some(number)) != nothing {
                    found.insert(region.parent);
                }
            }
            if found.is_empty() {
                found.extend(skeleton.regions.iter().map(|region| region.parent));
            }
            return found;
        }
    }
    found
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
struct Skeleton<'w> {
    html: String,
    elements: usize,
    /// For each element the elements around it, as a name for it that stays while others change.
    paths: BTreeMap<usize, String>,
    parents: BTreeMap<usize, Option<usize>>,
    /// How many elements each element holds.
    children: BTreeMap<Option<usize>, usize>,
    /// For each mark the element that should hold it.
    marks: Vec<Option<usize>>,
    /// Marks that should be siblings.
    pairs: Vec<(usize, usize)>,
    /// The marks that a text should follow.
    texts: BTreeSet<usize>,
    /// The elements that carry slots.
    carriers: BTreeSet<usize>,
    regions: Vec<Region>,
    /// The ways through the branches and loops of its regions.
    ways: Vec<Way>,
    sample: Sample<'w>,
    /// Whether a row is written once more, of which nothing is asked.
    again: bool,
    /// Whether a text would make the parser open the page's body here.
    text_opens_body: bool,
}

struct Region {
    /// Its marks.
    start: usize,
    end: usize,
    /// The element that should hold it.
    parent: Option<usize>,
}

/// What regions are taken to print.
#[derive(Clone, Copy, Default)]
struct Sample<'w> {
    choice: Choice<'w>,
    /// The region that prints something; all of them when there is none.
    only: Option<usize>,
    /// Whether there is text around each region.
    probe: bool,
}

/// What a region is taken to print.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Choice<'w> {
    /// The first branch of each `if`, the body of each loop once.
    #[default]
    First,
    /// The `else` of each `if` and loop.
    Otherwise,
    /// The last branch of each `if`, the body of each loop twice.
    Last,
    /// One way, of which the first is no part.
    Through(&'w Way),
    /// Each branch and loop another way, as a number decides.
    Mixed(usize),
    Nothing,
}

/// In how many mixed ways the branches and loops of regions are tried.
const MIXED: usize = 9;

impl<'w> Skeleton<'w> {
    fn of(items: &[Item<'_>], sample: Sample<'w>) -> Self {
        let mut skeleton = Skeleton {
            sample,
            ..Skeleton::default()
        };
        skeleton.items(items, None);
        skeleton
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
                    ways::add(nodes, &Way::new(), &mut self.ways);
                    let probe = if self.sample.probe { "x" } else { "" };
                    self.html.push_str(probe);
                    let start = self.mark(parent);
                    let printed = match self.sample.only {
                        Some(only) => only == self.regions.len(),
                        None => true,
                    };
                    let path = parent.and_then(|parent| self.paths.get(&parent));
                    self.text_opens_body = parent.is_none() || path.is_some_and(|path| path == "/html0");
                    if printed && !self.again && self.sample.choice != Choice::Nothing {
                        nodes.iter().for_each(|node| self.sample(node));
                    }
                    let end = self.mark(parent);
                    self.html.push_str(probe);
                    self.pairs.push((start, end));
                    self.regions.push(Region { start, end, parent });
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
                    self.loose(body, parent);
                    // A second row, whose elements are the same ones. One is enough for the lists in it: with two of
                    // each, lists in lists would double the page with every level.
                    if !self.again {
                        let (elements, carriers) = (self.elements, self.carriers.clone());
                        self.elements = usize::MAX / 2;
                        let second = self.mark(parent);
                        self.items_again(body, parent);
                        self.elements = elements;
                        self.carriers = carriers;
                        self.pairs.push((start, second));
                    }
                    self.mark(parent);
                    self.loose(otherwise, parent);
                    let end = self.mark(parent);
                    self.pairs.push((start, end));
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
        let again = std::mem::replace(&mut self.again, true);
        self.items(items, parent);
        self.again = again;
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
            let siblings = self.children.entry(parent).or_default();
            self.paths
                .insert(number, format!("{around}/{}{siblings}", element.name));
            *siblings += 1;
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

    /// Writes what nodes print: one branch of each `if`, each loop's body, and a letter for what must be text.
    fn sample(&mut self, node: &Node<'_>) {
        match node {
            Node::If(_) | Node::For(_) if let Choice::Through(way) = self.sample.choice => {
                let body = ways::body(node, way).into_iter().flat_map(|body| body.iter());
                body.for_each(|inside| self.sample(inside));
            }
            Node::Raw(text) => self.html.push_str(text),
            // What a function returns may be markup that belongs here. In front of a body text is what does most.
            Node::Emit(statement)
                if !self.text_opens_body
                    && matches!(emitted(statement).expr, Expr::Call(_) | Expr::Filter(_)) => {}
            Node::Emit(_) | Node::Guarded(..) => self.html.push('x'),
            Node::If(branch) => {
                let bodies: Vec<_> = branch.arms.iter().map(|(_, body)| body).collect();
                let body = match self.sample.choice {
                    Choice::First => bodies.first(),
                    Choice::Last => bodies.last(),
                    Choice::Mixed(number) => {
                        let conditions = branch.arms.iter().map(|(condition, _)| *condition);
                        bodies.get(mixed(number, conditions, bodies.len() + 1))
                    }
                    Choice::Otherwise | Choice::Nothing | Choice::Through(_) => None,
                };
                let body = body.copied().unwrap_or(&branch.otherwise);
                body.iter().for_each(|inside| self.sample(inside));
            }
            Node::For(lp) => {
                let rows = match self.sample.choice {
                    Choice::First => 1,
                    Choice::Last => 2,
                    Choice::Mixed(number) => mixed(number, std::iter::once(&lp.syntax.iter), 3),
                    Choice::Otherwise | Choice::Nothing | Choice::Through(_) => 0,
                };
                let body = if rows > 0 { &lp.body } else { &lp.otherwise };
                body.iter().for_each(|inside| self.sample(inside));
                // Loops in the second row have one row, lest loops in loops double with every level.
                if rows > 1 && !std::mem::replace(&mut self.again, true) {
                    body.iter().for_each(|inside| self.sample(inside));
                    self.again = false;
                }
            }
            Node::AutoEscape(_, body) | Node::Filter(_, body) | Node::Captured(_, body) => {
                body.iter().for_each(|inside| self.sample(inside));
            }
            Node::Native(Stmt::Do(_)) => {}
            // It may print anything that is balanced, even what ends the paragraph around it.
            Node::Native(_) => self.html.push_str(match self.sample.choice {
                Choice::First => "x",
                Choice::Last => "<div>x</div>",
                Choice::Through(_) | Choice::Mixed(_) | Choice::Otherwise | Choice::Nothing => "",
            }),
            _ => {}
        }
    }

    /// The parsed page in words, without what is between the marks of regions.
    fn outside_of_regions(&self) -> String {
        let dom = parse_document(RcDom::default(), ParseOpts::default()).one(self.html.as_str());
        let ends: BTreeMap<usize, usize> = self
            .regions
            .iter()
            .map(|region| (region.start, region.end))
            .collect();
        let mut out = String::new();
        let mut next = vec![(dom.document.clone(), 0)];
        while let Some((node, depth)) = next.pop() {
            let _ = match &node.data {
                NodeData::Text { contents } => write!(out, "{depth}{}", contents.borrow()),
                NodeData::Comment { contents } => write!(out, "<!{contents} {depth}>"),
                NodeData::Element { name, .. } => write!(out, "<{} {depth}>", name.local),
                _ => Ok(()),
            };
            let children = node.children.borrow();
            let mut at = 0;
            let mut kept = Vec::new();
            while let Some(child) = children.get(at) {
                kept.push(child.clone());
                let end = mark_of(child).and_then(|mark| ends.get(&mark));
                let end = end.and_then(|end| {
                    children[at..]
                        .iter()
                        .position(|other| mark_of(other) == Some(*end))
                });
                at += end.unwrap_or(1);
            }
            next.extend(kept.into_iter().rev().map(|child| (child, depth + 1)));
        }
        out
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
            let parent = self.parents.get(carrier).copied().flatten();
            if found.elements.get(carrier) != Some(&(1, Place::of(parent))) {
                moved.insert(parent);
            }
        }
        moved
    }
}

/// One of so many ways to go on, the same wherever the same expressions decide.
fn mixed<'e>(number: usize, deciding: impl Iterator<Item = &'e Expr<'static>>, ways: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    number.hash(&mut hasher);
    deciding.for_each(|expr| syntax::wording(expr).hash(&mut hasher));
    // The remainder is less than `ways`, which is a `usize`.
    usize::try_from(hasher.finish() % ways as u64).unwrap_or(0)
}

/// The number of the mark that a comment is.
fn mark_of(node: &Handle) -> Option<usize> {
    match &node.data {
        NodeData::Comment { contents } => contents.strip_prefix('m')?.parse().ok(),
        _ => None,
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
                    NodeData::Comment { .. } => {
                        if let Some(mark) = mark_of(child) {
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
