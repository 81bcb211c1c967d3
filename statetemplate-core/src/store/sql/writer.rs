//! The one that writes to SQLite: what is asked for while it waits for the disk goes into the next transaction together.

use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqlitePool};
use sqlx::{Row as _, Sqlite};
use tokio::sync::{mpsc, oneshot};

/// How many writes wait at most; who comes after them waits to wait.
const QUEUE: usize = 1_024;
/// How many writes make one transaction at most.
const BATCH: usize = 128;

type Statement = Query<'static, Sqlite, SqliteArguments>;
type Answer = Result<Written, sqlx::Error>;

/// What a statement did.
#[derive(Default)]
pub(super) struct Written {
    pub(super) rows: u64,
    /// What it returned, for statements that return ids.
    pub(super) ids: Vec<String>,
}

struct Job {
    statement: Statement,
    returns_ids: bool,
    answer: oneshot::Sender<Answer>,
}

/// The way to the writer. When the last one is dropped, it does what is left and ends.
pub(super) struct Writer(mpsc::Sender<Job>);

impl Writer {
    /// A writer on a pool of one connection, and its task.
    pub(super) fn new(pool: SqlitePool) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self(sender), run(pool, receiver))
    }

    /// Runs a statement, and answers when the disk has it.
    pub(super) async fn execute(&self, statement: Statement) -> Result<u64, sqlx::Error> {
        Ok(self.ask(statement, false).await?.rows)
    }

    /// Runs a statement that returns ids.
    pub(super) async fn ids(&self, statement: Statement) -> Result<Vec<String>, sqlx::Error> {
        Ok(self.ask(statement, true).await?.ids)
    }

    async fn ask(&self, statement: Statement, returns_ids: bool) -> Answer {
        let (answer, answered) = oneshot::channel();
        let job = Job {
            statement,
            returns_ids,
            answer,
        };
        self.0.send(job).await.map_err(|_| sqlx::Error::PoolClosed)?;
        answered.await.unwrap_or(Err(sqlx::Error::PoolClosed))
    }
}

async fn run(pool: SqlitePool, mut jobs: mpsc::Receiver<Job>) {
    let mut batch = Vec::new();
    while jobs.recv_many(&mut batch, BATCH).await > 0 {
        let mut answers = Vec::new();
        let mut failed = transact(&pool, &mut batch, &mut answers).await.err();
        // A transaction that failed has done nothing of all that. The first to hear of it gets the error itself.
        let reason = failed.as_ref().map(ToString::to_string);
        for (answer, written) in answers {
            let outcome = match &reason {
                None => written,
                Some(reason) => Err(failed
                    .take()
                    .unwrap_or_else(|| sqlx::Error::Protocol(reason.clone()))),
            };
            // Who has given up waiting finds out by reading.
            let _ = answer.send(outcome);
        }
        for job in batch.drain(..) {
            let reason = reason.clone().unwrap_or_default();
            let _ = job.answer.send(Err(sqlx::Error::Protocol(reason)));
        }
    }
}

/// Runs statements as one transaction. What one of them answers is in `answers` and counts when this succeeds; what was not
/// run stays in `batch`.
async fn transact(
    pool: &SqlitePool,
    batch: &mut Vec<Job>,
    answers: &mut Vec<(oneshot::Sender<Answer>, Answer)>,
) -> Result<(), sqlx::Error> {
    // A transaction that reads before it writes could not wait for another process' lock.
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    batch.reverse();
    while let Some(job) = batch.pop() {
        match write(&mut transaction, job.statement, job.returns_ids).await {
            Err(error) if ends_transaction(&error) => {
                answers.insert(0, (job.answer, Ok(Written::default())));
                return Err(error);
            }
            written => answers.push((job.answer, written)),
        }
    }
    transaction.commit().await
}

async fn write(connection: &mut SqliteConnection, statement: Statement, returns_ids: bool) -> Answer {
    if !returns_ids {
        let rows = statement.execute(connection).await?.rows_affected();
        return Ok(Written {
            rows,
            ids: Vec::new(),
        });
    }
    let rows = statement.fetch_all(connection).await?;
    let ids = rows
        .iter()
        .map(|row| row.try_get(0))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Written {
        rows: rows.len() as u64,
        ids,
    })
}

/// Whether a statement's failure is more than its own. SQLITE_TOOBIG (18) and SQLITE_CONSTRAINT (19) undo their statement
/// alone; others, such as a full disk, may have undone the transaction.
fn ends_transaction(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(|error| error.code()?.parse::<u32>().ok());
    !matches!(code.map(|code| code & 0xff), Some(18 | 19))
}
