//! Compiles a layout: the program that prints the annotated page, and those that compute values alone.

use std::collections::BTreeSet;

use minijinja::AutoEscape;

use super::code;
use super::layout::{Draft, DraftKind, FragmentId, HoleSource, Layout, ListDraft, Op, Scope, ValueStep};
use super::machinery::{Program, Writer, ast, intern};
use super::node::{self, Node};
use super::reads::{self, ANYTHING, LoopId};
use super::syntax;

/// The name under which the root of an evaluation holds the HTML for the page's head.
pub(crate) const HEAD: &str = "\0head";
/// The rows to compute, each a pair of item and `loop` variable, and how many there are.
pub(crate) const ROWS: &str = "\0rows";
pub(crate) const ROW_COUNT: &str = "\0count";

/// The name under which the root of an evaluation holds the item of a loop around it.
pub(crate) fn item_name(id: LoopId) -> &'static str {
    intern(&format!("\0item{id}"))
}

/// The name under which the root of an evaluation holds the `loop` variable of a loop around it.
pub(crate) fn counter_name(id: LoopId) -> &'static str {
    intern(&format!("\0loop{id}"))
}

pub(super) struct Compiler<'l, 'a> {
    pub(super) layout: &'l Layout<'a>,
    pub(super) file: &'static str,
    pub(super) source: &'static str,
    pub(super) escape: AutoEscape,
}

impl<'a> Compiler<'_, 'a> {
    fn writer(&self) -> Writer {
        Writer::new(self.file, self.source, self.escape.clone())
    }

    fn draft(&self, id: FragmentId) -> &Draft<'a> {
        &self.layout.fragments[id]
    }

    /// Prints the page with its marks.
    pub(super) fn page(&self) -> Program {
        let mut writer = self.writer();
        let mut has_head = false;
        self.print(&mut writer, super::layout::PAGE, &mut has_head);
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
                    DraftKind::List(list) => {
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
                },
            }
        }
    }

    /// Computes what one slot's own change is seen by: its holes' values, the shown branch, the list's items.
    pub(super) fn slot(&self, fragment: FragmentId, slot: usize, holes: &[usize]) -> Program {
        let draft = self.draft(fragment);
        let slot = &draft.slots[slot];
        let mut writer = self.writer();
        let mut needed = BTreeSet::new();
        match &slot.kind {
            DraftKind::Text { nodes, steps, .. } | DraftKind::Attribute { nodes, steps, .. } => {
                needed.extend(reads::mentioned(nodes));
                self.enter(&mut writer, &slot.scope, needed, node::scopes_left(nodes));
                for step in steps {
                    match step {
                        ValueStep::Silent(node) => code::write_node(&mut writer, node),
                        ValueStep::Hole(hole) => self.push_hole(&mut writer, draft, *hole),
                    }
                }
                writer.list(holes.len());
            }
            DraftKind::Tag { nodes, hole } | DraftKind::Region { nodes, hole, .. } => {
                needed.extend(reads::mentioned(nodes));
                self.enter(&mut writer, &slot.scope, needed, node::scopes_left(nodes));
                self.push_hole(&mut writer, draft, *hole);
                writer.list(1);
            }
            DraftKind::Branch { arms, otherwise, .. } => {
                arms.iter()
                    .for_each(|(condition, _)| reads::mentioned_in(condition, &mut needed));
                self.enter(&mut writer, &slot.scope, needed, 0);
                for (condition, arm) in arms {
                    writer.expression(condition);
                    writer.start_if();
                    writer.constant(self.arm_number(*arm));
                    writer.start_else();
                }
                writer.constant(self.arm_number(*otherwise));
                arms.iter().for_each(|_| writer.end_if());
            }
            DraftKind::List(list) => {
                reads::mentioned_in(&list.lp.syntax.iter, &mut needed);
                list.lp
                    .syntax
                    .filter_expr
                    .iter()
                    .for_each(|filter| reads::mentioned_in(filter, &mut needed));
                self.enter(&mut writer, &slot.scope, needed, 0);
                code::write_items(&mut writer, &list.lp);
            }
        }
        writer.finish()
    }

    /// Computes all values of a fragment that is not shown yet.
    pub(super) fn values(&self, id: FragmentId) -> Program {
        let draft = self.draft(id);
        let mut writer = self.writer();
        self.enter(&mut writer, &draft.scope, draft.mentions.clone(), 0);
        self.push_values(&mut writer, id, None);
        writer.finish()
    }

    /// Computes all values of some rows.
    pub(super) fn rows(&self, list: &ListDraft<'a>) -> Program {
        let mut needed = self.draft(list.item).mentions.clone();
        list.key
            .iter()
            .for_each(|key| needed.extend(reads::mentioned(key)));
        self.each_row(list, needed, |writer| self.push_values(writer, list.item, None))
    }

    /// Computes the keys of some rows.
    pub(super) fn keys(&self, list: &ListDraft<'a>, key: &[Node<'a>]) -> Program {
        self.each_row(list, reads::mentioned(key), |writer| push_text(writer, key))
    }

    fn each_row(
        &self,
        list: &ListDraft<'a>,
        needed: BTreeSet<&'static str>,
        push: impl FnOnce(&mut Writer),
    ) -> Program {
        let mut writer = self.writer();
        let scope = &self.draft(list.item).scope;
        let outer = scope.len().saturating_sub(1);
        self.enter(&mut writer, &scope[..outer], needed, 0);
        writer.lookup(ROWS);
        writer.start_for(false, false);
        writer.unpack(2);
        writer.assignment(&list.lp.syntax.target);
        writer.store("loop");
        push(&mut writer);
        writer.end_for(false);
        writer.lookup(ROW_COUNT);
        writer.counted_list();
        writer.finish()
    }

    /// Leaves a list of the fragment's values on the stack, by hole number, and the row's key after them.
    fn push_values(&self, writer: &mut Writer, id: FragmentId, key: Option<&[Node<'a>]>) {
        let draft = self.draft(id);
        for step in &draft.steps {
            match step {
                ValueStep::Silent(node) => code::write_node(writer, node),
                ValueStep::Hole(hole) => self.push_hole(writer, draft, *hole),
            }
        }
        if let Some(key) = key {
            push_text(writer, key);
        }
        writer.list(draft.holes.len() + usize::from(key.is_some()));
    }

    fn push_hole(&self, writer: &mut Writer, draft: &Draft<'a>, hole: usize) {
        let slot = match &draft.holes[hole].source {
            HoleSource::Nodes(nodes) => return push_text(writer, nodes),
            HoleSource::Slot(slot) => &draft.slots[*slot],
        };
        match &slot.kind {
            DraftKind::Branch { arms, otherwise, .. } => {
                for (condition, arm) in arms {
                    writer.expression(condition);
                    writer.start_if();
                    self.push_arm(writer, *arm);
                    writer.start_else();
                }
                self.push_arm(writer, *otherwise);
                arms.iter().for_each(|_| writer.end_if());
            }
            DraftKind::List(list) => {
                writer.constant(0usize);
                code::write_items(writer, &list.lp);
                writer.start_for(true, false);
                writer.assignment(&list.lp.syntax.target);
                self.push_values(writer, list.item, list.key.as_deref());
                writer.count_value();
                writer.end_for(true);
                // On the stack: the rows, their count, whether there were none. Wanted: [rows, else branch].
                writer.start_if();
                writer.counted_list();
                self.push_arm(writer, list.otherwise);
                writer.start_else();
                writer.counted_list();
                self.push_arm(writer, None);
                writer.end_if();
                writer.list(2);
            }
            _ => unreachable!("only branches and lists are holes by themselves"),
        }
    }

    /// Leaves `[fragment, values]` on the stack, or -1 for nothing.
    fn push_arm(&self, writer: &mut Writer, arm: Option<FragmentId>) {
        match arm {
            Some(id) if !self.is_blank(id) => {
                writer.constant(id);
                self.push_values(writer, id, None);
                writer.list(2);
            }
            // It shows nothing, but what it sets counts.
            Some(id) => {
                self.push_values(writer, id, None);
                writer.discard();
                writer.constant(-1);
            }
            None => writer.constant(-1),
        }
    }

    /// The number by which a branch's program names what is shown: -1 for nothing.
    fn arm_number(&self, arm: Option<FragmentId>) -> i64 {
        arm.filter(|id| !self.is_blank(*id))
            .and_then(|id| i64::try_from(id).ok())
            .unwrap_or(-1)
    }

    /// Whether a fragment prints nothing: it only sets names.
    fn is_blank(&self, id: FragmentId) -> bool {
        self.draft(id).ops.iter().all(|op| matches!(op, Op::Silent(_)))
    }

    /// Runs what of the scope defines the names that are needed, and enters the innermost scopes that the code to come
    /// will leave.
    fn enter(
        &self,
        writer: &mut Writer,
        scope: &[Scope<'a>],
        mut needed: BTreeSet<&'static str>,
        mut left: usize,
    ) {
        let scope = scope.iter().map(|step| {
            let mut defined = Vec::new();
            match step {
                Scope::Loop(_, lp) => {
                    syntax::assigned(&lp.syntax.target, &mut defined);
                    defined.push("loop");
                }
                Scope::Enter(assignments) => {
                    assignments
                        .iter()
                        .for_each(|(target, _)| syntax::assigned(target, &mut defined));
                }
                Scope::Define(Node::Define(statement)) => defined = syntax::defined(statement),
                Scope::Define(node) => {
                    defined = reads::defined_inside(node);
                    if let Node::Capture(set, _) = node {
                        syntax::assigned(&set.target, &mut defined);
                    }
                }
            }
            (step, defined)
        });
        let scope: Vec<(&Scope<'a>, Vec<&'static str>)> = scope.collect();
        let mut wanted = vec![false; scope.len()];
        loop {
            let before = needed.len();
            for ((step, defined), wanted) in scope.iter().zip(&mut wanted).rev() {
                if *wanted || !(needed.contains(ANYTHING) || defined.iter().any(|name| needed.contains(name)))
                {
                    continue;
                }
                *wanted = true;
                match step {
                    Scope::Loop(..) => {}
                    Scope::Enter(assignments) => {
                        assignments
                            .iter()
                            .for_each(|(_, value)| reads::mentioned_in(value, &mut needed));
                    }
                    Scope::Define(node) => needed.extend(reads::mentioned(std::slice::from_ref(node))),
                }
            }
            // A macro may call one that is defined after it.
            if needed.len() == before {
                break;
            }
        }
        // What is set in a scope is set in a frame of its own: a macro from outside must not see it.
        let is_macro = |step: &Scope<'a>| matches!(step, Scope::Define(Node::Define(ast::Stmt::Macro(_))));
        let has_macro = scope
            .iter()
            .zip(&wanted)
            .any(|((step, _), wanted)| *wanted && is_macro(step));
        // Macros share what they keep of a frame: it is there from the first one on.
        for ((step, _), wanted) in scope.iter().zip(&mut wanted) {
            *wanted |= has_macro && is_macro(step);
        }
        let mut bare = vec![has_macro; scope.len()];
        for ((step, _), bare) in scope.iter().zip(&mut bare).rev() {
            if let Scope::Enter(_) = step {
                *bare |= left > 0;
                left = left.saturating_sub(1);
            }
        }
        let steps = scope.into_iter().zip(wanted).zip(bare);
        for (((step, _), wanted), bare) in steps {
            if !wanted {
                if bare && !matches!(step, Scope::Define(_)) {
                    writer.enter();
                }
                continue;
            }
            match step {
                Scope::Loop(id, lp) => {
                    writer.enter();
                    writer.lookup(item_name(*id));
                    writer.assignment(&lp.syntax.target);
                    writer.lookup(counter_name(*id));
                    writer.store("loop");
                }
                Scope::Enter(assignments) => code::write_node(writer, &Node::Enter(assignments)),
                // What it prints was printed elsewhere; only what it sets is wanted.
                Scope::Define(
                    node @ (Node::If(_) | Node::For(_) | Node::AutoEscape(..) | Node::Filter(..)),
                ) => {
                    writer.begin_capture();
                    code::write_node(writer, node);
                    writer.end_capture();
                    writer.discard();
                }
                Scope::Define(node) => code::write_node(writer, node),
            }
        }
    }
}

fn push_text(writer: &mut Writer, nodes: &[Node<'_>]) {
    writer.begin_capture();
    code::write_nodes(writer, nodes);
    writer.end_capture();
}

fn print_head(writer: &mut Writer) {
    writer.lookup(HEAD);
    writer.emit_here();
}
