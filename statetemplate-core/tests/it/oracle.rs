//! The oracle: after any update the document equals a fresh render.

use minijinja::Environment;
use serde_json::Value;
use statetemplate_core::testing::Document;
use statetemplate_core::wire::{self, Statics};
use statetemplate_core::{Plan, Snapshot, diff};

/// A page and the client that shows it.
pub(crate) struct Page {
    pub(crate) plan: Plan,
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

impl Page {
    /// Opens the template `page.html` on its first data.
    pub(crate) fn open(env: &Environment<'static>, template: &str, data: &Value) -> Self {
        let mut page = Self::open_unlike(env, template, data);
        let source = env.get_template(template).unwrap().source().to_owned();
        page.guarded = ["<script", "<style", "href", "={{"]
            .iter()
            .any(|place| source.contains(place));
        page.check("the first render");
        page
    }

    /// Opens a page that need not be what minijinja alone prints.
    pub(crate) fn open_unlike(env: &Environment<'static>, template: &str, data: &Value) -> Self {
        let plan = Plan::compile(env, template).unwrap_or_else(|error| panic!("{error:#}"));
        let data = Snapshot::of(data).unwrap();
        let html = plan.render(&data, "").unwrap_or_else(|error| panic!("{error:#}"));
        let document = Document::parse(&html).unwrap_or_else(|error| panic!("{error}\n{html}"));
        let statics = Statics::new(&plan, &[]);
        let page = Page {
            plan,
            data,
            document,
            statics,
            revision: 0,
            guarded: true,
        };
        page.check("the first render");
        page
    }

    /// Brings the page to new data.
    pub(crate) fn update(&mut self, data: &Value) -> Sent {
        let new = self.data.next(data).unwrap();
        let patch = diff(&self.plan, &self.data, &new).unwrap_or_else(|error| panic!("{error:#}"));
        self.revision += 1;
        let mut sent = Sent {
            operations: patch.operations(),
            ..Sent::default()
        };
        let mut frames = Vec::new();
        if patch.is_refresh() {
            frames.push(wire::refresh(
                self.revision,
                &self.plan,
                &self.plan.render(&new, "").unwrap(),
            ));
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
            outcome.unwrap_or_else(|error| panic!("{error}\nin {frame}\non {}", self.document.html()));
        }
        self.data = new;
        self.check(&format!("{:?}", sent.operations));
        sent
    }

    fn check(&self, after: &str) {
        let fresh = self.plan.render(&self.data, "").unwrap();
        if !self.guarded {
            let plain = self.plan.render_plain(&self.data).unwrap();
            assert_eq!(
                Document::normalise(&fresh),
                Document::normalise(&plain),
                "the marks are all that is new"
            );
        }
        assert_eq!(
            self.document.html(),
            Document::normalise(&fresh),
            "after {after}\n{}",
            self.plan.explain()
        );
    }
}

/// An environment with these templates.
pub(crate) fn environment(templates: &[(&'static str, &'static str)]) -> Environment<'static> {
    let mut env = Environment::new();
    for (name, source) in templates {
        env.add_template(name, source).unwrap();
    }
    env
}
