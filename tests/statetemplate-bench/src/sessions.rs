//! The suite `sessions`: making a session with the workload's data and updating it, in memory and in Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use minijinja::Environment;
use statetemplate_core::store::{MemoryStore, RedisStore, SessionStore};
use statetemplate_core::{Renderer, SessionToken};
use statetemplate_servers::RedisServer;
use tokio::runtime::Runtime;

use crate::cli::Outcome;
use crate::dashboard::{self, Step};
use crate::measure::{Effort, batch, in_turns};
use crate::report::Report;

/// What making a session may take in memory, in nanoseconds.
const MEMORY: f64 = 250e3;
/// What it may take with Redis on the loopback interface.
const REDIS: f64 = 1500e3;

/// Measures the cases whose name contains `only`. A Redis is started for those that need one.
pub(crate) fn run(only: &str, effort: Effort, report: &mut Report) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let steps = dashboard::steps()?;
    let names = |place: &str| [format!("{place}-create"), format!("{place}-update")];
    let wanted = |place: &str| names(place).iter().any(|name| name.contains(only));
    if wanted("memory") {
        let store = Arc::new(MemoryStore::with_capacity(1_000_000));
        place(
            &runtime,
            store,
            &steps,
            (&names("memory"), MEMORY),
            only,
            effort,
            report,
        )?;
    }
    if wanted("redis") {
        let server = runtime
            .block_on(RedisServer::start())
            .map_err(|error| format!("Redis, for the cases of its name, does not start: {error}"))?;
        let store = runtime
            .block_on(RedisStore::connect(&server.url()))
            .map_err(|error| format!("{error:#}"))?;
        place(
            &runtime,
            Arc::new(store),
            &steps,
            (&names("redis"), REDIS),
            only,
            effort,
            report,
        )?;
    }
    report.end()
}

/// Measures one store: making a session, and updates that go to and fro between two states in which one task differs.
fn place(
    runtime: &Runtime,
    store: Arc<dyn SessionStore>,
    steps: &[Step],
    ([create, update], bar): (&[String; 2], f64),
    only: &str,
    effort: Effort,
    report: &mut Report,
) -> Outcome {
    let mut env = Environment::new();
    env.add_template("dashboard.html", dashboard::TEMPLATE)?;
    let renderer = Renderer::builder(env)
        .signing_key(b"a secret of the benchmark's own, of 32 bytes")
        .max_sessions(1_000_000)
        .shared_store(store)
        .build()?;
    let task = steps.iter().position(|step| step.is("toggle_one_task"));
    let task = task.filter(|at| *at > 0).ok_or("the workload toggles no task")?;
    let states = [steps[task - 1].data(), steps[task].data()];
    let made = || -> SessionToken {
        runtime
            .block_on(renderer.create_session(states[0]))
            .expect("the store takes a session like the one before")
    };
    let token = made();
    let session = runtime.block_on(renderer.get_session(&token))?;
    let turn = AtomicUsize::new(1);
    let updated = || {
        let state = states[turn.fetch_add(1, Ordering::Relaxed) % 2];
        runtime
            .block_on(session.render_data(state))
            .expect("the store takes an update like the one before")
    };
    let before = session.version().revision;
    if updated().revision != before + 1 {
        return Err("an update changed nothing".into());
    }
    let times = in_turns(
        effort,
        vec![
            Box::new(|runs| batch(runs, made)),
            Box::new(|runs| batch(runs, updated)),
        ],
    );
    for (name, bar, time) in [(create, Some(bar), times[0]), (update, None, times[1])] {
        if name.contains(only) {
            report.add_time("sessions", name, bar, time)?;
        }
    }
    runtime.block_on(renderer.shutdown());
    Ok(())
}
