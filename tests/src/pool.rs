//! A pool on loopback.

use crate::command::{Finished, Pollux};
use crate::daemon::{Daemon, DaemonError};
use crate::programs::Programs;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A pool in a directory of its own: keys, a seed, and nodes by name.
#[derive(Debug)]
pub struct Pool {
    /// The programs.
    pub programs: Programs,
    /// The directory for everything of this pool.
    pub directory: PathBuf,
    /// The seed's port.
    pub seed_port: u16,
}

/// How a node differs from the usual one.
#[derive(Clone, Debug, Default)]
pub struct NodeOptions {
    /// More flags.
    pub flags: Vec<String>,
    /// The directory of its store, if not its own.
    pub store: Option<PathBuf>,
    /// The pool file, if not the pool's.
    pub pool_file: Option<PathBuf>,
}

/// A port on loopback that is free now.
///
/// # Errors
/// The system has none.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

impl Pool {
    /// Makes the keys and the policy with `pollux pool init`.
    ///
    /// # Errors
    /// The command fails; the error carries what it said.
    pub fn init(programs: Programs, directory: &Path) -> io::Result<Self> {
        let seed_port = free_port()?;
        let seed = format!("127.0.0.1:{seed_port}");
        let pool = Self { programs, directory: directory.to_owned(), seed_port };
        let mut command = Command::new(&pool.programs.pollux);
        command.args(["pool", "init", "--seed", &seed]).arg(pool.keys());
        let made = Finished::of(&mut command)?;
        if made.status != Some(0) {
            return Err(io::Error::other(made.stderr));
        }
        Ok(pool)
    }

    /// The directory that `pool init` filled.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.directory.join("pool")
    }

    /// The publisher's key.
    #[must_use]
    pub fn publisher(&self) -> PathBuf {
        self.keys().join("publisher.pem")
    }

    /// The pool file.
    #[must_use]
    pub fn pool_file(&self) -> PathBuf {
        self.keys().join("pool.json")
    }

    /// Starts (or starts again) the seed.
    ///
    /// # Errors
    /// It does not get ready.
    pub fn seed(&self, options: &NodeOptions) -> Result<Daemon, DaemonError> {
        let mut command = self.daemon("seed", options);
        command.args(["--role", "seed", "--identity"]).arg(self.keys().join("seed.pem"));
        command.arg("--listen").arg(format!("127.0.0.1:{}", self.seed_port));
        Daemon::start(&mut command, &self.log("seed"))
    }

    /// Starts (or starts again) a node.
    ///
    /// # Errors
    /// It does not get ready.
    pub fn node(&self, name: &str, options: &NodeOptions) -> Result<Daemon, DaemonError> {
        let mut command = self.daemon(name, options);
        command.args(["--listen", "127.0.0.1:0"]);
        Daemon::start(&mut command, &self.log(name))
    }

    /// The command of a daemon's jobs.
    #[must_use]
    pub fn pollux(&self, daemon: &Daemon) -> Pollux {
        Pollux { program: self.programs.pollux.clone(), socket: daemon.socket.clone() }
    }

    fn log(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.log"))
    }

    fn daemon(&self, name: &str, options: &NodeOptions) -> Command {
        let own = self.directory.join(name);
        let store = options.store.clone().unwrap_or_else(|| own.join("store"));
        let pool_file = options.pool_file.clone().unwrap_or_else(|| self.pool_file());
        let mut command = Command::new(&self.programs.node);
        command.arg("--pool").arg(pool_file).arg("--runtime").arg(own.join("run")).arg("--store").arg(store);
        command.args(["--store-free-bytes-min", "0", "--log", "info"]).args(&options.flags);
        command
    }
}
