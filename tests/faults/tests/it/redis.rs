//! Three nodes on one Redis: nodes and Redis are killed, links are cut and stalled, the master fails over.

use std::time::Duration;

use fastrand::Rng;
use statetemplate_faults::{Crowd, NodeOptions, Proxy, Site};
use statetemplate_servers::{RedisOptions, RedisSentinel, RedisServer};
use tokio::time::sleep;

use crate::nodes::{break_a_node, node, reader};

#[tokio::test]
async fn three_nodes_on_redis_lose_nothing_and_repeat_nothing() {
    let durable = RedisOptions {
        durable: true,
        ..RedisOptions::default()
    };
    let mut redis = RedisServer::start_with(durable).await.unwrap();
    let network = Proxy::before([([127, 0, 0, 1], redis.port()).into()])
        .await
        .unwrap();
    let store = format!("redis://localhost:{}", network.address().port());
    let mut site = Site::start([node(&store), node(&store), node(&store)])
        .await
        .unwrap();
    site.proxy().link().cut_at_random(1_000);

    let (crowd, seed) = (Crowd::usual(), fastrand::u64(..));
    println!("redis: seed {seed}");
    let mut rng = Rng::with_seed(seed);
    let (address, mut kills, mut outages) = (site.address(), 0, 0);
    let clients = crowd
        .run(address, async |done| {
            while !done.is_cancelled() {
                sleep(Duration::from_millis(rng.u64(300..1500))).await;
                match rng.u32(..6) {
                    0 => network.link().cut(),
                    1 => {
                        network.link().stall(true);
                        sleep(Duration::from_millis(rng.u64(100..2000))).await;
                        network.link().stall(false);
                    }
                    2 => {
                        redis.kill();
                        sleep(Duration::from_millis(rng.u64(..1000))).await;
                        redis.restart().await?;
                        outages += 1;
                    }
                    _ => kills += break_a_node(&mut site, &mut rng).await?,
                }
            }
            Ok(())
        })
        .await
        .unwrap();
    let report = crowd.check(&clients, &reader(&redis.url()).await).await.unwrap();
    println!("redis: {report}; {kills} nodes and {outages} times Redis killed");
    assert!(kills > 0 && report.repeated > 0, "nothing was broken");
    assert_eq!(report.failed, 0, "{report}");
}

#[tokio::test]
async fn failovers_of_redis_lose_no_write_that_a_replica_has() {
    let mut redis = RedisSentinel::start().await.unwrap();
    let store = redis.url();
    let options = NodeOptions {
        environment: vec![("WAIT_FOR_REPLICAS".into(), "1".into())],
        ..node(&store)
    };
    let mut site = Site::start([options.clone(), options.clone(), options])
        .await
        .unwrap();
    let (crowd, seed) = (Crowd::usual(), fastrand::u64(..));
    println!("failover: seed {seed}");
    let mut rng = Rng::with_seed(seed);
    let (address, mut kills, mut failovers) = (site.address(), 0, 0);
    let clients = crowd
        .run(address, async |done| {
            while !done.is_cancelled() {
                sleep(Duration::from_millis(rng.u64(300..1500))).await;
                kills += break_a_node(&mut site, &mut rng).await?;
                redis.fail_over().await?;
                failovers += 1;
                redis.bring_back().await?;
            }
            Ok(())
        })
        .await
        .unwrap();
    let report = crowd.check(&clients, &reader(&store).await).await.unwrap();
    println!("failover: {report}; {kills} nodes killed, {failovers} failovers");
    assert!(failovers > 0);
    assert_eq!(report.failed, 0, "{report}");
}
