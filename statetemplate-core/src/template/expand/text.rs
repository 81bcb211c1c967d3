//! Set blocks: `{{ x }}` prints once more what the block printed.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::scope::{Scope, What};
use crate::template::machinery::ast::{self, Expr};
use crate::template::node::{Node, Nodes};
use crate::template::reads::{self, ANYTHING};
use crate::template::syntax;

/// What a set block printed, as it can be printed again.
pub(super) struct Text<'a> {
    nodes: Nodes<'a>,
    /// The names that it mentions.
    names: BTreeSet<&'static str>,
    /// When the block stood.
    time: usize,
    size: usize,
}

impl<'a> Text<'a> {
    /// Whether the names in the block still stand for what they stood for there.
    pub(super) fn means_the_same(&self, scope: &Scope<'a>) -> bool {
        self.names
            .iter()
            .all(|name| scope.lookup(name).is_none_or(|found| found.time < self.time))
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn nodes(&self) -> Nodes<'a> {
        self.nodes.clone()
    }
}

impl<'a> Scope<'a> {
    /// Binds the target of a set block, whose body is resolved.
    pub(in super::super) fn bind_text(&mut self, set: &ast::SetBlock<'static>, nodes: &Nodes<'a>) {
        let Expr::Var(target) = &set.target else {
            return;
        };
        let names = reads::mentioned(nodes);
        let again = set.filter.is_none() && !names.contains(ANYTHING) && prints_the_same_again(nodes, 0);
        if !again {
            return self.bind_value(target.id);
        }
        let mut size = 0;
        nodes.iter().for_each(|node| node.walk(&mut |_| size += 1));
        let text = Text {
            nodes: nodes.clone(),
            names,
            time: self.now(),
            size,
        };
        self.bind(target.id, What::Text(Rc::new(text)));
    }
}

/// Whether running these nodes once more prints the same and changes nothing: they bind no names around them, and call
/// nothing that may answer differently.
fn prints_the_same_again(nodes: &[Node<'_>], mut open: usize) -> bool {
    nodes.iter().all(|node| match node {
        Node::Enter(_) => {
            open += 1;
            !calls(node)
        }
        Node::Leave => {
            open = open.saturating_sub(1);
            true
        }
        Node::Define(ast::Stmt::Set(_)) | Node::Capture(..) if open == 0 => false,
        Node::Define(ast::Stmt::Set(_)) | Node::Raw(_) | Node::Emit(_) => !calls(node),
        Node::Define(_)
        | Node::Native(_)
        | Node::Jump(_)
        | Node::Escape(_)
        | Node::Unescape { .. }
        | Node::Guarded(..)
        | Node::Captured(..) => false,
        Node::If(_) | Node::For(_) | Node::AutoEscape(..) | Node::Filter(..) | Node::Capture(..) => {
            // A loop's rows have a frame of their own.
            let open = open + usize::from(matches!(node, Node::For(_)));
            let again = |inside: &&Nodes<'_>| prints_the_same_again(inside, open);
            !calls(node) && node.children().iter().all(again)
        }
    })
}

fn calls(node: &Node<'_>) -> bool {
    let mut found = false;
    for expr in node.expressions() {
        syntax::each_expression(expr, &mut |inside| found |= matches!(inside, Expr::Call(_)));
    }
    found
}
