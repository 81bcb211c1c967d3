//! What an expression or a node reads: the paths of the data, the parts of items, the counters of loops.

use std::collections::BTreeSet;

use super::{Meaning, Names, Place, Reads, Step, path_steps};
use crate::template::expand::Stays;
use crate::template::machinery::ast::{CallType, Expr, Stmt};
use crate::template::machinery::intern;
use crate::template::node::{Node, emitted};
use crate::template::syntax;

impl<'a> Names<'a> {
    /// Why the call that is this statement was not written out.
    pub(in crate::template) fn why_called(&self, statement: &Stmt<'static>) -> Option<Stays> {
        self.sources.why_called(statement)
    }

    /// The path that an expression is, if it is one into the page's data or into a loop's item and nothing else.
    pub(in crate::template) fn place(&self, expr: &Expr<'static>) -> Option<Place> {
        let mut steps = Vec::new();
        let name = path(expr, &mut steps)?;
        match self.meaning(name) {
            None => {
                steps.insert(0, Step::Key(name));
                Some(Place::Data(path_steps(&steps)))
            }
            Some(Meaning::Item { id, path, sure, .. }) => {
                let whole: Vec<Step> = path.iter().cloned().chain(steps).collect();
                Some(Place::Item {
                    id: *id,
                    path: path_steps(&whole),
                    sure: *sure,
                })
            }
            Some(Meaning::Path { path, .. }) => {
                let whole: Vec<Step> = path.iter().cloned().chain(steps).collect();
                Some(Place::Data(path_steps(&whole)))
            }
            Some(Meaning::Counter(id)) => match steps.as_slice() {
                [Step::Key(attribute)] if PLAIN_COUNTERS.contains(attribute) => {
                    Some(Place::Counter(*id, attribute))
                }
                _ => None,
            },
            Some(Meaning::Local { .. } | Meaning::Macro { .. }) => None,
        }
    }

    /// What an expression reads.
    pub(in crate::template) fn of(&self, expr: &Expr<'static>) -> Reads {
        let mut reads = Reads::default();
        self.read(expr, &mut reads);
        self.settle(reads)
    }

    /// Code that can't be seen may call what was declared impure.
    pub(super) fn settle(&self, mut reads: Reads) -> Reads {
        reads.impure |= reads.everything && !self.options.is_empty();
        reads
    }

    /// What these nodes read, all together.
    pub(in crate::template) fn of_nodes(&self, nodes: &[Node<'a>]) -> Reads {
        self.of_nodes_within(nodes, Vec::new())
    }

    /// What these nodes read, which may end scopes that are open around them; each is given by the depth it started at.
    pub(in crate::template) fn of_nodes_within(&self, nodes: &[Node<'a>], scopes: Vec<usize>) -> Reads {
        self.through(nodes, scopes).0
    }

    /// What these nodes read, and the names in scope after them.
    pub(super) fn through(&self, nodes: &[Node<'a>], mut scopes: Vec<usize>) -> (Reads, Names<'a>) {
        let mut scope = self.clone();
        let mut reads = Reads::default();
        for node in nodes {
            match node {
                Node::Raw(_) | Node::Jump(_) | Node::Escape(_) | Node::Unescape { .. } | Node::Super(_) => {}
                Node::Emit(statement) | Node::Guarded(_, statement) => {
                    scope.read(&emitted(statement).expr, &mut reads);
                }
                Node::Captured(_, inside) => reads.add(&scope.of_nodes_within(inside, scopes.clone())),
                Node::If(branch) => {
                    for (condition, body) in &branch.arms {
                        scope.read(condition, &mut reads);
                        reads.add(&scope.of_nodes(body));
                    }
                    reads.add(&scope.of_nodes(&branch.otherwise));
                }
                Node::For(lp) => {
                    scope.read(&lp.syntax.iter, &mut reads);
                    let mut inner = scope.clone();
                    inner.enter_loop_alone(lp.syntax);
                    if let Some(filter) = &lp.syntax.filter_expr {
                        inner.read(filter, &mut reads);
                    }
                    reads.add(&inner.of_nodes(&lp.body));
                    reads.add(&scope.of_nodes(&lp.otherwise));
                }
                Node::Enter(assignments) => {
                    scopes.push(scope.depth());
                    assignments
                        .iter()
                        .for_each(|(_, value)| scope.read(value, &mut reads));
                }
                Node::Leave => {
                    if let Some(depth) = scopes.pop() {
                        scope.leave(depth);
                    }
                }
                // What a definition reads counts where the name is used.
                Node::Define(_) | Node::Capture(..) => {}
                Node::AutoEscape(block, inside) => {
                    scope.read(&block.enabled, &mut reads);
                    reads.add(&scope.of_nodes(inside));
                }
                Node::Filter(block, inside) => {
                    scope.read(&block.filter, &mut reads);
                    reads.add(&scope.of_nodes(inside));
                }
                Node::Native(statement) => {
                    if matches!(statement, Stmt::Include(_)) {
                        reads.everything = true;
                    }
                    scope.statements(std::slice::from_ref(*statement), &mut reads);
                }
            }
            scope.define(node);
        }
        (self.settle(reads), scope)
    }

    /// What any code of a node reads. Names that it defines itself count as data, which is too much at worst.
    pub(in crate::template) fn of_all(&self, node: &Node<'a>) -> Reads {
        let mut reads = Reads::default();
        node.walk(&mut |inside| match inside {
            Node::Emit(statement)
            | Node::Guarded(_, statement)
            | Node::Define(statement)
            | Node::Native(statement)
            | Node::Jump(statement) => self.statements(std::slice::from_ref(*statement), &mut reads),
            Node::If(branch) => branch
                .arms
                .iter()
                .for_each(|(condition, _)| self.read(condition, &mut reads)),
            Node::For(lp) => {
                self.read(&lp.syntax.iter, &mut reads);
                lp.syntax
                    .filter_expr
                    .iter()
                    .for_each(|filter| self.read(filter, &mut reads));
            }
            Node::Enter(assignments) => assignments
                .iter()
                .for_each(|(_, value)| self.read(value, &mut reads)),
            Node::Capture(set, _) => set.filter.iter().for_each(|filter| self.read(filter, &mut reads)),
            Node::AutoEscape(block, _) => self.read(&block.enabled, &mut reads),
            Node::Filter(block, _) => self.read(&block.filter, &mut reads),
            Node::Raw(_)
            | Node::Captured(..)
            | Node::Leave
            | Node::Escape(_)
            | Node::Unescape { .. }
            | Node::Super(_) => {}
        });
        reads
    }

    /// Reads of statements that are run as they are. Names that they define themselves count as data, which is
    /// too much at worst.
    pub(super) fn statements(&self, statements: &[Stmt<'static>], reads: &mut Reads) {
        syntax::each_statement(statements, &mut |statement| {
            if matches!(
                statement,
                Stmt::Include(_) | Stmt::Import(_) | Stmt::FromImport(_)
            ) {
                reads.everything = true;
            }
            for expr in syntax::parts(statement).0 {
                self.read(expr, reads);
            }
        });
    }

    pub(super) fn read(&self, expr: &Expr<'static>, reads: &mut Reads) {
        let mut steps = Vec::new();
        if let Some(name) = path(expr, &mut steps) {
            reads.add(&self.name(name, &steps));
            return;
        }
        match expr {
            // Of a method call only the object is data: the method's name is no path.
            Expr::Call(call) => {
                match call.identify_call() {
                    CallType::Function(name) => {
                        if name == "debug" {
                            reads.everything = true;
                        }
                        reads.add(&self.name(name, &[]));
                    }
                    CallType::Method(object, _) => {
                        if let Expr::GetAttr(attr) = &call.expr {
                            reads.add(&self.method(object, attr.name));
                        }
                    }
                    CallType::Block(name) => reads.add(&self.block(name)),
                    CallType::Object(object) => self.read(object, reads),
                }
                for operand in syntax::operands(expr).into_iter().skip(1) {
                    self.read(operand, reads);
                }
            }
            _ => {
                reads.impure |= self.calls_impure(expr);
                syntax::operands(expr)
                    .into_iter()
                    .for_each(|operand| self.read(operand, reads));
            }
        }
    }

    /// Whether an expression is a filter or a test that was declared impure, or passes such a one by its name, as
    /// `map('name')` does.
    pub(super) fn calls_impure(&self, expr: &Expr<'static>) -> bool {
        let by_name = |name: &str, applies: &[&str]| {
            self.options.is_impure(name)
                || (applies.contains(&name)
                    && syntax::operands(expr)
                        .into_iter()
                        .filter_map(syntax::constant_name)
                        .any(|argument| self.options.is_impure(argument)))
        };
        match expr {
            Expr::Filter(filter) => by_name(filter.name, APPLYING_FILTERS),
            Expr::Test(test) => by_name(test.name, &[]),
            _ => false,
        }
    }

    /// What a block reads that is called in an expression.
    pub(super) fn block(&self, name: &'static str) -> Reads {
        let mut inside = self.clone();
        match self.blocks.get(name) {
            // It may call itself under some condition.
            Some(nodes) if !self.calling.contains(&name) => {
                inside.calling.push(name);
                inside.of_nodes(nodes)
            }
            _ => Reads {
                everything: true,
                ..Reads::default()
            },
        }
    }

    pub(super) fn method(&self, object: &Expr<'static>, method: &'static str) -> Reads {
        match object {
            Expr::Var(var) if matches!(self.meaning(var.id), Some(Meaning::Counter(_))) => {
                self.name(var.id, &[Step::Key(method)])
            }
            _ => self.of(object),
        }
    }

    pub(in crate::template) fn meaning(&self, name: &str) -> Option<&Meaning> {
        self.names
            .iter()
            .rev()
            .find(|known| known.id == name)
            .map(|known| &known.meaning)
    }

    pub(super) fn name(&self, name: &'static str, steps: &[Step]) -> Reads {
        let mut reads = Reads::default();
        match self.meaning(name) {
            Some(Meaning::Item { id, sure: false, .. }) => {
                // Whether it can be taken apart is for the whole item to say.
                reads.items.insert((*id, Vec::new()));
            }
            Some(Meaning::Item { id, path, .. }) => {
                let mut path = path.clone();
                path.extend_from_slice(steps);
                reads.items.insert((*id, path));
            }
            Some(Meaning::Counter(id)) => {
                let attribute = match steps.first() {
                    Some(Step::Key(name)) => name,
                    _ => "",
                };
                reads.counters.insert((*id, attribute));
            }
            Some(Meaning::Local { reads: local, .. }) => reads.add(local),
            Some(Meaning::Path { path, .. }) => {
                let mut path = path.clone();
                path.extend_from_slice(steps);
                reads.paths.insert(path);
            }
            Some(Meaning::Macro { .. }) => self.called(name, &mut BTreeSet::new(), &mut reads),
            None => {
                reads.impure = self.options.is_impure(name);
                let mut path = vec![Step::Key(name)];
                path.extend_from_slice(steps);
                reads.paths.insert(path);
            }
        }
        reads
    }

    /// What a macro reads when it is called here: some of the names that it mentions may have been set since.
    pub(super) fn called(&self, name: &'static str, seen: &mut BTreeSet<&'static str>, reads: &mut Reads) {
        match self.meaning(name) {
            Some(Meaning::Macro { reads: own, mentions }) if seen.insert(name) => {
                reads.add(own);
                mentions.iter().for_each(|name| self.called(name, seen, reads));
            }
            None | Some(Meaning::Macro { .. }) => {}
            Some(_) => reads.add(&self.name(name, &[])),
        }
    }
}

/// The attributes of `loop` that follow from a row's place alone.
const PLAIN_COUNTERS: &[&str] = &[
    "index",
    "index0",
    "revindex",
    "revindex0",
    "first",
    "last",
    "length",
];

/// Built-in filters that apply filters and tests which they are given by name.
const APPLYING_FILTERS: &[&str] = &["map", "select", "reject", "selectattr", "rejectattr"];

/// The name and the constant steps of `user.names[0]`, if the expression is of that kind.
pub(super) fn path(expr: &Expr<'static>, steps: &mut Vec<Step>) -> Option<&'static str> {
    match expr {
        Expr::Var(var) => Some(var.id),
        Expr::GetAttr(attr) => {
            let name = path(&attr.expr, steps)?;
            steps.push(Step::Key(attr.name));
            Some(name)
        }
        Expr::GetItem(item) => {
            let Expr::Const(key) = &item.subscript_expr else {
                return None;
            };
            let step = match key.value.as_str() {
                Some(text) => Step::Key(intern(text)),
                None => Step::Index(key.value.as_i64()?),
            };
            let name = path(&item.expr, steps)?;
            steps.push(step);
            Some(name)
        }
        _ => None,
    }
}
