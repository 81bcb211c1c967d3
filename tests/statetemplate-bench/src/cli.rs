//! The command line.

use clap::{Parser, ValueEnum};

use crate::measure::Effort;
use crate::report::Report;
use crate::{connections, peers, sessions, updates, wire};

/// What can go wrong: always a sentence for the person who runs the benchmark.
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// Measures what StateTemplate's updates cost.
#[derive(Parser)]
#[command(name = "statetemplate-bench")]
struct Options {
    /// What to measure
    suite: Suite,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    /// Measure only the cases whose name contains this, or the one whose name it is
    #[arg(long, value_name = "SUBSTRING", allow_hyphen_values = true)]
    case: Option<String>,
    /// How many batches of about a millisecond to measure of each case; in `peers`, how many runs
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    batches: u32,
    /// In `connections`, how many pages to open: needs as many open files
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=25_000))]
    sessions: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum Suite {
    /// Time and allocations from typed data to the frame, beside a full render
    Updates,
    /// Bytes on the wire, raw and deflated
    Wire,
    /// DOM work in Chromium, beside other clients and a patch written by hand
    Peers,
    /// Time of making and updating sessions, in memory and in Redis
    Sessions,
    /// Memory of idle connected pages, and the time of actions while thousands act
    Connections,
    /// The server of `connections`, which starts it as a process of its own
    #[value(hide = true)]
    Serve,
}

/// Runs what the command line asks for.
pub(crate) fn run() -> Outcome {
    let options = Options::parse();
    let effort = Effort {
        batches: options.batches,
    };
    let mut report = Report::new(options.json);
    let mut cases = 0;
    let case = options.case.as_deref().unwrap_or("");
    match options.suite {
        Suite::Updates => updates::run(case, effort, &mut report)?,
        Suite::Wire => cases = wire::run(case, options.json)?,
        Suite::Peers => cases = peers::run(case, options.batches, options.json)?,
        Suite::Sessions => sessions::run(case, effort, &mut report)?,
        Suite::Connections => cases = connections::run(case, options.sessions, options.json)?,
        Suite::Serve => return connections::serve(),
    }
    if report.is_empty() && cases == 0 {
        return Err(format!("no case has \"{case}\" in its name").into());
    }
    Ok(())
}
