//! A fragment on its way from the layout to the plan: what is printed and computed, in order, and what each slot is.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::condition::{Condition, Operand};
use super::machinery::ast::Expr;
use super::namespace;
use super::node::{self, For, Node};
use super::opaque::Opaque;
use super::reading::Reading;
use super::reads::{self, LoopId, Reads};
use super::{syntax, text};
use crate::PathStep;

/// The number of a fragment in its plan.
pub(crate) type FragmentId = usize;

/// The page is the first fragment.
pub(crate) const PAGE: FragmentId = 0;

/// A fragment on its way to being compiled.
#[derive(Default)]
pub(super) struct Draft<'a> {
    /// How the fragment is printed, in order.
    pub(super) ops: Vec<Op<'a>>,
    /// How its values are computed, in order.
    pub(super) steps: Vec<ValueStep<'a>>,
    pub(super) slots: Vec<SlotDraft<'a>>,
    pub(super) holes: Vec<HoleDraft<'a>>,
    /// What is in scope where the fragment starts.
    pub(super) scope: Vec<Scope<'a>>,
    /// Every name that the fragment mentions.
    pub(super) mentions: BTreeSet<&'static str>,
    /// What is set, and may fail at that.
    pub(super) checks: Vec<SlotDraft<'a>>,
}

impl Draft<'_> {
    /// Whether the program of one of its slots runs what a check runs, whenever that may have changed.
    pub(super) fn runs_anyway(&self, check: &SlotDraft<'_>) -> bool {
        let DraftKind::Check(node) = &check.kind else {
            return false;
        };
        self.slots.iter().any(|slot| {
            (slot.sets || slot.kind.runs(&self.holes))
                && slot.reads.covers(&check.reads)
                && slot.scope.iter().any(|step| {
                    step.runs(node)
                        && step
                            .defined()
                            .iter()
                            .any(|name| slot.kind.mentions().contains(name))
                })
        })
    }
}

pub(super) enum Op<'a> {
    Raw(String),
    Slot(usize),
    Silent(Node<'a>),
    HeadEnd,
}

pub(super) enum ValueStep<'a> {
    Silent(Node<'a>),
    Hole(usize),
}

/// Something that must run before code further down can be evaluated on its own.
#[derive(Clone)]
pub(super) enum Scope<'a> {
    Loop(LoopId, Rc<For<'a>>),
    Enter(&'a [(Expr<'static>, Expr<'static>)]),
    /// Values are escaped in the way of this name.
    Escape(&'static str),
    /// The end of the innermost [`Scope::Escape`]; whether values are escaped for HTML after it.
    Unescape {
        html: bool,
    },
    Define(Node<'a>),
    /// A scope that has ended, with all that ran in it: it changed a namespace of others.
    Past(Vec<Node<'a>>),
}

impl Scope<'_> {
    /// The names that it defines.
    pub(super) fn defined(&self) -> Vec<&'static str> {
        let mut defined = Vec::new();
        match self {
            Scope::Loop(_, lp) => {
                syntax::assigned(&lp.syntax.target, &mut defined);
                defined.push("loop");
            }
            Scope::Enter(assignments) => {
                assignments
                    .iter()
                    .for_each(|(target, _)| syntax::assigned(target, &mut defined));
            }
            Scope::Escape(_) | Scope::Unescape { .. } => {}
            Scope::Define(node) => defined = reads::left_behind(node),
            Scope::Past(nodes) => defined.extend(namespace::changes(nodes)),
        }
        defined
    }

    /// Whether it is what this node leaves behind.
    fn runs(&self, node: &Node<'_>) -> bool {
        match (self, node) {
            (Scope::Enter(a), Node::Enter(b)) => std::ptr::eq(*a, *b),
            (Scope::Define(Node::Define(a)), Node::Define(b)) => std::ptr::eq(*a, *b),
            (Scope::Define(Node::Capture(a, _)), Node::Capture(b, _)) => std::ptr::eq(*a, *b),
            _ => false,
        }
    }
}

pub(super) struct SlotDraft<'a> {
    pub(super) kind: DraftKind<'a>,
    pub(super) scope: Vec<Scope<'a>>,
    /// What the slot itself reads: for a branch its conditions, for a list its items.
    pub(super) reads: Reads,
    /// What the slot and everything inside it reads.
    pub(super) all_reads: Reads,
    /// What the slot is, in words.
    pub(super) place: String,
    /// Whether it sets names, and may fail at that.
    pub(super) sets: bool,
    /// The elements around it, for `explain`.
    pub(super) within: String,
}

pub(super) enum DraftKind<'a> {
    Text {
        nodes: Vec<Node<'a>>,
        pieces: Vec<Piece>,
        /// How to compute the pieces that are not static.
        steps: Vec<ValueStep<'a>>,
        drops_newline: bool,
        place: text::Place,
    },
    Attribute {
        nodes: Vec<Node<'a>>,
        pieces: Vec<Piece>,
        /// How to compute the pieces that are not static.
        steps: Vec<ValueStep<'a>>,
        unquoted: bool,
    },
    Tag {
        nodes: Vec<Node<'a>>,
        hole: usize,
        /// Whether it is a tag of SVG or MathML.
        foreign: bool,
    },
    Region {
        nodes: Vec<Node<'a>>,
        hole: usize,
        reason: Opaque,
    },
    Branch {
        arms: Vec<(&'a Expr<'static>, Option<FragmentId>)>,
        otherwise: Option<FragmentId>,
        hole: usize,
        /// The conditions, where all of them are plain questions about the data.
        conditions: Option<Vec<Condition>>,
    },
    List(ListDraft<'a>),
    /// No place of the page: a node that prints nothing and may fail, for which no other slot is certain to run it.
    Check(Node<'a>),
}

impl DraftKind<'_> {
    /// How many of the scopes that are open where the slot starts end within it.
    pub(super) fn scopes_left(&self) -> usize {
        match self {
            DraftKind::Text { nodes, .. }
            | DraftKind::Attribute { nodes, .. }
            | DraftKind::Tag { nodes, .. }
            | DraftKind::Region { nodes, .. } => node::scopes_crossed(nodes).0,
            DraftKind::Branch { .. } | DraftKind::List(_) | DraftKind::Check(_) => 0,
        }
    }

    /// Whether its program prints it whenever it may have changed: the data alone does not tell it.
    fn runs(&self, holes: &[HoleDraft<'_>]) -> bool {
        let is_read = |hole: usize| holes[hole].reading.is_some();
        match self {
            DraftKind::Text { steps, .. } | DraftKind::Attribute { steps, .. } => {
                steps.iter().any(|step| match step {
                    ValueStep::Hole(hole) => !is_read(*hole),
                    ValueStep::Silent(_) => false,
                })
            }
            DraftKind::Tag { hole, .. } | DraftKind::Region { hole, .. } => !is_read(*hole),
            DraftKind::Branch { conditions, .. } => conditions.is_none(),
            DraftKind::List(list) => list.source.is_none(),
            DraftKind::Check(_) => false,
        }
    }

    /// The names that its program mentions.
    pub(super) fn mentions(&self) -> BTreeSet<&'static str> {
        let mut mentioned = BTreeSet::new();
        match self {
            DraftKind::Text { nodes, .. }
            | DraftKind::Attribute { nodes, .. }
            | DraftKind::Tag { nodes, .. }
            | DraftKind::Region { nodes, .. } => mentioned = reads::mentioned(nodes),
            DraftKind::Branch { arms, .. } => arms
                .iter()
                .for_each(|(condition, _)| reads::mentioned_in(condition, &mut mentioned)),
            DraftKind::List(list) => {
                reads::mentioned_in(&list.lp.syntax.iter, &mut mentioned);
                let filter = list.lp.syntax.filter_expr.iter();
                filter.for_each(|filter| reads::mentioned_in(filter, &mut mentioned));
            }
            DraftKind::Check(node) => mentioned = reads::mentioned(std::slice::from_ref(node)),
        }
        mentioned
    }
}

pub(super) struct ListDraft<'a> {
    pub(super) lp: Rc<For<'a>>,
    pub(super) id: LoopId,
    pub(super) item: FragmentId,
    pub(super) otherwise: Option<FragmentId>,
    /// What it runs over, where that is a part of the data and nothing else.
    pub(super) source: Option<ListSource>,
    pub(super) key: Option<Vec<Node<'a>>>,
    /// The paths within an item that the key is made of, where it is made of nothing else.
    pub(super) key_paths: Option<Vec<Vec<PathStep>>>,
    /// What a row reads beside its own item and counter.
    pub(super) row_reads: Reads,
    pub(super) hole: usize,
}

/// What a list runs over, where that is a part of the data and nothing else.
#[derive(Debug, Clone)]
pub(crate) struct ListSource {
    pub(crate) operand: Operand,
    /// Whether it runs over the pairs of a map, as `|items` gives them, and not over a sequence.
    pub(crate) pairs: bool,
}

/// A part of a slot's text.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Static {
        /// As it stands in the HTML.
        html: String,
        /// As it stands in the document.
        text: String,
    },
    Hole(usize),
}

pub(super) struct HoleDraft<'a> {
    pub(super) kind: HoleKind,
    pub(super) source: HoleSource<'a>,
    /// How its text is read from the data, where that can be.
    pub(super) reading: Option<Vec<Reading>>,
    /// Two holes of one fragment with the same key have the same value.
    pub(super) key: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HoleKind {
    /// Text that was escaped for HTML.
    Text,
    /// HTML, or text where entities mean nothing.
    Raw,
    /// Attributes as they stand in a tag; `foreign` in one of SVG or MathML.
    Tag {
        foreign: bool,
    },
    Branch,
    List,
}

pub(super) enum HoleSource<'a> {
    Nodes(Vec<Node<'a>>),
    /// The branch or list that is this slot.
    Slot(usize),
}
