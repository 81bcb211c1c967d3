//! What a stretch of template reads: paths into the page's data, the items and counters of the loops around it.

mod define;
mod query;

use std::collections::BTreeSet;
use std::rc::Rc;

use minijinja::Environment;

use super::PlanOptions;
use super::blocks::Called;
use super::shortcuts::Shortcuts;
use super::source::Sources;
use crate::PathStep;

pub(super) use super::left::{left_behind, set_by};
pub(super) use super::mentions::{ANYTHING, mentioned, mentioned_in};

/// One of a plan's keyed loops.
pub(crate) type LoopId = usize;

/// A step of a path into the data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Step {
    Key(&'static str),
    Index(i64),
}

/// Where an expression finds its value, when it is nothing but a path.
pub(super) enum Place {
    Data(Vec<PathStep>),
    Item {
        id: LoopId,
        path: Vec<PathStep>,
        /// Whether the item has such a part for certain, as far as the loop's target takes it apart.
        sure: bool,
    },
    /// An attribute of a `loop` variable that is a number, or true or false.
    Counter(LoopId, &'static str),
}

/// The steps as a snapshot takes them.
pub(super) fn path_steps(path: &[Step]) -> Vec<PathStep> {
    let step = |step: &Step| match step {
        Step::Key(key) => PathStep::Key((*key).into()),
        Step::Index(index) => PathStep::Index(*index),
    };
    path.iter().map(step).collect()
}

/// Everything that the value of an expression, or the output of some nodes, can depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reads {
    /// Paths into the page's data. A path stands for everything below it.
    pub(crate) paths: BTreeSet<Vec<Step>>,
    /// Loops whose item is read, each with the path of what is read of it.
    pub(crate) items: BTreeSet<(LoopId, Vec<Step>)>,
    /// Loops whose `loop` variable is read, each with the attribute's name.
    pub(crate) counters: BTreeSet<(LoopId, &'static str)>,
    /// Set when it can't be told: then every change may matter.
    pub(crate) everything: bool,
    /// Whether something is called that may give something else each time.
    pub(crate) impure: bool,
}

impl Reads {
    /// Whether anything of the item of a loop is read.
    pub(super) fn reads_item(&self, id: LoopId) -> bool {
        self.items.iter().any(|(read, _)| *read == id)
    }

    /// Whether all of the other's is read here, too.
    pub(super) fn covers(&self, other: &Reads) -> bool {
        self.everything
            || (self.paths.is_superset(&other.paths)
                && self.items.is_superset(&other.items)
                && self.counters.is_superset(&other.counters)
                && !other.everything
                && (self.impure || !other.impure))
    }

    pub(super) fn add(&mut self, other: &Reads) {
        self.paths.extend(other.paths.iter().cloned());
        self.items.extend(other.items.iter().cloned());
        self.counters.extend(&other.counters);
        self.everything |= other.everything;
        self.impure |= other.impure;
    }
}

/// What a name means at some place of the template.
#[derive(Clone)]
pub(super) enum Meaning {
    /// The item of a loop, or the part of it at a path; `plain` when it can't be HTML, `sure` when the loop's target can
    /// take any of its items apart like this.
    Item {
        id: LoopId,
        path: Vec<Step>,
        plain: bool,
        sure: bool,
    },
    /// The `loop` variable.
    Counter(LoopId),
    /// Something computed from what is read here; `plain` when it can't be HTML.
    Local { reads: Reads, plain: bool },
    /// Something at a path into the data: of it, only what is used is read.
    Path { path: Vec<Step>, plain: bool },
    /// A macro: what it reads where it is defined, and the names that it mentions. Those may be set anew later.
    Macro {
        reads: Reads,
        mentions: BTreeSet<&'static str>,
    },
}

/// The names in scope at one place of the template.
#[derive(Clone)]
pub(super) struct Names<'a> {
    sources: &'a Sources,
    env: &'a Environment<'static>,
    options: &'a PlanOptions,
    /// The blocks that expressions call, and those that are being looked into.
    blocks: Rc<Called<'a>>,
    calling: Vec<&'static str>,
    names: Vec<Name>,
    /// Whether values are HTML-escaped here.
    escaped: bool,
    shortcuts: Shortcuts,
}

#[derive(Clone)]
struct Name {
    id: &'static str,
    meaning: Meaning,
    how: How,
}

/// How a name came to its meaning.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Set,
    /// Set on some of the ways here.
    PerhapsSet,
    /// It meant the same namespace before, which has changed.
    Changed,
}

impl<'a> Names<'a> {
    pub(super) fn new(
        sources: &'a Sources,
        env: &'a Environment<'static>,
        options: &'a PlanOptions,
        called: Called<'a>,
        escaped: bool,
        shortcuts: Shortcuts,
    ) -> Self {
        Names {
            sources,
            env,
            options,
            blocks: Rc::new(called),
            calling: Vec::new(),
            names: Vec::new(),
            escaped,
            shortcuts,
        }
    }

    pub(super) fn depth(&self) -> usize {
        self.names.len()
    }

    /// Forgets the names that came into scope after `depth` was taken.
    pub(super) fn truncate(&mut self, depth: usize) {
        self.names.truncate(depth);
    }

    /// Whether values are escaped for HTML here.
    pub(super) fn escapes(&self) -> bool {
        self.escaped
    }

    /// What the environment has left as it is.
    pub(super) fn shortcuts(&self) -> Shortcuts {
        self.shortcuts
    }

    pub(super) fn env(&self) -> &'a Environment<'static> {
        self.env
    }

    pub(super) fn blocks(&self) -> &Called<'a> {
        &self.blocks
    }

    pub(super) fn set_escapes(&mut self, escaped: bool) {
        self.escaped = escaped;
    }

    /// Leaves a scope that began at `depth`: its names are gone, what it changed of others' namespaces stays.
    pub(super) fn leave(&mut self, depth: usize) {
        let mut own = BTreeSet::new();
        let mut kept: Vec<Name> = Vec::new();
        for name in self.names.drain(depth.min(self.names.len())..) {
            match name.how {
                How::Set => drop(own.insert(name.id)),
                How::Changed if !own.contains(name.id) => {
                    kept.retain(|known| known.id != name.id);
                    kept.push(name);
                }
                How::PerhapsSet | How::Changed => {}
            }
        }
        self.names.extend(kept);
    }
}
