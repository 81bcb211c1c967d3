//! What a plan found in its template, for people: `Plan::explain`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use minijinja::Environment;

use super::PlanOptions;
use super::assemble::lay_out;
use super::draft::{DraftKind, FragmentId, ListDraft, PAGE, SlotDraft};
use super::layout::Layout;
use super::machinery::ast::{Block, Expr};
use super::origin::Origins;
use super::reads::{LoopId, Reads, Step};
use super::source::Sources;
use super::trust;

const LEGEND: &str = "\
Each line is a place that can change: its number, what it is and what is around it,
where the template has it, and the data that it reads.

  text, attribute   sent alone, and only when its value differs
  attributes        attributes that come and go: those that differ are sent
  branch            a change of the condition sends what is shown then; else only what changes inside
  list by key       new, moved and removed rows are sent as such, and what changes inside of rows
  list by position  as by key, but rows are taken for the same by their place: a row inserted at
                    the front changes all rows
  region            rendered before and after, and sent as a whole when it differs
  row, loop         a list's own item, and its loop variable

";

/// Explains the page `template` of `env`.
pub(super) fn explain(env: &Environment<'static>, template: &str, options: &PlanOptions) -> String {
    let mut out = format!("How {template} is updated\n\n");
    let sources = match Sources::load(env, template) {
        Ok(sources) => sources,
        Err(error) => {
            let _ = writeln!(out, "The template can no longer be loaded: {error}");
            return out;
        }
    };
    let reached = sources.reached(env, template);
    let is_reached = |block: &Block<'static>| {
        let known = |reached: &Vec<&Block<'static>>| reached.iter().any(|other| std::ptr::eq(*other, block));
        reached.as_ref().is_none_or(known)
    };
    let trusted = trust::places(&sources, &is_reached);
    let impure = trust::impure(&sources, options, &is_reached);
    let summary = match lay_out(env, &sources, template, options) {
        Ok(layout) => {
            out.push_str(LEGEND);
            let mut report = Report::new(env, &layout, Origins::of(&sources));
            report.fragment(PAGE, 1);
            report.write(&mut out)
        }
        Err(reason) => {
            let _ = writeln!(
                out,
                "It is sent as a whole at each change of what it prints, because {reason}."
            );
            "the whole page is one place".to_owned()
        }
    };
    if !trusted.is_empty() {
        out.push_str("\nTrusted to be HTML, whoever wrote the data:\n");
        for (origin, text) in &trusted {
            let _ = writeln!(out, "  {origin}  {text}");
        }
    }
    if !impure.is_empty() {
        out.push_str("\nDeclared impure, so that what depends on it is sent at each change:\n");
        for (origin, text) in &impure {
            let _ = writeln!(out, "  {origin}  {text}");
        }
    }
    let _ = writeln!(
        out,
        "\nIn all: {summary}, {}.",
        count(
            trusted.len(),
            "place that trusts |safe",
            "places that trust |safe"
        )
    );
    out
}

/// A line of the tree.
struct Line {
    depth: usize,
    what: String,
    origin: String,
    reads: String,
}

struct Report<'r, 'a> {
    layout: &'r Layout<'a>,
    origins: Origins<'a>,
    /// The environment's own names, which data may hide.
    globals: BTreeSet<&'r str>,
    /// What each loop calls its item.
    items: BTreeMap<LoopId, String>,
    lines: Vec<Line>,
    /// What could be finer: the place, and what to do.
    advice: Vec<String>,
    slots: usize,
    regions: usize,
    by_position: usize,
}

impl<'r, 'a> Report<'r, 'a> {
    fn new(env: &'r Environment<'static>, layout: &'r Layout<'a>, origins: Origins<'a>) -> Self {
        let mut items = BTreeMap::new();
        for slot in layout.fragments.iter().flat_map(|draft| &draft.slots) {
            if let DraftKind::List(list) = &slot.kind {
                let target = origins.text(&list.lp.syntax.target);
                items.insert(list.id, target.unwrap_or_else(|| "row".to_owned()));
            }
        }
        Report {
            layout,
            origins,
            globals: env.globals().map(|(name, _)| name).collect(),
            items,
            lines: Vec::new(),
            advice: Vec::new(),
            slots: 0,
            regions: 0,
            by_position: 0,
        }
    }

    fn fragment(&mut self, id: FragmentId, depth: usize) {
        for (number, slot) in self.layout.fragments[id].slots.iter().enumerate() {
            if matches!(slot.kind, DraftKind::Check(_)) {
                continue;
            }
            self.slots += 1;
            self.slot(number, slot, depth);
        }
    }

    fn slot(&mut self, number: usize, slot: &SlotDraft<'a>, depth: usize) {
        let origins = &self.origins;
        let origin = match &slot.kind {
            DraftKind::Text { nodes, .. }
            | DraftKind::Attribute { nodes, .. }
            | DraftKind::Tag { nodes, .. }
            | DraftKind::Region { nodes, .. } => origins.nodes(nodes),
            DraftKind::Branch { arms, .. } => arms
                .first()
                .and_then(|(condition, _)| origins.expression(condition)),
            DraftKind::List(list) => origins.expression(&list.lp.syntax.iter),
            DraftKind::Check(node) => origins.nodes(std::slice::from_ref(node)),
        };
        let origin = origin.map(|origin| origin.to_string()).unwrap_or_default();
        // What is around a text names its element.
        let place = if slot.place.starts_with("text") {
            "text"
        } else {
            &slot.place
        };
        let mut what = format!("{number} {place}");
        if let DraftKind::List(list) = &slot.kind {
            what.push_str(if list.key.is_some() {
                " by key"
            } else {
                " by position"
            });
        }
        if !slot.within.is_empty() {
            let _ = write!(what, " in {}", shorten(&slot.within));
        }
        let reads = self.reads(&slot.reads);
        self.lines.push(Line {
            depth,
            what,
            origin: origin.clone(),
            reads,
        });
        match &slot.kind {
            DraftKind::Text { .. }
            | DraftKind::Attribute { .. }
            | DraftKind::Tag { .. }
            | DraftKind::Check(_) => {}
            DraftKind::Region { reason, .. } => {
                self.regions += 1;
                self.advice.push(format!(
                    "{origin}  a region, because {}: {}",
                    reason.reason(),
                    reason.remedy()
                ));
            }
            DraftKind::Branch { arms, otherwise, .. } => {
                for (at, (condition, arm)) in arms.iter().enumerate() {
                    let word = if at == 0 { "if" } else { "elif" };
                    self.arm(&format!("{word} {}", self.written(condition)), *arm, depth);
                }
                if otherwise.is_some() {
                    self.arm("else", *otherwise, depth);
                }
            }
            DraftKind::List(list) => self.list(list, &origin, depth),
        }
    }

    fn list(&mut self, list: &ListDraft<'a>, origin: &str, depth: usize) {
        if list.key.is_none() {
            self.by_position += 1;
            self.advice.push(format!(
                "{origin}  a list by position: add st-key or an id to the row's first element"
            ));
        }
        let row = format!("each row, {}", self.items[&list.id]);
        self.arm(&row, Some(list.item), depth);
        if list.otherwise.is_some() {
            self.arm("without rows", list.otherwise, depth);
        }
    }

    fn arm(&mut self, title: &str, arm: Option<FragmentId>, depth: usize) {
        let is_static = arm.is_none_or(|id| self.layout.fragments[id].slots.is_empty());
        self.lines.push(Line {
            depth: depth + 1,
            what: if is_static {
                format!("{title}: nothing that changes")
            } else {
                title.to_owned()
            },
            origin: String::new(),
            reads: String::new(),
        });
        arm.iter().for_each(|id| self.fragment(*id, depth + 2));
    }

    fn written(&self, expr: &Expr<'static>) -> String {
        self.origins.text(expr).unwrap_or_else(|| "…".to_owned())
    }

    fn reads(&self, reads: &Reads) -> String {
        let mut names: Vec<String> = reads
            .paths
            .iter()
            .filter(|path| !matches!(path[..], [Step::Key(name)] if self.globals.contains(name)))
            .map(|path| show(path))
            .collect();
        names.extend(
            reads
                .items
                .iter()
                .map(|(id, path)| show_item(&self.items[id], path)),
        );
        names.extend(reads.counters.iter().map(|(_, attribute)| {
            let dot = if attribute.is_empty() { "" } else { "." };
            format!("loop{dot}{attribute}")
        }));
        if reads.everything {
            names.push("anything".to_owned());
        }
        if reads.impure {
            names.push("something impure".to_owned());
        }
        if names.is_empty() {
            return String::new();
        }
        format!("reads {}", names.join(", "))
    }

    /// Writes the tree and what could be finer; gives the summary.
    fn write(&self, out: &mut String) -> String {
        let width = |text: fn(&Line) -> usize| self.lines.iter().map(text).max().unwrap_or(0);
        let what = width(|line| line.depth * 2 + line.what.chars().count()).min(88);
        let origin = width(|line| line.origin.chars().count());
        for line in &self.lines {
            let left = format!("{}{}", "  ".repeat(line.depth), line.what);
            let text = format!("{left:what$}  {:origin$}  {}", line.origin, line.reads);
            let _ = writeln!(out, "{}", text.trim_end());
        }
        if self.lines.is_empty() {
            out.push_str("  nothing on it changes\n");
        }
        if !self.advice.is_empty() {
            out.push_str("\nWhat could be finer:\n");
            for advice in &self.advice {
                let _ = writeln!(out, "  {}", advice.trim_start());
            }
        }
        [
            count(self.slots, "place", "places"),
            count(self.regions, "region", "regions"),
            count(self.by_position, "list by position", "lists by position"),
        ]
        .join(", ")
    }
}

/// The innermost elements around a slot: as many as fit on the line, but at least one.
fn shorten(within: &str) -> String {
    let mut rest = within;
    while rest.chars().count() > 40
        && let Some((_, inner)) = rest.split_once(" > ")
    {
        rest = inner;
    }
    if rest.len() == within.len() {
        within.to_owned()
    } else {
        format!("… > {rest}")
    }
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A path within the item of a loop that calls it `target`.
fn show_item(target: &str, path: &[Step]) -> String {
    let names: Vec<&str> = target
        .split(',')
        .map(|name| name.trim_matches(|c: char| c.is_whitespace() || "()[]".contains(c)))
        .collect();
    match (&names[..], path) {
        ([name], path) => follow((*name).to_owned(), path),
        (names, [Step::Index(at), rest @ ..]) => {
            let name = usize::try_from(*at).ok().and_then(|at| names.get(at));
            follow((*name.unwrap_or(&target)).to_owned(), rest)
        }
        _ => target.to_owned(),
    }
}

/// A path as a template writes it.
fn show(path: &[Step]) -> String {
    follow(String::new(), path)
}

fn follow(mut out: String, path: &[Step]) -> String {
    for step in path {
        match step {
            Step::Key(key) if out.is_empty() => out.push_str(key),
            Step::Key(key) => {
                let _ = write!(out, ".{key}");
            }
            Step::Index(index) => {
                let _ = write!(out, "[{index}]");
            }
        }
    }
    out
}
