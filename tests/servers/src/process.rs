//! A server's process, its folder, and waiting until it is ready.

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::time::{Instant, sleep};

/// How long a server may take to become ready or to end.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A child process that is killed when dropped.
pub(crate) struct Process(Child);

impl Process {
    /// Starts a program in a folder; what it says goes into a file there.
    pub(crate) fn start(program: &str, folder: &Path, arguments: &[String]) -> io::Result<Self> {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join("output.log"))?;
        let child = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{program} cannot be started: {error}")))?;
        Ok(Self(child))
    }

    /// Whether the process has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }

    /// Sends a signal, by the name that `kill` knows.
    pub(crate) fn signal(&self, name: &str) -> io::Result<()> {
        let status = Command::new("kill")
            .args([format!("-{name}"), self.0.id().to_string()])
            .status()?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other(format!("kill -{name} failed: {status}")))
        }
    }

    /// Waits until the process has ended, after it was asked to.
    pub(crate) async fn ended(mut self) -> io::Result<()> {
        eventually("the server's end", async || Ok(self.has_ended())).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; there is nobody to hear of any other error.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that is free now. Another process may take it before it is used: whoever starts a server on it tries again.
pub(crate) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Asks until the answer is yes; an error is a no that is shown when time is up.
pub(crate) async fn eventually(
    what: &str,
    mut is_so: impl AsyncFnMut() -> io::Result<bool>,
) -> io::Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        let last = match is_so().await {
            Ok(true) => return Ok(()),
            Ok(false) => String::from("not yet"),
            Err(error) => error.to_string(),
        };
        if Instant::now() > end {
            return Err(io::Error::other(format!("{what} took over {PATIENCE:?}: {last}")));
        }
        sleep(Duration::from_millis(10)).await;
    }
}
