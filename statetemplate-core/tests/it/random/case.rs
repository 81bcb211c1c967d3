//! One random case: templates, how they are read, and the states of their data. It is also the form of a saved case.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use proptest::prelude::*;
use proptest::sample::select;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use statetemplate_core::{Plan, PlanOptions};

use super::data;
use super::grammar::Grammar;
use crate::oracle::{self, Outcome, Page};

/// The page itself.
const PAGE: &str = "page.html";

/// The files of a case, each with the symbol of the grammar that it is made of.
const FILES: &[(&str, &str)] = &[
    (PAGE, "page"),
    ("part_a.html", "part_a"),
    ("part_b.html", "part_b"),
    ("macros.html", "macros"),
    ("base.html", "base"),
    ("middle.html", "middle"),
    ("risky.html", "risky"),
];

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Case {
    /// The templates by name.
    pub(super) templates: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) settings: Settings,
    /// The states of the data.
    pub(super) steps: Vec<Value>,
    /// How many of them the template fails on, in a saved case.
    #[serde(default, skip_serializing)]
    pub(super) refused: usize,
}

/// How the environment reads templates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    trim_blocks: bool,
    lstrip_blocks: bool,
    keep_trailing_newline: bool,
    /// `<% %>`, `<{ }>` and `<# #>` instead of the usual delimiters.
    other_delimiters: bool,
    /// `lenient`, `chainable`, `semi-strict` or `strict`.
    undefined: String,
}

/// What a case came to.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// The updates that were followed.
    pub(super) updates: usize,
    /// The states that the template fails on.
    pub(super) refused: usize,
    /// Why the page is sent as a whole, if it is.
    pub(super) whole: Option<String>,
}

pub(crate) fn cases(grammar: &Grammar) -> impl Strategy<Value = Case> + use<> {
    let files: Vec<BoxedStrategy<String>> =
        FILES.iter().map(|(_, symbol)| grammar.strategy(symbol)).collect();
    // Which tags trim the white space around them, over and over.
    let controls = prop::collection::vec(select(vec!["", "", "-%", "%-", "-%-", "+%+"]), 0..4);
    (files, settings(), controls, data::steps()).prop_map(|(files, settings, controls, steps)| {
        let mut templates: BTreeMap<String, String> = BTreeMap::new();
        for ((name, _), text) in FILES.iter().zip(files) {
            templates.insert((*name).to_owned(), settings.delimit(&control(&text, &controls)));
        }
        let mut case = Case {
            templates,
            settings,
            steps,
            refused: 0,
        };
        case.drop_unused();
        case
    })
}

fn settings() -> impl Strategy<Value = Settings> {
    let undefined = prop_oneof![
        12 => Just("lenient"),
        2 => Just("chainable"),
        1 => Just("semi-strict"),
        1 => Just("strict"),
    ];
    let rarely = || prop::bool::weighted(0.2);
    (rarely(), rarely(), rarely(), prop::bool::weighted(0.1), undefined).prop_map(
        |(trim_blocks, lstrip_blocks, keep_trailing_newline, other_delimiters, undefined)| Settings {
            trim_blocks,
            lstrip_blocks,
            keep_trailing_newline,
            other_delimiters,
            undefined: undefined.to_owned(),
        },
    )
}

/// Puts white space control into the statements of a template, one form after the other.
fn control(text: &str, controls: &[&str]) -> String {
    if controls.is_empty() {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut rest = text;
    for control in controls.iter().cycle() {
        let Some((before, tag, after)) = statement(rest) else {
            break;
        };
        let (left, right) = control.split_once('%').unwrap_or_default();
        let plain = !tag.starts_with(['-', '+']) && !tag.ends_with(['-', '+']);
        // Trimming the space before it would make a statement in a tag part of the tag's name.
        let in_tag = before.rfind('<') > before.rfind('>');
        let (left, right) = if plain && !in_tag { (left, right) } else { ("", "") };
        out += &format!("{before}{{%{left}{tag}{right}%}}");
        rest = after;
    }
    out + rest
}

/// The text without white space control.
pub(super) fn uncontrolled(text: &str) -> String {
    let text = text.replace("{%-", "{%").replace("{%+", "{%");
    text.replace("-%}", "%}").replace("+%}", "%}")
}

/// What is before, in and after the first statement.
fn statement(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("{%")?;
    let (tag, after) = rest.split_once("%}")?;
    Some((before, tag, after))
}

impl Settings {
    /// These settings with one of them as it usually is.
    pub(super) fn simpler(&self) -> Vec<Settings> {
        let usual = || self.clone();
        [
            Settings {
                trim_blocks: false,
                ..usual()
            },
            Settings {
                lstrip_blocks: false,
                ..usual()
            },
            Settings {
                keep_trailing_newline: false,
                ..usual()
            },
            Settings {
                undefined: "lenient".to_owned(),
                ..usual()
            },
        ]
        .into_iter()
        .filter(|simpler| simpler != self)
        .collect()
    }

    fn delimit(&self, text: &str) -> String {
        if !self.other_delimiters {
            return text.to_owned();
        }
        let mut out = text.to_owned();
        for (usual, other) in [
            ("{%", "<%"),
            ("%}", "%>"),
            ("{{", "<{"),
            ("}}", "}>"),
            ("{#", "<#"),
            ("#}", "#>"),
        ] {
            out = out.replace(usual, other);
        }
        out
    }
}

impl Case {
    /// Takes out the files that nothing names, as most cases need few of them.
    fn drop_unused(&mut self) {
        loop {
            let dynamic = self.templates.values().any(|text| text.contains("include part"));
            let unused = self.templates.keys().find(|name| {
                let named = self
                    .templates
                    .iter()
                    .any(|(other, text)| other != *name && text.contains(name.as_str()));
                *name != PAGE && !named && !(dynamic && name.starts_with("part_"))
            });
            let Some(unused) = unused.cloned() else {
                return;
            };
            self.templates.remove(&unused);
        }
    }

    fn environment(&self) -> Result<Environment<'static>, String> {
        let mut env = Environment::new();
        env.set_undefined_behavior(match self.settings.undefined.as_str() {
            "chainable" => UndefinedBehavior::Chainable,
            "semi-strict" => UndefinedBehavior::SemiStrict,
            "strict" => UndefinedBehavior::Strict,
            _ => UndefinedBehavior::Lenient,
        });
        let mut syntax = SyntaxConfig::builder();
        syntax
            .trim_blocks(self.settings.trim_blocks)
            .lstrip_blocks(self.settings.lstrip_blocks)
            .keep_trailing_newline(self.settings.keep_trailing_newline);
        if self.settings.other_delimiters {
            syntax
                .block_delimiters("<%", "%>")
                .variable_delimiters("<{", "}>")
                .comment_delimiters("<#", "#>");
        }
        env.set_syntax(syntax.build().map_err(|error| format!("{error:#}"))?);
        for (name, text) in &self.templates {
            env.add_template_owned(name.clone(), text.clone())
                .map_err(|error| format!("the grammar makes a template that does not parse: {error:#}"))?;
        }
        Ok(env)
    }

    /// Its templates as the grammar has them: without white space control. Nothing when it has other delimiters.
    pub(super) fn usual_text(&self) -> String {
        if self.settings.other_delimiters {
            return String::new();
        }
        self.templates.values().map(|text| uncontrolled(text)).collect()
    }

    /// How much there is to read in it.
    pub(super) fn size(&self) -> usize {
        serde_json::to_string(self).unwrap().len()
    }

    /// Follows the data through its states. `Err` says what is wrong, and what was sent before.
    pub(super) fn replay(&self) -> Result<Run, String> {
        std::panic::catch_unwind(|| self.follow()).unwrap_or_else(|panic| {
            let message = panic.downcast_ref::<String>().map(String::as_str);
            let message = message.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(format!("a panic: {}", message.unwrap_or("of no text")))
        })
    }

    /// Opens the page on its first data. `now` is declared only where it is called: what is declared concerns the page.
    fn open(&self, env: &Environment<'static>, data: &Value) -> Result<Page, String> {
        let mut options = PlanOptions::new();
        if self.templates.values().any(|text| text.contains("now()")) {
            options = options.impure("now");
        }
        let plan = Plan::compile_with(env, PAGE, &options).map_err(|error| format!("{error:#}"))?;
        let guarded = self.templates.values().any(|text| oracle::is_guarded(text));
        Page::try_open_plan(Arc::new(plan), guarded, data)
    }

    fn follow(&self) -> Result<Run, String> {
        let mut env = self.environment()?;
        let clock = Arc::new(AtomicUsize::new(0));
        let now = clock.clone();
        env.add_function("now", move || now.load(SeqCst));
        let mut run = Run::default();
        // States that the template fails on say nothing before the first page is there.
        let Some(first) = self.steps.iter().position(|data| renders(&env, data)) else {
            run.refused = self.steps.len();
            return Ok(run);
        };
        run.refused = first;
        let mut shown = &self.steps[first];
        let mut page = self.open(&env, shown)?;
        run.whole = page
            .plan
            .explain()
            .lines()
            .find_map(|line| {
                line.strip_prefix("It is sent as a whole at each change of what it prints, because ")
            })
            .map(str::to_owned);
        let mut sent = String::new();
        for (at, data) in self.steps.iter().enumerate().skip(first + 1) {
            // Time goes on with the data: without a change nothing is sent.
            let before = clock.swap(if data == shown { clock.load(SeqCst) } else { at }, SeqCst);
            match page.try_update(data) {
                Ok(Outcome::Sent(update)) => {
                    shown = data;
                    run.updates += 1;
                    sent += &format!("step {at}: {:?}\n", update.operations);
                }
                Ok(Outcome::Refused(_)) => {
                    clock.store(before, SeqCst);
                    run.refused += 1;
                    sent += &format!("step {at}: refused, as the template fails on it\n");
                }
                Err(why) => return Err(format!("step {at}: {why}\noperations before:\n{sent}")),
            }
        }
        Ok(run)
    }
}

/// Whether minijinja alone renders the page.
fn renders(env: &Environment<'_>, data: &Value) -> bool {
    env.get_template(PAGE)
        .is_ok_and(|page| page.render(Serde(data)).is_ok())
}

/// As it is saved, so that a failure can be copied into a file.
impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&serde_json::to_string_pretty(self).unwrap())
    }
}
