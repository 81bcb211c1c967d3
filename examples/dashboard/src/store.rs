//! Where sessions are kept, as the environment says.

use std::{env, sync::Arc};

use statetemplate_core::{
    Error, ErrorKind,
    store::{self, ResilientStore, SessionStore},
};

/// The store at `DATABASE_URL` or `REDIS_URL`; none when neither is set.
pub(crate) async fn open() -> Result<Option<Arc<dyn SessionStore>>, Error> {
    let address = match (env::var("DATABASE_URL"), env::var("REDIS_URL")) {
        (Err(_), Err(_)) => return Ok(None),
        (Ok(address), Err(_)) | (Err(_), Ok(address)) => address,
        (Ok(_), Ok(_)) => {
            let message = "both DATABASE_URL and REDIS_URL are set: sessions are kept in one place";
            return Err(Error::new(ErrorKind::Configuration, message));
        }
    };
    let store = store::connect(&address).await?;
    if !store.is_shared() {
        return Ok(Some(store));
    }
    // A server may be down for a while: pages stay live, and it gets what it has missed.
    Ok(Some(Arc::new(ResilientStore::shared_builder(store).build())))
}
