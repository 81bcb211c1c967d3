//! Whether the rows of a loop can be computed apart from one another.
//!
//! minijinja forgets the names of a row when the next one starts, but the closure that macros and `call` blocks in the
//! loop share is kept: a macro in one row may see what an earlier row has set.

use std::collections::BTreeSet;

use super::machinery::ast::Stmt;
use super::node::{For, Node};
use super::reads::{self, ANYTHING};
use super::syntax;

/// Whether a macro or `call` block in the rows of a loop may see a name that an earlier row has set.
pub(super) fn remember_others(lp: &For<'_>) -> bool {
    let mut bound = BTreeSet::new();
    bind(&lp.body, &mut bound);
    !bound.is_empty() && sees_another(&lp.body, &bound, &mut BTreeSet::new())
}

/// The names that the nodes bind in the frame of the row.
fn bind(nodes: &[Node<'_>], names: &mut BTreeSet<&'static str>) {
    for node in in_frame(nodes) {
        match node {
            Node::Define(statement) => names.extend(syntax::defined(statement)),
            Node::Capture(set, _) => {
                let mut targets = Vec::new();
                syntax::assigned(&set.target, &mut targets);
                names.extend(targets);
            }
            _ => {}
        }
        names.extend(reads::set_by(node));
    }
}

/// `sure`: those names that are bound in this row, whatever came before it.
fn sees_another(
    nodes: &[Node<'_>],
    bound: &BTreeSet<&'static str>,
    sure: &mut BTreeSet<&'static str>,
) -> bool {
    in_frame(nodes).into_iter().any(|node| match node {
        Node::Define(statement @ Stmt::Macro(_)) | Node::Native(statement @ Stmt::CallBlock(_)) => {
            sure.extend(syntax::defined(statement));
            let mentioned = reads::mentioned(std::slice::from_ref(node));
            let other = |name: &&str| *name == ANYTHING || (bound.contains(*name) && !sure.contains(*name));
            mentioned.iter().any(other)
        }
        Node::Capture(_, body) | Node::AutoEscape(_, body) | Node::Filter(_, body) => {
            let sees = sees_another(body, bound, sure);
            bind(std::slice::from_ref(node), sure);
            sees
        }
        Node::If(_) => {
            let mut arms = node.children().into_iter();
            arms.any(|arm| sees_another(arm, bound, &mut sure.clone()))
        }
        Node::For(lp) => sees_another(&lp.otherwise, bound, &mut sure.clone()),
        _ => {
            bind(std::slice::from_ref(node), sure);
            false
        }
    })
}

/// The nodes that are not inside a scope of their own.
fn in_frame<'n, 'a>(nodes: &'n [Node<'a>]) -> Vec<&'n Node<'a>> {
    let mut open = 0usize;
    let mut out = Vec::new();
    for node in nodes {
        match node {
            Node::Enter(_) => open += 1,
            Node::Leave => open = open.saturating_sub(1),
            _ if open == 0 => out.push(node),
            _ => {}
        }
    }
    out
}
