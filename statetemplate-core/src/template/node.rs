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
            Node::Enter(_) | Node::Leave | Node::Define(_) | Node::Capture(..)
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

/// Whether a `set` anywhere in the nodes changes an attribute of a namespace.
pub(super) fn changes_namespace(nodes: &[Node<'_>]) -> bool {
    let mut found = false;
    for node in nodes {
        node.walk(&mut |inside| {
            if let Node::Define(ast::Stmt::Set(set)) = inside {
                found |= matches!(set.target, ast::Expr::GetAttr(_));
            }
        });
    }
    found
}

/// How many scopes the nodes close that were opened before them.
pub(super) fn closed_scopes(nodes: &[Node<'_>]) -> usize {
    let (mut open, mut closed) = (0usize, 0);
    for node in nodes {
        match node {
            Node::Enter(_) => open += 1,
            Node::Leave if open == 0 => closed += 1,
            Node::Leave => open -= 1,
            _ => {}
        }
    }
    closed
}

/// The expression of an `{{ … }}`.
pub(super) fn emitted<'a>(statement: &'a ast::Stmt<'static>) -> &'a ast::Spanned<ast::EmitExpr<'static>> {
    match statement {
        ast::Stmt::EmitExpr(emit) => emit,
        _ => unreachable!("only emit statements are stored in emit nodes"),
    }
}
