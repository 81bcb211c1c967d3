//! Redis is down for half a minute: pages stay live, and afterwards it holds everything.

use std::time::Duration;

use statetemplate_faults::{Crowd, NodeOptions, Site};
use statetemplate_servers::{RedisOptions, RedisServer};
use tokio::time::sleep;

use crate::nodes::{node, reader};

const OUTAGE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn pages_stay_live_while_redis_is_down_and_redis_has_everything_afterwards() {
    let durable = RedisOptions {
        durable: true,
        ..RedisOptions::default()
    };
    let mut redis = RedisServer::start_with(durable).await.unwrap();
    let options = NodeOptions {
        environment: vec![("RESILIENT".into(), "1".into())],
        ..node(&redis.url())
    };
    let mut site = Site::start([options]).await.unwrap();
    // Busy for longer than Redis is down.
    let crowd = Crowd {
        clients: 50,
        actions: 150,
        pause: Duration::from_millis(600),
        ..Crowd::usual()
    };
    let address = site.address();
    let clients = crowd
        .run(address, async |_| {
            sleep(Duration::from_secs(3)).await;
            redis.kill();
            sleep(OUTAGE).await;
            redis.restart().await?;
            Ok(())
        })
        .await
        .unwrap();
    // A node that ends writes back what it still holds; what is read then is Redis alone.
    site.nodes_mut()[0].terminate().await.unwrap();
    let report = crowd.check(&clients, &reader(&redis.url()).await).await.unwrap();
    println!("outage: {report}");
    assert_eq!(report.failed, 0, "{report}");
    assert!(
        report.longest_gap < OUTAGE / 2,
        "pages waited for Redis: {report}"
    );
}
