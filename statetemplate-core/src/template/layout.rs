//! Lays a template's HTML out as fragments: what is static, where each slot sits, which values it needs.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::html::{self, Element, Item, TagPart};
use super::machinery::ast::Expr;
use super::node::{For, Node, closed_scopes, emitted};
use super::reads::{self, LoopId, Names, Reads, Step};
use super::syntax;

/// The number of a fragment in its plan.
pub(crate) type FragmentId = usize;

/// A fragment on its way to being compiled.
#[derive(Default)]
pub(super) struct Draft<'a> {
    /// How the fragment is printed, in order.
    pub(super) ops: Vec<Op<'a>>,
    /// How its values are computed, in order.
    pub(super) steps: Vec<ValueStep<'a>>,
    pub(super) slots: Vec<SlotDraft<'a>>,
    pub(super) holes: Vec<HoleDraft<'a>>,
    /// What is in scope where the fragment starts.
    pub(super) scope: Vec<Scope<'a>>,
    /// Every name that the fragment mentions.
    pub(super) mentions: BTreeSet<&'static str>,
}

pub(super) enum Op<'a> {
    Raw(String),
    Slot(usize),
    Silent(Node<'a>),
    HeadEnd,
}

pub(super) enum ValueStep<'a> {
    Silent(Node<'a>),
    Hole(usize),
}

/// Something that must run before code further down can be evaluated on its own.
#[derive(Clone)]
pub(super) enum Scope<'a> {
    Loop(LoopId, Rc<For<'a>>),
    Enter(&'a [(Expr<'static>, Expr<'static>)]),
    Define(Node<'a>),
}

pub(super) struct SlotDraft<'a> {
    pub(super) kind: DraftKind<'a>,
    pub(super) scope: Vec<Scope<'a>>,
    /// What the slot itself reads: for a branch its conditions, for a list its items.
    pub(super) reads: Reads,
    /// What the slot and everything inside it reads.
    pub(super) all_reads: Reads,
    /// Where the slot sits, in words, for `explain`.
    pub(super) place: String,
}

pub(super) enum DraftKind<'a> {
    Text {
        nodes: Vec<Node<'a>>,
        pieces: Vec<Piece>,
        /// How to compute the pieces that are not static.
        steps: Vec<ValueStep<'a>>,
        drops_newline: bool,
    },
    Attribute {
        nodes: Vec<Node<'a>>,
        pieces: Vec<Piece>,
        /// How to compute the pieces that are not static.
        steps: Vec<ValueStep<'a>>,
        unquoted: bool,
    },
    Tag {
        nodes: Vec<Node<'a>>,
        hole: usize,
    },
    Region {
        nodes: Vec<Node<'a>>,
        hole: usize,
        reason: &'static str,
    },
    Branch {
        arms: Vec<(&'a Expr<'static>, Option<FragmentId>)>,
        otherwise: Option<FragmentId>,
        hole: usize,
    },
    List(ListDraft<'a>),
}

pub(super) struct ListDraft<'a> {
    pub(super) lp: Rc<For<'a>>,
    pub(super) id: LoopId,
    pub(super) item: FragmentId,
    pub(super) otherwise: Option<FragmentId>,
    /// The items' path in the page's data, where the list runs over just that.
    pub(super) path: Option<Vec<Step>>,
    pub(super) key: Option<Vec<Node<'a>>>,
    /// The paths within an item that the key is made of, where it is made of nothing else.
    pub(super) key_paths: Option<Vec<Vec<Step>>>,
    /// What a row reads beside its own item and counter.
    pub(super) row_reads: Reads,
    pub(super) hole: usize,
}

/// A part of a slot's text.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Static {
        /// As it stands in the HTML.
        html: String,
        /// As it stands in the document.
        text: String,
    },
    Hole(usize),
}

pub(super) struct HoleDraft<'a> {
    pub(super) kind: HoleKind,
    pub(super) source: HoleSource<'a>,
    /// Two holes of one fragment with the same key have the same value.
    key: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HoleKind {
    /// Text that was escaped for HTML.
    Text,
    /// HTML, attributes, or text where entities mean nothing.
    Raw,
    Branch,
    List,
}

pub(super) enum HoleSource<'a> {
    Nodes(Vec<Node<'a>>),
    /// The branch or list that is this slot.
    Slot(usize),
}

pub(super) struct Layout<'a> {
    pub(super) fragments: Vec<Draft<'a>>,
    pub(super) loops: usize,
    names: Names<'a>,
    scope: Vec<Scope<'a>>,
    /// The lengths of `scope` and depths of `names` at each open scope.
    open: Vec<(usize, usize)>,
    /// Counts changes of scope, so that an expression means the same only where nothing was defined between.
    version: usize,
}

/// The page is the first fragment.
pub(crate) const PAGE: FragmentId = 0;

/// What stands around a run of items.
#[derive(Clone, Copy)]
struct Around<'e> {
    element: Option<&'e str>,
}

impl<'a> Layout<'a> {
    pub(super) fn new(names: Names<'a>, items: &[Item<'a>]) -> Self {
        let mut layout = Layout {
            fragments: Vec::new(),
            loops: 0,
            names,
            scope: Vec::new(),
            open: Vec::new(),
            version: 0,
        };
        layout.fragment(items, "", None);
        layout
    }

    /// The attributes of a loop's `loop` variable that its rows read.
    pub(super) fn counters(&self, id: LoopId) -> Vec<&'static str> {
        let slots = self.fragments.iter().flat_map(|fragment| &fragment.slots);
        let read = slots.flat_map(|slot| &slot.all_reads.counters);
        let names: BTreeSet<&'static str> = read
            .filter(|(counted, _)| *counted == id)
            .map(|(_, name)| *name)
            .collect();
        names.into_iter().collect()
    }

    fn fragment(&mut self, items: &[Item<'a>], start: &str, bare: Option<&str>) -> FragmentId {
        let id = self.fragments.len();
        self.fragments.push(Draft {
            scope: self.scope.clone(),
            ..Draft::default()
        });
        let mut draft = Draft {
            scope: self.scope.clone(),
            ..Draft::default()
        };
        let outside = (self.scope.len(), self.names.depth(), self.open.len());
        raw(&mut draft, start);
        self.items(&mut draft, items, Around { element: None }, bare.is_some());
        self.scope.truncate(outside.0);
        self.names.truncate(outside.1);
        self.open.truncate(outside.2);
        self.version += 1;
        self.fragments[id] = draft;
        id
    }

    /// `bare`: a branch among the items is the whole row and needs no comments of its own.
    fn items(&mut self, draft: &mut Draft<'a>, items: &[Item<'a>], around: Around<'_>, bare: bool) {
        let mut first = around.element.is_some();
        for item in items {
            match item {
                Item::Silent(node) => {
                    self.silent(draft, node, true);
                    continue;
                }
                Item::Defined(node) => {
                    self.version += 1;
                    self.names.define(node);
                    self.scope.push(Scope::Define(node.clone()));
                    continue;
                }
                Item::HeadEnd => draft.ops.push(Op::HeadEnd),
                Item::Static(html) => raw(draft, html),
                Item::Text(nodes) => {
                    let element = around.element.unwrap_or_default();
                    if !first {
                        raw(draft, "<!t>");
                    }
                    let drops_newline = first && html::drops_first_newline(element);
                    self.text(draft, nodes, html::is_raw_text(element), drops_newline, element);
                }
                Item::Region(nodes, reason) => {
                    raw(draft, "<!o>");
                    self.region(draft, nodes, reason);
                    raw(draft, "<!/>");
                }
                Item::Branch(arms, otherwise) => {
                    raw(draft, if bare { "" } else { "<!i>" });
                    self.branch(draft, arms, otherwise);
                    raw(draft, if bare { "" } else { "<!/>" });
                }
                Item::List(lp, body, otherwise) => {
                    raw(draft, "<!l>");
                    self.list(draft, lp, body, otherwise);
                    raw(draft, "<!/>");
                }
                Item::Element(element) => self.element(draft, element),
            }
            first = false;
        }
    }

    /// Follows a node that prints nothing. `printed`: the node is not part of a slot that prints it anyway.
    fn silent(&mut self, draft: &mut Draft<'a>, node: &Node<'a>, printed: bool) {
        self.version += 1;
        match node {
            Node::Enter(assignments) => {
                self.open.push((self.scope.len(), self.names.depth()));
                self.names.define(node);
                self.scope.push(Scope::Enter(assignments));
            }
            Node::Leave => {
                if let Some((scope, names)) = self.open.pop() {
                    self.scope.truncate(scope);
                    self.names.truncate(names);
                }
            }
            _ => {
                self.names.define(node);
                self.scope.push(Scope::Define(node.clone()));
            }
        }
        draft
            .mentions
            .extend(reads::mentioned(std::slice::from_ref(node)));
        draft.steps.push(ValueStep::Silent(node.clone()));
        if printed {
            draft.ops.push(Op::Silent(node.clone()));
        }
    }

    fn hole(&mut self, draft: &mut Draft<'a>, kind: HoleKind, source: HoleSource<'a>) -> usize {
        let key = match &source {
            HoleSource::Nodes(nodes) => {
                fingerprint(nodes).map(|print| format!("{kind:?}{}:{print}", self.version))
            }
            HoleSource::Slot(_) => None,
        };
        if key.is_some()
            && let Some(known) = draft.holes.iter().position(|hole| hole.key == key)
        {
            return known;
        }
        draft.holes.push(HoleDraft { kind, source, key });
        draft.steps.push(ValueStep::Hole(draft.holes.len() - 1));
        draft.holes.len() - 1
    }

    /// Splits a text or an attribute's value into what is static and what is not, and says how to compute the latter.
    fn pieces(
        &mut self,
        draft: &mut Draft<'a>,
        nodes: &[Node<'a>],
        raw_text: bool,
    ) -> (Vec<Piece>, Vec<ValueStep<'a>>) {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut steps = Vec::new();
        let mut html = String::new();
        for node in nodes {
            match node {
                Node::Raw(text) => html.push_str(text),
                silent if silent.is_silent() => {
                    self.silent(draft, silent, false);
                    steps.push(ValueStep::Silent(silent.clone()));
                }
                dynamic => {
                    end_static(&mut html, raw_text, &mut pieces);
                    let kind = if raw_text { HoleKind::Raw } else { HoleKind::Text };
                    let hole = self.hole(draft, kind, HoleSource::Nodes(vec![dynamic.clone()]));
                    if !steps
                        .iter()
                        .any(|step| matches!(step, ValueStep::Hole(known) if *known == hole))
                    {
                        steps.push(ValueStep::Hole(hole));
                    }
                    pieces.push(Piece::Hole(hole));
                }
            }
        }
        end_static(&mut html, raw_text, &mut pieces);
        (pieces, steps)
    }

    fn push_slot(&mut self, draft: &mut Draft<'a>, slot: SlotDraft<'a>) {
        draft.slots.push(slot);
        draft.ops.push(Op::Slot(draft.slots.len() - 1));
    }

    /// Adds a slot that is a string made by nodes.
    fn simple(
        &mut self,
        draft: &mut Draft<'a>,
        nodes: &[Node<'a>],
        place: String,
        kind: impl FnOnce(&mut Self, &mut Draft<'a>) -> DraftKind<'a>,
    ) {
        let scope = self.scope.clone();
        let reads = self.reads_of(nodes);
        draft.mentions.extend(reads::mentioned(nodes));
        let kind = kind(self, draft);
        self.push_slot(
            draft,
            SlotDraft {
                kind,
                scope,
                all_reads: reads.clone(),
                reads,
                place,
            },
        );
    }

    /// What nodes read, some of which may stand behind the end of a scope that was open before them.
    fn reads_of(&self, nodes: &[Node<'a>]) -> Reads {
        let (mut names, mut open) = (self.names.clone(), self.open.clone());
        let (mut reads, mut start) = (Reads::default(), 0);
        for end in 0..nodes.len() {
            if matches!(nodes[end], Node::Leave) && closed_scopes(&nodes[start..=end]) > 0 {
                reads.add(&names.of_nodes(&nodes[start..end]));
                if let Some((_, depth)) = open.pop() {
                    names.truncate(depth);
                }
                start = end + 1;
            }
        }
        reads.add(&names.of_nodes(&nodes[start..]));
        reads
    }

    fn text(
        &mut self,
        draft: &mut Draft<'a>,
        nodes: &[Node<'a>],
        raw_text: bool,
        drops_newline: bool,
        element: &str,
    ) {
        let place = if element.is_empty() {
            "text".to_owned()
        } else {
            format!("text of <{element}>")
        };
        self.simple(draft, nodes, place, |this, draft| {
            let (pieces, steps) = this.pieces(draft, nodes, raw_text);
            DraftKind::Text {
                nodes: nodes.to_vec(),
                pieces,
                steps,
                drops_newline,
            }
        });
    }

    fn region(&mut self, draft: &mut Draft<'a>, nodes: &[Node<'a>], reason: &'static str) {
        self.simple(draft, nodes, "region".to_owned(), |this, draft| {
            let hole = this.hole(draft, HoleKind::Raw, HoleSource::Nodes(nodes.to_vec()));
            // What the nodes define counts for those after them.
            nodes
                .iter()
                .filter(|node| node.is_silent())
                .for_each(|node| this.silent(draft, node, false));
            DraftKind::Region {
                nodes: nodes.to_vec(),
                hole,
                reason,
            }
        });
    }

    fn element(&mut self, draft: &mut Draft<'a>, element: &Element<'a>) {
        let mut mark = String::new();
        let last = element.tag.len() - 1;
        for (at, part) in element.tag.iter().enumerate() {
            match part {
                TagPart::Static(html) if at == last => {
                    if starts_with_text(element) {
                        mark.push('.');
                    }
                    if !mark.is_empty() {
                        raw(
                            draft,
                            &format!(" st={mark}{}", if html == "/>" { " " } else { "" }),
                        );
                    }
                    raw(draft, html);
                }
                TagPart::Static(html) => raw(draft, html),
                TagPart::Attributes(nodes) if nodes.iter().all(Node::is_silent) => {
                    nodes.iter().for_each(|node| self.silent(draft, node, true));
                }
                TagPart::Attributes(nodes) => {
                    mark.push('?');
                    self.simple(
                        draft,
                        nodes,
                        format!("attributes of <{}>", element.name),
                        |this, draft| {
                            let hole = this.hole(draft, HoleKind::Raw, HoleSource::Nodes(nodes.clone()));
                            DraftKind::Tag {
                                nodes: nodes.clone(),
                                hole,
                            }
                        },
                    );
                }
                TagPart::Attribute {
                    name,
                    index,
                    quote,
                    value,
                } => {
                    match index.and_then(|index| char::from_digit(u32::try_from(index).ok()?, 36)) {
                        Some(digit) => mark.push(digit),
                        None => mark.push_str(&format!("({name})")),
                    }
                    let place = format!("attribute {name} of <{}>", element.name);
                    self.simple(draft, value, place, |this, draft| {
                        let (pieces, steps) = this.pieces(draft, value, false);
                        DraftKind::Attribute {
                            nodes: value.clone(),
                            pieces,
                            steps,
                            unquoted: quote.is_none(),
                        }
                    });
                }
            }
        }
        self.items(
            draft,
            &element.children,
            Around {
                element: Some(&element.name),
            },
            false,
        );
        raw(draft, &element.end);
    }

    fn branch(
        &mut self,
        draft: &mut Draft<'a>,
        arms: &[(&'a Expr<'static>, Vec<Item<'a>>)],
        otherwise: &[Item<'a>],
    ) {
        let scope = self.scope.clone();
        let mut reads = Reads::default();
        let mut all_reads = Reads::default();
        let mut drafted = Vec::new();
        for (condition, body) in arms {
            reads.add(&self.names.of(condition));
            reads::mentioned_in(condition, &mut draft.mentions);
            drafted.push((*condition, self.arm(draft, body, &mut all_reads)));
        }
        let otherwise = self.arm(draft, otherwise, &mut all_reads);
        all_reads.add(&reads);
        let hole = self.hole(draft, HoleKind::Branch, HoleSource::Slot(draft.slots.len()));
        let kind = DraftKind::Branch {
            arms: drafted,
            otherwise,
            hole,
        };
        self.push_slot(
            draft,
            SlotDraft {
                kind,
                scope,
                reads,
                all_reads,
                place: "branch".to_owned(),
            },
        );
    }

    /// A branch's fragment, if it shows anything.
    fn arm(&mut self, draft: &mut Draft<'a>, items: &[Item<'a>], reads: &mut Reads) -> Option<FragmentId> {
        if items.is_empty() {
            return None;
        }
        let id = self.fragment(items, "", None);
        self.absorb(draft, id, reads);
        Some(id)
    }

    /// What is inside a nested fragment counts for the one around it.
    fn absorb(&mut self, draft: &mut Draft<'a>, id: FragmentId, reads: &mut Reads) {
        let inner = &self.fragments[id];
        draft.mentions.extend(&inner.mentions);
        inner.slots.iter().for_each(|slot| reads.add(&slot.all_reads));
    }

    fn list(&mut self, draft: &mut Draft<'a>, lp: &Rc<For<'a>>, body: &[Item<'a>], otherwise: &[Item<'a>]) {
        let scope = self.scope.clone();
        let id = self.loops;
        self.loops += 1;
        let mut reads = self.names.of(&lp.syntax.iter);
        let path = match &lp.syntax.filter_expr {
            None => self.names.data_path(&lp.syntax.iter),
            Some(_) => None,
        };
        reads::mentioned_in(&lp.syntax.iter, &mut draft.mentions);
        let names = self.names.depth();
        self.names.enter_loop(id, lp.syntax);
        if let Some(filter) = &lp.syntax.filter_expr {
            reads::mentioned_in(filter, &mut draft.mentions);
            let mut filter_reads = self.names.of(filter);
            filter_reads.items.retain(|(read, _)| *read != id);
            reads.add(&filter_reads);
        }
        self.scope.push(Scope::Loop(id, lp.clone()));
        let key = key_of(body).filter(|key| self.names.of_nodes(key).reads_item(id));
        let key_reads = key.as_ref().map(|key| self.names.of_nodes(key));
        let key_paths = key_reads.and_then(|reads| reads.of_item_only(id));
        let is_branch = matches!(visible(body).as_slice(), [Item::Branch(..)]);
        let item = self.fragment(
            body,
            if is_branch { "<!q>" } else { "<!r>" },
            is_branch.then_some(""),
        );
        self.scope.pop();
        self.names.truncate(names);
        let mut row_reads = Reads::default();
        self.absorb(draft, item, &mut row_reads);
        row_reads.items.retain(|(read, _)| *read != id);
        let mut all_reads = row_reads.clone();
        all_reads.counters.retain(|(counted, _)| *counted != id);
        let otherwise = self.arm(draft, otherwise, &mut all_reads);
        all_reads.add(&reads);
        let hole = self.hole(draft, HoleKind::List, HoleSource::Slot(draft.slots.len()));
        let list = ListDraft {
            lp: lp.clone(),
            id,
            item,
            otherwise,
            path,
            key,
            key_paths,
            row_reads,
            hole,
        };
        let place = "list".to_owned();
        self.push_slot(
            draft,
            SlotDraft {
                kind: DraftKind::List(list),
                scope,
                reads,
                all_reads,
                place,
            },
        );
    }
}

fn visible<'i, 'a>(items: &'i [Item<'a>]) -> Vec<&'i Item<'a>> {
    items
        .iter()
        .filter(|item| !matches!(item, Item::Silent(_) | Item::Defined(_)))
        .collect()
}

fn starts_with_text(element: &Element<'_>) -> bool {
    matches!(visible(&element.children).first(), Some(Item::Text(_)))
}

/// The value that tells a row from the others: `st-key`, or the `id` of its first element.
fn key_of<'a>(items: &[Item<'a>]) -> Option<Vec<Node<'a>>> {
    items.iter().find_map(|item| match item {
        Item::Element(element) => {
            let value = |wanted: &str| {
                element.tag.iter().find_map(|part| match part {
                    TagPart::Attribute { name, value, .. } if name == wanted => Some(value.clone()),
                    _ => None,
                })
            };
            Some(value("st-key").or_else(|| value("id")))
        }
        Item::Branch(arms, otherwise) => Some(
            arms.iter()
                .map(|(_, body)| body)
                .chain(std::iter::once(otherwise))
                .find_map(|body| key_of(body)),
        ),
        _ => None,
    })?
}

fn raw(draft: &mut Draft<'_>, html: &str) {
    match draft.ops.last_mut() {
        Some(Op::Raw(last)) => last.push_str(html),
        _ if html.is_empty() => {}
        _ => draft.ops.push(Op::Raw(html.to_owned())),
    }
}

fn end_static(html: &mut String, raw_text: bool, pieces: &mut Vec<Piece>) {
    if !html.is_empty() {
        let html = std::mem::take(html);
        let text = if raw_text {
            html.clone()
        } else {
            super::text::decode(&html).into_owned()
        };
        pieces.push(Piece::Static { html, text });
    }
}

/// A text that is equal for equal expressions, wherever they stand.
fn fingerprint(nodes: &[Node<'_>]) -> Option<String> {
    let (guard, statement) = match nodes {
        [Node::Emit(statement)] => ("", statement),
        [Node::Guarded(filter, statement)] => (*filter, statement),
        _ => return None,
    };
    let mut impure = false;
    syntax::each_expression(&emitted(statement).expr, &mut |expr| {
        impure |= matches!(expr, Expr::Call(_));
    });
    if impure {
        return None;
    }
    // The debug form of the tree, without the places in the source (` @ 1:2-1:5`) that stand outside of its strings.
    let debug = format!("{:?}", emitted(statement).expr);
    let mut out = String::from(guard);
    let mut quoted = false;
    let mut rest = debug.as_str();
    while let Some(c) = rest.chars().next() {
        if quoted && c == '\\' {
            let end = rest.char_indices().nth(2).map_or(rest.len(), |(at, _)| at);
            out.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        }
        if c == '"' {
            quoted = !quoted;
        }
        if !quoted && let Some(place) = rest.strip_prefix(" @ ") {
            rest = place.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':' || c == '-');
            continue;
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    Some(out)
}
