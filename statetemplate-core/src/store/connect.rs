//! A store by its address, for applications that take it from their environment.

use std::sync::Arc;

use super::{MemoryStore, SessionStore};
use crate::{Error, ErrorKind};

/// Opens the store at an address, with its defaults; each store's own builder has more settings.
///
/// | address | store | feature |
/// | --- | --- | --- |
/// | `memory:` | [`MemoryStore`]: in this process, and gone with it | |
/// | `sqlite:FILE` | `SqlStore` on a file, which is made where it is missing | `sqlite` |
/// | `postgres://…` | `SqlStore` on PostgreSQL | `postgres` |
/// | `redis://…`, `redis-sentinel://…`, `redis-cluster://…`, with TLS `rediss://…` and so on | `RedisStore` | `redis` |
///
/// # Errors
///
/// [`ErrorKind::Configuration`] when no store has this address, or the feature of the one that has it is off;
/// [`ErrorKind::StoreUnavailable`] when it cannot be reached in time. What the address says of passwords is in no message.
///
/// # Cancel safety
///
/// A dropped call leaves nothing open.
///
/// # Examples
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let address = std::env::var("DATABASE_URL").unwrap_or("memory:".into());
/// let store = statetemplate_core::store::connect(&address).await?;
/// assert_eq!(store.count().await?.established, 0);
/// # Ok::<(), statetemplate_core::Error>(()) }).unwrap();
/// ```
pub async fn connect(address: &str) -> Result<Arc<dyn SessionStore>, Error> {
    let scheme = address.split_once(':').map(|(scheme, _)| scheme);
    match scheme {
        Some("memory") => Ok(Arc::new(MemoryStore::new())),
        #[cfg(feature = "sqlite")]
        Some("sqlite") => Ok(Arc::new(super::SqlStore::connect(address).await?)),
        #[cfg(not(feature = "sqlite"))]
        Some("sqlite") => Err(feature_is_off("sqlite")),
        #[cfg(feature = "postgres")]
        Some("postgres" | "postgresql") => Ok(Arc::new(super::SqlStore::connect(address).await?)),
        #[cfg(not(feature = "postgres"))]
        Some("postgres" | "postgresql") => Err(feature_is_off("postgres")),
        #[cfg(feature = "redis")]
        Some(
            "redis" | "rediss" | "redis-cluster" | "rediss-cluster" | "redis-sentinel" | "rediss-sentinel",
        ) => Ok(Arc::new(super::RedisStore::connect(address).await?)),
        #[cfg(not(feature = "redis"))]
        Some(
            "redis" | "rediss" | "redis-cluster" | "rediss-cluster" | "redis-sentinel" | "rediss-sentinel",
        ) => Err(feature_is_off("redis")),
        // An address that is none may hold a password anywhere.
        _ => Err(Error::new(
            ErrorKind::Configuration,
            "the address of the session store begins with none of memory:, sqlite:, postgres:, redis:, redis-cluster: and redis-sentinel:",
        )),
    }
}

#[cfg(not(all(feature = "sqlite", feature = "postgres", feature = "redis")))]
fn feature_is_off(feature: &str) -> Error {
    let message = format!(
        "the session store is a {feature} address, and the feature \"{feature}\" of statetemplate-core is off"
    );
    Error::new(ErrorKind::Configuration, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn memory_needs_nothing() {
        let store = connect("memory:").await.unwrap();
        assert!(!store.is_shared());
        store.health().await.unwrap();
    }

    #[tokio::test]
    async fn an_unknown_address_is_refused_and_not_repeated() {
        for address in ["", "sessions.db", "mysql://root:secret@host/db"] {
            let error = connect(address).await.err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(!format!("{error:#?} {error:#}").contains("secret"));
        }
    }
}
