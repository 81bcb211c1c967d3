//! The reader of a template's HTML, as a place in its nodes: what comes next, skipping it, cutting it out.

use super::item::Unbalanced;
use super::node::Node;
use super::reads::Names;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) node: usize,
    pub(super) offset: usize,
}

pub(super) struct Reader<'r, 'a> {
    pub(super) nodes: &'r [Node<'a>],
    pub(super) at: Place,
    pub(super) names: &'r mut Names<'a>,
    /// The depth of `names` at each open scope.
    pub(super) scopes: Vec<usize>,
}

pub(super) enum Next<'r, 'a> {
    Text(&'static str),
    Node(&'r Node<'a>),
    End,
}

impl<'r, 'a> Reader<'r, 'a> {
    pub(super) fn next(&mut self) -> Next<'r, 'a> {
        while let Some(node) = self.nodes.get(self.at.node) {
            match node {
                Node::Raw(text) if self.at.offset >= text.len() => self.skip_node(),
                Node::Raw(text) => return Next::Text(&text[self.at.offset..]),
                _ => return Next::Node(node),
            }
        }
        Next::End
    }

    pub(super) fn skip_node(&mut self) {
        self.at = Place {
            node: self.at.node + 1,
            offset: 0,
        };
    }

    pub(super) fn skip(&mut self, bytes: usize) {
        self.at.offset += bytes;
    }

    /// The nodes from one place to another, cut at both ends.
    pub(super) fn slice(&self, from: Place, to: Place) -> Vec<Node<'a>> {
        let mut out = Vec::new();
        for index in from.node..=to.node.min(self.nodes.len().saturating_sub(1)) {
            match &self.nodes[index] {
                Node::Raw(text) => {
                    let start = if index == from.node { from.offset } else { 0 };
                    let end = if index == to.node { to.offset } else { text.len() };
                    if start < end {
                        out.push(Node::Raw(&text[start..end]));
                    }
                }
                node if index < to.node => out.push(node.clone()),
                _ => {}
            }
        }
        out
    }

    /// Keeps track of the names that a node brings and takes.
    pub(super) fn scope(&mut self, node: &Node<'a>) {
        match node {
            Node::Enter(_) => {
                self.scopes.push(self.names.depth());
                self.names.define(node);
            }
            Node::Leave => {
                if let Some(depth) = self.scopes.pop() {
                    self.names.leave(depth);
                }
            }
            Node::Escape(_) => {
                self.scopes.push(self.names.depth());
                self.names.define(node);
            }
            // It has no names of its own.
            Node::Unescape { .. } => {
                self.scopes.pop();
                self.names.define(node);
            }
            _ => self.names.define(node),
        }
    }

    /// Skips past the next `end` in the template's own text.
    pub(super) fn until(&mut self, end: &str, what: &str) -> Result<(), Unbalanced> {
        loop {
            match self.next() {
                Next::End => return Err(Unbalanced(format!("{what} is not closed where it was opened"))),
                Next::Node(_) => self.skip_node(),
                Next::Text(rest) => match rest.find(end) {
                    Some(found) => {
                        self.skip(found + end.len());
                        return Ok(());
                    }
                    None => self.skip(rest.len()),
                },
            }
        }
    }

    pub(super) fn whitespace(&mut self) {
        while let Next::Text(rest) = self.next() {
            let trimmed = rest.trim_start();
            if trimmed.len() == rest.len() {
                return;
            }
            self.skip(rest.len() - trimmed.len());
        }
    }
}

pub(super) fn plain_text(nodes: &[Node<'_>]) -> Option<String> {
    nodes
        .iter()
        .map(|node| {
            if let Node::Raw(text) = node {
                Some(*text)
            } else {
                None
            }
        })
        .collect()
}
