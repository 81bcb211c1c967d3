//! Statics that the page holds, and the HTML that they and values make.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

/// The statics of one browser: by hash, and which hash each fragment of the plan has.
#[derive(Default)]
pub(super) struct Held {
    by_hash: BTreeMap<String, Vec<Value>>,
    fragments: HashMap<String, String>,
}

impl Held {
    pub(super) fn hashes(&self) -> Vec<String> {
        self.by_hash.keys().cloned().collect()
    }

    /// Another plan numbers its fragments anew.
    pub(super) fn forget_fragments(&mut self) {
        self.fragments.clear();
    }

    /// Takes the object of a statics frame; gives the fragments named.
    pub(super) fn learn(&mut self, frame: &Value) -> Result<Vec<String>, String> {
        let entries = frame
            .as_object()
            .ok_or_else(|| format!("statics are an object, not {frame}"))?;
        for (fragment, statics) in entries {
            let hash = match statics {
                Value::String(hash) if self.by_hash.contains_key(hash) => hash.clone(),
                Value::String(hash) => {
                    return Err(format!(
                        "the statics {hash:?} of fragment {fragment} are not held"
                    ));
                }
                Value::Array(list) => match list.split_first() {
                    Some((Value::String(hash), parts)) => {
                        self.by_hash.insert(hash.clone(), parts.to_vec());
                        hash.clone()
                    }
                    _ => {
                        return Err(format!(
                            "the statics of fragment {fragment} do not begin with their hash"
                        ));
                    }
                },
                other => {
                    return Err(format!(
                        "the statics of fragment {fragment} are a list or a hash, not {other}"
                    ));
                }
            };
            self.fragments.insert(fragment.clone(), hash);
        }
        Ok(entries.keys().cloned().collect())
    }

    /// The annotated HTML of a fragment with these values.
    pub(super) fn html(&self, fragment: &Value, values: &Value) -> Result<String, String> {
        let mut out = String::new();
        self.write(fragment, values, &mut out)?;
        Ok(out)
    }

    fn write(&self, fragment: &Value, values: &Value, out: &mut String) -> Result<(), String> {
        let name = match fragment {
            Value::String(name) => name.clone(),
            Value::Number(number) => number.to_string(),
            other => return Err(format!("{other} names no fragment")),
        };
        let hash = self
            .fragments
            .get(&name)
            .ok_or_else(|| format!("no statics were sent for fragment {name}"))?;
        let values = values
            .as_array()
            .ok_or_else(|| format!("the values of fragment {name} are a list, not {values}"))?;
        let mut used = vec![false; values.len()];
        for part in &self.by_hash[hash] {
            self.part(part, values, &mut used, out)
                .map_err(|why| format!("{why}, in fragment {name}"))?;
        }
        match used.iter().position(|used| !used) {
            Some(hole) => Err(format!("fragment {name} has no hole {hole} for {}", values[hole])),
            None => Ok(()),
        }
    }

    fn part(
        &self,
        part: &Value,
        values: &[Value],
        used: &mut [bool],
        out: &mut String,
    ) -> Result<(), String> {
        if let Value::String(html) = part {
            *out += html;
            return Ok(());
        }
        let mut hole = |number: &Value| {
            let at = number.as_u64().and_then(|at| usize::try_from(at).ok());
            let at = at
                .filter(|at| *at < values.len())
                .ok_or_else(|| format!("there is no value for hole {number}"))?;
            used[at] = true;
            Ok::<_, String>(&values[at])
        };
        let list = match part {
            Value::Number(_) => {
                let text = text(hole(part)?)?;
                *out += &escape(text);
                return Ok(());
            }
            Value::Array(list) => list.as_slice(),
            other => return Err(format!("{other} is no part of statics")),
        };
        match list {
            [number @ Value::Number(_)] => *out += text(hole(number)?)?,
            [Value::String(kind), number] if kind == "i" => match hole(number)? {
                Value::Number(nothing) if nothing.as_u64() == Some(0) => {}
                shown => self.shown(shown, out)?,
            },
            [Value::String(kind), number, fragment] if kind == "l" => match hole(number)? {
                Value::Array(rows) => rows
                    .iter()
                    .try_for_each(|values| self.write(fragment, values, out))?,
                Value::Object(otherwise) if otherwise.len() == 1 && otherwise.contains_key("e") => {
                    self.shown(&otherwise["e"], out)?;
                }
                other => return Err(format!("{other} is neither rows nor an else")),
            },
            _ => return Err(format!("{part} is no part of statics")),
        }
        Ok(())
    }

    fn shown(&self, shown: &Value, out: &mut String) -> Result<(), String> {
        match shown.as_array().map(Vec::as_slice) {
            Some([fragment, values]) => self.write(fragment, values, out),
            _ => Err(format!("{shown} is not a fragment with its values")),
        }
    }
}

fn text(value: &Value) -> Result<&str, String> {
    value
        .as_str()
        .ok_or_else(|| format!("a hole takes text, not {value}"))
}

fn escape(text: &str) -> String {
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}
