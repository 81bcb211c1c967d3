//! What the names in a macro's body are called in a copy of it.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use minijinja::Value;

use super::call::CallBody;
use super::copy::Copier;
use super::module::Member;
use super::scope::{Place, What};
use super::{ModuleId, Stays};
use crate::template::machinery::intern;

/// Where the names that a body does not bind get their meaning.
#[derive(Clone, Copy)]
pub(super) enum Home {
    /// Where the copy goes: the page's own code.
    Here,
    /// A macro on the page.
    Frame(Place),
    /// A `call` block on the page.
    Block(Place),
    /// A macro of an imported template.
    Module(ModuleId),
    /// What an imported template sets, computed where it is imported.
    Import(ModuleId),
}

/// The names of one copy of a macro or of a `call` block.
#[derive(Clone)]
pub(super) struct Env<'a> {
    home: Home,
    /// The number that the names of this copy carry.
    number: usize,
    pub(super) frames: Vec<Local>,
    pub(super) caller: Caller<'a>,
    /// Whether `caller` was of use: minijinja refuses a `call` of a macro that does not know it.
    pub(super) used_caller: bool,
    /// For a `call` block: the names at its place, and whether its copy goes inside a loop that is not there.
    outer: Option<(Rc<Env<'a>>, bool)>,
    /// Names that are bound on some ways only, each with what it stands for otherwise.
    pub(super) early: BTreeMap<&'static str, Written>,
    /// Names that minijinja does not keep for the macro, because it takes them for the macro's own.
    pub(super) unkept: Vec<&'static str>,
    /// Above zero in places where minijinja does not look for names to keep.
    pub(super) unseen: usize,
}

/// What `caller` is in a body.
#[derive(Clone)]
pub(super) enum Caller<'a> {
    /// A name like any other.
    Ordinary,
    Absent,
    Given(Rc<CallBody<'a>>),
}

/// The names that are bound in one frame of a body.
#[derive(Clone, Default)]
pub(super) struct Local {
    pub(super) names: BTreeMap<&'static str, Known>,
    /// Whether `loop` is the loop's whose rows these are.
    pub(super) has_loop: bool,
    /// For a loop's rows: every name that they bind somewhere.
    pub(super) rebound: Option<BTreeSet<&'static str>>,
}

#[derive(Clone, PartialEq)]
pub(super) enum Known {
    /// A parameter that stands for something simple.
    Is(Written),
    Bound,
    /// Bound on some of the ways that lead here.
    Perhaps,
}

/// How a name is written in a copy.
#[derive(Clone, PartialEq)]
pub(super) enum Written {
    Name(&'static str),
    Constant(Value),
}

/// What a name in a body is.
pub(super) struct Resolved<'a> {
    /// `None` when the copy can't name it.
    pub(super) written: Option<Written>,
    pub(super) what: What<'a>,
}

impl Resolved<'_> {
    fn value(written: Written) -> Self {
        Resolved {
            written: Some(written),
            what: What::Value,
        }
    }
}

impl<'a> Env<'a> {
    /// The page's own code, which is not copied.
    pub(super) fn here() -> Self {
        Env::new(Home::Here, 0, Caller::Ordinary)
    }

    pub(super) fn new(home: Home, number: usize, caller: Caller<'a>) -> Self {
        Env {
            home,
            number,
            frames: vec![Local::default()],
            caller,
            used_caller: false,
            outer: None,
            early: BTreeMap::new(),
            unkept: Vec::new(),
            unseen: 0,
        }
    }

    /// The names of a `call` block's body that is written out in `place`.
    pub(super) fn of_call_body(outer: Rc<Env<'a>>, number: usize, place: &Env<'a>) -> Self {
        let in_loop = place.frames.iter().any(|local| local.rebound.is_some());
        Env {
            outer: Some((outer, in_loop)),
            ..Env::new(Home::Here, number, Caller::Ordinary)
        }
    }

    /// The names at a `call` block, for its body.
    pub(super) fn at_call_block(&self, place: Place) -> Rc<Self> {
        let mut env = self.clone();
        if matches!(env.home, Home::Here) && env.outer.is_none() {
            env.home = Home::Block(place);
        }
        Rc::new(env)
    }

    /// The name that stands for `name` in this copy.
    pub(super) fn renamed(&self, name: &str) -> &'static str {
        // A template can't write NUL, and what the engine adds to an evaluation has a letter after it.
        intern(&format!("\0{}.{name}", self.number))
    }

    pub(super) fn top(&mut self) -> &mut Local {
        self.frames
            .last_mut()
            .expect("the body's own frame is never left")
    }

    /// From here on `name` is the body's own.
    pub(super) fn bind(&mut self, name: &'static str) -> &'static str {
        self.top().names.insert(name, Known::Bound);
        self.renamed(name)
    }

    /// Goes on behind an `if`, with the names as they are after each of its arms.
    pub(super) fn join(&mut self, other: &Local) {
        let top = self.top();
        for (name, known) in &mut top.names {
            if other.names.get(name) != Some(known) {
                *known = Known::Perhaps;
            }
        }
        for name in other.names.keys() {
            top.names.entry(name).or_insert(Known::Perhaps);
        }
    }

    fn is_own(&self, name: &str) -> bool {
        self.frames.iter().any(|local| local.names.contains_key(name))
    }

    /// Whether `caller` is what the call gave the macro, or did not give it.
    pub(super) fn knows_caller(&self) -> bool {
        !matches!(self.caller, Caller::Ordinary) && !self.is_own("caller")
    }

    fn is_unkept(&self, name: &str) -> bool {
        self.unseen > 0 || self.unkept.contains(&name)
    }
}

impl<'a> Copier<'_, 'a> {
    /// What a name stands for in a body, and how the copy writes it.
    pub(super) fn resolve(&self, env: &mut Env<'a>, name: &'static str) -> Result<Resolved<'a>, Stays> {
        // `debug()` shows the names in scope; blocks are not called from copies.
        if matches!(name, "debug" | "super" | "self") {
            return Err(Stays::Body);
        }
        if name == "caller" && env.knows_caller() {
            return Err(Stays::Caller);
        }
        let mut perhaps = false;
        for local in env.frames.iter().rev() {
            if name == "loop" && local.has_loop {
                return Ok(Resolved::value(Written::Name("loop")));
            }
            match local.names.get(name) {
                Some(Known::Is(written)) => return Ok(Resolved::value(written.clone())),
                Some(Known::Bound) => return Ok(Resolved::value(Written::Name(env.renamed(name)))),
                Some(Known::Perhaps) => perhaps = true,
                None => {}
            }
        }
        let unkept = env.is_unkept(name);
        let free = match &env.outer {
            Some((outer, in_loop)) => self.through(outer, name, unkept, *in_loop),
            None => self.at_home(env.home, name, unkept),
        };
        if unkept && free.is_err() {
            self.expander.needs_others.set(true);
        }
        let free = free?;
        if !perhaps {
            return Ok(free);
        }
        let renamed = env.renamed(name);
        env.early.insert(renamed, free.written.ok_or(Stays::Names)?);
        Ok(Resolved::value(Written::Name(renamed)))
    }

    /// What a name stands for at the place of a `call` block, for the block's body: minijinja makes a macro of it.
    fn through(
        &self,
        env: &Env<'a>,
        name: &'static str,
        unkept: bool,
        in_loop: bool,
    ) -> Result<Resolved<'a>, Stays> {
        if name == "caller" {
            return Err(Stays::Caller);
        }
        if name == "loop" {
            if in_loop || unkept {
                return Err(Stays::Names);
            }
            if env.frames.iter().any(|local| local.has_loop) {
                return Ok(Resolved::value(Written::Name("loop")));
            }
        }
        let innermost = env.frames.len() - 1;
        // Names that rows bind are kept from row to row.
        let stale = env.frames[innermost]
            .rebound
            .as_ref()
            .is_some_and(|names| names.contains(name));
        for (depth, local) in env.frames.iter().enumerate().rev() {
            let Some(known) = local.names.get(name) else {
                continue;
            };
            if unkept || (stale && depth != innermost) {
                return Err(Stays::Names);
            }
            return match known {
                Known::Is(written) => Ok(Resolved::value(written.clone())),
                Known::Bound => Ok(Resolved::value(Written::Name(env.renamed(name)))),
                Known::Perhaps => Err(Stays::Names),
            };
        }
        if stale {
            return Err(Stays::Names);
        }
        match &env.outer {
            Some((outer, outer_in_loop)) => self.through(outer, name, unkept, *outer_in_loop),
            None => self.at_home(env.home, name, unkept),
        }
    }

    /// What a name stands for where a macro is defined, if it stands for the same where its copy goes.
    fn at_home(&self, home: Home, name: &'static str, unkept: bool) -> Result<Resolved<'a>, Stays> {
        let now = self.scope.lookup(name);
        let written = Some(Written::Name(name));
        let special = matches!(name, "loop" | "self" | "super" | "caller");
        match home {
            Home::Here => {}
            Home::Block(_) if name == "loop" => {}
            _ if special => return Err(Stays::Names),
            Home::Frame(place) | Home::Block(place) => {
                let kept = self.scope.seen_from(place, name)?;
                let time = |found: &Option<super::scope::Found<'a>>| found.as_ref().map(|found| found.time);
                if time(&kept) != time(&now) || (unkept && now.is_some()) {
                    return Err(Stays::Names);
                }
            }
            Home::Module(id) => {
                if let Some(member) = self.expander.modules[id].members.get(name) {
                    return member.resolve(unkept);
                }
                self.at_import(id, name)?;
                if unkept && now.is_some() {
                    return Err(Stays::Names);
                }
            }
            Home::Import(id) => {
                if let Some(member) = self.expander.modules[id].members.get(name) {
                    return match member {
                        Member::Set(_) => member.resolve(false),
                        _ => Err(Stays::Names),
                    };
                }
                self.at_import(id, name)?;
            }
        }
        let what = now.map_or(What::Value, |found| found.what);
        Ok(Resolved { written, what })
    }

    /// Makes sure that a name that a module does not bind still means what it meant at the import.
    fn at_import(&self, id: ModuleId, name: &str) -> Result<(), Stays> {
        let module = &self.expander.modules[id];
        let mut around = module.parent;
        while let Some(id) = around {
            if self.expander.modules[id].members.contains_key(name) {
                return Err(Stays::Names);
            }
            around = self.expander.modules[id].parent;
        }
        match self.scope.lookup(name) {
            Some(found) if found.time >= module.time => Err(Stays::Names),
            _ => Ok(()),
        }
    }
}
