//! Imported templates: the macros that they define, and what they set.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::call::Definition;
use super::copy::{Copier, rebound_in, spanned};
use super::names::{Caller, Env, Home, Resolved, Written};
use super::scope::{Scope, What};
use super::{Expander, ModuleId, Opaque, PAGE_LIMIT};
use crate::template::machinery::ast::{self, Expr, Stmt};
use crate::template::machinery::intern;
use crate::template::source::Source;
use crate::template::syntax;

/// How many imports of a page are followed.
const MAX_MODULES: usize = 200;

/// What a template binds at its top level when it is imported.
pub(super) struct Module<'a> {
    /// The module that imports this one, if the page does not.
    pub(super) parent: Option<ModuleId>,
    /// When the page imported it.
    pub(super) time: usize,
    pub(super) members: BTreeMap<&'static str, Member<'a>>,
    /// The names that its expressions mention: what it sets under another name is of no use to its macros.
    mentioned: BTreeSet<&'static str>,
}

pub(super) enum Member<'a> {
    Macro(Rc<Definition<'a>>),
    Module(ModuleId),
    /// A value, which the page has under this name.
    Set(&'static str),
    Unknown,
}

impl<'a> Member<'a> {
    /// What the name of this member is for the module's own macros.
    pub(super) fn resolve(&self, unkept: bool) -> Result<Resolved<'a>, Opaque> {
        if unkept {
            return Err(Opaque);
        }
        let (written, what) = match self {
            Member::Macro(definition) => (None, What::Macro(definition.clone())),
            Member::Module(id) => (None, What::Module(*id)),
            Member::Set(name) => (Some(Written::Name(name)), What::Value),
            Member::Unknown => return Err(Opaque),
        };
        Ok(Resolved { written, what })
    }
}

impl<'a> Module<'a> {
    /// The macro that `module.name` is. minijinja keeps names with an underscore in front to the module.
    pub(super) fn exported(&self, name: &str) -> Option<Rc<Definition<'a>>> {
        match self.members.get(name) {
            Some(Member::Macro(definition)) if !name.starts_with('_') => Some(definition.clone()),
            _ => None,
        }
    }
}

impl<'a> Expander<'a> {
    /// Binds what an `import` or `from` statement imports. Returns what to set beside it: the values that the imported
    /// macros use.
    pub(in super::super) fn import(
        &mut self,
        scope: &mut Scope<'a>,
        source: &'a Source,
        statement: &'a Stmt<'static>,
    ) -> Vec<Stmt<'static>> {
        let mut values = Vec::new();
        let time = scope.now();
        let imported = match statement {
            Stmt::Import(import) => self.module(scope, source, &import.expr, None, time, &mut values),
            Stmt::FromImport(import) => self.module(scope, source, &import.expr, None, time, &mut values),
            _ => None,
        };
        for name in syntax::defined(statement) {
            scope.bind_value(name);
        }
        let Some(id) = imported.filter(|_| self.enabled) else {
            return Vec::new();
        };
        for (name, member) in self.bound_by(id, statement) {
            match member {
                Member::Macro(definition) => scope.bind(name, What::Macro(definition)),
                Member::Module(id) => scope.bind(name, What::Module(id)),
                Member::Set(_) | Member::Unknown => {}
            }
        }
        values
    }

    /// What an import of this module binds, by the names that it is bound to.
    fn bound_by(&self, id: ModuleId, statement: &Stmt<'static>) -> Vec<(&'static str, Member<'a>)> {
        match statement {
            Stmt::Import(import) => match &import.name {
                Expr::Var(var) => vec![(var.id, Member::Module(id))],
                _ => vec![],
            },
            // Of names that are imported under the same one, minijinja keeps the first.
            Stmt::FromImport(import) => import
                .names
                .iter()
                .rev()
                .filter_map(|(name, alias)| {
                    let (Expr::Var(name), Expr::Var(target)) = (name, alias.as_ref().unwrap_or(name)) else {
                        return None;
                    };
                    match self.modules[id].members.get(name.id)? {
                        Member::Macro(definition) => Some((target.id, Member::Macro(definition.clone()))),
                        Member::Module(id) => Some((target.id, Member::Module(*id))),
                        Member::Set(_) | Member::Unknown => None,
                    }
                })
                .collect(),
            _ => vec![],
        }
    }

    /// Reads the template that an import in `source` names.
    fn module(
        &mut self,
        scope: &Scope<'a>,
        source: &'a Source,
        name: &Expr<'static>,
        parent: Option<ModuleId>,
        time: usize,
        values: &mut Vec<Stmt<'static>>,
    ) -> Option<ModuleId> {
        let imported = self.sources.named(source, syntax::constant_name(name)?)?;
        // Modules that import one another end here, and those that import many that import many.
        if self.modules.len() == MAX_MODULES || syntax::has_blocks(imported.statements()) {
            return None;
        }
        let id = self.modules.len();
        self.modules.push(Module {
            parent,
            time,
            members: BTreeMap::new(),
            mentioned: mentioned_in(imported.statements()),
        });
        for statement in imported.statements() {
            self.member(scope, imported, id, statement, values)?;
        }
        Some(id)
    }

    /// Follows one statement at the top level of a module; `None` when it may bind any name.
    fn member(
        &mut self,
        scope: &Scope<'a>,
        source: &'a Source,
        id: ModuleId,
        statement: &'a Stmt<'static>,
        values: &mut Vec<Stmt<'static>>,
    ) -> Option<()> {
        match statement {
            Stmt::Macro(decl) => {
                let definition = Definition {
                    decl,
                    home: Home::Module(id),
                };
                let member = Member::Macro(Rc::new(definition));
                // The macros before this one see it as well: it takes the place of what had the name.
                self.modules[id].members.insert(decl.name, member);
            }
            Stmt::Import(import) => {
                let time = self.modules[id].time;
                let inner = self.module(scope, source, &import.expr, Some(id), time, values);
                self.bind_members(id, inner, statement);
            }
            Stmt::FromImport(import) => {
                let time = self.modules[id].time;
                let inner = self.module(scope, source, &import.expr, Some(id), time, values);
                self.bind_members(id, inner, statement);
            }
            Stmt::Set(set) => {
                let member = match &set.target {
                    Expr::Var(var)
                        if self.modules[id].mentioned.contains(var.id)
                            && !self.modules[id].members.contains_key(var.id) =>
                    {
                        let name = intern(&format!("\0{id}:{}", var.id));
                        match self.value(scope, id, set, name) {
                            Ok(value) => {
                                values.push(value);
                                Member::Set(name)
                            }
                            Err(Opaque) => Member::Unknown,
                        }
                    }
                    _ => Member::Unknown,
                };
                let mut names = Vec::new();
                syntax::assigned(&set.target, &mut names);
                if let [name] = names[..] {
                    self.modules[id].members.insert(name, member);
                } else {
                    self.forget(id, names);
                }
            }
            Stmt::EmitRaw(_) | Stmt::EmitExpr(_) => {}
            _ => {
                let mut includes = false;
                syntax::each_statement(std::slice::from_ref(statement), &mut |inside| {
                    includes |= matches!(inside, Stmt::Include(_));
                });
                if includes {
                    return None;
                }
                self.forget(id, rebound_in(std::slice::from_ref(statement)));
            }
        }
        Some(())
    }

    fn bind_members(&mut self, id: ModuleId, inner: Option<ModuleId>, statement: &Stmt<'static>) {
        self.forget(id, syntax::defined(statement));
        let Some(inner) = inner else { return };
        for (name, member) in self.bound_by(inner, statement) {
            self.modules[id].members.insert(name, member);
        }
    }

    fn forget(&mut self, id: ModuleId, names: impl IntoIterator<Item = &'static str>) {
        for name in names {
            self.modules[id].members.insert(name, Member::Unknown);
        }
    }

    /// Sets on the page what the module sets, under a name of ours.
    fn value(
        &mut self,
        scope: &Scope<'a>,
        id: ModuleId,
        set: &'a ast::Spanned<ast::Set<'static>>,
        name: &'static str,
    ) -> Result<Stmt<'static>, Opaque> {
        let mut calls = false;
        syntax::each_expression(&set.expr, &mut |expr| calls |= matches!(expr, Expr::Call(_)));
        if calls {
            // What a function returns may differ from call to call.
            return Err(Opaque);
        }
        self.limit = PAGE_LIMIT;
        let mut env = Env::new(Home::Import(id), 0, Caller::Ordinary);
        let expr = Copier::new(self, scope).expr(&mut env, &set.expr)?;
        let target = Expr::Var(spanned(ast::Var { id: name }, set.span()));
        Ok(Stmt::Set(spanned(ast::Set { target, expr }, set.span())))
    }
}

fn mentioned_in(statements: &[Stmt<'static>]) -> BTreeSet<&'static str> {
    let mut names = BTreeSet::new();
    syntax::each_expression_in(statements, &mut |expr| {
        if let Expr::Var(var) = expr {
            names.insert(var.id);
        }
    });
    names
}
