//! Keeps `tests/fixtures/EXCEPTIONS.md`: each place where a fixture's page is not what minijinja alone prints.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use statetemplate_core::Plan;

use crate::fixture::Fixture;
use crate::replay::{both, environment, steps};

const HEAD: &str = "# Where the page is not what minijinja prints

A page without its marks is, byte for byte, what minijinja alone prints, except where this makes it safer. These are all
exceptions that the fixtures of this folder show. The list is generated (see `../replay/main.rs`); a test fails when it
changes.
";

/// Compares the list with what the fixtures show; with `bless`, writes it.
pub(crate) fn check(folder: &Path, fixtures: &[(String, PathBuf)], bless: bool) -> Result<(), String> {
    let path = folder.join("EXCEPTIONS.md");
    let mut found = HEAD.to_owned();
    for (name, path) in fixtures {
        list(&mut found, name, &Fixture::read(path)?)?;
    }
    if bless {
        return std::fs::write(&path, found).map_err(|error| format!("{}: {error}", path.display()));
    }
    let expected = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    if expected == found {
        return Ok(());
    }
    let line = |text: &str, at: usize| text.lines().nth(at).unwrap_or("(its end)").to_owned();
    let at = (0..)
        .find(|at| line(&expected, *at) != line(&found, *at))
        .unwrap_or(0);
    Err(format!(
        "{} has in line {}\n{}\nand should have\n{}\n(BLESS=1 writes it)",
        path.display(),
        at + 1,
        line(&expected, at),
        line(&found, at)
    ))
}

fn list(out: &mut String, name: &str, fixture: &Fixture) -> Result<(), String> {
    let Some(why) = fixture.sections.iter().find(|section| section.name == "differs") else {
        return Ok(());
    };
    let template = fixture
        .sections
        .iter()
        .find_map(|section| section.template().filter(|(name, _)| *name == "page.html"));
    let Some((_, template)) = template else {
        return Err(format!("{name} has no page.html"));
    };
    let env = environment(fixture)?;
    let plan = Plan::compile(&env, "page.html").map_err(|error| format!("{error:#}"))?;
    let _ = write!(
        out,
        "\n## {name}\n\n{}\n\nTemplate:\n\n{}",
        why.text,
        block(&template)
    );
    for (data, _) in steps(fixture)? {
        let Ok((ours, plain)) = both(&plan, &data) else {
            continue;
        };
        for (ours, plain) in differing_lines(&ours, &plain) {
            let _ = write!(
                out,
                "\nminijinja:\n\n{}\nthe page:\n\n{}",
                block(&plain),
                block(&ours)
            );
        }
    }
    Ok(())
}

/// The lines that differ; the whole texts when they do not have the same number of lines.
fn differing_lines(ours: &str, plain: &str) -> Vec<(String, String)> {
    let (left, right): (Vec<&str>, Vec<&str>) = (ours.split('\n').collect(), plain.split('\n').collect());
    if left.len() != right.len() {
        return vec![(ours.to_owned(), plain.to_owned())];
    }
    let pairs = left.into_iter().zip(right).filter(|(ours, plain)| ours != plain);
    pairs
        .map(|(ours, plain)| (ours.to_owned(), plain.to_owned()))
        .collect()
}

/// An indented block of Markdown, which needs no escaping but for what cannot be seen.
fn block(text: &str) -> String {
    let mut out = String::new();
    for line in text.split('\n') {
        let seen = line.chars().map(|c| {
            if c.is_control() {
                c.escape_default().to_string()
            } else {
                c.to_string()
            }
        });
        let _ = writeln!(out, "{}", format!("    {}", seen.collect::<String>()).trim_end());
    }
    out
}
