//! Questions about minijinja's syntax tree: what an expression reads, what a statement names.

use std::collections::BTreeSet;

use super::machinery::ast::{self, CallArg, CallType, Expr, Stmt};
use super::source::{Source, Sources};

/// The expressions directly inside an expression.
pub(super) fn operands<'e>(expr: &'e Expr<'static>) -> Vec<&'e Expr<'static>> {
    fn arguments<'e>(args: &'e [CallArg<'static>], out: &mut Vec<&'e Expr<'static>>) {
        for arg in args {
            match arg {
                CallArg::Pos(e) | CallArg::Kwarg(_, e) | CallArg::PosSplat(e) | CallArg::KwargSplat(e) => {
                    out.push(e);
                }
            }
        }
    }
    let mut out = Vec::new();
    match expr {
        Expr::Var(_) | Expr::Const(_) => {}
        Expr::Slice(e) => {
            out.push(&e.expr);
            out.extend(e.start.iter().chain(&e.stop).chain(&e.step));
        }
        Expr::UnaryOp(e) => out.push(&e.expr),
        Expr::BinOp(e) => out.extend([&e.left, &e.right]),
        Expr::Compare(e) => {
            out.push(&e.expr);
            out.extend(e.ops.iter().map(|op| &op.expr));
        }
        Expr::IfExpr(e) => {
            out.extend([&e.test_expr, &e.true_expr]);
            out.extend(&e.false_expr);
        }
        Expr::Filter(e) => {
            out.extend(&e.expr);
            arguments(&e.args, &mut out);
        }
        Expr::Test(e) => {
            out.push(&e.expr);
            arguments(&e.args, &mut out);
        }
        Expr::GetAttr(e) => out.push(&e.expr),
        Expr::GetItem(e) => out.extend([&e.expr, &e.subscript_expr]),
        Expr::Call(e) => {
            out.push(&e.expr);
            arguments(&e.args, &mut out);
        }
        Expr::List(e) => out.extend(&e.items),
        Expr::Tuple(e) => out.extend(&e.items),
        Expr::Map(e) => out.extend(e.keys.iter().chain(&e.values)),
    }
    out
}

/// Calls `visit` for an expression and each one inside it.
pub(super) fn each_expression<'e>(expr: &'e Expr<'static>, visit: &mut dyn FnMut(&'e Expr<'static>)) {
    visit(expr);
    for operand in operands(expr) {
        each_expression(operand, visit);
    }
}

/// A text that is equal for equal expressions, wherever they stand.
pub(super) fn wording(expr: &Expr<'static>) -> String {
    // The debug form of the tree, without the places in the source (` @ 1:2-1:5`) that stand outside of its strings.
    let debug = format!("{expr:?}");
    let mut out = String::with_capacity(debug.len());
    let mut quoted = false;
    let mut rest = debug.as_str();
    while let Some(c) = rest.chars().next() {
        if quoted && c == '\\' {
            let end = rest.char_indices().nth(2).map_or(rest.len(), |(at, _)| at);
            out.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        }
        if c == '"' {
            quoted = !quoted;
        }
        if !quoted && let Some(place) = rest.strip_prefix(" @ ") {
            rest = place.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':' || c == '-');
            continue;
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// What a statement consists of: its own expressions, and the statements inside it.
pub(super) fn parts<'e>(statement: &'e Stmt<'static>) -> (Vec<&'e Expr<'static>>, Vec<&'e [Stmt<'static>]>) {
    fn call<'e>(call: &'e ast::Call<'static>) -> Vec<&'e Expr<'static>> {
        let mut out = vec![&call.expr];
        for arg in &call.args {
            match arg {
                CallArg::Pos(e) | CallArg::Kwarg(_, e) | CallArg::PosSplat(e) | CallArg::KwargSplat(e) => {
                    out.push(e);
                }
            }
        }
        out
    }
    match statement {
        Stmt::Template(s) => (vec![], vec![&s.children]),
        Stmt::EmitExpr(s) => (vec![&s.expr], vec![]),
        Stmt::EmitRaw(_) | Stmt::Continue(_) | Stmt::Break(_) => (vec![], vec![]),
        Stmt::ForLoop(s) => {
            let mut exprs = vec![&s.iter];
            exprs.extend(&s.filter_expr);
            (exprs, vec![&s.body, &s.else_body])
        }
        Stmt::IfCond(s) => (vec![&s.expr], vec![&s.true_body, &s.false_body]),
        Stmt::WithBlock(s) => (
            s.assignments.iter().map(|(_, value)| value).collect(),
            vec![&s.body],
        ),
        Stmt::Set(s) => {
            let mut exprs = vec![&s.expr];
            // `set ns.x = …` reads `ns`.
            if !matches!(s.target, Expr::Var(_) | Expr::List(_)) {
                exprs.push(&s.target);
            }
            (exprs, vec![])
        }
        Stmt::SetBlock(s) => (s.filter.iter().collect(), vec![&s.body]),
        Stmt::AutoEscape(s) => (vec![&s.enabled], vec![&s.body]),
        Stmt::FilterBlock(s) => (vec![&s.filter], vec![&s.body]),
        Stmt::Block(s) => (vec![], vec![&s.body]),
        Stmt::Import(s) => (vec![&s.expr], vec![]),
        Stmt::FromImport(s) => (vec![&s.expr], vec![]),
        Stmt::Extends(s) => (vec![&s.name], vec![]),
        Stmt::Include(s) => (vec![&s.name], vec![]),
        Stmt::Macro(s) => (s.defaults.iter().collect(), vec![&s.body]),
        Stmt::CallBlock(s) => {
            let mut exprs = call(&s.call);
            exprs.extend(&s.macro_decl.defaults);
            (exprs, vec![&s.macro_decl.body])
        }
        Stmt::Do(s) => (call(&s.call), vec![]),
    }
}

/// Calls `visit` for each statement of a list and each one inside them.
pub(super) fn each_statement<'e>(statements: &'e [Stmt<'static>], visit: &mut dyn FnMut(&'e Stmt<'static>)) {
    for statement in statements {
        visit(statement);
        for inside in parts(statement).1 {
            each_statement(inside, visit);
        }
    }
}

/// Whether macros are defined, or blocks passed to them, anywhere in these statements.
pub(super) fn has_macros(statements: &[Stmt<'static>]) -> bool {
    let mut found = false;
    each_statement(statements, &mut |statement| {
        found |= matches!(statement, Stmt::Macro(_) | Stmt::CallBlock(_));
    });
    found
}

/// Calls `visit` for each expression in a list of statements.
pub(super) fn each_expression_in<'e>(
    statements: &'e [Stmt<'static>],
    visit: &mut dyn FnMut(&'e Expr<'static>),
) {
    each_statement(statements, &mut |statement| {
        for expr in parts(statement).0 {
            each_expression(expr, visit);
        }
    });
}

/// The names that the target of a `set`, `with` or `for` assigns.
pub(super) fn assigned(target: &Expr<'static>, out: &mut Vec<&'static str>) {
    match target {
        Expr::Var(var) => out.push(var.id),
        Expr::List(list) => list.items.iter().for_each(|item| assigned(item, out)),
        Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| assigned(item, out)),
        // `set ns.x = …` changes the namespace, whoever holds it.
        Expr::GetAttr(attr) => assigned(&attr.expr, out),
        _ => {}
    }
}

/// The names that a statement defines for those after it.
pub(super) fn defined(statement: &Stmt<'static>) -> Vec<&'static str> {
    let mut names = Vec::new();
    match statement {
        Stmt::Set(set) => assigned(&set.target, &mut names),
        Stmt::SetBlock(set) => assigned(&set.target, &mut names),
        Stmt::Macro(decl) => names.push(decl.name),
        Stmt::Import(import) => assigned(&import.name, &mut names),
        Stmt::FromImport(import) => {
            for (name, alias) in &import.names {
                assigned(alias.as_ref().unwrap_or(name), &mut names);
            }
        }
        _ => {}
    }
    names
}

pub(super) enum BlockCall {
    Super,
    Block(&'static str),
}

/// Whether an emitted expression is exactly `super()` or `self.block()`.
pub(super) fn block_call(expr: &Expr<'static>) -> Option<BlockCall> {
    let Expr::Call(call) = expr else { return None };
    match call.identify_call() {
        CallType::Function("super") if call.args.is_empty() => Some(BlockCall::Super),
        CallType::Block(name) if call.args.is_empty() => Some(BlockCall::Block(name)),
        _ => None,
    }
}

/// The blocks that a template declares, wherever they stand.
pub(super) fn blocks<'e>(statements: &'e [Stmt<'static>]) -> Vec<&'e ast::Spanned<ast::Block<'static>>> {
    let mut found = Vec::new();
    each_statement(statements, &mut |statement| {
        if let Stmt::Block(block) = statement {
            found.push(block);
        }
    });
    found
}

/// Whether a template takes part in inheritance.
pub(super) fn has_blocks(statements: &[Stmt<'static>]) -> bool {
    let mut found = false;
    each_statement(statements, &mut |s| {
        found |= matches!(s, Stmt::Block(_) | Stmt::Extends(_));
    });
    found
}

/// Whether an `extends` stands inside another statement.
pub(super) fn extends_inside(statements: &[Stmt<'static>]) -> bool {
    let mut found = false;
    each_statement(statements, &mut |s| found |= matches!(s, Stmt::Extends(_)));
    found
}

/// The texts that an expression may print, when they are all written in the template.
pub(super) fn constant_texts<'e>(expr: &'e Expr<'static>) -> Option<Vec<&'e str>> {
    match expr {
        Expr::Const(constant) => Some(vec![constant.value.as_str()?]),
        Expr::IfExpr(choice) => {
            let mut texts = constant_texts(&choice.true_expr)?;
            if let Some(other) = &choice.false_expr {
                texts.extend(constant_texts(other)?);
            }
            Some(texts)
        }
        _ => None,
    }
}

/// The name in an `extends` or `import`, if it is constant.
pub(super) fn constant_name<'e>(expr: &'e Expr<'static>) -> Option<&'e str> {
    match expr {
        Expr::Const(constant) => constant.value.as_str(),
        _ => None,
    }
}

/// The names in an `include`, if they are constant: one, or a list of which the first that exists counts.
pub(super) fn constant_names<'e>(expr: &'e Expr<'static>) -> Option<Vec<&'e str>> {
    match expr {
        Expr::Const(_) => Some(vec![constant_name(expr)?]),
        Expr::List(list) => list.items.iter().map(constant_name).collect(),
        Expr::Tuple(tuple) => tuple.items.iter().map(constant_name).collect(),
        _ => None,
    }
}

/// The names in the includes of a template.
pub(super) fn included_names<'e>(statements: &'e [Stmt<'static>]) -> Vec<&'e str> {
    let mut names = Vec::new();
    each_statement(statements, &mut |statement| {
        if let Stmt::Include(include) = statement {
            names.extend(constant_names(&include.name).unwrap_or_default());
        }
    });
    names
}

/// Every constant template name in a template.
pub(super) fn named_templates(tree: &Stmt<'static>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    each_statement(std::slice::from_ref(tree), &mut |statement| {
        let found = match statement {
            Stmt::Extends(s) => constant_name(&s.name).into_iter().collect(),
            Stmt::Import(s) => constant_name(&s.expr).into_iter().collect(),
            Stmt::FromImport(s) => constant_name(&s.expr).into_iter().collect(),
            Stmt::Include(s) => constant_names(&s.name).unwrap_or_default(),
            _ => vec![],
        };
        names.extend(found.into_iter().map(str::to_owned));
    });
    names
}

/// Whether a template includes itself, directly or through others.
pub(super) fn includes_itself(sources: &Sources, source: &Source) -> bool {
    let mut seen = BTreeSet::new();
    let mut next = sources.includes(source);
    while let Some(included) = next.pop() {
        if included.name == source.name {
            return true;
        }
        if seen.insert(included.name) {
            next.extend(sources.includes(included));
        }
    }
    false
}
