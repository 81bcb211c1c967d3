//! What may fail on some data while it prints nothing: no place of the page shows it, so it is looked at for that alone.

use std::rc::Rc;

use super::item::Item;
use super::machinery::ast::{BinOpKind, Expr, Stmt, UnaryOpKind};
use super::node::{If, Node};
use super::source::Sources;
use super::syntax;

/// Whether a node that prints nothing may fail. `is_there` tells of a path that it leads somewhere.
pub(super) fn may_fail(node: &Node<'_>, is_there: &dyn Fn(&Expr<'static>) -> bool) -> bool {
    match node {
        Node::Enter(assignments) => assignments
            .iter()
            .any(|(target, value)| unpacks(target) || !is_safe(value, is_there)),
        Node::Define(Stmt::Set(set)) => unpacks(&set.target) || !is_safe(&set.expr, is_there),
        Node::Capture(..) | Node::If(_) => true,
        _ => false,
    }
}

/// Whether the import of a template that is named so may fail on some data: it runs all that the template does beside
/// defining macros.
pub(super) fn import_may_fail(name: &Expr<'static>, sources: &Sources) -> bool {
    let mut known = Vec::new();
    import_fails(name, sources, &mut known)
}

/// As above; the templates in `known` are looked at already.
fn import_fails<'a>(name: &Expr<'static>, sources: &'a Sources, known: &mut Vec<&'a str>) -> bool {
    let source = syntax::constant_name(name).and_then(|name| sources.imported(name));
    let Some(source) = source else { return true };
    if known.contains(&source.name) {
        return false;
    }
    known.push(source.name);
    source.statements().iter().any(|statement| match statement {
        Stmt::EmitRaw(_) | Stmt::Macro(_) => false,
        Stmt::Set(set) => unpacks(&set.target) || !is_safe(&set.expr, &|_| false),
        Stmt::Import(import) => import_fails(&import.expr, sources, known),
        Stmt::FromImport(import) => import_fails(&import.expr, sources, known),
        _ => true,
    })
}

/// The nodes among and in these that set names, or start a scope.
pub(super) fn setting<'a>(nodes: &[Node<'a>]) -> Vec<Node<'a>> {
    let mut found = Vec::new();
    for node in nodes {
        node.walk(&mut |inside| {
            if matches!(
                inside,
                Node::Enter(_)
                    | Node::Define(Stmt::Set(_) | Stmt::Import(_) | Stmt::FromImport(_))
                    | Node::Capture(..)
            ) {
                found.push(inside.clone());
            }
        });
    }
    found
}

/// Whether a value has to have as many parts as this target.
fn unpacks(target: &Expr<'static>) -> bool {
    matches!(target, Expr::List(_) | Expr::Tuple(_))
}

/// Whether an expression has a value whatever the data is.
fn is_safe(expr: &Expr<'static>, is_there: &dyn Fn(&Expr<'static>) -> bool) -> bool {
    let all = |parts: &[Expr<'static>]| parts.iter().all(|part| is_safe(part, is_there));
    match expr {
        Expr::Const(_) | Expr::Var(_) => true,
        Expr::GetAttr(_) | Expr::GetItem(_) => is_there(expr),
        Expr::List(list) => all(&list.items),
        Expr::Tuple(tuple) => all(&tuple.items),
        Expr::Map(map) => all(&map.values) && all(&map.keys),
        Expr::UnaryOp(op) => matches!(op.op, UnaryOpKind::Not) && is_safe(&op.expr, is_there),
        Expr::BinOp(op) => {
            matches!(
                op.op,
                BinOpKind::ScAnd | BinOpKind::ScOr | BinOpKind::Eq | BinOpKind::Ne
            ) && is_safe(&op.left, is_there)
                && is_safe(&op.right, is_there)
        }
        Expr::IfExpr(choice) => {
            let mut parts = [&choice.test_expr, &choice.true_expr]
                .into_iter()
                .chain(&choice.false_expr);
            parts.all(|part| is_safe(part, is_there))
        }
        _ => false,
    }
}

/// A branch whose arms set names and print nothing, where there are such: as it has to run, to fail where they do.
pub(super) fn silent_arms<'a>(
    arms: &[(&'a Expr<'static>, Vec<Item<'a>>)],
    otherwise: &[Item<'a>],
) -> Option<Node<'a>> {
    let silent = |items: &[Item<'a>]| -> Vec<Node<'a>> {
        let nodes = items.iter().map(|item| match item {
            Item::Silent(node) => Some(node.clone()),
            _ => None,
        });
        nodes.collect::<Option<_>>().unwrap_or_default()
    };
    let arms: Vec<_> = arms
        .iter()
        .map(|(condition, items)| (*condition, silent(items)))
        .collect();
    let otherwise = silent(otherwise);
    if otherwise.is_empty() && arms.iter().all(|(_, nodes)| nodes.is_empty()) {
        return None;
    }
    let arms = arms
        .into_iter()
        .map(|(condition, nodes)| (condition, nodes.into()));
    Some(Node::If(Rc::new(If {
        arms: arms.collect(),
        otherwise: otherwise.into(),
    })))
}
