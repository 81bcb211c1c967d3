//! Turns nodes into code that prints what minijinja would print for them.

use super::machinery::Writer;
use super::machinery::ast::{CallType, Expr, Stmt};
use super::node::{For, Node, emitted};
use super::syntax;

/// Writes the nodes as minijinja compiles them, with our guards.
pub(super) fn write_nodes(writer: &mut Writer, nodes: &[Node<'_>]) {
    nodes.iter().for_each(|node| write_node(writer, node));
}

pub(super) fn write_node(writer: &mut Writer, node: &Node<'_>) {
    match node {
        Node::Raw(text) => writer.raw(text),
        Node::Emit(statement) | Node::Define(statement) | Node::Native(statement) | Node::Jump(statement) => {
            writer.statement(statement);
            // minijinja leaves on the stack what the call returned.
            if let Stmt::Do(_) = statement {
                writer.discard();
            }
        }
        Node::Guarded(filter, statement) => {
            let emit = emitted(statement);
            writer.expression(&emit.expr);
            writer.filter(filter);
            writer.emit(emit.span());
        }
        Node::Captured(filter, nodes) => {
            writer.begin_capture();
            write_nodes(writer, nodes);
            writer.end_capture();
            writer.filter(filter);
            writer.emit_here();
        }
        Node::If(branch) => {
            for (condition, body) in &branch.arms {
                writer.expression(condition);
                writer.start_if();
                write_nodes(writer, body);
                writer.start_else();
            }
            write_nodes(writer, &branch.otherwise);
            branch.arms.iter().for_each(|_| writer.end_if());
        }
        Node::For(lp) => write_loop(writer, lp),
        Node::Enter(assignments) => {
            writer.enter();
            for (target, value) in *assignments {
                writer.expression(value);
                writer.assignment(target);
            }
        }
        Node::Leave => writer.leave(),
        Node::Capture(set, body) => {
            writer.begin_capture();
            write_nodes(writer, body);
            writer.end_capture();
            // The filter of a set block stands over the captured text, which is on the stack.
            if let Some(filter) = &set.filter {
                writer.expression(filter);
            }
            writer.assignment(&set.target);
        }
        Node::AutoEscape(block, body) => {
            writer.expression(&block.enabled);
            writer.push_auto_escape();
            write_nodes(writer, body);
            writer.pop_auto_escape();
        }
        Node::Filter(block, body) => {
            writer.begin_capture();
            write_nodes(writer, body);
            writer.end_capture();
            writer.expression(&block.filter);
            writer.emit(block.filter_span);
        }
    }
}

fn write_loop(writer: &mut Writer, lp: &For<'_>) {
    write_items(writer, lp);
    writer.start_for(true, lp.syntax.recursive);
    writer.assignment(&lp.syntax.target);
    write_nodes(writer, &lp.body);
    writer.end_for(!lp.otherwise.is_empty());
    if !lp.otherwise.is_empty() {
        writer.start_if();
        write_nodes(writer, &lp.otherwise);
        writer.end_if();
    }
}

/// Leaves on the stack what the loop runs over: those items that its filter lets through.
pub(super) fn write_items(writer: &mut Writer, lp: &For<'_>) {
    let Some(filter) = &lp.syntax.filter_expr else {
        writer.expression(&lp.syntax.iter);
        return;
    };
    writer.constant(0usize);
    writer.expression(&lp.syntax.iter);
    writer.start_for(false, false);
    writer.duplicate();
    writer.assignment(&lp.syntax.target);
    writer.expression(filter);
    writer.start_if();
    writer.count_value();
    writer.start_else();
    writer.discard();
    writer.end_if();
    writer.end_for(false);
    writer.counted_list();
}

/// Whether the `loop` variable of a loop is used otherwise than by its attributes and `cycle`.
pub(super) fn loop_variable_escapes(lp: &For<'_>) -> bool {
    let mut escapes = false;
    for node in lp.body.iter() {
        node.walk(&mut |inside| {
            let mut check = |expr: &Expr<'static>| escapes |= uses_loop_as_value(expr);
            match inside {
                Node::Emit(statement) | Node::Guarded(_, statement) => check(&emitted(statement).expr),
                Node::Define(statement) | Node::Native(statement) => {
                    // Code that runs elsewhere can reach the variable by its name alone.
                    let mut found = false;
                    syntax::each_expression_in(std::slice::from_ref(*statement), &mut |expr| {
                        found |= uses_loop_as_value(expr);
                    });
                    escapes |= found || matches!(statement, Stmt::Include(_));
                }
                Node::If(branch) => branch.arms.iter().for_each(|(condition, _)| check(condition)),
                Node::For(inner) => {
                    check(&inner.syntax.iter);
                    inner.syntax.filter_expr.iter().for_each(&mut check);
                }
                Node::Enter(assignments) => assignments.iter().for_each(|(_, value)| check(value)),
                Node::Filter(block, _) => check(&block.filter),
                Node::AutoEscape(block, _) => check(&block.enabled),
                _ => {}
            }
        });
    }
    escapes
}

fn uses_loop_as_value(expr: &Expr<'static>) -> bool {
    match expr {
        Expr::Var(var) => var.id == "loop",
        Expr::GetAttr(attr) if matches!(&attr.expr, Expr::Var(var) if var.id == "loop") => {
            !COUNTER_ATTRIBUTES.contains(&attr.name)
        }
        Expr::Call(call) => {
            let allowed = match call.identify_call() {
                CallType::Method(Expr::Var(var), name) if var.id == "loop" => name == "cycle",
                CallType::Function("loop") => false,
                _ => {
                    return syntax::operands(expr).into_iter().any(uses_loop_as_value);
                }
            };
            !allowed || syntax::operands(expr).into_iter().skip(1).any(uses_loop_as_value)
        }
        _ => syntax::operands(expr).into_iter().any(uses_loop_as_value),
    }
}

/// The attributes of `loop` that rows can be given without running the loop.
pub(super) const COUNTER_ATTRIBUTES: &[&str] = &[
    "index",
    "index0",
    "revindex",
    "revindex0",
    "first",
    "last",
    "length",
    "depth",
    "depth0",
    "previtem",
    "nextitem",
];
