//! Applies server frames to the document.

use std::collections::HashSet;

use html5ever::{Attribute, QualName};
use markup5ever_rcdom::{Handle, NodeData};
use serde_json::{Map, Value};

use super::page::{self, Branch, Instance, List, Row, Slot};
use super::path::{position, steps};
use super::statics::{Held, Template};
use super::{Document, Event, client_script, fill, html};
use crate::template::text::is_white_space;

pub(super) type Applied<T> = Result<T, String>;

pub(super) fn frame(document: &mut Document, text: &str) -> Applied<Vec<Event>> {
    let frame: Vec<Value> =
        serde_json::from_str(text).map_err(|error| format!("a frame is a JSON array, but {error}"))?;
    let Some((first, rest)) = frame.split_first() else {
        return Err("a frame is not empty".to_owned());
    };
    if first.is_number() {
        return patch(document, number(first)?, rest);
    }
    let kind = first
        .as_str()
        .ok_or_else(|| format!("a frame begins with a number or a letter, not {first}"))?;
    Ok(vec![match (kind, rest) {
        ("j", [revision]) => {
            document.revision = number(revision)?;
            Event::Joined(document.revision)
        }
        ("j", [revision, session]) => {
            document.revision = number(revision)?;
            Event::Moved(string(session)?.to_owned())
        }
        ("k", [action]) => Event::Answer {
            number: number(action)?,
            value: None,
        },
        ("k", [action, value]) => Event::Answer {
            number: number(action)?,
            value: Some(value.clone()),
        },
        ("e", [action, code, text]) => Event::Failed {
            number: number(action)?,
            code: string(code)?.to_owned(),
            text: string(text)?.to_owned(),
        },
        ("v", [name, data]) => Event::Pushed {
            name: string(name)?.to_owned(),
            data: data.clone(),
        },
        ("s", [statics]) => Event::Statics(document.held.learn(statics)?),
        ("f", [revision, plan, html]) => refresh(document, number(revision)?, string(plan)?, string(html)?)?,
        ("x", [reason, wait]) => Event::Ended {
            reason: string(reason)?.to_owned(),
            milliseconds: number(wait)?,
        },
        _ => return Err(format!("there is no frame {kind:?} with {} fields", rest.len())),
    }])
}

fn number(value: &Value) -> Applied<u64> {
    value
        .as_u64()
        .ok_or_else(|| format!("{value} is not a whole number"))
}

fn string(value: &Value) -> Applied<&str> {
    value.as_str().ok_or_else(|| format!("{value} is not a string"))
}

fn refresh(document: &mut Document, revision: u64, plan: &str, html: &str) -> Applied<Event> {
    let root = html::parse_document(html);
    document.instance = page::index(&root).map_err(|error| error.to_string())?;
    let script = client_script(&root).map_err(|error| error.to_string())?;
    if script.page.is_some() {
        document.client = script;
    }
    if document.client.plan.as_deref() != Some(plan) {
        document.held.forget_fragments();
        document.client.plan = Some(plan.to_owned());
    }
    document.typed = Default::default();
    document.root = root;
    document.revision = revision;
    Ok(Event::Refreshed {
        revision,
        plan: plan.to_owned(),
    })
}

fn patch(document: &mut Document, revision: u64, rest: &[Value]) -> Applied<Vec<Event>> {
    let (changes, answer) = match rest {
        [changes] => (changes, None),
        [changes, action] => (changes, Some((number(action)?, None))),
        [changes, action, value] => (changes, Some((number(action)?, Some(value.clone())))),
        _ => {
            return Err(format!(
                "a patch has 1 to 3 fields after its revision, not {}",
                rest.len()
            ));
        }
    };
    if revision < document.revision {
        return Err(format!(
            "revision {revision} is older than {}, which the page shows",
            document.revision
        ));
    }
    instance(&mut document.instance, object(changes)?, &document.held)?;
    document.revision = revision;
    let mut events = vec![Event::Patched(revision)];
    events.extend(answer.map(|(number, value)| Event::Answer { number, value }));
    Ok(events)
}

fn object(value: &Value) -> Applied<&Map<String, Value>> {
    value
        .as_object()
        .ok_or_else(|| format!("a patch is an object, not {value}"))
}

fn instance(instance: &mut Instance, changes: &Map<String, Value>, held: &Held) -> Applied<()> {
    let len = instance.slots.len();
    steps(changes, &mut |at, change| {
        let slot = position(at).and_then(|at| instance.slots.get_mut(at));
        let slot = slot.ok_or_else(|| format!("there is no slot {at} among {len}"))?;
        let kind = slot.kind();
        apply(slot, change, held).map_err(|why| format!("{why}, in slot {at} ({kind})"))
    })
}

pub(super) fn apply(slot: &mut Slot, change: &Value, held: &Held) -> Applied<()> {
    match slot {
        Slot::Text(node) => match change {
            Value::Array(list) => match list.as_slice() {
                [Value::String(text)] => set_text(node, &within_white_space(node, text)?),
                _ => Err(format!("a text takes text or a list of one, not {change}")),
            },
            _ => set_text(node, string(change)?),
        },
        Slot::Attribute { element, name } => set_attribute(element, name, change),
        Slot::Tag(element) => object(change)?.iter().try_for_each(|(name, value)| {
            let known = known_name(element, name);
            set_attribute(element, &known.unwrap_or_else(|| page::plain(name)), value)
        }),
        Slot::Region { start, end } => region(start, end, change),
        Slot::Branch(branch) => change_branch(branch, change, held),
        Slot::List(list) => change_list(list, change, held),
    }
}

/// The text between the white space that the node's own begins and ends with.
fn within_white_space(node: &Handle, text: &str) -> Applied<String> {
    let NodeData::Text { contents } = &node.data else {
        return Err("it is no text".to_owned());
    };
    if text.starts_with(is_white_space) || text.ends_with(is_white_space) {
        return Err(format!("{text:?} brings white space of its own"));
    }
    let old = contents.borrow();
    let (rest, end) = old.split_at(old.trim_end_matches(is_white_space).len());
    let start = rest.len() - rest.trim_start_matches(is_white_space).len();
    Ok(format!("{}{text}{end}", &rest[..start]))
}

pub(super) fn set_text(node: &Handle, text: &str) -> Applied<()> {
    match &node.data {
        NodeData::Text { contents } if html::parent_of(node).is_some() => {
            *contents.borrow_mut() = text.into();
            Ok(())
        }
        _ => Err("its text node is no longer on the page".to_owned()),
    }
}

pub(super) fn known_name(element: &Handle, name: &str) -> Option<QualName> {
    let NodeData::Element { attrs, .. } = &element.data else {
        return None;
    };
    attrs
        .borrow()
        .iter()
        .map(|attribute| &attribute.name)
        .find(|other| html::written(other) == name)
        .cloned()
}

pub(super) fn set_attribute(element: &Handle, name: &QualName, value: &Value) -> Applied<()> {
    let NodeData::Element { attrs, .. } = &element.data else {
        return Err("it is no element".to_owned());
    };
    if &*name.local == "st" {
        return Err("the mark itself cannot be set".to_owned());
    }
    let mut attrs = attrs.borrow_mut();
    let at = attrs.iter().position(|attribute| attribute.name == *name);
    match (value, at) {
        (Value::String(value), Some(at)) => attrs[at].value = value.as_str().into(),
        (Value::String(value), None) => {
            attrs.push(Attribute {
                name: name.clone(),
                value: value.as_str().into(),
            });
        }
        (Value::Null, Some(at)) => {
            attrs.remove(at);
        }
        (Value::Null, None) => {
            return Err(format!(
                "the attribute {} to remove is not there",
                html::written(name)
            ));
        }
        (other, _) => return Err(format!("an attribute takes text or null, not {other}")),
    }
    Ok(())
}

pub(super) fn region(start: &Handle, end: &Handle, change: &Value) -> Applied<()> {
    let (parent, from) = on_page(start)?;
    let nodes = match change {
        Value::String(text) => vec![html::text_node(text)],
        Value::Array(list) => match list.as_slice() {
            [Value::String(html)] => html::parse_inside(&parent, html),
            _ => return Err(format!("a region takes text or a list of one HTML, not {change}")),
        },
        _ => return Err(format!("a region takes text or a list of one HTML, not {change}")),
    };
    html::take(&parent, from + 1..on_page(end)?.1);
    html::insert(&parent, from + 1, nodes);
    Ok(())
}

pub(super) fn on_page(node: &Handle) -> Applied<(Handle, usize)> {
    html::place(node).ok_or_else(|| "its mark is no longer on the page".to_owned())
}

pub(super) fn change_branch(branch: &mut Branch, change: &Value, held: &Held) -> Applied<()> {
    if let Value::Object(changes) = change {
        let shown = branch
            .shown
            .as_mut()
            .ok_or("a patch for what is shown, but nothing is")?;
        return instance(shown, changes, held);
    }
    let next = match change {
        Value::Number(nothing) if nothing.as_u64() == Some(0) => None,
        Value::Array(list) => match list.as_slice() {
            [fragment, values] => Some((held.template(fragment)?, values)),
            _ => return Err(format!("{change} is not a fragment with its values")),
        },
        _ => return Err(format!("a branch takes 0, a fragment or a patch, not {change}")),
    };
    if next.is_none() && branch.shown.is_none() {
        return Err("nothing is shown already".to_owned());
    }
    let (parent, from) = on_page(&branch.start)?;
    html::take(&parent, from + 1..branch.end()?.1);
    branch.shown = None;
    if let Some((template, values)) = next {
        html::insert(&parent, from + 1, html::parse_template(&parent, template.html)?);
        let content = page::index_content(&parent, from + 1, branch.end.is_none())?;
        let shown = branch.shown.insert(content.unwrap_or_default());
        fill::instance(shown, &template, values, held)?;
    }
    Ok(())
}

fn change_list(list: &mut List, change: &Value, held: &Held) -> Applied<()> {
    match change {
        Value::Object(changes) => list_patches(list, changes, held),
        Value::Array(parts) => match parts.as_slice() {
            [Value::Number(nothing), fragment, values] if nothing.as_u64() == Some(0) => {
                show_otherwise(list, fragment, values, held)
            }
            [Value::Array(order)] => reorder(list, order, None, held),
            [Value::Array(order), changes] => {
                reorder(list, order, None, held)?;
                row_patches(&mut list.rows, object(changes)?, held)
            }
            [Value::Array(order), changes, fragment] => {
                reorder(list, order, Some(fragment), held)?;
                row_patches(&mut list.rows, object(changes)?, held)
            }
            _ => Err(format!("{change} is no change of a list")),
        },
        _ => Err(format!("a list takes an object or a list, not {change}")),
    }
}

fn list_patches(list: &mut List, changes: &Map<String, Value>, held: &Held) -> Applied<()> {
    let mut of_else = false;
    steps(changes, &mut |at, changes| {
        if at != "e" {
            return row_patch(&mut list.rows, at, changes, held);
        }
        of_else = true;
        let shown = list
            .otherwise
            .as_mut()
            .ok_or("a patch for the else, but it is not shown")?;
        instance(shown, object(changes)?, held)
    })?;
    if of_else && changes.len() > 1 {
        return Err("patches for the else and for rows at once".to_owned());
    }
    Ok(())
}

fn row_patches(rows: &mut [Row], changes: &Map<String, Value>, held: &Held) -> Applied<()> {
    steps(changes, &mut |at, changes| row_patch(rows, at, changes, held))
}

fn row_patch(rows: &mut [Row], at: &str, changes: &Value, held: &Held) -> Applied<()> {
    let len = rows.len();
    let row = position(at).and_then(|at| rows.get_mut(at));
    let row = row.ok_or_else(|| format!("there is no row {at} among {len}"))?;
    instance(&mut row.instance, object(changes)?, held).map_err(|why| format!("{why}, of row {at}"))
}

pub(super) fn show_otherwise(list: &mut List, fragment: &Value, values: &Value, held: &Held) -> Applied<()> {
    if list.otherwise.is_some() {
        return Err("the else is shown already".to_owned());
    }
    let (parent, from) = clear(list)?;
    list.rows.clear();
    let template = held.template(fragment)?;
    html::insert(&parent, from, html::parse_template(&parent, template.html)?);
    let content = page::index_content(&parent, from, false)?.unwrap_or_default();
    fill::instance(list.otherwise.insert(content), &template, values, held)
}

/// Takes everything between a list's marks off the page; gives the place.
fn clear(list: &List) -> Applied<(Handle, usize)> {
    let (parent, from) = on_page(&list.start)?;
    let (_, to) = on_page(&list.end)?;
    html::take(&parent, from + 1..to);
    Ok((parent, from + 1))
}

/// A row of the new list: an old one by its position, or a new one with its values.
enum Next<'h> {
    Old(usize),
    New(Template<'h>, &'h Value),
}

pub(super) fn reorder(
    list: &mut List,
    order: &[Value],
    fragment: Option<&Value>,
    held: &Held,
) -> Applied<()> {
    let next = read_order(order, list.rows.len(), fragment, held)?;
    let (parent, from) = on_page(&list.start)?;
    let mut starts = Vec::with_capacity(list.rows.len() + 1);
    for row in &list.rows {
        starts.push(on_page(&row.start)?.1);
    }
    starts.push(on_page(&list.end)?.1);
    let first = starts[0].max(from + 1);
    let mut nodes: Vec<Option<Vec<Handle>>> = Vec::new();
    let taken: Vec<Handle> = parent.children.borrow()[from + 1..starts[list.rows.len()]].to_vec();
    for pair in starts.windows(2) {
        nodes.push(Some(taken[pair[0] - (from + 1)..pair[1] - (from + 1)].to_vec()));
    }
    if !list.rows.is_empty() && first != from + 1 {
        return Err("nodes stand before the first row".to_owned());
    }
    clear(list)?;
    list.otherwise = None;
    let mut old: Vec<Option<Row>> = std::mem::take(&mut list.rows).into_iter().map(Some).collect();
    for (place, next) in next.into_iter().enumerate() {
        // All that comes before the list's end is in its place already.
        let (_, at) = on_page(&list.end)?;
        match next {
            Next::Old(position) => {
                let moved = nodes[position].take().ok_or("a row is named twice")?;
                html::insert(&parent, at, moved);
                list.rows
                    .push(old[position].take().ok_or("a row is named twice")?);
            }
            Next::New(template, values) => {
                html::insert(&parent, at, html::parse_template(&parent, template.html)?);
                let named = |why| format!("{why}, in new row {place}");
                let (mut row, _) = page::index_row(&parent, at).map_err(named)?;
                fill::instance(&mut row.instance, &template, values, held).map_err(named)?;
                list.rows.push(row);
            }
        }
    }
    Ok(())
}

fn read_order<'h>(
    order: &'h [Value],
    len: usize,
    fragment: Option<&Value>,
    held: &'h Held,
) -> Applied<Vec<Next<'h>>> {
    let mut next = Vec::new();
    let mut named = HashSet::new();
    let mut used_fragment = false;
    let mut rest = order.iter();
    while let Some(item) = rest.next() {
        if item.is_array() {
            let fragment = fragment.ok_or("a new row, but the change names no fragment")?;
            used_fragment = true;
            next.push(Next::New(held.template(fragment)?, item));
            continue;
        }
        let start = number(item)?;
        let count = rest.next().and_then(Value::as_i64).filter(|count| *count != 0);
        let count = count.ok_or_else(|| format!("the run from row {start} has no count"))?;
        for step in 0..count.unsigned_abs() {
            let at = if count > 0 {
                start.checked_add(step)
            } else {
                start.checked_sub(step)
            };
            let at = at.and_then(|at| usize::try_from(at).ok()).filter(|at| *at < len);
            let at = at.ok_or_else(|| format!("the run {start},{count} leaves the {len} rows"))?;
            if !named.insert(at) {
                return Err(format!("the order names row {at} twice"));
            }
            next.push(Next::Old(at));
        }
    }
    if fragment.is_some() && !used_fragment {
        return Err("the change names a fragment, but has no new row".to_owned());
    }
    Ok(next)
}
