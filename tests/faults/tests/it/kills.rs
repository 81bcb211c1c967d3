//! Nodes that are killed while two hundred clients count: each action takes effect once, in order, and none is lost.

use std::time::Duration;

use fastrand::Rng;
use statetemplate_faults::{Crowd, Site};
use tokio::time::sleep;

use crate::nodes::{break_a_node, node, reader};

#[tokio::test]
async fn a_node_on_sqlite_that_is_killed_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("sessions.db").display());
    let mut site = Site::start([node(&store)]).await.unwrap();
    site.proxy().link().cut_at_random(2_000);
    let (crowd, seed) = (Crowd::usual(), fastrand::u64(..));
    println!("kills, SQLite: seed {seed}");
    let mut rng = Rng::with_seed(seed);
    let (address, mut kills) = (site.address(), 0);
    let clients = crowd
        .run(address, async |done| {
            while !done.is_cancelled() {
                sleep(Duration::from_millis(rng.u64(300..1500))).await;
                kills += break_a_node(&mut site, &mut rng).await?;
            }
            Ok(())
        })
        .await
        .unwrap();
    site.nodes_mut()[0].kill().unwrap();
    let report = crowd.check(&clients, &reader(&store).await).await.unwrap();
    println!(
        "kills, SQLite: {report}; {kills} nodes killed, {} links cut within a chunk",
        site.proxy().link().cuts()
    );
    assert!(kills > 0 && report.repeated > 0, "nothing was broken");
    assert_eq!(report.failed, 0);
}
