//! Writes out macro calls, `call` blocks and set blocks where they stand, so that what they print is followed like the
//! rest of the template.
//!
//! A call `{{ m(title) }}` becomes the macro's body inside a `with` that binds its parameters, as syntax, before the page
//! is resolved. Three things keep that exact:
//!
//! - **Names that the macro binds** — parameters, loop variables, what it sets — get names in the copy that no template
//!   can write ([`names`]), so that nothing of the caller is shadowed.
//! - **Names that it does not bind** mean in minijinja what they mean where the macro is defined. [`scope`] knows what
//!   each name is bound to, and a call is written out only where they mean the same at the call.
//! - **What can't be told stays a call**, which prints what minijinja prints: recursion, `*args`, wrong arguments, a macro
//!   that is held by a variable, a call inside a larger expression.
//!
//! The definitions stay in the tree, so that whatever is not written out finds its macro.

mod call;
mod copy;
mod module;
mod names;
mod scope;
mod stays;
mod text;

use std::cell::Cell;
use std::rc::Rc;

use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use super::machinery;
use super::machinery::ast::{self, Stmt};
use super::source::Sources;

use call::Definition;
use copy::Copier;
use module::Module;
use names::Env;
use scope::What;

pub(super) use copy::rebound_in;
pub(super) use scope::Scope;
pub(super) use stays::Stays;

/// How many nodes of syntax one call may be written out to.
const CALL_LIMIT: usize = 4_000;
/// How many nodes a set block may have that is written out where it is printed.
const TEXT_LIMIT: usize = 500;
/// How many nodes of syntax all calls of a page may be written out to. Beyond it calls stay calls: they are slower to
/// update, while a page of any size has to compile.
const PAGE_LIMIT: usize = 20_000;
/// How many calls may be written out inside one another.
const MAX_DEPTH: usize = 24;

/// The number of a module in [`Expander::modules`].
type ModuleId = usize;

/// What writes out the calls of one page.
pub(super) struct Expander<'a> {
    sources: &'a Sources,
    env: &'a Environment<'static>,
    /// Off for environments whose formatter changes text that is safe: a macro's output goes through it once more.
    enabled: bool,
    /// Whether a call stays a call for a name that minijinja does not keep for its macro. It finds the name all the same
    /// where another macro of the page has kept it, so that no call may be written out then.
    needs_others: Cell<bool>,
    modules: Vec<Module<'a>>,
    /// How many copies of a macro or call block were started: each has names of its own.
    copies: usize,
    nodes: usize,
    limit: usize,
}

impl<'a> Expander<'a> {
    pub(super) fn new(sources: &'a Sources, env: &'a Environment<'static>, escape: &AutoEscape) -> Self {
        Expander {
            sources,
            env,
            enabled: machinery::prints_as_it_is(env, escape),
            needs_others: Cell::new(false),
            modules: Vec::new(),
            copies: 0,
            nodes: 0,
            limit: 0,
        }
    }

    /// Whether a call that stays a call needs what the calls that were written out would have left behind.
    pub(super) fn needs_others(&self) -> bool {
        self.needs_others.get()
    }

    /// From here on every call stays a call.
    pub(super) fn disable(&mut self) {
        self.enabled = false;
    }

    /// What to run instead of an `{{ m(…) }}` or a `call` block.
    pub(super) fn call(
        &mut self,
        scope: &Scope<'a>,
        statement: &'a Stmt<'static>,
    ) -> Result<Stmt<'static>, Stays> {
        if !self.enabled {
            return Err(Stays::NoMacro);
        }
        let before = self.nodes;
        self.limit = PAGE_LIMIT.min(before + CALL_LIMIT);
        let mut copier = Copier::new(self, scope);
        let mut here = Env::here();
        let written = match statement {
            Stmt::EmitExpr(emit) => copier.emit(&mut here, &emit.expr),
            Stmt::CallBlock(block) => copier.call(&mut here, &block.call, Some(&block.macro_decl)),
            _ => Err(Stays::NoMacro),
        };
        if written.is_err() {
            self.nodes = before;
        }
        written
    }

    /// The nodes to run instead of an `{{ x }}`, where `x` is a set block.
    pub(super) fn text(
        &mut self,
        scope: &Scope<'a>,
        statement: &'a Stmt<'static>,
    ) -> Option<super::node::Nodes<'a>> {
        let Stmt::EmitExpr(emit) = statement else {
            return None;
        };
        let ast::Expr::Var(var) = &emit.expr else {
            return None;
        };
        match scope.lookup(var.id)?.what {
            What::Text(text) if self.enabled && text.means_the_same(scope) => {
                self.limit = PAGE_LIMIT.min(self.nodes + TEXT_LIMIT);
                if self.nodes + text.size() > self.limit {
                    return None;
                }
                self.nodes += text.size();
                Some(text.nodes())
            }
            _ => None,
        }
    }

    /// Binds a macro that is defined here.
    pub(super) fn define(&mut self, scope: &mut Scope<'a>, decl: &'a ast::Spanned<ast::Macro<'static>>) {
        let definition = Definition::on_page(decl, scope.place());
        scope.bind(decl.name, What::Macro(Rc::new(definition)));
    }

    fn spend(&mut self, nodes: usize) -> Result<(), Stays> {
        self.nodes += nodes;
        if self.nodes > self.limit {
            Err(Stays::Limit)
        } else {
            Ok(())
        }
    }

    fn is_strict(&self) -> bool {
        self.env.undefined_behavior() == UndefinedBehavior::Strict
    }
}
