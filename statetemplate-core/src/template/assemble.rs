//! Makes what a plan knows of a page: lays its template out, compiles the programs, and numbers what they read.

use std::collections::BTreeMap;

use minijinja::{AutoEscape, Environment};

use super::PlanOptions;
use super::compile::{Compiler, MOST_GROUPS};
use super::draft::{Draft, DraftKind, FragmentId, HoleDraft, HoleSource, Op, SlotDraft, ValueStep};
use super::fine::{Dependencies, Fine, Fragment, Hole, Keys, List, Slot, SlotKind};
use super::hash::short_hash;
use super::layout::Layout;
use super::machinery::Blocks;
use super::printing::{is_readable, printed_lists, printing};
use super::reads::{LoopId, Names, Reads, Step, path_steps};
use super::shortcuts::Shortcuts;
use super::source::Sources;
use super::{escape, html, item, namespace, skeleton};
use crate::PathStep;

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

impl Fine {
    /// As [`lay_out`], and compiled.
    pub(super) fn compile(
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
    let groups = groups(draft);
    let slots = draft.slots.iter().zip(&groups);
    let slots = slots
        .map(|(slot, group)| compile_slot(compiler, slot, *group, paths))
        .collect();
    let mut fragment = Fragment {
        html: html(draft),
        hash: String::new(),
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
    };
    let fills: Vec<_> = fragment.fills().collect();
    fragment.hash = short_hash(format!("{:?}{fills:?}", fragment.html).as_bytes());
    fragment
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

/// The HTML between the slots of a fragment, with marks.
fn html(draft: &Draft<'_>) -> Vec<String> {
    let mut between = vec![String::new()];
    let mut push = |html: &str, ends: bool| {
        if let Some(last) = between.last_mut() {
            last.push_str(html);
        }
        if ends {
            between.push(String::new());
        }
    };
    for op in &draft.ops {
        match op {
            Op::Raw(text) => push(text, false),
            Op::Silent(_) | Op::HeadEnd => {}
            Op::Slot(slot) => {
                // Statics put quotes round every attribute that is a slot.
                let unquoted = matches!(
                    draft.slots[*slot].kind,
                    DraftKind::Attribute { unquoted: true, .. }
                );
                let quote = if unquoted { "\"" } else { "" };
                push(quote, true);
                push(quote, false);
            }
        }
    }
    between
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
