//! Locks an SQLite file until its input ends, as another program might: `lock FILE`. Says `locked` when it has the lock.

use std::{env, error::Error, io};

use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = env::args().nth(1).ok_or("FILE is missing")?;
    let mut connection = SqliteConnectOptions::new().filename(file).connect().await?;
    let transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    say("locked");
    io::read_to_string(io::stdin())?;
    transaction.rollback().await?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the tests wait for it")]
fn say(what: &str) {
    println!("{what}");
}
