//! Lays a template's HTML out as fragments: what is static, where each slot sits, which values it needs.

mod follow;
mod list;

use std::collections::BTreeSet;

use super::blocks::Called;
use super::condition::Condition;
use super::draft::{
    Draft, DraftKind, FragmentId, HoleDraft, HoleKind, HoleSource, Op, Piece, Scope, SlotDraft, ValueStep,
};
use super::failing;
use super::item::{Element, Item, TagPart};
use super::machinery::ast::Expr;
use super::node::{Node, emitted};
use super::opaque::Opaque;
use super::reading::Reading;
use super::reads::{self, LoopId, Names, Reads};
use super::{foreign, syntax, tags, text};

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
    /// The sign of a row, for the element with which it begins.
    row_begins: Option<&'static str>,
    /// The loops whose items are parts of the data.
    over_data: BTreeSet<LoopId>,
}

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
            row_begins: None,
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
        let sets = setting.iter().any(|node| self.may_fail(node));
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
        let mut mark = self.row_begins.take().unwrap_or_default().to_owned();
        let last = element.tag.len() - 1;
        for (at, part) in element.tag.iter().enumerate() {
            match part {
                TagPart::Static(html) if at == last => {
                    if starts_with_text(element) {
                        mark.push('.');
                    }
                    match mark.as_str() {
                        "" => {}
                        // A text is what a mark means that says nothing.
                        "." => raw(draft, " st"),
                        "!." if html != "/>" => raw(draft, " st=!"),
                        _ if html == "/>" => raw(draft, &format!(" st={mark} ")),
                        _ => raw(draft, &format!(" st={mark}")),
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
                            let foreign = element.foreign;
                            let kind = HoleKind::Tag { foreign };
                            let hole = this.hole(draft, kind, HoleSource::Nodes(nodes.clone()));
                            this.follow_all(nodes);
                            DraftKind::Tag {
                                nodes: nodes.clone(),
                                hole,
                                foreign,
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

fn visible<'i, 'a>(items: &'i [Item<'a>]) -> Vec<&'i Item<'a>> {
    items
        .iter()
        .filter(|item| !matches!(item, Item::Silent(_) | Item::Defined(_)))
        .collect()
}

/// Whether an element has slots of its own, and so a mark.
fn is_marked(element: &Element<'_>) -> bool {
    let mut tag = element.tag.iter();
    let is_slot = |part: &TagPart<'_>| match part {
        TagPart::Static(_) => false,
        TagPart::Attributes(nodes) => !nodes.iter().all(Node::is_silent),
        TagPart::Attribute { .. } => true,
    };
    starts_with_text(element) || tag.any(is_slot)
}

fn starts_with_text(element: &Element<'_>) -> bool {
    matches!(visible(&element.children).first(), Some(Item::Text(_)))
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
