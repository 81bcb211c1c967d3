//! Where in the template files a node stands, for people.

use std::collections::BTreeMap;
use std::fmt;

use super::machinery::ast::{Expr, Stmt};
use super::node::{Node, emitted};
use super::source::{Source, Sources};
use super::syntax;

/// A line of a template file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin {
    pub(super) file: &'static str,
    pub(super) line: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Finds the file of each part of the sources' trees, by its address: a tree does not name its file.
pub(super) struct Origins<'a> {
    sources: BTreeMap<usize, &'a Source>,
}

impl<'a> Origins<'a> {
    pub(super) fn of(all: &'a Sources) -> Self {
        let mut sources = BTreeMap::new();
        for source in all.iter() {
            syntax::each_statement(source.statements(), &mut |statement| {
                sources.insert(address(statement), source);
                let target = match statement {
                    Stmt::ForLoop(lp) => Some(&lp.target),
                    _ => None,
                };
                for expr in syntax::parts(statement).0.into_iter().chain(target) {
                    syntax::each_expression(expr, &mut |inside| {
                        sources.insert(address(inside), source);
                    });
                }
            });
        }
        Origins { sources }
    }

    /// Where an expression stands; `None` for one that the engine made itself.
    pub(super) fn expression(&self, expr: &Expr<'static>) -> Option<Origin> {
        let source = self.sources.get(&address(expr))?;
        Some(Origin {
            file: source.name,
            line: expr.span().start_line.into(),
        })
    }

    /// An expression as its author wrote it, on one line.
    pub(super) fn text(&self, expr: &Expr<'static>) -> Option<String> {
        let source = self.sources.get(&address(expr))?;
        text_of(source, expr)
    }

    /// Where the first dynamic part of some nodes stands.
    pub(super) fn nodes(&self, nodes: &[Node<'_>]) -> Option<Origin> {
        nodes.iter().find_map(|node| self.node(node))
    }

    fn node(&self, node: &Node<'_>) -> Option<Origin> {
        match node {
            Node::Emit(statement) | Node::Guarded(_, statement) => self.expression(&emitted(statement).expr),
            Node::If(branch) => branch
                .arms
                .first()
                .and_then(|(condition, _)| self.expression(condition)),
            Node::For(lp) => self.expression(&lp.syntax.iter),
            Node::AutoEscape(block, _) => self.expression(&block.enabled),
            Node::Filter(block, _) => self.expression(&block.filter),
            Node::Captured(_, inside) | Node::Capture(_, inside) => self.nodes(inside),
            Node::Native(statement) => self.statement(statement),
            Node::Raw(_)
            | Node::Enter(_)
            | Node::Leave
            | Node::Escape(_)
            | Node::Unescape { .. }
            | Node::Define(_)
            | Node::Jump(_) => None,
        }
    }

    fn statement(&self, statement: &Stmt<'static>) -> Option<Origin> {
        let source = self.sources.get(&address(statement))?;
        let line = match statement {
            Stmt::Include(include) => include.span().start_line,
            Stmt::CallBlock(call) => call.span().start_line,
            Stmt::Do(call) => call.span().start_line,
            _ => return None,
        };
        Some(Origin {
            file: source.name,
            line: line.into(),
        })
    }
}

/// The expression's part of its source, with each stretch of white space as one space.
pub(super) fn text_of(source: &Source, expr: &Expr<'static>) -> Option<String> {
    // The span of a filter or an operator is that of a part of it: only all parts together are the whole.
    let mut whole: Option<(u32, u32)> = None;
    syntax::each_expression(expr, &mut |part| {
        let span = part.span();
        let (start, end) = whole.unwrap_or((span.start_offset, span.end_offset));
        whole = Some((start.min(span.start_offset), end.max(span.end_offset)));
    });
    let (start, end) = whole?;
    let text = source
        .text
        .get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)?;
    let words: Vec<&str> = text.split_whitespace().collect();
    // Some spans begin at the word before.
    let skipped = words
        .iter()
        .take_while(|word| matches!(**word, "if" | "elif" | "{{" | "{{-"))
        .count();
    Some(words[skipped..].join(" "))
}

fn address<T>(part: &T) -> usize {
    std::ptr::from_ref(part).addr()
}
