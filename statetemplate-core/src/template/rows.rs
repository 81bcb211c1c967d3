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
    if bound.is_empty() {
        return false;
    }
    let names = Names {
        bound,
        mentioned: mentioned(&lp.body),
    };
    names.sees_another(&lp.body, &mut BTreeSet::new())
}

/// The names of a loop's rows.
struct Names {
    bound: BTreeSet<&'static str>,
    mentioned: BTreeSet<&'static str>,
}

/// The names that the rows mention: those of macros only where they are used.
fn mentioned(nodes: &[Node<'_>]) -> BTreeSet<&'static str> {
    let mut names = BTreeSet::new();
    for node in nodes {
        let mut inside = reads::mentioned(std::slice::from_ref(node));
        if let Node::Define(Stmt::Macro(decl)) = node {
            inside.remove(decl.name);
        }
        names.extend(inside);
    }
    names
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

impl Names {
    /// `sure`: the names that are bound in this row, whatever came before it.
    fn sees_another(&self, nodes: &[Node<'_>], sure: &mut BTreeSet<&'static str>) -> bool {
        in_frame(nodes).into_iter().any(|node| match node {
            Node::Define(Stmt::Macro(decl)) if !self.is_used(decl.name) => false,
            Node::Define(statement @ Stmt::Macro(_)) | Node::Native(statement @ Stmt::CallBlock(_)) => {
                sure.extend(syntax::defined(statement));
                let inside = reads::mentioned(std::slice::from_ref(node));
                let other = |name: &&str| self.bound.contains(*name) && !sure.contains(*name);
                inside.contains(ANYTHING) || inside.iter().any(other)
            }
            Node::Capture(_, body) | Node::AutoEscape(_, body) | Node::Filter(_, body) => {
                let sees = self.sees_another(body, sure);
                bind(std::slice::from_ref(node), sure);
                sees
            }
            Node::If(_) => {
                let mut arms = node.children().into_iter();
                arms.any(|arm| self.sees_another(arm, &mut sure.clone()))
            }
            Node::For(lp) => self.sees_another(&lp.otherwise, &mut sure.clone()),
            _ => {
                bind(std::slice::from_ref(node), sure);
                false
            }
        })
    }

    /// Whether anything in the rows may call the macro: outside of them it is not known.
    fn is_used(&self, name: &str) -> bool {
        self.mentioned.contains(name) || self.mentioned.contains(ANYTHING)
    }
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
