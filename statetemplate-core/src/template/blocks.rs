//! Blocks that are called inside of expressions: `{{ super()|upper }}`, `{% if self.title() %}`.
//!
//! A call that is a statement by itself is written out in place. Inside of an expression it stays a call, and the
//! programs hold the block's code. minijinja finds the block that `super()` means by the block that is running; a
//! program of ours may run a part of that block alone, so there the call is one of a function of our own, which prints
//! the block that is meant ([`register`]).

use std::collections::BTreeMap;

use minijinja::{AutoEscape, Environment, State, Value};

use super::machinery::ast::{CallType, Expr, Stmt};
use super::machinery::intern;
use super::node::{Node, Nodes};
use super::source::{Current, Resolver, Source};
use super::syntax;

/// The blocks that expressions of a page call, by the names that programs hold them under.
pub(super) type Called<'a> = BTreeMap<&'static str, Nodes<'a>>;

/// What the block that `super()` means is called.
fn super_name(block: &str, depth: usize) -> &'static str {
    intern(&format!("\0super {depth} {block}"))
}

/// Gives the environment of a plan the functions that print what `super()` means.
pub(super) fn register(env: &mut Environment<'static>, names: impl IntoIterator<Item = &'static str>) {
    for name in names.into_iter().filter(|name| name.starts_with('\0')) {
        env.add_function(
            name,
            move |state: &mut State| -> Result<Value, minijinja::Error> {
                let text = state.render_block(name)?;
                Ok(if *state.auto_escape() == AutoEscape::None {
                    Value::from(text)
                } else {
                    Value::from_safe_string(text)
                })
            },
        );
    }
}

/// Whether `super()` or `self.block()` stands anywhere in an expression.
pub(super) fn are_called(expr: &Expr<'static>) -> bool {
    let mut found = Vec::new();
    calls(expr, &mut found);
    !found.is_empty()
}

/// The blocks that an expression calls, by name; `None` for `super()`.
fn calls<'e>(expr: &'e Expr<'static>, found: &mut Vec<Option<&'e str>>) {
    syntax::each_expression(expr, &mut |part| {
        if let Expr::Call(call) = part {
            match call.identify_call() {
                CallType::Function("super") => found.push(None),
                CallType::Block(name) => found.push(Some(name)),
                _ => {}
            }
        }
    });
}

impl<'a> Resolver<'a> {
    /// Prepares the blocks that a statement's own expressions call.
    ///
    /// # Errors
    /// Says why the page can only be rendered as a whole.
    pub(super) fn prepare_calls(
        &mut self,
        source: &'a Source,
        statement: &'a Stmt<'static>,
        current: Current,
        out: &mut Vec<Node<'a>>,
    ) -> Result<(), String> {
        let mut found = Vec::new();
        match statement {
            Stmt::EmitExpr(emit) if syntax::block_call(&emit.expr).is_some() => {}
            Stmt::IfCond(first) => {
                calls(&first.expr, &mut found);
                let mut rest: &'a [Stmt<'static>] = &first.false_body;
                while let [Stmt::IfCond(next)] = rest {
                    calls(&next.expr, &mut found);
                    rest = &next.false_body;
                }
            }
            Stmt::Macro(_) | Stmt::CallBlock(_) | Stmt::Do(_) | Stmt::Include(_) => {
                syntax::each_expression_in(std::slice::from_ref(statement), &mut |expr| {
                    calls(expr, &mut found);
                });
                if !found.is_empty() {
                    return Err(format!(
                        "{:?} calls a block in a macro, call, do or include statement",
                        source.name
                    ));
                }
            }
            _ => {
                let (exprs, _) = syntax::parts(statement);
                exprs.into_iter().for_each(|expr| calls(expr, &mut found));
            }
        }
        for name in found {
            let (key, block, depth) = match name {
                Some(name) => (intern(name), intern(name), 0),
                None => {
                    let (name, depth) = current.ok_or("super() stands outside of a block")?;
                    (super_name(name, depth + 1), name, depth + 1)
                }
            };
            self.call(source, key, block, depth)?;
            if name.is_none() && self.super_here != Some(key) {
                self.super_here = Some(key);
                out.push(Node::Super(key));
            }
        }
        Ok(())
    }

    fn call(
        &mut self,
        source: &Source,
        key: &'static str,
        block: &'static str,
        depth: usize,
    ) -> Result<(), String> {
        if self.escape != self.page_escape {
            return Err(format!(
                "{:?} calls a block where values are escaped otherwise than in the page",
                source.name
            ));
        }
        if self.called.contains_key(key) {
            return Ok(());
        }
        self.called.insert(key, Vec::new().into());
        let here = self.super_here.take();
        let mut nodes = Vec::new();
        self.block(block, depth, &mut nodes)?;
        self.super_here = here;
        self.called.insert(key, nodes.into());
        Ok(())
    }
}
