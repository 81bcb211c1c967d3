//! Loads a template with everything it names, and resolves inheritance, blocks and includes into one tree.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use minijinja::{AutoEscape, Environment};
use typed_arena::Arena;

use super::blocks::Called;
use super::escape;
use super::expand::{self, Expander, Scope, Stays};
use super::machinery::{self, ast};
use super::node::{For, If, Node, Nodes};
use super::syntax;

/// How deep templates may extend and include one another.
const MAX_DEPTH: usize = 64;

/// The parsed templates that a page consists of.
pub(super) struct Sources {
    templates: BTreeMap<String, Source>,
    /// Statements that stand in no template: calls that are written out.
    written_out: Arena<ast::Stmt<'static>>,
    /// Why calls were not written out, by the addresses of their statements.
    stays: RefCell<BTreeMap<usize, Stays>>,
}

pub(super) struct Source {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
    pub(super) escape: AutoEscape,
    tree: ast::Stmt<'static>,
    /// What the names in this template's `extends`, `include` and `import` mean: minijinja may join them with its own.
    names: BTreeMap<String, String>,
}

impl Sources {
    /// Loads the template `name` and, as far as names are constant, those that it extends, includes and imports.
    pub(super) fn load(env: &Environment<'static>, name: &str) -> Result<Self, minijinja::Error> {
        let mut sources = Sources {
            templates: BTreeMap::new(),
            written_out: Arena::new(),
            stays: RefCell::default(),
        };
        let mut wanted = vec![env.get_template(name)?.name().to_owned()];
        while let Some(name) = wanted.pop() {
            if sources.templates.contains_key(&name) {
                continue;
            }
            let template = env.get_template(&name)?;
            let state = template.new_state();
            let escape = state.auto_escape().clone();
            let (static_name, mut text) = (machinery::intern(&name), machinery::intern(template.source()));
            let mut tree = machinery::parse(static_name, text, env.syntax().clone())?;
            if escape == AutoEscape::Html && syntax::has_macros(std::slice::from_ref(&tree)) {
                text = machinery::intern(&escape::guard_macros(&name, text, env.syntax().clone())?);
                tree = machinery::parse(static_name, text, env.syntax().clone())?;
            }
            let mut names = BTreeMap::new();
            for other in syntax::named_templates(&tree) {
                match state.get_template(&other) {
                    Ok(found) => {
                        wanted.push(found.name().to_owned());
                        names.insert(other, found.name().to_owned());
                    }
                    // A missing template is an error only if the page comes to run the statement. One that does not
                    // parse is never meant.
                    Err(error) if error.kind() == minijinja::ErrorKind::TemplateNotFound => {}
                    Err(error) => return Err(error),
                }
            }
            sources.templates.insert(
                name,
                Source {
                    name: static_name,
                    text,
                    escape,
                    tree,
                    names,
                },
            );
        }
        Ok(sources)
    }

    /// Why the call that is this statement was not written out.
    pub(super) fn why_called(&self, statement: &ast::Stmt<'static>) -> Option<Stays> {
        self.stays.borrow().get(&address(statement)).copied()
    }

    /// All templates, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Source> {
        self.templates.values()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Source> {
        self.templates.get(name)
    }

    /// The one tree of the page `name`.
    ///
    /// # Errors
    /// Says, in words for people, what of the template can only be rendered as a whole.
    pub(super) fn resolve<'a>(
        &'a self,
        env: &'a Environment<'static>,
        name: &str,
    ) -> Result<(Nodes<'a>, Called<'a>), String> {
        let source = self
            .get(name)
            .ok_or_else(|| format!("the template {name:?} was not loaded"))?;
        let mut resolver = Resolver::new(self, env, source);
        let mut nodes = Vec::new();
        resolver.template(source, &mut nodes)?;
        if resolver.expander.needs_others() {
            resolver = Resolver::new(self, env, source);
            resolver.expander.disable();
            nodes.clear();
            resolver.template(source, &mut nodes)?;
        }
        Ok((nodes.into(), resolver.called))
    }
}

impl Source {
    pub(super) fn statements(&self) -> &[ast::Stmt<'static>] {
        match &self.tree {
            ast::Stmt::Template(template) => &template.children,
            other => std::slice::from_ref(other),
        }
    }
}

/// Tells the statements of the sources apart, which stay where they are.
fn address(statement: &ast::Stmt<'static>) -> usize {
    std::ptr::from_ref(statement).addr()
}

impl Sources {
    /// The blocks whose bodies are part of the page `name`; `None` where that can't be told.
    pub(super) fn reached<'a>(
        &'a self,
        env: &'a Environment<'static>,
        name: &str,
    ) -> Option<Vec<&'a ast::Block<'static>>> {
        let source = self.get(name)?;
        let mut resolver = Resolver::new(self, env, source);
        resolver.template(source, &mut Vec::new()).ok()?;
        Some(resolver.reached)
    }
}

/// The name by which an `autoescape` block asks for a way of escaping.
fn escape_name(escape: &AutoEscape) -> Option<&'static str> {
    match escape {
        AutoEscape::Html => Some("html"),
        AutoEscape::Json => Some("json"),
        AutoEscape::None => Some("none"),
        _ => None,
    }
}

/// A block's body and the template that it stands in.
type Body<'a> = (&'a Source, &'a ast::Spanned<ast::Block<'static>>);

pub(super) struct Resolver<'a> {
    sources: &'a Sources,
    /// The blocks that expressions call.
    pub(super) called: Called<'a>,
    /// What `super()` in an expression means here, if the nodes say so already.
    pub(super) super_here: Option<&'static str>,
    env: &'a Environment<'static>,
    expander: Expander<'a>,
    /// What the names stand for at the statement that is being resolved.
    scope: Scope<'a>,
    /// Whether that statement is part of a call that was written out: the calls inside were seen to.
    writes_out: bool,
    /// How the page escapes values.
    pub(super) page_escape: AutoEscape,
    /// How values are escaped here.
    pub(super) escape: AutoEscape,
    /// What `autoescape true` means here.
    initial: AutoEscape,
    /// The bodies of each block, the most derived first.
    blocks: BTreeMap<&'static str, Vec<Body<'a>>>,
    /// The blocks whose bodies were resolved.
    reached: Vec<&'a ast::Block<'static>>,
    depth: usize,
    inside_auto_escape: bool,
}

/// The block whose body is being resolved: its name and how many times it was overridden.
pub(super) type Current = Option<(&'static str, usize)>;

impl<'a> Resolver<'a> {
    fn new(sources: &'a Sources, env: &'a Environment<'static>, source: &'a Source) -> Self {
        Resolver {
            sources,
            called: Called::new(),
            super_here: None,
            env,
            expander: Expander::new(sources, env, &source.escape),
            scope: Scope::new(sources.changed_namespaces()),
            writes_out: false,
            page_escape: source.escape.clone(),
            escape: source.escape.clone(),
            initial: source.escape.clone(),
            blocks: BTreeMap::new(),
            reached: Vec::new(),
            depth: 0,
            inside_auto_escape: false,
        }
    }

    fn deeper<T>(&mut self, run: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        if self.depth == MAX_DEPTH {
            return Err(format!(
                "templates extend or include one another more than {MAX_DEPTH} deep"
            ));
        }
        self.depth += 1;
        let outcome = run(self);
        self.depth -= 1;
        outcome
    }

    fn template(&mut self, source: &'a Source, out: &mut Vec<Node<'a>>) -> Result<(), String> {
        let statements = source.statements();
        for block in syntax::blocks(statements) {
            self.blocks.entry(block.name).or_default().push((source, block));
        }
        let extends = statements.iter().position(|s| matches!(s, ast::Stmt::Extends(_)));
        let Some(at) = extends else {
            if syntax::extends_inside(statements) {
                return Err(format!("{:?} extends a template conditionally", source.name));
            }
            return self.statements(source, statements, None, out);
        };
        let ast::Stmt::Extends(extends) = &statements[at] else {
            unreachable!("just found")
        };
        let parent = syntax::constant_name(&extends.name)
            .and_then(|name| source.names.get(name))
            .and_then(|name| self.sources.get(name))
            .ok_or_else(|| format!("{:?} extends a template whose name is not constant", source.name))?;
        self.statements(source, &statements[..at], None, out)?;
        // minijinja runs the rest of a child template with its output dropped: only what it defines remains.
        for statement in &statements[at + 1..] {
            match statement {
                ast::Stmt::EmitRaw(_) | ast::Stmt::EmitExpr(_) | ast::Stmt::Block(_) => {}
                ast::Stmt::Set(_)
                | ast::Stmt::SetBlock(_)
                | ast::Stmt::Macro(_)
                | ast::Stmt::Import(_)
                | ast::Stmt::FromImport(_) => self.statement(source, statement, None, out)?,
                _ => return Err(format!("{:?} runs statements outside of its blocks", source.name)),
            }
        }
        self.deeper(|this| this.template(parent, out))
    }

    fn statements(
        &mut self,
        source: &'a Source,
        statements: &'a [ast::Stmt<'static>],
        current: Current,
        out: &mut Vec<Node<'a>>,
    ) -> Result<(), String> {
        statements
            .iter()
            .try_for_each(|statement| self.statement(source, statement, current, out))
    }

    fn nodes(
        &mut self,
        source: &'a Source,
        statements: &'a [ast::Stmt<'static>],
        current: Current,
    ) -> Result<Nodes<'a>, String> {
        let mut nodes = Vec::new();
        self.statements(source, statements, current, &mut nodes)?;
        Ok(nodes.into())
    }

    fn statement(
        &mut self,
        source: &'a Source,
        statement: &'a ast::Stmt<'static>,
        current: Current,
        out: &mut Vec<Node<'a>>,
    ) -> Result<(), String> {
        self.prepare_calls(source, statement, current, out)?;
        if let ast::Stmt::EmitExpr(_) | ast::Stmt::CallBlock(_) = statement
            && !self.escapes_differently()
            && self.write_out(source, statement, out)?
        {
            return Ok(());
        }
        match statement {
            ast::Stmt::Template(template) => self.statements(source, &template.children, current, out)?,
            ast::Stmt::EmitRaw(raw) => out.push(Node::Raw(raw.raw)),
            ast::Stmt::EmitExpr(emit) => match syntax::block_call(&emit.expr) {
                Some(syntax::BlockCall::Super) => {
                    let (name, depth) = current.ok_or("super() stands outside of a block")?;
                    self.block(name, depth + 1, out)?;
                }
                Some(syntax::BlockCall::Block(name)) => self.block(name, 0, out)?,
                None => out.push(Node::Emit(statement)),
            },
            ast::Stmt::ForLoop(syntax) => {
                let mut targets = Vec::new();
                syntax::assigned(&syntax.target, &mut targets);
                self.scope.enter_rows(expand::rebound_in(&syntax.body));
                targets.push("loop");
                targets.iter().for_each(|name| self.scope.bind_value(name));
                let body = self.nodes(source, &syntax.body, current)?;
                self.scope.leave();
                let mut fork = self.scope.fork();
                let otherwise = self.nodes(source, &syntax.else_body, current)?;
                self.scope.end_part(&mut fork);
                self.scope.join(fork);
                out.push(Node::For(Rc::new(For {
                    syntax,
                    body,
                    otherwise,
                })));
            }
            ast::Stmt::IfCond(first) => {
                let mut fork = self.scope.fork();
                let mut arms = vec![(&first.expr, self.nodes(source, &first.true_body, current)?)];
                self.scope.end_part(&mut fork);
                let mut rest: &'a [ast::Stmt<'static>] = &first.false_body;
                while let [ast::Stmt::IfCond(next)] = rest {
                    arms.push((&next.expr, self.nodes(source, &next.true_body, current)?));
                    self.scope.end_part(&mut fork);
                    rest = &next.false_body;
                }
                let otherwise = self.nodes(source, rest, current)?;
                self.scope.end_part(&mut fork);
                self.scope.join(fork);
                out.push(Node::If(Rc::new(If { arms, otherwise })));
            }
            ast::Stmt::WithBlock(with) => {
                out.push(Node::Enter(&with.assignments));
                self.scope.enter();
                let mut targets = Vec::new();
                with.assignments
                    .iter()
                    .for_each(|(target, _)| syntax::assigned(target, &mut targets));
                targets.iter().for_each(|name| self.scope.bind_value(name));
                self.statements(source, &with.body, current, out)?;
                self.scope.leave();
                out.push(Node::Leave);
            }
            ast::Stmt::SetBlock(set) => {
                let body = self.nodes(source, &set.body, current)?;
                syntax::defined(statement)
                    .iter()
                    .for_each(|name| self.scope.bind_value(name));
                if !self.escapes_differently() {
                    self.scope.bind_text(set, &body);
                }
                out.push(Node::Capture(set, body));
            }
            ast::Stmt::AutoEscape(block) if self.constant_escape(&block.enabled).is_some() => {
                let to = self.constant_escape(&block.enabled).unwrap_or(AutoEscape::Html);
                self.escaped(to, out, |this, out| {
                    this.statements(source, &block.body, current, out)
                })?;
            }
            ast::Stmt::AutoEscape(block) => {
                let outside = std::mem::replace(&mut self.inside_auto_escape, true);
                let body = self.nodes(source, &block.body, current);
                self.inside_auto_escape = outside;
                out.push(Node::AutoEscape(block, body?));
            }
            ast::Stmt::FilterBlock(block) => {
                out.push(Node::Filter(block, self.nodes(source, &block.body, current)?));
            }
            ast::Stmt::Block(block) => self.block(block.name, 0, out)?,
            ast::Stmt::Include(include) => match self.included(source, include) {
                Some(included) => {
                    let outer = self.scope.start_include();
                    let initial = std::mem::replace(&mut self.initial, included.escape.clone());
                    let resolved = self.escaped(included.escape.clone(), out, |this, out| {
                        this.deeper(|this| this.statements(included, included.statements(), None, out))
                    });
                    self.initial = initial;
                    self.scope.end_include(outer);
                    resolved?;
                }
                None => {
                    self.scope.unknown();
                    out.push(Node::Native(statement));
                }
            },
            ast::Stmt::Set(_) => {
                out.push(Node::Define(statement));
                syntax::defined(statement)
                    .iter()
                    .for_each(|name| self.scope.bind_value(name));
            }
            ast::Stmt::Macro(decl) => {
                out.push(Node::Define(statement));
                self.expander.define(&mut self.scope, decl);
            }
            ast::Stmt::Import(_) | ast::Stmt::FromImport(_) => {
                out.push(Node::Define(statement));
                for value in self.expander.import(&mut self.scope, source, statement) {
                    out.push(Node::Define(self.sources.written_out.alloc(value)));
                }
            }
            ast::Stmt::CallBlock(_) | ast::Stmt::Do(_) => out.push(Node::Native(statement)),
            ast::Stmt::Continue(_) | ast::Stmt::Break(_) => out.push(Node::Jump(statement)),
            ast::Stmt::Extends(_) => return Err(format!("{:?} extends more than one template", source.name)),
        }
        Ok(())
    }

    /// The body of a block, in a scope of its own as minijinja runs it.
    pub(super) fn block(
        &mut self,
        name: &'static str,
        depth: usize,
        out: &mut Vec<Node<'a>>,
    ) -> Result<(), String> {
        let bodies = self.blocks.get(name).map_or(&[][..], Vec::as_slice);
        let Some(&(source, block)) = bodies.get(depth) else {
            return Err(format!("there is no block {name:?} to render"));
        };
        if block.required {
            return Err(format!("the required block {name:?} is not overridden"));
        }
        self.reached.push(block);
        let initial = std::mem::replace(&mut self.initial, self.escape.clone());
        let super_outside = self.super_here.take();
        out.push(Node::Enter(&[]));
        self.scope.enter();
        let resolved = self.deeper(|this| this.statements(source, &block.body, Some((name, depth)), out));
        self.scope.leave();
        out.push(Node::Leave);
        self.initial = initial;
        // The block may have said what `super()` means in it.
        self.super_here = super_outside;
        out.extend(super_outside.map(Node::Super));
        resolved
    }

    /// Resolves what is escaped in one way inside of what is escaped in another.
    fn escaped(
        &mut self,
        to: AutoEscape,
        out: &mut Vec<Node<'a>>,
        run: impl FnOnce(&mut Self, &mut Vec<Node<'a>>) -> Result<(), String>,
    ) -> Result<(), String> {
        let name = escape_name(&to).filter(|_| to != self.escape);
        let outside = std::mem::replace(&mut self.escape, to);
        out.extend(name.map(Node::Escape));
        let resolved = run(self, out);
        self.escape = outside;
        let html = self.escape == AutoEscape::Html;
        out.extend(name.map(|_| Node::Unescape { html }));
        resolved
    }

    /// What an `autoescape` block with this argument asks for, if that is known here and can be asked for by name.
    fn constant_escape(&self, argument: &ast::Expr<'static>) -> Option<AutoEscape> {
        let value = argument.as_const()?;
        let to = match value.as_str() {
            Some("html") => AutoEscape::Html,
            Some("json") => AutoEscape::Json,
            Some("none") => AutoEscape::None,
            Some(_) => return None,
            None if value == false.into() => AutoEscape::None,
            None if value != true.into() => return None,
            None if self.initial == AutoEscape::None => AutoEscape::Html,
            None => self.initial.clone(),
        };
        (to == self.escape || escape_name(&to).is_some()).then_some(to)
    }

    /// Whether values are not escaped here as on the rest of the page: then a text means something else than where it
    /// was captured.
    fn escapes_differently(&self) -> bool {
        self.inside_auto_escape || self.escape != self.page_escape
    }

    /// Resolves what stands for a call or a set block's name, if it can be written out.
    fn write_out(
        &mut self,
        source: &'a Source,
        statement: &'a ast::Stmt<'static>,
        out: &mut Vec<Node<'a>>,
    ) -> Result<bool, String> {
        if let Some(nodes) = self.expander.text(&self.scope, statement) {
            out.extend(nodes.iter().cloned());
            return Ok(true);
        }
        if self.writes_out {
            // An argument that is known may be all that stands here.
            let printed = match statement {
                ast::Stmt::EmitExpr(emit) => match &emit.expr {
                    ast::Expr::Const(constant) if constant.value.as_str().is_some() => {
                        machinery::printed(self.env, &self.escape, statement)
                    }
                    _ => None,
                },
                _ => None,
            };
            out.extend(printed.map(Node::Raw));
            return Ok(printed.is_some());
        }
        let written = match self.expander.call(&self.scope, statement) {
            Ok(written) => written,
            Err(Stays::NoMacro) => return Ok(false),
            Err(stays) => {
                self.sources.stays.borrow_mut().insert(address(statement), stays);
                return Ok(false);
            }
        };
        self.writes_out = true;
        let outcome = self.statement(source, self.sources.written_out.alloc(written), None, out);
        self.writes_out = false;
        outcome.map(|()| true)
    }

    /// The template of an include that can be written out in place.
    fn included(&self, source: &'a Source, include: &ast::Include<'static>) -> Option<&'a Source> {
        let names = syntax::constant_names(&include.name)?;
        let name = names.iter().find_map(|name| source.names.get(*name))?;
        let included = self.sources.get(name)?;
        let plain = (included.escape == self.escape || escape_name(&included.escape).is_some())
            && !self.inside_auto_escape
            && self.depth + 1 < MAX_DEPTH
            && !syntax::has_blocks(included.statements())
            && !syntax::includes_itself(self.sources, included);
        plain.then_some(included)
    }
}

impl Sources {
    /// The templates that `source` includes, by constant names.
    pub(super) fn includes(&self, source: &Source) -> Vec<&Source> {
        syntax::included_names(source.statements())
            .iter()
            .filter_map(|name| source.names.get(*name))
            .filter_map(|name| self.get(name))
            .collect()
    }

    /// The names by which any of the templates changes a namespace.
    fn changed_namespaces(&self) -> BTreeSet<&'static str> {
        let mut names = Vec::new();
        for source in self.iter() {
            syntax::each_statement(source.statements(), &mut |statement| {
                if let ast::Stmt::Set(set) = statement
                    && matches!(set.target, ast::Expr::GetAttr(_))
                {
                    syntax::assigned(&set.target, &mut names);
                }
            });
        }
        names.into_iter().collect()
    }

    /// The template that a constant name in `source` means.
    pub(super) fn named(&self, source: &Source, name: &str) -> Option<&Source> {
        self.get(source.names.get(name)?)
    }

    /// The template that the name in an import of any of the sources means.
    pub(super) fn imported(&self, name: &str) -> Option<&Source> {
        self.templates
            .values()
            .find_map(|source| source.names.get(name))
            .and_then(|name| self.get(name))
    }
}
