//! Conditions that are plain questions about the data: answered from it, without running a program.
//!
//! Only what means the same in every environment is taken: paths, constants, comparisons and `not`, `and`, `or`. A path
//! that leads nowhere gives no answer, since what happens then (a global of that name, an error, nothing) is
//! minijinja's to say.

use minijinja::Value;

use super::machinery::ast::{BinOpKind, CompareOpKind, Expr, UnaryOpKind};
use super::reads::{LoopId, Names, Place};
use crate::PathStep;
use crate::snapshot::View;

/// A condition.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    Truth(Operand),
    Not(Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Compare(Operand, Comparison, Operand),
}

/// What a condition asks about.
#[derive(Debug, Clone)]
pub(crate) enum Operand {
    Constant(Value),
    /// A path into the page's data.
    Data(Vec<PathStep>),
    /// A path into the item of a loop.
    Item(LoopId, Vec<PathStep>),
    /// An attribute of the `loop` variable of a loop.
    Counter(LoopId, &'static str),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Where a condition finds what it asks about.
pub(crate) trait Lookup {
    /// What is at a path of the page's data.
    fn data(&self, path: &[PathStep]) -> Option<Found<'_>>;
    /// What is at a path of the item of a loop.
    fn item(&self, id: LoopId, path: &[PathStep]) -> Option<Found<'_>>;
    /// An attribute of the `loop` variable of a loop.
    fn counter(&self, id: LoopId, attribute: &str) -> Option<Value>;
}

/// What is at some path.
pub(crate) enum Found<'f> {
    /// A part of the data.
    Data(View<'f>),
    /// Something that the template made.
    Made(Value),
}

impl Found<'_> {
    pub(crate) fn value(self) -> Value {
        match self {
            Found::Data(part) => part.value(),
            Found::Made(value) => value,
        }
    }

    fn is_true(&self) -> bool {
        match self {
            Found::Data(part) => part.is_true(),
            Found::Made(value) => value.is_true(),
        }
    }
}

impl Condition {
    /// The condition that an expression is, if it is one of these.
    pub(super) fn of(expr: &Expr<'static>, names: &Names<'_>) -> Option<Self> {
        let inner = |expr| Condition::of(expr, names).map(Box::new);
        match expr {
            Expr::UnaryOp(not) if matches!(not.op, UnaryOpKind::Not) => {
                Some(Condition::Not(inner(&not.expr)?))
            }
            Expr::BinOp(op) => match op.op {
                BinOpKind::ScAnd => Some(Condition::And(inner(&op.left)?, inner(&op.right)?)),
                BinOpKind::ScOr => Some(Condition::Or(inner(&op.left)?, inner(&op.right)?)),
                BinOpKind::Eq => compare(&op.left, Comparison::Equal, &op.right, names),
                BinOpKind::Ne => compare(&op.left, Comparison::NotEqual, &op.right, names),
                BinOpKind::Lt => compare(&op.left, Comparison::Less, &op.right, names),
                BinOpKind::Lte => compare(&op.left, Comparison::LessOrEqual, &op.right, names),
                BinOpKind::Gt => compare(&op.left, Comparison::Greater, &op.right, names),
                BinOpKind::Gte => compare(&op.left, Comparison::GreaterOrEqual, &op.right, names),
                _ => None,
            },
            Expr::Compare(chain) => match chain.ops.as_slice() {
                [op] => {
                    let comparison = match op.op {
                        CompareOpKind::Eq => Comparison::Equal,
                        CompareOpKind::Ne => Comparison::NotEqual,
                        CompareOpKind::Lt => Comparison::Less,
                        CompareOpKind::Lte => Comparison::LessOrEqual,
                        CompareOpKind::Gt => Comparison::Greater,
                        CompareOpKind::Gte => Comparison::GreaterOrEqual,
                        CompareOpKind::In | CompareOpKind::NotIn => return None,
                    };
                    compare(&chain.expr, comparison, &op.expr, names)
                }
                _ => None,
            },
            _ => Operand::of(expr, names).map(Condition::Truth),
        }
    }

    /// Whether it holds; nothing when that can't be told here.
    pub(crate) fn holds(&self, lookup: &dyn Lookup) -> Option<bool> {
        Some(match self {
            Condition::Truth(operand) => operand.find(lookup)?.is_true(),
            Condition::Not(inner) => !inner.holds(lookup)?,
            // As in a template, what decides nothing is not looked at.
            Condition::And(left, right) => left.holds(lookup)? && right.holds(lookup)?,
            Condition::Or(left, right) => left.holds(lookup)? || right.holds(lookup)?,
            Condition::Compare(left, comparison, right) => {
                let (left, right) = (left.value(lookup)?, right.value(lookup)?);
                match comparison {
                    Comparison::Equal => left == right,
                    Comparison::NotEqual => left != right,
                    Comparison::Less => left < right,
                    Comparison::LessOrEqual => left <= right,
                    Comparison::Greater => left > right,
                    Comparison::GreaterOrEqual => left >= right,
                }
            }
        })
    }
}

fn compare(
    left: &Expr<'static>,
    comparison: Comparison,
    right: &Expr<'static>,
    names: &Names<'_>,
) -> Option<Condition> {
    let (left, right) = (Operand::of(left, names)?, Operand::of(right, names)?);
    Some(Condition::Compare(left, comparison, right))
}

impl Operand {
    /// The operand that an expression is, if it is one.
    pub(super) fn of(expr: &Expr<'static>, names: &Names<'_>) -> Option<Self> {
        match expr {
            Expr::Const(constant) => Some(Operand::Constant(constant.value.clone())),
            _ => Some(match names.place(expr)? {
                Place::Data(path) => Operand::Data(path),
                Place::Item { id, path, sure: true } => Operand::Item(id, path),
                // A loop that can't take its item apart is an error, which is minijinja's to find.
                Place::Item { sure: false, .. } => return None,
                Place::Counter(id, attribute) => Operand::Counter(id, attribute),
            }),
        }
    }

    /// What it stands for; nothing when that can't be told here.
    pub(crate) fn find<'f>(&'f self, lookup: &'f dyn Lookup) -> Option<Found<'f>> {
        match self {
            Operand::Constant(value) => Some(Found::Made(value.clone())),
            Operand::Data(path) => lookup.data(path),
            Operand::Item(id, path) => lookup.item(*id, path),
            Operand::Counter(id, attribute) => lookup.counter(*id, attribute).map(Found::Made),
        }
    }

    /// Its value; nothing when that can't be told here.
    pub(crate) fn value(&self, lookup: &dyn Lookup) -> Option<Value> {
        self.find(lookup).map(Found::value)
    }
}
