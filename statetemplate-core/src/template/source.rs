//! Loads a template with everything it names, and resolves inheritance, blocks and includes into one tree.

use std::collections::BTreeMap;
use std::rc::Rc;

use minijinja::{AutoEscape, Environment};

use super::escape;
use super::machinery::{self, ast};
use super::node::{For, If, Node, Nodes};
use super::syntax;

/// How deep templates may extend and include one another.
const MAX_DEPTH: usize = 64;

/// The parsed templates that a page consists of.
pub(super) struct Sources {
    templates: BTreeMap<String, Source>,
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
                // A missing template is an error only if the page comes to run the statement.
                if let Ok(found) = state.get_template(&other) {
                    wanted.push(found.name().to_owned());
                    names.insert(other, found.name().to_owned());
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
    pub(super) fn resolve(&self, name: &str) -> Result<Nodes<'_>, String> {
        let source = self
            .get(name)
            .ok_or_else(|| format!("the template {name:?} was not loaded"))?;
        let mut resolver = Resolver {
            sources: self,
            escape: &source.escape,
            blocks: BTreeMap::new(),
            depth: 0,
            inside_auto_escape: false,
        };
        let mut nodes = Vec::new();
        resolver.template(source, &mut nodes)?;
        Ok(nodes.into())
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

/// A block's body and the template that it stands in.
type Body<'a> = (&'a Source, &'a ast::Spanned<ast::Block<'static>>);

struct Resolver<'a> {
    sources: &'a Sources,
    escape: &'a AutoEscape,
    /// The bodies of each block, the most derived first.
    blocks: BTreeMap<&'static str, Vec<Body<'a>>>,
    depth: usize,
    inside_auto_escape: bool,
}

/// The block whose body is being resolved: its name and how many times it was overridden.
type Current = Option<(&'static str, usize)>;

impl<'a> Resolver<'a> {
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
        match statement {
            ast::Stmt::Template(template) => self.statements(source, &template.children, current, out)?,
            ast::Stmt::EmitRaw(raw) => out.push(Node::Raw(raw.raw)),
            ast::Stmt::EmitExpr(emit) => match syntax::block_call(&emit.expr) {
                Some(syntax::BlockCall::Super) => {
                    let (name, depth) = current.ok_or("super() stands outside of a block")?;
                    self.block(name, depth + 1, out)?;
                }
                Some(syntax::BlockCall::Block(name)) => self.block(name, 0, out)?,
                None if syntax::calls_blocks(&emit.expr) => {
                    return Err(format!("{:?} uses a block inside an expression", source.name));
                }
                None => out.push(Node::Emit(statement)),
            },
            ast::Stmt::ForLoop(syntax) => {
                let body = self.nodes(source, &syntax.body, current)?;
                let otherwise = self.nodes(source, &syntax.else_body, current)?;
                out.push(Node::For(Rc::new(For {
                    syntax,
                    body,
                    otherwise,
                })));
            }
            ast::Stmt::IfCond(first) => {
                let mut arms = vec![(&first.expr, self.nodes(source, &first.true_body, current)?)];
                let mut rest: &'a [ast::Stmt<'static>] = &first.false_body;
                while let [ast::Stmt::IfCond(next)] = rest {
                    arms.push((&next.expr, self.nodes(source, &next.true_body, current)?));
                    rest = &next.false_body;
                }
                let otherwise = self.nodes(source, rest, current)?;
                out.push(Node::If(Rc::new(If { arms, otherwise })));
            }
            ast::Stmt::WithBlock(with) => {
                out.push(Node::Enter(&with.assignments));
                self.statements(source, &with.body, current, out)?;
                out.push(Node::Leave);
            }
            ast::Stmt::SetBlock(set) => out.push(Node::Capture(set, self.nodes(source, &set.body, current)?)),
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
                    self.deeper(|this| this.statements(included, included.statements(), None, out))?;
                }
                None => out.push(Node::Native(statement)),
            },
            ast::Stmt::Set(_) | ast::Stmt::Macro(_) | ast::Stmt::Import(_) | ast::Stmt::FromImport(_) => {
                out.push(Node::Define(statement));
            }
            ast::Stmt::CallBlock(_) | ast::Stmt::Do(_) => out.push(Node::Native(statement)),
            ast::Stmt::Continue(_) | ast::Stmt::Break(_) => out.push(Node::Jump(statement)),
            ast::Stmt::Extends(_) => return Err(format!("{:?} extends more than one template", source.name)),
        }
        Ok(())
    }

    /// The body of a block, in a scope of its own as minijinja runs it.
    fn block(&mut self, name: &'static str, depth: usize, out: &mut Vec<Node<'a>>) -> Result<(), String> {
        let bodies = self.blocks.get(name).map_or(&[][..], Vec::as_slice);
        let Some(&(source, block)) = bodies.get(depth) else {
            return Err(format!("there is no block {name:?} to render"));
        };
        if block.required {
            return Err(format!("the required block {name:?} is not overridden"));
        }
        out.push(Node::Enter(&[]));
        self.deeper(|this| this.statements(source, &block.body, Some((name, depth)), out))?;
        out.push(Node::Leave);
        Ok(())
    }

    /// The template of an include that can be written out in place.
    fn included(&self, source: &'a Source, include: &ast::Include<'static>) -> Option<&'a Source> {
        let names = syntax::constant_names(&include.name)?;
        let name = names.iter().find_map(|name| source.names.get(*name))?;
        let included = self.sources.get(name)?;
        let plain = included.escape == *self.escape
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

    /// The template that the name in an import of any of the sources means.
    pub(super) fn imported(&self, name: &str) -> Option<&Source> {
        self.templates
            .values()
            .find_map(|source| source.names.get(name))
            .and_then(|name| self.get(name))
    }
}
