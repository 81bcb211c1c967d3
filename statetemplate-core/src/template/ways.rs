//! The ways through the branches and loops of a stretch of template: each leads to one body that is not the first.

use std::collections::BTreeMap;

use super::machinery::ast::Expr;
use super::node::{Node, Nodes};
use super::syntax;

/// Which body of branches and loops is printed, by what decides it. All others print their first.
pub(super) type Way = BTreeMap<String, usize>;

/// At most so many ways are told apart.
const MOST: usize = 100;

/// Adds to `ways` those to each body in the nodes, which are reached by `around`.
pub(super) fn add(nodes: &[Node<'_>], around: &Way, ways: &mut Vec<Way>) {
    for node in nodes {
        let decided = decides(node);
        for (at, body) in node.children().into_iter().enumerate() {
            if ways.len() >= MOST {
                return;
            }
            let mut way = around.clone();
            if let Some(conditions) = &decided {
                // What was decided further out is so here as well.
                if *way.entry(conditions.clone()).or_insert(at) != at {
                    continue;
                }
                if at > 0 {
                    ways.push(way.clone());
                }
            }
            add(body, &way, ways);
        }
    }
}

/// The body of a branch or loop that a way leads through.
pub(super) fn body<'n, 'a>(node: &'n Node<'a>, way: &Way) -> Option<&'n Nodes<'a>> {
    let decided = decides(node).and_then(|conditions| way.get(&conditions));
    let bodies = node.children();
    bodies
        .get(decided.copied().unwrap_or(0))
        .or(bodies.first())
        .copied()
}

/// What decides which body of a branch or loop is printed, in words.
fn decides(node: &Node<'_>) -> Option<String> {
    let word = |expr: &&Expr<'static>| syntax::wording(expr);
    match node {
        Node::If(_) | Node::For(_) => {
            let words: Vec<String> = node.expressions().iter().map(word).collect();
            Some(words.join("\0"))
        }
        _ => None,
    }
}
