//! Expressions of a page's templates that people should know of: those that trust their data to be HTML, and those that
//! were declared impure.

use std::collections::BTreeSet;

use minijinja::AutoEscape;

use super::PlanOptions;
use super::machinery::ast::{Block, CallType, Expr, Stmt};
use super::origin::{Origin, text_of};
use super::source::{Source, Sources};
use super::syntax;

/// Places in the order of files and lines, each with the expression as it is written.
pub(super) type Places = Vec<(Origin, String)>;

/// Every place that trusts its data to be HTML: by `|safe`, or in a block that escapes nothing.
///
/// A block that `is_reached` does not know is overridden, and left out.
pub(super) fn places(sources: &Sources, is_reached: &dyn Fn(&Block<'static>) -> bool) -> Places {
    search(sources, is_reached, &|expr, printed_raw| {
        let safe = |part: &Expr<'static>| matches!(part, Expr::Filter(filter) if filter.name == "safe");
        if printed_raw {
            Some("   (nothing is escaped here)")
        } else {
            any(expr, &safe).then_some("")
        }
    })
}

/// Every place that calls what was declared impure.
pub(super) fn impure(
    sources: &Sources,
    options: &PlanOptions,
    is_reached: &dyn Fn(&Block<'static>) -> bool,
) -> Places {
    let calls = |part: &Expr<'static>| match part {
        Expr::Filter(filter) => options.is_impure(filter.name),
        Expr::Test(test) => options.is_impure(test.name),
        Expr::Call(call) => {
            matches!(call.identify_call(), CallType::Function(name) if options.is_impure(name))
        }
        Expr::Const(_) => syntax::constant_name(part).is_some_and(|name| options.is_impure(name)),
        _ => false,
    };
    search(sources, is_reached, &|expr, _| any(expr, &calls).then_some(""))
}

fn any(expr: &Expr<'static>, wanted: &dyn Fn(&Expr<'static>) -> bool) -> bool {
    let mut found = false;
    syntax::each_expression(expr, &mut |part| found |= wanted(part));
    found
}

/// What to add to an expression that is wanted; it is told whether the expression is printed as it is.
type Wanted<'w> = dyn Fn(&Expr<'static>, bool) -> Option<&'static str> + 'w;

fn search(sources: &Sources, is_reached: &dyn Fn(&Block<'static>) -> bool, wanted: &Wanted<'_>) -> Places {
    let mut search = Search {
        is_reached,
        wanted,
        found: BTreeSet::new(),
    };
    for source in sources.iter() {
        search.statements(source, source.statements(), source.escape == AutoEscape::None);
    }
    search.found.into_iter().collect()
}

struct Search<'s> {
    is_reached: &'s dyn Fn(&Block<'static>) -> bool,
    wanted: &'s Wanted<'s>,
    found: BTreeSet<(Origin, String)>,
}

impl Search<'_> {
    /// `raw`: values are printed as they are here.
    fn statements(&mut self, source: &Source, statements: &[Stmt<'static>], raw: bool) {
        for statement in statements {
            if matches!(statement, Stmt::Block(block) if !(self.is_reached)(block)) {
                continue;
            }
            let (exprs, insides) = syntax::parts(statement);
            for expr in exprs {
                let printed_raw = raw && matches!(statement, Stmt::EmitExpr(_));
                if let Some(note) = (self.wanted)(expr, printed_raw) {
                    let origin = Origin {
                        file: source.name,
                        line: expr.span().start_line.into(),
                    };
                    let text = text_of(source, expr).unwrap_or_default();
                    self.found.insert((origin, text + note));
                }
            }
            let raw = match statement {
                Stmt::AutoEscape(block) => prints_raw(&block.enabled).unwrap_or(raw),
                _ => raw,
            };
            for inside in insides {
                self.statements(source, inside, raw);
            }
        }
    }
}

/// Whether an `autoescape` block with this argument escapes nothing; `None` where that is not known: such a block is
/// opaque, and listed as that.
fn prints_raw(argument: &Expr<'static>) -> Option<bool> {
    let value = argument.as_const()?;
    Some(value.as_str().map_or(!value.is_true(), |name| name == "none"))
}
