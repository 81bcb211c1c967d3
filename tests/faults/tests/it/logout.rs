//! Three processes on one Redis: who logs out on one of them is logged out on all, in the same moment.

use std::time::Duration;

use statetemplate_faults::{Client, Node, Patience};
use statetemplate_servers::RedisServer;
use tokio::{join, time::Instant};

use crate::nodes::node;

/// Nobody gives up a connection in this test: how a session ends is told on the connection that it has.
fn patience() -> Patience {
    Patience {
        silence: Duration::from_secs(60),
        until: Instant::now() + Duration::from_secs(60),
        ..Patience::of(Duration::ZERO)
    }
}

#[tokio::test]
async fn a_logout_on_one_node_closes_the_sockets_on_the_others() {
    let redis = RedisServer::start().await.unwrap();
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(Node::start(node(&redis.url())).await.unwrap());
    }
    let [here, there, elsewhere] = [0, 1, 2].map(|index: usize| nodes[index].address());
    let open = async |server, id: &str| {
        let mut client = Client::open(server, "/", id, patience()).await.unwrap();
        client.record(3, patience()).await.unwrap();
        client
    };
    let mut one = open(there, "one-session").await;
    let mut browser = open(there, "one-browser").await;
    let mut ann_here = open(there, "ann-in-one-browser").await;
    let mut ann_there = open(elsewhere, "ann-in-another").await;
    let mut bystander = open(there, "somebody-else").await;
    ann_here.get(here, "/login/ann").await.unwrap();
    ann_there.get(there, "/login/ann").await.unwrap();
    bystander.get(elsewhere, "/login/bob").await.unwrap();
    // With their new cookies they go on where they were, at the nodes where they were.
    for client in [&mut ann_here, &mut ann_there, &mut bystander] {
        client.record(6, patience()).await.unwrap();
    }

    let session = one.session().to_owned();
    let mut admin = open(here, "who-ends-them").await;
    let mut leaving = open(here, "the-browser-that-logs-out").await;
    leaving.take_cookies_of(&browser);
    let connections = |client: &Client| client.outcome().connections;
    let before = [&one, &browser, &ann_here, &ann_there].map(connections);
    let (reasons, ()) = join!(
        async {
            let (one, browser, ann_here, ann_there) = join!(
                one.ended(patience()),
                browser.ended(patience()),
                ann_here.ended(patience()),
                ann_there.ended(patience()),
            );
            [one, browser, ann_here, ann_there].map(Result::unwrap)
        },
        async {
            // Each is connected when its session ends: a page that joins afterwards would be told another reason.
            for node in [there, elsewhere] {
                let wanted = if node == there { "3" } else { "1" };
                while admin.get(node, "/connections").await.unwrap() != wanted {}
            }
            admin.get(here, &format!("/close/{session}")).await.unwrap();
            leaving.get(here, "/logout").await.unwrap();
            assert_eq!(admin.get(here, "/forbid/ann").await.unwrap(), "2");
        }
    );
    assert_eq!(reasons, ["session_closed"; 4]);
    let after = [&one, &browser, &ann_here, &ann_there].map(connections);
    assert_eq!(
        after,
        before.map(|before| before + 1),
        "told on the connection that they had"
    );
    bystander.record(9, patience()).await.unwrap();
    println!("logout: 4 pages on two nodes closed by a third: {reasons:?}; the others go on");
}
