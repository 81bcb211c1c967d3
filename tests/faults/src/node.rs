//! One process of the application: started, killed, ended gently, started again on the same port.

use std::{
    io::{self, BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use tokio::{task::spawn_blocking, time::timeout};

/// How long a process may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a node is started with.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// The program: `env!("CARGO_BIN_EXE_node")`.
    pub program: PathBuf,
    /// Where sessions are kept; see the program.
    pub store: String,
    /// More of the program's environment.
    pub environment: Vec<(String, String)>,
}

/// A running process of the application. It is killed when dropped.
pub struct Node {
    options: NodeOptions,
    address: SocketAddr,
    process: Option<Child>,
}

impl Node {
    /// Starts a node on a free port, and waits until it listens.
    ///
    /// # Errors
    ///
    /// When the program cannot be started, or ends before it listens; what it printed is on this process' stderr.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped leaves a process until its start is over.
    pub async fn start(options: NodeOptions) -> io::Result<Node> {
        let (process, address) = launch(options.clone(), 0).await?;
        Ok(Node {
            options,
            address,
            process: Some(process),
        })
    }

    /// Where it listens, and will listen again after a restart.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether the process runs, as far as this handle started and ended it.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Changes the options of the next start.
    pub fn options_mut(&mut self) -> &mut NodeOptions {
        &mut self.options
    }

    /// Kills the process (`SIGKILL`), whatever it is doing.
    ///
    /// # Errors
    ///
    /// When the operating system refuses.
    pub fn kill(&mut self) -> io::Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
            process.wait()?;
        }
        Ok(())
    }

    /// Asks the process to end (`SIGTERM`) and waits for it.
    ///
    /// # Errors
    ///
    /// When it does not end within a minute (it is killed then), or cannot be asked.
    pub async fn terminate(&mut self) -> io::Result<Option<ExitStatus>> {
        let Some(mut process) = self.process.take() else {
            return Ok(None);
        };
        let asked = Command::new("kill")
            .args(["-TERM", &process.id().to_string()])
            .status()?;
        if !asked.success() {
            process.kill()?;
            return Err(io::Error::other(format!("kill -TERM failed: {asked}")));
        }
        let ended = async {
            loop {
                if let Some(status) = process.try_wait()? {
                    return Ok(Some(status));
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        match timeout(PATIENCE, ended).await {
            Ok(status) => status,
            Err(_) => {
                process.kill()?;
                process.wait()?;
                Err(io::Error::other(
                    "the node did not end within a minute of SIGTERM",
                ))
            }
        }
    }

    /// Starts the process again, on the same port.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    ///
    /// # Cancel safety
    ///
    /// As [`start`](Self::start).
    pub async fn restart(&mut self) -> io::Result<()> {
        self.kill()?;
        let (process, _) = launch(self.options.clone(), self.address.port()).await?;
        self.process = Some(process);
        Ok(())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Nobody is left to hear of an error; the process is a child and ends with the tests in any case.
        let _ = self.kill();
    }
}

async fn launch(options: NodeOptions, port: u16) -> io::Result<(Child, SocketAddr)> {
    let starting = spawn_blocking(move || {
        let mut process = Command::new(&options.program)
            .env("PORT", port.to_string())
            .env("STORE", &options.store)
            .envs(options.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().expect("its output is a pipe");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        // Some print a whole address, for people to open.
        match line.trim().trim_start_matches("http://").parse() {
            Ok(address) => Ok((process, address)),
            Err(_) => {
                let status = process.wait()?;
                Err(io::Error::other(format!(
                    "a node ended before it listened: {status}"
                )))
            }
        }
    });
    match timeout(PATIENCE, starting).await {
        Ok(joined) => joined?,
        Err(_) => Err(io::Error::other("a node did not listen within a minute")),
    }
}
