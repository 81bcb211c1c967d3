//! A case: a page, its data before, and its data after one change.

use minijinja::value::Serde;
use minijinja::{Environment, Value};
use serde::Serialize;
use statetemplate_core::{Error, Plan, Snapshot};

use crate::cli::Outcome;

/// A template, as a plan and as plain minijinja has it.
pub(crate) struct Page {
    pub(crate) plan: Plan,
    env: Environment<'static>,
    name: &'static str,
}

impl Page {
    /// Compiles the template.
    pub(crate) fn new(name: &'static str, source: &'static str) -> Outcome<Page> {
        let mut env = Environment::new();
        env.add_template(name, source)?;
        Ok(Page {
            plan: Plan::compile(&env, name)?,
            env,
            name,
        })
    }

    /// The template alone, as minijinja renders it.
    pub(crate) fn plain(&self) -> minijinja::Template<'_, '_> {
        self.env
            .get_template(self.name)
            .expect("`new` has added a template of this name")
    }
}

/// Typed data of a page, of a type that is forgotten: what remains is what a session does with it.
pub(crate) trait Data {
    /// The first snapshot.
    fn first(&self) -> Result<Snapshot, Error>;
    /// The snapshot that follows `old`.
    fn next(&self, old: &Snapshot) -> Result<Snapshot, Error>;
    /// The value that minijinja itself makes of it.
    fn value(&self) -> Value;
}

impl<T: Serialize> Data for T {
    fn first(&self) -> Result<Snapshot, Error> {
        Snapshot::of(self)
    }

    fn next(&self, old: &Snapshot) -> Result<Snapshot, Error> {
        old.next(self)
    }

    fn value(&self) -> Value {
        Value::from(Serde(self))
    }
}

/// The data after the change.
pub(crate) enum After {
    /// The same object can be used for each run.
    Same(Box<dyn Data>),
    /// A [`Shared`](statetemplate_core::Shared) in it remembers that it was serialised, so each run needs its own.
    Anew(Box<dyn Fn() -> Box<dyn Data>>),
}

impl After {
    /// Lends the data: the same each time, or new.
    pub(crate) fn with<R>(&self, with: impl FnOnce(&dyn Data) -> R) -> R {
        match self {
            After::Same(data) => with(&**data),
            After::Anew(make) => with(&*make()),
        }
    }
}

/// One change of a page's data.
pub(crate) struct Case {
    pub(crate) page: Page,
    pub(crate) before: Box<dyn Data>,
    pub(crate) after: After,
}

/// A case by name, which is made when it is its turn.
pub(crate) struct Named {
    pub(crate) name: String,
    /// How much of a full render it may cost, where a bar is set.
    pub(crate) bar: Option<f64>,
    pub(crate) make: Box<dyn FnOnce() -> Outcome<Case>>,
}

/// What text and attribute changes may cost of a full render.
pub(crate) const TEXT: f64 = 0.12;
/// The same where large data is in `Shared`.
pub(crate) const SHARED: f64 = 0.02;
/// What one changed, new, missing or moved row may cost.
pub(crate) const ROW: f64 = 0.15;
/// What reversing a list may cost.
pub(crate) const REVERSE: f64 = 0.30;
/// What replacing all rows of a list may cost.
pub(crate) const REPLACE: f64 = 1.5;
