//! Sequences and tuples on their way into a snapshot.

use std::cell::Cell;

use serde::ser::{self, Serialize};

use super::align::Aligner;
use super::fault::Fault;
use super::{Done, Walk, Walked, shares};
use crate::snapshot::leaf::{self, Leaf};
use crate::snapshot::node::Node;

/// What a sequence becomes.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Seq,
    Tuple,
}

/// A sequence on its way. `fresh` is made only once something differs from the old one.
///
/// Each item is walked along the old one that is expected in its place. If its first scalar is another, the item has
/// probably moved: then it is looked for among the old ones, and walked along what is found.
pub(super) struct SeqWalk<'a> {
    kind: Kind,
    /// The items of the old sequence, if there is one of this kind.
    old: Option<&'a [Node]>,
    /// These items as long as nothing differs: one that is found here is in its place.
    same: &'a [Node],
    depth: usize,
    /// What the walk of the whole sequence has to tell of its first scalar, until there was one.
    first: Option<&'a Cell<bool>>,
    aligning: Aligning,
    len: usize,
    fresh: Option<Vec<Node>>,
    capacity: usize,
}

/// Whether items are looked for where they are not expected.
enum Aligning {
    /// They are not: a tuple's have their fixed places, numbers are as cheap made anew, and else there are no old ones.
    No,
    /// They will be; so far each one was where it is expected.
    Ready,
    Yes(Box<Aligner>),
}

impl<'a> SeqWalk<'a> {
    #[inline]
    pub(super) fn new(kind: Kind, walk: &Walk<'a>, len: usize) -> Result<SeqWalk<'a>, Fault> {
        let old = match (kind, walk.old) {
            (Kind::Seq, Some(Node::Seq(seq))) => Some(&*seq.items),
            (Kind::Tuple, Some(Node::Tuple(tuple))) => Some(&*tuple.items),
            _ => None,
        };
        Ok(SeqWalk {
            kind,
            old,
            same: old.unwrap_or_default(),
            depth: walk.deeper()?,
            first: walk.first,
            aligning: match old {
                Some(items) if kind == Kind::Seq && !items.is_empty() => Aligning::Ready,
                _ => Aligning::No,
            },
            len: 0,
            fresh: None,
            // A hint of the data's own; not to be trusted with much more memory than there is in use already.
            capacity: len.min(old.map_or(0, <[Node]>::len) + 4096),
        })
    }

    /// Takes the next item.
    #[inline]
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        let Some(item) = self.same.get(self.len) else {
            return self.push_other(value);
        };
        let lost = Cell::new(false);
        let walked = value.serialize(Walk {
            old: Some(item),
            first: self.watch(&lost),
            depth: self.depth,
        });
        match walked {
            Ok(Walked::Same) if !lost.get() => {
                self.settle(item);
                self.len += 1;
                Ok(())
            }
            _ if lost.get() => self.push_moved(value),
            Ok(walked) => {
                self.put(walked.resolve(Some(item)));
                Ok(())
            }
            Err(fault) => Err(fault.at_index(self.len)),
        }
    }

    /// Takes an item after others that were not the same, or behind the end of the old sequence.
    fn push_other<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        let lost = Cell::new(false);
        let model = self.model();
        let walked = value.serialize(Walk {
            old: model,
            first: self.watch(&lost),
            depth: self.depth,
        });
        match walked {
            _ if lost.get() => self.push_moved(value),
            Ok(walked) => {
                let item = walked.resolve(model);
                self.keep_up();
                self.put(item);
                Ok(())
            }
            Err(fault) => Err(fault.at_index(self.len)),
        }
    }

    /// Takes an item that is not the old one which is expected here.
    fn push_moved<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        self.align(leaf::of_data(value));
        let model = self.model();
        let walked = value.serialize(Walk {
            old: model,
            first: None,
            depth: self.depth,
        });
        match walked {
            Ok(walked) => {
                let item = walked.resolve(model);
                self.put(item);
                Ok(())
            }
            Err(fault) => Err(fault.at_index(self.len)),
        }
    }

    /// Who wants to know that the next item's first scalar is another than expected.
    #[inline]
    fn watch<'b>(&self, lost: &'b Cell<bool>) -> Option<&'b Cell<bool>>
    where
        'a: 'b,
    {
        match self.aligning {
            Aligning::No => self.first,
            Aligning::Ready | Aligning::Yes(_) => self.first.or(Some(lost)),
        }
    }

    /// Where the next item has probably been.
    fn expected(&self) -> Option<usize> {
        let expected = match &self.aligning {
            Aligning::Yes(aligner) => aligner.expected(self.len)?,
            Aligning::Ready | Aligning::No => self.len,
        };
        (expected < self.old?.len()).then_some(expected)
    }

    /// What to walk the next item along.
    fn model(&self) -> Option<&Node> {
        if let (Some(old), Some(expected)) = (self.old, self.expected()) {
            return Some(&old[expected]);
        }
        // Any old item serves as a model for the keys of a new one. Without old ones the item before does: rows share
        // their key table, and what they repeat.
        let first = self.old.and_then(<[Node]>::first);
        let before = || self.fresh.as_ref().and_then(|fresh| fresh.last());
        first
            .filter(|node| shares(node))
            .or_else(|| before().filter(|node| shares(node)))
    }

    /// Expects the next item, with this leaf, where the old items have one like it.
    #[cold]
    fn align(&mut self, leaf: Option<Leaf>) {
        let items = self.old.unwrap_or_default();
        if let Aligning::Ready = self.aligning {
            if !items.iter().any(shares) {
                self.aligning = Aligning::No;
                return;
            }
            self.aligning = Aligning::Yes(Box::new(Aligner::new(self.len)));
        }
        if let (Aligning::Yes(aligner), Some(leaf)) = (&mut self.aligning, leaf) {
            aligner.find(items, self.len, leaf);
        }
    }

    /// The next item was where it is expected, as far as its first scalar tells.
    fn keep_up(&mut self) {
        let expected = self.expected();
        if let (Aligning::Yes(aligner), Some(expected)) = (&mut self.aligning, expected) {
            aligner.met(expected);
        }
    }

    /// Once the first scalar was there, nobody waits for it any more.
    #[inline]
    fn settle(&mut self, item: &Node) {
        if self.first.is_some() && leaf::is_in(item) {
            self.first = None;
        }
    }

    /// Puts the next item, which may be another than the old sequence has here.
    fn put(&mut self, item: Node) {
        self.settle(&item);
        match &mut self.fresh {
            Some(fresh) => fresh.push(item),
            None if self.same.get(self.len).is_some_and(|old| old.same(&item)) => {}
            None => {
                let mut fresh = Vec::with_capacity(self.capacity.max(self.len + 1));
                fresh.extend_from_slice(&self.same[..self.len]);
                fresh.push(item);
                self.fresh = Some(fresh);
                self.same = &[];
            }
        }
        self.len += 1;
    }

    #[inline]
    fn finish(self) -> Done {
        match self.old {
            Some(old) if self.fresh.is_none() && old.len() == self.len => Ok(Walked::Same),
            _ => Ok(Walked::New(self.build())),
        }
    }

    fn build(self) -> Node {
        let kept = || self.old.unwrap_or_default()[..self.len].to_vec();
        let items = self.fresh.unwrap_or_else(kept);
        match self.kind {
            Kind::Seq => Node::seq(items),
            Kind::Tuple => Node::tuple(items),
        }
    }
}

macro_rules! sequences {
    ($($kind:ident: $method:ident),*) => {$(
        impl ser::$kind for SeqWalk<'_> {
            type Ok = Walked;
            type Error = Fault;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
                self.push(value)
            }

            #[inline]
            fn end(self) -> Done {
                self.finish()
            }
        }
    )*};
}

sequences!(SerializeSeq: serialize_element, SerializeTuple: serialize_element);
sequences!(SerializeTupleStruct: serialize_field);
