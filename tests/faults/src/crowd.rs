//! Many clients at once, and the trouble that they are in meanwhile.

use std::{env, net::SocketAddr, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use statetemplate_axum::StateTemplate;
use tokio_util::sync::CancellationToken;

use crate::{Client, Failure, Patience, Report, journal::Journal};

/// So many clients that each carry out so many actions.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// How many clients.
    pub clients: u64,
    /// How many actions each.
    pub actions: u64,
    /// How long a client pauses between two actions, at most.
    pub pause: Duration,
    /// How long all of it may take before clients give up.
    pub limit: Duration,
}

impl Crowd {
    /// 200 clients with 200 actions each, within five minutes; ten times the actions and the time when the environment says
    /// `FAULTS=long`.
    #[must_use]
    pub fn usual() -> Crowd {
        let times = if env::var("FAULTS").is_ok_and(|run| run == "long") {
            10
        } else {
            1
        };
        Crowd {
            clients: 200,
            actions: 200 * u64::from(times),
            pause: Duration::from_millis(20),
            limit: Duration::from_secs(300) * times,
        }
    }

    /// Lets the clients carry out their actions at `server`, while `trouble` goes on. `trouble` is told when they are done,
    /// and repairs what it broke before it ends.
    ///
    /// # Errors
    ///
    /// When a client gives up, loses its session or receives what it cannot apply, or when the trouble itself fails.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped leaves the sessions behind, and broken what is broken.
    pub async fn run(
        self,
        server: SocketAddr,
        trouble: impl AsyncFnOnce(CancellationToken) -> Result<(), Failure>,
    ) -> Result<Vec<Client>, Failure> {
        let patience = Patience {
            pause: self.pause,
            ..Patience::of(self.limit)
        };
        let done = CancellationToken::new();
        let acting = async {
            let _done = done.clone().drop_guard();
            let mut running: FuturesUnordered<_> = (0..self.clients)
                .map(|id| async move {
                    let mut client = Client::open(server, "/", &format!("{id:08}"), patience).await?;
                    client.record(self.actions, patience).await?;
                    Ok::<_, Failure>(client)
                })
                .collect();
            let mut clients = Vec::new();
            while let Some(client) = running.next().await {
                clients.push(client?);
            }
            Ok(clients)
        };
        let (clients, ()) = tokio::try_join!(acting, trouble(done.clone()))?;
        Ok(clients)
    }

    /// Checks each client against what `live`, an application on the same store, finds there; see [`Report::check`].
    ///
    /// # Errors
    ///
    /// When a session cannot be read.
    ///
    /// # Panics
    ///
    /// When anything was lost, happened twice or in another order, or when a page does not show it.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it changes nothing.
    pub async fn check(
        self,
        clients: &[Client],
        live: &StateTemplate,
    ) -> Result<Report, statetemplate_axum::live::Error> {
        let mut report = Report::default();
        for client in clients {
            let session = live.session::<Journal>(client.session()).await?;
            report.check(client, &session.data()?);
        }
        assert_eq!(report.clients, self.clients);
        assert_eq!(
            report.answered + report.failed,
            self.clients * self.actions,
            "each action was answered, or failed"
        );
        Ok(report)
    }
}
