//! A stretch of template as HTML: the tree that the reader makes, and that layout and skeleton walk.

use std::rc::Rc;

use super::machinery::ast::Expr;
use super::node::{For, Node};
use super::opaque::Opaque;

/// A stretch of template whose HTML is balanced, as a tree.
pub(super) enum Item<'a> {
    /// HTML without anything dynamic in it.
    Static(String),
    /// A run of text with something dynamic in it: one text node on the page.
    Text(Vec<Node<'a>>),
    Element(Element<'a>),
    /// Nodes whose output replaces what they printed before.
    Region(Vec<Node<'a>>, Opaque),
    Branch(Vec<(&'a Expr<'static>, Vec<Item<'a>>)>, Vec<Item<'a>>),
    List(Rc<For<'a>>, Vec<Item<'a>>, Vec<Item<'a>>),
    /// Prints nothing: the start or end of a scope, a definition.
    Silent(Node<'a>),
    /// After a branch or list that sets names: they stay set.
    Defined(Node<'a>),
    /// The place before `</head>`, where the client's script goes.
    HeadEnd,
}

pub(super) struct Element<'a> {
    pub(super) name: String,
    pub(super) tag: Vec<TagPart<'a>>,
    pub(super) children: Vec<Item<'a>>,
    /// The end tag as it is written; empty where there is none.
    pub(super) end: String,
    /// What stands between the tags.
    pub(super) content: Vec<Node<'a>>,
    /// The element with its tags.
    pub(super) whole: Vec<Node<'a>>,
}

pub(super) enum TagPart<'a> {
    Static(String),
    /// An attribute with a dynamic value. `index` is its place among the element's attributes, if that is certain.
    Attribute {
        name: String,
        index: Option<usize>,
        quote: Option<char>,
        value: Vec<Node<'a>>,
    },
    /// Attributes that come and go.
    Attributes(Vec<Node<'a>>),
}

/// Why a stretch of template can't be taken apart: in words, for `Plan::explain`.
#[derive(Debug)]
pub(super) struct Unbalanced(pub(super) String);
