//! Three nodes on one Redis: nodes and Redis are killed, links are cut and stalled, the master fails over.

use std::{fmt, time::Duration};

use fastrand::Rng;
use statetemplate_faults::{Crowd, Failure, NodeOptions, Proxy, Site};
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
async fn nodes_redis_and_links_that_all_break_in_one_run_lose_no_action_and_repeat_none() {
    // Each server of Redis is behind a network of its own, through which nodes, sentinels and the other servers reach it.
    let mut networks = Vec::new();
    for _ in 0..3 {
        networks.push(Proxy::before([]).await.unwrap());
    }
    let ports = [0, 1, 2].map(|index: usize| networks[index].address().port());
    let pass_on = |index: usize, port| networks[index].set_servers([([127, 0, 0, 1], port).into()]);
    let mut redis = RedisSentinel::start_behind(ports, pass_on).await.unwrap();
    let store = redis.url();
    let options = NodeOptions {
        // All of them: of two replicas the sentinels may choose the one that does not have what the other has confirmed, when
        // the master was away for a moment and is back.
        environment: vec![("WAIT_FOR_REPLICAS".into(), "2".into())],
        ..node(&store)
    };
    let mut site = Site::start([options.clone(), options.clone(), options])
        .await
        .unwrap();
    site.proxy().link().cut_at_random(500);

    // Busy for so long that everything breaks more than once.
    let crowd = Crowd {
        pause: Duration::from_millis(150),
        ..Crowd::usual()
    };
    let seed = fastrand::u64(..);
    println!("everything: seed {seed}");
    let mut rng = Rng::with_seed(seed);
    let address = site.address();
    let mut broken = Broken::default();
    let clients = crowd
        .run(address, async |done| {
            while !done.is_cancelled() {
                // Long enough to get on: while one server is away no write is confirmed.
                sleep(Duration::from_millis(rng.u64(2000..4000))).await;
                broken.nodes += break_a_node(&mut site, &mut rng).await?;
                let master = redis.master().await?;
                broken.one_of_redis(&mut redis, &networks, &mut rng).await?;
                redis.bring_back().await?;
                broken.failovers += u32::from(redis.master().await? != master);
            }
            Ok(())
        })
        .await
        .unwrap();
    let report = crowd.check(&clients, &reader(&store).await).await.unwrap();
    println!(
        "everything: {report}; {broken}; {} links of clients cut within a chunk",
        site.proxy().link().cuts()
    );
    assert!(
        broken.turn >= Broken::WAYS && broken.nodes > 0 && report.repeated > 0,
        "{broken}"
    );
    assert_eq!(report.failed, 0, "{report}");
}

/// What was broken in a run.
#[derive(Debug, Default)]
struct Broken {
    nodes: u32,
    failovers: u32,
    restarts: u32,
    stalls: u32,
    cuts: u32,
    turn: u32,
}

impl Broken {
    const WAYS: u32 = 5;

    /// Breaks a server of Redis or its network: each way comes once before one comes again.
    async fn one_of_redis(
        &mut self,
        redis: &mut RedisSentinel,
        networks: &[Proxy],
        rng: &mut Rng,
    ) -> Result<(), Failure> {
        let any = rng.usize(..networks.len());
        let master = redis.master().await?;
        match self.turn % Self::WAYS {
            0 => redis.fail_over().await?,
            1 => {
                // Asked to end, and started again before or after the sentinels have noticed.
                redis.servers_mut()[master].terminate().await?;
                sleep(Duration::from_millis(rng.u64(..1000))).await;
                self.restarts += 1;
            }
            2 => {
                networks[master].link().stall(true);
                // Longer than the sentinels wait, or not.
                sleep(Duration::from_millis(rng.u64(100..2000))).await;
                networks[master].link().stall(false);
                self.stalls += 1;
            }
            3 => {
                redis.servers_mut()[any].kill();
                self.restarts += 1;
            }
            _ => {
                for _ in 0..5 {
                    networks[any].link().cut();
                    sleep(Duration::from_millis(rng.u64(..200))).await;
                    self.cuts += 1;
                }
            }
        }
        self.turn += 1;
        Ok(())
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Broken {
            nodes,
            failovers,
            restarts,
            stalls,
            cuts,
            turn: _,
        } = self;
        write!(
            f,
            "{nodes} nodes killed, {failovers} failovers of Redis, {restarts} restarts, its links stalled {stalls} and cut \
             {cuts} times"
        )
    }
}
