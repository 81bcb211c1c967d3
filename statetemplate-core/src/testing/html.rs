//! Parsing, walking and normalising HTML trees.

use std::rc::Rc;

use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::tree_builder::QuirksMode;
use html5ever::{LocalName, ParseOpts, QualName, ns};
use markup5ever_rcdom::{Handle, Node, NodeData, RcDom};

pub(super) fn parse_document(html: &str) -> Handle {
    html5ever::parse_document(RcDom::default(), ParseOpts::default())
        .one(html)
        .document
}

/// Parses HTML as the content of `parent`: table rows, options and SVG need to know where they are.
pub(super) fn parse_inside(parent: &Handle, html: &str) -> Vec<Handle> {
    parse(parent, html, true)
}

/// The same for a template, which is parsed where scripts do not run.
///
/// # Errors
/// When elements are in it that are text where scripts run.
pub(super) fn parse_template(parent: &Handle, html: &str) -> Result<Vec<Handle>, String> {
    let nodes = parse(parent, html, false);
    for node in &nodes {
        let unseen = std::iter::once(node.clone())
            .chain(descendants(node))
            .find(|node| tag(node) == Some("noscript") && !descendants(node).is_empty());
        if unseen.is_some() {
            return Err(format!("<noscript> holds elements in the template {html:?}"));
        }
    }
    Ok(nodes)
}

fn parse(parent: &Handle, html: &str, scripting: bool) -> Vec<Handle> {
    let (name, attributes) = match &parent.data {
        NodeData::Element { name, attrs, .. } => (name.clone(), attrs.borrow().clone()),
        _ => (
            QualName::new(None, ns!(html), LocalName::from("body")),
            Vec::new(),
        ),
    };
    let mut options = ParseOpts::default();
    options.tree_builder.quirks_mode = quirks(parent);
    // A byte order mark is one at the start of a file only.
    options.tokenizer.discard_bom = false;
    options.tree_builder.scripting_enabled = scripting;
    let parser = html5ever::parse_fragment(RcDom::default(), options, name, attributes, scripting);
    let document = parser.one(html).document;
    // The parser puts the nodes into an <html> element of its own.
    let root = document.children.borrow().first().cloned();
    let nodes = root.map(|root| root.children.take()).unwrap_or_default();
    for node in &nodes {
        node.parent.set(None);
    }
    nodes
}

/// How a page reads HTML: one without a doctype lets a table stand in a paragraph. (Doctypes of before HTML5, which may
/// mean the same, are not told apart.)
fn quirks(node: &Handle) -> QuirksMode {
    let mut root = node.clone();
    while let Some(parent) = parent_of(&root) {
        root = parent;
    }
    let declared = root
        .children
        .borrow()
        .iter()
        .any(|child| matches!(child.data, NodeData::Doctype { .. }));
    if declared {
        QuirksMode::NoQuirks
    } else {
        QuirksMode::Quirks
    }
}

pub(super) fn text_node(text: &str) -> Handle {
    Node::new(NodeData::Text {
        contents: StrTendril::from(text).into(),
    })
}

/// Puts nodes among the children of `parent`, at `at`.
pub(super) fn insert(parent: &Handle, at: usize, nodes: Vec<Handle>) {
    for node in &nodes {
        node.parent.set(Some(Rc::downgrade(parent)));
    }
    parent.children.borrow_mut().splice(at..at, nodes);
}

/// Takes the children in `range` out of `parent`.
pub(super) fn take(parent: &Handle, range: std::ops::Range<usize>) -> Vec<Handle> {
    let nodes: Vec<Handle> = parent.children.borrow_mut().drain(range).collect();
    for node in &nodes {
        node.parent.set(None);
    }
    nodes
}

pub(super) fn parent_of(node: &Handle) -> Option<Handle> {
    let weak = node.parent.take();
    let parent = weak.as_ref().and_then(std::rc::Weak::upgrade);
    node.parent.set(weak);
    parent
}

/// The parent of a node and its place there.
pub(super) fn place(node: &Handle) -> Option<(Handle, usize)> {
    let parent = parent_of(node)?;
    let at = parent
        .children
        .borrow()
        .iter()
        .position(|child| Rc::ptr_eq(child, node))?;
    Some((parent, at))
}

pub(super) fn comment(node: &Handle) -> Option<&str> {
    match &node.data {
        NodeData::Comment { contents } => Some(contents),
        _ => None,
    }
}

pub(super) fn tag(node: &Handle) -> Option<&str> {
    match &node.data {
        NodeData::Element { name, .. } => Some(&name.local),
        _ => None,
    }
}

/// An attribute's name as it is written.
pub(super) fn written(name: &QualName) -> String {
    match &name.prefix {
        Some(prefix) if !prefix.is_empty() => format!("{prefix}:{}", name.local),
        _ => name.local.to_string(),
    }
}

pub(super) fn attributes(node: &Handle) -> impl Iterator<Item = (String, String)> + use<> {
    let attributes = match &node.data {
        NodeData::Element { attrs, .. } => attrs.borrow().clone(),
        _ => Vec::new(),
    };
    attributes
        .into_iter()
        .map(|attribute| (written(&attribute.name), attribute.value.to_string()))
}

pub(super) fn attribute(node: &Handle, name: &str) -> Option<String> {
    attributes(node)
        .find(|(other, _)| other == name)
        .map(|(_, value)| value)
}

/// Every element below `node`, in document order.
pub(super) fn descendants(node: &Handle) -> Vec<Handle> {
    let mut found = Vec::new();
    let mut open: Vec<Handle> = node.children.borrow().iter().rev().cloned().collect();
    while let Some(node) = open.pop() {
        open.extend(node.children.borrow().iter().rev().cloned());
        if tag(&node).is_some() {
            found.push(node);
        }
    }
    found
}

pub(super) fn text_of(node: &Handle) -> String {
    let mut text = String::new();
    let mut open = vec![node.clone()];
    while let Some(node) = open.pop() {
        if let NodeData::Text { contents } = &node.data {
            text += &contents.borrow();
        }
        open.extend(node.children.borrow().iter().rev().cloned());
    }
    text
}

pub(super) fn client_script(root: &Handle) -> Option<Handle> {
    descendants(root).into_iter().find(is_client_script)
}

fn is_client_script(node: &Handle) -> bool {
    tag(node) == Some("script") && attribute(node, "data-page").is_some()
}

/// The children of `node` as HTML that is equal for documents that look alike. `client-js/golden/README.md` says how.
pub(super) fn normalised(node: &Handle) -> String {
    let mut writer = Writer {
        out: String::new(),
        text: String::new(),
    };
    writer.children(node, false);
    writer.flush();
    writer.out
}

struct Writer {
    out: String,
    /// Text that may yet go on in the next node.
    text: String,
}

/// What is left to write. Documents can be deeper than the stack.
enum Step {
    Node { node: Handle, raw: bool },
    EndTag(String),
}

impl Writer {
    fn children(&mut self, node: &Handle, raw: bool) {
        let mut steps = Vec::new();
        push_children(&mut steps, node, raw);
        while let Some(step) = steps.pop() {
            match step {
                Step::Node { node, raw } => self.node(&node, raw, &mut steps),
                Step::EndTag(tag) => {
                    self.flush();
                    if !is_void(&tag) {
                        self.out += &format!("</{tag}>");
                    }
                }
            }
        }
    }

    fn node(&mut self, node: &Handle, raw: bool, steps: &mut Vec<Step>) {
        match &node.data {
            NodeData::Document => push_children(steps, node, raw),
            NodeData::Doctype { name, .. } => {
                self.flush();
                self.out += &format!("<!DOCTYPE {name}>");
            }
            NodeData::Text { contents } if raw => self.text += &contents.borrow(),
            NodeData::Text { contents } => self.text += &escape_text(&contents.borrow()),
            NodeData::Comment { contents } if is_mark(contents) => {}
            NodeData::Comment { contents } => {
                self.flush();
                self.out += &format!("<!--{contents}-->");
            }
            NodeData::Element {
                name,
                template_contents,
                ..
            } => {
                if !is_client_script(node) {
                    self.element(node, &name.local, template_contents.borrow().as_ref(), steps);
                }
            }
            NodeData::ProcessingInstruction { .. } => {}
        }
    }

    fn element(&mut self, node: &Handle, tag: &str, template: Option<&Handle>, steps: &mut Vec<Step>) {
        self.flush();
        let mut attributes: Vec<_> = attributes(node).filter(|(name, _)| name != "st").collect();
        attributes.sort();
        self.out += &format!("<{tag}");
        for (name, value) in attributes {
            self.out += &format!(" {name}=\"{}\"", escape_attribute(&value));
        }
        self.out.push('>');
        let raw = matches!(
            tag,
            "script" | "style" | "xmp" | "iframe" | "noembed" | "noframes" | "noscript"
        );
        steps.push(Step::EndTag(tag.to_owned()));
        push_children(steps, template.unwrap_or(node), raw);
    }

    fn flush(&mut self) {
        self.out += &self.text;
        self.text.clear();
    }
}

fn push_children(steps: &mut Vec<Step>, node: &Handle, raw: bool) {
    let children = node.children.borrow();
    steps.extend(children.iter().rev().map(|node| Step::Node {
        node: node.clone(),
        raw,
    }));
}

fn is_mark(comment: &str) -> bool {
    matches!(comment, "t" | "o" | "i" | "l" | "r" | "q" | "/")
}

fn is_void(tag: &str) -> bool {
    matches!(
        tag,
        "area"
            | "base"
            | "br"
            | "col"
            | "embed"
            | "hr"
            | "img"
            | "input"
            | "link"
            | "meta"
            | "source"
            | "track"
            | "wbr"
    )
}

fn escape_text(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('\u{a0}', "&nbsp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn escape_attribute(value: &str) -> String {
    value
        .replace('&', "&amp;")
        .replace('\u{a0}', "&nbsp;")
        .replace('"', "&quot;")
}
