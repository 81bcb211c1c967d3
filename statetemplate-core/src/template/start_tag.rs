//! Reads start tags: which attributes are static, which have a dynamic value, which come and go.

use super::cursor::{Next, Place, Reader, plain_text};
use super::item::{TagPart, Unbalanced};
use super::machinery::ast::Expr;
use super::node::{Node, emitted};
use super::tags::{self, fits_tag, fits_value, is_space};
use super::{escape, foreign, syntax};

impl<'a> Reader<'_, 'a> {
    /// The inside of a start tag, after its name, up to and with its `>`; and whether it closes itself.
    pub(super) fn tag(
        &mut self,
        opening: &str,
        element: &str,
    ) -> Result<(Vec<TagPart<'a>>, bool), Unbalanced> {
        let mut tag = Tag::new(opening);
        loop {
            match self.next() {
                Next::End => {
                    return Err(Unbalanced(format!(
                        "the tag <{element}> is not closed where it was opened"
                    )));
                }
                Next::Node(node) if node.is_silent() => {
                    self.scope(node);
                    tag.push(TagPart::Attributes(vec![node.clone()]), vec![node.clone()]);
                    self.skip_node();
                }
                Next::Node(_) => {
                    let start = self.at;
                    self.attribute_text()?;
                    tag.come_and_go(self.slice(start, self.at));
                }
                Next::Text(rest) => {
                    let first = rest.chars().next().unwrap_or('>');
                    if rest.starts_with("/>") || first == '>' {
                        let close = if first == '>' { ">" } else { "/>" };
                        self.skip(close.len());
                        return Ok((tag.finish(close), close == "/>"));
                    }
                    let start = self.at;
                    if is_space(first) || first == '/' {
                        self.skip(first.len_utf8());
                        tag.text(self.slice(start, self.at));
                        continue;
                    }
                    match self.attribute()? {
                        // The marks have an attribute of this name.
                        Found::Static(name) | Found::Value { name, .. } if name == "st" => {}
                        Found::Static(name) => tag.fixed(name, self.slice(start, self.at)),
                        Found::Dynamic => tag.come_and_go(self.slice(start, self.at)),
                        Found::Value {
                            name,
                            quote,
                            from,
                            to,
                        } => {
                            let before = self.slice(start, from);
                            let mut value = self.slice(from, to);
                            let after = self.slice(to, self.at);
                            let trusted =
                                quote.is_none() && (!self.names.escapes() || value.iter().any(is_trusted));
                            // What the guard of a whole value prints beside it is no part of the value.
                            if let [Node::Captured(escape::NEVER_EMPTY, inside)] = value.as_slice() {
                                value = inside.to_vec();
                            }
                            if trusted || name.contains(')') || tags::refers_oddly(&value) {
                                // What is trusted may hold quotes of its own, and the marks put names in parentheses.
                                tag.come_and_go([before, value, after].concat());
                            } else {
                                let name = if self.around.foreign {
                                    foreign::attribute_name(&name).to_owned()
                                } else {
                                    name
                                };
                                tag.value(name, quote, before, value, after);
                            }
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
            .find(|(_, c)| is_space(*c) || matches!(c, '=' | '>' | '/'))
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
                    self.scope(node);
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
                        None => rest.find(|c: char| is_space(c) || c == '>'),
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
                    let fits = if node.is_silent() {
                        self.scope(node);
                        true
                    } else if quote.is_some() {
                        fits_value(node, quote)
                    } else {
                        fits_tag(node)
                    };
                    if !fits {
                        return Err(Unbalanced("a tag ends inside a branch or loop".to_owned()));
                    }
                    self.scope(node);
                    self.skip_node();
                }
                Next::Text(rest) => {
                    let mut end = rest.len();
                    for (offset, c) in rest.char_indices() {
                        match quote {
                            Some(open) if c == open => quote = None,
                            Some(_) => {}
                            None if matches!(c, '"' | '\'') => quote = Some(c),
                            None if is_space(c) || c == '>' || rest[offset..].starts_with("/>") => {
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

/// A start tag, as far as it was read.
struct Tag<'a> {
    opening: String,
    parts: Vec<TagPart<'a>>,
    /// The tag's inside once more, with its guards, as what comes and goes.
    whole: Vec<Node<'a>>,
    /// The names of the attributes that the template's own text names outside of branches.
    seen: Vec<String>,
    /// Whether the attributes so far are always there, so that the next one's place is known.
    certain: bool,
    /// The names that attributes which come and go may have; `None` where data says.
    volatile: Option<Vec<String>>,
    /// Whether a name is there twice, of which the parser takes the first.
    twice: bool,
}

impl<'a> Tag<'a> {
    fn new(opening: &str) -> Self {
        Tag {
            opening: opening.to_owned(),
            parts: vec![TagPart::Static(opening.to_owned())],
            whole: Vec::new(),
            seen: Vec::new(),
            certain: true,
            volatile: Some(Vec::new()),
            twice: false,
        }
    }

    fn push(&mut self, part: TagPart<'a>, nodes: Vec<Node<'a>>) {
        self.parts.push(part);
        self.whole.extend(nodes);
    }

    /// Text without anything dynamic in it.
    fn text(&mut self, nodes: Vec<Node<'a>>) {
        push_static(&mut self.parts, &plain_text(&nodes).unwrap_or_default());
        self.whole.extend(nodes);
    }

    fn name(&mut self, name: String) {
        self.twice |= self.seen.contains(&name);
        self.seen.push(name);
    }

    fn fixed(&mut self, name: String, nodes: Vec<Node<'a>>) {
        self.name(name);
        self.text(nodes);
    }

    fn come_and_go(&mut self, nodes: Vec<Node<'a>>) {
        self.certain = false;
        let names = names_in(&nodes);
        self.volatile = match (self.volatile.take(), names) {
            (Some(mut known), Some(names)) => {
                known.extend(names);
                Some(known)
            }
            _ => None,
        };
        self.push(TagPart::Attributes(nodes.clone()), nodes);
    }

    fn value(
        &mut self,
        name: String,
        quote: Option<char>,
        before: Vec<Node<'a>>,
        value: Vec<Node<'a>>,
        after: Vec<Node<'a>>,
    ) {
        let index = self
            .certain
            .then_some(self.seen.len())
            .filter(|index| *index < 36);
        self.name(name.to_ascii_lowercase());
        self.text(before);
        let part = TagPart::Attribute {
            name,
            index,
            quote,
            value: value.clone(),
        };
        self.push(part, value);
        self.text(after);
    }

    /// The tag's parts. Where an attribute may be there twice, all of them are one part, of which the first counts.
    fn finish(mut self, close: &str) -> Vec<TagPart<'a>> {
        let is_dynamic = |part: &TagPart<'_>| !matches!(part, TagPart::Static(_));
        let clash = match &self.volatile {
            Some(names) => {
                names.iter().any(|name| self.seen.contains(name))
                    || (1..names.len()).any(|at| names[..at].contains(&names[at]))
            }
            None => self.parts.iter().filter(|part| is_dynamic(part)).count() > 1 || !self.seen.is_empty(),
        };
        if (clash || self.twice) && self.parts.iter().any(is_dynamic) {
            self.parts = vec![TagPart::Static(self.opening), TagPart::Attributes(self.whole)];
        }
        self.parts.push(TagPart::Static(close.to_owned()));
        self.parts
    }
}

/// The names of the attributes that nodes may print; `None` when data names them.
fn names_in(nodes: &[Node<'_>]) -> Option<Vec<String>> {
    let mut names = Vec::new();
    // Whether a name may start here: after white space, and not in a value.
    let mut quote = None;
    let mut text = String::new();
    for node in nodes {
        match node {
            Node::Raw(raw) => {
                for c in raw.chars() {
                    match quote {
                        Some(open) if c == open => quote = None,
                        Some(_) => continue,
                        None if matches!(c, '"' | '\'') => quote = Some(c),
                        None => {}
                    }
                    text.push(c);
                }
            }
            _ if quote.is_some() || text.ends_with('=') || node.is_silent() => text.push('x'),
            Node::Emit(statement) | Node::Guarded(_, statement) => {
                let words = syntax::constant_texts(&emitted(statement).expr)?;
                for word in words {
                    names.extend(super::text::attributes(word).into_iter().map(|(name, _)| name));
                }
            }
            Node::If(_) | Node::For(_) | Node::Captured(..) => {
                for inside in node.children() {
                    names.extend(names_in(inside)?);
                }
            }
            _ => return None,
        }
    }
    names.extend(super::text::attributes(&text).into_iter().map(|(name, _)| name));
    Some(names)
}

fn push_static(parts: &mut Vec<TagPart<'_>>, text: &str) {
    match parts.last_mut() {
        Some(TagPart::Static(last)) => last.push_str(text),
        _ if text.is_empty() => {}
        _ => parts.push(TagPart::Static(text.to_owned())),
    }
}

/// Whether a value in the node is the author's word on what it prints.
fn is_trusted(node: &Node<'_>) -> bool {
    let mut trusted = false;
    node.walk(&mut |inside| {
        if let Node::Emit(statement) = inside {
            trusted |= matches!(&emitted(statement).expr, Expr::Filter(filter) if filter.name == "safe");
        }
    });
    trusted
}
