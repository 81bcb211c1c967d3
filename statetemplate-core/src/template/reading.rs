//! Values that are read from the data as it is, without running a program: paths, conditions between texts, numbers
//! with a fixed number of places, lengths, and these guarded for where they stand.
//!
//! A path that leads nowhere, or to what is not printed as one text, gives no answer: what happens then is minijinja's
//! to say.

use std::fmt::Write as _;

use minijinja::formatting::{self, FormatStyle};
use minijinja::{HtmlEscape, Value};
use smol_str::{SmolStr, SmolStrBuilder, ToSmolStr as _};

use super::condition::{Condition, Found, Lookup, Operand};
use super::draft::HoleKind;
use super::escape::{self, TextGuard};
use super::machinery::ast::{CallArg, Expr, Filter};
use super::machinery::intern;
use super::node::{Node, emitted};
use super::reads::Names;
use super::text;

/// How the text of a hole is read.
#[derive(Debug, Clone)]
pub(crate) enum Reading {
    /// The template's own: as it prints it, and as the document holds it.
    Static {
        html: &'static str,
        text: &'static str,
    },
    Of(Operand),
    /// The first of which the condition holds, or what is otherwise.
    Choice(Vec<(Condition, Vec<Reading>)>, Vec<Reading>),
    /// `before`, a number with so many places after the point, `after`.
    Fixed {
        before: &'static str,
        precision: usize,
        after: &'static str,
        number: Operand,
    },
    /// The values in the style of `printf`.
    Format(&'static str, Vec<Operand>),
    Length(Operand),
    Guarded(TextGuard, Box<Reading>),
}

impl Reading {
    /// How a hole of these nodes can be read; nothing where a program has to run.
    pub(super) fn of(nodes: &[Node<'_>], kind: HoleKind, names: &Names<'_>) -> Option<Vec<Reading>> {
        match kind {
            HoleKind::Text if !(names.escapes() && names.shortcuts().formatter) => None,
            HoleKind::Text | HoleKind::Raw | HoleKind::Tag { .. } => {
                let readings = nodes.iter().map(|node| Reading::of_node(node, kind, names));
                readings.collect()
            }
            HoleKind::Branch | HoleKind::List => None,
        }
    }

    fn of_node(node: &Node<'_>, kind: HoleKind, names: &Names<'_>) -> Option<Reading> {
        match node {
            Node::Raw(html) if kind != HoleKind::Text => Some(Reading::Static { html, text: html }),
            // References that end in what comes next are left to who sees all of it.
            Node::Raw(html) => {
                (text::is_plain(html) && !text::is_open_ended(html)).then(|| Reading::Static {
                    html,
                    text: intern(&text::unescape(html)),
                })
            }
            Node::If(branch) => {
                let of = |nodes: &[Node<'_>]| Reading::of(nodes, kind, names);
                let arms = branch
                    .arms
                    .iter()
                    .map(|(condition, body)| Some((Condition::of(condition, names)?, of(body)?)));
                Some(Reading::Choice(
                    arms.collect::<Option<_>>()?,
                    of(&branch.otherwise)?,
                ))
            }
            Node::Emit(statement) if kind == HoleKind::Text => {
                Reading::of_expression(&emitted(statement).expr, names)
            }
            Node::Guarded(filter, statement) if kind == HoleKind::Text => {
                let inner = Reading::of_expression(&emitted(statement).expr, names)?;
                Some(Reading::Guarded(escape::text_guard(filter)?, Box::new(inner)))
            }
            _ => None,
        }
    }

    fn of_expression(expr: &Expr<'static>, names: &Names<'_>) -> Option<Reading> {
        match expr {
            Expr::IfExpr(choice) => {
                let condition = Condition::of(&choice.test_expr, names)?;
                let shown = Reading::of_expression(&choice.true_expr, names)?;
                let otherwise = match &choice.false_expr {
                    Some(expr) => vec![Reading::of_expression(expr, names)?],
                    None => Vec::new(),
                };
                Some(Reading::Choice(vec![(condition, vec![shown])], otherwise))
            }
            Expr::Filter(filter) => Reading::of_filter(filter, names),
            _ => Operand::of(expr, names).map(Reading::Of),
        }
    }

    fn of_filter(filter: &Filter<'static>, names: &Names<'_>) -> Option<Reading> {
        let known = names.shortcuts();
        let value = filter.expr.as_ref()?;
        let arguments = filter.args.iter().map(|argument| match argument {
            CallArg::Pos(expr) => Operand::of(expr, names),
            _ => None,
        });
        let mut arguments: Vec<Operand> = arguments.collect::<Option<_>>()?;
        match (filter.name, value) {
            ("format", Expr::Const(style)) if known.format && !style.value.is_safe() => {
                let style = intern(style.value.as_str()?);
                match (fixed(style), arguments.len()) {
                    (Some((before, precision, after)), 1) => Some(Reading::Fixed {
                        before,
                        precision,
                        after,
                        number: arguments.remove(0),
                    }),
                    _ => Some(Reading::Format(style, arguments)),
                }
            }
            ("length" | "count", _) if known.length && arguments.is_empty() => {
                Operand::of(value, names).map(Reading::Length)
            }
            // What is found is there, so the default is not asked for.
            ("default" | "d", _) if known.default && arguments.len() <= 1 => {
                Operand::of(value, names).map(Reading::Of)
            }
            _ => None,
        }
    }

    /// The text as the document holds it; nothing when that can't be told here.
    fn text(&self, lookup: &dyn Lookup) -> Option<SmolStr> {
        match self {
            Reading::Static { text, .. } => Some(SmolStr::new_static(text)),
            Reading::Of(operand) => printed(operand.find(lookup)?),
            Reading::Choice(arms, otherwise) => {
                for (condition, shown) in arms {
                    if condition.holds(lookup)? {
                        return read(shown, lookup);
                    }
                }
                read(otherwise, lookup)
            }
            Reading::Fixed {
                before,
                precision,
                after,
                number,
            } => match number.find(lookup)? {
                Found::Data(part) => {
                    let number = part.fixed(*precision)?;
                    if before.is_empty() && after.is_empty() {
                        return Some(number);
                    }
                    Some([before, &*number, after].into_iter().collect())
                }
                Found::Made(_) => None,
            },
            Reading::Format(style, arguments) => {
                let values = arguments.iter().map(|argument| argument.value(lookup));
                let values: Vec<Value> = values.collect::<Option<_>>()?;
                if values.iter().any(|value| value.is_undefined() || value.is_safe()) {
                    return None;
                }
                let text = formatting::format(FormatStyle::Printf, style, &values).ok()?;
                Some(text.into())
            }
            Reading::Length(operand) => match operand.find(lookup)? {
                Found::Data(part) => part.length().map(|length| length.to_smolstr()),
                Found::Made(_) => None,
            },
            Reading::Guarded(guard, inner) => Some(guard.text(inner.text(lookup)?)),
        }
    }
}

/// Prints a hole as minijinja prints it with HTML escaping; nothing when a program has to run for it.
pub(crate) fn print(readings: &[Reading], lookup: &dyn Lookup, out: &mut String) -> Option<()> {
    for reading in readings {
        match reading {
            Reading::Static { html, .. } => out.push_str(html),
            Reading::Choice(arms, otherwise) => {
                let mut shown = otherwise;
                for (condition, inside) in arms {
                    if condition.holds(lookup)? {
                        shown = inside;
                        break;
                    }
                }
                print(shown, lookup, out)?;
            }
            other => escape_to(&other.text(lookup)?, out),
        }
    }
    Some(())
}

fn escape_to(text: &str, out: &mut String) {
    if text
        .bytes()
        .any(|byte| matches!(byte, b'<' | b'>' | b'&' | b'"' | b'\'' | b'/'))
    {
        let _ = write!(out, "{}", HtmlEscape(text));
    } else {
        out.push_str(text);
    }
}

/// The text of a hole as the document holds it, line ends apart; nothing when a program has to run for it.
pub(crate) fn read(readings: &[Reading], lookup: &dyn Lookup) -> Option<SmolStr> {
    match readings {
        [] => Some(SmolStr::default()),
        [one] => one.text(lookup),
        several => {
            let mut all = SmolStrBuilder::new();
            for reading in several {
                all.push_str(&reading.text(lookup)?);
            }
            Some(all.finish())
        }
    }
}

fn printed(found: Found<'_>) -> Option<SmolStr> {
    match found {
        Found::Data(part) => part.printed(),
        Found::Made(value) => {
            use minijinja::value::ValueKind;
            match value.kind() {
                ValueKind::String if value.is_safe() => None,
                ValueKind::String => value.as_str().map(SmolStr::new),
                ValueKind::Number | ValueKind::Bool | ValueKind::None => Some(value.to_smolstr()),
                _ => None,
            }
        }
    }
}

/// What stands around the `%.2f` of a style that consists of nothing else, and how many places it asks for.
fn fixed(style: &'static str) -> Option<(&'static str, usize, &'static str)> {
    let (before, rest) = style.split_once("%.")?;
    let end = rest.find('f')?;
    let (places, after) = (&rest[..end], &rest[end + 1..]);
    let precision: usize = places
        .parse()
        .ok()
        .filter(|_| places.bytes().all(|c| c.is_ascii_digit()))?;
    (precision <= 30 && !before.contains('%') && !after.contains('%')).then_some((before, precision, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_with_a_fixed_number_of_places_are_known() {
        assert_eq!(fixed("%.2f"), Some(("", 2, "")));
        assert_eq!(fixed("$%.0f each"), Some(("$", 0, " each")));
        for other in [
            "%f", "%.f", "%.2", "%.+2f", "%.2f%%", "%d %.2f", "%.99f", "%.2e f",
        ] {
            assert_eq!(fixed(other), None, "{other}");
        }
    }
}
