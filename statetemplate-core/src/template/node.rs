//! A template with its inheritance and includes resolved: one tree of nodes, whatever file each came from.

use std::rc::Rc;

use super::machinery::ast;

/// One step of a resolved template. Cheap to clone, so that stretches of template can be cut out and put elsewhere.
#[derive(Clone)]
pub(super) enum Node<'a> {
    /// Text of the template itself.
    Raw(&'static str),
    /// `{{ … }}`; the statement is an `EmitExpr`.
    Emit(&'a ast::Stmt<'static>),
    /// `{{ … }}` that goes through a filter of ours, because its place in the HTML asks for more than HTML escaping.
    Guarded(&'static str, &'a ast::Stmt<'static>),
    /// What these nodes print together goes through a filter of ours.
    Captured(&'static str, Nodes<'a>),
    If(Rc<If<'a>>),
    For(Rc<For<'a>>),
    /// The start of a scope: `with`, or a block.
    Enter(&'a [(ast::Expr<'static>, ast::Expr<'static>)]),
    /// The end of the innermost open scope.
    Leave,
    /// From here on values are escaped in the way of this name: `html`, `json` or `none`.
    Escape(&'static str),
    /// The end of the innermost open [`Node::Escape`]; whether values are escaped for HTML after it.
    Unescape {
        html: bool,
    },
    /// A statement that prints nothing and defines names: `set`, `macro`, `import`, `from`.
    Define(&'a ast::Stmt<'static>),
    /// `{% set x %}…{% endset %}`, with its body resolved.
    Capture(&'a ast::SetBlock<'static>, Nodes<'a>),
    AutoEscape(&'a ast::AutoEscape<'static>, Nodes<'a>),
    Filter(&'a ast::Spanned<ast::FilterBlock<'static>>, Nodes<'a>),
    /// A statement whose output is known only by running it: a dynamic include, a `call` block, `do`.
    Native(&'a ast::Stmt<'static>),
    /// `break` or `continue`.
    Jump(&'a ast::Stmt<'static>),
}

pub(super) type Nodes<'a> = Rc<[Node<'a>]>;

/// `if … elif … else`, as one node.
pub(super) struct If<'a> {
    pub(super) arms: Vec<(&'a ast::Expr<'static>, Nodes<'a>)>,
    pub(super) otherwise: Nodes<'a>,
}

pub(super) struct For<'a> {
    pub(super) syntax: &'a ast::Spanned<ast::ForLoop<'static>>,
    pub(super) body: Nodes<'a>,
    pub(super) otherwise: Nodes<'a>,
}

impl<'a> Node<'a> {
    /// Whether the node can print anything.
    pub(super) fn is_silent(&self) -> bool {
        matches!(
            self,
            Node::Enter(_)
                | Node::Leave
                | Node::Escape(_)
                | Node::Unescape { .. }
                | Node::Define(_)
                | Node::Capture(..)
        )
    }

    /// Calls `visit` for this node and each one inside it, outermost first.
    pub(super) fn walk(&self, visit: &mut dyn FnMut(&Node<'a>)) {
        visit(self);
        for inside in self.children() {
            for node in inside.iter() {
                node.walk(visit);
            }
        }
    }

    /// The expressions that this node evaluates itself, those of whole statements apart.
    pub(super) fn expressions(&self) -> Vec<&'a ast::Expr<'static>> {
        match self {
            Node::Emit(statement) | Node::Guarded(_, statement) => vec![&emitted(statement).expr],
            Node::If(node) => node.arms.iter().map(|(condition, _)| *condition).collect(),
            Node::For(node) => {
                let filter = node.syntax.filter_expr.iter();
                std::iter::once(&node.syntax.iter).chain(filter).collect()
            }
            Node::Enter(assignments) => assignments.iter().map(|(_, value)| value).collect(),
            Node::Define(ast::Stmt::Set(set)) => vec![&set.expr],
            Node::Capture(set, _) => set.filter.iter().collect(),
            Node::AutoEscape(block, _) => vec![&block.enabled],
            Node::Filter(block, _) => vec![&block.filter],
            Node::Define(_)
            | Node::Native(_)
            | Node::Raw(_)
            | Node::Captured(..)
            | Node::Leave
            | Node::Escape(_)
            | Node::Unescape { .. }
            | Node::Jump(_) => vec![],
        }
    }

    /// The stretches of template inside this node.
    pub(super) fn children(&self) -> Vec<&Nodes<'a>> {
        match self {
            Node::If(node) => node
                .arms
                .iter()
                .map(|(_, body)| body)
                .chain(std::iter::once(&node.otherwise))
                .collect(),
            Node::For(node) => vec![&node.body, &node.otherwise],
            Node::Captured(_, nodes)
            | Node::Capture(_, nodes)
            | Node::AutoEscape(_, nodes)
            | Node::Filter(_, nodes) => vec![nodes],
            _ => Vec::new(),
        }
    }
}

/// How many of the scopes that are open where these nodes start they end, and how many they leave open.
pub(super) fn scopes_crossed(nodes: &[Node<'_>]) -> (usize, usize) {
    fn follow(nodes: &[Node<'_>], open: &mut usize, left: &mut usize) {
        for node in nodes {
            match node {
                Node::Enter(_) => *open += 1,
                Node::Leave if *open == 0 => *left += 1,
                Node::Leave => *open -= 1,
                Node::Captured(_, inside) => follow(inside, open, left),
                _ => {}
            }
        }
    }
    let (mut open, mut left) = (0, 0);
    follow(nodes, &mut open, &mut left);
    (left, open)
}

/// How many more ways of escaping the nodes begin than they end.
pub(super) fn escapes_opened(nodes: &[Node<'_>]) -> isize {
    nodes
        .iter()
        .map(|node| match node {
            Node::Escape(_) => 1,
            Node::Unescape { .. } => -1,
            Node::Captured(_, inside) => escapes_opened(inside),
            _ => 0,
        })
        .sum()
}

/// The expression of an `{{ … }}`.
pub(super) fn emitted<'a>(statement: &'a ast::Stmt<'static>) -> &'a ast::Spanned<ast::EmitExpr<'static>> {
    match statement {
        ast::Stmt::EmitExpr(emit) => emit,
        _ => unreachable!("only emit statements are stored in emit nodes"),
    }
}
