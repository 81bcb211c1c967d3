//! What a stretch of template reads: paths into the page's data, the items and counters of the loops around it.

use std::collections::BTreeSet;
use std::rc::Rc;

use minijinja::Environment;

use super::PlanOptions;
use super::blocks::Called;
use super::expand::Stays;
use super::left::set_in;
use super::machinery::ast::{self, CallType, Expr, Stmt};
use super::mentions::mentioned_in_statement;
use super::namespace;
use super::node::{Node, emitted};
use super::shortcuts::Shortcuts;
use super::source::Sources;
use super::syntax;
use crate::PathStep;

pub(super) use super::left::{left_behind, set_by};
pub(super) use super::mentions::{ANYTHING, mentioned, mentioned_in};

/// One of a plan's keyed loops.
pub(crate) type LoopId = usize;

/// A step of a path into the data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Step {
    Key(&'static str),
    Index(i64),
}

/// Where an expression finds its value, when it is nothing but a path.
pub(super) enum Place {
    Data(Vec<PathStep>),
    Item {
        id: LoopId,
        path: Vec<PathStep>,
        /// Whether the item has such a part for certain, as far as the loop's target takes it apart.
        sure: bool,
    },
    /// An attribute of a `loop` variable that is a number, or true or false.
    Counter(LoopId, &'static str),
}

/// The steps as a snapshot takes them.
pub(super) fn path_steps(path: &[Step]) -> Vec<PathStep> {
    let step = |step: &Step| match step {
        Step::Key(key) => PathStep::Key((*key).into()),
        Step::Index(index) => PathStep::Index(*index),
    };
    path.iter().map(step).collect()
}

/// Everything that the value of an expression, or the output of some nodes, can depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reads {
    /// Paths into the page's data. A path stands for everything below it.
    pub(crate) paths: BTreeSet<Vec<Step>>,
    /// Loops whose item is read, each with the path of what is read of it.
    pub(crate) items: BTreeSet<(LoopId, Vec<Step>)>,
    /// Loops whose `loop` variable is read, each with the attribute's name.
    pub(crate) counters: BTreeSet<(LoopId, &'static str)>,
    /// Set when it can't be told: then every change may matter.
    pub(crate) everything: bool,
    /// Whether something is called that may give something else each time.
    pub(crate) impure: bool,
}

impl Reads {
    /// Whether anything of the item of a loop is read.
    pub(super) fn reads_item(&self, id: LoopId) -> bool {
        self.items.iter().any(|(read, _)| *read == id)
    }

    /// Whether all of the other's is read here, too.
    pub(super) fn covers(&self, other: &Reads) -> bool {
        self.everything
            || (self.paths.is_superset(&other.paths)
                && self.items.is_superset(&other.items)
                && self.counters.is_superset(&other.counters)
                && !other.everything
                && (self.impure || !other.impure))
    }

    pub(super) fn add(&mut self, other: &Reads) {
        self.paths.extend(other.paths.iter().cloned());
        self.items.extend(other.items.iter().cloned());
        self.counters.extend(&other.counters);
        self.everything |= other.everything;
        self.impure |= other.impure;
    }
}

/// What a name means at some place of the template.
#[derive(Clone)]
pub(super) enum Meaning {
    /// The item of a loop, or the part of it at a path; `plain` when it can't be HTML, `sure` when the loop's target can
    /// take any of its items apart like this.
    Item {
        id: LoopId,
        path: Vec<Step>,
        plain: bool,
        sure: bool,
    },
    /// The `loop` variable.
    Counter(LoopId),
    /// Something computed from what is read here; `plain` when it can't be HTML.
    Local { reads: Reads, plain: bool },
    /// Something at a path into the data: of it, only what is used is read.
    Path { path: Vec<Step>, plain: bool },
    /// A macro: what it reads where it is defined, and the names that it mentions. Those may be set anew later.
    Macro {
        reads: Reads,
        mentions: BTreeSet<&'static str>,
    },
}

/// The names in scope at one place of the template.
#[derive(Clone)]
pub(super) struct Names<'a> {
    sources: &'a Sources,
    env: &'a Environment<'static>,
    options: &'a PlanOptions,
    /// The blocks that expressions call, and those that are being looked into.
    blocks: Rc<Called<'a>>,
    calling: Vec<&'static str>,
    names: Vec<Name>,
    /// Whether values are HTML-escaped here.
    escaped: bool,
    shortcuts: Shortcuts,
}

#[derive(Clone)]
struct Name {
    id: &'static str,
    meaning: Meaning,
    how: How,
}

/// How a name came to its meaning.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Set,
    /// Set on some of the ways here.
    PerhapsSet,
    /// It meant the same namespace before, which has changed.
    Changed,
}

impl<'a> Names<'a> {
    pub(super) fn new(
        sources: &'a Sources,
        env: &'a Environment<'static>,
        options: &'a PlanOptions,
        called: Called<'a>,
        escaped: bool,
        shortcuts: Shortcuts,
    ) -> Self {
        Names {
            sources,
            env,
            options,
            blocks: Rc::new(called),
            calling: Vec::new(),
            names: Vec::new(),
            escaped,
            shortcuts,
        }
    }

    pub(super) fn depth(&self) -> usize {
        self.names.len()
    }

    /// Forgets the names that came into scope after `depth` was taken.
    pub(super) fn truncate(&mut self, depth: usize) {
        self.names.truncate(depth);
    }

    /// Whether values are escaped for HTML here.
    pub(super) fn escapes(&self) -> bool {
        self.escaped
    }

    /// What the environment has left as it is.
    pub(super) fn shortcuts(&self) -> Shortcuts {
        self.shortcuts
    }

    pub(super) fn env(&self) -> &'a Environment<'static> {
        self.env
    }

    pub(super) fn blocks(&self) -> &Called<'a> {
        &self.blocks
    }

    pub(super) fn set_escapes(&mut self, escaped: bool) {
        self.escaped = escaped;
    }

    /// Leaves a scope that began at `depth`: its names are gone, what it changed of others' namespaces stays.
    pub(super) fn leave(&mut self, depth: usize) {
        let mut own = BTreeSet::new();
        let mut kept: Vec<Name> = Vec::new();
        for name in self.names.drain(depth.min(self.names.len())..) {
            match name.how {
                How::Set => drop(own.insert(name.id)),
                How::Changed if !own.contains(name.id) => {
                    kept.retain(|known| known.id != name.id);
                    kept.push(name);
                }
                How::PerhapsSet | How::Changed => {}
            }
        }
        self.names.extend(kept);
    }

    fn push(&mut self, id: &'static str, meaning: Meaning) {
        self.bring(id, meaning, How::Set);
    }

    fn bring(&mut self, id: &'static str, meaning: Meaning, how: How) {
        self.names.push(Name { id, meaning, how });
    }

    /// Notes that a namespace has changed: from here on it means what it meant, and what this reads as well.
    fn change(&mut self, id: &'static str, reads: &Reads, plain: bool) {
        let mut all = self.name(id, &[]);
        all.add(reads);
        let plain = plain && self.is_plain_name(id);
        self.bring(id, Meaning::Local { reads: all, plain }, How::Changed);
    }

    /// Brings the item and the `loop` variable of a loop into scope. `pairs`: all its items are pairs.
    pub(super) fn enter_loop(&mut self, id: LoopId, syntax: &ast::ForLoop<'static>, pairs: bool) {
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
    pub(super) fn define(&mut self, node: &Node<'a>) {
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
    fn bound_to(&self, target: &Expr<'static>, value: &Expr<'static>) -> Meaning {
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
    fn set_in_one_of(&mut self, node: &Node<'a>, choice: &Reads, ends: &[Names<'a>]) {
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
    fn run(&mut self, node: &Node<'a>, body: &[Node<'a>]) {
        let end = self.after(body);
        self.run_to(node, body, &end);
    }

    /// As [`Names::run`], with the names after `body`.
    fn run_to(&mut self, node: &Node<'a>, body: &[Node<'a>], end: &Names<'a>) {
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
    fn run_changes(&mut self, node: &Node<'a>, ends: &[Names<'a>]) {
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
    fn enter_loop_alone(&mut self, syntax: &ast::ForLoop<'static>) {
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
    fn after(&self, nodes: &[Node<'a>]) -> Self {
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
    fn part_of_item(&self, expr: &Expr<'static>) -> Option<Meaning> {
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
    fn unpack(&mut self, target: &Expr<'static>, item: Meaning, pair: bool) {
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

    fn assign(&mut self, target: &Expr<'static>, meaning: &Meaning) {
        let mut names = Vec::new();
        syntax::assigned(target, &mut names);
        names
            .into_iter()
            .for_each(|name| self.push(name, meaning.clone()));
    }

    /// What is imported from a template can read whatever that template names.
    fn imported(&self, name: &Expr<'static>) -> Meaning {
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
    pub(super) fn of_import(&self, name: &Expr<'static>) -> Reads {
        match self.imported(name) {
            Meaning::Local { reads, .. } => reads,
            _ => Reads {
                everything: true,
                ..Reads::default()
            },
        }
    }

    /// The templates of the page.
    pub(super) fn sources(&self) -> &'a Sources {
        self.sources
    }

    /// What a macro reads whose names these are beside what they stand for here. minijinja overlooks some of them when it
    /// makes the macro's closure, and then the macro sees the data instead of what is in scope.
    fn overlooked(&self, mentions: &BTreeSet<&'static str>, reads: &mut Reads) {
        let bound = mentions.iter().filter(|name| self.meaning(name).is_some());
        reads.paths.extend(bound.map(|name| vec![Step::Key(name)]));
    }

    /// Why the call that is this statement was not written out.
    pub(super) fn why_called(&self, statement: &Stmt<'static>) -> Option<Stays> {
        self.sources.why_called(statement)
    }

    /// The path that an expression is, if it is one into the page's data or into a loop's item and nothing else.
    pub(super) fn place(&self, expr: &Expr<'static>) -> Option<Place> {
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
    pub(super) fn of(&self, expr: &Expr<'static>) -> Reads {
        let mut reads = Reads::default();
        self.read(expr, &mut reads);
        self.settle(reads)
    }

    /// Code that can't be seen may call what was declared impure.
    fn settle(&self, mut reads: Reads) -> Reads {
        reads.impure |= reads.everything && !self.options.is_empty();
        reads
    }

    /// What these nodes read, all together.
    pub(super) fn of_nodes(&self, nodes: &[Node<'a>]) -> Reads {
        self.of_nodes_within(nodes, Vec::new())
    }

    /// What these nodes read, which may end scopes that are open around them; each is given by the depth it started at.
    pub(super) fn of_nodes_within(&self, nodes: &[Node<'a>], scopes: Vec<usize>) -> Reads {
        self.through(nodes, scopes).0
    }

    /// What these nodes read, and the names in scope after them.
    fn through(&self, nodes: &[Node<'a>], mut scopes: Vec<usize>) -> (Reads, Names<'a>) {
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
    pub(super) fn of_all(&self, node: &Node<'a>) -> Reads {
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
    fn statements(&self, statements: &[Stmt<'static>], reads: &mut Reads) {
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

    fn read(&self, expr: &Expr<'static>, reads: &mut Reads) {
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
    fn calls_impure(&self, expr: &Expr<'static>) -> bool {
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
    fn block(&self, name: &'static str) -> Reads {
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

    fn method(&self, object: &Expr<'static>, method: &'static str) -> Reads {
        match object {
            Expr::Var(var) if matches!(self.meaning(var.id), Some(Meaning::Counter(_))) => {
                self.name(var.id, &[Step::Key(method)])
            }
            _ => self.of(object),
        }
    }

    pub(super) fn meaning(&self, name: &str) -> Option<&Meaning> {
        self.names
            .iter()
            .rev()
            .find(|known| known.id == name)
            .map(|known| &known.meaning)
    }

    fn name(&self, name: &'static str, steps: &[Step]) -> Reads {
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
    fn called(&self, name: &'static str, seen: &mut BTreeSet<&'static str>, reads: &mut Reads) {
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
fn path(expr: &Expr<'static>, steps: &mut Vec<Step>) -> Option<&'static str> {
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
                Some(text) => Step::Key(super::machinery::intern(text)),
                None => Step::Index(key.value.as_i64()?),
            };
            let name = path(&item.expr, steps)?;
            steps.push(step);
            Some(name)
        }
        _ => None,
    }
}
