//! Nodes that are killed while two hundred clients count: each action takes effect once, in order, and none is lost.

use std::time::Duration;

use fastrand::Rng;
use statetemplate_faults::{Crowd, Failure, Site};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::nodes::{node, reader};

/// Kills nodes, each up to a second after the last, and starts them again; breaks the clients' links in between.
async fn kill_nodes(site: &mut Site, rng: &mut Rng, done: &CancellationToken) -> Result<u32, Failure> {
    let mut kills = 0;
    while !done.is_cancelled() {
        sleep(Duration::from_millis(rng.u64(300..1500))).await;
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
                kills += 1;
            }
        }
    }
    Ok(kills)
}

#[tokio::test]
async fn a_node_on_sqlite_that_is_killed_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("sessions.db").display());
    let mut site = Site::start([node(&store)]).await.unwrap();
    site.proxy().link().cut_at_random(2_000);
    let (crowd, seed) = (Crowd::usual(), fastrand::u64(..));
    println!("kills, SQLite: seed {seed}");
    let (address, mut kills) = (site.address(), 0);
    let clients = crowd
        .run(address, async |done| {
            kills = kill_nodes(&mut site, &mut Rng::with_seed(seed), &done).await?;
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
