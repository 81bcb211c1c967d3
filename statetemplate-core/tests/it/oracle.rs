//! The oracle: after any update the document equals a fresh render.

use std::sync::Arc;

use minijinja::Environment;
use serde_json::Value;
use statetemplate_core::testing::Document;
use statetemplate_core::wire::{self, Statics};
use statetemplate_core::{Plan, Snapshot, diff};

/// A page and the client that shows it.
pub(crate) struct Page {
    pub(crate) plan: Arc<Plan>,
    data: Snapshot,
    document: Document,
    statics: Statics,
    revision: u64,
    /// Whether values stand where they are escaped otherwise than by minijinja.
    guarded: bool,
}

/// The frames of one update, apart.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    pub(crate) operations: Vec<String>,
    pub(crate) bytes: usize,
    pub(crate) statics: usize,
}

/// What came of an update that is no bug.
pub(crate) enum Outcome {
    Sent(Sent),
    /// The template fails on the data, as it does in minijinja alone: the page stays as it was.
    Refused(String),
}

impl Page {
    /// Opens a template on its first data.
    pub(crate) fn open(env: &Environment<'static>, template: &str, data: &Value) -> Self {
        match Page::try_open(env, template, data) {
            Ok(page) => page,
            Err(why) => panic!("{why}"),
        }
    }

    /// Brings the page to new data.
    pub(crate) fn update(&mut self, data: &Value) -> Sent {
        match self.try_update(data) {
            Ok(Outcome::Sent(sent)) => sent,
            Ok(Outcome::Refused(why)) | Err(why) => panic!("{why}"),
        }
    }

    /// As [`Page::open`], but says what is wrong instead of panicking.
    pub(crate) fn try_open(env: &Environment<'static>, template: &str, data: &Value) -> Result<Self, String> {
        let plan = Plan::compile(env, template).map_err(|error| format!("{error:#}"))?;
        let guarded = env.templates().any(|(_, template)| is_guarded(template.source()));
        Page::try_open_plan(Arc::new(plan), guarded, data)
    }

    /// As [`Page::try_open`], of a plan that was compiled before. `guarded`: see [`is_guarded`].
    pub(crate) fn try_open_plan(plan: Arc<Plan>, guarded: bool, data: &Value) -> Result<Self, String> {
        let data = Snapshot::of(data).map_err(|error| format!("{error:#}"))?;
        let html = plan.render(&data, "").map_err(|error| format!("{error:#}"))?;
        let document = Document::parse(&html).map_err(|error| format!("{error}\n{html}"))?;
        let statics = Statics::new(&plan, &[]);
        let page = Page {
            plan,
            data,
            document,
            statics,
            revision: 0,
            guarded,
        };
        page.check("the first render")?;
        Ok(page)
    }

    /// As [`Page::update`], but says what is wrong instead of panicking.
    pub(crate) fn try_update(&mut self, data: &Value) -> Result<Outcome, String> {
        let new = self.data.next(data).map_err(|error| format!("{error:#}"))?;
        let patch = match (diff(&self.plan, &self.data, &new), self.plan.render_plain(&new)) {
            (Ok(patch), Ok(_)) => patch,
            (Err(_), Err(error)) => return Ok(Outcome::Refused(format!("{error:#}"))),
            (Err(error), Ok(_)) => return Err(format!("the update fails, a render does not: {error:#}")),
            (Ok(patch), Err(error)) => {
                let operations = patch.operations();
                return Err(format!(
                    "a render fails, the update does not: {operations:?}\n{error:#}"
                ));
            }
        };
        self.revision += 1;
        let mut sent = Sent {
            operations: patch.operations(),
            ..Sent::default()
        };
        let mut frames = Vec::new();
        if patch.is_refresh() {
            let html = self.plan.render(&new, "").map_err(|error| format!("{error:#}"))?;
            frames.push(wire::refresh(self.revision, self.plan.hash(), &html));
        } else if !patch.is_empty() {
            frames = wire::patch_frames(&self.plan, &mut self.statics, self.revision, &patch, None);
        }
        for frame in frames {
            if frame.starts_with("[\"s\"") {
                sent.statics += frame.len();
            } else {
                sent.bytes += frame.len();
            }
            let outcome = self.document.apply(&frame);
            outcome.map_err(|error| format!("{error}\nin {frame}\non {}", self.document.html()))?;
        }
        self.data = new;
        self.check(&format!("{:?}", sent.operations))?;
        Ok(Outcome::Sent(sent))
    }

    fn check(&self, after: &str) -> Result<(), String> {
        let fresh = self
            .plan
            .render(&self.data, "")
            .map_err(|error| format!("{error:#}"))?;
        let expected = Document::normalise(&fresh);
        // What data may not name is named otherwise.
        if !self.guarded && !fresh.contains("st-blocked") {
            let plain = self
                .plan
                .render_plain(&self.data)
                .map_err(|error| format!("{error:#}"))?;
            same(
                &expected,
                &Document::normalise(&plain),
                "the marks are not all that is new",
            )?;
        }
        same(
            &self.document.html(),
            &expected,
            &format!("the document is wrong after {after}"),
        )
        .map_err(|why| format!("{why}\n{}", self.plan.explain()))
    }
}

fn same(shown: &str, expected: &str, what: &str) -> Result<(), String> {
    if shown == expected {
        Ok(())
    } else {
        Err(format!("{what}\n   shown: {shown:?}\nexpected: {expected:?}"))
    }
}

/// Whether a template has places where values are escaped otherwise than by minijinja.
pub(crate) fn is_guarded(source: &str) -> bool {
    const PLACES: [&str; 7] = ["<script", "<style", "href", "src=", "={{", " on", "style="];
    PLACES.iter().any(|place| source.contains(place))
}

/// An environment with these templates.
pub(crate) fn environment(templates: &[(&'static str, &'static str)]) -> Environment<'static> {
    let mut env = Environment::new();
    for (name, source) in templates {
        env.add_template(name, source).unwrap();
    }
    env
}
