//! The compiled template.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use minijinja::{AutoEscape, Environment, Value};
use sha2::{Digest, Sha256};

use super::PlanOptions;
use super::compile::{Compiler, HEAD, MOST_GROUPS};
use super::condition::{Condition, Lookup};
use super::draft::{
    Draft, DraftKind, FragmentId, HoleDraft, HoleKind, HoleSource, ListSource, Piece, Scope, SlotDraft,
    ValueStep,
};
use super::layout::Layout;
use super::machinery::{Blocks, Program, Writer};
use super::reading::Reading;
use super::reads::{LoopId, Names, Reads, Step, path_steps};
use super::root::Root;
use super::shortcuts::Shortcuts;
use super::source::Sources;
use super::{blocks, code, escape, explain, html, item, marks, namespace, skeleton, text};
use crate::fragment::PageLists;
use crate::{Error, ErrorKind, PathStep, Snapshot};

/// A compiled template: immutable, and shared by all sessions that show its page.
///
/// ```
/// use statetemplate_core::{Plan, Snapshot, diff};
///
/// let mut env = minijinja::Environment::new();
/// env.add_template("counter.html", "<p>Count: {{ count }}</p>")?;
/// let plan = Plan::compile(&env, "counter.html")?;
///
/// let old = Snapshot::of(&[("count", 1)].into_iter().collect::<std::collections::BTreeMap<_, _>>())?;
/// let new = old.next(&[("count", 2)].into_iter().collect::<std::collections::BTreeMap<_, _>>())?;
/// assert_eq!(plan.render(&old, "")?, "<p st=.>Count: 1</p>");
/// assert_eq!(diff(&plan, &old, &new)?.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
#[doc = include_str!("escape/escaping.md")]
#[derive(Debug)]
pub struct Plan {
    /// Runs the plan's programs; the templates that it loads are guarded.
    env: Environment<'static>,
    /// Renders the template as minijinja alone would.
    plain: Environment<'static>,
    options: PlanOptions,
    name: String,
    hash: String,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// Followed slot by slot.
    Fine(Arc<Fine>),
    /// Rendered as a whole and sent as a refresh; `explain` says why.
    Whole {
        /// Whether it may print something else each time.
        impure: bool,
        /// Prints the page with its values guarded; missing where the template cannot even be put together here.
        page: Option<Program>,
    },
}

#[derive(Debug)]
pub(crate) struct Fine {
    page: Program,
    pub(crate) fragments: Vec<Fragment>,
    pub(crate) paths: Vec<Vec<PathStep>>,
    /// The lists of the page that may be printed without a program: the slots of which they are.
    pub(crate) printed: BTreeMap<LoopId, (FragmentId, usize)>,
}

#[derive(Debug)]
pub(crate) struct Fragment {
    pub(crate) statics: Vec<Part>,
    pub(crate) hash: String,
    pub(crate) holes: Vec<Hole>,
    pub(crate) slots: Vec<Slot>,
    /// Whether all its values can be read from the data, as far as the template tells.
    pub(crate) readable: bool,
    /// How it is printed without a program, where that can be.
    pub(crate) printing: Option<Vec<Print>>,
    /// Prints all its values.
    pub(crate) values: Program,
    /// Prints what its slots show by themselves, those of the groups that are wanted.
    pub(crate) own: Program,
    /// The numbers of the slots in the order in which they are printed.
    pub(crate) order: Vec<usize>,
    /// The same for one group alone, which is what most updates need; none for a group of lists.
    pub(crate) group: Vec<Option<Program>>,
}

/// A step of printing a fragment.
#[derive(Debug)]
pub(crate) enum Print {
    Html(String),
    Hole(usize),
    /// The branch or list that is this slot.
    Slot(usize),
}

/// One value of a fragment.
#[derive(Debug)]
pub(crate) struct Hole {
    pub(crate) kind: HoleKind,
    /// How its text is read from the data, where that can be.
    pub(crate) reading: Option<Vec<Reading>>,
    /// The slot of a branch or a list.
    pub(crate) slot: Option<usize>,
}

/// A part of a fragment's statics, as PROTOCOL.md describes them.
#[derive(Debug, PartialEq)]
pub(crate) enum Part {
    Html(String),
    Text(usize),
    Raw(usize),
    Branch(usize),
    List(usize, FragmentId),
}

#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) kind: SlotKind,
    /// What the slot's own program reads.
    pub(crate) reads: Dependencies,
    /// What the slot and all inside it reads.
    pub(crate) all_reads: Dependencies,
    /// Slots of a fragment that read the same are one group.
    pub(crate) group: usize,
    /// The holes that the slot's value consists of, in the order in which programs print them.
    pub(crate) holes: Vec<usize>,
    pub(crate) place: String,
    /// Whether its program sets names, and may fail at that.
    pub(crate) sets: bool,
    /// A branch whose conditions are plain questions about the data.
    pub(crate) choice: Option<Choice>,
}

/// What a branch shows when, and what otherwise.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(super) arms: Vec<(Condition, Option<FragmentId>)>,
    pub(super) otherwise: Option<FragmentId>,
}

impl Choice {
    /// The fragment that is shown; nothing when a condition that decides it can't be told.
    pub(crate) fn choose(&self, lookup: &dyn Lookup) -> Option<Option<FragmentId>> {
        for (condition, arm) in &self.arms {
            if condition.holds(lookup)? {
                return Some(*arm);
            }
        }
        Some(self.otherwise)
    }
}

#[derive(Debug)]
pub(crate) enum SlotKind {
    Text {
        pieces: Vec<Piece>,
        drops_newline: bool,
        place: text::Place,
    },
    Attribute {
        pieces: Vec<Piece>,
    },
    Tag {
        /// Whether it is a tag of SVG or MathML.
        foreign: bool,
    },
    Region,
    Branch,
    List(Box<List>),
    /// Shows nothing: its program fails where the page does.
    Check,
}

#[derive(Debug)]
pub(crate) struct List {
    pub(crate) id: LoopId,
    pub(crate) item: FragmentId,
    pub(crate) otherwise: Option<FragmentId>,
    /// Leaves the list's items on the stack.
    pub(crate) items: Program,
    /// What the list runs over, where that is a part of the data and nothing else.
    pub(crate) source: Option<ListSource>,
    pub(crate) keys: Option<Keys>,
    /// What a row reads beside its item and its counter.
    pub(crate) row_reads: Dependencies,
    /// Whether programs for rows are given the `loop` variable.
    pub(crate) counted: bool,
    /// The attributes of `loop` that a row reads.
    pub(crate) counters: Vec<&'static str>,
}

/// What tells a list's rows from one another.
#[derive(Debug)]
pub(crate) enum Keys {
    /// What is at these paths of an item: nothing else makes up its key.
    Data(Vec<Vec<PathStep>>),
    /// Prints the keys of some rows.
    Printed(Program),
}

/// [`Reads`] with the paths numbered.
#[derive(Debug, Default)]
pub(crate) struct Dependencies {
    pub(crate) paths: Vec<usize>,
    /// Loops with paths within their item.
    pub(crate) items: Vec<(LoopId, Vec<PathStep>)>,
    pub(crate) counters: Vec<LoopId>,
    pub(crate) everything: bool,
    /// Whether something impure is called: then the value before is not known.
    pub(crate) impure: bool,
}

impl Plan {
    /// Compiles the template `template` of `env`, with all that it extends, includes and imports.
    ///
    /// # Errors
    /// [`ErrorKind::Template`](crate::ErrorKind::Template) when a template is missing or does not parse, with its name, line and an excerpt.
    pub fn compile(env: &Environment<'static>, template: &str) -> Result<Self, Error> {
        Self::compile_with(env, template, &PlanOptions::new())
    }

    /// Like [`Plan::compile`], told what the templates don't say: which functions give something else each time.
    ///
    /// ```
    /// use statetemplate_core::{Plan, PlanOptions};
    ///
    /// let mut env = minijinja::Environment::new();
    /// env.add_function("now", || "12:00");
    /// env.add_template("clock.html", "<p>{{ count }} at {{ now() }}</p>")?;
    /// let plan = Plan::compile_with(&env, "clock.html", &PlanOptions::new().impure("now"))?;
    /// assert!(plan.explain().contains("now()"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Plan::compile`].
    pub fn compile_with(
        env: &Environment<'static>,
        template: &str,
        options: &PlanOptions,
    ) -> Result<Self, Error> {
        let mut env = env.clone();
        marks::prepare()?;
        // Errors then carry the source, for their excerpt.
        env.set_debug(true);
        let sources = Sources::load(&env, template)?;
        escape::register(&mut env);
        let plain = env.clone();
        escape::guard_templates(&mut env);
        // What `debug()` prints lists the templates that are loaded.
        if sources.iter().any(|source| source.text.contains("debug")) {
            plain
                .templates()
                .for_each(|(name, _)| drop(env.get_template(name)));
        }
        let hash = hash_of(&sources, template, options);
        let form = match Fine::compile(&env, &sources, template, options) {
            Ok(fine) => Form::Fine(Arc::new(fine)),
            Err(_) => Form::Whole {
                impure: !options.is_empty(),
                page: whole_page(&env, &sources, template),
            },
        };
        if let Form::Fine(fine) = &form {
            blocks::register(&mut env, fine.page.blocks());
        }
        Ok(Plan {
            env,
            plain,
            options: options.clone(),
            name: template.to_owned(),
            hash,
            form,
        })
    }

    /// Names the exact templates and the version of this crate that the plan was compiled from. URL-safe.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// A short name for the page's template that stays the same from build to build and can stand in HTML.
    #[must_use]
    pub fn page_key(&self) -> String {
        let mut key = short_hash(self.name().as_bytes());
        key.truncate(8);
        key
    }

    /// The template's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Renders the page with the marks that its client needs; `head` is HTML for the end of the page's head
    /// (the client's script element), or `""`.
    ///
    /// # Errors
    /// [`ErrorKind::Template`](crate::ErrorKind::Template) when the template fails on this data: the error that minijinja gives for it.
    pub fn render(&self, data: &Snapshot, head: &str) -> Result<String, Error> {
        match &self.form {
            Form::Fine(fine) => {
                let root = Root::new(data).with(HEAD, Value::from_safe_string(head.to_owned()));
                let run = |root: Root| {
                    let page = fine.page.render(&self.env, root.value());
                    page.map_err(|error| self.explain_error(error, data))
                };
                let html = run(root.clone().printing(PageLists::new(fine, data)))?;
                if cfg!(debug_assertions) && !fine.printed.is_empty() {
                    let by_programs = run(root.clone())?;
                    // Where even that is another page each time, an impure function is called.
                    if html != by_programs && by_programs == run(root)? {
                        return Err(Error::new(
                            ErrorKind::Template,
                            format!(
                                "the lists of {:?} are printed otherwise than by minijinja. {OWN_FORMATTER}",
                                self.name
                            ),
                        ));
                    }
                }
                Ok(html)
            }
            Form::Whole { page, .. } => {
                let mut html = match page {
                    Some(page) => page
                        .render(&self.env, data.value())
                        .map_err(|error| self.explain_error(error, data))?,
                    None => self
                        .env
                        .get_template(&self.name)
                        .and_then(|template| template.render(data.value()))
                        .map_err(|error| self.explain_error(error, data))?,
                };
                let at = html.find("</head>").unwrap_or(html.len());
                html.insert_str(at, head);
                Ok(html)
            }
        }
    }

    /// Renders the page as minijinja alone would.
    ///
    /// # Errors
    /// As [`Plan::render`].
    pub fn render_plain(&self, data: &Snapshot) -> Result<String, Error> {
        Ok(self.plain.get_template(&self.name)?.render(data.value())?)
    }

    /// The engine's view of the plan; `None` when the page can only be rendered as a whole.
    pub(crate) fn fine(&self) -> Option<&Fine> {
        match &self.form {
            Form::Fine(fine) => Some(fine),
            Form::Whole { .. } => None,
        }
    }

    /// Whether the page can only be rendered as a whole, and may then be different each time.
    pub(crate) fn is_impure_whole(&self) -> bool {
        matches!(self.form, Form::Whole { impure: true, .. })
    }

    pub(crate) fn env(&self) -> &Environment<'static> {
        &self.env
    }

    /// The error as minijinja gives it for the whole page: with the file and line where the template has it. Our own
    /// programs are put together from several files and can't name them.
    pub(crate) fn explain_error(&self, error: minijinja::Error, data: &Snapshot) -> Error {
        match self.render_plain(data) {
            Err(better) => better,
            Ok(_) => Error::from(error),
        }
    }

    /// Says, for people, what the engine makes of the template: read it to see why an update is larger than expected.
    ///
    /// Each place of the page that can change has a line, in a tree of branches and rows: its number, by which
    /// updates and [`Patch::operations`](crate::Patch::operations) name it, what and where it is, in which line of
    /// which template, and which data it reads. Below stand what would make opaque parts and lists finer, each place
    /// that trusts `|safe`, and a summary; for a page that can only be sent as a whole, the reason.
    ///
    /// ```
    /// use statetemplate_core::Plan;
    ///
    /// let mut env = minijinja::Environment::new();
    /// env.add_template("page.html", "<ul>{% for task in tasks %}<li>{{ task.name }}</li>{% endfor %}</ul>")?;
    /// let explained = Plan::compile(&env, "page.html")?.explain();
    /// assert!(explained.contains("list by position in ul"), "{explained}");
    /// assert!(explained.contains("add st-key or an id"), "{explained}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn explain(&self) -> String {
        explain::explain(&self.plain, &self.name, &self.options)
    }
}

/// What to do where the data gives another text than minijinja prints.
pub(crate) const OWN_FORMATTER: &str = "Does the environment have a formatter, or a filter with the name of a built-in \
    one, that changes only some values? Declare it: `own_formatter()`";

/// Finds what of a page can change, and where.
///
/// # Errors
/// Says, in words for people, why the page can only be rendered as a whole.
pub(super) fn lay_out<'a>(
    env: &'a Environment<'static>,
    sources: &'a Sources,
    template: &str,
    options: &'a PlanOptions,
) -> Result<Layout<'a>, String> {
    let (nodes, called) = sources.resolve(env, template)?;
    let source = sources.get(template).ok_or("the template was not loaded")?;
    let html = source.escape == AutoEscape::Html;
    let nodes = escape::guard(&nodes, html);
    let guarded = called
        .into_iter()
        .map(|(name, body)| (name, escape::guard(&body, html).into()));
    let called = guarded.collect();
    namespace::check(&nodes, &called, sources)?;
    let shortcuts = Shortcuts::of(env, options, source.name, source.text);
    let names = Names::new(sources, env, options, called, html, shortcuts);
    let mut items = html::parse(&nodes, &mut names.clone()).map_err(|item::Unbalanced(why)| why)?;
    skeleton::settle(&mut items)?;
    Ok(Layout::new(names, &items))
}

/// The program that prints a page which can only be rendered as a whole.
fn whole_page(env: &Environment<'static>, sources: &Sources, template: &str) -> Option<Program> {
    let (nodes, called) = sources.resolve(env, template).ok()?;
    // Blocks that are called inside of expressions are compiled beside a page that is followed only.
    if !called.is_empty() {
        return None;
    }
    let source = sources.get(template)?;
    let mut writer = Writer::new(source.name, source.text, source.escape.clone());
    let nodes = escape::guard(&nodes, source.escape == AutoEscape::Html);
    code::write_nodes(&mut writer, &nodes);
    Some(writer.finish())
}

impl Fine {
    fn compile(
        env: &Environment<'static>,
        sources: &Sources,
        template: &str,
        options: &PlanOptions,
    ) -> Result<Self, String> {
        let source = sources.get(template).ok_or("the template was not loaded")?;
        let layout = lay_out(env, sources, template, options)?;
        let printed = printed_lists(&layout);
        let mut compiler = Compiler {
            layout: &layout,
            file: source.name,
            source: source.text,
            escape: source.escape.clone(),
            blocks: Blocks::default(),
            printed: printed.keys().copied().collect(),
        };
        compiler.compile_blocks();
        let mut paths = Paths::default();
        let fragments = (0..layout.fragments.len())
            .map(|id| fragment(&compiler, id, &mut paths))
            .collect();
        Ok(Fine {
            page: compiler.page(),
            fragments,
            paths: paths.list,
            printed,
        })
    }
}

fn fragment(compiler: &Compiler<'_, '_>, id: FragmentId, paths: &mut Paths) -> Fragment {
    let draft = &compiler.layout.fragments[id];
    let statics = statics(draft);
    let hash = short_hash(format!("{statics:?}").as_bytes());
    let groups = groups(draft);
    let slots = draft.slots.iter().zip(&groups);
    let slots = slots
        .map(|(slot, group)| compile_slot(compiler, slot, *group, paths))
        .collect();
    Fragment {
        statics,
        hash,
        readable: is_readable(compiler.layout, id),
        printing: printing(compiler.layout, id),
        holes: draft.holes.iter().map(hole).collect(),
        slots,
        values: compiler.values(id),
        own: compiler.slots(id, &groups),
        order: compiler
            .printed(id, &groups)
            .iter()
            .map(|(slot, _)| *slot)
            .collect(),
        group: (0..groups.iter().max().map_or(0, |last| last + 1))
            .map(|group| compiler.group(id, &groups, group))
            .collect(),
    }
}

/// Whether the data alone tells all values of a fragment, and of those in it.
fn is_readable(layout: &Layout<'_>, id: FragmentId) -> bool {
    let draft = &layout.fragments[id];
    let must_run = |slot: &SlotDraft<'_>| matches!(slot.kind, DraftKind::Check(_)) || slot.sets;
    !draft.slots.iter().any(must_run)
        && draft.holes.iter().all(|hole| match hole.source {
            HoleSource::Nodes(_) => hole.reading.is_some(),
            HoleSource::Slot(slot) => match &draft.slots[slot].kind {
                DraftKind::Branch {
                    arms,
                    otherwise,
                    conditions: Some(_),
                    ..
                } => {
                    let mut inside = arms.iter().filter_map(|(_, arm)| *arm).chain(*otherwise);
                    inside.all(|arm| is_readable(layout, arm))
                }
                DraftKind::List(list) => {
                    let mut inside = std::iter::once(list.item).chain(list.otherwise);
                    list.source.is_some() && inside.all(|id| is_readable(layout, id))
                }
                _ => false,
            },
        })
}

/// How a fragment is printed without a program.
fn printing(layout: &Layout<'_>, id: FragmentId) -> Option<Vec<Print>> {
    use super::draft::Op;
    if !is_readable(layout, id) {
        return None;
    }
    let draft = &layout.fragments[id];
    let mut prints: Vec<Print> = Vec::new();
    let html = |text: &str, prints: &mut Vec<Print>| match prints.last_mut() {
        Some(Print::Html(last)) => last.push_str(text),
        _ => prints.push(Print::Html(text.to_owned())),
    };
    for op in &draft.ops {
        match op {
            Op::Raw(text) => html(text, &mut prints),
            // What it defines, or changes, may matter elsewhere.
            Op::Silent(_) | Op::HeadEnd => return None,
            Op::Slot(slot) => match &draft.slots[*slot].kind {
                DraftKind::Text { pieces, steps, .. }
                | DraftKind::Attribute {
                    pieces,
                    steps,
                    unquoted: false,
                    ..
                } => {
                    if steps.iter().any(|step| matches!(step, ValueStep::Silent(_))) {
                        return None;
                    }
                    for piece in pieces {
                        match piece {
                            Piece::Static { html: text, .. } => html(text, &mut prints),
                            Piece::Hole(hole) => prints.push(Print::Hole(*hole)),
                        }
                    }
                }
                DraftKind::Attribute { unquoted: true, .. } => return None,
                DraftKind::Tag { hole, .. } | DraftKind::Region { hole, .. } => {
                    prints.push(Print::Hole(*hole));
                }
                DraftKind::Branch { .. } | DraftKind::List(_) => prints.push(Print::Slot(*slot)),
                DraftKind::Check(_) => return None,
            },
        }
    }
    let inside = draft.slots.iter().flat_map(|slot| match &slot.kind {
        DraftKind::Branch { arms, otherwise, .. } => arms
            .iter()
            .filter_map(|(_, arm)| *arm)
            .chain(*otherwise)
            .collect(),
        DraftKind::List(list) => std::iter::once(list.item).chain(list.otherwise).collect(),
        _ => Vec::new(),
    });
    inside
        .into_iter()
        .all(|id| printing(layout, id).is_some())
        .then_some(prints)
}

/// The lists that stand in no other list and may be printed without a program, each with its slot.
fn printed_lists(layout: &Layout<'_>) -> BTreeMap<LoopId, (FragmentId, usize)> {
    let mut found = BTreeMap::new();
    if !layout.prints_as_usual() {
        return found;
    }
    for (id, draft) in layout.fragments.iter().enumerate() {
        for (number, slot) in draft.slots.iter().enumerate() {
            let DraftKind::List(list) = &slot.kind else {
                continue;
            };
            let is_inside = slot.scope.iter().any(|step| matches!(step, Scope::Loop(..)));
            let mut parts = std::iter::once(list.item).chain(list.otherwise);
            if list.source.is_some() && !is_inside && parts.all(|part| printing(layout, part).is_some()) {
                found.insert(list.id, (id, number));
            }
        }
    }
    found
}

fn hole(draft: &HoleDraft<'_>) -> Hole {
    Hole {
        kind: draft.kind,
        reading: draft.reading.clone(),
        slot: match draft.source {
            HoleSource::Slot(slot) => Some(slot),
            HoleSource::Nodes(_) => None,
        },
    }
}

/// The number of each slot's group. The last group holds all that is left, should there be so many.
fn groups(draft: &Draft<'_>) -> Vec<usize> {
    let mut known: Vec<&Reads> = Vec::new();
    let mut group = |reads| {
        let found = known.iter().position(|other| *other == reads);
        found.unwrap_or_else(|| {
            known.push(reads);
            known.len() - 1
        })
    };
    let slots = draft.slots.iter();
    slots
        .map(|slot| group(&slot.all_reads).min(MOST_GROUPS - 1))
        .collect()
}

fn compile_slot(compiler: &Compiler<'_, '_>, slot: &SlotDraft<'_>, group: usize, paths: &mut Paths) -> Slot {
    let (kind, holes) = match &slot.kind {
        DraftKind::Text {
            pieces,
            steps,
            drops_newline,
            place,
            ..
        } => (
            SlotKind::Text {
                pieces: pieces.clone(),
                drops_newline: *drops_newline,
                place: *place,
            },
            holes_of(steps),
        ),
        DraftKind::Attribute { pieces, steps, .. } => (
            SlotKind::Attribute {
                pieces: pieces.clone(),
            },
            holes_of(steps),
        ),
        DraftKind::Tag { hole, foreign, .. } => (SlotKind::Tag { foreign: *foreign }, vec![*hole]),
        DraftKind::Region { hole, .. } => (SlotKind::Region, vec![*hole]),
        DraftKind::Branch { hole, .. } => (SlotKind::Branch, vec![*hole]),
        DraftKind::List(list) => {
            let list = List {
                id: list.id,
                item: list.item,
                otherwise: list.otherwise,
                items: compiler.items(slot, list),
                source: list.source.clone(),
                keys: list.key.as_ref().map(|key| match &list.key_paths {
                    Some(paths) => Keys::Data(paths.clone()),
                    None => Keys::Printed(compiler.keys(list, key)),
                }),
                row_reads: paths.number(&list.row_reads, Some(list.id)),
                counted: compiler.layout.mentions_counter(list.id),
                counters: compiler.layout.counters(list.id),
            };
            (SlotKind::List(Box::new(list)), vec![draft_hole(&slot.kind)])
        }
        DraftKind::Check(_) => (SlotKind::Check, Vec::new()),
    };
    Slot {
        kind,
        reads: paths.number(&slot.reads, None),
        all_reads: paths.number(&slot.all_reads, None),
        group,
        holes,
        place: slot.place.clone(),
        sets: slot.sets,
        choice: compiler.choice(slot),
    }
}

fn draft_hole(kind: &DraftKind<'_>) -> usize {
    match kind {
        DraftKind::List(list) => list.hole,
        DraftKind::Branch { hole, .. } | DraftKind::Tag { hole, .. } | DraftKind::Region { hole, .. } => {
            *hole
        }
        DraftKind::Text { .. } | DraftKind::Attribute { .. } | DraftKind::Check(_) => 0,
    }
}

/// The holes that the steps compute, in their order.
fn holes_of(steps: &[ValueStep<'_>]) -> Vec<usize> {
    let hole = |step: &ValueStep<'_>| {
        if let ValueStep::Hole(hole) = step {
            Some(*hole)
        } else {
            None
        }
    };
    steps.iter().filter_map(hole).collect()
}

fn statics(draft: &Draft<'_>) -> Vec<Part> {
    use super::draft::Op;
    let mut parts: Vec<Part> = Vec::new();
    let html = |text: &str, parts: &mut Vec<Part>| match parts.last_mut() {
        Some(Part::Html(last)) => last.push_str(text),
        _ if text.is_empty() => {}
        _ => parts.push(Part::Html(text.to_owned())),
    };
    for op in &draft.ops {
        match op {
            Op::Raw(text) => html(text, &mut parts),
            Op::Silent(_) | Op::HeadEnd => {}
            Op::Slot(slot) => match &draft.slots[*slot].kind {
                DraftKind::Text { pieces, .. }
                | DraftKind::Attribute {
                    pieces,
                    unquoted: false,
                    ..
                } => {
                    push_pieces(draft, pieces, &mut parts, html);
                }
                DraftKind::Attribute { pieces, .. } => {
                    html("\"", &mut parts);
                    push_pieces(draft, pieces, &mut parts, html);
                    html("\"", &mut parts);
                }
                DraftKind::Tag { hole, .. } | DraftKind::Region { hole, .. } => parts.push(Part::Raw(*hole)),
                DraftKind::Branch { hole, .. } => parts.push(Part::Branch(*hole)),
                DraftKind::List(list) => parts.push(Part::List(list.hole, list.item)),
                DraftKind::Check(_) => {}
            },
        }
    }
    parts
}

fn push_pieces(
    draft: &Draft<'_>,
    pieces: &[Piece],
    parts: &mut Vec<Part>,
    html: impl Fn(&str, &mut Vec<Part>),
) {
    for piece in pieces {
        match piece {
            Piece::Static { html: text, .. } => html(text, parts),
            Piece::Hole(hole) if draft.holes[*hole].kind == HoleKind::Raw => parts.push(Part::Raw(*hole)),
            Piece::Hole(hole) => parts.push(Part::Text(*hole)),
        }
    }
}

/// The paths that a plan reads, each with a number.
#[derive(Default)]
struct Paths {
    list: Vec<Vec<PathStep>>,
    numbers: BTreeMap<Vec<Step>, usize>,
}

impl Paths {
    fn number_of(&mut self, path: &[Step]) -> usize {
        *self.numbers.entry(path.to_vec()).or_insert_with(|| {
            self.list.push(path_steps(path));
            self.list.len() - 1
        })
    }

    fn number(&mut self, reads: &Reads, without: Option<LoopId>) -> Dependencies {
        let paths = reads.paths.iter().map(|path| self.number_of(path)).collect();
        let mut counters: Vec<LoopId> = reads.counters.iter().map(|(id, _)| *id).collect();
        counters.dedup();
        counters.retain(|id| Some(*id) != without);
        Dependencies {
            paths,
            items: reads
                .items
                .iter()
                .map(|(id, path)| (*id, path_steps(path)))
                .collect(),
            counters,
            everything: reads.everything,
            impure: reads.impure,
        }
    }
}

fn hash_of(sources: &Sources, template: &str, options: &PlanOptions) -> String {
    let mut text = format!(
        "{}\0{}\0{template}\0",
        env!("CARGO_PKG_VERSION"),
        options.build_id()
    );
    for source in sources.iter() {
        let _ = write!(text, "{}\0{}\0", source.name, source.text);
    }
    // They decide which slots there are.
    for name in options.names() {
        let _ = write!(text, "{name}\0");
    }
    short_hash(text.as_bytes())
}

/// 72 bits of SHA-256, as 12 characters.
fn short_hash(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(bytes)[..9])
}
