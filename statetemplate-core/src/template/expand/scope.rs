//! What each name stands for at each place of a page, as minijinja's frames have it when the place is reached.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::call::Definition;
use super::text::Text;
use super::{ModuleId, Opaque};

/// The frames that are open at one place of the page.
///
/// A frame is what minijinja pushes for a `with`, a loop's rows and a block: names set inside end with it. An `if`, an
/// include, a filter block and a set block have none.
pub(in super::super) struct Scope<'a> {
    frames: Vec<Frame<'a>>,
    /// Counts what was bound, so that two bindings can be told apart and ordered.
    time: usize,
    /// The run of a template's code: each include is one. What an include sets is not seen by the macros around it.
    run: usize,
    runs: usize,
}

#[derive(Clone, Default)]
struct Frame<'a> {
    names: BTreeMap<&'static str, Binding<'a>>,
    /// Where code that is not known here last ran in this frame: it may have bound any name.
    unknown: Option<Binding<'a>>,
    /// For a loop's rows: every name that they bind somewhere. A closure keeps such names from row to row.
    rebound: Option<BTreeSet<&'static str>>,
}

#[derive(Clone)]
struct Binding<'a> {
    what: What<'a>,
    time: usize,
    run: usize,
    /// Not bound on each way that leads here.
    conditional: bool,
}

/// What a name is bound to, as far as it matters here.
#[derive(Clone)]
pub(super) enum What<'a> {
    Value,
    Macro(Rc<Definition<'a>>),
    Module(ModuleId),
    Text(Rc<Text<'a>>),
}

/// What a lookup came to.
pub(super) struct Found<'a> {
    pub(super) what: What<'a>,
    /// When the name was bound.
    pub(super) time: usize,
    frame: usize,
    run: usize,
    conditional: bool,
}

/// A frame and the run of code in it, as a closure is made in it.
#[derive(Clone, Copy)]
pub(super) struct Place {
    frame: usize,
    run: usize,
}

/// The state before a statement of which only one part, or none, is run.
pub(in super::super) struct Fork<'a> {
    before: Frame<'a>,
    bound: BTreeSet<&'static str>,
    unknown: bool,
}

impl<'a> Scope<'a> {
    pub(in super::super) fn new() -> Self {
        Scope {
            frames: vec![Frame::default()],
            time: 0,
            run: 0,
            runs: 0,
        }
    }

    pub(in super::super) fn enter(&mut self) {
        self.frames.push(Frame::default());
    }

    /// Enters the rows of a loop that bind these names.
    pub(in super::super) fn enter_rows(&mut self, rebound: BTreeSet<&'static str>) {
        self.frames.push(Frame {
            rebound: Some(rebound),
            ..Frame::default()
        });
    }

    pub(in super::super) fn leave(&mut self) {
        self.frames.pop();
    }

    /// Starts to follow an include; returns what [`Scope::end_include`] wants.
    pub(in super::super) fn start_include(&mut self) -> usize {
        self.runs += 1;
        std::mem::replace(&mut self.run, self.runs)
    }

    pub(in super::super) fn end_include(&mut self, outer: usize) {
        self.run = outer;
    }

    /// Binds a name to something that is known only when the page is rendered.
    pub(in super::super) fn bind_value(&mut self, name: &'static str) {
        self.bind(name, What::Value);
    }

    pub(super) fn bind(&mut self, name: &'static str, what: What<'a>) {
        let binding = self.binding(what, false);
        self.top().names.insert(name, binding);
    }

    /// Code that is not known here runs, and may bind any name.
    pub(in super::super) fn unknown(&mut self) {
        self.runs += 1;
        let binding = Binding {
            run: self.runs,
            ..self.binding(What::Value, true)
        };
        self.top().unknown = Some(binding);
    }

    pub(in super::super) fn fork(&mut self) -> Fork<'a> {
        Fork {
            before: self.top().clone(),
            bound: BTreeSet::new(),
            unknown: false,
        }
    }

    /// Ends one of the parts, and goes back to the state before it.
    pub(in super::super) fn end_part(&mut self, fork: &mut Fork<'a>) {
        let before = fork.before.clone();
        let after = std::mem::replace(self.top(), before);
        for (name, binding) in &after.names {
            if fork
                .before
                .names
                .get(name)
                .is_none_or(|known| known.time != binding.time)
            {
                fork.bound.insert(name);
            }
        }
        let time = |frame: &Frame<'a>| frame.unknown.as_ref().map(|unknown| unknown.time);
        fork.unknown |= time(&after) != time(&fork.before);
    }

    /// Goes on behind the statement: what one of its parts bound may be bound or not.
    pub(in super::super) fn join(&mut self, fork: Fork<'a>) {
        if fork.unknown {
            self.unknown();
        }
        for name in fork.bound {
            let binding = self.binding(What::Value, true);
            self.top().names.insert(name, binding);
        }
    }

    /// What a name stands for here; `None` when it comes from the data or is global.
    pub(super) fn lookup(&self, name: &str) -> Option<Found<'a>> {
        self.lookup_from(self.frames.len() - 1, name)
    }

    /// What a closure made at `place` has for a name. It is the same that a lookup from there finds, because stores in
    /// the frame go to the closure too; not so those of includes, and not where rows start with their names forgotten.
    pub(super) fn seen_from(&self, place: Place, name: &str) -> Result<Option<Found<'a>>, Opaque> {
        let found = self.lookup_from(place.frame, name);
        let rebound = self.frames[place.frame].rebound.as_ref();
        match &found {
            Some(found) if found.frame == place.frame => {
                if found.run != place.run || (rebound.is_some() && found.conditional) {
                    return Err(Opaque);
                }
            }
            _ if rebound.is_some_and(|names| names.contains(name)) => return Err(Opaque),
            _ => {}
        }
        Ok(found)
    }

    /// The innermost frame, for a closure made here.
    pub(super) fn place(&self) -> Place {
        Place {
            frame: self.frames.len() - 1,
            run: self.run,
        }
    }

    /// A time after all that was bound so far.
    pub(super) fn now(&self) -> usize {
        self.time + 1
    }

    fn lookup_from(&self, innermost: usize, name: &str) -> Option<Found<'a>> {
        self.frames[..=innermost]
            .iter()
            .enumerate()
            .rev()
            .find_map(|(frame, known)| {
                let named = known.names.get(name);
                let unknown = known.unknown.as_ref();
                let latest = named
                    .into_iter()
                    .chain(unknown)
                    .max_by_key(|binding| binding.time)?;
                Some(Found {
                    what: latest.what.clone(),
                    time: latest.time,
                    frame,
                    run: latest.run,
                    conditional: latest.conditional,
                })
            })
    }

    fn binding(&mut self, what: What<'a>, conditional: bool) -> Binding<'a> {
        self.time += 1;
        Binding {
            what,
            time: self.time,
            run: self.run,
            conditional,
        }
    }

    fn top(&mut self) -> &mut Frame<'a> {
        self.frames
            .last_mut()
            .expect("the page's own frame is never left")
    }
}
