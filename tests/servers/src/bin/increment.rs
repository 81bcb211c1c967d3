//! Increments a session's revision so many times, against others that do the same: `increment URL ID TIMES`.

use std::{env, error::Error};

use statetemplate_core::{
    ErrorKind,
    store::{SessionStore, SqlStore},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let mut argument = |name: &str| arguments.next().ok_or(format!("{name} is missing"));
    let (url, id, times) = (argument("URL")?, argument("ID")?, argument("TIMES")?);
    let store = SqlStore::connect(url).await?;
    for _ in 0..times.parse()? {
        loop {
            let seen = store.load(&id).await?;
            let mut next = seen.clone();
            next.revision += 1;
            next.writes += 1;
            match store.update(next, seen.stamp()).await {
                Ok(()) => break,
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                Err(error) => return Err(format!("{error:#}").into()),
            }
        }
    }
    store.close().await;
    Ok(())
}
