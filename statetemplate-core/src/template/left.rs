//! Which names a node leaves behind for those after it.

use super::machinery::ast::{Expr, Stmt};
use super::namespace;
use super::node::Node;
use super::syntax;

/// The names that a node leaves behind: those that it sets, and the namespaces that it changes.
pub(super) fn left_behind(node: &Node<'_>) -> Vec<&'static str> {
    let mut names = set_by(node);
    names.extend(namespace::changes([node]));
    names
}

/// The names that a node sets in the scope around it.
pub(super) fn set_by(node: &Node<'_>) -> Vec<&'static str> {
    match node {
        Node::If(_) | Node::AutoEscape(..) | Node::Filter(..) | Node::Captured(..) => node
            .children()
            .into_iter()
            .flat_map(|body| set_in(body))
            .collect(),
        Node::Define(Stmt::Set(set)) => set_to(&set.target),
        Node::Define(statement) => syntax::defined(statement),
        Node::Capture(set, body) => {
            let mut names = set_in(body);
            names.extend(set_to(&set.target));
            names
        }
        Node::For(lp) => set_in(&lp.otherwise),
        Node::Super(_) => vec!["super"],
        _ => Vec::new(),
    }
}

/// The names that an assignment to this target sets; none where it changes a namespace.
fn set_to(target: &Expr<'static>) -> Vec<&'static str> {
    let mut names = Vec::new();
    if namespace::changed_by_target(target).is_none() {
        syntax::assigned(target, &mut names);
    }
    names
}

/// The names that a stretch of nodes sets in its scope.
pub(super) fn set_in(nodes: &[Node<'_>]) -> Vec<&'static str> {
    let mut names = Vec::new();
    let mut depth = 0usize;
    for node in nodes {
        match node {
            Node::Enter(_) => depth += 1,
            Node::Leave => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            _ => names.extend(set_by(node)),
        }
    }
    names
}
