//! The compiled template.

use std::sync::Arc;

use minijinja::{AutoEscape, Environment, Value};

use super::PlanOptions;
use super::compile::HEAD;
use super::fine::Fine;
use super::hash::{hash_of, short_hash};
use super::machinery::{Program, Writer, caught};
use super::root::{PrintsLists, Root};
use super::source::Sources;
use super::{blocks, code, escape, explain, marks};
use crate::{Error, ErrorKind, Snapshot};

/// A compiled template: immutable, and shared by all sessions that show its page.
///
/// ```
/// use statetemplate_core::{Plan, Snapshot, diff};
///
/// let mut env = minijinja::Environment::new();
/// env.add_template("counter.html", "<p>Count: {{ count }}</p>")?;
/// let plan = Plan::compile(&env, "counter.html")?;
///
/// let old = Snapshot::of(&[("count", 1)].into_iter().collect::<std::collections::BTreeMap<_, _>>())?;
/// let new = old.next(&[("count", 2)].into_iter().collect::<std::collections::BTreeMap<_, _>>())?;
/// assert_eq!(plan.render(&old, "")?, "<p st>Count: 1</p>");
/// assert_eq!(diff(&plan, &old, &new)?.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
#[doc = include_str!("escape/escaping.md")]
#[derive(Debug)]
pub struct Plan {
    /// Runs the plan's programs; the templates that it loads are guarded.
    env: Environment<'static>,
    /// Renders the template as minijinja alone would.
    plain: Environment<'static>,
    options: PlanOptions,
    name: String,
    hash: String,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// Followed slot by slot.
    Fine(Arc<Fine>),
    /// Rendered as a whole and sent as a refresh; `explain` says why.
    Whole {
        /// Whether it may print something else each time.
        impure: bool,
        /// Prints the page with its values guarded; missing where the template cannot even be put together here.
        page: Option<Program>,
    },
}

impl Plan {
    /// Compiles the template `template` of `env`, with all that it extends, includes and imports.
    ///
    /// # Errors
    /// [`ErrorKind::Template`](crate::ErrorKind::Template) when a template is missing or does not parse, with its name, line and an excerpt.
    pub fn compile(env: &Environment<'static>, template: &str) -> Result<Self, Error> {
        Self::compile_with(env, template, &PlanOptions::new())
    }

    /// Like [`Plan::compile`], told what the templates don't say: which functions give something else each time.
    ///
    /// ```
    /// use statetemplate_core::{Plan, PlanOptions};
    ///
    /// let mut env = minijinja::Environment::new();
    /// env.add_function("now", || "12:00");
    /// env.add_template("clock.html", "<p>{{ count }} at {{ now() }}</p>")?;
    /// let plan = Plan::compile_with(&env, "clock.html", &PlanOptions::new().impure("now"))?;
    /// assert!(plan.explain().contains("now()"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Plan::compile`].
    pub fn compile_with(
        env: &Environment<'static>,
        template: &str,
        options: &PlanOptions,
    ) -> Result<Self, Error> {
        let mut env = env.clone();
        marks::prepare()?;
        // Errors then carry the source, for their excerpt.
        env.set_debug(true);
        let sources = Sources::load(&env, template)?;
        escape::register(&mut env);
        let plain = env.clone();
        escape::guard_templates(&mut env);
        // What `debug()` prints lists the templates that are loaded.
        if sources.iter().any(|source| source.text.contains("debug")) {
            plain
                .templates()
                .for_each(|(name, _)| drop(env.get_template(name)));
        }
        let hash = hash_of(&sources, template, options);
        let form = match Fine::compile(&env, &sources, template, options) {
            Ok(fine) => Form::Fine(Arc::new(fine)),
            Err(_) => Form::Whole {
                impure: !options.is_empty(),
                page: whole_page(&env, &sources, template),
            },
        };
        if let Form::Fine(fine) = &form {
            blocks::register(&mut env, fine.page.blocks());
        }
        Ok(Plan {
            env,
            plain,
            options: options.clone(),
            name: template.to_owned(),
            hash,
            form,
        })
    }

    /// Names the exact templates and the version of this crate that the plan was compiled from. URL-safe.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// A short name for the page's template that stays the same from build to build and can stand in HTML.
    #[must_use]
    pub fn page_key(&self) -> String {
        let mut key = short_hash(self.name().as_bytes());
        key.truncate(8);
        key
    }

    /// The template's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Renders the page with its marks; `lists` makes what prints those lists of it that need no program.
    pub(crate) fn render_with(
        &self,
        data: &Snapshot,
        head: &str,
        lists: impl FnOnce(&Arc<Fine>) -> Arc<dyn PrintsLists>,
    ) -> Result<String, Error> {
        match &self.form {
            Form::Fine(fine) => {
                let root = Root::new(data).with(HEAD, Value::from_safe_string(head.to_owned()));
                let run = |root: Root| {
                    let page = fine.page.render(&self.env, root.value());
                    page.map_err(|error| self.explain_error(error, data))
                };
                let html = run(root.clone().printing(lists(fine)))?;
                if cfg!(debug_assertions) && !fine.printed.is_empty() {
                    let by_programs = run(root.clone())?;
                    // Where even that is another page each time, an impure function is called.
                    if html != by_programs && by_programs == run(root)? {
                        return Err(Error::new(
                            ErrorKind::Template,
                            format!(
                                "the lists of {:?} are printed otherwise than by minijinja. {OWN_FORMATTER}",
                                self.name
                            ),
                        ));
                    }
                }
                Ok(html)
            }
            Form::Whole { page, .. } => {
                let mut html = match page {
                    Some(page) => page
                        .render(&self.env, data.value())
                        .map_err(|error| self.explain_error(error, data))?,
                    None => self
                        .env
                        .get_template(&self.name)
                        .and_then(|template| caught(|| template.render(data.value())))
                        .map_err(|error| self.explain_error(error, data))?,
                };
                let at = html.find("</head>").unwrap_or(html.len());
                html.insert_str(at, head);
                Ok(html)
            }
        }
    }

    /// Renders the page as minijinja alone would.
    ///
    /// # Errors
    /// As [`Plan::render`].
    pub fn render_plain(&self, data: &Snapshot) -> Result<String, Error> {
        let template = self.plain.get_template(&self.name)?;
        Ok(caught(|| template.render(data.value()))?)
    }

    /// The engine's view of the plan; `None` when the page can only be rendered as a whole.
    pub(crate) fn fine(&self) -> Option<&Fine> {
        match &self.form {
            Form::Fine(fine) => Some(fine),
            Form::Whole { .. } => None,
        }
    }

    /// Whether the page can only be rendered as a whole, and may then be different each time.
    pub(crate) fn is_impure_whole(&self) -> bool {
        matches!(self.form, Form::Whole { impure: true, .. })
    }

    pub(crate) fn env(&self) -> &Environment<'static> {
        &self.env
    }

    /// The error as minijinja gives it for the whole page: with the file and line where the template has it. Our own
    /// programs are put together from several files and can't name them.
    pub(crate) fn explain_error(&self, error: minijinja::Error, data: &Snapshot) -> Error {
        match self.render_plain(data) {
            Err(better) => better,
            Ok(_) => Error::from(error),
        }
    }

    /// Says, for people, what the engine makes of the template: read it to see why an update is larger than expected.
    ///
    /// Each place of the page that can change has a line, in a tree of branches and rows: its number, by which
    /// updates and [`Patch::operations`](crate::Patch::operations) name it, what and where it is, in which line of
    /// which template, and which data it reads. Below stand what would make opaque parts and lists finer, each place
    /// that trusts `|safe`, and a summary; for a page that can only be sent as a whole, the reason.
    ///
    /// ```
    /// use statetemplate_core::Plan;
    ///
    /// let mut env = minijinja::Environment::new();
    /// env.add_template("page.html", "<ul>{% for task in tasks %}<li>{{ task.name }}</li>{% endfor %}</ul>")?;
    /// let explained = Plan::compile(&env, "page.html")?.explain();
    /// assert!(explained.contains("list by position in ul"), "{explained}");
    /// assert!(explained.contains("add st-key or an id"), "{explained}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn explain(&self) -> String {
        explain::explain(&self.plain, &self.name, &self.options)
    }
}

/// What to do where the data gives another text than minijinja prints.
pub(crate) const OWN_FORMATTER: &str = "Does the environment have a formatter, or a filter with the name of a built-in \
    one, that changes only some values? Declare it: `own_formatter()`";

/// The program that prints a page which can only be rendered as a whole.
fn whole_page(env: &Environment<'static>, sources: &Sources, template: &str) -> Option<Program> {
    let (nodes, called) = sources.resolve(env, template).ok()?;
    // Blocks that are called inside of expressions are compiled beside a page that is followed only.
    if !called.is_empty() {
        return None;
    }
    let source = sources.get(template)?;
    let mut writer = Writer::new(source.name, source.text, source.escape.clone());
    let nodes = escape::guard(&nodes, source.escape == AutoEscape::Html);
    code::write_nodes(&mut writer, &nodes);
    Some(writer.finish())
}
