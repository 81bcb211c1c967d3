//! Which expressions print text for certain, and never a safe string with markup in it.

use minijinja::Value;

use super::machinery::ast::{CallArg, CallType, Expr, Filter, UnaryOpKind};
use super::reads::{Meaning, Names};
use super::syntax;

impl Names<'_> {
    /// Whether what an expression prints is text: never a safe string with markup in it.
    pub(super) fn is_plain(&self, expr: &Expr<'static>) -> bool {
        self.escapes() && self.gives_text(expr)
    }

    fn gives_text(&self, expr: &Expr<'static>) -> bool {
        match expr {
            Expr::Var(var) => self.is_plain_name(var.id),
            Expr::Const(constant) => !constant.value.is_safe(),
            // They are true or false.
            Expr::Compare(_) | Expr::Test(_) => true,
            Expr::UnaryOp(unary) if matches!(unary.op, UnaryOpKind::Not) => true,
            Expr::IfExpr(choice) => {
                self.gives_text(&choice.true_expr)
                    && choice
                        .false_expr
                        .as_ref()
                        .is_none_or(|otherwise| self.gives_text(otherwise))
            }
            // Parts of what is text are text, whichever they are.
            Expr::GetAttr(attr) => self.gives_text(&attr.expr),
            Expr::GetItem(item) => self.gives_text(&item.expr),
            Expr::Slice(slice) => self.gives_text(&slice.expr),
            Expr::Filter(filter) => self.filter_gives_text(filter, expr),
            Expr::Call(call) => match call.identify_call() {
                CallType::Function(name) => {
                    self.meaning(name).is_none()
                        && PLAIN_FUNCTIONS.contains(&name)
                        && self.operands_are_text(expr, 1)
                }
                CallType::Method(Expr::Var(var), "cycle") => {
                    matches!(self.meaning(var.id), Some(Meaning::Counter(_)) | None)
                        && self.operands_are_text(expr, 1)
                }
                _ => false,
            },
            _ => self.operands_are_text(expr, 0),
        }
    }

    fn filter_gives_text(&self, filter: &Filter<'static>, expr: &Expr<'static>) -> bool {
        if MEASURING_FILTERS.contains(&filter.name) {
            return true;
        }
        let is_known = if filter.name == "map" {
            let applied = filter.args.iter().find_map(|arg| match arg {
                CallArg::Pos(name) => Some(syntax::constant_name(name)),
                _ => None,
            });
            // `map(attribute='name')` applies no filter.
            applied.is_none_or(|name| {
                name.is_some_and(|name| MEASURING_FILTERS.contains(&name) || PLAIN_FILTERS.contains(&name))
            })
        } else {
            PLAIN_FILTERS.contains(&filter.name)
        };
        is_known && self.operands_are_text(expr, 0)
    }

    fn operands_are_text(&self, expr: &Expr<'static>, skipped: usize) -> bool {
        syntax::operands(expr)
            .into_iter()
            .skip(skipped)
            .all(|operand| self.gives_text(operand))
    }

    pub(super) fn is_plain_name(&self, name: &'static str) -> bool {
        match self.meaning(name) {
            Some(Meaning::Local { plain, .. } | Meaning::Item { plain, .. }) => *plain,
            Some(Meaning::Counter(_)) => true,
            Some(Meaning::Macro { .. }) => false,
            None => self.is_plain_global(name),
        }
    }

    fn is_plain_global(&self, name: &str) -> bool {
        fn plain(value: &Value) -> bool {
            !value.is_safe() && value.as_object().is_none()
        }
        self.env()
            .globals()
            .find(|(known, _)| *known == name)
            .is_none_or(|(_, value)| plain(&value))
    }
}

/// Built-in filters that return a number, true or false, or text of their own, whatever they are given.
const MEASURING_FILTERS: &[&str] = &[
    "abs",
    "bool",
    "count",
    "float",
    "int",
    "length",
    "pprint",
    "round",
    "tojson",
    "urlencode",
];

/// Built-in filters that return text, or safe strings without markup, for arguments that are text.
const PLAIN_FILTERS: &[&str] = &[
    "attr",
    "batch",
    "capitalize",
    "chain",
    "d",
    "default",
    "dictsort",
    "e",
    "escape",
    "first",
    "format",
    "groupby",
    "indent",
    "items",
    "join",
    "last",
    "lines",
    "list",
    "lower",
    "max",
    "min",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "trim",
    "unique",
    "upper",
    "zip",
];

/// Built-in functions that return text for arguments that are text.
const PLAIN_FUNCTIONS: &[&str] = &["range", "dict", "namespace"];
