//! What the tests with real processes share: a site on a store, and an application of the test's own on the same store.

use std::{path::PathBuf, sync::Arc};

use statetemplate_axum::StateTemplate;
use statetemplate_core::store::{self, SessionStore};
use statetemplate_faults::{NodeOptions, SIGNING_KEY, journal};

/// A node on the store with this address.
pub(crate) fn node(store: &str) -> NodeOptions {
    NodeOptions {
        program: PathBuf::from(env!("CARGO_BIN_EXE_node")),
        store: store.to_owned(),
        environment: Vec::new(),
    }
}

/// An application in the test itself, to read what is stored.
pub(crate) async fn reader(store: &str) -> StateTemplate {
    reader_of(store::connect(store).await.unwrap())
}

/// Like [`reader`], on a store that is there.
pub(crate) fn reader_of(store: Arc<dyn SessionStore>) -> StateTemplate {
    StateTemplate::builder(journal::templates())
        .insecure_cookies()
        .signing_key(SIGNING_KEY)
        .max_connections(10_000)
        .shared_store(store)
        .page(journal::page())
        .build()
        .unwrap()
}
