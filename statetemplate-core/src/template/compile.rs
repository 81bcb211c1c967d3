//! Compiles a layout: the program that prints the annotated page, and those that print values alone.
//!
//! What a program of values prints is cut at its [marks](super::marks). A program of a fragment that stands in a list
//! runs for any number of rows at once: what the rows of the innermost list need is in [`ROWS`], and the items of the
//! lists around that one are names of the root.

use std::collections::BTreeSet;

use minijinja::AutoEscape;

use super::code;
use super::draft::{Draft, DraftKind, FragmentId, HoleSource, ListDraft, Op, Scope, SlotDraft, ValueStep};
use super::escape;
use super::fine::Choice;
use super::layout::Layout;
use super::machinery::{Blocks, Program, Writer, ast, intern};
use super::marks::Mark;
use super::node::{self, For, Node};
use super::reads::{self, ANYTHING, LoopId};

/// The name under which the root of an evaluation holds the HTML for the page's head.
pub(crate) const HEAD: &str = "\0head";
/// The rows to compute: their items, or pairs of item and `loop` variable for a list whose rows read that.
pub(crate) const ROWS: &str = "\0rows";

/// Into how many groups the slots of a fragment are divided at most.
pub(crate) const MOST_GROUPS: usize = 64;

/// How many groups are passed over at once when none of them is wanted.
const STRETCH: usize = 4;

/// The name under which the root of an evaluation says whether any slots of these groups, the last one included, are
/// wanted.
fn wanted_name(first: usize, last: usize) -> &'static str {
    let letter = |group: usize| char::from(FIRST_GROUP + u8::try_from(group).unwrap_or(0));
    intern(&format!("\0{}{}", letter(first), letter(last)))
}

/// The letter of the first group.
const FIRST_GROUP: u8 = b'0';

/// The groups that a name asks for, a bit each, if it is a [`wanted_name`].
pub(crate) fn wanted_groups(name: &str) -> Option<u64> {
    match name.as_bytes() {
        [0, first, last] if FIRST_GROUP <= *first && first <= last => {
            Some((u64::MAX << (first - FIRST_GROUP)) & (u64::MAX >> (63 - (last - FIRST_GROUP).min(63))))
        }
        _ => None,
    }
}

/// The name under which the root of an evaluation holds the item of a loop around it.
pub(crate) fn item_name(id: LoopId) -> &'static str {
    intern(&format!("\0item{id}"))
}

/// The name under which the root of an evaluation holds the `loop` variable of a loop around it.
pub(crate) fn counter_name(id: LoopId) -> &'static str {
    intern(&format!("\0loop{id}"))
}

/// What the names start with under which the root of an evaluation holds the lists that are printed without a program.
const PRINTED: &str = "\0list";

fn printed_name(id: LoopId) -> &'static str {
    intern(&format!("{PRINTED}{id}"))
}

/// The list that a name asks for, if it is a [`printed_name`].
pub(super) fn printed_list(name: &str) -> Option<LoopId> {
    name.strip_prefix(PRINTED)?.parse().ok()
}

pub(super) struct Compiler<'l, 'a> {
    pub(super) layout: &'l Layout<'a>,
    pub(super) file: &'static str,
    pub(super) source: &'static str,
    pub(super) escape: AutoEscape,
    /// Code of the blocks that expressions call.
    pub(super) blocks: Blocks,
    /// The lists of the page that may be printed without a program.
    pub(super) printed: BTreeSet<LoopId>,
}

impl<'a> Compiler<'_, 'a> {
    /// Compiles the blocks that expressions call, for all programs.
    pub(super) fn compile_blocks(&mut self) {
        let blocks = self.layout.blocks().iter().map(|(name, nodes)| {
            let mut writer = self.writer();
            code::write_nodes(&mut writer, nodes);
            (*name, writer.finish_block())
        });
        self.blocks = Blocks::new(blocks.collect());
    }

    fn writer(&self) -> Writer {
        Writer::new(self.file, self.source, self.escape.clone()).with_blocks(&self.blocks)
    }

    fn draft(&self, id: FragmentId) -> &Draft<'a> {
        &self.layout.fragments[id]
    }

    /// Prints the page with its marks.
    pub(super) fn page(&self) -> Program {
        let mut writer = self.writer();
        let mut has_head = false;
        self.print(&mut writer, super::draft::PAGE, &mut has_head);
        if !has_head {
            print_head(&mut writer);
        }
        writer.finish()
    }

    fn print(&self, writer: &mut Writer, id: FragmentId, has_head: &mut bool) {
        let draft = self.draft(id);
        for op in &draft.ops {
            match op {
                Op::Raw(html) => writer.raw(html),
                Op::Silent(node) => code::write_node(writer, node),
                Op::HeadEnd if *has_head => {}
                Op::HeadEnd => {
                    *has_head = true;
                    print_head(writer);
                }
                Op::Slot(slot) => match &draft.slots[*slot].kind {
                    DraftKind::Attribute {
                        nodes,
                        unquoted: true,
                        ..
                    } => {
                        let whole = Node::Captured(escape::NEVER_EMPTY, nodes.as_slice().into());
                        code::write_node(writer, &whole);
                    }
                    DraftKind::Text { nodes, .. }
                    | DraftKind::Attribute { nodes, .. }
                    | DraftKind::Tag { nodes, .. }
                    | DraftKind::Region { nodes, .. } => code::write_nodes(writer, nodes),
                    DraftKind::Branch { arms, otherwise, .. } => {
                        for (condition, arm) in arms {
                            writer.expression(condition);
                            writer.start_if();
                            arm.iter().for_each(|arm| self.print(writer, *arm, has_head));
                            writer.start_else();
                        }
                        otherwise
                            .iter()
                            .for_each(|arm| self.print(writer, *arm, has_head));
                        arms.iter().for_each(|_| writer.end_if());
                    }
                    DraftKind::List(list) if self.printed.contains(&list.id) => {
                        writer.lookup(printed_name(list.id));
                        writer.duplicate();
                        writer.start_if();
                        writer.emit_here();
                        writer.start_else();
                        writer.discard();
                        self.print_list(writer, list, has_head);
                        writer.end_if();
                    }
                    DraftKind::List(list) => self.print_list(writer, list, has_head),
                    DraftKind::Check(_) => {}
                },
            }
        }
    }

    fn print_list(&self, writer: &mut Writer, list: &ListDraft<'a>, has_head: &mut bool) {
        code::write_items(writer, &list.lp);
        writer.start_for(true, false);
        writer.assignment(&list.lp.syntax.target);
        self.print(writer, list.item, has_head);
        writer.end_for(list.otherwise.is_some());
        if let Some(otherwise) = list.otherwise {
            writer.start_if();
            self.print(writer, otherwise, has_head);
            writer.end_if();
        }
    }

    /// Prints what the slots of a fragment show by themselves: the values of their holes, and for a branch the number of
    /// the fragment in it. Only the slots of the groups that are wanted.
    pub(super) fn slots(&self, id: FragmentId, groups: &[usize]) -> Program {
        let slots = self.printed(id, groups);
        let mut writer = self.writer();
        self.each_slot(&mut writer, id, &slots, |writer, print| {
            let alike: Vec<&[(usize, usize)]> = slots.chunk_by(|a, b| a.1 == b.1).collect();
            for stretch in alike.chunks(STRETCH) {
                let (first, last) = (stretch[0][0].1, stretch[stretch.len() - 1][0].1);
                writer.lookup(wanted_name(first, last));
                writer.start_if();
                for slots in stretch {
                    let group = slots[0].1;
                    writer.lookup(wanted_name(group, group));
                    writer.start_if();
                    slots.iter().for_each(|(slot, _)| print(writer, *slot));
                    writer.end_if();
                }
                writer.end_if();
            }
        });
        writer.finish()
    }

    /// As [`Compiler::slots`], for one group.
    pub(super) fn group(&self, id: FragmentId, groups: &[usize], wanted: usize) -> Option<Program> {
        let mut slots = self.printed(id, groups);
        slots.retain(|(_, group)| *group == wanted);
        if slots.is_empty() {
            return None;
        }
        let mut writer = self.writer();
        self.each_slot(&mut writer, id, &slots, |writer, print| {
            slots.iter().for_each(|(slot, _)| print(writer, *slot));
        });
        Some(writer.finish())
    }

    /// The slots that show something by themselves, each with its group, in the order in which they are printed: group
    /// by group.
    pub(super) fn printed(&self, id: FragmentId, groups: &[usize]) -> Vec<(usize, usize)> {
        let slots = self.draft(id).slots.iter().zip(groups).enumerate();
        let mut printed: Vec<(usize, usize)> = slots
            .filter(|(_, (slot, _))| !matches!(slot.kind, DraftKind::List(_)))
            .map(|(number, (_, group))| (number, *group))
            .collect();
        printed.sort_by_key(|(_, group)| *group);
        printed
    }

    /// Writes code that prints some slots, for each instance; `print` is given what prints one.
    fn each_slot(
        &self,
        writer: &mut Writer,
        id: FragmentId,
        slots: &[(usize, usize)],
        print: impl FnOnce(&mut Writer, &dyn Fn(&mut Writer, usize)),
    ) {
        let draft = self.draft(id);
        let (_, inner) = split(&draft.scope);
        let outer = draft.scope.len() - inner.len();
        let mut outside = BTreeSet::new();
        let mut selected = vec![Vec::new(); draft.slots.len()];
        for (number, _) in slots {
            let slot = &draft.slots[*number];
            let mut needed = slot.kind.mentions();
            selected[*number] = select(&slot.scope[outer..], &mut needed, slot.kind.scopes_left());
            outside.extend(needed);
        }
        self.each_instance(writer, id, outside, |writer| {
            print(writer, &|writer, slot| {
                self.print_slot(writer, id, &draft.slots[slot], &selected[slot]);
            });
        });
    }

    fn print_slot(&self, writer: &mut Writer, id: FragmentId, slot: &SlotDraft<'a>, steps: &[Step<'_, 'a>]) {
        let draft = self.draft(id);
        let mut frames = Frames::default();
        match &slot.kind {
            DraftKind::Text {
                nodes, steps: values, ..
            }
            | DraftKind::Attribute {
                nodes, steps: values, ..
            } => {
                let silent = values.iter().any(|step| matches!(step, ValueStep::Silent(_)));
                frames.start(writer, steps, silent);
                for step in values {
                    match step {
                        ValueStep::Silent(node) => code::write_node(writer, node),
                        ValueStep::Hole(hole) => self.print_hole(writer, draft, *hole),
                    }
                }
                frames.follow(nodes);
            }
            DraftKind::Tag { nodes, hole, .. } | DraftKind::Region { nodes, hole, .. } => {
                frames.start(
                    writer,
                    steps,
                    nodes.iter().any(|node| !matches!(node, Node::Emit(_))),
                );
                self.print_hole(writer, draft, *hole);
                frames.follow(nodes);
            }
            DraftKind::Branch { arms, otherwise, .. } => {
                frames.start(writer, steps, false);
                writer.mark(Mark::Arm);
                self.choose(writer, arms, *otherwise, |writer, arm| {
                    writer.raw(&self.arm_number(arm));
                });
            }
            DraftKind::Check(node) => {
                frames.start(writer, steps, true);
                code::write_node(writer, node);
                frames.follow(std::slice::from_ref(node));
            }
            DraftKind::List(_) => {}
        }
        frames.finish(writer);
    }

    /// What a branch shows when, if that can be told from the data alone.
    pub(super) fn choice(&self, slot: &SlotDraft<'a>) -> Option<Choice> {
        let DraftKind::Branch {
            arms,
            otherwise,
            conditions,
            ..
        } = &slot.kind
        else {
            return None;
        };
        let shown = |arm: Option<FragmentId>| arm.filter(|id| !self.is_blank(*id));
        let arms = conditions.as_ref()?.iter().cloned().zip(arms);
        Some(Choice {
            arms: arms
                .map(|(condition, (_, arm))| (condition, shown(*arm)))
                .collect(),
            otherwise: shown(*otherwise),
        })
    }

    /// Leaves the items of a list on the stack.
    pub(super) fn items(&self, slot: &SlotDraft<'a>, list: &ListDraft<'a>) -> Program {
        let mut writer = self.writer();
        let mut needed = slot.kind.mentions();
        let steps = select(&slot.scope, &mut needed, 0);
        Frames::default().start(&mut writer, &steps, false);
        code::write_items(&mut writer, &list.lp);
        writer.finish()
    }

    /// Prints all values of a fragment.
    pub(super) fn values(&self, id: FragmentId) -> Program {
        let mut writer = self.writer();
        let (_, inner) = split(&self.draft(id).scope);
        let mut needed = self.draft(id).mentions.clone();
        let steps = select(inner, &mut needed, 0);
        self.each_instance(&mut writer, id, needed, |writer| {
            let mut frames = Frames::default();
            writer.mark(Mark::Row);
            frames.start(writer, &steps, false);
            self.print_values(writer, id);
            frames.finish(writer);
        });
        writer.finish()
    }

    /// Prints the keys of some rows.
    pub(super) fn keys(&self, list: &ListDraft<'a>, key: &[Node<'a>]) -> Program {
        let mut writer = self.writer();
        self.each_instance(&mut writer, list.item, reads::mentioned(key), |writer| {
            writer.mark(Mark::Hole);
            code::write_nodes(writer, key);
        });
        writer.finish()
    }

    /// Writes code once for each instance that the program is run for: for each of the rows, or once where no list is
    /// around. `needed` are the names that the code uses and does not define.
    fn each_instance(
        &self,
        writer: &mut Writer,
        id: FragmentId,
        mut needed: BTreeSet<&'static str>,
        print: impl FnOnce(&mut Writer),
    ) {
        let (outer, inner) = split(&self.draft(id).scope);
        let outer = match outer {
            Some((outer, around)) => {
                let steps = select(outer, &mut needed, 0);
                Frames::default().start(writer, &steps, false);
                writer.lookup(ROWS);
                writer.start_for(false, false);
                if self.layout.mentions_counter(around.0) {
                    writer.unpack(2);
                    writer.assignment(&around.1.syntax.target);
                    writer.store("loop");
                } else {
                    writer.assignment(&around.1.syntax.target);
                }
                true
            }
            None => false,
        };
        debug_assert!(
            outer || inner.len() == self.draft(id).scope.len(),
            "a loop splits the scope"
        );
        print(writer);
        if outer {
            writer.end_for(false);
        }
    }

    fn print_values(&self, writer: &mut Writer, id: FragmentId) {
        let draft = self.draft(id);
        for step in &draft.steps {
            match step {
                ValueStep::Silent(node) => code::write_node(writer, node),
                ValueStep::Hole(hole) => self.print_hole(writer, draft, *hole),
            }
        }
    }

    fn print_hole(&self, writer: &mut Writer, draft: &Draft<'a>, hole: usize) {
        let slot = match &draft.holes[hole].source {
            HoleSource::Nodes(nodes) => {
                writer.mark(Mark::Hole);
                code::write_nodes(writer, nodes);
                return;
            }
            HoleSource::Slot(slot) => &draft.slots[*slot],
        };
        match &slot.kind {
            DraftKind::Branch { arms, otherwise, .. } => {
                writer.mark(Mark::Arm);
                self.choose(writer, arms, *otherwise, |writer, arm| {
                    self.print_arm(writer, arm);
                });
            }
            DraftKind::List(list) => {
                writer.mark(Mark::List);
                code::write_items(writer, &list.lp);
                writer.start_for(true, false);
                writer.assignment(&list.lp.syntax.target);
                writer.mark(Mark::Row);
                self.print_values(writer, list.item);
                writer.end_for(true);
                writer.start_if();
                writer.mark(Mark::Arm);
                self.print_arm(writer, list.otherwise);
                writer.end_if();
                writer.mark(Mark::End);
            }
            _ => unreachable!("only branches and lists are holes by themselves"),
        }
    }

    fn choose(
        &self,
        writer: &mut Writer,
        arms: &[(&'a ast::Expr<'static>, Option<FragmentId>)],
        otherwise: Option<FragmentId>,
        mut print: impl FnMut(&mut Writer, Option<FragmentId>),
    ) {
        for (condition, arm) in arms {
            writer.expression(condition);
            writer.start_if();
            print(writer, *arm);
            writer.start_else();
        }
        print(writer, otherwise);
        arms.iter().for_each(|_| writer.end_if());
    }

    /// Prints the number of the fragment that a branch shows, and its values. What a blank one sets counts all the same.
    fn print_arm(&self, writer: &mut Writer, arm: Option<FragmentId>) {
        writer.raw(&self.arm_number(arm));
        if let Some(id) = arm {
            self.print_values(writer, id);
        }
    }

    /// The number by which a program names what a branch shows.
    fn arm_number(&self, arm: Option<FragmentId>) -> String {
        arm.filter(|id| !self.is_blank(*id))
            .map_or_else(|| "-".to_owned(), |id| id.to_string())
    }

    /// Whether a fragment prints nothing: it only sets names.
    fn is_blank(&self, id: FragmentId) -> bool {
        self.draft(id).ops.iter().all(|op| matches!(op, Op::Silent(_)))
    }
}

/// What of a scope is outside of the innermost loop's rows, with that loop, and what is inside of a row.
#[expect(clippy::type_complexity, reason = "a pair of pairs, taken apart at once")]
fn split<'s, 'a>(
    scope: &'s [Scope<'a>],
) -> (Option<(&'s [Scope<'a>], (LoopId, &'s For<'a>))>, &'s [Scope<'a>]) {
    let innermost = scope.iter().enumerate().rev().find_map(|(at, step)| match step {
        Scope::Loop(id, lp) => Some((at, (*id, &**lp))),
        _ => None,
    });
    match innermost {
        Some((at, lp)) => (Some((&scope[..at], lp)), &scope[at + 1..]),
        None => (None, scope),
    }
}

/// A step of a scope, as a program takes it.
#[derive(Clone)]
struct Step<'s, 'a> {
    step: &'s Scope<'a>,
    /// Whether it defines anything that is needed.
    wanted: bool,
    /// Whether its scope needs a frame even so.
    bare: bool,
}

/// Chooses the steps of a scope that define the names that are needed; what these need is needed, too. `left`: how many
/// of the innermost scopes the code to come leaves.
fn select<'s, 'a>(
    scope: &'s [Scope<'a>],
    needed: &mut BTreeSet<&'static str>,
    mut left: usize,
) -> Vec<Step<'s, 'a>> {
    let defined: Vec<Vec<&'static str>> = scope.iter().map(Scope::defined).collect();
    let mut steps: Vec<Step<'s, 'a>> = scope
        .iter()
        .map(|step| Step {
            step,
            wanted: false,
            bare: false,
        })
        .collect();
    loop {
        let before = needed.len();
        for (step, defined) in steps.iter_mut().zip(&defined).rev() {
            if step.wanted || !(needed.contains(ANYTHING) || defined.iter().any(|name| needed.contains(name)))
            {
                continue;
            }
            step.wanted = true;
            match step.step {
                Scope::Loop(..) | Scope::Escape(_) | Scope::Unescape { .. } => {}
                Scope::Enter(assignments) => {
                    assignments
                        .iter()
                        .for_each(|(_, value)| reads::mentioned_in(value, needed));
                }
                Scope::Define(node) => needed.extend(reads::mentioned(std::slice::from_ref(node))),
                Scope::Past(nodes) => needed.extend(reads::mentioned(nodes)),
            }
        }
        // A macro may call one that is defined after it.
        if needed.len() == before {
            break;
        }
    }
    // Macros share what they keep of a frame, and it is there from the first one on.
    let is_macro = |step: &Scope<'a>| matches!(step, Scope::Define(Node::Define(ast::Stmt::Macro(_))));
    let has_macro = steps.iter().any(|step| step.wanted && is_macro(step.step));
    steps
        .iter_mut()
        .for_each(|step| step.wanted |= has_macro && is_macro(step.step));
    // What is set in a scope, or by the code to come, is set in a frame of its own: macros outside must not see it.
    let mut defines = has_macro;
    for step in steps.iter_mut().rev() {
        match step.step {
            Scope::Define(_) | Scope::Past(_) => defines |= step.wanted,
            Scope::Escape(_) | Scope::Unescape { .. } => {}
            Scope::Loop(..) => step.bare = defines,
            Scope::Enter(_) => {
                step.bare = defines || left > 0;
                left = left.saturating_sub(1);
            }
        }
    }
    steps
}

/// Counts the frames that a piece of code opens, so that it leaves as many as it found.
#[derive(Default)]
struct Frames {
    /// Frames.
    open: usize,
    /// Ways of escaping that are in force beside the program's own.
    escapes: isize,
}

impl Frames {
    /// Runs what of the scope is wanted. `apart`: the code that follows defines names, which must not outlive it.
    fn start(&mut self, writer: &mut Writer, steps: &[Step<'_, '_>], apart: bool) {
        if apart || steps.iter().any(|step| step.wanted) {
            writer.enter();
            self.open += 1;
        }
        let is_moot = moot_escapes(steps);
        for (at, Step { step, wanted, bare }) in steps.iter().enumerate() {
            match step {
                _ if is_moot[at] => {}
                Scope::Escape(to) => {
                    code::write_node(writer, &Node::Escape(to));
                    self.escapes += 1;
                }
                Scope::Unescape { html } => {
                    code::write_node(writer, &Node::Unescape { html: *html });
                    self.escapes -= 1;
                }
                _ if !wanted => {
                    if *bare {
                        writer.enter();
                        self.open += 1;
                    }
                }
                Scope::Loop(id, lp) => {
                    writer.enter();
                    self.open += 1;
                    writer.lookup(item_name(*id));
                    writer.assignment(&lp.syntax.target);
                    writer.lookup(counter_name(*id));
                    writer.store("loop");
                }
                Scope::Enter(assignments) => {
                    code::write_node(writer, &Node::Enter(assignments));
                    self.open += 1;
                }
                Scope::Define(node) if node.is_silent() => code::write_node(writer, node),
                Scope::Define(node) => write_unseen(writer, std::slice::from_ref(node)),
                Scope::Past(nodes) => write_unseen(writer, nodes),
            }
        }
    }

    /// Takes account of the scopes that nodes end without having started them, and the other way round.
    fn follow(&mut self, nodes: &[Node<'_>]) {
        let (left, entered) = node::scopes_crossed(nodes);
        self.open = (self.open + entered).saturating_sub(left);
        self.escapes += node::escapes_opened(nodes);
    }

    fn finish(self, writer: &mut Writer) {
        (0..self.open).for_each(|_| writer.leave());
        (0..self.escapes).for_each(|_| writer.pop_auto_escape());
    }
}

/// Which steps are ways of escaping, or their ends, with nothing that is wanted between them.
fn moot_escapes(steps: &[Step<'_, '_>]) -> Vec<bool> {
    let mut moot = vec![false; steps.len()];
    let mut open: Vec<(usize, bool)> = Vec::new();
    for (at, Step { step, wanted, .. }) in steps.iter().enumerate() {
        match step {
            Scope::Escape(_) => open.push((at, false)),
            Scope::Unescape { .. } => {
                if let Some((start, used)) = open.pop() {
                    moot[start] = !used;
                    moot[at] = !used;
                    open.iter_mut().for_each(|(_, outer)| *outer |= used);
                }
            }
            _ if *wanted => open.iter_mut().for_each(|(_, used)| *used = true),
            _ => {}
        }
    }
    moot
}

/// Runs nodes for what they set. What they print was printed elsewhere.
fn write_unseen(writer: &mut Writer, nodes: &[Node<'_>]) {
    writer.begin_capture();
    code::write_nodes(writer, nodes);
    writer.end_capture();
    writer.discard();
}

fn print_head(writer: &mut Writer) {
    writer.lookup(HEAD);
    writer.emit_here();
}
