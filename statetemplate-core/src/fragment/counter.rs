//! The `loop` variable of a row that is computed without running its loop.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object};
use minijinja::{Error, ErrorKind, State, Value};

#[derive(Debug)]
pub(super) struct Counter {
    pub(super) index: usize,
    /// Where the loop does not know its length, what follows from it is undefined.
    pub(super) length: Option<usize>,
    pub(super) previous: Value,
    pub(super) next: Value,
}

/// An attribute of the `loop` variable that follows from a row's place alone.
pub(super) fn attribute(index: usize, length: Option<usize>, name: &str) -> Option<Value> {
    let of_length = |value: fn(usize, usize) -> usize| {
        length.map_or(Value::UNDEFINED, |length| Value::from(value(length, index)))
    };
    Some(match name {
        "index" => Value::from(index + 1),
        "index0" => Value::from(index),
        "revindex" => of_length(|length, index| length - index),
        "revindex0" => of_length(|length, index| length - index - 1),
        "first" => Value::from(index == 0),
        "last" => Value::from(length == Some(index + 1)),
        "length" => of_length(|length, _| length),
        _ => return None,
    })
}

impl Object for Counter {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        Some(match key {
            // Only recursion counts, not loops in loops; and a recursive loop is not followed row by row.
            "depth" => Value::from(1),
            "depth0" => Value::from(0),
            "previtem" => self.previous.clone(),
            "nextitem" => self.next.clone(),
            _ => return attribute(self.index, self.length, key),
        })
    }

    /// In minijinja's order.
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&[
            "index0",
            "index",
            "length",
            "revindex",
            "revindex0",
            "first",
            "last",
            "depth",
            "depth0",
            "previtem",
            "nextitem",
        ])
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        name: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match name {
            "cycle" if !args.is_empty() => Ok(args[self.index % args.len()].clone()),
            "cycle" => Err(Error::new(
                ErrorKind::InvalidOperation,
                "loop.cycle needs at least one value",
            )),
            _ => Err(Error::new(
                ErrorKind::UnknownMethod,
                format!("loop object has no method named {name}"),
            )),
        }
    }
}
