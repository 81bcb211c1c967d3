//! The index of a page: its instances and slots, found in one walk in document order.

use html5ever::{LocalName, QualName, ns};
use markup5ever_rcdom::{Handle, NodeData};

use super::html;
use crate::{Error, ErrorKind};

/// A fragment on the page: the page itself, a branch that is shown, a row.
#[derive(Default)]
pub(super) struct Instance {
    pub(super) slots: Vec<Slot>,
}

/// A place that can change.
pub(super) enum Slot {
    /// The text node itself.
    Text(Handle),
    Attribute {
        element: Handle,
        name: QualName,
    },
    Tag(Handle),
    Region {
        start: Handle,
        end: Handle,
    },
    Branch(Branch),
    List(List),
}

pub(super) struct Branch {
    pub(super) start: Handle,
    /// `None` for the branch of a `<!q>` row, which goes to the row's end.
    pub(super) end: Option<Handle>,
    pub(super) shown: Option<Instance>,
}

pub(super) struct List {
    pub(super) start: Handle,
    pub(super) end: Handle,
    pub(super) rows: Vec<Row>,
    /// What stands there when there are no rows.
    pub(super) otherwise: Option<Instance>,
}

pub(super) struct Row {
    pub(super) start: Handle,
    pub(super) instance: Instance,
}

impl Slot {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Slot::Text(_) => "a text",
            Slot::Attribute { .. } => "an attribute",
            Slot::Tag(_) => "a tag",
            Slot::Region { .. } => "a region",
            Slot::Branch(_) => "a branch",
            Slot::List(_) => "a list",
        }
    }
}

impl Branch {
    /// The place after its last node.
    pub(super) fn end(&self) -> Result<(Handle, usize), String> {
        match &self.end {
            Some(end) => html::place(end).ok_or_else(|| "a branch's end is no longer on the page".to_owned()),
            None => {
                let (parent, at) = html::place(&self.start)
                    .ok_or_else(|| "a row's start is no longer on the page".to_owned())?;
                let end = row_end(&parent, at + 1);
                Ok((parent, end))
            }
        }
    }
}

/// The place of the next row or the list's end, from `at` on.
fn row_end(parent: &Handle, mut at: usize) -> usize {
    let children = parent.children.borrow();
    let mut depth = 0;
    while at < children.len() {
        match html::comment(&children[at]) {
            Some("/" | "r" | "q") if depth == 0 => break,
            _ if depth == 0 && begins_row(&children[at]) => break,
            Some("o" | "i" | "l") => depth += 1,
            Some("/") => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    at
}

/// Whether a row begins with this element.
fn begins_row(node: &Handle) -> bool {
    html::attribute(node, "st").is_some_and(|mark| mark.starts_with('!'))
}

/// Indexes a whole document.
pub(super) fn index(root: &Handle) -> Result<Instance, Error> {
    let mut instance = Instance::default();
    walk(root, 0, Until::Children, &mut instance.slots)
        .map_err(|why| Error::new(ErrorKind::Protocol, format!("the page's marks do not fit: {why}")))?;
    Ok(instance)
}

/// Indexes the content of a branch or an `else` that begins at `at`; `None` where there is nothing.
pub(super) fn index_content(parent: &Handle, at: usize, in_row: bool) -> Result<Option<Instance>, String> {
    let mut instance = Instance::default();
    let until = if in_row { Until::Row } else { Until::End };
    let end = walk(parent, at, until, &mut instance.slots)?;
    Ok((end > at).then_some(instance))
}

/// Indexes the row whose mark is at `at`; gives it and the place after its last node.
pub(super) fn index_row(parent: &Handle, at: usize) -> Result<(Row, usize), String> {
    let start = child(parent, at).ok_or("a row has no nodes")?;
    let mut instance = Instance::default();
    let end = match html::comment(&start) {
        Some("r") => walk(parent, at + 1, Until::Row, &mut instance.slots)?,
        Some("q") => {
            let mut shown = Instance::default();
            let end = walk(parent, at + 1, Until::Row, &mut shown.slots)?;
            let shown = (end > at + 1).then_some(shown);
            instance.slots.push(Slot::Branch(Branch {
                start: start.clone(),
                end: None,
                shown,
            }));
            end
        }
        _ if begins_row(&start) => walk(parent, at, Until::NextRow, &mut instance.slots)?,
        _ => return Err("a row does not begin with <!r>, <!q> or an element marked with !".to_owned()),
    };
    Ok((Row { start, instance }, end))
}

/// Where a walk along siblings stops.
#[derive(Clone, Copy, PartialEq)]
enum Until {
    /// After the last child.
    Children,
    /// At `<!/>`.
    End,
    /// At the next row or `<!/>`.
    Row,
    /// The same, from the element on with which a row begins.
    NextRow,
}

fn child(parent: &Handle, at: usize) -> Option<Handle> {
    parent.children.borrow().get(at).cloned()
}

/// Finds the slots among the children of `parent` from `at` on, and below them; gives the place where it stopped.
fn walk(parent: &Handle, at: usize, until: Until, slots: &mut Vec<Slot>) -> Result<usize, String> {
    let (mut parent, first, mut at) = (parent.clone(), at, at);
    // The places to go on at after elements. Documents can be deeper than the stack of calls.
    let mut around: Vec<(Handle, usize)> = Vec::new();
    loop {
        let Some(node) = child(&parent, at) else {
            match around.pop() {
                Some(place) => (parent, at) = place,
                None if until == Until::Children => return Ok(at),
                None => return Err(unclosed("a list or branch", &parent)),
            }
            continue;
        };
        let until = if around.is_empty() { until } else { Until::Children };
        match html::comment(&node) {
            Some("t") => {
                slots.push(Slot::Text(text_at(&parent, at + 1)));
                at += 1;
            }
            Some("o") => {
                let end = (at + 1..)
                    .map_while(|at| child(&parent, at))
                    .find(|node| html::comment(node) == Some("/"));
                let end = end.ok_or_else(|| unclosed("<!o>", &parent))?;
                at = html::place(&end).map_or(at, |(_, at)| at);
                slots.push(Slot::Region { start: node, end });
            }
            Some("i") => {
                let mut shown = Instance::default();
                let end = walk(&parent, at + 1, Until::End, &mut shown.slots)?;
                let shown = (end > at + 1).then_some(shown);
                slots.push(Slot::Branch(Branch {
                    start: node,
                    end: child(&parent, end),
                    shown,
                }));
                at = end;
            }
            Some("l") => {
                let (list, end) = list(&parent, at)?;
                slots.push(Slot::List(list));
                at = end;
            }
            Some("/") if until != Until::Children => return Ok(at),
            Some("/") => {
                return Err(format!(
                    "an end mark <!/> without its start in {}",
                    describe(&parent)
                ));
            }
            Some("r" | "q") if matches!(until, Until::Row | Until::NextRow) => return Ok(at),
            _ if until == Until::Row && begins_row(&node) => return Ok(at),
            _ if until == Until::NextRow && at > first && begins_row(&node) => return Ok(at),
            Some(mark @ ("r" | "q")) => {
                return Err(format!(
                    "a row <!{mark}> outside of a list in {}",
                    describe(&parent)
                ));
            }
            _ if html::tag(&node).is_some() => {
                if let Some(mark) = html::attribute(&node, "st") {
                    if mark.starts_with('!') && (until != Until::NextRow || at != first) {
                        return Err(format!("{} begins a row outside of a list", describe(&node)));
                    }
                    own_slots(&node, &mark, slots)
                        .map_err(|why| format!("{why} in st=\"{mark}\" of {}", describe(&node)))?;
                }
                around.push((std::mem::replace(&mut parent, node), at + 1));
                at = 0;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
}

fn list(parent: &Handle, at: usize) -> Result<(List, usize), String> {
    let start = child(parent, at).ok_or_else(|| unclosed("<!l>", parent))?;
    let mut rows = Vec::new();
    let mut next = at + 1;
    while child(parent, next)
        .is_some_and(|node| matches!(html::comment(&node), Some("r" | "q")) || begins_row(&node))
    {
        let (row, end) = index_row(parent, next)?;
        rows.push(row);
        next = end;
    }
    let otherwise = if rows.is_empty() {
        index_content(parent, next, false)?
    } else {
        None
    };
    if otherwise.is_some() {
        // The walk over the `else` has checked that there is an end, with all marks in between in pairs.
        next = row_end(parent, next);
    }
    let end = child(parent, next).ok_or_else(|| unclosed("<!l>", parent))?;
    Ok((
        List {
            start,
            end,
            rows,
            otherwise,
        },
        next,
    ))
}

fn own_slots(node: &Handle, mark: &str, slots: &mut Vec<Slot>) -> Result<(), String> {
    let NodeData::Element { attrs, .. } = &node.data else {
        return Ok(());
    };
    let names: Vec<QualName> = attrs
        .borrow()
        .iter()
        .map(|attribute| attribute.name.clone())
        .collect();
    // Where it begins a row, too, that is for the walk.
    let mark = mark.strip_prefix('!').unwrap_or(mark);
    let mut rest = mark.chars();
    if mark.is_empty() {
        slots.push(Slot::Text(text_at(node, 0)));
    }
    while let Some(c) = rest.next() {
        slots.push(match c {
            '?' => Slot::Tag(node.clone()),
            '.' => Slot::Text(text_at(node, 0)),
            '(' => {
                let (name, after) = rest.as_str().split_once(')').ok_or("a ) is missing")?;
                rest = after.chars();
                let known = names.iter().find(|other| html::written(other) == name).cloned();
                Slot::Attribute {
                    element: node.clone(),
                    name: known.unwrap_or_else(|| plain(name)),
                }
            }
            '0'..='9' | 'a'..='z' => {
                let at = c.to_digit(36).map_or(usize::MAX, |at| at as usize);
                let name = names.get(at).filter(|name| &*name.local != "st");
                let name = name
                    .cloned()
                    .ok_or_else(|| format!("there is no attribute {at}"))?;
                Slot::Attribute {
                    element: node.clone(),
                    name,
                }
            }
            other => return Err(format!("{other:?} means nothing")),
        });
    }
    Ok(())
}

pub(super) fn plain(name: &str) -> QualName {
    QualName::new(None, ns!(), LocalName::from(name))
}

/// The text node at `at`, made when something else is there.
fn text_at(parent: &Handle, at: usize) -> Handle {
    if let Some(node) = child(parent, at)
        && matches!(node.data, NodeData::Text { .. })
    {
        return node;
    }
    let node = html::text_node("");
    html::insert(parent, at, vec![node.clone()]);
    node
}

fn unclosed(what: &str, parent: &Handle) -> String {
    format!("{what} has no end mark <!/> in {}", describe(parent))
}

fn describe(node: &Handle) -> String {
    match (html::tag(node), html::attribute(node, "id")) {
        (Some(tag), Some(id)) => format!("<{tag} id={id:?}>"),
        (Some(tag), None) => format!("<{tag}>"),
        (None, _) => "the document".to_owned(),
    }
}
