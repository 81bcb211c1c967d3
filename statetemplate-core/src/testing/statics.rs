//! Statics that the page holds.

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

    /// The statics of a fragment.
    pub(super) fn template(&self, fragment: &Value) -> Result<Template<'_>, String> {
        let name = match fragment {
            Value::String(name) => name.clone(),
            Value::Number(number) => number.to_string(),
            other => return Err(format!("{other} names no fragment")),
        };
        let hash = self
            .fragments
            .get(&name)
            .ok_or_else(|| format!("no statics were sent for fragment {name}"))?;
        match self.by_hash[hash].split_first() {
            Some((Value::String(html), fills)) => Ok(Template { name, html, fills }),
            _ => Err(format!(
                "the statics of fragment {name} do not begin with its HTML"
            )),
        }
    }
}

/// The statics of one fragment.
pub(super) struct Template<'h> {
    pub(super) name: String,
    /// Its annotated HTML, with nothing in its slots.
    pub(super) html: &'h str,
    /// What fills the slots, in their order.
    pub(super) fills: &'h [Value],
}
