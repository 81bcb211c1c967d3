//! One Redis server: started, killed, frozen, started again on the same port with what its disk has.

use std::{io, path::Path, process::Command};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::process::{Process, eventually, free_port};

/// How often another port is tried when somebody else took the one that was free.
const TRIES: usize = 5;

const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";
const CONFIGURATION: &str = "redis.conf";

/// What a server is started with.
#[derive(Clone, Debug, Default)]
pub struct RedisOptions {
    /// Whether each write is on disk before it is answered (`appendfsync always`), so that it survives a kill.
    pub durable: bool,
    /// The password that clients have to give.
    pub password: Option<String>,
    /// Whether clients have to use TLS, with a certificate that the server makes for itself.
    pub tls: bool,
    /// More of the server's command line.
    pub arguments: Vec<String>,
    /// Whether the command line is only for the first start: it goes into a file, which the server keeps up to date
    /// (`CONFIG REWRITE`, as sentinels ask for), so that it comes back in the role that it had.
    pub keeps_role: bool,
}

/// A running Redis server, or a stopped one with its folder and port.
pub struct RedisServer {
    folder: TempDir,
    port: u16,
    options: RedisOptions,
    process: Option<Process>,
}

impl RedisServer {
    /// Starts a server without persistence, and waits until it answers.
    ///
    /// # Errors
    ///
    /// When `redis-server` is not installed, or does not answer within a minute.
    ///
    /// # Cancel safety
    ///
    /// A dropped call ends what it started.
    pub async fn start() -> io::Result<Self> {
        Self::start_with(RedisOptions::default()).await
    }

    /// Starts a server, and waits until it answers.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    ///
    /// # Cancel safety
    ///
    /// A dropped call ends what it started.
    pub async fn start_with(options: RedisOptions) -> io::Result<Self> {
        let mut error = io::Error::other("no try");
        for _ in 0..TRIES {
            let folder = TempDir::new()?;
            if options.tls {
                make_certificate(folder.path())?;
            }
            let mut server = Self {
                folder,
                port: free_port()?,
                options: options.clone(),
                process: None,
            };
            match server.restart().await {
                Ok(()) => return Ok(server),
                Err(failed) => error = failed,
            }
        }
        Err(error)
    }

    /// Where it listens, on the loopback interface.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address, password included.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.options.tls { "rediss" } else { "redis" };
        match &self.options.password {
            Some(password) => format!("{scheme}://:{password}@localhost:{}", self.port),
            None => format!("{scheme}://localhost:{}", self.port),
        }
    }

    /// The certificate (PEM) that clients have to trust, when it uses TLS.
    ///
    /// # Errors
    ///
    /// When it uses none.
    pub fn certificate(&self) -> io::Result<Vec<u8>> {
        std::fs::read(self.folder.path().join(CERTIFICATE))
    }

    /// The end of what the server has said so far, for messages.
    #[must_use]
    pub fn last_words(&self) -> String {
        let log = std::fs::read(self.folder.path().join("output.log")).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(2_000)..]).into_owned()
    }

    /// Whether it was started, and neither killed nor asked to end since.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Kills the server (`SIGKILL`).
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Stops the server's process where it is (`SIGSTOP`): connections stay, nothing answers.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub fn freeze(&self) -> io::Result<()> {
        self.process()?.signal("STOP")
    }

    /// Lets a frozen server go on.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub fn thaw(&self) -> io::Result<()> {
        self.process()?.signal("CONT")
    }

    /// Asks the server to end (`SIGTERM`), and waits for it.
    ///
    /// # Errors
    ///
    /// When it does not end within a minute.
    ///
    /// # Cancel safety
    ///
    /// A dropped call kills the server.
    pub async fn terminate(&mut self) -> io::Result<()> {
        match self.process.take() {
            Some(process) => {
                process.signal("TERM")?;
                process.ended().await
            }
            None => Ok(()),
        }
    }

    /// Starts the server again, killing it first when it runs, on the same port and with its folder.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    ///
    /// # Cancel safety
    ///
    /// A dropped call leaves a server that may not answer yet.
    pub async fn restart(&mut self) -> io::Result<()> {
        self.kill();
        let arguments = if self.options.keeps_role {
            let file = self.folder.path().join(CONFIGURATION);
            if !file.exists() {
                std::fs::write(&file, configuration(&self.arguments()))?;
            }
            vec![CONFIGURATION.to_owned()]
        } else {
            self.arguments()
        };
        self.process = Some(Process::start("redis-server", self.folder.path(), &arguments)?);
        let (port, has_tls) = (self.port, self.options.tls);
        let mut command = vec!["PING"];
        let password = self.options.password.clone();
        if password.is_some() {
            // An answer is enough: the right to ask more is the clients' concern.
            command = vec!["ECHO", "PONG"];
        }
        eventually("a Redis server's answer", async || {
            if self.process.as_mut().is_none_or(Process::has_ended) {
                let log = std::fs::read_to_string(self.folder.path().join("output.log"));
                return Ok(match log {
                    Ok(log) if log.contains("Address already in use") => true,
                    Ok(log) => return Err(io::Error::other(log)),
                    Err(error) => return Err(error),
                });
            }
            if has_tls {
                // Whether it speaks TLS is for the clients to see; that it listens is enough.
                return TcpStream::connect(("127.0.0.1", port)).await.map(|_| true);
            }
            let answer = ask(port, &command).await?;
            Ok(answer.contains("PONG") || answer.starts_with("-NOAUTH"))
        })
        .await?;
        if self.process.as_mut().is_none_or(Process::has_ended) {
            return Err(io::Error::other(format!("the port {port} was taken")));
        }
        Ok(())
    }

    /// Sends a command as people write it in `redis-cli`, words apart; gives the answer's text as Redis sends it.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached. An error that it answers is an answer, beginning with `-`.
    ///
    /// # Cancel safety
    ///
    /// The command of a dropped call may run.
    pub async fn command(&self, command: &[&str]) -> io::Result<String> {
        ask(self.port, command).await
    }

    fn process(&self) -> io::Result<&Process> {
        let missing = || io::Error::other("the Redis server does not run");
        self.process.as_ref().ok_or_else(missing)
    }

    fn arguments(&self) -> Vec<String> {
        let port = self.port.to_string();
        let mut arguments = vec![
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--enable-debug-command",
            "yes",
        ];
        if self.options.tls {
            arguments.extend(["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no"]);
            arguments.extend(["--tls-cert-file", CERTIFICATE, "--tls-key-file", KEY]);
            arguments.extend(["--tls-ca-cert-file", CERTIFICATE]);
        } else {
            arguments.extend(["--port", &port]);
        }
        if self.options.durable {
            arguments.extend(["--appendonly", "yes", "--appendfsync", "always"]);
        }
        if let Some(password) = &self.options.password {
            arguments.extend(["--requirepass", password]);
        }
        let mut arguments: Vec<_> = arguments.into_iter().map(str::to_owned).collect();
        arguments.extend(self.options.arguments.iter().cloned());
        arguments
    }
}

/// What a command line says, as a file says it.
fn configuration(arguments: &[String]) -> String {
    let mut lines = String::new();
    for argument in arguments {
        match argument.strip_prefix("--") {
            Some(name) => lines.push_str(&format!("\n{name}")),
            None => lines.push_str(&format!(" \"{argument}\"")),
        }
    }
    lines
}

/// A certificate for `localhost` that signs itself.
fn make_certificate(folder: &Path) -> io::Result<()> {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ])
        .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args([
            "-addext",
            "subjectAltName=DNS:localhost",
            "-out",
            CERTIFICATE,
            "-keyout",
            KEY,
        ])
        // One that signs itself is an authority unless told, and authorities are not accepted as servers.
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .current_dir(folder)
        .output()?;
    if made.status.success() {
        Ok(())
    } else {
        let said = String::from_utf8_lossy(&made.stderr);
        Err(io::Error::other(format!("openssl made no certificate: {said}")))
    }
}

/// One command and its answer, on a connection of its own: a line, or the text that the line announces.
pub(crate) async fn ask(port: u16, command: &[&str]) -> io::Result<String> {
    let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", port)).await?);
    let mut request = format!("*{}\r\n", command.len());
    for word in command {
        request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    stream.write_all(request.as_bytes()).await?;
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let line = line.trim_end();
    match line.strip_prefix('$').map(str::parse::<usize>) {
        Some(Ok(length)) => {
            let mut text = vec![0; length];
            stream.read_exact(&mut text).await?;
            Ok(String::from_utf8_lossy(&text).into_owned())
        }
        _ => Ok(line.to_owned()),
    }
}
