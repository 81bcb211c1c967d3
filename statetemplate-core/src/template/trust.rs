//! Every place of a page's templates that trusts its data to be HTML, for people who look for holes.

use std::collections::BTreeSet;

use super::machinery::ast::{Block, Expr, Stmt};
use super::origin::{Origin, text_of};
use super::source::{Source, Sources};
use super::syntax;

/// The places that trust, in the order of files and lines, each with the expression as it is written.
///
/// A block that `is_reached` does not know is overridden, and left out.
pub(super) fn places(
    sources: &Sources,
    is_reached: &dyn Fn(&Block<'static>) -> bool,
) -> Vec<(Origin, String)> {
    let mut found = BTreeSet::new();
    for source in sources.iter() {
        statements(source, source.statements(), false, is_reached, &mut found);
    }
    found.into_iter().collect()
}

/// `raw`: values are printed as they are here.
fn statements(
    source: &Source,
    statements_here: &[Stmt<'static>],
    raw: bool,
    is_reached: &dyn Fn(&Block<'static>) -> bool,
    found: &mut BTreeSet<(Origin, String)>,
) {
    for statement in statements_here {
        if matches!(statement, Stmt::Block(block) if !is_reached(block)) {
            continue;
        }
        let (exprs, insides) = syntax::parts(statement);
        for expr in exprs {
            let prints = raw && matches!(statement, Stmt::EmitExpr(_));
            if prints || trusts(expr) {
                note(source, expr, prints, found);
            }
        }
        let raw = match statement {
            Stmt::AutoEscape(block) => !escapes(&block.enabled, raw),
            _ => raw,
        };
        insides
            .into_iter()
            .for_each(|inside| statements(source, inside, raw, is_reached, found));
    }
}

fn note(source: &Source, expr: &Expr<'static>, unescaped: bool, found: &mut BTreeSet<(Origin, String)>) {
    let line = expr.span().start_line.into();
    let mut text = text_of(source, expr).unwrap_or_default();
    if unescaped {
        text.push_str("   (in an autoescape block that escapes nothing)");
    }
    found.insert((
        Origin {
            file: source.name,
            line,
        },
        text,
    ));
}

/// Whether `|safe` stands anywhere in an expression.
fn trusts(expr: &Expr<'static>) -> bool {
    let mut found = false;
    syntax::each_expression(expr, &mut |inside| {
        found |= matches!(inside, Expr::Filter(filter) if filter.name == "safe");
    });
    found
}

/// Whether an `autoescape` block's argument makes values harmless; what is not known counts as harmless, since such
/// a block is opaque and listed as that.
fn escapes(argument: &Expr<'static>, raw_outside: bool) -> bool {
    match argument.as_const() {
        Some(value) => value.as_str().map_or(value.is_true(), |name| name != "none"),
        None => !raw_outside,
    }
}
