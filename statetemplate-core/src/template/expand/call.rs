//! One call written out: its arguments bound to the macro's parameters, around a copy of the body.

use std::collections::BTreeSet;
use std::rc::Rc;

use minijinja::Value;

use super::copy::{Copier, rebound_in, spanned};
use super::names::{Caller, Env, Home, Known, Written};
use super::scope::{Place, What};
use super::{MAX_DEPTH, Opaque};
use crate::template::machinery::Span;
use crate::template::machinery::ast::{self, CallArg, CallType, Expr, Stmt};

/// A macro and where its names get their meaning.
pub(super) struct Definition<'a> {
    pub(super) decl: &'a ast::Spanned<ast::Macro<'static>>,
    pub(super) home: Home,
}

impl<'a> Definition<'a> {
    pub(super) fn on_page(decl: &'a ast::Spanned<ast::Macro<'static>>, place: Place) -> Self {
        Definition {
            decl,
            home: Home::Frame(place),
        }
    }
}

/// The body of a `call` block: what `caller()` prints.
pub(super) struct CallBody<'a> {
    decl: &'a ast::Spanned<ast::Macro<'static>>,
    /// The names at the block.
    env: Rc<Env<'a>>,
    /// The macros that were being written out there.
    active: Vec<&'a ast::Spanned<ast::Macro<'static>>>,
}

/// How an argument that was given is to be used.
enum Given {
    Simple(Written),
    /// It was stored under the parameter's name.
    Stored,
}

impl<'a> Copier<'_, 'a> {
    /// Writes a call out; `block` is the body of its `call` block.
    pub(super) fn call(
        &mut self,
        env: &mut Env<'a>,
        call: &'a ast::Spanned<ast::Call<'static>>,
        block: Option<&'a ast::Spanned<ast::Macro<'static>>>,
    ) -> Result<Stmt<'static>, Opaque> {
        let definition = match call.identify_call() {
            CallType::Function("caller") if block.is_none() && env.knows_caller() => {
                return self.call_body(env, call);
            }
            CallType::Function(name) => match self.resolve(env, name)?.what {
                What::Macro(definition) => definition,
                _ => return Err(Opaque),
            },
            CallType::Method(Expr::Var(module), name) => match self.resolve(env, module.id)?.what {
                What::Module(id) => self.expander.modules[id].exported(name).ok_or(Opaque)?,
                _ => return Err(Opaque),
            },
            _ => return Err(Opaque),
        };
        if self
            .active
            .iter()
            .any(|active| std::ptr::eq(*active, definition.decl))
        {
            return Err(Opaque);
        }
        let caller = match block {
            None => Caller::Absent,
            Some(decl) => Caller::Given(Rc::new(CallBody {
                decl,
                env: env.at_call_block(self.scope.place()),
                active: self.active.clone(),
            })),
        };
        let mut inside = Env::new(definition.home, self.next_copy(), caller);
        self.active.push(definition.decl);
        let outcome = self.bind(env, &mut inside, definition.decl, call);
        self.active.pop();
        // minijinja refuses a `call` block around a macro that does not know `caller`.
        if block.is_some() && !inside.used_caller {
            return Err(Opaque);
        }
        outcome
    }

    /// Writes out `{{ caller(…) }}`.
    fn call_body(
        &mut self,
        env: &mut Env<'a>,
        call: &'a ast::Spanned<ast::Call<'static>>,
    ) -> Result<Stmt<'static>, Opaque> {
        let Caller::Given(body) = &env.caller else {
            return Err(Opaque);
        };
        let body = body.clone();
        let mut inside = Env::of_call_body(body.env.clone(), self.next_copy(), env);
        let active = std::mem::replace(&mut self.active, body.active.clone());
        let outcome = self.bind(env, &mut inside, body.decl, call);
        self.active = active;
        env.used_caller = true;
        outcome
    }

    /// A `with` that binds the parameters, around the body.
    fn bind(
        &mut self,
        site: &mut Env<'a>,
        env: &mut Env<'a>,
        decl: &'a ast::Spanned<ast::Macro<'static>>,
        call: &'a ast::Spanned<ast::Call<'static>>,
    ) -> Result<Stmt<'static>, Opaque> {
        if self.depth == MAX_DEPTH {
            return Err(Opaque);
        }
        self.depth += 1;
        let outcome = self.bind_inside(site, env, decl, call);
        self.depth -= 1;
        outcome
    }

    fn bind_inside(
        &mut self,
        site: &mut Env<'a>,
        env: &mut Env<'a>,
        decl: &'a ast::Spanned<ast::Macro<'static>>,
        call: &'a ast::Spanned<ast::Call<'static>>,
    ) -> Result<Stmt<'static>, Opaque> {
        let span = call.span();
        let params = parameters(decl)?;
        if params.contains(&"caller") && matches!(env.caller, Caller::Given(_)) {
            return Err(Opaque);
        }
        let first_default = params.len() - decl.defaults.len();
        let rebound = rebound_in(&decl.body);
        let mut assignments = Vec::new();

        // The arguments, in the order in which minijinja evaluates them.
        let mut given: Vec<Option<Given>> = params.iter().map(|_| None).collect();
        for (param, argument) in arguments(&params, &call.args)? {
            let name = params[param];
            let value = self.expr(site, argument)?;
            let kept = !rebound.contains(name);
            given[param] = Some(match simple(&value) {
                Some(constant @ Written::Constant(_)) if kept => Given::Simple(constant),
                Some(variable @ Written::Name(_)) if kept && param < first_default => Given::Simple(variable),
                _ => {
                    assignments.push((variable(env.renamed(name), span), value));
                    Given::Stored
                }
            });
        }

        // The parameters, in minijinja's order: the last one first, so that a default sees those behind it alone.
        env.unkept.extend(&params);
        for (param, given) in given.into_iter().enumerate().rev() {
            let name = params[param];
            let default = param.checked_sub(first_default).map(|at| &decl.defaults[at]);
            let renamed = env.renamed(name);
            let known = match (given, default) {
                (Some(Given::Simple(written)), _) => Known::Is(written),
                (Some(Given::Stored), None) => Known::Bound,
                (Some(Given::Stored), Some(default)) => {
                    let default = self.expr(env, default)?;
                    assignments.push((variable(renamed, span), or_default(renamed, default, span)));
                    Known::Bound
                }
                (None, Some(default)) => {
                    let default = self.expr(env, default)?;
                    match simple(&default) {
                        Some(constant @ Written::Constant(_)) if !rebound.contains(name) => {
                            Known::Is(constant)
                        }
                        _ => {
                            assignments.push((variable(renamed, span), default));
                            Known::Bound
                        }
                    }
                }
                (None, None) => {
                    let undefined = ast::Const {
                        value: Value::UNDEFINED,
                    };
                    assignments.push((variable(renamed, span), Expr::Const(spanned(undefined, span))));
                    Known::Bound
                }
            };
            env.top().names.insert(name, known);
        }
        env.unkept.clear();

        let mut body = Vec::new();
        self.statements(env, &decl.body, &mut body)?;
        for (name, written) in std::mem::take(&mut env.early) {
            assignments.insert(0, (variable(name, span), written.into_expr(span)));
        }
        let binds = env
            .top()
            .names
            .values()
            .any(|known| !matches!(known, Known::Is(_)));
        Ok(if binds || !assignments.is_empty() {
            Stmt::WithBlock(spanned(ast::WithBlock { assignments, body }, span))
        } else {
            Stmt::Template(spanned(ast::Template { children: body }, span))
        })
    }
}

impl Written {
    pub(super) fn into_expr(self, span: Span) -> Expr<'static> {
        match self {
            Written::Name(name) => variable(name, span),
            Written::Constant(value) => Expr::Const(spanned(ast::Const { value }, span)),
        }
    }
}

/// The names of a macro's parameters.
fn parameters(decl: &ast::Macro<'static>) -> Result<Vec<&'static str>, Opaque> {
    let mut seen = BTreeSet::new();
    decl.args
        .iter()
        .map(|arg| match arg {
            Expr::Var(var) if seen.insert(var.id) => Ok(var.id),
            _ => Err(Opaque),
        })
        .collect()
}

/// Each argument with the parameter that it is for, in the order of evaluation: those with a keyword last.
fn arguments<'e>(
    params: &[&'static str],
    args: &'e [CallArg<'static>],
) -> Result<Vec<(usize, &'e Expr<'static>)>, Opaque> {
    let mut found = Vec::new();
    for arg in args {
        match arg {
            CallArg::Pos(value) if found.len() < params.len() => found.push((found.len(), value)),
            CallArg::Kwarg(..) => {}
            _ => return Err(Opaque),
        }
    }
    for arg in args {
        if let CallArg::Kwarg(name, value) = arg {
            let param = params.iter().position(|param| param == name).ok_or(Opaque)?;
            if found.iter().any(|(known, _)| *known == param) {
                return Err(Opaque);
            }
            found.push((param, value));
        }
    }
    Ok(found)
}

/// What an argument is, if the parameter can stand for it wherever it is used: evaluating it again changes nothing, and
/// it can't fail.
fn simple(value: &Expr<'static>) -> Option<Written> {
    match value {
        Expr::Const(constant) if !constant.value.is_undefined() => {
            Some(Written::Constant(constant.value.clone()))
        }
        Expr::Var(var) if var.id != "loop" => Some(Written::Name(var.id)),
        _ => None,
    }
}

fn variable(id: &'static str, span: Span) -> Expr<'static> {
    Expr::Var(spanned(ast::Var { id }, span))
}

/// The argument, or the default where the argument is undefined.
fn or_default(name: &'static str, default: Expr<'static>, span: Span) -> Expr<'static> {
    let test = ast::Test {
        name: "defined",
        expr: variable(name, span),
        args: vec![],
    };
    Expr::IfExpr(spanned(
        ast::IfExpr {
            test_expr: Expr::Test(spanned(test, span)),
            true_expr: variable(name, span),
            false_expr: Some(default),
        },
        span,
    ))
}
