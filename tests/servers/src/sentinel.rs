//! A Redis master with two replicas, watched by three sentinels.

use std::{fs, io};

use tempfile::TempDir;

use crate::{
    process::{Process, eventually, free_port},
    redis::{RedisOptions, RedisServer, ask},
};

/// The name that the sentinels know the master by.
const NAME: &str = "main";

/// Three servers, of which one is the master, and the sentinels that choose another one when it fails.
///
/// Everybody finds a server at its *announced* port: its own, or that of a proxy before it.
pub struct RedisSentinel {
    servers: Vec<RedisServer>,
    announced: Vec<u16>,
    sentinels: Vec<Sentinel>,
}

struct Sentinel {
    port: u16,
    // Before the folder, so that it ends before its folder goes.
    _process: Process,
    _folder: TempDir,
}

impl RedisSentinel {
    /// Starts everything, and waits until the replicas follow the master and the sentinels know each other.
    ///
    /// # Errors
    ///
    /// When `redis-server` or `redis-sentinel` is not installed, or this takes over a minute.
    ///
    /// # Cancel safety
    ///
    /// A dropped call ends what it started.
    pub async fn start() -> io::Result<Self> {
        Self::start_with([None; 3], |_, _| ()).await
    }

    /// Like [`start`](Self::start), with the servers behind proxies at these ports: clients, sentinels and the servers
    /// themselves connect through them. `pass_on` is told of each server, by its index and its own port, when it runs.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start).
    ///
    /// # Cancel safety
    ///
    /// A dropped call ends what it started.
    pub async fn start_behind(ports: [u16; 3], pass_on: impl FnMut(usize, u16)) -> io::Result<Self> {
        Self::start_with(ports.map(Some), pass_on).await
    }

    async fn start_with(ports: [Option<u16>; 3], mut pass_on: impl FnMut(usize, u16)) -> io::Result<Self> {
        // Each write is on disk before it is answered, so that what a killed server had is there when it comes back.
        let durable = RedisOptions {
            durable: true,
            keeps_role: true,
            ..RedisOptions::default()
        };
        let (mut servers, mut announced) = (Vec::new(), Vec::new());
        for (index, port) in ports.into_iter().enumerate() {
            // A replica whose network stalls while it connects notices in seconds, and not in a minute.
            let mut arguments: Vec<String> = [
                "--repl-diskless-sync-delay",
                "0",
                "--repl-timeout",
                "5",
                "--repl-ping-replica-period",
                "1",
            ]
            .map(str::to_owned)
            .to_vec();
            if let Some(port) = port {
                arguments.extend(["--replica-announce-port".to_owned(), port.to_string()]);
            }
            if let Some(master) = announced.first() {
                arguments.extend([
                    "--replicaof".to_owned(),
                    "127.0.0.1".to_owned(),
                    format!("{master}"),
                ]);
            }
            let options = RedisOptions {
                arguments,
                ..durable.clone()
            };
            let server = RedisServer::start_with(options).await?;
            pass_on(index, server.port());
            announced.push(port.unwrap_or(server.port()));
            servers.push(server);
        }
        for server in &servers[1..] {
            eventually("the replicas' first copy", async || {
                let state = server.command(&["INFO", "replication"]).await?;
                Ok(state.contains("master_link_status:up"))
            })
            .await?;
        }
        let mut sentinels = Vec::new();
        for _ in 0..3 {
            sentinels.push(Sentinel::start(announced[0])?);
        }
        for sentinel in &sentinels {
            eventually("the sentinels' agreement", async || {
                let state = ask(sentinel.port, &["INFO", "sentinel"]).await?;
                Ok(state.contains("slaves=2,sentinels=3"))
            })
            .await?;
        }
        Ok(Self {
            servers,
            announced,
            sentinels,
        })
    }

    /// The address: of all sentinels, and the name of the master.
    #[must_use]
    pub fn url(&self) -> String {
        let (first, others) = self.sentinels.split_first().expect("there are three sentinels");
        let others: String = others
            .iter()
            .map(|sentinel| format!("&node=127.0.0.1:{}", sentinel.port))
            .collect();
        format!(
            "redis-sentinel://127.0.0.1:{}?sentinelServiceName={NAME}{others}",
            first.port
        )
    }

    /// The servers, to break them; the first one was the first master.
    pub fn servers_mut(&mut self) -> &mut [RedisServer] {
        &mut self.servers
    }

    /// The index of the server that the sentinels take for the master.
    ///
    /// # Errors
    ///
    /// When the sentinels cannot be reached.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it changes nothing.
    pub async fn master(&self) -> io::Result<usize> {
        let state = ask(self.sentinels[0].port, &["INFO", "sentinel"]).await?;
        let port = state
            .split("address=127.0.0.1:")
            .nth(1)
            .and_then(|rest| rest.split(',').next())
            .and_then(|port| port.parse().ok());
        self.announced
            .iter()
            .position(|announced| port == Some(*announced))
            .ok_or_else(|| io::Error::other(format!("the sentinel names no master: {state}")))
    }

    /// Kills the master, and waits until all sentinels name another one that takes writes.
    ///
    /// # Errors
    ///
    /// When that takes over a minute.
    ///
    /// # Cancel safety
    ///
    /// A dropped call may have killed the master.
    pub async fn fail_over(&mut self) -> io::Result<()> {
        let old = self.master().await?;
        self.servers[old].kill();
        eventually("the sentinels' choice", async || {
            let new = self.master().await?;
            let role = self.servers[new].command(&["INFO", "replication"]).await?;
            Ok(new != old && role.contains("role:master"))
        })
        .await
    }

    /// Starts the servers that were killed again, and waits until each follows the master that the sentinels name.
    ///
    /// # Errors
    ///
    /// When a server does not start, or this takes over a minute.
    ///
    /// # Cancel safety
    ///
    /// A dropped call may have started servers.
    pub async fn bring_back(&mut self) -> io::Result<()> {
        let mut restarted = Vec::new();
        for (index, server) in self.servers.iter_mut().enumerate() {
            if !server.is_running() {
                server.restart().await?;
                restarted.push(index);
            }
        }
        eventually("replicas that follow the master", async || {
            let master = self.master().await?;
            for (index, server) in self.servers.iter().enumerate() {
                let state = server.command(&["INFO", "replication"]).await?;
                if index != master && restarted.contains(&index) && state.contains("role:master") {
                    // It was the master before it died. The sentinels tell it within ten seconds.
                    let port = self.announced[master].to_string();
                    server.command(&["REPLICAOF", "127.0.0.1", &port]).await?;
                }
                let is_well = if index == master {
                    state.contains("role:master") && state.contains("connected_slaves:2")
                } else {
                    let follows = format!("master_port:{}\r", self.announced[master]);
                    state.contains(&follows) && state.contains("master_link_status:up")
                };
                if !is_well {
                    let message = format!(
                        "server {index} (announced ports {:?}, master {master}) says {state}, and before {}",
                        self.announced,
                        server.last_words()
                    );
                    return Err(io::Error::other(message));
                }
            }
            Ok(true)
        })
        .await
    }
}

impl Sentinel {
    fn start(master: u16) -> io::Result<Self> {
        let (folder, port) = (TempDir::new()?, free_port()?);
        let file = folder.path().join("sentinel.conf");
        // The program writes what it learns into its configuration.
        let configuration = format!(
            "port {port}\nbind 127.0.0.1\nsentinel monitor {NAME} 127.0.0.1 {master} 2\n\
             sentinel down-after-milliseconds {NAME} 500\nsentinel failover-timeout {NAME} 3000\n"
        );
        fs::write(&file, configuration)?;
        let arguments = [file.display().to_string()];
        let process = Process::start("redis-sentinel", folder.path(), &arguments)?;
        Ok(Self {
            port,
            _process: process,
            _folder: folder,
        })
    }
}
