//! A rolling restart of three nodes while everybody works: no action fails, and no session begins anew.

use statetemplate_faults::{Crowd, Site};
use statetemplate_servers::RedisServer;

use crate::nodes::{node, reader};

#[tokio::test]
async fn a_rolling_restart_fails_no_action_and_ends_no_session() {
    let redis = RedisServer::start().await.unwrap();
    let store = redis.url();
    let mut site = Site::start([node(&store), node(&store), node(&store)])
        .await
        .unwrap();
    let crowd = Crowd::usual();
    let (address, mut restarts) = (site.address(), 0);
    let clients = crowd
        .run(address, async |done| {
            while !done.is_cancelled() {
                for node in site.nodes_mut() {
                    let status = node.terminate().await?;
                    if !status.is_some_and(|status| status.success()) {
                        return Err(format!("a node that was asked to end ended with {status:?}").into());
                    }
                    node.restart().await?;
                    restarts += 1;
                }
            }
            Ok(())
        })
        .await
        .unwrap();
    // That no session ended is what each client would have stopped at.
    let report = crowd.check(&clients, &reader(&store).await).await.unwrap();
    println!("rolling restart: {report}; {restarts} nodes restarted");
    assert_eq!(report.failed, 0, "{report}");
    assert!(restarts >= 3, "{restarts} restarts");
}
