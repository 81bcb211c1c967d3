//! Runs the folder `tests/fixtures`: each file is a template, its data over time, and what has to happen to the page.
//!
//! Each file is a test of its own, named after its path and found when the tests run, so a new case is a new file and
//! nothing is compiled for it; this is why the harness is `libtest-mimic`. How a file is written is said in
//! `fixture.rs`, what is checked in `replay.rs`.
//!
//! `BLESS=1 cargo nextest run -p statetemplate-core --features test --test replay` writes what happens into the files
//! and makes `EXCEPTIONS.md` anew. Read the difference before you commit it.
#![cfg(feature = "test")]
// Helpers unwrap like the tests they serve; clippy takes only test functions for tests.
#![allow(clippy::unwrap_used)]

mod exceptions;
mod fixture;
mod marks;
#[path = "../it/oracle.rs"]
#[allow(dead_code, reason = "the other suite uses more of it")]
mod oracle;
mod replay;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    // Each panic is told as a failure, with its text.
    std::panic::set_hook(Box::new(|_| {}));
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures"));
    let fixtures = fixture::find(folder);
    let bless = std::env::var_os("BLESS").is_some_and(|value| !value.is_empty());
    let mut trials: Vec<Trial> = fixtures
        .iter()
        .map(|(name, path)| {
            let path = path.clone();
            Trial::test(name.clone(), move || caught(|| replay::run(&path, bless)))
        })
        .collect();
    trials.push(Trial::test("exceptions_are_listed", move || {
        caught(|| exceptions::check(folder, &fixtures, bless))
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// What a test says when it panics, which the oracle does, or fails.
fn caught(test: impl FnOnce() -> Result<(), String>) -> Result<(), Failed> {
    catch_unwind(AssertUnwindSafe(test))
        .unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(text.unwrap_or("it panics without words").to_owned())
        })
        .map_err(Failed::from)
}
