//! The suite `connections`: what thousands of connected pages cost a server, idle and busy.

mod client;
mod process;
mod server;

use std::io::{self, Write};
use std::time::{Duration, Instant};

use serde::Serialize;

use self::client::{Bare, Browser, Page};
use self::process::ServerProcess;
use crate::cli::Outcome;

pub(crate) use self::server::serve;

/// What an idle connected session may take of the server's memory, in bytes.
const IDLE: u64 = 32 * 1024;
/// How long an action may take to its answer for 99 of 100, in microseconds.
const SLOWEST: u64 = 10_000;
/// How many actions there are each second, of all pages together.
const RATE: u32 = 2_000;
/// For how long.
const BUSY: Duration = Duration::from_secs(10);
/// After so long without a change a session is idle, and the server has let go of what it does not need.
const REST: Duration = Duration::from_secs(8);
/// How many pages are opened at the same time.
const AT_ONCE: usize = 32;

/// One line of `connections --json`.
#[derive(Serialize)]
#[serde(untagged)]
enum Line {
    Memory {
        suite: &'static str,
        case: &'static str,
        connections: u32,
        bytes_each: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        bar_bytes: Option<u64>,
    },
    Time {
        suite: &'static str,
        case: &'static str,
        connections: u32,
        actions: usize,
        failed: usize,
        p50_us: u64,
        p99_us: u64,
        slowest_us: u64,
        bar_p99_us: u64,
    },
}

/// Runs the cases whose name contains `only`, and says how many there were.
pub(crate) fn run(only: &str, number: u32, json: bool) -> Outcome<usize> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut cases = 0;
    if "bare-idle".contains(only) {
        let line = runtime.block_on(bare(number))?;
        print(&line, json)?;
        cases += 1;
    }
    let (idle, busy) = ("idle".contains(only), "busy".contains(only));
    if idle || busy {
        for line in runtime.block_on(pages(number, busy))? {
            if matches!(line, Line::Memory { .. }) && !idle {
                continue;
            }
            print(&line, json)?;
            cases += 1;
        }
    }
    Ok(cases)
}

/// The memory of sockets that nothing is sent over.
async fn bare(number: u32) -> Outcome<Line> {
    let server = ServerProcess::start()?;
    let warm = Bare::open(server.address()).await?;
    let before = server.memory()?;
    let mut open = Vec::new();
    for _ in 0..number {
        open.push(Bare::open(server.address()).await?);
    }
    let after = server.memory()?;
    drop((warm, open));
    Ok(Line::Memory {
        suite: "connections",
        case: "bare-idle",
        connections: number,
        bytes_each: after.saturating_sub(before) / u64::from(number),
        bar_bytes: None,
    })
}

/// The memory of idle pages; then, if it is asked for, the time of their actions.
async fn pages(number: u32, busy: bool) -> Outcome<Vec<Line>> {
    let server = ServerProcess::start()?;
    // What the first pages and actions make once for all is not a session's.
    let mut warm = open(&server, 64).await?;
    for page in &mut warm {
        page.act().await?;
    }
    let before = server.memory()?;
    let open = open(&server, number as usize).await?;
    tokio::time::sleep(REST).await;
    let after = server.memory()?;
    let mut lines = vec![Line::Memory {
        suite: "connections",
        case: "idle",
        connections: number,
        bytes_each: after.saturating_sub(before) / u64::from(number),
        bar_bytes: Some(IDLE),
    }];
    if busy {
        lines.push(act(open).await?);
    }
    drop(warm);
    Ok(lines)
}

async fn open(server: &ServerProcess, number: usize) -> Outcome<Vec<Page>> {
    let mut open = Vec::with_capacity(number);
    let mut browsers = Vec::new();
    for _ in 0..AT_ONCE.min(number) {
        browsers.push(Browser::connect(server.address()).await?);
    }
    while open.len() < number {
        let wanted = (number - open.len()).min(browsers.len());
        let pages = browsers.iter_mut().take(wanted).map(Browser::open);
        open.extend(futures_util::future::try_join_all(pages).await?);
    }
    Ok(open)
}

/// Lets each page act again and again, each at its own moments.
async fn act(pages: Vec<Page>) -> Outcome<Line> {
    let number = u32::try_from(pages.len())?;
    let every = Duration::from_secs(1) * number / RATE;
    let begin = Instant::now();
    let mut tasks = Vec::new();
    for (at, mut page) in pages.into_iter().enumerate() {
        tasks.push(tokio::spawn(async move {
            let mut times = Vec::new();
            let mut failed = 0;
            let mut next = begin + every * u32::try_from(at).unwrap_or(0) / number;
            while next < begin + BUSY {
                tokio::time::sleep_until(next.into()).await;
                // From when it was due: an action that waits for the one before waits, too.
                match page.act().await {
                    Ok(()) => times.push(next.elapsed()),
                    Err(_) => failed += 1,
                }
                next += every;
            }
            (times, failed)
        }));
    }
    let (mut times, mut failed) = (Vec::new(), 0);
    for task in tasks {
        let (more, failures) = task.await?;
        times.extend(more);
        failed += failures;
    }
    times.sort_unstable();
    let micros = |share: f64| -> u64 {
        let at = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
        times
            .get(at)
            .map_or(0, |time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
    };
    Ok(Line::Time {
        suite: "connections",
        case: "busy",
        connections: number,
        actions: times.len(),
        failed,
        p50_us: micros(0.5),
        p99_us: micros(0.99),
        slowest_us: micros(1.0),
        bar_p99_us: SLOWEST,
    })
}

fn print(line: &Line, json: bool) -> Outcome {
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(line)?)?;
        return Ok(());
    }
    let verdict = |holds: bool| if holds { "holds" } else { "MISSED" };
    match line {
        Line::Memory {
            case,
            connections,
            bytes_each,
            bar_bytes,
            ..
        } => {
            write!(
                out,
                "{case:12} {connections} connections, {bytes_each} bytes of memory each"
            )?;
            if let Some(bar) = bar_bytes {
                write!(out, " (bar {bar}: {})", verdict(bytes_each <= bar))?;
            }
            writeln!(out)?;
        }
        Line::Time {
            case,
            connections,
            actions,
            failed,
            p50_us,
            p99_us,
            slowest_us,
            bar_p99_us,
            ..
        } => writeln!(
            out,
            "{case:12} {connections} connections, {actions} actions at {RATE} a second, {failed} failed; to the answer: half within {p50_us} µs, \
             99 of 100 within {p99_us} µs, all within {slowest_us} µs (bar of the 99 {bar_p99_us} µs and no failure: {})",
            verdict(p99_us < bar_p99_us && *failed == 0)
        )?,
    }
    Ok(())
}
