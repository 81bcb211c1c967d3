//! Which names a stretch of template mentions, wherever they come from: what must be in scope for it to run alone.

use std::collections::BTreeSet;

use super::machinery::ast::{Expr, Stmt};
use super::node::{Node, emitted};
use super::syntax;

/// Every name that the nodes mention, wherever it comes from.
pub(super) fn mentioned(nodes: &[Node<'_>]) -> BTreeSet<&'static str> {
    let mut names = BTreeSet::new();
    for node in nodes {
        node.walk(&mut |node| mention(node, &mut names));
    }
    names
}

/// Every name that an expression mentions.
pub(super) fn mentioned_in(expr: &Expr<'static>, names: &mut BTreeSet<&'static str>) {
    syntax::each_expression(expr, &mut |e| {
        if let Expr::Var(var) = e {
            names.insert(var.id);
        }
        // What the block uses is not told here.
        if syntax::block_call(e).is_some() {
            names.insert(ANYTHING);
        }
    });
}

fn mention(node: &Node<'_>, names: &mut BTreeSet<&'static str>) {
    match node {
        Node::Emit(statement) | Node::Guarded(_, statement) => mentioned_in(&emitted(statement).expr, names),
        Node::Define(statement) | Node::Native(statement) => mentioned_in_statement(statement, names),
        Node::If(branch) => branch
            .arms
            .iter()
            .for_each(|(condition, _)| mentioned_in(condition, names)),
        Node::For(lp) => {
            mentioned_in(&lp.syntax.iter, names);
            lp.syntax
                .filter_expr
                .iter()
                .for_each(|filter| mentioned_in(filter, names));
        }
        Node::Enter(assignments) => {
            assignments
                .iter()
                .for_each(|(_, value)| mentioned_in(value, names));
        }
        Node::Capture(set, _) => set.filter.iter().for_each(|filter| mentioned_in(filter, names)),
        Node::AutoEscape(block, _) => mentioned_in(&block.enabled, names),
        Node::Filter(block, _) => mentioned_in(&block.filter, names),
        Node::Raw(_)
        | Node::Captured(..)
        | Node::Leave
        | Node::Escape(_)
        | Node::Unescape { .. }
        | Node::Super(_)
        | Node::Jump(_) => {}
    }
}

pub(super) fn mentioned_in_statement(statement: &Stmt<'static>, names: &mut BTreeSet<&'static str>) {
    // A namespace that is assigned to is a name that is used.
    syntax::each_statement(std::slice::from_ref(statement), &mut |inside| {
        if let Stmt::Include(_) | Stmt::Import(_) | Stmt::FromImport(_) = inside {
            // What an included template uses is not known here; a marker asks for everything in scope.
            names.insert(ANYTHING);
        }
        for expr in syntax::parts(inside).0 {
            mentioned_in(expr, names);
        }
    });
}

/// Stands among mentioned names for "whatever is in scope".
pub(super) const ANYTHING: &str = "\0";
