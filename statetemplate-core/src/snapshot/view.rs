//! Parts of a snapshot, read in place: what a template would find and print there, without a value being made for it.

use minijinja::Value;
use smol_str::{SmolStr, ToSmolStr as _, format_smolstr};

use super::node::Node;
use super::{MapPairs, PathStep, SeqItems, Snapshot};

/// A part of a snapshot.
#[derive(Clone, Copy)]
pub(crate) struct View<'s>(pub(super) &'s Node);

impl<'s> View<'s> {
    /// What is at a path below, if that leads to a part of the snapshot: what templates find in strings, and from the
    /// end of a sequence, is not looked for here.
    pub(crate) fn at(self, path: &[PathStep]) -> Option<View<'s>> {
        let mut node = self.0;
        for step in path {
            node = match (node, step) {
                (Node::Map(map), PathStep::Key(key)) => map.get(key)?,
                // Not under a number of a map: a target that takes an item apart takes a map's keys.
                (Node::Seq(_) | Node::Tuple(_), PathStep::Index(index)) => {
                    node.items()?.get(usize::try_from(*index).ok()?)?
                }
                _ => return None,
            };
        }
        Some(View(node))
    }

    /// The part as a template value.
    pub(crate) fn value(self) -> Value {
        self.0.value()
    }

    /// What minijinja prints for the part before any escaping; nothing for what is printed item by item.
    pub(crate) fn printed(self) -> Option<SmolStr> {
        Some(match self.0 {
            Node::Str(text) => text.clone(),
            Node::Int(number) => SmolStr::new(itoa::Buffer::new().format(*number)),
            Node::UInt(number) => SmolStr::new(itoa::Buffer::new().format(*number)),
            Node::Bool(true) => SmolStr::new_static("True"),
            Node::Bool(false) => SmolStr::new_static("False"),
            Node::Null | Node::Some(_) => SmolStr::new_static("None"),
            Node::Float(_) | Node::Int128(_) | Node::UInt128(_) => self.0.value().to_smolstr(),
            Node::Bytes(_) | Node::Seq(_) | Node::Tuple(_) | Node::Map(_) => return None,
        })
    }

    /// The part as `%.2f` and the like print it, if it is a floating-point number that is not infinite.
    pub(crate) fn fixed(self, precision: usize) -> Option<SmolStr> {
        match self.0 {
            Node::Float(number) if number.is_finite() => Some(format_smolstr!("{number:.precision$}")),
            _ => None,
        }
    }

    /// Whether a condition takes the part for true.
    pub(crate) fn is_true(self) -> bool {
        match self.0 {
            Node::Null | Node::Some(_) => false,
            Node::Bool(value) => *value,
            Node::Int(number) => *number != 0,
            Node::UInt(number) => *number != 0,
            Node::Int128(number) => **number != 0,
            Node::UInt128(number) => **number != 0,
            Node::Float(number) => *number != 0.0,
            Node::Str(text) => !text.is_empty(),
            Node::Bytes(bytes) => !bytes.is_empty(),
            Node::Map(map) => !map.values.is_empty(),
            Node::Seq(_) | Node::Tuple(_) => self.0.items().is_some_and(|items| !items.is_empty()),
        }
    }

    /// How many items or characters the part has, as `|length` counts them.
    pub(crate) fn length(self) -> Option<usize> {
        match self.0 {
            Node::Str(text) => Some(text.chars().count()),
            Node::Map(map) => Some(map.values.len()),
            Node::Seq(_) => self.0.items().map(<[Node]>::len),
            _ => None,
        }
    }

    /// The items, if the part is a sequence that templates iterate over as it is.
    pub(crate) fn items(self) -> Option<SeqItems> {
        match self.0 {
            Node::Seq(seq) => Some(SeqItems::new(seq.clone())),
            _ => None,
        }
    }

    /// The pairs that `|items` makes of the part, if it is a map.
    pub(crate) fn pairs(self) -> Option<MapPairs> {
        match self.0 {
            Node::Map(map) => Some(MapPairs::new(map.clone())),
            _ => None,
        }
    }
}

impl Snapshot {
    /// The whole snapshot, to be read in place.
    pub(crate) fn view(&self) -> View<'_> {
        View(&self.0)
    }
}
