//! Reads a resolved template as HTML: which node stands in a text, an attribute, a tag, and which elements hold what.
//!
//! The idea of following the HTML context through a template is that of Go's `html/template`
//! (<https://pkg.go.dev/html/template#hdr-Contexts>).

use std::rc::Rc;

use super::escape;
use super::node::{Node, Nodes, closed_scopes, emitted};
use super::reads::{self, Names};
use super::tags::{
    end_tag, find_end_tag, fits_tag, fits_value, follow, follow_tag, opens_with_space, splits_tag,
    starts_markup,
};

/// A stretch of template whose HTML is balanced, as a tree.
pub(super) enum Item<'a> {
    /// HTML without anything dynamic in it.
    Static(String),
    /// A run of text with something dynamic in it: one text node on the page.
    Text(Vec<Node<'a>>),
    Element(Element<'a>),
    /// Nodes whose output replaces what they printed before.
    Region(Vec<Node<'a>>, &'static str),
    Branch(
        Vec<(&'a super::machinery::ast::Expr<'static>, Vec<Item<'a>>)>,
        Vec<Item<'a>>,
    ),
    List(Rc<super::node::For<'a>>, Vec<Item<'a>>, Vec<Item<'a>>),
    /// Prints nothing: the start or end of a scope, a definition.
    Silent(Node<'a>),
    /// After a branch that sets names: they stay set.
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

/// Parses a stretch of template that starts and ends between tags.
pub(super) fn parse<'a>(nodes: &[Node<'a>], names: &mut Names<'a>) -> Result<Vec<Item<'a>>, Unbalanced> {
    let mut reader = Reader {
        nodes,
        at: Place { node: 0, offset: 0 },
        names,
        scopes: Vec::new(),
    };
    let items = reader.children(None, false)?;
    debug_assert!(reader.at.node >= nodes.len(), "everything was read");
    Ok(items)
}

pub(super) const VOID: &[&str] = &[
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track",
    "wbr",
];
/// Elements whose content is text up to their end tag. Entities count in the first two only.
pub(super) const TEXT_ONLY: &[&str] = &[
    "title", "textarea", "script", "style", "xmp", "iframe", "noembed", "noframes", "noscript",
];
/// Elements whose tags may be left out everywhere: they hold whatever is around them.
pub(super) const TRANSPARENT: &[&str] = &["html", "head", "body"];
const FOREIGN: &[&str] = &["svg", "math"];

/// Whether an element's content is read as text in which `&amp;` means `&amp;`.
pub(super) fn is_raw_text(name: &str) -> bool {
    TEXT_ONLY.contains(&name) && name != "title" && name != "textarea"
}

/// Whether the HTML parser drops a newline at the very start of the element.
pub(super) fn drops_first_newline(name: &str) -> bool {
    matches!(name, "pre" | "textarea" | "listing")
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    node: usize,
    offset: usize,
}

struct Reader<'r, 'a> {
    nodes: &'r [Node<'a>],
    at: Place,
    names: &'r mut Names<'a>,
    /// The depth of `names` at each open scope.
    scopes: Vec<usize>,
}

enum Next<'r, 'a> {
    Text(&'static str),
    Node(&'r Node<'a>),
    End,
}

impl<'r, 'a> Reader<'r, 'a> {
    fn next(&mut self) -> Next<'r, 'a> {
        while let Some(node) = self.nodes.get(self.at.node) {
            match node {
                Node::Raw(text) if self.at.offset >= text.len() => self.skip_node(),
                Node::Raw(text) => return Next::Text(&text[self.at.offset..]),
                _ => return Next::Node(node),
            }
        }
        Next::End
    }

    fn skip_node(&mut self) {
        self.at = Place {
            node: self.at.node + 1,
            offset: 0,
        };
    }

    fn skip(&mut self, bytes: usize) {
        self.at.offset += bytes;
    }

    /// The nodes from one place to another, cut at both ends.
    fn slice(&self, from: Place, to: Place) -> Vec<Node<'a>> {
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

    /// Keeps track of the names that a silent node brings and takes.
    fn scope(&mut self, node: &Node<'a>) {
        match node {
            Node::Enter(_) => {
                self.scopes.push(self.names.depth());
                self.names.define(node);
            }
            Node::Leave => {
                if let Some(depth) = self.scopes.pop() {
                    self.names.truncate(depth);
                }
            }
            _ => self.names.define(node),
        }
    }

    /// Reads what stands between tags, up to the end tag of `parent` or the end of the stretch.
    fn children(&mut self, parent: Option<&str>, foreign: bool) -> Result<Vec<Item<'a>>, Unbalanced> {
        let mut items = Vec::new();
        let mut text = Vec::new();
        loop {
            match self.next() {
                Next::End => {
                    flush(&mut text, &mut items);
                    return match parent {
                        None => Ok(items),
                        Some(name) => Err(Unbalanced(format!("<{name}> is not closed where it was opened"))),
                    };
                }
                Next::Text(rest) if !starts_markup(rest) => {
                    // A `<` that starts no tag is text, as for the HTML parser.
                    let skipped = usize::from(rest.starts_with('<'));
                    let end = rest[skipped..]
                        .find('<')
                        .map_or(rest.len(), |found| found + skipped);
                    if matches!(rest, "<" | "</") {
                        return Err(Unbalanced("what follows may make a tag of a <".to_owned()));
                    }
                    text.push(Node::Raw(&rest[..end]));
                    self.skip(end);
                }
                Next::Text(rest) => {
                    flush(&mut text, &mut items);
                    if let Some(name) = end_tag(rest) {
                        if parent == Some(name.as_str()) {
                            return Ok(items);
                        }
                        if !TRANSPARENT.contains(&name.as_str()) {
                            return Err(Unbalanced(format!(
                                "</{name}> closes nothing that was opened beside it"
                            )));
                        }
                        if name == "head" {
                            items.push(Item::HeadEnd);
                        }
                        items.push(Item::Static(self.end_tag_text()?));
                    } else if rest.starts_with("<!") || rest.starts_with("<?") {
                        self.comment(&mut items)?;
                    } else {
                        self.element(foreign, &mut items)?;
                    }
                }
                Next::Node(node) => {
                    if self.is_text(node) || (node.is_silent() && !text.is_empty()) {
                        if node.is_silent() {
                            self.scope(node);
                        }
                        text.push(node.clone());
                    } else {
                        flush(&mut text, &mut items);
                        self.node(node, &mut items)?;
                    }
                    self.skip_node();
                }
            }
        }
    }

    /// A dynamic node that is not text.
    fn node(&mut self, node: &Node<'a>, items: &mut Vec<Item<'a>>) -> Result<(), Unbalanced> {
        match node {
            Node::If(branch) => {
                let mut arms = Vec::new();
                for (condition, body) in &branch.arms {
                    arms.push((*condition, self.inside(body)?));
                }
                let otherwise = self.inside(&branch.otherwise)?;
                items.push(Item::Branch(arms, otherwise));
                if !reads::defined_inside(node).is_empty() {
                    items.push(Item::Defined(node.clone()));
                }
                self.names.define(node);
            }
            Node::For(lp) => match opaque_loop(lp) {
                Some(reason) => items.push(Item::Region(vec![node.clone()], reason)),
                None => {
                    let depth = self.names.depth();
                    // The loop gets its number later; while parsing only the plainness of its names counts.
                    self.names.enter_loop(usize::MAX, lp.syntax);
                    let body = self.inside(&lp.body);
                    self.names.truncate(depth);
                    if reads::defines(&lp.otherwise) {
                        // It runs in the scope around the loop, and what it sets stays set.
                        return Err(Unbalanced("the else of a loop sets names".to_owned()));
                    }
                    let otherwise = self.inside(&lp.otherwise)?;
                    items.push(Item::List(lp.clone(), body?, otherwise));
                }
            },
            Node::Emit(_) => items.push(Item::Region(vec![node.clone()], "the expression may print HTML")),
            Node::AutoEscape(_, body) => {
                self.inside(body)?;
                items.push(Item::Region(vec![node.clone()], "an autoescape block"));
            }
            Node::Filter(..) => items.push(Item::Region(vec![node.clone()], "a filter block")),
            Node::Native(_) => {
                items.push(Item::Region(
                    vec![node.clone()],
                    "a dynamic include, a call block or a do statement",
                ));
            }
            Node::Jump(_) => return Err(Unbalanced("a break or continue".to_owned())),
            Node::Enter(_) | Node::Leave | Node::Define(_) | Node::Capture(..) => {
                self.scope(node);
                items.push(Item::Silent(node.clone()));
            }
            Node::Raw(_) | Node::Guarded(..) | Node::Captured(..) => {
                unreachable!("raw text is read as text, and guards are made here")
            }
        }
        Ok(())
    }

    fn inside(&mut self, nodes: &[Node<'a>]) -> Result<Vec<Item<'a>>, Unbalanced> {
        let depth = self.names.depth();
        let items = parse(nodes, self.names);
        self.names.truncate(depth);
        items
    }

    /// Whether a node prints only text, so that it can be part of a text node.
    fn is_text(&self, node: &Node<'a>) -> bool {
        match node {
            Node::Emit(statement) => self.names.is_plain(&emitted(statement).expr),
            Node::If(branch) => {
                let all_text = |nodes: &Nodes<'a>| nodes.iter().all(|inside| self.is_text(inside));
                branch.arms.iter().all(|(_, body)| all_text(body)) && all_text(&branch.otherwise)
            }
            Node::Raw(text) => !text.contains('<'),
            _ => false,
        }
    }

    fn comment(&mut self, items: &mut Vec<Item<'a>>) -> Result<(), Unbalanced> {
        let start = self.at;
        let Next::Text(rest) = self.next() else {
            unreachable!("the caller saw markup")
        };
        let end = if rest.starts_with("<!--") { "-->" } else { ">" };
        self.skip(if end == "-->" { 4 } else { 2 });
        // `<!-->` and `<!--->` are whole comments.
        if end == "-->"
            && let Some(short) = [">", "->"].into_iter().find(|short| rest[4..].starts_with(short))
        {
            self.skip(short.len());
        } else {
            self.until(end, "a comment")?;
        }
        let nodes = self.slice(start, self.at);
        items.push(match plain_text(&nodes) {
            Some(text) if looks_like_mark(&text) => Item::Static(String::new()),
            Some(text) => Item::Static(text),
            None => Item::Region(nodes, "a comment with something dynamic in it"),
        });
        Ok(())
    }

    /// Skips past the next `end` in the template's own text.
    fn until(&mut self, end: &str, what: &str) -> Result<(), Unbalanced> {
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

    fn end_tag_text(&mut self) -> Result<String, Unbalanced> {
        let start = self.at;
        self.until(">", "an end tag")?;
        plain_text(&self.slice(start, self.at))
            .ok_or_else(|| Unbalanced("an end tag with something dynamic in it".to_owned()))
    }

    fn element(&mut self, foreign: bool, items: &mut Vec<Item<'a>>) -> Result<(), Unbalanced> {
        let start = self.at;
        let Next::Text(rest) = self.next() else {
            unreachable!("the caller saw markup")
        };
        let length = rest[1..]
            .find(|c: char| c.is_whitespace() || c == '/' || c == '>')
            .unwrap_or(rest.len() - 1);
        let name = rest[1..=length].to_ascii_lowercase();
        self.skip(length + 1);
        if !self.name_ends() {
            // As in `<h{{ level }}>`, and in `<p {%- if a %}…` where the space is trimmed.
            return Err(Unbalanced(format!("the name of a tag is not only <{name}")));
        }
        let foreign = foreign || FOREIGN.contains(&name.as_str());
        let (tag, self_closing) = self.tag(&rest[..=length], &name, foreign)?;
        let childless = VOID.contains(&name.as_str()) || (foreign && self_closing);
        if childless || (TRANSPARENT.contains(&name.as_str()) && !foreign) {
            let whole = self.slice(start, self.at);
            let end = String::new();
            items.push(Item::Element(Element {
                name,
                tag,
                children: vec![],
                end,
                content: vec![],
                whole,
            }));
            return Ok(());
        }
        let content = self.at;
        let children = if TEXT_ONLY.contains(&name.as_str()) && !foreign {
            self.text_only(&name)?
        } else {
            let scopes = (self.scopes.len(), self.names.depth());
            match self.children(Some(&name), foreign && name != "foreignobject") {
                Ok(children) => children,
                Err(Unbalanced(why)) => {
                    // The smallest element around what is unbalanced is replaced as a whole.
                    if self.scopes.len() < scopes.0 {
                        return Err(Unbalanced(why));
                    }
                    self.scopes.truncate(scopes.0);
                    self.names.truncate(scopes.1);
                    self.at = content;
                    let end = self.find_end(&name).ok_or_else(|| Unbalanced(why.clone()))?;
                    let nodes = self.slice(content, end);
                    if nodes.iter().any(splits_tag) || closed_scopes(&nodes) > 0 {
                        return Err(Unbalanced(why));
                    }
                    self.at = end;
                    vec![Item::Region(
                        nodes,
                        "its HTML is not balanced within each branch or row",
                    )]
                }
            }
        };
        let inside = self.slice(content, self.at);
        let end = self.end_tag_text()?;
        let whole = self.slice(start, self.at);
        let first = children
            .iter()
            .find(|child| !matches!(child, Item::Silent(_) | Item::Defined(_)));
        if drops_first_newline(&name)
            && matches!(first, Some(Item::Region(..) | Item::Branch(..) | Item::List(..)))
        {
            items.push(Item::Region(
                whole,
                "a newline at its start would not count, but a mark does",
            ));
            return Ok(());
        }
        items.push(Item::Element(Element {
            name,
            tag,
            children,
            end,
            content: inside,
            whole,
        }));
        Ok(())
    }

    /// Whether whatever comes next ends the name of a tag: `<p>`, `<p class…`, `<p{% if a %} class…`.
    fn name_ends(&self) -> bool {
        let separates = |c: char| c.is_whitespace() || c == '/' || c == '>';
        let rest = &self.nodes[self.at.node.min(self.nodes.len())..];
        let mut offset = self.at.offset;
        for node in rest {
            match node {
                Node::Raw(text) if offset < text.len() => return text[offset..].starts_with(separates),
                Node::Raw(_) => {}
                node if opens_with_space(node) => {}
                _ => return false,
            }
            offset = 0;
        }
        false
    }

    /// The content of `<title>`, `<script>` and the like: one text.
    fn text_only(&mut self, name: &str) -> Result<Vec<Item<'a>>, Unbalanced> {
        let start = self.at;
        loop {
            match self.next() {
                Next::End => return Err(Unbalanced(format!("<{name}> is not closed where it was opened"))),
                Next::Node(node) => {
                    if node.is_silent() {
                        self.scope(node);
                    }
                    self.skip_node();
                }
                Next::Text(rest) => match find_end_tag(rest, name) {
                    Some(found) => {
                        self.skip(found);
                        break;
                    }
                    None => self.skip(rest.len()),
                },
            }
        }
        let nodes = self.slice(start, self.at);
        if let Some(text) = plain_text(&nodes) {
            return Ok(vec![Item::Static(text)]);
        }
        let nodes = match name {
            "script" => escape::guard_script(&nodes),
            "style" => escape::guard_each(&nodes, escape::CSS),
            _ => nodes,
        };
        Ok(vec![Item::Text(nodes)])
    }

    /// The place of the end tag that closes the element `name` whose content starts here, taking the first branch of
    /// each `if` and each loop's body once.
    fn find_end(&mut self, name: &str) -> Option<Place> {
        let mut open: Vec<String> = vec![name.to_owned()];
        loop {
            match self.next() {
                Next::End => return None,
                Next::Node(node) => {
                    follow(node, &mut open);
                    if open.is_empty() {
                        return None;
                    }
                    self.skip_node();
                }
                Next::Text(rest) => {
                    let mut offset = 0;
                    while let Some(found) = rest[offset..].find('<') {
                        offset += found;
                        let length = follow_tag(&rest[offset..], &mut open);
                        if open.is_empty() {
                            self.skip(offset);
                            return Some(self.at);
                        }
                        offset += length;
                    }
                    self.skip(rest.len());
                }
            }
        }
    }

    /// The inside of a start tag, after its name, up to and with its `>`.
    fn tag(
        &mut self,
        opening: &str,
        element: &str,
        foreign: bool,
    ) -> Result<(Vec<TagPart<'a>>, bool), Unbalanced> {
        let mut parts = vec![TagPart::Static(opening.to_owned())];
        let mut seen: Vec<String> = Vec::new();
        let mut certain = true;
        loop {
            match self.next() {
                Next::End => {
                    return Err(Unbalanced(format!(
                        "the tag <{element}> is not closed where it was opened"
                    )));
                }
                Next::Node(node) if node.is_silent() => {
                    self.scope(node);
                    parts.push(TagPart::Attributes(vec![node.clone()]));
                    self.skip_node();
                }
                Next::Node(_) => {
                    let start = self.at;
                    self.attribute_text()?;
                    certain = false;
                    parts.push(TagPart::Attributes(self.slice(start, self.at)));
                }
                Next::Text(rest) => {
                    let first = rest.chars().next().unwrap_or('>');
                    if rest.starts_with("/>") || first == '>' {
                        let close = if first == '>' { ">" } else { "/>" };
                        self.skip(close.len());
                        parts.push(TagPart::Static(close.to_owned()));
                        return Ok((parts, close == "/>"));
                    }
                    if first.is_whitespace() || first == '/' {
                        let length = first.len_utf8();
                        push_static(&mut parts, &rest[..length]);
                        self.skip(length);
                        continue;
                    }
                    let start = self.at;
                    match self.attribute()? {
                        Found::Static(name) => {
                            let text = plain_text(&self.slice(start, self.at)).unwrap_or_default();
                            certain &= !seen.contains(&name);
                            seen.push(name);
                            push_static(&mut parts, &text);
                        }
                        Found::Dynamic => {
                            certain = false;
                            parts.push(TagPart::Attributes(self.slice(start, self.at)));
                        }
                        Found::Value {
                            name,
                            quote,
                            from,
                            to,
                        } => {
                            certain &= !seen.contains(&name);
                            let written = plain_text(&self.slice(start, from)).unwrap_or_default();
                            push_static(&mut parts, &written);
                            let value = escape::guard_attribute(element, &name, quote, self.slice(from, to));
                            let index = certain.then_some(seen.len()).filter(|index| *index < 36);
                            let shown = if foreign { original(&written) } else { name.clone() };
                            parts.push(TagPart::Attribute {
                                name: shown,
                                index,
                                quote,
                                value,
                            });
                            push_static(
                                &mut parts,
                                quote.map_or("", |q| if q == '"' { "\"" } else { "'" }),
                            );
                            seen.push(name);
                        }
                    }
                }
            }
        }
    }

    /// Reads one attribute that starts with text of the template.
    fn attribute(&mut self) -> Result<Found, Unbalanced> {
        let Next::Text(rest) = self.next() else {
            unreachable!("the caller saw text")
        };
        // The first character belongs to the name, whatever it is.
        let mut ends = rest.char_indices().skip(1);
        let length = ends
            .find(|(_, c)| c.is_whitespace() || matches!(c, '=' | '>' | '/'))
            .map_or(rest.len(), |(at, _)| at);
        let name = rest[..length].to_ascii_lowercase();
        self.skip(length);
        if matches!(self.next(), Next::Node(node) if !node.is_silent()) && length == rest.len() {
            self.attribute_text()?;
            return Ok(Found::Dynamic);
        }
        let after_name = self.at;
        self.whitespace();
        match self.next() {
            Next::Text(rest) if rest.starts_with('=') => self.skip(1),
            _ => {
                self.at = after_name;
                return Ok(Found::Static(name));
            }
        }
        self.whitespace();
        let quote = match self.next() {
            Next::Text(rest) => rest.chars().next().filter(|c| matches!(c, '"' | '\'')),
            _ => None,
        };
        if quote.is_some() {
            self.skip(1);
        }
        let from = self.at;
        let mut dynamic = false;
        loop {
            match self.next() {
                Next::End => {
                    return Err(Unbalanced(format!(
                        "the attribute {name} is not closed where it was opened"
                    )));
                }
                Next::Node(node) => {
                    if node.is_silent() {
                        self.scope(node);
                    }
                    if !fits_value(node, quote) {
                        return Err(Unbalanced(format!(
                            "the attribute {name} ends inside a branch or loop"
                        )));
                    }
                    dynamic = true;
                    self.skip_node();
                }
                Next::Text(rest) => {
                    let end = match quote {
                        Some(quote) => rest.find(quote),
                        None => rest.find(|c: char| c.is_whitespace() || c == '>'),
                    };
                    match end {
                        Some(end) => {
                            self.skip(end);
                            break;
                        }
                        None => self.skip(rest.len()),
                    }
                }
            }
        }
        let to = self.at;
        if quote.is_some() {
            self.skip(1);
        }
        Ok(if dynamic {
            Found::Value {
                name,
                quote,
                from,
                to,
            }
        } else {
            Found::Static(name)
        })
    }

    /// Skips attribute text with something dynamic in it, up to whitespace or the tag's end.
    fn attribute_text(&mut self) -> Result<(), Unbalanced> {
        let mut quote: Option<char> = None;
        loop {
            match self.next() {
                Next::End => return Err(Unbalanced("a tag is not closed where it was opened".to_owned())),
                Next::Node(node) => {
                    let fits = if quote.is_some() {
                        fits_value(node, quote)
                    } else {
                        fits_tag(node)
                    };
                    if !fits {
                        return Err(Unbalanced("a tag ends inside a branch or loop".to_owned()));
                    }
                    self.skip_node();
                }
                Next::Text(rest) => {
                    let mut end = rest.len();
                    for (offset, c) in rest.char_indices() {
                        match quote {
                            Some(open) if c == open => quote = None,
                            Some(_) => {}
                            None if matches!(c, '"' | '\'') => quote = Some(c),
                            None if c.is_whitespace() || c == '>' || rest[offset..].starts_with("/>") => {
                                end = offset;
                                break;
                            }
                            None => {}
                        }
                    }
                    self.skip(end);
                    if end < rest.len() {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn whitespace(&mut self) {
        while let Next::Text(rest) = self.next() {
            let trimmed = rest.trim_start();
            if trimmed.len() == rest.len() {
                return;
            }
            self.skip(rest.len() - trimmed.len());
        }
    }
}

enum Found {
    Static(String),
    Value {
        name: String,
        quote: Option<char>,
        from: Place,
        to: Place,
    },
    Dynamic,
}

/// The name of the last attribute in a tag's text, as it is written.
fn original(written: &str) -> String {
    let name = written
        .trim_end_matches(['"', '\''])
        .trim_end()
        .trim_end_matches('=')
        .trim_end();
    name.rsplit(char::is_whitespace).next().unwrap_or(name).to_owned()
}

fn push_static(parts: &mut Vec<TagPart<'_>>, text: &str) {
    match parts.last_mut() {
        Some(TagPart::Static(last)) => last.push_str(text),
        _ if text.is_empty() => {}
        _ => parts.push(TagPart::Static(text.to_owned())),
    }
}

/// Ends a run of text: static text stays as it is, silent nodes at its ends stand apart.
fn flush<'a>(text: &mut Vec<Node<'a>>, items: &mut Vec<Item<'a>>) {
    let mut run = std::mem::take(text);
    if run.is_empty() {
        return;
    }
    if run
        .iter()
        .all(|node| matches!(node, Node::Raw(_)) || node.is_silent())
    {
        for node in run {
            items.push(match node {
                Node::Raw(text) => Item::Static(text.to_owned()),
                node => Item::Silent(node),
            });
        }
        return;
    }
    let trailing = run.iter().rev().take_while(|node| node.is_silent()).count();
    let after = run.split_off(run.len() - trailing);
    items.push(Item::Text(run));
    items.extend(after.into_iter().map(Item::Silent));
}

fn plain_text(nodes: &[Node<'_>]) -> Option<String> {
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

/// Whether the author's own comment would be taken for one of the marks; such a comment is left out.
fn looks_like_mark(comment: &str) -> bool {
    let data = match comment.strip_prefix("<!--") {
        Some(data) => data.strip_suffix("-->").unwrap_or(data),
        None => comment.trim_start_matches(['<', '!']).trim_end_matches('>'),
    };
    matches!(data, "t" | "o" | "i" | "l" | "r" | "q" | "/")
}

/// Why a loop can't be followed row by row, if so.
fn opaque_loop(lp: &super::node::For<'_>) -> Option<&'static str> {
    if lp.syntax.recursive {
        return Some("a recursive loop");
    }
    let mut reason = None;
    for node in lp.body.iter() {
        node.walk(&mut |inside| {
            if matches!(inside, Node::Jump(_)) {
                reason = Some("a loop with break or continue");
            }
        });
    }
    reason.or_else(|| {
        super::code::loop_variable_escapes(lp).then_some("a loop whose `loop` is used as a value")
    })
}
