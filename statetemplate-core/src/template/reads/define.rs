//! What names mean behind a node: those that it sets, imports or brings into a scope.

use std::collections::BTreeSet;

use super::query::path;
use super::{How, LoopId, Meaning, Name, Names, Reads, Step, left_behind, set_by};
use crate::template::left::set_in;
use crate::template::machinery::ast::{self, Expr, Stmt};
use crate::template::mentions::mentioned_in_statement;
use crate::template::namespace;
use crate::template::node::Node;
use crate::template::source::Sources;
use crate::template::syntax;

impl<'a> Names<'a> {
    pub(super) fn push(&mut self, id: &'static str, meaning: Meaning) {
        self.bring(id, meaning, How::Set);
    }

    pub(super) fn bring(&mut self, id: &'static str, meaning: Meaning, how: How) {
        self.names.push(Name { id, meaning, how });
    }

    /// Notes that a namespace has changed: from here on it means what it meant, and what this reads as well.
    pub(super) fn change(&mut self, id: &'static str, reads: &Reads, plain: bool) {
        let mut all = self.name(id, &[]);
        all.add(reads);
        let plain = plain && self.is_plain_name(id);
        self.bring(id, Meaning::Local { reads: all, plain }, How::Changed);
    }

    /// Brings the item and the `loop` variable of a loop into scope. `pairs`: all its items are pairs.
    pub(in crate::template) fn enter_loop(
        &mut self,
        id: LoopId,
        syntax: &ast::ForLoop<'static>,
        pairs: bool,
    ) {
        let item = Meaning::Item {
            id,
            path: Vec::new(),
            plain: self.is_plain(&syntax.iter),
            sure: true,
        };
        self.push("loop", Meaning::Counter(id));
        self.unpack(&syntax.target, item, pairs);
    }

    /// Brings into scope what a node leaves behind. `Node::Leave` is the caller's to handle, with [`Names::leave`].
    pub(in crate::template) fn define(&mut self, node: &Node<'a>) {
        // What holds others takes time in proportion to what is inside, so it is looked into only where that matters.
        if !node.children().is_empty() && left_behind(node).is_empty() {
            return;
        }
        match node {
            Node::Enter(assignments) => {
                for (target, value) in *assignments {
                    let meaning = match (target, self.part_of_item(value)) {
                        (Expr::Var(_), Some(part)) => part,
                        _ => self.bound_to(target, value),
                    };
                    self.assign(target, &meaning);
                }
            }
            Node::Define(Stmt::Set(set)) if matches!(set.target, Expr::GetAttr(_)) => {
                let (reads, plain) = (self.of(&set.expr), self.is_plain(&set.expr));
                for name in namespace::changes([node]) {
                    self.change(name, &reads, plain);
                }
            }
            Node::Define(statement) => {
                let meaning = match statement {
                    Stmt::Set(set) => match &set.expr {
                        Expr::Var(var) if matches!(self.meaning(var.id), Some(Meaning::Macro { .. })) => {
                            self.meaning(var.id).cloned().expect("just looked up")
                        }
                        expr => self.bound_to(&set.target, expr),
                    },
                    Stmt::Macro(decl) => {
                        let mut inner = self.clone();
                        for arg in &decl.args {
                            inner.assign(
                                arg,
                                &Meaning::Local {
                                    reads: Reads::default(),
                                    plain: true,
                                },
                            );
                        }
                        let mut reads = Reads::default();
                        inner.statements(&decl.body, &mut reads);
                        // A default does not see the parameters in front of it, but what has their names outside.
                        for default in &decl.defaults {
                            inner.read(default, &mut reads);
                            self.read(default, &mut reads);
                        }
                        let mut mentions = BTreeSet::new();
                        mentioned_in_statement(statement, &mut mentions);
                        self.overlooked(&mentions, &mut reads);
                        Meaning::Macro { reads, mentions }
                    }
                    Stmt::Import(import) => self.imported(&import.expr),
                    Stmt::FromImport(import) => self.imported(&import.expr),
                    _ => Meaning::Local {
                        reads: Reads {
                            everything: true,
                            ..Reads::default()
                        },
                        plain: false,
                    },
                };
                for name in syntax::defined(statement) {
                    self.push(name, meaning.clone());
                }
            }
            Node::Capture(set, body) => {
                let (mut reads, end) = self.through(body, Vec::new());
                if let Some(filter) = &set.filter {
                    self.read(filter, &mut reads);
                }
                self.run_to(node, body, &end);
                match namespace::changed_by_target(&set.target) {
                    Some(name) => self.change(name, &reads, false),
                    None => self.assign(&set.target, &Meaning::Local { reads, plain: false }),
                }
            }
            Node::Escape(to) => self.escaped = *to == "html",
            Node::Unescape { html } => self.escaped = *html,
            Node::Super(block) => {
                let reads = self.block(block);
                self.push("super", Meaning::Local { reads, plain: false });
            }
            // Names set inside an `if` stay set after it.
            Node::If(branch) => {
                let mut conditions = Reads::default();
                branch
                    .arms
                    .iter()
                    .for_each(|(condition, _)| self.read(condition, &mut conditions));
                let arms: Vec<Names<'a>> = node.children().into_iter().map(|body| self.after(body)).collect();
                self.run_changes(node, &arms);
                self.set_in_one_of(node, &conditions, &arms);
            }
            Node::For(lp) => {
                // The `else` of a loop runs in the scope around it.
                let otherwise = self.after(&lp.otherwise);
                let choice = self.of(&lp.syntax.iter);
                if !namespace::changes([node]).is_empty() {
                    let mut inner = self.clone();
                    inner.enter_loop_alone(lp.syntax);
                    self.run_changes(node, &[inner.after(&lp.body), otherwise.clone()]);
                }
                self.set_in_one_of(node, &choice, &[otherwise]);
            }
            // Their bodies run in the scope around them.
            Node::AutoEscape(_, body) | Node::Filter(_, body) | Node::Captured(_, body) => {
                self.run(node, body);
            }
            Node::Raw(_)
            | Node::Emit(_)
            | Node::Guarded(..)
            | Node::Leave
            | Node::Native(_)
            | Node::Jump(_) => {}
        }
    }

    /// What a name means that a `set` or `with` binds to a value.
    pub(super) fn bound_to(&self, target: &Expr<'static>, value: &Expr<'static>) -> Meaning {
        let plain = self.is_plain(value);
        let mut steps = Vec::new();
        if matches!(target, Expr::Var(_))
            && let Some(name) = path(value, &mut steps)
        {
            let start = match self.meaning(name) {
                None if !self.options.is_impure(name) => Some(vec![Step::Key(name)]),
                Some(Meaning::Path { path, .. }) => Some(path.clone()),
                _ => None,
            };
            if let Some(mut path) = start {
                path.append(&mut steps);
                return Meaning::Path { path, plain };
            }
        }
        Meaning::Local {
            reads: self.of(value),
            plain,
        }
    }

    /// Brings into scope what a node sets on some of its ways; `choice` is what the way that it takes depends on.
    pub(super) fn set_in_one_of(&mut self, node: &Node<'a>, choice: &Reads, ends: &[Names<'a>]) {
        for name in set_by(node) {
            let mut reads = choice.clone();
            reads.add(&self.name(name, &[]));
            let mut plain = self.is_plain_name(name);
            for end in ends {
                reads.add(&end.name(name, &[]));
                plain &= end.is_plain_name(name);
            }
            self.bring(name, Meaning::Local { reads, plain }, How::PerhapsSet);
        }
    }

    /// Brings into scope what `body`, which runs once as a part of `node`, leaves behind.
    pub(super) fn run(&mut self, node: &Node<'a>, body: &[Node<'a>]) {
        let end = self.after(body);
        self.run_to(node, body, &end);
    }

    /// As [`Names::run`], with the names after `body`.
    pub(super) fn run_to(&mut self, node: &Node<'a>, body: &[Node<'a>], end: &Names<'a>) {
        self.run_changes(node, std::slice::from_ref(end));
        for name in set_in(body) {
            let meaning = Meaning::Local {
                reads: end.name(name, &[]),
                plain: end.is_plain_name(name),
            };
            self.push(name, meaning);
        }
    }

    /// Notes which namespaces a node changes; `ends` are the names at the ends of the ways through it.
    pub(super) fn run_changes(&mut self, node: &Node<'a>, ends: &[Names<'a>]) {
        let changes = namespace::changes([node]);
        if changes.is_empty() {
            return;
        }
        let reads = self.of_all(node);
        for name in changes {
            let plain = ends.iter().all(|end| end.is_plain_name(name));
            self.change(name, &reads, plain);
        }
    }

    /// Brings the item and the `loop` variable of a loop into scope that is not followed row by row.
    pub(super) fn enter_loop_alone(&mut self, syntax: &ast::ForLoop<'static>) {
        let meaning = Meaning::Local {
            reads: self.of(&syntax.iter),
            plain: self.is_plain(&syntax.iter),
        };
        self.push(
            "loop",
            Meaning::Local {
                reads: Reads::default(),
                plain: true,
            },
        );
        self.assign(&syntax.target, &meaning);
    }

    /// The names in scope after these nodes.
    pub(super) fn after(&self, nodes: &[Node<'a>]) -> Self {
        let mut names = self.clone();
        let mut scopes = Vec::new();
        for node in nodes {
            match node {
                Node::Enter(_) => {
                    scopes.push(names.depth());
                    names.define(node);
                }
                Node::Leave => names.leave(scopes.pop().unwrap_or(names.depth())),
                _ => names.define(node),
            }
        }
        names
    }

    /// The part of a loop's item that an expression is, if it is nothing else: a name for it means the same.
    pub(super) fn part_of_item(&self, expr: &Expr<'static>) -> Option<Meaning> {
        let mut steps = Vec::new();
        match self.meaning(path(expr, &mut steps)?) {
            Some(Meaning::Item {
                id,
                path,
                plain,
                sure,
            }) => Some(Meaning::Item {
                id: *id,
                path: path.iter().cloned().chain(steps).collect(),
                plain: *plain,
                sure: *sure,
            }),
            _ => None,
        }
    }

    /// Brings the names of a loop's target into scope, each for its part of the item.
    pub(super) fn unpack(&mut self, target: &Expr<'static>, item: Meaning, pair: bool) {
        let parts = match target {
            Expr::Var(var) => {
                self.push(var.id, item);
                return;
            }
            Expr::List(list) => &list.items,
            Expr::Tuple(tuple) => &tuple.items,
            _ => return,
        };
        for (part, index) in parts.iter().zip(0..) {
            let mut of_item = item.clone();
            if let Meaning::Item { path, sure, .. } = &mut of_item {
                path.push(Step::Index(index));
                *sure &= pair && parts.len() == 2;
            }
            self.unpack(part, of_item, false);
        }
    }

    pub(super) fn assign(&mut self, target: &Expr<'static>, meaning: &Meaning) {
        let mut names = Vec::new();
        syntax::assigned(target, &mut names);
        names
            .into_iter()
            .for_each(|name| self.push(name, meaning.clone()));
    }

    /// What is imported from a template can read whatever that template names.
    pub(super) fn imported(&self, name: &Expr<'static>) -> Meaning {
        let source = syntax::constant_name(name).and_then(|name| self.sources.imported(name));
        let reads = match source {
            Some(source) => {
                let mut reads = Reads::default();
                let mut mentions = BTreeSet::new();
                for statement in source.statements() {
                    mentioned_in_statement(statement, &mut mentions);
                }
                self.statements(source.statements(), &mut reads);
                self.overlooked(&mentions, &mut reads);
                reads
            }
            None => Reads {
                everything: true,
                ..Reads::default()
            },
        };
        Meaning::Local { reads, plain: false }
    }

    /// What the template reads that an import names so.
    pub(in crate::template) fn of_import(&self, name: &Expr<'static>) -> Reads {
        match self.imported(name) {
            Meaning::Local { reads, .. } => reads,
            _ => Reads {
                everything: true,
                ..Reads::default()
            },
        }
    }

    /// The templates of the page.
    pub(in crate::template) fn sources(&self) -> &'a Sources {
        self.sources
    }

    /// What a macro reads whose names these are beside what they stand for here. minijinja overlooks some of them when it
    /// makes the macro's closure, and then the macro sees the data instead of what is in scope.
    pub(super) fn overlooked(&self, mentions: &BTreeSet<&'static str>, reads: &mut Reads) {
        let bound = mentions.iter().filter(|name| self.meaning(name).is_some());
        reads.paths.extend(bound.map(|name| vec![Step::Key(name)]));
    }
}
