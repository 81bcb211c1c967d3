//! Runs one fixture: each of its steps through the oracle, forwards and back, and what it states compared.

use std::sync::Arc;

use std::path::Path;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior};
use serde_json::Value;
use statetemplate_core::testing::Document;
use statetemplate_core::{Plan, Snapshot, diff};

use crate::fixture::{Fixture, Section};
use crate::marks;
use crate::oracle::Page;
use crate::updates;

/// Checks the fixture in a file; with `bless`, writes what was found into it instead.
pub(crate) fn run(path: &Path, bless: bool) -> Result<(), String> {
    let expected = Fixture::read(path)?;
    let found = Fixture {
        about: expected.about.clone(),
        sections: replay(&expected)?,
    };
    if bless {
        let text = found.text();
        if std::fs::read_to_string(path).unwrap_or_default() != text {
            std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        return Ok(());
    }
    if expected.sections == found.sections {
        return Ok(());
    }
    Err(format!(
        "{}\nexpected\n{}\nfound\n{}\n(BLESS=1 writes what was found)",
        path.display(),
        difference(&expected, &found),
        difference(&found, &expected)
    ))
}

/// The sections of `one` that are not at the same place in `other`.
fn difference(one: &Fixture, other: &Fixture) -> String {
    let differing = one.sections.iter().enumerate();
    differing
        .filter(|(at, section)| other.sections.get(*at) != Some(section))
        .map(|(_, section)| format!("=== {}\n{}\n", section.name, section.text))
        .collect()
}

/// The fixture's environment.
pub(crate) fn environment(fixture: &Fixture) -> Result<Environment<'static>, String> {
    let settings = fixture.settings()?;
    let templates: Vec<(String, String)> = fixture
        .sections
        .iter()
        .filter_map(Section::template)
        .map(|(name, source)| (name.to_owned(), source))
        .collect();
    let mut env = Environment::new();
    let syntax = SyntaxConfig::builder()
        .trim_blocks(settings.trim_blocks)
        .lstrip_blocks(settings.lstrip_blocks)
        .keep_trailing_newline(settings.keep_trailing_newline)
        .build()
        .map_err(|error| format!("settings: {error}"))?;
    env.set_syntax(syntax);
    env.set_undefined_behavior(match settings.undefined.as_deref() {
        None => UndefinedBehavior::Lenient,
        Some("strict") => UndefinedBehavior::Strict,
        Some("semi_strict") => UndefinedBehavior::SemiStrict,
        Some("chainable") => UndefinedBehavior::Chainable,
        Some(other) => return Err(format!("there is no undefined behaviour {other:?}")),
    });
    env.set_fuel(settings.fuel);
    if let Some(limit) = settings.recursion_limit {
        env.set_recursion_limit(limit);
    }
    env.set_loader(move |name| {
        let found = templates.iter().find(|(known, _)| known == name);
        Ok(found.map(|(_, source)| source.clone()))
    });
    Ok(env)
}

/// A fixture's steps: their data, and the sections from there to the next step.
pub(crate) fn steps(fixture: &Fixture) -> Result<Vec<(Value, &[Section])>, String> {
    let starts = |section: &Section| section.name == "data";
    let (mut out, mut rest) = (Vec::new(), after_head(fixture));
    while let Some((data, after)) = rest.split_first() {
        let value =
            serde_json::from_str(&data.text).map_err(|error| format!("data {}: {error}", data.text))?;
        let end = after.iter().position(starts).unwrap_or(after.len());
        out.push((value, &rest[..=end]));
        rest = &after[end..];
    }
    Ok(out)
}

/// The sections from the first data on.
fn after_head(fixture: &Fixture) -> &[Section] {
    let head = fixture
        .sections
        .iter()
        .take_while(|section| section.name != "data")
        .count();
    &fixture.sections[head..]
}

/// Runs the fixture; gives its sections as they should be.
fn replay(fixture: &Fixture) -> Result<Vec<Section>, String> {
    let env = environment(fixture)?;
    let mut out = Vec::new();
    let before = &fixture.sections[..fixture.sections.len() - after_head(fixture).len()];
    let plan = Plan::compile(&env, "page.html");
    for section in before {
        match (section.name.as_str(), &plan) {
            ("explain", Ok(plan)) => {
                out.push(Section {
                    name: section.name.clone(),
                    text: explained(plan),
                });
            }
            ("error", _) => {}
            _ => out.push(section.clone()),
        }
    }
    let plan = match plan {
        Ok(plan) => plan,
        Err(error) => {
            out.push(failure(&error));
            return Ok(out);
        }
    };
    if after_head(fixture).is_empty() {
        return Err("its templates compile, and it has no data".to_owned());
    }
    let mut page: Option<(Page, Snapshot)> = None;
    let mut shown = Vec::new();
    let mut differs = false;
    for (data, group) in steps(fixture)? {
        out.push(group[0].clone());
        match &mut page {
            None => {
                let snapshot = Snapshot::of(&data).map_err(|error| format!("{error:#}"))?;
                match plan.render(&snapshot, "") {
                    Ok(html) => {
                        if group.iter().any(|section| section.name == "page") {
                            out.push(Section {
                                name: "page".to_owned(),
                                text: html,
                            });
                        }
                    }
                    Err(error) => {
                        out.push(failure(&error));
                        continue;
                    }
                }
                page = Some((open_unlike(&env, &data)?, snapshot));
            }
            Some((page, old)) => {
                let new = old.next(&data).map_err(|error| format!("{error:#}"))?;
                if let Err(error) = diff(&plan, old, &new) {
                    // An error changes nothing: the next step starts from the data before.
                    out.push(failure(&error));
                    continue;
                }
                let sent = page.update(&data);
                out.push(Section {
                    name: "operations".to_owned(),
                    text: sent.operations.join("\n"),
                });
                *old = new;
            }
        }
        differs |= !same_bytes(&plan, &data)?;
        marks_do_no_harm(&plan, &data)?;
        shown.push(data);
        // A reason stays at the step where it was written.
        out.extend(group.iter().filter(|section| section.name == "differs").cloned());
    }
    let excused = fixture.sections.iter().any(|section| section.name == "differs");
    if differs && !excused {
        let (ours, plain) = shown
            .iter()
            .map(|data| both(&plan, data))
            .find(|both| both.as_ref().is_ok_and(|(ours, plain)| ours != plain))
            .unwrap_or_else(|| Ok(Default::default()))?;
        return Err(format!(
            "without its marks the page is\n{ours}\nand minijinja alone prints\n{plain}\nIf that is right, a section \
             `differs` says why"
        ));
    }
    if excused && !differs {
        return Err("it has a section `differs`, but its page is what minijinja alone prints".to_owned());
    }
    if !shown.is_empty() {
        updates::replay(&plan, &shown)?;
    }
    if let Some((mut page, _)) = page {
        shown.iter().rev().for_each(|data| {
            page.update(data);
        });
    }
    Ok(out)
}

/// Opens the page, which need not be what minijinja alone prints.
fn open_unlike(env: &Environment<'static>, data: &Value) -> Result<Page, String> {
    let plan = Plan::compile(env, "page.html").map_err(|error| format!("{error:#}"))?;
    Page::try_open_plan(Arc::new(plan), true, data)
}

/// What the plan says of this page alone: without its name, the words on how to read it, and the sums.
fn explained(plan: &Plan) -> String {
    let explained = plan.explain();
    let of_the_page = explained.split("\n\n").skip(1).filter(|part| {
        !["Each line is", "  text, attribute", "In all:"]
            .iter()
            .any(|start| part.starts_with(start))
    });
    of_the_page.collect::<Vec<_>>().join("\n\n").trim_end().to_owned()
}

fn failure(error: &statetemplate_core::Error) -> Section {
    Section {
        name: "error".to_owned(),
        text: format!("{error:#}"),
    }
}

/// The page without its marks, and the page as minijinja alone prints it.
pub(crate) fn both(plan: &Plan, data: &Value) -> Result<(String, String), String> {
    let data = Snapshot::of(data).map_err(|error| format!("{error:#}"))?;
    let plain = plan.render_plain(&data).map_err(|error| format!("{error:#}"))?;
    let page = plan.render(&data, "").map_err(|error| format!("{error:#}"))?;
    Ok((marks::without(&page, &plain), plain))
}

/// Whether the parser makes the same document of the page with its marks and without them.
fn marks_do_no_harm(plan: &Plan, data: &Value) -> Result<(), String> {
    let (without, _) = both(plan, data)?;
    let snapshot = Snapshot::of(data).map_err(|error| format!("{error:#}"))?;
    let page = plan.render(&snapshot, "").map_err(|error| format!("{error:#}"))?;
    let (with, without) = (Document::normalise(&page), Document::normalise(&without));
    if with == without {
        return Ok(());
    }
    Err(format!(
        "with its marks the document is\n{with}\nand without them\n{without}\n{}",
        plan.explain()
    ))
}

fn same_bytes(plan: &Plan, data: &Value) -> Result<bool, String> {
    both(plan, data).map(|(ours, plain)| ours == plain)
}
