//! A pool on loopback.

use crate::command::{Finished, Pollux};
use crate::daemon::{Daemon, DaemonError};
use crate::lan::Host;
use crate::ports::free_port;
use crate::programs::Programs;
use pollux_client::key_file;
use pollux_core::{Document, Envelope, KeyPair, PeerId, Policy, PoolFile, Seed};
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A pool in a directory of its own: keys, a seed, and nodes by name.
#[derive(Debug)]
pub struct Pool {
    /// The programs.
    pub programs: Programs,
    /// The directory for everything of this pool.
    pub directory: PathBuf,
    /// The first seed's port.
    pub seed_port: u16,
    /// The ports of all seeds.
    pub seed_ports: Vec<u16>,
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
    /// The host that it runs on, if not this machine's loopback.
    pub host: Option<Host>,
}

impl NodeOptions {
    fn address(&self) -> Ipv4Addr {
        self.host.as_ref().map_or(Ipv4Addr::LOCALHOST, |host| host.address)
    }

    fn command(&self, program: &Path) -> Command {
        self.host.as_ref().map_or_else(|| Command::new(program), |host| host.command(program))
    }
}

/// The first is `seed`, then `seed-1` and so on: the name of its directory, its key and its log.
fn seed_name(number: usize) -> String {
    if number == 0 { "seed".to_owned() } else { format!("seed-{number}") }
}

impl Pool {
    /// Makes the keys and the policy with `pollux pool init`.
    ///
    /// # Errors
    /// The command fails; the error carries what it said.
    pub fn init(programs: Programs, directory: &Path) -> io::Result<Self> {
        Self::init_at(programs, directory, Ipv4Addr::LOCALHOST)
    }

    /// The same, with a seed that is to run on a host of this address.
    ///
    /// # Errors
    /// Like [`Self::init`].
    pub fn init_at(programs: Programs, directory: &Path, address: Ipv4Addr) -> io::Result<Self> {
        let seed_port = free_port()?;
        let seed = format!("{address}:{seed_port}");
        let seed_ports = vec![seed_port];
        let pool = Self { programs, directory: directory.to_owned(), seed_port, seed_ports };
        let mut command = Command::new(&pool.programs.pollux);
        command.args(["pool", "init", "--seed", &seed]).arg(pool.keys());
        let made = Finished::of(&mut command)?;
        if made.status != Some(0) {
            return Err(io::Error::other(made.stderr));
        }
        Ok(pool)
    }

    /// The same, with so many seeds: the policy that `pool init` made is signed anew with all of them.
    ///
    /// # Errors
    /// Like [`Self::init`].
    pub fn with_seeds(programs: Programs, directory: &Path, seeds: usize) -> io::Result<Self> {
        let mut pool = Self::init(programs, directory)?;
        let root = key_file::read(&pool.keys().join("root.pem")).map_err(io::Error::other)?;
        let mut file =
            PoolFile::from_json(&fs::read_to_string(pool.pool_file())?).map_err(io::Error::other)?;
        let mut policy: Policy = file.policy.body().map_err(io::Error::other)?;
        for number in 1..seeds {
            let seed = pool.make_seed(number)?;
            policy.seeds.push(seed);
        }
        let seeds = u32::try_from(policy.seeds.len()).map_err(io::Error::other)?;
        policy.faulty = u32::from(seeds > 3);
        (policy.write, policy.read) = (seeds / 2 + 1, seeds / 2 + 1);
        policy.check().map_err(io::Error::other)?;
        file.policy = Envelope::sign(&policy, &root);
        fs::write(pool.pool_file(), file.to_json())?;
        Ok(pool)
    }

    fn make_seed(&mut self, number: usize) -> io::Result<Seed> {
        let mut secret = [0; 32];
        pollux_client::random::fill(&mut secret)?;
        let key = KeyPair::from_seed(secret);
        let path = self.keys().join(format!("{}.pem", seed_name(number)));
        key_file::write_new(&path, &key).map_err(io::Error::other)?;
        let port = free_port()?;
        self.seed_ports.push(port);
        Ok(Seed { peer: PeerId::new(key.public()), addresses: vec![format!("127.0.0.1:{port}")] })
    }

    /// Room for one more seed, which is to join a pool that runs: where its key goes (`pollux pool add-seed --make-key`), and
    /// the address that it will have. Its number is that of the seeds before.
    ///
    /// # Errors
    /// There is no free port.
    pub fn further_seed(&mut self) -> io::Result<(PathBuf, String)> {
        let (name, port) = (seed_name(self.seed_ports.len()), free_port()?);
        self.seed_ports.push(port);
        // It must not begin as one of a new pool does: it has to merge what the others keep.
        fs::write(self.started(&name), "")?;
        Ok((self.keys().join(format!("{name}.pem")), format!("127.0.0.1:{port}")))
    }

    fn started(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.started"))
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
        self.start_seed("seed", self.seed_port, options)
    }

    /// Starts (or starts again) one of the seeds of [`Self::with_seeds`], by its number.
    ///
    /// # Errors
    /// It does not get ready, or there is none of this number.
    pub fn nth_seed(&self, number: usize, options: &NodeOptions) -> Result<Daemon, DaemonError> {
        let none = || io::Error::other(format!("no seed {number}"));
        let port = *self.seed_ports.get(number).ok_or_else(none)?;
        self.start_seed(&seed_name(number), port, options)
    }

    /// Its very first start is one with an empty store; later it has a marker, or has lost it.
    fn start_seed(&self, name: &str, port: u16, options: &NodeOptions) -> Result<Daemon, DaemonError> {
        let mut command = self.daemon(name, options);
        command.args(["--role", "seed", "--identity"]).arg(self.keys().join(format!("{name}.pem")));
        command.arg("--listen").arg(format!("{}:{port}", options.address()));
        let started = self.started(name);
        if !started.exists() {
            command.arg("--init-empty");
        }
        let daemon = Daemon::start(&mut command, &self.log(name))?;
        fs::write(started, "")?;
        Ok(daemon)
    }

    /// The operator of a seed that has lost its disk accepts that: it signs again once it is started.
    ///
    /// # Errors
    /// The program cannot be run, or refuses.
    pub fn accept_loss(&self, number: usize) -> io::Result<()> {
        let (name, options) = (seed_name(number), NodeOptions::default());
        let mut command = self.daemon(&name, &options);
        command.args(["--role", "seed", "--identity"]).arg(self.keys().join(format!("{name}.pem")));
        let done = command.args(["seed", "recover", "--accept-loss"]).output()?;
        let words = || io::Error::other(String::from_utf8_lossy(&done.stderr).into_owned());
        if done.status.success() { Ok(()) } else { Err(words()) }
    }

    /// Starts (or starts again) a node.
    ///
    /// # Errors
    /// It does not get ready.
    pub fn node(&self, name: &str, options: &NodeOptions) -> Result<Daemon, DaemonError> {
        let mut command = self.daemon(name, options);
        command.arg("--listen").arg(format!("{}:0", options.address()));
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
        let mut command = options.command(&self.programs.node);
        command.arg("--pool").arg(pool_file).arg("--runtime").arg(own.join("run")).arg("--store").arg(store);
        command.args(&options.flags);
        if !options.flags.iter().any(|flag| flag == "--store-free-bytes-min") {
            command.args(["--store-free-bytes-min", "0"]);
        }
        if !options.flags.iter().any(|flag| flag == "--log") {
            command.args(["--log", "info"]);
        }
        command
    }
}
