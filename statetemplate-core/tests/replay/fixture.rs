//! Fixture files: what stands in one, reading it, and writing what was found into it.
//!
//! A file opens with a sentence on what it shows. Then come sections, each after a line `=== name`:
//!
//! - `=== page.html` (any name with a dot): a template. `page.html` is the page.
//! - `=== settings`: what the environment is told, as JSON; see [`Settings`].
//! - `=== explain`: what `Plan::explain` says of the page, without its first line.
//! - `=== data`: the data of the next step, as JSON. Any number of them; the first one opens the page.
//! - `=== page`: the annotated page that the first data makes.
//! - `=== operations`: what the data above changes on the page, one operation a line.
//! - `=== differs`: why the page is not what minijinja alone prints; see `exceptions.rs`.
//! - `=== error`: the error that the templates (before any data) or the data above end in, in its long form.
//!
//! The last newline of a section is no part of it, nor is an empty line before the next one. Where a template's
//! characters cannot be written, as NUL or a carriage return, its section is called `=== page.html escaped` and holds
//! `\0`, `\r`, `\n`, `\t`, `\\` and `\u{feff}`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A fixture file, as its sections in order.
pub(crate) struct Fixture {
    /// What it shows.
    pub(crate) about: String,
    pub(crate) sections: Vec<Section>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Section {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// What the environment is told; nothing is minijinja's default.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    pub(crate) trim_blocks: bool,
    pub(crate) lstrip_blocks: bool,
    pub(crate) keep_trailing_newline: bool,
    /// `strict`, `chainable` or `semi_strict`.
    pub(crate) undefined: Option<String>,
    pub(crate) fuel: Option<u64>,
    pub(crate) recursion_limit: Option<usize>,
}

/// Every fixture below the folder: its name, which is its path without `.txt`, and its file; sorted.
pub(crate) fn find(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "txt") {
                let name = path.strip_prefix(folder).unwrap().with_extension("");
                found.push((name.to_str().unwrap().replace('\\', "/"), path));
            }
        }
    }
    found.sort();
    found
}

impl Fixture {
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&text)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut sections: Vec<Section> = Vec::new();
        let mut about = String::new();
        for line in text.split_inclusive('\n') {
            if let Some(name) = line.strip_prefix("=== ") {
                let name = name.trim_end().to_owned();
                check_name(&name)?;
                let text = String::new();
                sections.push(Section { name, text });
            } else {
                let text = sections
                    .last_mut()
                    .map_or(&mut about, |section| &mut section.text);
                text.push_str(line);
            }
        }
        let last = sections.len().saturating_sub(1);
        for (at, section) in sections.iter_mut().enumerate() {
            if at < last && section.text.ends_with("\n\n") {
                section.text.pop();
            }
            if section.text.ends_with('\n') {
                section.text.pop();
            }
        }
        let about = about.trim().to_owned();
        if about.is_empty() {
            return Err("a fixture opens with a sentence on what it shows".to_owned());
        }
        Ok(Fixture { about, sections })
    }

    /// The file's text; what [`Fixture::parse`] reads.
    pub(crate) fn text(&self) -> String {
        let mut out = format!("{}\n", self.about);
        for section in &self.sections {
            out.push_str(&format!("\n=== {}\n", section.name));
            if !section.text.is_empty() {
                out.push_str(&section.text);
                out.push('\n');
            }
        }
        out
    }

    pub(crate) fn settings(&self) -> Result<Settings, String> {
        let section = self.sections.iter().find(|section| section.name == "settings");
        section.map_or_else(
            || Ok(Settings::default()),
            |section| serde_json::from_str(&section.text).map_err(|error| format!("settings: {error}")),
        )
    }
}

impl Section {
    /// The name and source of the template that this section is, if it is one.
    pub(crate) fn template(&self) -> Option<(&str, String)> {
        match self.name.strip_suffix(" escaped") {
            Some(name) => Some((name, unescape(&self.text))),
            None if self.name.contains('.') => Some((&self.name, self.text.clone())),
            None => None,
        }
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let known = [
        "settings",
        "explain",
        "data",
        "page",
        "operations",
        "differs",
        "error",
    ];
    if known.contains(&name) || name.strip_suffix(" escaped").unwrap_or(name).contains('.') {
        return Ok(());
    }
    Err(format!(
        "there is no section {name:?}; there are {known:?} and templates"
    ))
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = &rest[at + 1..];
        let (c, length) = match escape.chars().next() {
            Some('0') => ('\0', 1),
            Some('r') => ('\r', 1),
            Some('n') => ('\n', 1),
            Some('t') => ('\t', 1),
            Some('u') => {
                let end = escape
                    .find('}')
                    .unwrap_or_else(|| panic!("no end of \\u in {text:?}"));
                let code = u32::from_str_radix(&escape[2..end], 16).unwrap();
                (char::from_u32(code).unwrap(), end + 1)
            }
            _ => ('\\', 1),
        };
        out.push(c);
        rest = &escape[length..];
    }
    out + rest
}
