//! Measures what updates and sessions cost: `cargo run --release -p statetemplate-bench -- SUITE [--json] [--case SUBSTRING]`.
//!
//! Suites:
//!
//! - `updates` measures each step of the dashboard's workload, and changes of keyed tables of 100, 1 000 and 10 000 rows:
//!   the time from typed data (`&impl Serialize`) to the encoded frame, beside a full minijinja render of the same page
//!   in the same run. What counts is their ratio: the two are measured in turns, batch by batch, and of each the fastest
//!   batch is taken, so that a busy machine changes the times and hardly the ratios.
//! - `wire` counts the bytes of the same changes, raw and deflated as they are sent, and those of a join. It needs no release
//!   build: bytes are what they are.
//! - `peers` times what a patch costs in Chromium, in the same changes, beside a patch written by hand, innerHTML, morphdom and
//!   idiomorph. It needs node, Chromium, and `npm ci` in `client-js`.
//! - `sessions` measures making a session with the workload's data and updating one, in memory and in a Redis that it
//!   starts: the time of one after the other, of which the fastest batch is taken.
//! - `connections` starts a server with the workload's page, opens ten thousand pages on it, and measures what an idle one takes of
//!   the server's memory, beside a bare WebSocket of axum's; then how long an action takes to its answer while all of them act.
//!
//! Each update is checked once before it is measured: the reference client applies its frames to the page as it was, and
//! must then hold the page as it is rendered anew.
//!
//! `--json` prints one object a line. Without it there is a table, in which the bar that a case has to keep to stands
//! beside what was measured. Times say nothing without `--release`.

mod alloc;
mod case;
mod cli;
mod connections;
mod dashboard;
mod measure;
mod peers;
mod report;
mod servers;
mod sessions;
mod tables;
mod updates;
mod wire;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("statetemplate-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
