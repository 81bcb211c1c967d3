//! Random templates and random data, through the oracle.
//!
//! A case is made of grammar.txt and data.rs, followed step by step, and when it is wrong made small. Fixed seeds are
//! tried in each run, and those of the environment beside them; `tests/run fresh` draws new ones.

mod case;
mod data;
mod grammar;
mod minimise;

use std::cell::RefCell;
use std::hash::{BuildHasher as _, RandomState};

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestError, TestRunner};

use case::Case;
pub(crate) use case::cases;
pub(crate) use grammar::Grammar;
use minimise::minimise;

/// Tried in each run of the tests, so that a change that breaks one of their cases is found wherever it is tested.
const SEEDS: [u64; 4] = [1, 20_261_124, 0x0005_7a7e, 0x007e_3917];

/// So many cases are tried for each of them.
const CASES: u32 = 250;

/// What the cases of a seed came to.
#[derive(Default)]
struct Tally {
    updates: usize,
    refused: usize,
    pages: usize,
    /// Why pages were sent as a whole.
    whole: Vec<String>,
    /// All templates, one after the other.
    templates: String,
}

/// Tries the cases of a seed.
fn try_seed(seed: u64, cases: u32, tally: &mut Tally) {
    let config = ProptestConfig {
        rng_seed: RngSeed::Fixed(seed),
        cases,
        // Cases are made small by minimise.rs.
        max_shrink_iters: 0,
        // A seed means another case after each change of the grammar: cases are saved as such instead.
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let tally = RefCell::new(tally);
    let outcome = TestRunner::new(config).run(&self::cases(&Grammar::new()), |case| {
        let run = case.replay().map_err(TestCaseError::fail)?;
        let mut tally = tally.borrow_mut();
        tally.updates += run.updates;
        tally.refused += run.refused;
        tally.pages += 1;
        tally.whole.extend(run.whole);
        tally.templates += &case.usual_text();
        Ok(())
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, case)) => fail(seed, cases, case, reason.message()),
        Err(TestError::Abort(reason)) => panic!("seed {seed}: {reason}"),
    }
}

fn fail(seed: u64, cases: u32, case: Case, why: &str) -> ! {
    let (case, why) = minimise(case, why.to_owned());
    panic!(
        "the page is wrong on this case; once it is right, its file belongs into tests/it/random/found:\n\
         {case:?}\n\
         {why}\n\
         again: PROPTEST_RNG_SEED={seed} PROPTEST_CASES={cases} \
         cargo test -p statetemplate-core --features test --test it fresh_random_pages"
    );
}

#[test]
fn random_pages_follow_random_data() {
    let mut tally = Tally::default();
    for seed in SEEDS {
        try_seed(seed, CASES, &mut tally);
    }
    // Cases that are never followed would prove nothing.
    let Tally {
        updates,
        refused,
        pages,
        mut whole,
        templates,
    } = tally;
    whole.sort();
    let parts = pages - whole.len();
    println!(
        "{updates} updates of {pages} pages, {parts} of them in parts; {refused} states that the template fails on"
    );
    println!("sent as a whole: {whole:#?}");
    assert!(updates > 4 * refused, "{updates} updates, {refused} refused");
    assert!(
        parts * 10 > pages * 7 && parts < pages,
        "{parts} of {pages} pages are followed in parts"
    );
    let unused = Grammar::new().unused(&templates);
    assert!(unused.is_empty(), "no template of these seeds holds {unused:#?}");
}

/// The seed is that of the environment, or another one each time.
#[test]
fn fresh_random_pages_follow_random_data() {
    let config = ProptestConfig::default();
    let seed = match config.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => RandomState::new().hash_one("seed"),
    };
    println!("PROPTEST_RNG_SEED={seed}");
    try_seed(seed, config.cases, &mut Tally::default());
}

/// Each was random once, and wrong: it is saved as the failure printed it, under the name of what it is about.
#[test]
fn found_cases_stay_right() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/random/found");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} holds no cases");
    let mut wrong = String::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let case: Case =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        match case.replay() {
            Ok(run) if run.refused == case.refused => {}
            Ok(run) => {
                wrong += &format!(
                    "{}: {} states are refused, not {}\n",
                    file.display(),
                    run.refused,
                    case.refused
                );
            }
            Err(why) => wrong += &format!("{}: {why}\n", file.display()),
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
