//! Lays a template's HTML out as fragments: what is static, where each slot sits, which values it needs.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::blocks::Called;
use super::condition::{Condition, Operand};
use super::failing;
use super::item::{Element, Item, TagPart};
use super::machinery::ast::Expr;
use super::namespace;
use super::node::{self, For, Node, emitted};
use super::opaque::Opaque;
use super::reading::Reading;
use super::reads::{self, LoopId, Names, Place, Reads};
use super::{foreign, syntax, tags, text};
use crate::PathStep;

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
    /// What is set, and may fail at that.
    checks: Vec<SlotDraft<'a>>,
}

impl Draft<'_> {
    /// Whether the program of one of its slots runs what a check runs, whenever that may have changed.
    fn runs_anyway(&self, check: &SlotDraft<'_>) -> bool {
        let DraftKind::Check(node) = &check.kind else {
            return false;
        };
        self.slots.iter().any(|slot| {
            (slot.sets || slot.kind.runs(&self.holes))
                && slot.reads.covers(&check.reads)
                && slot.scope.iter().any(|step| {
                    step.runs(node)
                        && step
                            .defined()
                            .iter()
                            .any(|name| slot.kind.mentions().contains(name))
                })
        })
    }
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
    /// Values are escaped in the way of this name.
    Escape(&'static str),
    /// The end of the innermost [`Scope::Escape`]; whether values are escaped for HTML after it.
    Unescape {
        html: bool,
    },
    Define(Node<'a>),
    /// A scope that has ended, with all that ran in it: it changed a namespace of others.
    Past(Vec<Node<'a>>),
}

impl Scope<'_> {
    /// The names that it defines.
    pub(super) fn defined(&self) -> Vec<&'static str> {
        let mut defined = Vec::new();
        match self {
            Scope::Loop(_, lp) => {
                syntax::assigned(&lp.syntax.target, &mut defined);
                defined.push("loop");
            }
            Scope::Enter(assignments) => {
                assignments
                    .iter()
                    .for_each(|(target, _)| syntax::assigned(target, &mut defined));
            }
            Scope::Escape(_) | Scope::Unescape { .. } => {}
            Scope::Define(node) => defined = reads::left_behind(node),
            Scope::Past(nodes) => defined.extend(namespace::changes(nodes)),
        }
        defined
    }

    /// Whether it is what this node leaves behind.
    fn runs(&self, node: &Node<'_>) -> bool {
        match (self, node) {
            (Scope::Enter(a), Node::Enter(b)) => std::ptr::eq(*a, *b),
            (Scope::Define(Node::Define(a)), Node::Define(b)) => std::ptr::eq(*a, *b),
            (Scope::Define(Node::Capture(a, _)), Node::Capture(b, _)) => std::ptr::eq(*a, *b),
            _ => false,
        }
    }
}

pub(super) struct SlotDraft<'a> {
    pub(super) kind: DraftKind<'a>,
    pub(super) scope: Vec<Scope<'a>>,
    /// What the slot itself reads: for a branch its conditions, for a list its items.
    pub(super) reads: Reads,
    /// What the slot and everything inside it reads.
    pub(super) all_reads: Reads,
    /// What the slot is, in words.
    pub(super) place: String,
    /// Whether it sets names, and may fail at that.
    pub(super) sets: bool,
    /// The elements around it, for `explain`.
    pub(super) within: String,
}

pub(super) enum DraftKind<'a> {
    Text {
        nodes: Vec<Node<'a>>,
        pieces: Vec<Piece>,
        /// How to compute the pieces that are not static.
        steps: Vec<ValueStep<'a>>,
        drops_newline: bool,
        place: text::Place,
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
        /// Whether it is a tag of SVG or MathML.
        foreign: bool,
    },
    Region {
        nodes: Vec<Node<'a>>,
        hole: usize,
        reason: Opaque,
    },
    Branch {
        arms: Vec<(&'a Expr<'static>, Option<FragmentId>)>,
        otherwise: Option<FragmentId>,
        hole: usize,
        /// The conditions, where all of them are plain questions about the data.
        conditions: Option<Vec<Condition>>,
    },
    List(ListDraft<'a>),
    /// No place of the page: a node that prints nothing and may fail, for which no other slot is certain to run it.
    Check(Node<'a>),
}

impl DraftKind<'_> {
    /// How many of the scopes that are open where the slot starts end within it.
    pub(super) fn scopes_left(&self) -> usize {
        match self {
            DraftKind::Text { nodes, .. }
            | DraftKind::Attribute { nodes, .. }
            | DraftKind::Tag { nodes, .. }
            | DraftKind::Region { nodes, .. } => node::scopes_crossed(nodes).0,
            DraftKind::Branch { .. } | DraftKind::List(_) | DraftKind::Check(_) => 0,
        }
    }

    /// Whether its program prints it whenever it may have changed: the data alone does not tell it.
    fn runs(&self, holes: &[HoleDraft<'_>]) -> bool {
        let is_read = |hole: usize| holes[hole].reading.is_some();
        match self {
            DraftKind::Text { steps, .. } | DraftKind::Attribute { steps, .. } => {
                steps.iter().any(|step| match step {
                    ValueStep::Hole(hole) => !is_read(*hole),
                    ValueStep::Silent(_) => false,
                })
            }
            DraftKind::Tag { hole, .. } | DraftKind::Region { hole, .. } => !is_read(*hole),
            DraftKind::Branch { conditions, .. } => conditions.is_none(),
            DraftKind::List(list) => list.source.is_none(),
            DraftKind::Check(_) => false,
        }
    }

    /// The names that its program mentions.
    pub(super) fn mentions(&self) -> BTreeSet<&'static str> {
        let mut mentioned = BTreeSet::new();
        match self {
            DraftKind::Text { nodes, .. }
            | DraftKind::Attribute { nodes, .. }
            | DraftKind::Tag { nodes, .. }
            | DraftKind::Region { nodes, .. } => mentioned = reads::mentioned(nodes),
            DraftKind::Branch { arms, .. } => arms
                .iter()
                .for_each(|(condition, _)| reads::mentioned_in(condition, &mut mentioned)),
            DraftKind::List(list) => {
                reads::mentioned_in(&list.lp.syntax.iter, &mut mentioned);
                let filter = list.lp.syntax.filter_expr.iter();
                filter.for_each(|filter| reads::mentioned_in(filter, &mut mentioned));
            }
            DraftKind::Check(node) => mentioned = reads::mentioned(std::slice::from_ref(node)),
        }
        mentioned
    }
}

pub(super) struct ListDraft<'a> {
    pub(super) lp: Rc<For<'a>>,
    pub(super) id: LoopId,
    pub(super) item: FragmentId,
    pub(super) otherwise: Option<FragmentId>,
    /// What it runs over, where that is a part of the data and nothing else.
    pub(super) source: Option<ListSource>,
    pub(super) key: Option<Vec<Node<'a>>>,
    /// The paths within an item that the key is made of, where it is made of nothing else.
    pub(super) key_paths: Option<Vec<Vec<PathStep>>>,
    /// What a row reads beside its own item and counter.
    pub(super) row_reads: Reads,
    pub(super) hole: usize,
}

/// What a list runs over, where that is a part of the data and nothing else.
#[derive(Debug, Clone)]
pub(crate) struct ListSource {
    pub(crate) operand: Operand,
    /// Whether it runs over the pairs of a map, as `|items` gives them, and not over a sequence.
    pub(crate) pairs: bool,
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
    /// How its text is read from the data, where that can be.
    pub(super) reading: Option<Vec<Reading>>,
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
    /// The elements that are open here, outermost first.
    around: Vec<String>,
    /// Counts changes of scope, so that an expression means the same only where nothing was defined between.
    version: usize,
    /// Whether the elements around are those of SVG or MathML.
    foreign: bool,
    /// The loops whose items are parts of the data.
    over_data: BTreeSet<LoopId>,
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
            around: Vec::new(),
            version: 0,
            foreign: false,
            over_data: BTreeSet::new(),
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

    /// Whether anything in the rows of a loop may need its `loop` variable, be it to define a name that nobody reads.
    pub(super) fn mentions_counter(&self, id: LoopId) -> bool {
        let inside = |fragment: &&Draft<'_>| {
            let mut scope = fragment.scope.iter();
            scope.any(|step| matches!(step, Scope::Loop(around, _) if *around == id))
        };
        let mentions = |fragment: &Draft<'_>| {
            ["loop", reads::ANYTHING]
                .iter()
                .any(|name| fragment.mentions.contains(name))
        };
        self.fragments.iter().filter(inside).any(mentions)
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
        // Behind all places of the page, so that these keep their numbers.
        let checks = std::mem::take(&mut draft.checks);
        let needed = checks.into_iter().filter(|check| !draft.runs_anyway(check));
        let needed: Vec<SlotDraft<'a>> = needed.collect();
        draft.slots.extend(needed);
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
                    self.follow(node);
                    continue;
                }
                Item::HeadEnd => draft.ops.push(Op::HeadEnd),
                Item::Static(html) => raw(draft, html),
                Item::Text(nodes) => {
                    let element = around.element.unwrap_or_default();
                    if !first {
                        raw(draft, "<!t>");
                    }
                    let drops_newline = first && tags::drops_first_newline(element);
                    self.text(draft, nodes, drops_newline, element);
                }
                Item::Region(nodes, reason) => {
                    raw(draft, "<!o>");
                    self.region(draft, nodes, reason.clone());
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
        if printed {
            self.check(draft, node);
        }
        self.follow(node);
        draft
            .mentions
            .extend(reads::mentioned(std::slice::from_ref(node)));
        draft.steps.push(ValueStep::Silent(node.clone()));
        if printed {
            draft.ops.push(Op::Silent(node.clone()));
        }
    }

    /// Notes a node that prints nothing, if it may fail on some data.
    fn check(&mut self, draft: &mut Draft<'a>, node: &Node<'a>) {
        if !failing::may_fail(node, &|expr| self.is_there(expr)) {
            return;
        }
        let reads = self.names.of_all(node);
        draft.checks.push(SlotDraft {
            kind: DraftKind::Check(node.clone()),
            scope: self.scope.clone(),
            all_reads: reads.clone(),
            reads,
            place: "check".to_owned(),
            sets: false,
            within: self.within(),
        });
    }

    /// Whether an expression is a path that can be followed to its last step, whatever the data is.
    fn is_there(&self, expr: &Expr<'static>) -> bool {
        match self.names.place(expr) {
            Some(Place::Data(path)) => path.len() < 2,
            Some(Place::Item { id, path, sure }) => sure && path.len() < 2 && self.over_data.contains(&id),
            Some(Place::Counter(..)) => true,
            None => false,
        }
    }

    /// Keeps track of what nodes that are run as a whole leave behind.
    fn follow_all(&mut self, nodes: &[Node<'a>]) {
        for node in nodes {
            match node {
                Node::Captured(_, inside) => self.follow_all(inside),
                node => self.follow(node),
            }
        }
    }

    /// Keeps track of what a node leaves behind.
    fn follow(&mut self, node: &Node<'a>) {
        match node {
            Node::Enter(assignments) => {
                self.open.push((self.scope.len(), self.names.depth()));
                self.names.define(node);
                self.scope.push(Scope::Enter(assignments));
            }
            Node::Leave => {
                if let Some((scope, names)) = self.open.pop() {
                    let past = past(&self.scope[scope..]);
                    self.scope.truncate(scope);
                    self.names.leave(names);
                    if !namespace::changes(past.iter()).is_empty() {
                        self.scope.push(Scope::Past(past));
                    }
                }
            }
            Node::Escape(to) => {
                self.names.define(node);
                self.scope.push(Scope::Escape(to));
            }
            Node::Unescape { html } => {
                self.names.define(node);
                self.scope.push(Scope::Unescape { html: *html });
            }
            _ if !node.is_silent() && reads::left_behind(node).is_empty() => return,
            _ => {
                self.names.define(node);
                self.scope.push(Scope::Define(node.clone()));
            }
        }
        self.version += 1;
    }

    fn hole(&mut self, draft: &mut Draft<'a>, kind: HoleKind, source: HoleSource<'a>) -> usize {
        let key = match &source {
            HoleSource::Nodes(nodes) => {
                let impure = self.names.of_nodes(nodes).impure;
                let print = if impure { None } else { fingerprint(nodes) };
                print.map(|print| format!("{kind:?}{}:{print}", self.version))
            }
            HoleSource::Slot(_) => None,
        };
        if key.is_some()
            && let Some(known) = draft.holes.iter().position(|hole| hole.key == key)
        {
            return known;
        }
        let reading = match &source {
            HoleSource::Nodes(nodes) => Reading::of(nodes, kind, &self.names),
            HoleSource::Slot(_) => None,
        };
        draft.holes.push(HoleDraft {
            kind,
            source,
            reading,
            key,
        });
        draft.steps.push(ValueStep::Hole(draft.holes.len() - 1));
        draft.holes.len() - 1
    }

    /// Splits a text or an attribute's value into what is static and what is not, and says how to compute the latter.
    fn pieces(
        &mut self,
        draft: &mut Draft<'a>,
        nodes: &[Node<'a>],
        raw_text: bool,
        place: text::Place,
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
                    end_static(&mut html, raw_text, place, &mut pieces);
                    let kind = if raw_text { HoleKind::Raw } else { HoleKind::Text };
                    let hole = self.hole(draft, kind, HoleSource::Nodes(vec![dynamic.clone()]));
                    self.follow_all(std::slice::from_ref(dynamic));
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
        end_static(&mut html, raw_text, place, &mut pieces);
        (pieces, steps)
    }

    /// Whether the environment prints text and numbers as it does by default.
    pub(super) fn prints_as_usual(&self) -> bool {
        self.names.shortcuts().formatter
    }

    /// The blocks that expressions call.
    pub(super) fn blocks(&self) -> &Called<'a> {
        self.names.blocks()
    }

    fn within(&self) -> String {
        self.around.join(" > ")
    }

    /// The paths within the item of a loop that make up a text, if nothing else that changes does.
    fn parts_of_item(&self, nodes: &[Node<'a>], id: LoopId) -> Option<Vec<Vec<PathStep>>> {
        let dynamic = nodes.iter().filter(|node| !matches!(node, Node::Raw(_)));
        let paths = dynamic.map(|node| match node {
            Node::Emit(statement) | Node::Guarded(_, statement) => {
                match self.names.place(&emitted(statement).expr)? {
                    Place::Item { id: of, path, .. } if of == id => Some(path),
                    _ => None,
                }
            }
            _ => None,
        });
        paths.collect()
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
        let open = self.open.iter().map(|(_, names)| *names).collect();
        let mut reads = self.names.of_nodes_within(nodes, open);
        let setting = failing::setting(nodes);
        let sets = setting
            .iter()
            .any(|node| failing::may_fail(node, &|expr| self.is_there(expr)));
        if sets {
            setting
                .iter()
                .for_each(|node| reads.add(&self.names.of_all(node)));
        }
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
                sets,
                within: self.within(),
            },
        );
    }

    fn text(&mut self, draft: &mut Draft<'a>, nodes: &[Node<'a>], drops_newline: bool, element: &str) {
        let raw_text = tags::is_raw_text(element) && !self.foreign;
        let text_only = tags::TEXT_ONLY.contains(&element);
        let html = !self.foreign && !text_only;
        let at = if html {
            text::Place::Html
        } else {
            text::Place::Other
        };
        let place = if element.is_empty() {
            "text".to_owned()
        } else {
            format!("text of <{element}>")
        };
        self.simple(draft, nodes, place, |this, draft| {
            let (pieces, steps) = this.pieces(draft, nodes, raw_text, at);
            DraftKind::Text {
                nodes: nodes.to_vec(),
                pieces,
                steps,
                drops_newline,
                place: at,
            }
        });
    }

    fn region(&mut self, draft: &mut Draft<'a>, nodes: &[Node<'a>], reason: Opaque) {
        self.simple(draft, nodes, "region".to_owned(), |this, draft| {
            let hole = this.hole(draft, HoleKind::Raw, HoleSource::Nodes(nodes.to_vec()));
            // The nodes run as they are; what they define counts for those after them.
            this.follow_all(nodes);
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
                            this.follow_all(nodes);
                            DraftKind::Tag {
                                nodes: nodes.clone(),
                                hole,
                                foreign: element.foreign,
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
                        let (pieces, steps) = this.pieces(draft, value, false, text::Place::Attribute);
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
        self.around.push(label(element));
        let foreign = self.foreign;
        self.foreign = element.foreign && !foreign::holds_html(&element.name);
        self.items(
            draft,
            &element.children,
            Around {
                element: Some(&element.name),
            },
            false,
        );
        self.foreign = foreign;
        self.around.pop();
        raw(draft, &element.end);
    }

    fn branch(
        &mut self,
        draft: &mut Draft<'a>,
        arms: &[(&'a Expr<'static>, Vec<Item<'a>>)],
        otherwise: &[Item<'a>],
    ) {
        let last = otherwise;
        let scope = self.scope.clone();
        let mut reads = Reads::default();
        let mut all_reads = Reads::default();
        let conditions = arms
            .iter()
            .map(|(expr, _)| Condition::of(expr, &self.names))
            .collect();
        let mut drafted = Vec::new();
        for (condition, body) in arms {
            reads.add(&self.names.of(condition));
            reads::mentioned_in(condition, &mut draft.mentions);
            drafted.push((*condition, self.arm(draft, body, &mut all_reads)));
        }
        let otherwise = self.arm(draft, otherwise, &mut all_reads);
        all_reads.add(&reads);
        // What shows nothing is no fragment that comes and goes, so nothing of it would run.
        if let Some(node) = failing::silent_arms(arms, last) {
            self.check(draft, &node);
        }
        let hole = self.hole(draft, HoleKind::Branch, HoleSource::Slot(draft.slots.len()));
        let kind = DraftKind::Branch {
            arms: drafted,
            otherwise,
            hole,
            conditions,
        };
        self.push_slot(
            draft,
            SlotDraft {
                kind,
                scope,
                reads,
                all_reads,
                place: "branch".to_owned(),
                sets: false,
                within: self.within(),
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

    /// What an expression gives a list to run over, if that is a part of the data and nothing else.
    fn source(&self, expr: &Expr<'static>) -> Option<ListSource> {
        let (part, pairs) = match expr {
            Expr::Filter(filter)
                if filter.name == "items" && filter.args.is_empty() && self.names.shortcuts().items =>
            {
                (filter.expr.as_ref()?, true)
            }
            _ => (expr, false),
        };
        let operand = Operand::of(part, &self.names)?;
        matches!(operand, Operand::Data(_) | Operand::Item(..)).then_some(ListSource { operand, pairs })
    }

    fn list(&mut self, draft: &mut Draft<'a>, lp: &Rc<For<'a>>, body: &[Item<'a>], otherwise: &[Item<'a>]) {
        let scope = self.scope.clone();
        let id = self.loops;
        self.loops += 1;
        let mut reads = self.names.of(&lp.syntax.iter);
        let source = match &lp.syntax.filter_expr {
            None => self.source(&lp.syntax.iter),
            Some(_) => None,
        };
        reads::mentioned_in(&lp.syntax.iter, &mut draft.mentions);
        if source.is_some() {
            self.over_data.insert(id);
        }
        let names = self.names.depth();
        let pairs = source.as_ref().is_some_and(|source| source.pairs);
        self.names.enter_loop(id, lp.syntax, pairs);
        if let Some(filter) = &lp.syntax.filter_expr {
            reads::mentioned_in(filter, &mut draft.mentions);
            let mut filter_reads = self.names.of(filter);
            filter_reads.items.retain(|(read, _)| *read != id);
            reads.add(&filter_reads);
        }
        self.scope.push(Scope::Loop(id, lp.clone()));
        let key = key_of(body).filter(|key| {
            // A namespace changes while its row is made.
            let reads = self.names.of_nodes(key);
            reads.reads_item(id) && !reads.impure && namespace::changes(key.iter()).is_empty()
        });
        let key_paths = key.as_ref().and_then(|key| self.parts_of_item(key, id));
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
            source,
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
                sets: false,
                within: self.within(),
            },
        );
    }
}

/// An element as a person looks for it: its name, with its id or first class where the template has one.
fn label(element: &Element<'_>) -> String {
    let attributes = element.tag.iter().filter_map(|part| match part {
        TagPart::Static(html) => Some(text::attributes(
            html.trim_start_matches('<').trim_end_matches('>'),
        )),
        _ => None,
    });
    let mut class = None;
    for (name, value) in attributes.flatten().filter(|(_, value)| !value.is_empty()) {
        match name.as_str() {
            "id" => return format!("{}#{value}", element.name),
            "class" => class = value.split_whitespace().next().map(str::to_owned),
            _ => {}
        }
    }
    class.map_or_else(
        || element.name.clone(),
        |class| format!("{}.{class}", element.name),
    )
}

/// The nodes that ran in a scope, from its start to its end.
fn past<'a>(steps: &[Scope<'a>]) -> Vec<Node<'a>> {
    let mut nodes = Vec::new();
    for step in steps {
        match step {
            Scope::Enter(assignments) => nodes.push(Node::Enter(assignments)),
            Scope::Escape(to) => nodes.push(Node::Escape(to)),
            Scope::Unescape { html } => nodes.push(Node::Unescape { html: *html }),
            Scope::Define(node) => nodes.push(node.clone()),
            Scope::Past(inside) => nodes.extend(inside.iter().cloned()),
            // A loop's rows have ended before the scope around it does.
            Scope::Loop(..) => {}
        }
    }
    nodes.push(Node::Leave);
    nodes
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

/// What tells a row from the others: `st-key`, or the `id` of its first element, after the names that are set before it.
fn key_of<'a>(items: &[Item<'a>]) -> Option<Vec<Node<'a>>> {
    let mut key = Vec::new();
    for item in items {
        match item {
            Item::Silent(node) => key.push(node.clone()),
            Item::Element(element) => {
                let value = |wanted: &str| {
                    element.tag.iter().find_map(|part| match part {
                        TagPart::Attribute { name, value, .. } if name == wanted => Some(value.clone()),
                        _ => None,
                    })
                };
                key.extend(value("st-key").or_else(|| value("id"))?);
                return Some(closed(key));
            }
            Item::Branch(arms, otherwise) => {
                let mut arms = arms
                    .iter()
                    .map(|(_, body)| body)
                    .chain(std::iter::once(otherwise));
                key.extend(arms.find_map(|body| key_of(body))?);
                return Some(closed(key));
            }
            _ => {}
        }
    }
    None
}

/// The nodes with the ends of the scopes that they leave open.
fn closed(mut nodes: Vec<Node<'_>>) -> Vec<Node<'_>> {
    let mut open = 0usize;
    for node in &nodes {
        match node {
            Node::Enter(_) => open += 1,
            Node::Leave => open = open.saturating_sub(1),
            _ => {}
        }
    }
    nodes.extend(std::iter::repeat_n(Node::Leave, open));
    let escapes = usize::try_from(node::escapes_opened(&nodes)).unwrap_or(0);
    nodes.extend(std::iter::repeat_n(Node::Unescape { html: true }, escapes));
    nodes
}

fn raw(draft: &mut Draft<'_>, html: &str) {
    match draft.ops.last_mut() {
        Some(Op::Raw(last)) => last.push_str(html),
        _ if html.is_empty() => {}
        _ => draft.ops.push(Op::Raw(html.to_owned())),
    }
}

fn end_static(html: &mut String, raw_text: bool, place: text::Place, pieces: &mut Vec<Piece>) {
    if !html.is_empty() {
        let html = std::mem::take(html);
        let text = if raw_text {
            text::normalise(&html, place).into_owned()
        } else {
            text::decode(&html, place)
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
    Some(format!("{guard}{}", syntax::wording(&emitted(statement).expr)))
}
