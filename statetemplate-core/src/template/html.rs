//! Reads a resolved template as HTML: which node stands in a text, an attribute, a tag, and which elements hold what.
//!
//! The idea of following the HTML context through a template is that of Go's `html/template`
//! (<https://pkg.go.dev/html/template#hdr-Contexts>).

use std::borrow::Cow;
use std::rc::Rc;

use super::cursor::{Around, Next, Place, Reader, plain_text};
use super::foreign::{FOREIGN, holds_html};
use super::item::{Element, Item, TagPart, Unbalanced};
use super::machinery::ast::{Expr, Stmt};
use super::machinery::intern;
use super::namespace;
use super::node::{For, Node, Nodes, emitted};
use super::opaque::Opaque;
use super::reads::{self, Names};
use super::tags::{
    TEXT_ONLY, TRANSPARENT, VOID, drops_first_newline, end_tag, find_end_tag, follow, follow_tag,
    is_raw_text, is_space, opens_with_space, refers_oddly, splits_tag, starts_markup,
};

/// How many branches and lists may be around what is followed: a frame is as deep, and parsers of JSON have limits.
const MAX_BRANCHES: usize = 32;
/// How many elements, branches and lists may be around what is followed: as many calls are on the stack.
const MAX_DEPTH: usize = 256;

/// Parses a stretch of template that starts and ends between tags.
pub(super) fn parse<'a>(nodes: &[Node<'a>], names: &mut Names<'a>) -> Result<Vec<Item<'a>>, Unbalanced> {
    parse_inside(nodes, names, Around::default())
}

fn parse_inside<'a>(
    nodes: &[Node<'a>],
    names: &mut Names<'a>,
    around: Around,
) -> Result<Vec<Item<'a>>, Unbalanced> {
    let nodes = joined(nodes);
    let mut reader = Reader {
        nodes: &nodes,
        at: Place { node: 0, offset: 0 },
        names,
        scopes: Vec::new(),
        around,
    };
    let items = reader.children(None)?;
    debug_assert!(reader.at.node >= nodes.len(), "everything was read");
    Ok(items)
}

/// The nodes with texts beside each other made one, as at the edges of includes and of comments of the template's.
fn joined<'n, 'a>(nodes: &'n [Node<'a>]) -> Cow<'n, [Node<'a>]> {
    let beside = |pair: &[Node<'a>]| matches!(pair, [Node::Raw(_), Node::Raw(_)]);
    if !nodes.windows(2).any(beside) {
        return Cow::Borrowed(nodes);
    }
    let runs = nodes.chunk_by(|left, right| matches!((left, right), (Node::Raw(_), Node::Raw(_))));
    let joined = runs.map(|run| match plain_text(run) {
        Some(text) if run.len() > 1 => Node::Raw(intern(&text)),
        _ => run[0].clone(),
    });
    Cow::Owned(joined.collect())
}

impl<'a> Reader<'_, 'a> {
    /// Reads what stands between tags, up to the end tag of `parent` or the end of the stretch.
    fn children(&mut self, parent: Option<&str>) -> Result<Vec<Item<'a>>, Unbalanced> {
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
                Next::Text("<" | "</") if self.nodes.len() > self.at.node + 1 => {
                    return Err(Unbalanced("a tag whose name is data".to_owned()));
                }
                Next::Text(rest) if !starts_markup(rest) => {
                    // A `<` that starts no tag is text, as for the HTML parser.
                    let skipped = usize::from(rest.starts_with('<'));
                    let end = rest[skipped..]
                        .find('<')
                        .map_or(rest.len(), |found| found + skipped);
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
                    } else if ["<!", "<?", "</"].iter().any(|start| rest.starts_with(start)) {
                        self.comment(&mut items)?;
                    } else {
                        self.element(&mut items)?;
                    }
                }
                Next::Node(node) => {
                    if self.is_text(node) || (node.is_silent() && !text.is_empty()) {
                        self.scope(node);
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
            Node::If(_) | Node::For(_) if self.around.branches >= MAX_BRANCHES => {
                items.push(Item::Region(vec![node.clone()], Opaque::TooDeep));
            }
            Node::If(branch) if self.decides_impurely(node) => {
                // Its inside must be balanced as well.
                for body in branch.arms.iter().map(|(_, body)| body) {
                    self.inside(body)?;
                }
                self.inside(&branch.otherwise)?;
                items.push(Item::Region(vec![node.clone()], Opaque::Impure));
            }
            Node::For(_) if self.decides_impurely(node) => {
                items.push(Item::Region(vec![node.clone()], Opaque::Impure));
            }
            Node::If(branch) => {
                let mut arms = Vec::new();
                for (condition, body) in &branch.arms {
                    arms.push((*condition, self.inside(body)?));
                }
                let otherwise = self.inside(&branch.otherwise)?;
                items.push(Item::Branch(arms, otherwise));
            }
            Node::For(lp) => match opaque_loop(lp) {
                Some(reason) => items.push(Item::Region(vec![node.clone()], reason)),
                None => {
                    let depth = self.names.depth();
                    // The loop gets its number later; while parsing only the plainness of its names counts.
                    self.names.enter_loop(usize::MAX, lp.syntax, false);
                    let body = self.inside(&lp.body);
                    self.names.truncate(depth);
                    let otherwise = self.inside(&lp.otherwise)?;
                    items.push(Item::List(lp.clone(), body?, otherwise));
                }
            },
            Node::Emit(statement) => {
                let stays = self.names.why_called(statement).map(Opaque::Call);
                items.push(Item::Region(
                    vec![node.clone()],
                    stays.unwrap_or(Opaque::MayPrintHtml),
                ));
            }
            Node::AutoEscape(_, body) => {
                self.inside(body)?;
                items.push(Item::Region(vec![node.clone()], Opaque::AutoEscape));
            }
            Node::Filter(..) => items.push(Item::Region(vec![node.clone()], Opaque::FilterBlock)),
            Node::Native(Stmt::Include(_)) => items.push(Item::Region(vec![node.clone()], Opaque::Include)),
            Node::Native(statement) => {
                let stays = self.names.why_called(statement).map(Opaque::Call);
                items.push(Item::Region(
                    vec![node.clone()],
                    stays.unwrap_or(Opaque::Statement),
                ));
            }
            Node::Jump(_) => return Err(Unbalanced("a break or continue".to_owned())),
            Node::Enter(_)
            | Node::Leave
            | Node::Escape(_)
            | Node::Unescape { .. }
            | Node::Super(_)
            | Node::Define(_)
            | Node::Capture(..) => {
                items.push(Item::Silent(node.clone()));
            }
            Node::Guarded(..) | Node::Captured(..) => {
                return Err(Unbalanced("a tag whose name depends on the data".to_owned()));
            }
            Node::Raw(_) => unreachable!("raw text is read as text"),
        }
        if matches!(items.last(), Some(Item::Branch(..) | Item::List(..)))
            && !reads::left_behind(node).is_empty()
        {
            items.push(Item::Defined(node.clone()));
        }
        self.scope(node);
        Ok(())
    }

    /// Whether something impure decides which branch or which rows there are.
    fn decides_impurely(&self, node: &Node<'a>) -> bool {
        let impure = |expr: &Expr<'static>| self.names.of(expr).impure;
        match node {
            Node::If(branch) => branch.arms.iter().any(|(condition, _)| impure(condition)),
            Node::For(lp) => impure(&lp.syntax.iter) || lp.syntax.filter_expr.as_ref().is_some_and(impure),
            _ => false,
        }
    }

    fn inside(&mut self, nodes: &[Node<'a>]) -> Result<Vec<Item<'a>>, Unbalanced> {
        let depth = self.names.depth();
        let around = Around {
            depth: self.around.depth + 1,
            branches: self.around.branches + 1,
            ..self.around
        };
        let items = parse_inside(nodes, self.names, around);
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
        if let Some(inside) = rest.strip_prefix("<!--") {
            self.skip(4);
            // `<!-->` and `<!--->` are whole comments.
            match [">", "->"].into_iter().find(|short| inside.starts_with(short)) {
                Some(short) => self.skip(short.len()),
                None => self.until(&["-->", "--!>"], "a comment")?,
            }
        } else {
            self.skip(2);
            self.until(&[">"], "a comment")?;
        }
        let nodes = self.slice(start, self.at);
        items.push(match plain_text(&nodes) {
            Some(text) if looks_like_mark(&text) => Item::Static(String::new()),
            Some(text) => Item::Static(text),
            None if rest
                .get(..9)
                .is_some_and(|start| start.eq_ignore_ascii_case("<!doctype")) =>
            {
                return Err(Unbalanced("a doctype with something dynamic in it".to_owned()));
            }
            None => Item::Region(nodes, Opaque::Comment),
        });
        Ok(())
    }

    fn end_tag_text(&mut self) -> Result<String, Unbalanced> {
        let start = self.at;
        self.until(&[">"], "an end tag")?;
        plain_text(&self.slice(start, self.at))
            .ok_or_else(|| Unbalanced("an end tag with something dynamic in it".to_owned()))
    }

    fn element(&mut self, items: &mut Vec<Item<'a>>) -> Result<(), Unbalanced> {
        let start = self.at;
        let Next::Text(rest) = self.next() else {
            unreachable!("the caller saw markup")
        };
        let length = rest[1..]
            .find(|c: char| is_space(c) || c == '/' || c == '>')
            .unwrap_or(rest.len() - 1);
        let name = rest[1..=length].to_ascii_lowercase();
        self.skip(length + 1);
        if !self.name_ends() {
            // As in `<h{{ level }}>`, and in `<p {%- if … %}` where the space is trimmed.
            return Err(Unbalanced(format!("the name of a tag is not only <{name}>")));
        }
        let around = self.around;
        let foreign = around.foreign || FOREIGN.contains(&name.as_str());
        self.around.foreign = foreign;
        let tag = self.tag(&rest[..=length], &name);
        self.around = around;
        let (tag, self_closing) = tag?;
        // Which attributes there were can't be told, so the element is sent anew.
        let is_impure = tag
            .iter()
            .any(|part| matches!(part, TagPart::Attributes(nodes) if self.names.of_nodes(nodes).impure));
        let childless = if foreign {
            self_closing
        } else {
            VOID.contains(&name.as_str())
        };
        if childless || (TRANSPARENT.contains(&name.as_str()) && !foreign) {
            let whole = self.slice(start, self.at);
            let end = String::new();
            if is_impure && TRANSPARENT.contains(&name.as_str()) {
                return Err(Unbalanced(format!(
                    "something impure decides on attributes of <{name}>"
                )));
            }
            if is_impure {
                items.push(Item::Region(whole, Opaque::Impure));
                return Ok(());
            }
            items.push(Item::Element(Element {
                name,
                tag,
                children: vec![],
                end,
                foreign,
                content: vec![],
                whole,
            }));
            return Ok(());
        }
        let content = self.at;
        let children = if TEXT_ONLY.contains(&name.as_str()) && !foreign {
            self.text_only(&name)?
        } else {
            let scopes = (self.scopes.len(), self.names.depth(), self.names.escapes());
            self.around.foreign = foreign && !holds_html(&name);
            self.around.depth += 1;
            let children = if around.depth < MAX_DEPTH {
                self.children(Some(&name))
            } else {
                Err(Unbalanced("elements nested too deep".to_owned()))
            };
            self.around = around;
            match children {
                Ok(children) => children,
                Err(Unbalanced(why)) => {
                    // The smallest element around what is unbalanced is replaced as a whole.
                    if self.scopes.len() < scopes.0 {
                        return Err(Unbalanced(why));
                    }
                    self.scopes.truncate(scopes.0);
                    self.names.truncate(scopes.1);
                    self.names.set_escapes(scopes.2);
                    self.at = content;
                    let Some(end) = self.find_end(&name) else {
                        return Err(Unbalanced(why));
                    };
                    let nodes = self.slice(content, end);
                    // A tag that ends in different ways may open other elements than it seems to.
                    if splits_tag(&nodes) {
                        return Err(Unbalanced(why));
                    }
                    self.at = end;
                    nodes.iter().for_each(|node| self.scope(node));
                    if self.scopes.len() != scopes.0 {
                        return Err(Unbalanced(why));
                    }
                    vec![Item::Region(nodes, Opaque::Unbalanced(why))]
                }
            }
        };
        let inside = self.slice(content, self.at);
        let end = self.end_tag_text()?;
        let whole = self.slice(start, self.at);
        if is_impure {
            items.push(Item::Region(whole, Opaque::Impure));
            return Ok(());
        }
        if drops_first_newline(&name)
            && !matches!(children.first(), Some(Item::Text(_) | Item::Static(_)))
            && may_begin_with_newline(&children)
        {
            // The parser drops a newline at the very start, and would not with a mark in front of it.
            items.push(Item::Region(whole, Opaque::LeadingNewline));
            return Ok(());
        }
        items.push(Item::Element(Element {
            name,
            tag,
            children,
            end,
            foreign,
            content: inside,
            whole,
        }));
        Ok(())
    }

    /// Whether whatever comes next ends the name of a tag: `<p>`, `<p class…`, `<p{% if a %} class…`.
    fn name_ends(&self) -> bool {
        let rest = &self.nodes[self.at.node.min(self.nodes.len())..];
        let mut offset = self.at.offset;
        for node in rest {
            match node {
                Node::Raw(text) if offset < text.len() => {
                    return text[offset..].starts_with(|c: char| is_space(c) || c == '/' || c == '>');
                }
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
                    self.scope(node);
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
        if !is_raw_text(name) && refers_oddly(&nodes) {
            return Err(Unbalanced(
                "a character reference that data goes on with".to_owned(),
            ));
        }
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
}

/// Whether what the items print may begin with a line end.
fn may_begin_with_newline(items: &[Item<'_>]) -> bool {
    for item in items {
        match item {
            Item::Static(html) if html.is_empty() => {}
            Item::Static(html) => return html.starts_with(['\n', '\r']),
            Item::Element(_) => return false,
            Item::Text(_) | Item::Region(..) => return true,
            Item::Branch(arms, otherwise) => {
                let mut bodies = arms
                    .iter()
                    .map(|(_, body)| body)
                    .chain(std::iter::once(otherwise));
                if bodies.any(|body| may_begin_with_newline(body)) {
                    return true;
                }
            }
            Item::List(_, body, otherwise) => {
                if may_begin_with_newline(body) || may_begin_with_newline(otherwise) {
                    return true;
                }
            }
            Item::Silent(_) | Item::Defined(_) | Item::HeadEnd => {}
        }
    }
    false
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
    items.push(if refers_oddly(&run) {
        Item::Region(run, Opaque::Reference)
    } else {
        Item::Text(run)
    });
    items.extend(after.into_iter().map(Item::Silent));
}

/// Whether the author's own comment would be taken for one of the marks; such a comment is left out.
fn looks_like_mark(comment: &str) -> bool {
    let data = match comment.strip_prefix("<!--") {
        Some(data) => data.strip_suffix("-->").unwrap_or(data),
        None => comment
            .strip_prefix("<!")
            .unwrap_or_default()
            .trim_end_matches('>'),
    };
    matches!(data, "t" | "o" | "i" | "l" | "r" | "q" | "/")
}

/// Why a loop can't be followed row by row, if so.
fn opaque_loop(lp: &Rc<For<'_>>) -> Option<Opaque> {
    if lp.syntax.recursive {
        return Some(Opaque::RecursiveLoop);
    }
    if !namespace::changes([&Node::For(lp.clone())]).is_empty() {
        return Some(Opaque::Namespace);
    }
    let mut reason = None;
    for node in lp.body.iter() {
        node.walk(&mut |inside| {
            if matches!(inside, Node::Jump(_)) {
                reason = Some(Opaque::Jump);
            }
        });
    }
    reason
        .or_else(|| super::code::loop_variable_escapes(lp).then_some(Opaque::LoopValue))
        .or_else(|| super::rows::remember_others(lp).then_some(Opaque::RowsRemember))
}
