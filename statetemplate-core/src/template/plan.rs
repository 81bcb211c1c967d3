//! The compiled template.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use minijinja::{AutoEscape, Environment, Value};
use sha2::{Digest, Sha256};

use super::compile::{Compiler, HEAD, MOST_GROUPS};
use super::layout::{Draft, DraftKind, FragmentId, HoleKind, Layout, PAGE, Piece, SlotDraft, ValueStep};
use super::machinery::Program;
use super::reads::{LoopId, Names, Reads, Step};
use super::root::Root;
use super::source::Sources;
use super::{escape, html, marks, skeleton};
use crate::{Error, PathStep, Snapshot};

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
#[derive(Debug)]
pub struct Plan {
    env: Environment<'static>,
    name: String,
    hash: String,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// Followed slot by slot.
    Fine(Fine),
    /// Rendered as a whole and sent as a refresh, for the reason given.
    Whole { reason: String },
}

#[derive(Debug)]
pub(crate) struct Fine {
    page: Program,
    pub(crate) fragments: Vec<Fragment>,
    pub(crate) paths: Vec<Vec<PathStep>>,
}

#[derive(Debug)]
pub(crate) struct Fragment {
    pub(crate) statics: Vec<Part>,
    pub(crate) hash: String,
    pub(crate) holes: Vec<HoleKind>,
    pub(crate) slots: Vec<Slot>,
    /// Prints all its values.
    pub(crate) values: Program,
    /// Prints what its slots show by themselves, those of the groups that are wanted.
    pub(crate) own: Program,
    /// The same for one group alone, which is what most updates need; none for a group of lists.
    pub(crate) group: Vec<Option<Program>>,
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
    /// The fragments that a branch may show.
    branch_arms: Vec<FragmentId>,
}

#[derive(Debug)]
pub(crate) enum SlotKind {
    Text { pieces: Vec<Piece>, drops_newline: bool },
    Attribute { pieces: Vec<Piece> },
    Tag,
    Region { reason: &'static str },
    Branch,
    List(Box<List>),
}

#[derive(Debug)]
pub(crate) struct List {
    pub(crate) id: LoopId,
    pub(crate) item: FragmentId,
    pub(crate) otherwise: Option<FragmentId>,
    /// Leaves the list's items on the stack.
    pub(crate) items: Program,
    /// The path of the items in the page's data, where the list runs over just that.
    pub(crate) path: Option<usize>,
    pub(crate) keys: Option<Keys>,
    /// What a row reads beside its item and its counter.
    pub(crate) row_reads: Dependencies,
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
}

impl Plan {
    /// Compiles the template `template` of `env`, with all that it extends, includes and imports.
    ///
    /// # Errors
    /// [`ErrorKind::Template`](crate::ErrorKind::Template) when a template is missing or does not parse, with its name, line and an excerpt.
    pub fn compile(env: &Environment<'static>, template: &str) -> Result<Self, Error> {
        let mut env = env.clone();
        marks::prepare()?;
        // Errors then carry the source, for their excerpt.
        env.set_debug(true);
        let sources = Sources::load(&env, template)?;
        escape::register(&mut env);
        let hash = hash_of(&sources, template);
        let form = match Fine::compile(&env, &sources, template) {
            Ok(fine) => Form::Fine(fine),
            Err(reason) => Form::Whole { reason },
        };
        Ok(Plan {
            env,
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
                fine.page
                    .render(&self.env, root.value())
                    .map_err(|error| self.explain_error(error, data))
            }
            Form::Whole { .. } => {
                let mut html = self.render_plain(data)?;
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
        Ok(self.env.get_template(&self.name)?.render(data.value())?)
    }

    /// The engine's view of the plan; `None` when the page can only be rendered as a whole.
    pub(crate) fn fine(&self) -> Option<&Fine> {
        match &self.form {
            Form::Fine(fine) => Some(fine),
            Form::Whole { .. } => None,
        }
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

    /// Says, for people, what the plan found: each slot, what it reads, and why a region is replaced as a whole.
    #[must_use]
    pub fn explain(&self) -> String {
        let mut out = format!("{} ({})\n", self.name, self.hash);
        match &self.form {
            Form::Whole { reason } => {
                let _ = writeln!(out, "sent as a whole at each change: {reason}");
            }
            Form::Fine(fine) => fine.explain(PAGE, 1, &mut out),
        }
        out
    }
}

impl Fine {
    fn compile(env: &Environment<'static>, sources: &Sources, template: &str) -> Result<Self, String> {
        let nodes = sources.resolve(template)?;
        let source = sources.get(template).ok_or("the template was not loaded")?;
        if super::node::changes_namespace(&nodes) {
            return Err("it changes a namespace, which any later part may read".to_owned());
        }
        let escaped = source.escape == AutoEscape::Html;
        let mut names = Names::new(sources, env, escaped);
        let mut items = html::parse(&nodes, &mut names.clone()).map_err(|html::Unbalanced(why)| why)?;
        skeleton::settle(&mut items)?;
        names.truncate(0);
        let layout = Layout::new(names, &items);
        let compiler = Compiler {
            layout: &layout,
            file: source.name,
            source: source.text,
            escape: source.escape.clone(),
        };
        let mut paths = Paths::default();
        let fragments = (0..layout.fragments.len())
            .map(|id| fragment(&compiler, id, &mut paths))
            .collect();
        Ok(Fine {
            page: compiler.page(),
            fragments,
            paths: paths.list,
        })
    }

    fn explain(&self, id: FragmentId, depth: usize, out: &mut String) {
        let indent = "  ".repeat(depth);
        for (number, slot) in self.fragments[id].slots.iter().enumerate() {
            let _ = write!(out, "{indent}{number} {}", slot.place);
            if let SlotKind::Region { reason } = &slot.kind {
                let _ = write!(out, " (replaced as a whole: {reason})");
            }
            let reads: Vec<String> = slot
                .reads
                .paths
                .iter()
                .map(|path| show_path(&self.paths[*path]))
                .collect();
            if !reads.is_empty() {
                let _ = write!(out, " reads {}", reads.join(", "));
            }
            if slot.reads.everything {
                let _ = write!(out, " reads anything");
            }
            match &slot.kind {
                SlotKind::List(list) => {
                    let _ = writeln!(
                        out,
                        "{}",
                        if list.keys.is_some() {
                            ", keyed"
                        } else {
                            ", by position"
                        }
                    );
                    self.explain(list.item, depth + 1, out);
                    if let Some(otherwise) = list.otherwise {
                        let _ = writeln!(out, "{indent}  else");
                        self.explain(otherwise, depth + 1, out);
                    }
                }
                SlotKind::Branch => {
                    out.push('\n');
                    for arm in &slot.branch_arms {
                        let _ = writeln!(out, "{indent}  shows fragment {arm}");
                        self.explain(*arm, depth + 2, out);
                    }
                }
                _ => out.push('\n'),
            }
        }
    }
}

fn show_path(path: &[PathStep]) -> String {
    let mut out = String::new();
    for step in path {
        match step {
            PathStep::Key(key) if out.is_empty() => out.push_str(key),
            PathStep::Key(key) => {
                let _ = write!(out, ".{key}");
            }
            PathStep::Index(index) => {
                let _ = write!(out, "[{index}]");
            }
        }
    }
    out
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
        holes: draft.holes.iter().map(|hole| hole.kind).collect(),
        slots,
        values: compiler.values(id),
        own: compiler.slots(id, &groups),
        group: (0..groups.iter().max().map_or(0, |last| last + 1))
            .map(|group| compiler.group(id, &groups, group))
            .collect(),
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
    let mut branch_arms = Vec::new();
    let (kind, holes) = match &slot.kind {
        DraftKind::Text {
            pieces,
            steps,
            drops_newline,
            ..
        } => (
            SlotKind::Text {
                pieces: pieces.clone(),
                drops_newline: *drops_newline,
            },
            holes_of(steps),
        ),
        DraftKind::Attribute { pieces, steps, .. } => (
            SlotKind::Attribute {
                pieces: pieces.clone(),
            },
            holes_of(steps),
        ),
        DraftKind::Tag { hole, .. } => (SlotKind::Tag, vec![*hole]),
        DraftKind::Region { hole, reason, .. } => (SlotKind::Region { reason }, vec![*hole]),
        DraftKind::Branch {
            arms,
            otherwise,
            hole,
        } => {
            branch_arms.extend(arms.iter().filter_map(|(_, arm)| *arm).chain(*otherwise));
            (SlotKind::Branch, vec![*hole])
        }
        DraftKind::List(list) => {
            let path = list.path.as_ref().map(|path| paths.number_of(path));
            let list = List {
                id: list.id,
                item: list.item,
                otherwise: list.otherwise,
                items: compiler.items(slot, list),
                path,
                keys: list.key.as_ref().map(|key| match &list.key_paths {
                    Some(paths) => Keys::Data(paths.iter().map(|path| path_steps(path)).collect()),
                    None => Keys::Printed(compiler.keys(list, key)),
                }),
                row_reads: paths.number(&list.row_reads, Some(list.id)),
                counters: compiler.layout.counters(list.id),
            };
            (SlotKind::List(Box::new(list)), vec![draft_hole(&slot.kind)])
        }
    };
    Slot {
        kind,
        reads: paths.number(&slot.reads, None),
        all_reads: paths.number(&slot.all_reads, None),
        group,
        holes,
        place: slot.place.clone(),
        branch_arms,
    }
}

fn draft_hole(kind: &DraftKind<'_>) -> usize {
    match kind {
        DraftKind::List(list) => list.hole,
        DraftKind::Branch { hole, .. } | DraftKind::Tag { hole, .. } | DraftKind::Region { hole, .. } => {
            *hole
        }
        DraftKind::Text { .. } | DraftKind::Attribute { .. } => 0,
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
    use super::layout::Op;
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
        }
    }
}

fn path_steps(path: &[Step]) -> Vec<PathStep> {
    let step = |step: &Step| match step {
        Step::Key(key) => PathStep::Key((*key).into()),
        Step::Index(index) => PathStep::Index(*index),
    };
    path.iter().map(step).collect()
}

fn hash_of(sources: &Sources, template: &str) -> String {
    let mut text = format!("{}\0{template}\0", env!("CARGO_PKG_VERSION"));
    for source in sources.iter() {
        let _ = write!(text, "{}\0{}\0", source.name, source.text);
    }
    short_hash(text.as_bytes())
}

/// 72 bits of SHA-256, as 12 characters.
fn short_hash(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(bytes)[..9])
}
