//! Lists: what they run over, and what tells their rows apart.

use std::rc::Rc;

use super::{Layout, is_marked, visible};
use crate::PathStep;
use crate::template::condition::Operand;
use crate::template::draft::{
    Draft, DraftKind, HoleKind, HoleSource, ListDraft, ListSource, Scope, SlotDraft,
};
use crate::template::item::{Item, TagPart};
use crate::template::machinery::ast::Expr;
use crate::template::namespace;
use crate::template::node::{self, For, Node, emitted};
use crate::template::reads::{self, LoopId, Place, Reads};

impl<'a> Layout<'a> {
    pub(super) fn list(
        &mut self,
        draft: &mut Draft<'a>,
        lp: &Rc<For<'a>>,
        body: &[Item<'a>],
        otherwise: &[Item<'a>],
    ) {
        let scope = self.scope.clone();
        let id = self.loops;
        self.loops += 1;
        let mut reads = self.names.of(&lp.syntax.iter);
        let source = match &lp.syntax.filter_expr {
            None => self.source(&lp.syntax.iter),
            Some(_) => None,
        };
        reads::mentioned_in(&lp.syntax.iter, &mut draft.mentions);
        if source.is_some() {
            self.over_data.insert(id);
        }
        let names = self.names.depth();
        let pairs = source.as_ref().is_some_and(|source| source.pairs);
        self.names.enter_loop(id, lp.syntax, pairs);
        if let Some(filter) = &lp.syntax.filter_expr {
            reads::mentioned_in(filter, &mut draft.mentions);
            let mut filter_reads = self.names.of(filter);
            filter_reads.items.retain(|(read, _)| *read != id);
            reads.add(&filter_reads);
        }
        self.scope.push(Scope::Loop(id, lp.clone()));
        let key = key_of(body).filter(|key| {
            // A namespace changes while its row is made.
            let reads = self.names.of_nodes(key);
            reads.reads_item(id) && !reads.impure && namespace::changes(key.iter()).is_empty()
        });
        let key_paths = key.as_ref().and_then(|key| self.parts_of_item(key, id));
        let shown = visible(body);
        let is_branch = matches!(shown.as_slice(), [Item::Branch(..)]);
        let start = match shown.first() {
            _ if is_branch => "<!q>",
            Some(Item::Element(first)) if is_marked(first) => {
                self.row_begins = Some("!");
                ""
            }
            _ => "<!r>",
        };
        let item = self.fragment(body, start, is_branch.then_some(""));
        self.scope.pop();
        self.names.truncate(names);
        let mut row_reads = Reads::default();
        self.absorb(draft, item, &mut row_reads);
        row_reads.items.retain(|(read, _)| *read != id);
        let mut all_reads = row_reads.clone();
        all_reads.counters.retain(|(counted, _)| *counted != id);
        let otherwise = self.arm(draft, otherwise, &mut all_reads);
        all_reads.add(&reads);
        let hole = self.hole(draft, HoleKind::List, HoleSource::Slot(draft.slots.len()));
        let list = ListDraft {
            lp: lp.clone(),
            id,
            item,
            otherwise,
            source,
            key,
            key_paths,
            row_reads,
            hole,
        };
        let place = "list".to_owned();
        self.push_slot(
            draft,
            SlotDraft {
                kind: DraftKind::List(list),
                scope,
                reads,
                all_reads,
                place,
                sets: false,
                within: self.within(),
            },
        );
    }

    /// What an expression gives a list to run over, if that is a part of the data and nothing else.
    fn source(&self, expr: &Expr<'static>) -> Option<ListSource> {
        let (part, pairs) = match expr {
            Expr::Filter(filter)
                if filter.name == "items" && filter.args.is_empty() && self.names.shortcuts().items =>
            {
                (filter.expr.as_ref()?, true)
            }
            _ => (expr, false),
        };
        let operand = Operand::of(part, &self.names)?;
        matches!(operand, Operand::Data(_) | Operand::Item(..)).then_some(ListSource { operand, pairs })
    }

    /// The paths within the item of a loop that make up a text, if nothing else that changes does.
    fn parts_of_item(&self, nodes: &[Node<'a>], id: LoopId) -> Option<Vec<Vec<PathStep>>> {
        let dynamic = nodes.iter().filter(|node| !matches!(node, Node::Raw(_)));
        let paths = dynamic.map(|node| match node {
            Node::Emit(statement) | Node::Guarded(_, statement) => {
                match self.names.place(&emitted(statement).expr)? {
                    Place::Item { id: of, path, .. } if of == id => Some(path),
                    _ => None,
                }
            }
            _ => None,
        });
        paths.collect()
    }
}

/// What tells a row from the others: `st-key`, or the `id` of its first element, after the names that are set before it.
fn key_of<'a>(items: &[Item<'a>]) -> Option<Vec<Node<'a>>> {
    let mut key = Vec::new();
    for item in items {
        match item {
            Item::Silent(node) => key.push(node.clone()),
            Item::Element(element) => {
                let value = |wanted: &str| {
                    element.tag.iter().find_map(|part| match part {
                        TagPart::Attribute { name, value, .. } if name == wanted => Some(value.clone()),
                        _ => None,
                    })
                };
                key.extend(value("st-key").or_else(|| value("id"))?);
                return Some(closed(key));
            }
            Item::Branch(arms, otherwise) => {
                let mut arms = arms
                    .iter()
                    .map(|(_, body)| body)
                    .chain(std::iter::once(otherwise));
                key.extend(arms.find_map(|body| key_of(body))?);
                return Some(closed(key));
            }
            _ => {}
        }
    }
    None
}

/// The nodes with the ends of the scopes that they leave open.
fn closed(mut nodes: Vec<Node<'_>>) -> Vec<Node<'_>> {
    let mut open = 0usize;
    for node in &nodes {
        match node {
            Node::Enter(_) => open += 1,
            Node::Leave => open = open.saturating_sub(1),
            _ => {}
        }
    }
    nodes.extend(std::iter::repeat_n(Node::Leave, open));
    let escapes = usize::try_from(node::escapes_opened(&nodes)).unwrap_or(0);
    nodes.extend(std::iter::repeat_n(Node::Unescape { html: true }, escapes));
    nodes
}
