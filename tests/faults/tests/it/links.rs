//! One node with sessions in memory, behind links that are cut at any byte, stalled and delayed.

use std::{net::Ipv4Addr, time::Duration};

use statetemplate_axum::StateTemplate;
use statetemplate_faults::{Client, Patience, Proxy, Report, SIGNING_KEY, journal};
use tokio::{net::TcpListener, task::LocalSet, time::sleep};

#[tokio::test]
async fn actions_take_effect_once_however_links_break() {
    const CLIENTS: u64 = 20;
    const ACTIONS: u64 = 100;
    let live = StateTemplate::builder(journal::templates())
        .insecure_cookies()
        .signing_key(SIGNING_KEY)
        .page(journal::page())
        .build()
        .unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = journal::app(&live);
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let proxy = Proxy::before([address]).await.unwrap();
    proxy.link().cut_at_random(20_000);

    let clients = LocalSet::new();
    let patience = Patience::of(Duration::from_secs(60));
    let tasks: Vec<_> = (0..CLIENTS)
        .map(|id| {
            let server = proxy.address();
            clients.spawn_local(async move {
                let mut client = Client::open(server, "/", &format!("{id:08}"), patience).await?;
                client.record(ACTIONS, patience).await?;
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(client)
            })
        })
        .collect();
    let mut report = Report::default();
    let trouble = async {
        for _ in 0..3 {
            sleep(Duration::from_millis(300)).await;
            proxy.link().cut();
            proxy.link().stall(true);
            sleep(Duration::from_millis(200)).await;
            proxy.link().stall(false);
            proxy.link().delay(Duration::from_millis(5));
            sleep(Duration::from_millis(200)).await;
            proxy.link().delay(Duration::ZERO);
        }
    };
    clients
        .run_until(async {
            trouble.await;
            for task in tasks {
                let client = task.await.unwrap().unwrap();
                let session = live.session(client.session()).await.unwrap();
                report.check(&client, &session.data().unwrap());
            }
        })
        .await;
    println!(
        "links: {report}; {} links cut within a chunk",
        proxy.link().cuts()
    );
    assert_eq!(report.answered + report.failed, CLIENTS * ACTIONS);
    assert!(
        proxy.link().cuts() > 0 && report.repeated > 0,
        "nothing was broken: {report}"
    );
    server.abort();
}
