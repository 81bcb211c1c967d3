//! What the tests with real processes share: a site on a store, and an application of the test's own on the same store.

use std::{path::PathBuf, sync::Arc, time::Duration};

use fastrand::Rng;
use statetemplate_axum::StateTemplate;
use statetemplate_core::store::{self, SessionStore};
use statetemplate_faults::{Failure, NodeOptions, SIGNING_KEY, Site, journal};
use tokio::time::sleep;

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

/// Kills a node and starts it again, or cuts or stalls the links of the clients. Says how many nodes it has killed.
pub(crate) async fn break_a_node(site: &mut Site, rng: &mut Rng) -> Result<u32, Failure> {
    match rng.u32(..4) {
        0 => site.proxy().link().cut(),
        1 => {
            site.proxy().link().stall(true);
            sleep(Duration::from_millis(rng.u64(100..1000))).await;
            site.proxy().link().stall(false);
        }
        _ => {
            let at = rng.usize(..site.nodes_mut().len());
            let node = &mut site.nodes_mut()[at];
            node.kill()?;
            sleep(Duration::from_millis(rng.u64(..500))).await;
            node.restart().await?;
            return Ok(1);
        }
    }
    Ok(0)
}
