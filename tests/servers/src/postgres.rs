//! A PostgreSQL server of a test's own.

use std::{
    env, fs, io,
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep},
};

const PASSWORD: &str = "a-password-that-no-error-may-show";
/// How long a server may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server with an empty database. It is killed when dropped.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    folder: TempDir,
    /// PostgreSQL refuses to run as root, and runs as this user then.
    user: Option<(u32, u32)>,
    port: u16,
    process: Option<Child>,
}

impl Postgres {
    /// Makes a database in a temporary folder, and starts a server on a free port for it.
    ///
    /// # Errors
    ///
    /// When PostgreSQL is not installed, or does not start; the error has what it wrote to its log.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped leaves nothing.
    pub async fn start() -> io::Result<Postgres> {
        let folder = tempfile::Builder::new().prefix("postgres-").tempdir()?;
        // The folder belongs to whoever runs this.
        let user = match fs::metadata(folder.path())?.uid() {
            0 => Some(unprivileged_user()?),
            _ => None,
        };
        let mut server = Postgres {
            programs: programs()?,
            folder,
            user,
            port: 0,
            process: None,
        };
        fs::write(server.password_file(), PASSWORD)?;
        if let Some((uid, gid)) = user {
            chown(server.folder.path(), Some(uid), Some(gid))?;
            chown(server.password_file(), Some(uid), Some(gid))?;
        }
        let made = server
            .command("initdb")
            .arg("-D")
            .arg(server.data())
            .args([
                "--username=tester",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ])
            .arg("--pwfile")
            .arg(server.password_file())
            .output()
            .await?;
        if !made.status.success() {
            return Err(io::Error::other(format!(
                "initdb failed: {}",
                String::from_utf8_lossy(&made.stderr)
            )));
        }
        // Somebody else may take a free port before the server does.
        for _ in 0..5 {
            server.port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
            if server.restart().await.is_ok() {
                return Ok(server);
            }
        }
        server.restart().await?;
        Ok(server)
    }

    /// The address of its database, as stores take it.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at(self.port)
    }

    /// The address of its database behind another port, such as a proxy's.
    #[must_use]
    pub fn url_at(&self, port: u16) -> String {
        format!("postgres://tester:{PASSWORD}@127.0.0.1:{port}/postgres")
    }

    /// The address of an empty schema in its database, which this makes.
    ///
    /// # Errors
    ///
    /// As [`sql`](Self::sql).
    ///
    /// # Cancel safety
    ///
    /// As [`sql`](Self::sql).
    pub async fn schema(&self, name: &str) -> io::Result<String> {
        self.sql(&format!("CREATE SCHEMA {name}")).await?;
        Ok(format!("{}?options[search_path]={name}", self.url()))
    }

    /// The port on the loopback interface.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The password in its address, which no message may show.
    #[must_use]
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// Runs statements in its database, and returns what they answer, a line for each row.
    ///
    /// # Errors
    ///
    /// When a statement fails.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has run its statements or not.
    pub async fn sql(&self, statements: &str) -> io::Result<String> {
        let done = self
            .command("psql")
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d"])
            .arg(self.url())
            .args(["-c", statements])
            .output()
            .await?;
        if !done.status.success() {
            return Err(io::Error::other(format!(
                "{statements}: {}",
                String::from_utf8_lossy(&done.stderr)
            )));
        }
        Ok(String::from_utf8_lossy(&done.stdout).trim_end().to_owned())
    }

    /// Ends the server, as an administrator does for a restart: it drops its connections.
    ///
    /// # Errors
    ///
    /// When it does not end within a minute.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has asked the server to end.
    pub async fn stop(&mut self) -> io::Result<()> {
        self.end("INT").await
    }

    /// Kills the server (`SIGKILL`), whatever it is doing.
    ///
    /// # Errors
    ///
    /// When the operating system refuses.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has killed the server.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.end("KILL").await
    }

    /// Starts the server again on the same port, and waits until it answers.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped leaves a server that may not answer yet.
    pub async fn restart(&mut self) -> io::Result<()> {
        self.stop().await?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let error = match self.launch(deadline).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            // The children of a server that was killed end a moment after it, and it refuses to start until then.
            if Instant::now() > deadline || !error.to_string().contains("still in use") {
                return Err(error);
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn launch(&mut self, deadline: Instant) -> io::Result<()> {
        let log = self.folder.path().join("log");
        let output = fs::File::create(&log)?;
        let failed = |what: &str| {
            let written = fs::read_to_string(&log).unwrap_or_default();
            io::Error::other(format!("{what}: {written}"))
        };
        let process = self
            .command("postgres")
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port.to_string(), "-h", "127.0.0.1"])
            // No socket in a folder that may be somebody else's; no waiting for the disk, since no test cuts the power.
            .args(["-c", "unix_socket_directories=", "-c", "fsync=off"])
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        let process = self.process.insert(process);
        loop {
            if let Some(status) = process.try_wait()? {
                self.process = None;
                return Err(failed(&format!("postgres ended with {status}")));
            }
            let ready = Command::new(self.programs.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status()
                .await?;
            if ready.success() {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(failed("postgres did not answer within a minute"));
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn end(&mut self, signal: &str) -> io::Result<()> {
        let Some(mut process) = self.process.take() else {
            return Ok(());
        };
        if let Some(id) = process.id() {
            Command::new("kill")
                .args(["-s", signal, &id.to_string()])
                .status()
                .await?;
        }
        tokio::time::timeout(PATIENCE, process.wait())
            .await
            .map_err(|_| io::Error::other(format!("postgres did not end within a minute of SIG{signal}")))?
            .map(drop)
    }

    /// One of PostgreSQL's programs, as the user that it may run as.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command
            .current_dir(self.folder.path())
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn password_file(&self) -> PathBuf {
        self.folder.path().join("password")
    }
}

/// The folder with PostgreSQL's programs: that of `postgres` in `PATH`, or the newest that Debian's packages made.
fn programs() -> io::Result<PathBuf> {
    let has_all = |folder: &Path| {
        ["initdb", "postgres", "psql", "pg_isready"]
            .iter()
            .all(|program| folder.join(program).is_file())
    };
    let path = env::var_os("PATH").unwrap_or_default();
    let in_path = env::split_paths(&path).filter(|folder| folder.join("postgres").is_file());
    // What is in PATH may be links to single programs: the others are beside what they link to.
    let linked = in_path.filter_map(|folder| {
        fs::canonicalize(folder.join("postgres"))
            .ok()?
            .parent()
            .map(Path::to_owned)
    });
    let mut installed: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    installed.sort_unstable_by(|one, other| other.cmp(one));
    linked
        .chain(installed.into_iter().map(|(_, folder)| folder))
        .find(|folder| has_all(folder))
        .ok_or_else(|| io::Error::other("PostgreSQL is not installed: it is Debian's package postgresql"))
}

/// A user that root may run a server as: `postgres`, which the package makes, or `nobody`.
fn unprivileged_user() -> io::Result<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd")?;
    let find = |name: &str| {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            if fields.next()? != name {
                return None;
            }
            Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
        })
    };
    find("postgres").or_else(|| find("nobody")).ok_or_else(|| {
        io::Error::other("PostgreSQL does not run as root, and there is neither postgres nor nobody")
    })
}
