//! The root of an evaluation: the data, and under names that no template can write what the engine adds.

use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object};

use super::compile::{printed_list, wanted_groups};
use super::reads::LoopId;
use crate::Snapshot;

/// Prints lists of a page without running a program.
pub(crate) trait PrintsLists: std::fmt::Debug + Send + Sync {
    /// The rows of a list, or what stands in their place; nothing when a program has to run for them.
    fn print(&self, list: LoopId) -> Option<String>;
}

/// The names that a program finds outside of all scopes.
#[derive(Debug, Clone)]
pub(crate) struct Root {
    data: Value,
    extras: Vec<(&'static str, Value)>,
    /// The groups of slots that are wanted, a bit each.
    wanted: u64,
    /// Prints those lists of the page that need no program.
    lists: Option<Arc<dyn PrintsLists>>,
}

impl Root {
    pub(crate) fn new(data: &Snapshot) -> Self {
        Root {
            data: data.value(),
            extras: Vec::new(),
            wanted: 0,
            lists: None,
        }
    }

    /// The same root with one more name.
    pub(crate) fn with(&self, name: &'static str, value: Value) -> Self {
        let mut extras = Vec::with_capacity(self.extras.len() + 2);
        extras.extend_from_slice(&self.extras);
        extras.push((name, value));
        Root {
            data: self.data.clone(),
            extras,
            wanted: self.wanted,
            lists: self.lists.clone(),
        }
    }

    /// The same root, for a page whose lists are printed by `lists` where that can be.
    pub(super) fn printing(mut self, lists: Arc<dyn PrintsLists>) -> Self {
        self.lists = Some(lists);
        self
    }

    /// The same root, for the slots of these groups.
    pub(crate) fn wanting(mut self, groups: u64) -> Self {
        self.wanted = groups;
        self
    }

    pub(crate) fn value(self) -> Value {
        if self.extras.is_empty() && self.wanted == 0 {
            self.data
        } else {
            Value::from_object(self)
        }
    }
}

impl Object for Root {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        if !key.starts_with('\0') {
            return self.data.as_object()?.get_value_by_str(key);
        }
        if let Some(groups) = wanted_groups(key) {
            return Some(Value::from(self.wanted & groups != 0));
        }
        if let Some(list) = printed_list(key) {
            let html = self.lists.as_ref().and_then(|lists| lists.print(list));
            return Some(html.map_or_else(|| Value::from(false), Value::from_safe_string));
        }
        let extras = self.extras.iter().rev();
        extras
            .into_iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value.clone())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.data.try_iter() {
            Ok(keys) => Enumerator::Values(keys.collect()),
            Err(_) => Enumerator::Empty,
        }
    }
}
