//! `SqlStore` on SQLite.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::{Connection as _, SqliteConnection};
use statetemplate_core::{
    ErrorKind, SessionEnd,
    store::{SessionStore, SqlStore, conformance},
};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::hammer::{self, next, record};

fn url(folder: &TempDir, name: &str) -> String {
    format!("sqlite:{}", folder.path().join(name).display())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passes_the_suite() {
    let folder = TempDir::new().unwrap();
    let number = AtomicUsize::new(0);
    conformance::check(async || {
        let name = format!("{}.db", number.fetch_add(1, Ordering::Relaxed));
        SqlStore::connect(url(&folder, &name)).await.unwrap()
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passes_the_hammer() {
    let folder = TempDir::new().unwrap();
    let store = SqlStore::connect(url(&folder, "a.db")).await.unwrap();
    hammer::all(Arc::new(store)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_on_one_file_lose_no_increment() {
    const PROCESSES: u64 = 4;
    const TIMES: u64 = 50;
    let folder = TempDir::new().unwrap();
    let url = url(&folder, "a.db");
    let store = SqlStore::connect(&url).await.unwrap();
    store.create(record("a")).await.unwrap();
    let mut processes: Vec<_> = (0..PROCESSES)
        .map(|_| {
            Command::new(env!("CARGO_BIN_EXE_increment"))
                .args([&url, "a", &TIMES.to_string()])
                .spawn()
                .unwrap()
        })
        .collect();
    for process in &mut processes {
        assert!(process.wait().unwrap().success());
    }
    assert_eq!(store.load("a").await.unwrap().revision, 1 + PROCESSES * TIMES);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_open_a_new_file_at_once() {
    let folder = TempDir::new().unwrap();
    let url = url(&folder, "new.db");
    let mut opening = JoinSet::new();
    for number in 0..8 {
        let url = url.clone();
        opening.spawn(async move {
            let store = SqlStore::connect(url).await.unwrap();
            store.create(record(&format!("s{number}"))).await.unwrap();
        });
    }
    opening.join_all().await;
    let store = SqlStore::connect(url).await.unwrap();
    assert_eq!(store.count().await.unwrap().established, 8);
}

#[tokio::test]
async fn counts_the_sessions_of_tables_that_did_not_count_them() {
    const BEFORE: &str = "DROP TRIGGER statetemplate_count_created; DROP TRIGGER statetemplate_count_removed; \
        DROP TRIGGER statetemplate_count_bound; DROP TABLE statetemplate_counts; \
        DELETE FROM statetemplate_schema WHERE version > 1";
    let folder = TempDir::new().unwrap();
    let url = url(&folder, "a.db");
    let older = SqlStore::connect(&url).await.unwrap();
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(BEFORE).execute(&mut connection).await.unwrap();
    for id in ["a", "b", "c"] {
        older.create(record(id)).await.unwrap();
    }
    let newer = SqlStore::connect(&url).await.unwrap();
    assert_eq!(newer.count().await.unwrap().established, 3);
    older.delete("a", SessionEnd::Closed).await.unwrap();
    assert_eq!(newer.count().await.unwrap().established, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_share_a_transaction_succeed_and_fail_each_for_itself() {
    let folder = TempDir::new().unwrap();
    let store = Arc::new(SqlStore::connect(url(&folder, "a.db")).await.unwrap());
    let mut writes = JoinSet::new();
    for number in 0..400 {
        let store = store.clone();
        writes.spawn(async move {
            let mut mine = record(&format!("s{}", number / 2));
            mine.user = Some(format!("user {number}").into());
            if let Err(error) = store.create(mine.clone()).await {
                assert_eq!(error.kind(), ErrorKind::SessionIdExists);
            } else {
                let second = next(&mine);
                store.update(second.clone(), mine.stamp()).await.unwrap();
                let stale = store.update(second.clone(), mine.stamp()).await.unwrap_err();
                assert_eq!(stale.kind(), ErrorKind::Conflict);
                assert_eq!(store.load(&mine.id).await.unwrap(), second);
            }
        });
    }
    writes.join_all().await;
    assert_eq!(store.count().await.unwrap().established, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_locked_for_too_long_fails_the_call_and_works_afterwards() {
    let folder = TempDir::new().unwrap();
    let url = url(&folder, "a.db");
    let store = SqlStore::builder(&url)
        .timeout(Duration::from_secs(2))
        .connect()
        .await
        .unwrap();
    let first = record("a");
    store.create(first.clone()).await.unwrap();
    let mut holder = Command::new(env!("CARGO_BIN_EXE_lock"))
        .arg(folder.path().join("a.db"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line.trim(), "locked");
    let error = store.update(next(&first), first.stamp()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    // Who reads does not wait for who writes.
    assert_eq!(store.load("a").await.unwrap(), first);
    drop(holder.stdin.take());
    holder.wait().unwrap();
    // The write that was given up may have happened since.
    loop {
        let seen = store.load("a").await.unwrap();
        match store.update(next(&seen), seen.stamp()).await {
            Ok(()) => break,
            Err(error) => assert_ne!(error.kind(), ErrorKind::SessionNotFound, "{error:#}"),
        }
    }
    assert!(store.is_available());
}

#[tokio::test]
async fn a_dropped_write_happens_or_not() {
    let folder = TempDir::new().unwrap();
    let store = SqlStore::connect(url(&folder, "a.db")).await.unwrap();
    let mut seen = record("a");
    store.create(seen.clone()).await.unwrap();
    let mut happened = 0;
    for round in 0..300_u32 {
        let mut mine = next(&seen);
        mine.user = Some(format!("user {round}").into());
        let write = store.update(mine.clone(), seen.stamp());
        // Dropped at one moment or another; that it ended in time is no failure.
        let _ = tokio::time::timeout(Duration::from_micros(u64::from(round)), write).await;
        // Waits its turn behind the write, if that is still going on.
        store.delete("none", SessionEnd::Closed).await.unwrap();
        let stored = store.load("a").await.unwrap();
        let users = store.by_user(&format!("user {round}")).await.unwrap();
        if stored == mine {
            happened += 1;
            assert_eq!(users, ["a"]);
        } else {
            assert_eq!(stored, seen);
            assert_eq!(users, [""; 0]);
        }
        seen = stored;
    }
    assert!(happened > 0);
}

#[tokio::test]
async fn what_was_acknowledged_is_there_in_the_next_store() {
    let folder = TempDir::new().unwrap();
    let url = url(&folder, "a.db");
    let store = SqlStore::connect(&url).await.unwrap();
    let first = record("a");
    store.create(first.clone()).await.unwrap();
    let second = next(&first);
    store.update(second.clone(), first.stamp()).await.unwrap();
    // Not closed: as after a crash, the write-ahead log has what the database file has not.
    let other = SqlStore::connect(&url).await.unwrap();
    assert_eq!(other.load("a").await.unwrap(), second);
}

#[tokio::test]
async fn says_which_database_failed_and_how() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("no/such/folder/a.db");
    let error = SqlStore::connect(format!("sqlite:{}", missing.display()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    assert!(error.to_string().contains("no/such/folder/a.db"), "{error}");

    let store = SqlStore::connect(url(&folder, "a.db")).await.unwrap();
    assert!(store.is_available());
    store.close().await;
    let error = store.load("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    assert!(error.to_string().contains("a.db"), "{error}");
    assert!(!store.is_available());
}

#[tokio::test]
async fn refuses_addresses_that_keep_nothing() {
    for url in [
        "sqlite::memory:",
        "sqlite:a.db?mode=memory",
        "sqlite:",
        "file:a.db",
        "",
    ] {
        let error = SqlStore::connect(url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{url}: {error}");
    }
}
