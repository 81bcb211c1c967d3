//! Applies updates of the public model to the document.

use std::ops::Range;

use html5ever::QualName;
use markup5ever_rcdom::Handle;
use serde_json::{Value, json};

use super::apply::{known_name, on_page, region, set_attribute, set_text};
use super::page::{self, Instance, List, Slot};
use super::{Document, html};
use crate::{Update, UpdateAction, UpdateKind};

type Applied<T> = Result<T, String>;

pub(super) fn apply(document: &mut Document, update: &Update) -> Applied<()> {
    match (update.action, &update.html) {
        (UpdateAction::Replace, None) if update.kind == UpdateKind::NoOp => Ok(()),
        (UpdateAction::Replace, None) => parts(document, update),
        (UpdateAction::Replace, Some(html)) if update.fragment_id == "page" => {
            document.root = html::parse_document(html);
            index(document)
        }
        _ => {
            rearrange(document, update)?;
            // What moved or came in is found anew, as a page that was just rendered is.
            index(document)
        }
    }
}

fn index(document: &mut Document) -> Applied<()> {
    document.instance = page::index(&document.root).map_err(|error| error.to_string())?;
    Ok(())
}

/// Changes a fragment's own parts.
fn parts(document: &mut Document, update: &Update) -> Applied<()> {
    let page = &document.instance;
    for (address, text) in &update.content.text_nodes {
        match slot(page, address)? {
            Slot::Text(node) => set_text(node, text)?,
            other => return Err(format!("{address} is {}, not a text", other.kind())),
        }
    }
    for (address, new) in &update.content.inner_html {
        match slot(page, address)? {
            Slot::Region { start, end } => region(start, end, &json!([new]))?,
            other => return Err(format!("{address} is {}, not a region", other.kind())),
        }
    }
    for (address, pairs) in &update.content.attributes {
        for (name, value) in pairs {
            let (element, known) = attribute(page, address, name)?;
            set_attribute(&element, &known, &json!(value))?;
        }
    }
    for (address, pairs) in &update.structure.attributes {
        let Slot::Tag(element) = slot(page, address)? else {
            return Err(format!("{address} is no tag"));
        };
        for (name, value) in pairs {
            let known = known_name(element, name).unwrap_or_else(|| page::plain(name));
            set_attribute(element, &known, &json!(value))?;
        }
    }
    styling(page, update)
}

fn styling(page: &Instance, update: &Update) -> Applied<()> {
    let styling = &update.styling;
    for (address, removed) in &styling.class_removals {
        let (element, name) = attribute(page, address, "class")?;
        let classes = html::attribute(&element, "class").unwrap_or_default();
        let left: Vec<&str> = classes
            .split_ascii_whitespace()
            .filter(|class| !removed.iter().any(|gone| gone == class))
            .collect();
        set_attribute(&element, &name, &json!(left.join(" ")))?;
    }
    for (address, added) in &styling.class_additions {
        let (element, name) = attribute(page, address, "class")?;
        let classes = html::attribute(&element, "class").unwrap_or_default();
        let all: Vec<&str> = classes
            .split_ascii_whitespace()
            .chain(added.iter().map(String::as_str))
            .collect();
        set_attribute(&element, &name, &json!(all.join(" ")))?;
    }
    for (address, changes) in &styling.inline_styles {
        let (element, name) = attribute(page, address, "style")?;
        let style = html::attribute(&element, "style").unwrap_or_default();
        let kept = style
            .split(';')
            .filter_map(|declaration| declaration.split_once(':'));
        let mut declarations: Vec<(String, String)> = kept
            .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
            .filter(|(name, _)| !changes.contains_key(name))
            .collect();
        let set = changes
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
        declarations.extend(set);
        let written: Vec<String> = declarations
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        set_attribute(&element, &name, &Value::String(written.join("; ")))?;
    }
    Ok(())
}

fn attribute(page: &Instance, address: &str, name: &str) -> Applied<(Handle, QualName)> {
    match slot(page, address)? {
        Slot::Attribute { element, name: known } if html::written(known) == name => {
            Ok((element.clone(), known.clone()))
        }
        Slot::Attribute { name: known, .. } => Err(format!(
            "{address} is the attribute {}, not {name}",
            html::written(known)
        )),
        other => Err(format!("{address} is {}, not an attribute", other.kind())),
    }
}

/// Changes which nodes there are.
fn rearrange(document: &Document, update: &Update) -> Applied<()> {
    let page = &document.instance;
    let id = update.fragment_id.as_str();
    let (parent, range) = range(page, id)?;
    match update.action {
        UpdateAction::Remove if update.html.is_none() => {
            html::take(&parent, range);
            return Ok(());
        }
        UpdateAction::Move if update.html.is_none() => {
            let to = match &update.target_id {
                Some(target) => self::range(page, target)?.1.start,
                None => {
                    let (list, _) = id.rsplit_once('[').ok_or("only a row can move")?;
                    self::range(page, list)?.1.end
                }
            };
            let nodes = html::take(&parent, range.clone());
            html::insert(
                &parent,
                if to > range.start { to - nodes.len() } else { to },
                nodes,
            );
            return Ok(());
        }
        _ => {}
    }
    let new = update.html.as_ref().ok_or("the update brings no HTML")?;
    let target = || update.target_id.as_deref().ok_or("the update names no target");
    let at = match update.action {
        UpdateAction::Replace => {
            html::take(&parent, range.clone());
            range.start
        }
        UpdateAction::Prepend => range.start,
        UpdateAction::Append => range.end,
        UpdateAction::InsertBefore => self::range(page, target()?)?.1.start,
        UpdateAction::InsertAfter => self::range(page, target()?)?.1.end,
        UpdateAction::Remove | UpdateAction::Move => {
            return Err("it brings HTML that goes nowhere".to_owned());
        }
    };
    html::insert(&parent, at, html::parse_inside(&parent, new));
    Ok(())
}

/// The nodes of a branch, a list, an `else` (between their marks), or a row (with its mark).
fn range(page: &Instance, address: &str) -> Applied<(Handle, Range<usize>)> {
    match find(page, address)? {
        Found::Slot(Slot::Branch(branch)) => {
            let (parent, start) = on_page(&branch.start)?;
            Ok((parent, start + 1..branch.end()?.1))
        }
        Found::Slot(Slot::List(list)) | Found::Else(list) => {
            let (parent, start) = on_page(&list.start)?;
            Ok((parent, start + 1..on_page(&list.end)?.1))
        }
        Found::Row(list, at) => {
            let (parent, start) = on_page(&list.rows[at].start)?;
            let next = list.rows.get(at + 1).map_or(&list.end, |row| &row.start);
            Ok((parent, start..on_page(next)?.1))
        }
        Found::Slot(other) => Err(format!("{address} is {}, not a fragment", other.kind())),
    }
}

fn slot<'p>(page: &'p Instance, address: &str) -> Applied<&'p Slot> {
    match find(page, address)? {
        Found::Slot(slot) => Ok(slot),
        Found::Row(..) | Found::Else(_) => Err(format!("{address} is a fragment, not a slot")),
    }
}

/// What an address names.
enum Found<'p> {
    Slot(&'p Slot),
    Row(&'p List, usize),
    Else(&'p List),
}

fn find<'p>(page: &'p Instance, address: &str) -> Applied<Found<'p>> {
    let missing = || format!("the page has no {address}");
    let mut instance = Some(page);
    let mut found: Option<Found<'p>> = None;
    for step in address.split('.') {
        if step == "else" {
            let Some(Found::Slot(Slot::List(list))) = found else {
                return Err(missing());
            };
            instance = list.otherwise.as_ref();
            found = Some(Found::Else(list));
            continue;
        }
        let (number, row) = match step.split_once('[') {
            Some((number, row)) => (number, Some(row.strip_suffix(']').ok_or_else(missing)?)),
            None => (step, None),
        };
        let number: usize = number.parse().map_err(|_| missing())?;
        let slot = instance
            .and_then(|instance| instance.slots.get(number))
            .ok_or_else(missing)?;
        (found, instance) = match (slot, row) {
            (Slot::List(list), Some(row)) => {
                let at: usize = row.parse().map_err(|_| missing())?;
                let inside = &list.rows.get(at).ok_or_else(missing)?.instance;
                (Some(Found::Row(list, at)), Some(inside))
            }
            (_, Some(_)) => return Err(missing()),
            (Slot::Branch(branch), None) => (Some(Found::Slot(slot)), branch.shown.as_ref()),
            (_, None) => (Some(Found::Slot(slot)), None),
        };
    }
    found.ok_or_else(missing)
}
