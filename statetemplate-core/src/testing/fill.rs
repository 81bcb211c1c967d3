//! Fills the slots of a new instance from its values, as the HTML parser would have done it.

use serde_json::{Value, json};

use super::apply::{self, Applied};
use super::page::{Instance, Slot};
use super::statics::{Held, Template};
use crate::template::text::{self, Place};

/// Fills a new instance, whose slots are empty.
pub(super) fn instance(
    instance: &mut Instance,
    template: &Template<'_>,
    values: &Value,
    held: &Held,
) -> Applied<()> {
    let Template { name, fills, .. } = template;
    let values = values
        .as_array()
        .ok_or_else(|| format!("the values of fragment {name} are a list, not {values}"))?;
    if instance.slots.len() != fills.len() {
        return Err(format!(
            "fragment {name} has {} slots, but its statics fill {}",
            instance.slots.len(),
            fills.len()
        ));
    }
    let mut values = Values {
        used: vec![false; values.len()],
        values,
    };
    for (at, (slot, fill)) in instance.slots.iter_mut().zip(*fills).enumerate() {
        fill_slot(slot, fill, &mut values, held)
            .map_err(|why| format!("{why}, in slot {at} ({}) of fragment {name}", slot.kind()))?;
    }
    match values.used.iter().position(|used| !used) {
        Some(hole) => Err(format!(
            "fragment {name} has no hole {hole} for {}",
            values.values[hole]
        )),
        None => Ok(()),
    }
}

struct Values<'v> {
    values: &'v [Value],
    used: Vec<bool>,
}

impl<'v> Values<'v> {
    fn of(&mut self, hole: &Value) -> Applied<&'v Value> {
        let at = hole.as_u64().and_then(|at| usize::try_from(at).ok());
        let at = at
            .filter(|at| *at < self.values.len())
            .ok_or_else(|| format!("there is no value for hole {hole}"))?;
        self.used[at] = true;
        Ok(&self.values[at])
    }

    fn text(&mut self, hole: &Value) -> Applied<&'v str> {
        let value = self.of(hole)?;
        value
            .as_str()
            .ok_or_else(|| format!("a hole takes text, not {value}"))
    }

    /// The text that strings and holes make together.
    fn joined(&mut self, fill: &Value) -> Applied<String> {
        let Some(parts) = fill.as_array() else {
            return Ok(self.text(fill)?.to_owned());
        };
        let parts = parts.iter().map(|part| match part {
            Value::String(text) => Ok(text.as_str()),
            place if place.as_i64().is_some_and(|place| place < 0) => Ok(""),
            hole => self.text(hole),
        });
        parts.collect()
    }
}

fn fill_slot(slot: &mut Slot, fill: &Value, values: &mut Values<'_>, held: &Held) -> Applied<()> {
    match slot {
        Slot::Text(node) => {
            let place = fill.as_array().and_then(|parts| parts.first()?.as_i64());
            let (drops, replaced) = match place.filter(|place| *place < 0) {
                None => (false, false),
                Some(-1) => (true, false),
                Some(-2) => (false, true),
                Some(-3) => (true, true),
                Some(other) => return Err(format!("there is no place {other}")),
            };
            let text = values.joined(fill)?;
            let text = text::normalise(&text, if replaced { Place::Other } else { Place::Html });
            let first = text.strip_prefix('\n').filter(|_| drops);
            apply::set_text(node, first.unwrap_or(&text))
        }
        Slot::Attribute { element, name } => {
            let text = values.joined(fill)?;
            let value = text::normalise(&text, Place::Attribute);
            apply::set_attribute(element, name, &json!(value))
        }
        Slot::Tag(_) => apply::apply(slot, values.of(fill)?, held),
        Slot::Region { start, end } => apply::region(start, end, &json!([values.text(fill)?])),
        Slot::Branch(branch) => match values.of(fill)? {
            Value::Number(nothing) if nothing.as_u64() == Some(0) => Ok(()),
            shown @ Value::Array(_) => apply::change_branch(branch, shown, held),
            other => Err(format!("{other} is not a fragment with its values")),
        },
        Slot::List(list) => {
            let (hole, item) = match fill.as_array().map(Vec::as_slice) {
                Some([hole, item]) => (hole, item),
                _ => return Err(format!("{fill} fills no list")),
            };
            match values.of(hole)?.as_array().map(Vec::as_slice) {
                Some([]) => Ok(()),
                Some([Value::Number(nothing), fragment, values]) if nothing.as_u64() == Some(0) => {
                    apply::show_otherwise(list, fragment, values, held)
                }
                Some(rows) => apply::reorder(list, rows, Some(item), held),
                None => Err(format!("hole {hole} takes rows or an else")),
            }
        }
    }
}
