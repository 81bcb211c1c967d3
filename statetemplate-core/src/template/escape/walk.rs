//! Goes through a template and guards each value for the contexts that it can stand in.

use std::rc::Rc;

use super::attribute::Kind;
use super::context::{Context, Json};
use super::guard::{Escaper, Guard, NEVER_EMPTY, PREFIX, Place, Whole};
use super::url;
use crate::template::machinery::ast::{self, BinOpKind, Expr};
use crate::template::node::{For, If, Node, Nodes, emitted};
use crate::template::tags::fits_value;

/// How many contexts one place may have before it is left at "any".
const MAX_CONTEXTS: usize = 16;

/// Guards the values of a template, from between tags on. `escaped`: it is printed with HTML escaping.
pub(in crate::template) fn guard<'a>(nodes: &[Node<'a>], escaped: bool) -> Vec<Node<'a>> {
    let walk = Walk {
        escaped,
        in_pieces: false,
    };
    walk.start(nodes)
}

/// The contexts that one place can have.
type Contexts = Vec<Context>;

pub(super) struct Walk {
    /// Whether values are HTML-escaped here. Where the author has switched that off, what is printed is their word.
    escaped: bool,
    /// Whether each value gets a filter of its own, and none goes around several.
    in_pieces: bool,
}

/// What the author says of an expression.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// Nothing: it is data.
    No,
    /// It is a constant.
    Constant,
    /// `|tojson`.
    Json,
    /// `|safe`.
    Safe,
}

impl Walk {
    /// A walk that guards single values only.
    pub(super) fn in_pieces() -> Self {
        Walk {
            escaped: true,
            in_pieces: true,
        }
    }

    pub(super) fn start<'a>(mut self, nodes: &[Node<'a>]) -> Vec<Node<'a>> {
        self.nodes(nodes, &mut vec![Context::start()])
    }

    fn nodes<'a>(&mut self, nodes: &[Node<'a>], contexts: &mut Contexts) -> Vec<Node<'a>> {
        let mut out = Vec::with_capacity(nodes.len());
        let mut at = 0;
        let mut offset = 0;
        while let Some(node) = nodes.get(at) {
            match node {
                Node::Raw(text) => {
                    let rest = &text[offset..];
                    if let Some((start, end)) = self.whole(nodes, at, offset, contexts) {
                        push_raw(&mut out, &rest[..start]);
                        self.attribute(&cut(nodes, (at, offset + start), end), &mut out, contexts);
                        (at, offset) = end;
                        continue;
                    }
                    push_raw(&mut out, rest);
                    follow(rest, contexts);
                }
                Node::Emit(statement) if self.escaped => {
                    let apart = is_apart(nodes[at + 1..].iter().find(|node| !node.is_silent()));
                    out.push(emit(statement, contexts, apart));
                }
                Node::If(branch) => out.push(Node::If(Rc::new(self.branch(branch, contexts)))),
                Node::For(lp) => out.push(Node::For(Rc::new(self.list(lp, contexts)))),
                // What is captured is HTML of its own, wherever it is printed in the end.
                Node::Capture(set, body) => {
                    let body = self.nodes(body, &mut vec![Context::start()]);
                    out.push(Node::Capture(set, body.into()));
                }
                Node::AutoEscape(block, body) => {
                    let outside = std::mem::replace(&mut self.escaped, escapes(&block.enabled));
                    let body = self.nodes(body, contexts);
                    self.escaped = outside;
                    out.push(Node::AutoEscape(block, body.into()));
                }
                Node::Filter(block, body) => {
                    out.push(Node::Filter(block, self.nodes(body, contexts).into()));
                }
                other => {
                    match other {
                        Node::Escape(to) => self.escaped = *to == "html",
                        Node::Unescape { html } => self.escaped = *html,
                        _ => {}
                    }
                    out.push(other.clone());
                }
            }
            at += 1;
            offset = 0;
        }
        out
    }

    fn inside<'a>(&mut self, nodes: &Nodes<'a>, contexts: &mut Contexts) -> Nodes<'a> {
        self.nodes(nodes, contexts).into()
    }

    fn branch<'a>(&mut self, branch: &If<'a>, contexts: &mut Contexts) -> If<'a> {
        let before = std::mem::take(contexts);
        let mut arms = Vec::with_capacity(branch.arms.len());
        for (condition, body) in &branch.arms {
            let mut inside = before.clone();
            arms.push((*condition, self.inside(body, &mut inside)));
            join(contexts, inside);
        }
        let mut inside = before;
        let otherwise = self.inside(&branch.otherwise, &mut inside);
        join(contexts, inside);
        If { arms, otherwise }
    }

    fn list<'a>(&mut self, lp: &For<'a>, contexts: &mut Contexts) -> For<'a> {
        let mut none = contexts.clone();
        let otherwise = self.inside(&lp.otherwise, &mut none);
        // A row may begin where the one before it has ended.
        let body = loop {
            let known = contexts.len();
            let mut inside = contexts.clone();
            let body = self.inside(&lp.body, &mut inside);
            join(contexts, inside);
            if contexts.len() == known {
                break body;
            }
        };
        join(contexts, none);
        For {
            syntax: lp.syntax,
            body,
            otherwise,
        }
    }

    /// Where the next attribute that is treated as a whole has its value, if it starts in this text and ends in this
    /// stretch of the template: how much of the text stands before it, and its end. The contexts are then in the value.
    fn whole(
        &self,
        nodes: &[Node<'_>],
        at: usize,
        offset: usize,
        contexts: &mut Contexts,
    ) -> Option<(usize, (usize, usize))> {
        let ([context], Node::Raw(text), true) = (contexts.as_mut_slice(), &nodes[at], self.escaped) else {
            return None;
        };
        let mut inside = context.clone();
        let start = inside.follow_to_whole(&text[offset..])?;
        let quote = inside.value()?.quote;
        // The quote may be the first character of what comes next.
        let next = nodes[at + 1..].iter().find(|node| !node.is_silent());
        if offset + start == text.len() && quote.is_none() && matches!(next, Some(Node::Raw(_))) {
            return None;
        }
        let end = value_end(nodes, (at, offset + start), quote)?;
        *context = inside;
        Some((start, end))
    }

    /// Guards the whole value of an attribute.
    fn attribute<'a>(&mut self, value: &[Node<'a>], out: &mut Vec<Node<'a>>, contexts: &mut Contexts) {
        let Some(read) = contexts.first().and_then(Context::value).cloned() else {
            unreachable!("the reader was put into a value")
        };
        let is_static = value.iter().all(|node| matches!(node, Node::Raw(_)));
        let guarded = match read.kind {
            Kind::Whole(check) if !is_static && !self.in_pieces && !is_settled(check, value) => {
                let inside: Vec<Node<'a>> = value.iter().map(|node| plain(node, read.quote)).collect();
                vec![Node::Captured(check.name(read.quote.is_some()), inside.into())]
            }
            Kind::Whole(_) if is_static => value.to_vec(),
            _ => self.nodes(value, contexts),
        };
        if read.quote.is_none() && value.iter().all(|node| !matches!(node, Node::Raw(_))) {
            out.push(Node::Captured(NEVER_EMPTY, guarded.into()));
        } else {
            out.extend(guarded);
        }
    }
}

/// Whether there is no need to check a value as a whole: with its scheme in the template, what an address consists of
/// is guarded piece by piece; and of a value that is nothing but the author's word, nothing is guarded.
fn is_settled(check: Whole, value: &[Node<'_>]) -> bool {
    match value {
        [Node::Emit(statement)] => trust(&emitted(statement).expr) == Trust::Safe,
        [Node::Raw(text), ..] => {
            matches!(check, Whole::Url | Whole::Media)
                && url::settles_scheme(&html_escape::decode_html_entities(text))
        }
        _ => false,
    }
}

/// Guards a piece of a value that is checked as a whole, for the HTML around it alone.
fn plain<'a>(node: &Node<'a>, quote: Option<char>) -> Node<'a> {
    let each = |nodes: &Nodes<'a>| -> Nodes<'a> { nodes.iter().map(|node| plain(node, quote)).collect() };
    match node {
        Node::Emit(statement) => {
            let (expr, known) = unguarded(&emitted(statement).expr);
            let trust = trust(expr);
            let guard = match quote {
                _ if trust == Trust::Safe || known.is_some() => None,
                Some('"') if trust == Trust::Json => Some(Guard::new(Escaper::Json, Place::Escaped)),
                Some(_) => None,
                None => Some(Guard::new(Escaper::Plain, Place::Unquoted)),
            };
            guarded(guard, statement)
        }
        Node::If(branch) => Node::If(Rc::new(If {
            arms: branch
                .arms
                .iter()
                .map(|(condition, body)| (*condition, each(body)))
                .collect(),
            otherwise: each(&branch.otherwise),
        })),
        Node::For(lp) => Node::For(Rc::new(For {
            syntax: lp.syntax,
            body: each(&lp.body),
            otherwise: each(&lp.otherwise),
        })),
        Node::AutoEscape(block, body) if escapes(&block.enabled) => Node::AutoEscape(block, each(body)),
        Node::Filter(block, body) => Node::Filter(block, each(body)),
        other => other.clone(),
    }
}

fn emit<'a>(statement: &'a ast::Stmt<'static>, contexts: &mut Contexts, apart: bool) -> Node<'a> {
    let (expr, known) = unguarded(&emitted(statement).expr);
    let trust = trust(expr);
    let json = agreed(contexts.iter().map(Context::takes_json)).flatten();
    let guards: Vec<Option<Guard>> = contexts.iter_mut().map(|context| context.emit(apart)).collect();
    let after = std::mem::take(contexts);
    join(contexts, after);
    let guard = match (trust, json) {
        (Trust::Safe, _) | (Trust::Json, Some(Json::Bare)) => None,
        (Trust::Json, Some(Json::Quoted)) => Some(Guard::new(Escaper::Json, Place::Escaped)),
        _ => combined(&guards),
    };
    // What came out of a macro may have its guard already.
    let guard = guard.filter(|guard| known != Some(guard.name()));
    guarded(guard, statement)
}

/// An expression without the guard that was written into its source, and the guard's name.
fn unguarded<'e>(expr: &'e Expr<'static>) -> (&'e Expr<'static>, Option<&'e str>) {
    match expr {
        Expr::Filter(filter) if filter.name.starts_with(PREFIX) => match &filter.expr {
            Some(inside) => (inside, Some(filter.name)),
            None => (expr, None),
        },
        _ => (expr, None),
    }
}

fn guarded<'a>(guard: Option<Guard>, statement: &'a ast::Stmt<'static>) -> Node<'a> {
    match guard {
        Some(guard) => Node::Guarded(guard.name(), statement),
        None => Node::Emit(statement),
    }
}

/// What is safe wherever each of these is needed.
fn combined(guards: &[Option<Guard>]) -> Option<Guard> {
    if let Some(guard) = agreed(guards.iter().copied()) {
        return guard;
    }
    // HTML escaping is part of all but those in scripts and styles.
    let needed: Vec<Guard> = guards.iter().copied().flatten().collect();
    let quoted = |guard: &Guard| matches!(guard.place, Place::Escaped | Place::Unquoted);
    match agreed(needed.iter().map(|guard| (guard.escaper, guard.percent))) {
        Some((escaper, percent)) if needed.iter().all(quoted) => {
            let place = if needed.iter().all(|guard| guard.place == Place::Escaped) {
                Place::Escaped
            } else {
                Place::Unquoted
            };
            Some(Guard {
                escaper,
                place,
                percent,
            })
        }
        _ => Some(Guard::new(Escaper::Strict, Place::Escaped)),
    }
}

/// The one thing that all of them are.
fn agreed<T: PartialEq>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let first = all.next()?;
    all.all(|other| other == first).then_some(first)
}

fn follow(text: &str, contexts: &mut Contexts) {
    let mut after = Vec::new();
    for context in std::mem::take(contexts) {
        context.follow(text, &mut after);
    }
    join(contexts, after);
}

/// Adds contexts to those that are known for a place.
fn join(contexts: &mut Contexts, others: Contexts) {
    for context in others {
        if contexts.contains(&context) {
            continue;
        }
        if contexts.len() >= MAX_CONTEXTS {
            contexts.truncate(MAX_CONTEXTS - 1);
            contexts.push(Context::unknown());
            return;
        }
        contexts.push(context);
    }
}

/// Where the value that starts at `from` ends, if that is in these nodes: before its quote, or before what ends it.
fn value_end(nodes: &[Node<'_>], from: (usize, usize), quote: Option<char>) -> Option<(usize, usize)> {
    let (mut at, mut offset) = from;
    while let Some(node) = nodes.get(at) {
        match node {
            Node::Raw(text) => {
                let rest = &text[offset..];
                let end = match quote {
                    Some(quote) => rest.find(quote),
                    None => rest.find(|c: char| c.is_ascii_whitespace() || c == '>'),
                };
                if let Some(end) = end {
                    return Some((at, offset + end));
                }
            }
            node if node.is_silent() || fits_value(node, quote) => {}
            _ => return None,
        }
        at += 1;
        offset = 0;
    }
    None
}

/// The nodes from one place to another, cut at both ends.
fn cut<'a>(nodes: &[Node<'a>], from: (usize, usize), to: (usize, usize)) -> Vec<Node<'a>> {
    let mut out = Vec::new();
    for (at, node) in nodes.iter().enumerate().take(to.0 + 1).skip(from.0) {
        match node {
            Node::Raw(text) => {
                let start = if at == from.0 { from.1 } else { 0 };
                let end = if at == to.0 { to.1 } else { text.len() };
                push_raw(&mut out, &text[start..end]);
            }
            node if at < to.0 => out.push(node.clone()),
            _ => {}
        }
    }
    out
}

fn push_raw(out: &mut Vec<Node<'_>>, text: &'static str) {
    if !text.is_empty() {
        out.push(Node::Raw(text));
    }
}

/// Whether a value that this follows stands apart from it.
fn is_apart(next: Option<&Node<'_>>) -> bool {
    matches!(next, Some(Node::Raw(text)) if text.starts_with(|c: char| c.is_ascii_whitespace() || c == '>'))
}

/// Whether values are HTML-escaped inside of an `autoescape` block. What depends on the data counts as escaped.
fn escapes(enabled: &Expr<'static>) -> bool {
    match enabled {
        Expr::Const(constant) => match constant.value.as_str() {
            Some(kind) => kind == "html",
            None => constant.value.is_true(),
        },
        _ => true,
    }
}

/// What the last filters of an expression say of what it prints.
fn trust(expr: &Expr<'static>) -> Trust {
    match expr {
        Expr::Const(_) => Trust::Constant,
        Expr::Filter(filter) if filter.name == "safe" => Trust::Safe,
        Expr::Filter(filter) if filter.name == "tojson" => Trust::Json,
        Expr::IfExpr(choice) => {
            let otherwise = choice.false_expr.as_ref().map_or(Trust::Constant, trust);
            both(trust(&choice.true_expr), otherwise)
        }
        Expr::BinOp(choice) if matches!(choice.op, BinOpKind::ScOr) => {
            both(trust(&choice.left), trust(&choice.right))
        }
        _ => Trust::No,
    }
}

fn both(one: Trust, other: Trust) -> Trust {
    match (one, other) {
        (Trust::Constant, trust) | (trust, Trust::Constant) => trust,
        (one, other) if one == other => one,
        (Trust::Json, Trust::Safe) | (Trust::Safe, Trust::Json) => Trust::Json,
        _ => Trust::No,
    }
}
