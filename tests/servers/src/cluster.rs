//! A Redis Cluster: three masters, each with a replica.

use std::{io, process::Command};

use crate::{
    process::{eventually, free_port},
    redis::{RedisOptions, RedisServer},
};

/// Six servers that hold a third of the slots each, twice.
pub struct RedisCluster {
    servers: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts the servers, joins them into a cluster, and waits until each knows that all slots are served.
    ///
    /// # Errors
    ///
    /// When `redis-server` or `redis-cli` is not installed, or the cluster is not ready within a minute.
    ///
    /// # Cancel safety
    ///
    /// A dropped call ends what it started.
    pub async fn start() -> io::Result<Self> {
        let mut servers = Vec::new();
        for _ in 0..6 {
            // The nodes' own port is the clients' plus 10 000 unless told, which may be none.
            let arguments = [
                "--cluster-enabled",
                "yes",
                "--cluster-port",
                &free_port()?.to_string(),
                "--cluster-node-timeout",
                "1000",
                "--repl-diskless-sync-delay",
                "0",
            ];
            let options = RedisOptions {
                arguments: arguments.map(str::to_owned).to_vec(),
                ..RedisOptions::default()
            };
            servers.push(RedisServer::start_with(options).await?);
        }
        let cluster = Self { servers };
        let addresses = cluster
            .servers
            .iter()
            .map(|server| format!("127.0.0.1:{}", server.port()));
        let mut joining = Command::new("redis-cli");
        joining.args(["--cluster", "create"]).args(addresses).args([
            "--cluster-replicas",
            "1",
            "--cluster-yes",
        ]);
        let joined = tokio::task::spawn_blocking(move || joining.output()).await??;
        if !joined.status.success() {
            let said = String::from_utf8_lossy(&joined.stdout);
            return Err(io::Error::other(format!("the cluster was not made: {said}")));
        }
        cluster.is_ready().await?;
        Ok(cluster)
    }

    /// The address of the cluster: of all its servers.
    #[must_use]
    pub fn url(&self) -> String {
        let (first, others) = self.servers.split_first().expect("a cluster has six servers");
        let others: Vec<_> = others
            .iter()
            .map(|server| format!("node=127.0.0.1:{}", server.port()))
            .collect();
        format!("redis-cluster://127.0.0.1:{}?{}", first.port(), others.join("&"))
    }

    /// The servers, to break them.
    pub fn servers_mut(&mut self) -> &mut [RedisServer] {
        &mut self.servers
    }

    /// The servers.
    #[must_use]
    pub fn servers(&self) -> &[RedisServer] {
        &self.servers
    }

    /// Which of the servers, by their place, are masters now, as far as they know and answer.
    ///
    /// # Errors
    ///
    /// None so far: a server that does not answer is no master.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it changes nothing.
    pub async fn masters(&self) -> io::Result<Vec<usize>> {
        let mut masters = Vec::new();
        for (place, server) in self.servers.iter().enumerate() {
            let role = server.command(&["INFO", "replication"]).await;
            if role.is_ok_and(|role| role.contains("role:master")) {
                masters.push(place);
            }
        }
        Ok(masters)
    }

    /// Waits until each server that runs says that all slots are served, and that it is connected to its master.
    ///
    /// # Errors
    ///
    /// When that takes over a minute.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it changes nothing.
    pub async fn is_ready(&self) -> io::Result<()> {
        for server in &self.servers {
            eventually("the cluster's state", async || {
                let state = server.command(&["CLUSTER", "INFO"]).await?;
                let replication = server.command(&["INFO", "replication"]).await?;
                Ok(state.contains("cluster_state:ok") && !replication.contains("master_link_status:down"))
            })
            .await?;
        }
        Ok(())
    }
}
