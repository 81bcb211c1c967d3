//! Namespaces: the one kind of value that a template can change after it was made.
//!
//! `{% set ns.n = … %}` changes what every later part of the page sees, out of loops and scopes. A part that reads a
//! namespace runs all that changed it before, and reads what that reads. This holds only while each namespace is known
//! by one name and no code that the engine does not see can change it; [`check`] says whether it is so.

use std::collections::BTreeSet;

use super::machinery::ast::{CallType, Expr, Stmt};
use super::node::{Node, emitted};
use super::source::Sources;
use super::syntax;

/// The name of the namespace that a `set` changes.
fn changed_by(statement: &Stmt<'static>) -> Option<&'static str> {
    match statement {
        Stmt::Set(set) => changed_by_target(&set.target),
        Stmt::SetBlock(set) => changed_by_target(&set.target),
        _ => None,
    }
}

/// The namespace that an assignment to this target changes: the variable at the root of `ns.a.b`.
pub(super) fn changed_by_target(target: &Expr<'static>) -> Option<&'static str> {
    let Expr::GetAttr(attr) = target else { return None };
    match &attr.expr {
        Expr::Var(var) => Some(var.id),
        inner => changed_by_target(inner),
    }
}

/// The namespaces that the nodes change and did not make themselves.
pub(super) fn changes<'n, 'a: 'n>(nodes: impl IntoIterator<Item = &'n Node<'a>>) -> BTreeSet<&'static str> {
    let mut changed = BTreeSet::new();
    follow(nodes, &mut Vec::new(), &mut changed);
    changed
}

/// `made`: the names that were set on the way here, inside of the nodes.
fn follow<'n, 'a: 'n>(
    nodes: impl IntoIterator<Item = &'n Node<'a>>,
    made: &mut Vec<&'static str>,
    changed: &mut BTreeSet<&'static str>,
) {
    let mut scopes = Vec::new();
    for node in nodes {
        match node {
            Node::Enter(_) => scopes.push(made.len()),
            Node::Leave => made.truncate(scopes.pop().unwrap_or(0)),
            Node::Define(statement) => match changed_by(statement) {
                Some(name) if !made.contains(&name) => drop(changed.insert(name)),
                Some(_) => {}
                None => made.extend(syntax::defined(statement)),
            },
            Node::Capture(set, body) => {
                follow(body.iter(), &mut made.clone(), changed);
                if let Some(name) = changed_by_target(&set.target)
                    && !made.contains(&name)
                {
                    changed.insert(name);
                }
            }
            _ => node
                .children()
                .into_iter()
                .for_each(|inside| follow(inside.iter(), &mut made.clone(), changed)),
        }
    }
}

/// Whether all changes of namespaces can be followed.
///
/// # Errors
/// Says, in words for people, why not.
pub(super) fn check(nodes: &[Node<'_>], sources: &Sources) -> Result<(), String> {
    let mut page = Page::default();
    nodes
        .iter()
        .for_each(|node| node.walk(&mut |inside| page.note(inside)));
    if let Some(name) = changed_in_macros(sources) {
        return Err(format!(
            "a macro changes the namespace {name}, which can be anyone's that calls it"
        ));
    }
    if page.makes && page.includes {
        return Err(
            "a template whose name is not constant is included, and may change a namespace".to_owned(),
        );
    }
    for name in &page.changed {
        if !page.made.contains(name) || page.otherwise_bound.contains(name) {
            return Err(format!(
                "it changes {name}, which is not made by {{% set {name} = namespace(…) %}}"
            ));
        }
        if page.escaping.contains(name) {
            return Err(format!(
                "the namespace {name} is changed, and used otherwise than by its attributes"
            ));
        }
        if page.elsewhere.contains(name) {
            return Err(format!(
                "the namespace {name} is changed, and used in a macro, call or do statement"
            ));
        }
    }
    Ok(())
}

/// What a page does with names.
#[derive(Default)]
struct Page {
    /// Namespaces that change.
    changed: BTreeSet<&'static str>,
    /// Names set to `namespace(…)`.
    made: BTreeSet<&'static str>,
    /// Names that come to mean something else.
    otherwise_bound: BTreeSet<&'static str>,
    /// Names whose whole value is used, so that it may come to have another name.
    escaping: BTreeSet<&'static str>,
    /// Names used in code that runs when it is called.
    elsewhere: BTreeSet<&'static str>,
    /// Whether `namespace` is called at all.
    makes: bool,
    /// Whether a template is included that is known only by running the page.
    includes: bool,
}

impl Page {
    fn note(&mut self, node: &Node<'_>) {
        match node {
            Node::Define(statement) => self.define(statement),
            Node::Capture(set, _) => {
                match changed_by_target(&set.target) {
                    Some(name) => drop(self.changed.insert(name)),
                    None => self.bind(&set.target),
                }
                set.filter.iter().for_each(|filter| self.uses(filter));
            }
            Node::Emit(statement) | Node::Guarded(_, statement) => {
                let expr = &emitted(statement).expr;
                // Printed as it is, it gets no other name.
                if !matches!(expr, Expr::Var(_)) {
                    self.uses(expr);
                }
            }
            Node::If(branch) => branch.arms.iter().for_each(|(condition, _)| self.uses(condition)),
            Node::For(lp) => {
                self.bind(&lp.syntax.target);
                self.uses(&lp.syntax.iter);
                lp.syntax.filter_expr.iter().for_each(|filter| self.uses(filter));
            }
            Node::Enter(assignments) => {
                for (target, value) in *assignments {
                    self.bind(target);
                    self.uses(value);
                }
            }
            Node::AutoEscape(block, _) => self.uses(&block.enabled),
            Node::Filter(block, _) => self.uses(&block.filter),
            Node::Native(statement) => {
                self.includes |= matches!(statement, Stmt::Include(_));
                self.runs_elsewhere(statement);
            }
            Node::Raw(_)
            | Node::Captured(..)
            | Node::Leave
            | Node::Escape(_)
            | Node::Unescape { .. }
            | Node::Jump(_) => {}
        }
    }

    fn define(&mut self, statement: &Stmt<'static>) {
        match statement {
            Stmt::Set(set) => {
                if let Some(name) = changed_by_target(&set.target) {
                    self.changed.insert(name);
                } else if let (Expr::Var(var), true) = (&set.target, makes_namespace(&set.expr)) {
                    self.made.insert(var.id);
                } else {
                    self.bind(&set.target);
                }
                self.uses(&set.expr);
            }
            _ => {
                self.otherwise_bound.extend(syntax::defined(statement));
                self.runs_elsewhere(statement);
            }
        }
    }

    fn bind(&mut self, target: &Expr<'static>) {
        let mut names = Vec::new();
        syntax::assigned(target, &mut names);
        self.otherwise_bound.extend(names);
    }

    fn runs_elsewhere(&mut self, statement: &Stmt<'static>) {
        syntax::each_expression_in(std::slice::from_ref(statement), &mut |expr| {
            self.makes |= makes_namespace(expr);
            if let Expr::Var(var) = expr {
                self.elsewhere.insert(var.id);
            }
        });
    }

    fn uses(&mut self, expr: &Expr<'static>) {
        self.makes |= makes_namespace(expr);
        match expr {
            Expr::Var(var) => drop(self.escaping.insert(var.id)),
            Expr::GetAttr(attr) if matches!(attr.expr, Expr::Var(_)) => {}
            Expr::GetItem(item) if matches!(item.expr, Expr::Var(_)) => self.uses(&item.subscript_expr),
            Expr::Test(test) if matches!(test.expr, Expr::Var(_)) => syntax::operands(expr)
                .into_iter()
                .skip(1)
                .for_each(|argument| self.uses(argument)),
            _ => syntax::operands(expr)
                .into_iter()
                .for_each(|operand| self.uses(operand)),
        }
    }
}

fn makes_namespace(expr: &Expr<'static>) -> bool {
    matches!(expr, Expr::Call(call) if matches!(call.identify_call(), CallType::Function("namespace")))
}

/// A namespace that a macro of any of the sources changes and did not make itself.
fn changed_in_macros(sources: &Sources) -> Option<&'static str> {
    let mut found = None;
    for source in sources.iter() {
        syntax::each_statement(source.statements(), &mut |statement| {
            let body = match statement {
                Stmt::Macro(decl) => &decl.body,
                Stmt::CallBlock(call) => &call.macro_decl.body,
                _ => return,
            };
            let mut made = BTreeSet::new();
            syntax::each_statement(body, &mut |inside| {
                if let Stmt::Set(set) = inside
                    && let (Expr::Var(var), true) = (&set.target, makes_namespace(&set.expr))
                {
                    made.insert(var.id);
                }
                if let Some(name) = changed_by(inside)
                    && !made.contains(name)
                {
                    found = Some(name);
                }
            });
        });
    }
    found
}
