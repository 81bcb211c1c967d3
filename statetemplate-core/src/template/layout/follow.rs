//! Nodes that print nothing: what they leave behind for what comes after them, and whether they may fail.

use super::Layout;
use crate::template::draft::{Draft, DraftKind, Op, Scope, SlotDraft, ValueStep};
use crate::template::machinery::ast::{Expr, Stmt};
use crate::template::node::Node;
use crate::template::reads::{self, Place};
use crate::template::{failing, namespace};

impl<'a> Layout<'a> {
    /// Follows a node that prints nothing. `printed`: the node is not part of a slot that prints it anyway.
    pub(super) fn silent(&mut self, draft: &mut Draft<'a>, node: &Node<'a>, printed: bool) {
        if printed {
            self.check(draft, node);
        }
        self.follow(node);
        draft
            .mentions
            .extend(reads::mentioned(std::slice::from_ref(node)));
        draft.steps.push(ValueStep::Silent(node.clone()));
        if printed {
            draft.ops.push(Op::Silent(node.clone()));
        }
    }

    /// Notes a node that prints nothing, if it may fail on some data.
    pub(super) fn check(&mut self, draft: &mut Draft<'a>, node: &Node<'a>) {
        if !self.may_fail(node) {
            return;
        }
        let reads = match node {
            Node::Define(Stmt::Import(import)) => self.names.of_import(&import.expr),
            Node::Define(Stmt::FromImport(import)) => self.names.of_import(&import.expr),
            node => self.names.of_all(node),
        };
        draft.checks.push(SlotDraft {
            kind: DraftKind::Check(node.clone()),
            scope: self.scope.clone(),
            all_reads: reads.clone(),
            reads,
            place: "check".to_owned(),
            sets: false,
            within: self.within(),
        });
    }

    /// Whether a node that prints nothing may fail on some data.
    pub(super) fn may_fail(&self, node: &Node<'a>) -> bool {
        match node {
            Node::Define(Stmt::Import(import)) => {
                failing::import_may_fail(&import.expr, self.names.sources())
            }
            Node::Define(Stmt::FromImport(import)) => {
                failing::import_may_fail(&import.expr, self.names.sources())
            }
            node => failing::may_fail(node, &|expr| self.is_there(expr)),
        }
    }

    /// Whether an expression is a path that can be followed to its last step, whatever the data is.
    pub(super) fn is_there(&self, expr: &Expr<'static>) -> bool {
        match self.names.place(expr) {
            Some(Place::Data(path)) => path.len() < 2,
            Some(Place::Item { id, path, sure }) => sure && path.len() < 2 && self.over_data.contains(&id),
            Some(Place::Counter(..)) => true,
            None => false,
        }
    }

    /// Keeps track of what nodes that are run as a whole leave behind.
    pub(super) fn follow_all(&mut self, nodes: &[Node<'a>]) {
        for node in nodes {
            match node {
                Node::Captured(_, inside) => self.follow_all(inside),
                node => self.follow(node),
            }
        }
    }

    /// Keeps track of what a node leaves behind.
    pub(super) fn follow(&mut self, node: &Node<'a>) {
        match node {
            Node::Enter(assignments) => {
                self.open.push((self.scope.len(), self.names.depth()));
                self.names.define(node);
                self.scope.push(Scope::Enter(assignments));
            }
            Node::Leave => {
                if let Some((scope, names)) = self.open.pop() {
                    let past = past(&self.scope[scope..]);
                    self.scope.truncate(scope);
                    self.names.leave(names);
                    if !namespace::changes(past.iter()).is_empty() {
                        self.scope.push(Scope::Past(past));
                    }
                }
            }
            Node::Escape(to) => {
                self.names.define(node);
                self.scope.push(Scope::Escape(to));
            }
            Node::Unescape { html } => {
                self.names.define(node);
                self.scope.push(Scope::Unescape { html: *html });
            }
            _ if !node.is_silent() && reads::left_behind(node).is_empty() => return,
            _ => {
                self.names.define(node);
                self.scope.push(Scope::Define(node.clone()));
            }
        }
        self.version += 1;
    }
}

/// The nodes that ran in a scope, from its start to its end.
fn past<'a>(steps: &[Scope<'a>]) -> Vec<Node<'a>> {
    let mut nodes = Vec::new();
    for step in steps {
        match step {
            Scope::Enter(assignments) => nodes.push(Node::Enter(assignments)),
            Scope::Escape(to) => nodes.push(Node::Escape(to)),
            Scope::Unescape { html } => nodes.push(Node::Unescape { html: *html }),
            Scope::Define(node) => nodes.push(node.clone()),
            Scope::Past(inside) => nodes.extend(inside.iter().cloned()),
            // A loop's rows have ended before the scope around it does.
            Scope::Loop(..) => {}
        }
    }
    nodes.push(Node::Leave);
    nodes
}
