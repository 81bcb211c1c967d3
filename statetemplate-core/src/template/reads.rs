//! What a stretch of template reads: paths into the page's data, the items and counters of the loops around it.

use std::collections::BTreeSet;

use minijinja::{Environment, Value};

use super::machinery::ast::{self, CallType, Expr, Stmt};
use super::node::{Node, emitted};
use super::source::Sources;
use super::syntax;

/// One of a plan's keyed loops.
pub(crate) type LoopId = usize;

/// A step of a path into the data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Step {
    Key(&'static str),
    Index(i64),
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
}

impl Reads {
    /// Whether anything of the item of a loop is read.
    pub(super) fn reads_item(&self, id: LoopId) -> bool {
        self.items.iter().any(|(read, _)| *read == id)
    }

    /// The paths within the item of a loop, if nothing else is read.
    pub(super) fn of_item_only(&self, id: LoopId) -> Option<Vec<Vec<Step>>> {
        let nothing_else = self.paths.is_empty() && self.counters.is_empty() && !self.everything;
        if !nothing_else || self.items.is_empty() || self.items.iter().any(|(read, _)| *read != id) {
            return None;
        }
        Some(self.items.iter().map(|(_, path)| path.clone()).collect())
    }

    pub(super) fn add(&mut self, other: &Reads) {
        self.paths.extend(other.paths.iter().cloned());
        self.items.extend(other.items.iter().cloned());
        self.counters.extend(&other.counters);
        self.everything |= other.everything;
    }
}

/// What a name means at some place of the template.
#[derive(Clone)]
enum Meaning {
    /// The item of a loop, or the part of it at a path; `plain` when it can't be HTML.
    Item {
        id: LoopId,
        path: Vec<Step>,
        plain: bool,
    },
    /// The `loop` variable.
    Counter(LoopId),
    /// Something computed from what is read here; `plain` when it can't be HTML.
    Local { reads: Reads, plain: bool },
}

/// The names in scope at one place of the template.
#[derive(Clone)]
pub(super) struct Names<'a> {
    sources: &'a Sources,
    env: &'a Environment<'static>,
    names: Vec<(&'static str, Meaning)>,
    /// Whether values are HTML-escaped here.
    escaped: bool,
}

impl<'a> Names<'a> {
    pub(super) fn new(sources: &'a Sources, env: &'a Environment<'static>, escaped: bool) -> Self {
        Names {
            sources,
            env,
            names: Vec::new(),
            escaped,
        }
    }

    pub(super) fn depth(&self) -> usize {
        self.names.len()
    }

    /// Forgets the names that came into scope after `depth` was taken.
    pub(super) fn truncate(&mut self, depth: usize) {
        self.names.truncate(depth);
    }

    /// Brings the item and the `loop` variable of a loop into scope.
    pub(super) fn enter_loop(&mut self, id: LoopId, syntax: &ast::ForLoop<'static>) {
        let plain = self.is_plain(&syntax.iter);
        self.names.push(("loop", Meaning::Counter(id)));
        self.unpack(&syntax.target, id, &[], plain);
    }

    /// Brings into scope what a silent node defines. `Node::Leave` is the caller's to handle, with `truncate`.
    pub(super) fn define(&mut self, node: &Node<'a>) {
        match node {
            Node::Enter(assignments) => {
                for (target, value) in *assignments {
                    let meaning = Meaning::Local {
                        reads: self.of(value),
                        plain: self.is_plain(value),
                    };
                    self.assign(target, &meaning);
                }
            }
            Node::Define(statement) => {
                let meaning = match statement {
                    Stmt::Set(set) => Meaning::Local {
                        reads: self.of(&set.expr),
                        plain: self.is_plain(&set.expr),
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
                        decl.defaults
                            .iter()
                            .for_each(|default| inner.read(default, &mut reads));
                        Meaning::Local { reads, plain: false }
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
                    self.names.push((name, meaning.clone()));
                }
            }
            Node::Capture(set, body) => {
                let mut reads = self.of_nodes(body);
                if let Some(filter) = &set.filter {
                    self.read(filter, &mut reads);
                }
                self.assign(&set.target, &Meaning::Local { reads, plain: false });
            }
            // Names set inside an `if` stay set after it.
            Node::If(branch) => {
                let mut conditions = Reads::default();
                branch
                    .arms
                    .iter()
                    .for_each(|(condition, _)| self.read(condition, &mut conditions));
                let arms: Vec<Names<'a>> = node.children().into_iter().map(|body| self.after(body)).collect();
                for name in defined_inside(node) {
                    let mut reads = conditions.clone();
                    reads.add(&self.name(name, &[]));
                    let mut plain = self.is_plain_name(name);
                    for arm in &arms {
                        reads.add(&arm.name(name, &[]));
                        plain &= arm.is_plain_name(name);
                    }
                    self.names.push((name, Meaning::Local { reads, plain }));
                }
            }
            _ => {}
        }
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
                Node::Leave => names.truncate(scopes.pop().unwrap_or(names.depth())),
                _ => names.define(node),
            }
        }
        names
    }

    /// Brings the names of a loop's target into scope, each for its part of the item.
    fn unpack(&mut self, target: &Expr<'static>, id: LoopId, path: &[Step], plain: bool) {
        let parts = match target {
            Expr::Var(var) => {
                let path = path.to_vec();
                self.names.push((var.id, Meaning::Item { id, path, plain }));
                return;
            }
            Expr::List(list) => &list.items,
            Expr::Tuple(tuple) => &tuple.items,
            _ => return,
        };
        for (part, index) in parts.iter().zip(0..) {
            let path: Vec<Step> = path.iter().cloned().chain([Step::Index(index)]).collect();
            self.unpack(part, id, &path, plain);
        }
    }

    fn assign(&mut self, target: &Expr<'static>, meaning: &Meaning) {
        let mut names = Vec::new();
        syntax::assigned(target, &mut names);
        self.names
            .extend(names.into_iter().map(|name| (name, meaning.clone())));
    }

    /// What is imported from a template can read whatever that template names.
    fn imported(&self, name: &Expr<'static>) -> Meaning {
        let source = syntax::constant_name(name).and_then(|name| self.sources.imported(name));
        let reads = match source {
            Some(source) => {
                let mut reads = Reads::default();
                self.statements(source.statements(), &mut reads);
                reads
            }
            None => Reads {
                everything: true,
                ..Reads::default()
            },
        };
        Meaning::Local { reads, plain: false }
    }

    /// The path that an expression is, if it is one into the page's data and nothing else.
    pub(super) fn data_path(&self, expr: &Expr<'static>) -> Option<Vec<Step>> {
        let mut steps = Vec::new();
        let name = path(expr, &mut steps).filter(|name| self.meaning(name).is_none())?;
        steps.insert(0, Step::Key(name));
        Some(steps)
    }

    /// What an expression reads.
    pub(super) fn of(&self, expr: &Expr<'static>) -> Reads {
        let mut reads = Reads::default();
        self.read(expr, &mut reads);
        reads
    }

    /// What these nodes read, all together.
    pub(super) fn of_nodes(&self, nodes: &[Node<'a>]) -> Reads {
        let mut scope = self.clone();
        let mut scopes = Vec::new();
        let mut reads = Reads::default();
        for node in nodes {
            match node {
                Node::Raw(_) | Node::Jump(_) => {}
                Node::Emit(statement) | Node::Guarded(_, statement) => {
                    scope.read(&emitted(statement).expr, &mut reads);
                }
                Node::Captured(_, inside) => reads.add(&scope.of_nodes(inside)),
                Node::If(branch) => {
                    for (condition, body) in &branch.arms {
                        scope.read(condition, &mut reads);
                        reads.add(&scope.of_nodes(body));
                    }
                    reads.add(&scope.of_nodes(&branch.otherwise));
                    scope.define(node);
                }
                Node::For(lp) => {
                    scope.read(&lp.syntax.iter, &mut reads);
                    let items = scope.of(&lp.syntax.iter);
                    let mut inner = scope.clone();
                    inner.names.push((
                        "loop",
                        Meaning::Local {
                            reads: Reads::default(),
                            plain: true,
                        },
                    ));
                    let plain = scope.is_plain(&lp.syntax.iter);
                    inner.assign(&lp.syntax.target, &Meaning::Local { reads: items, plain });
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
                    scope.define(node);
                }
                Node::Leave => {
                    if let Some(depth) = scopes.pop() {
                        scope.truncate(depth);
                    }
                }
                // What a definition reads counts where the name is used.
                Node::Define(_) | Node::Capture(..) => scope.define(node),
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
        }
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
                    CallType::Block(_) => reads.everything = true,
                    CallType::Object(object) => self.read(object, reads),
                }
                for operand in syntax::operands(expr).into_iter().skip(1) {
                    self.read(operand, reads);
                }
            }
            _ => syntax::operands(expr)
                .into_iter()
                .for_each(|operand| self.read(operand, reads)),
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

    fn meaning(&self, name: &str) -> Option<&Meaning> {
        self.names
            .iter()
            .rev()
            .find(|(known, _)| *known == name)
            .map(|(_, meaning)| meaning)
    }

    fn name(&self, name: &'static str, steps: &[Step]) -> Reads {
        let mut reads = Reads::default();
        match self.meaning(name) {
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
            None => {
                let mut path = vec![Step::Key(name)];
                path.extend_from_slice(steps);
                reads.paths.insert(path);
            }
        }
        reads
    }

    /// Whether what an expression prints is text: never a safe string with markup in it.
    pub(super) fn is_plain(&self, expr: &Expr<'static>) -> bool {
        let operands_are = |names: &Self| {
            syntax::operands(expr)
                .into_iter()
                .all(|operand| names.is_plain(operand))
        };
        self.escaped
            && match expr {
                Expr::Var(var) => self.is_plain_name(var.id),
                Expr::Const(constant) => !constant.value.is_safe(),
                Expr::Filter(filter) => PLAIN_FILTERS.contains(&filter.name) && operands_are(self),
                Expr::Call(call) => match call.identify_call() {
                    CallType::Function(name) => {
                        self.meaning(name).is_none()
                            && PLAIN_FUNCTIONS.contains(&name)
                            && syntax::operands(expr)
                                .into_iter()
                                .skip(1)
                                .all(|operand| self.is_plain(operand))
                    }
                    CallType::Method(Expr::Var(var), "cycle") => {
                        matches!(self.meaning(var.id), Some(Meaning::Counter(_)) | None)
                            && syntax::operands(expr)
                                .into_iter()
                                .skip(1)
                                .all(|operand| self.is_plain(operand))
                    }
                    _ => false,
                },
                _ => operands_are(self),
            }
    }

    fn is_plain_name(&self, name: &'static str) -> bool {
        match self.meaning(name) {
            Some(Meaning::Local { plain, .. } | Meaning::Item { plain, .. }) => *plain,
            Some(Meaning::Counter(_)) => true,
            None => self.is_plain_global(name),
        }
    }

    fn is_plain_global(&self, name: &str) -> bool {
        fn plain(value: &Value) -> bool {
            !value.is_safe() && value.as_object().is_none()
        }
        self.env
            .globals()
            .find(|(known, _)| *known == name)
            .is_none_or(|(_, value)| plain(&value))
    }
}

/// Built-in filters that return text, or safe strings without markup, for arguments that are text.
const PLAIN_FILTERS: &[&str] = &[
    "abs",
    "attr",
    "batch",
    "bool",
    "capitalize",
    "chain",
    "count",
    "d",
    "default",
    "dictsort",
    "e",
    "escape",
    "first",
    "float",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "max",
    "min",
    "pprint",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
    "urlencode",
    "zip",
];

/// Built-in functions that return text for arguments that are text.
const PLAIN_FUNCTIONS: &[&str] = &["range", "dict"];

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

/// The names that `set` statements inside an `if` leave behind.
pub(super) fn defined_inside(node: &Node<'_>) -> Vec<&'static str> {
    match node {
        Node::If(_) => node
            .children()
            .into_iter()
            .flat_map(|nodes| defined_in(nodes))
            .collect(),
        _ => Vec::new(),
    }
}

/// Whether the nodes set names that are known behind them, too.
pub(super) fn defines(nodes: &[Node<'_>]) -> bool {
    !defined_in(nodes).is_empty()
}

fn defined_in(nodes: &[Node<'_>]) -> Vec<&'static str> {
    let mut names = Vec::new();
    let mut depth = 0usize;
    for inside in nodes {
        match inside {
            Node::Enter(_) => depth += 1,
            Node::Leave => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            Node::Define(statement) => names.extend(syntax::defined(statement)),
            Node::Capture(set, _) => syntax::assigned(&set.target, &mut names),
            Node::If(_) => names.extend(defined_inside(inside)),
            // The else of a loop runs in the scope around it.
            Node::For(lp) => names.extend(defined_in(&lp.otherwise)),
            _ => {}
        }
    }
    names
}

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
        Node::Raw(_) | Node::Captured(..) | Node::Leave | Node::Jump(_) => {}
    }
}

fn mentioned_in_statement(statement: &Stmt<'static>, names: &mut BTreeSet<&'static str>) {
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
