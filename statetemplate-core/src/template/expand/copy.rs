//! Copies of a macro's body, with the names that it binds written anew.

use std::collections::BTreeSet;

use super::names::{Caller, Env, Local};
use super::scope::Scope;
use super::{Expander, Opaque};
use crate::template::machinery::Span;
use crate::template::machinery::ast::{self, CallArg, Expr, Spanned, Stmt};
use crate::template::syntax;

/// Copies for one call on the page.
pub(super) struct Copier<'x, 'a> {
    pub(super) expander: &'x mut Expander<'a>,
    pub(super) scope: &'x Scope<'a>,
    /// The macros that are being written out, outermost first.
    pub(super) active: Vec<&'a Spanned<ast::Macro<'static>>>,
    /// How deep the copies are inside one another.
    pub(super) depth: usize,
}

impl<'x, 'a> Copier<'x, 'a> {
    pub(super) fn new(expander: &'x mut Expander<'a>, scope: &'x Scope<'a>) -> Self {
        Copier {
            expander,
            scope,
            active: Vec::new(),
            depth: 0,
        }
    }

    pub(super) fn next_copy(&mut self) -> usize {
        self.expander.copies += 1;
        self.expander.copies
    }

    pub(super) fn statements(
        &mut self,
        env: &mut Env<'a>,
        statements: &'a [Stmt<'static>],
        out: &mut Vec<Stmt<'static>>,
    ) -> Result<(), Opaque> {
        statements
            .iter()
            .try_for_each(|statement| self.statement(env, statement, out))
    }

    fn body(
        &mut self,
        env: &mut Env<'a>,
        statements: &'a [Stmt<'static>],
    ) -> Result<Vec<Stmt<'static>>, Opaque> {
        let mut out = Vec::with_capacity(statements.len());
        self.statements(env, statements, &mut out)?;
        Ok(out)
    }

    fn statement(
        &mut self,
        env: &mut Env<'a>,
        statement: &'a Stmt<'static>,
        out: &mut Vec<Stmt<'static>>,
    ) -> Result<(), Opaque> {
        self.expander.spend(1)?;
        out.push(match statement {
            Stmt::EmitRaw(raw) => Stmt::EmitRaw(spanned(ast::EmitRaw { raw: raw.raw }, raw.span())),
            Stmt::EmitExpr(emit) => {
                // What can't be written out is printed as it is.
                match self.emit(env, &emit.expr) {
                    Ok(written_out) => written_out,
                    Err(Opaque) => self.print(env, &emit.expr, emit.span())?,
                }
            }
            Stmt::CallBlock(block) => self.call(env, &block.call, Some(&block.macro_decl))?,
            Stmt::IfCond(branch) => return self.branch(env, branch, out),
            Stmt::ForLoop(lp) => self.for_loop(env, lp)?,
            Stmt::WithBlock(with) => self.with_block(env, with)?,
            Stmt::Set(set) => {
                let unkept = env.unkept.len();
                syntax::assigned(&set.target, &mut env.unkept);
                let expr = self.expr(env, &set.expr)?;
                env.unkept.truncate(unkept);
                let target = self.target(env, &set.target)?;
                Stmt::Set(spanned(ast::Set { target, expr }, set.span()))
            }
            Stmt::SetBlock(set) => {
                let unkept = env.unkept.len();
                syntax::assigned(&set.target, &mut env.unkept);
                let body = self.body(env, &set.body)?;
                let filter = set.filter.as_ref();
                let filter = filter.map(|filter| self.unseen(env, filter)).transpose()?;
                env.unkept.truncate(unkept);
                let target = self.target(env, &set.target)?;
                let copy = ast::SetBlock { target, filter, body };
                Stmt::SetBlock(spanned(copy, set.span()))
            }
            Stmt::FilterBlock(block) => {
                let body = self.body(env, &block.body)?;
                let filter = self.unseen(env, &block.filter)?;
                let copy = ast::FilterBlock {
                    filter,
                    filter_span: block.filter_span,
                    body,
                };
                Stmt::FilterBlock(spanned(copy, block.span()))
            }
            Stmt::Template(template) => {
                let children = self.body(env, &template.children)?;
                Stmt::Template(spanned(ast::Template { children }, template.span()))
            }
            Stmt::Continue(jump) => Stmt::Continue(spanned(ast::Continue, jump.span())),
            Stmt::Break(jump) => Stmt::Break(spanned(ast::Break, jump.span())),
            // Other templates see the names in scope by their own names, macros keep them, `autoescape true` means
            // what holds where the macro is called, and `do` is there for what it changes.
            Stmt::Include(_)
            | Stmt::Import(_)
            | Stmt::FromImport(_)
            | Stmt::Macro(_)
            | Stmt::AutoEscape(_)
            | Stmt::Do(_)
            | Stmt::Block(_)
            | Stmt::Extends(_) => return Err(Opaque),
        });
        Ok(())
    }

    /// Writes out what `{{ … }}` prints: a call, or one of two.
    pub(super) fn emit(
        &mut self,
        env: &mut Env<'a>,
        expr: &'a Expr<'static>,
    ) -> Result<Stmt<'static>, Opaque> {
        match expr {
            Expr::Call(call) => self.call(env, call, None),
            Expr::IfExpr(either) => {
                let span = either.span();
                if let Some(answer) = self.asks_for_caller(env, &either.test_expr)? {
                    let chosen = if answer {
                        Some(&either.true_expr)
                    } else {
                        either.false_expr.as_ref()
                    };
                    return match chosen {
                        Some(expr) => self.emit(env, expr).or_else(|Opaque| self.print(env, expr, span)),
                        None => Ok(Stmt::Template(spanned(ast::Template { children: vec![] }, span))),
                    };
                }
                let yes = self.emit(env, &either.true_expr);
                let no = either
                    .false_expr
                    .as_ref()
                    .map(|expr| (expr, self.emit(env, expr)));
                if yes.is_err() && !matches!(no, Some((_, Ok(_)))) {
                    return Err(Opaque);
                }
                let expr = self.expr(env, &either.test_expr)?;
                let true_body = vec![yes.or_else(|Opaque| self.print(env, &either.true_expr, span))?];
                let false_body = match no {
                    None => vec![],
                    Some((expr, no)) => vec![no.or_else(|Opaque| self.print(env, expr, span))?],
                };
                let branch = ast::IfCond {
                    expr,
                    true_body,
                    false_body,
                };
                Ok(Stmt::IfCond(spanned(branch, span)))
            }
            _ => Err(Opaque),
        }
    }

    fn print(
        &mut self,
        env: &mut Env<'a>,
        expr: &'a Expr<'static>,
        span: Span,
    ) -> Result<Stmt<'static>, Opaque> {
        let expr = self.expr(env, expr)?;
        Ok(Stmt::EmitExpr(spanned(ast::EmitExpr { expr }, span)))
    }

    fn branch(
        &mut self,
        env: &mut Env<'a>,
        branch: &'a Spanned<ast::IfCond<'static>>,
        out: &mut Vec<Stmt<'static>>,
    ) -> Result<(), Opaque> {
        let mut expr = None;
        let decided = match self.asks_for_caller(env, &branch.expr)? {
            Some(answer) => Some(answer),
            None => {
                let copy = self.expr(env, &branch.expr)?;
                let constant = copy.as_const().filter(|value| !value.is_undefined());
                expr = Some(copy);
                constant.map(|value| value.is_true())
            }
        };
        // An `if` has no frame of its own, so that the arm can stand for it.
        let expr = match (decided, expr) {
            (Some(true), _) => return self.statements(env, &branch.true_body, out),
            (Some(false), _) => return self.statements(env, &branch.false_body, out),
            (None, expr) => expr.ok_or(Opaque)?,
        };
        let before = env.top().clone();
        let true_body = self.body(env, &branch.true_body)?;
        let after = std::mem::replace(env.top(), before);
        let false_body = self.body(env, &branch.false_body)?;
        env.join(&after);
        let copy = ast::IfCond {
            expr,
            true_body,
            false_body,
        };
        out.push(Stmt::IfCond(spanned(copy, branch.span())));
        Ok(())
    }

    /// The outcome of a condition that asks whether the macro was given a `caller`.
    fn asks_for_caller(
        &mut self,
        env: &mut Env<'a>,
        condition: &Expr<'static>,
    ) -> Result<Option<bool>, Opaque> {
        let is_caller = |expr: &Expr<'static>| matches!(expr, Expr::Var(var) if var.id == "caller");
        if !env.knows_caller() {
            return Ok(None);
        }
        let given = matches!(env.caller, Caller::Given(_));
        let answer = match condition {
            // Strict about undefined values, minijinja refuses to tell whether one is true.
            _ if is_caller(condition) && !given && self.expander.is_strict() => return Err(Opaque),
            _ if is_caller(condition) => given,
            Expr::UnaryOp(not) if matches!(not.op, ast::UnaryOpKind::Not) => {
                match self.asks_for_caller(env, &not.expr)? {
                    Some(answer) => !answer,
                    None => return Ok(None),
                }
            }
            Expr::Test(test) if is_caller(&test.expr) && test.args.is_empty() => match test.name {
                "defined" => given,
                "undefined" => !given,
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        env.used_caller = true;
        Ok(Some(answer))
    }

    fn for_loop(
        &mut self,
        env: &mut Env<'a>,
        lp: &'a Spanned<ast::ForLoop<'static>>,
    ) -> Result<Stmt<'static>, Opaque> {
        let iter = self.expr(env, &lp.iter)?;
        env.frames.push(Local {
            rebound: Some(rebound_in(&lp.body)),
            ..Local::default()
        });
        let target = self.target(env, &lp.target)?;
        let filter_expr = lp.filter_expr.as_ref();
        let filter_expr = filter_expr.map(|filter| self.expr(env, filter)).transpose()?;
        env.top().has_loop = true;
        let body = self.body(env, &lp.body)?;
        env.frames.pop();
        let before = env.top().clone();
        let else_body = self.body(env, &lp.else_body)?;
        env.join(&before);
        let copy = ast::ForLoop {
            target,
            iter,
            filter_expr,
            recursive: lp.recursive,
            body,
            else_body,
        };
        Ok(Stmt::ForLoop(spanned(copy, lp.span())))
    }

    fn with_block(
        &mut self,
        env: &mut Env<'a>,
        with: &'a Spanned<ast::WithBlock<'static>>,
    ) -> Result<Stmt<'static>, Opaque> {
        env.frames.push(Local::default());
        let mut assignments = Vec::with_capacity(with.assignments.len());
        for (target, value) in &with.assignments {
            let unkept = env.unkept.len();
            syntax::assigned(target, &mut env.unkept);
            let value = self.expr(env, value)?;
            env.unkept.truncate(unkept);
            assignments.push((self.target(env, target)?, value));
        }
        let body = self.body(env, &with.body)?;
        env.frames.pop();
        Ok(Stmt::WithBlock(spanned(
            ast::WithBlock { assignments, body },
            with.span(),
        )))
    }

    /// The target of a `set`, `with` or `for`, which binds names from here on.
    fn target(&mut self, env: &mut Env<'a>, target: &'a Expr<'static>) -> Result<Expr<'static>, Opaque> {
        self.expander.spend(1)?;
        Ok(match target {
            Expr::Var(var) => {
                let id = env.bind(var.id);
                Expr::Var(spanned(ast::Var { id }, var.span()))
            }
            Expr::List(list) => {
                let items = list.items.iter().map(|item| self.target(env, item));
                let items = items.collect::<Result<_, _>>()?;
                Expr::List(spanned(ast::List { items }, list.span()))
            }
            _ => return Err(Opaque),
        })
    }

    /// An expression where minijinja does not look for names that the macro needs.
    fn unseen(&mut self, env: &mut Env<'a>, expr: &'a Expr<'static>) -> Result<Expr<'static>, Opaque> {
        env.unseen += 1;
        let copy = self.expr(env, expr);
        env.unseen -= 1;
        copy
    }

    pub(super) fn expr(
        &mut self,
        env: &mut Env<'a>,
        expr: &'a Expr<'static>,
    ) -> Result<Expr<'static>, Opaque> {
        self.expander.spend(1)?;
        let span = expr.span();
        Ok(match expr {
            Expr::Var(var) => {
                let written = self.resolve(env, var.id)?.written.ok_or(Opaque)?;
                written.into_expr(span)
            }
            Expr::Const(constant) => {
                let value = constant.value.clone();
                Expr::Const(spanned(ast::Const { value }, span))
            }
            Expr::Slice(e) => {
                let copy = ast::Slice {
                    expr: self.unseen(env, &e.expr)?,
                    start: self.optional(env, e.start.as_ref())?,
                    stop: self.optional(env, e.stop.as_ref())?,
                    step: self.optional(env, e.step.as_ref())?,
                };
                Expr::Slice(spanned(copy, span))
            }
            Expr::UnaryOp(e) => {
                let op = match e.op {
                    ast::UnaryOpKind::Not => ast::UnaryOpKind::Not,
                    ast::UnaryOpKind::Neg => ast::UnaryOpKind::Neg,
                };
                let expr = self.expr(env, &e.expr)?;
                Expr::UnaryOp(spanned(ast::UnaryOp { op, expr }, span))
            }
            Expr::BinOp(e) => {
                let copy = ast::BinOp {
                    op: e.op,
                    left: self.expr(env, &e.left)?,
                    right: self.expr(env, &e.right)?,
                };
                Expr::BinOp(spanned(copy, span))
            }
            Expr::Compare(e) => {
                let first = self.expr(env, &e.expr)?;
                let mut ops = Vec::with_capacity(e.ops.len());
                for compared in &e.ops {
                    let expr = self.expr(env, &compared.expr)?;
                    ops.push(ast::CompareOp {
                        op: compared.op,
                        expr,
                    });
                }
                Expr::Compare(spanned(ast::Compare { expr: first, ops }, span))
            }
            Expr::IfExpr(e) => {
                let copy = ast::IfExpr {
                    test_expr: self.expr(env, &e.test_expr)?,
                    true_expr: self.expr(env, &e.true_expr)?,
                    false_expr: self.optional(env, e.false_expr.as_ref())?,
                };
                Expr::IfExpr(spanned(copy, span))
            }
            Expr::Filter(e) => {
                let copy = ast::Filter {
                    name: e.name,
                    expr: self.optional(env, e.expr.as_ref())?,
                    args: self.args(env, &e.args)?,
                };
                Expr::Filter(spanned(copy, span))
            }
            Expr::Test(e) => {
                let copy = ast::Test {
                    name: e.name,
                    expr: self.expr(env, &e.expr)?,
                    args: self.args(env, &e.args)?,
                };
                Expr::Test(spanned(copy, span))
            }
            Expr::GetAttr(e) => {
                let expr = self.expr(env, &e.expr)?;
                Expr::GetAttr(spanned(ast::GetAttr { expr, name: e.name }, span))
            }
            Expr::GetItem(e) => {
                let copy = ast::GetItem {
                    expr: self.expr(env, &e.expr)?,
                    subscript_expr: self.expr(env, &e.subscript_expr)?,
                };
                Expr::GetItem(spanned(copy, span))
            }
            Expr::Call(e) => {
                let copy = ast::Call {
                    expr: self.expr(env, &e.expr)?,
                    args: self.args(env, &e.args)?,
                };
                Expr::Call(spanned(copy, span))
            }
            Expr::List(e) => {
                let items = self.exprs(env, &e.items)?;
                Expr::List(spanned(ast::List { items }, span))
            }
            Expr::Tuple(e) => {
                let items = self.exprs(env, &e.items)?;
                Expr::Tuple(spanned(ast::Tuple { items }, span))
            }
            Expr::Map(e) => {
                let keys = self.exprs(env, &e.keys)?;
                let values = self.exprs(env, &e.values)?;
                Expr::Map(spanned(ast::Map { keys, values }, span))
            }
        })
    }

    fn optional(
        &mut self,
        env: &mut Env<'a>,
        expr: Option<&'a Expr<'static>>,
    ) -> Result<Option<Expr<'static>>, Opaque> {
        expr.map(|expr| self.expr(env, expr)).transpose()
    }

    fn exprs(&mut self, env: &mut Env<'a>, exprs: &'a [Expr<'static>]) -> Result<Vec<Expr<'static>>, Opaque> {
        exprs.iter().map(|expr| self.expr(env, expr)).collect()
    }

    fn args(
        &mut self,
        env: &mut Env<'a>,
        args: &'a [CallArg<'static>],
    ) -> Result<Vec<CallArg<'static>>, Opaque> {
        args.iter()
            .map(|arg| {
                Ok(match arg {
                    CallArg::Pos(e) => CallArg::Pos(self.expr(env, e)?),
                    CallArg::Kwarg(name, e) => CallArg::Kwarg(name, self.expr(env, e)?),
                    CallArg::PosSplat(e) => CallArg::PosSplat(self.expr(env, e)?),
                    CallArg::KwargSplat(e) => CallArg::KwargSplat(self.expr(env, e)?),
                })
            })
            .collect()
    }
}

pub(super) fn spanned<T>(node: T, span: Span) -> Spanned<T> {
    Spanned::new(node, span)
}

/// Every name that is bound somewhere in these statements.
pub(in super::super) fn rebound_in(statements: &[Stmt<'static>]) -> BTreeSet<&'static str> {
    let mut names = Vec::new();
    syntax::each_statement(statements, &mut |statement| {
        names.extend(syntax::defined(statement));
        match statement {
            Stmt::ForLoop(lp) => syntax::assigned(&lp.target, &mut names),
            Stmt::WithBlock(with) => {
                let targets = with.assignments.iter();
                targets.for_each(|(target, _)| syntax::assigned(target, &mut names));
            }
            _ => {}
        }
    });
    names.into_iter().collect()
}
