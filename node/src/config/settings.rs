//! What is in force, after flags, environment, file and defaults.

use super::file::{ConfigError, ConfigFile, LimitsSection, LogFormat};
use super::values::{parse_address, parse_bytes};
use clap::Args;
use pollux_client::protocol::Place;
use pollux_core::limits::CHUNK_BYTES_AVERAGE;
use pollux_core::{Pattern, PeerRole, Zone};
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

/// The port of a node: unassigned, and easy to remember beside the socket.
const PORT: u16 = 4480;
/// Left free for the job, whatever the store would like.
const FREE_BYTES_MIN: u64 = 2 * 1024 * 1024 * 1024;
/// Each manifest that the node knows is held against each of them.
const PINS_MAX: usize = 64;

/// Niceness of a node's threads: where a job wants every core, it has three parts of four, and the node still answers it.
const NODE_NICE: u8 = 5;

/// Flags and environment variables over the file.
#[derive(Clone, Debug, Default, Args)]
pub struct Overrides {
    /// Run as `node` or as `seed`
    #[arg(long, env = "POLLUX_NODE_ROLE", value_parser = parse_role)]
    pub role: Option<PeerRole>,
    /// The pool file
    #[arg(long, env = "POLLUX_NODE_POOL", value_name = "FILE")]
    pub pool: Option<PathBuf>,
    /// Listen here for peers, ADDRESS:PORT; port 0 takes a free one
    #[arg(long, env = "POLLUX_NODE_LISTEN", value_name = "ADDRESS", value_delimiter = ',', value_parser = parse_address)]
    pub listen: Option<Vec<SocketAddr>>,
    /// The identity key, or `credential:NAME` of the service manager's; a node without one makes it in the runtime directory
    #[arg(long, env = "POLLUX_NODE_IDENTITY", value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// The membership that `pollux pool admit` made for this node, where no token admits
    #[arg(long, env = "POLLUX_NODE_MEMBERSHIP", value_name = "FILE")]
    pub membership: Option<PathBuf>,
    /// The directory for the identity and the socket
    #[arg(long, env = "POLLUX_NODE_RUNTIME", value_name = "DIR")]
    pub runtime: Option<PathBuf>,
    /// Where this instance is: peers of one zone prefer each other [default: as the policy places its address]
    #[arg(long, env = "POLLUX_NODE_ZONE", value_name = "NAME")]
    pub zone: Option<Zone>,
    /// The socket for jobs
    #[arg(long, env = "POLLUX_NODE_SOCKET", value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// The directory of the chunk store
    #[arg(long, env = "POLLUX_NODE_STORE", value_name = "DIR", global = true)]
    pub store: Option<PathBuf>,
    /// Bytes that the store holds at most [default: a tenth of its file system]
    #[arg(long, env = "POLLUX_NODE_STORE_BYTES_MAX", value_name = "BYTES", value_parser = parse_bytes)]
    pub store_bytes_max: Option<u64>,
    /// Bytes that the store leaves free on its file system
    #[arg(long, env = "POLLUX_NODE_STORE_FREE_BYTES_MIN", value_name = "BYTES", value_parser = parse_bytes)]
    pub store_free_bytes_min: Option<u64>,
    /// Never evict the newest cache of this key, or of the keys that this pattern covers, though a job's disk runs full. A few:
    /// their lists of files are read each time before anything else is given back
    #[arg(long = "pin", env = "POLLUX_NODE_PINS", value_name = "PATTERN", value_delimiter = ',')]
    pub pins: Option<Vec<Pattern>>,
    /// Serve /metrics, /livez and /readyz here over plain HTTP, ADDRESS:PORT; port 0 takes a free one [default: nowhere]
    #[arg(long, env = "POLLUX_NODE_METRICS", value_name = "ADDRESS", value_parser = parse_address)]
    pub metrics: Option<SocketAddr>,
    /// Bytes of chunks that peers get each second at most; 0: peers get nothing, and seeds what jobs publish
    #[arg(long, env = "POLLUX_NODE_UPLOAD_BYTES_PER_SECOND", value_name = "BYTES", value_parser = parse_bytes)]
    pub upload_bytes_per_second: Option<u64>,
    /// Threads that encrypt and that check what peers send [default: by the cores]
    #[arg(long, env = "POLLUX_NODE_CPU_THREADS", value_name = "THREADS")]
    pub cpu_threads: Option<NonZeroU32>,
    /// Niceness of the node's threads, 0 to 19 [default: 5 for a node, 0 for a seed]
    #[arg(long, env = "POLLUX_NODE_NICE", value_name = "NICE")]
    pub nice: Option<u8>,
    /// The very first start of a seed, with an empty store; refused on any other
    #[arg(long)]
    pub init_empty: bool,
    /// How log lines look
    #[arg(long, env = "POLLUX_NODE_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// What is logged, such as `info` or `pollux_node=debug`
    #[arg(long, env = "POLLUX_NODE_LOG", value_name = "FILTER")]
    pub log: Option<String>,
}

fn parse_role(text: &str) -> Result<PeerRole, String> {
    match text {
        "node" => Ok(PeerRole::Node),
        "seed" => Ok(PeerRole::Seed),
        _ => Err("a role is `node` or `seed`".to_owned()),
    }
}

/// Everything that a node is started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Node or seed.
    pub role: PeerRole,
    /// The pool file.
    pub pool: PathBuf,
    /// Where peers reach it.
    pub listen: Vec<SocketAddr>,
    /// The identity key, if it is not made in the runtime directory: a file, or `credential:NAME`.
    pub identity: Option<PathBuf>,
    /// The membership that an operator signed for this node, if one does.
    pub membership: Option<PathBuf>,
    /// For the identity and the socket.
    pub runtime: PathBuf,
    /// Where this instance is, if that is said.
    pub zone: Option<Zone>,
    /// For jobs.
    pub socket: PathBuf,
    /// Mode of the socket.
    pub socket_mode: u32,
    /// User ids that may connect; empty: everybody whom the mode lets.
    pub socket_users: Vec<u32>,
    /// Of the chunk store.
    pub store: PathBuf,
    /// Bytes at most; none: a tenth of the file system.
    pub store_bytes_max: Option<u64>,
    /// Bytes always left free.
    pub store_free_bytes_min: u64,
    /// Of the keys that these cover, the content of the newest cache is never evicted.
    pub pins: Vec<Pattern>,
    /// What of the machine is left to the job.
    pub limits: Limits,
    /// The very first start of a seed.
    pub init_empty: bool,
    /// How log lines look.
    pub log_format: LogFormat,
    /// What is logged.
    pub log: String,
    /// Where metrics are served, if anywhere.
    pub metrics: Option<SocketAddr>,
}

/// What of the machine a node leaves to the job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of chunks that peers get each second at most; none: as many as they take; 0: nothing.
    pub upload_bytes_per_second: Option<u64>,
    /// Threads that encrypt and that check what peers send, each; none: by the cores.
    pub cpu_threads: Option<NonZeroU32>,
    /// Niceness of the threads, 0 to 19.
    pub nice: u8,
}

impl Settings {
    /// Where the node's things are, for who asks it; `listen` is what came up where any port would do.
    #[must_use]
    pub fn place(&self, listen: SocketAddr) -> Place {
        let shown = |path: &Path| path.display().to_string();
        let address =
            |one: &SocketAddr| if one.port() == 0 { SocketAddr::new(one.ip(), listen.port()) } else { *one };
        Place {
            listen: self.listen.iter().map(|one| address(one).to_string()).collect(),
            pool_file: shown(&self.pool),
            runtime: shown(&self.runtime),
            socket: shown(&self.socket),
            store: shown(&self.store),
            log: self.log.clone(),
        }
    }

    /// Lays flags and environment over the file, and the file over the defaults.
    ///
    /// # Errors
    /// A value that must be given and is not, or that makes no sense.
    pub fn new(file: ConfigFile, over: Overrides) -> Result<Self, ConfigError> {
        let role = over.role.or(file.role).unwrap_or(PeerRole::Node);
        let limits = limits(role, &file.limits, &over)?;
        let runtime = over.runtime.or(file.runtime).unwrap_or_else(|| "/run/pollux".into());
        let identity = over.identity.or(file.identity);
        let listen = over.listen.or(file.listen).unwrap_or_else(default_listen);
        if listen.is_empty() {
            let why = "no address: peers could not reach this node; leave it out for the default".to_owned();
            return Err(ConfigError::Invalid { field: "listen", why });
        }
        if role == PeerRole::Node && over.init_empty {
            let why = "only the store of a seed is begun so; a node begins by itself".to_owned();
            return Err(ConfigError::Invalid { field: "--init-empty", why });
        }
        if role == PeerRole::Seed && limits.upload_bytes_per_second == Some(0) {
            let why = "a seed that gives nothing is of no use; leave it out for no bound".to_owned();
            return Err(ConfigError::Invalid { field: "limits.upload_bytes_per_second", why });
        }
        if role == PeerRole::Seed && identity.is_none() {
            let hint = "a seed is known by its key: name the seed.pem that `pollux pool init` made";
            return Err(ConfigError::Missing { field: "identity", hint });
        }
        let store_bytes_max = over.store_bytes_max.or(file.store.bytes_max);
        if let Some(bytes) = store_bytes_max.filter(|bytes| *bytes < u64::from(CHUNK_BYTES_AVERAGE)) {
            let why = format!(
                "{bytes} bytes hold not one chunk: write how many the store may take, such as 10000000000"
            );
            return Err(ConfigError::Invalid { field: "store.bytes_max", why });
        }
        let pins = over.pins.or(file.store.pins).unwrap_or_default();
        if pins.len() > PINS_MAX {
            let why =
                format!("{} patterns, of {PINS_MAX} at most: one with a `*` covers many keys", pins.len());
            return Err(ConfigError::Invalid { field: "store.pins", why });
        }
        Ok(Self {
            role,
            pool: over.pool.or(file.pool).unwrap_or_else(|| "/etc/pollux/pool.json".into()),
            listen,
            identity,
            membership: over.membership.or(file.membership),
            zone: over.zone.or(file.zone),
            socket: over.socket.or(file.socket.path).unwrap_or_else(|| runtime.join("pollux.sock")),
            socket_mode: file.socket.mode.as_deref().map_or(Ok(0o666), parse_mode)?,
            socket_users: file.socket.users.unwrap_or_default(),
            store: over.store.or(file.store.directory).unwrap_or_else(|| default_store(role)),
            store_bytes_max,
            store_free_bytes_min: over
                .store_free_bytes_min
                .or(file.store.free_bytes_min)
                .unwrap_or(FREE_BYTES_MIN),
            pins,
            limits,
            init_empty: over.init_empty,
            log_format: over.log_format.or(file.log.format).unwrap_or_default(),
            log: over.log.or(file.log.filter).unwrap_or_else(|| "info".to_owned()),
            metrics: over.metrics.or(file.metrics.listen),
            runtime,
        })
    }
}

fn limits(role: PeerRole, file: &LimitsSection, over: &Overrides) -> Result<Limits, ConfigError> {
    let default = if role == PeerRole::Node { NODE_NICE } else { 0 };
    let nice = over.nice.or(file.nice).unwrap_or(default);
    if nice > 19 {
        let why = format!("{nice} is no niceness: write 0 to 19");
        return Err(ConfigError::Invalid { field: "limits.nice", why });
    }
    Ok(Limits {
        upload_bytes_per_second: over.upload_bytes_per_second.or(file.upload_bytes_per_second),
        cpu_threads: over.cpu_threads.or(file.cpu_threads),
        nice,
    })
}

fn default_listen() -> Vec<SocketAddr> {
    vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT))]
}

fn default_store(role: PeerRole) -> PathBuf {
    match role {
        PeerRole::Node => "/var/cache/pollux".into(),
        PeerRole::Seed => "/var/lib/pollux".into(),
    }
}

fn parse_mode(text: &str) -> Result<u32, ConfigError> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
    let why = || format!("`{text}` is not a mode; write octal digits, such as \"0666\"");
    mode.ok_or_else(|| ConfigError::Invalid { field: "socket.mode", why: why() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let file = ConfigFile {
            pool: Some("/file/pool.json".into()),
            runtime: Some("/file/run".into()),
            zone: Some("file".parse().unwrap()),
            ..ConfigFile::default()
        };
        let over = Overrides { pool: Some("/flag/pool.json".into()), ..Overrides::default() };
        let settings = Settings::new(file, over).unwrap();
        assert_eq!(settings.pool, PathBuf::from("/flag/pool.json"));
        assert_eq!(settings.runtime, PathBuf::from("/file/run"));
        assert_eq!(settings.zone, Some("file".parse().unwrap()));
        assert_eq!(settings.socket, PathBuf::from("/file/run/pollux.sock"));
        assert_eq!(settings.store, PathBuf::from("/var/cache/pollux"));
    }

    #[test]
    fn a_seed_without_a_key_is_told_where_it_is() {
        let file = ConfigFile { role: Some(PeerRole::Seed), ..ConfigFile::default() };
        let error = Settings::new(file, Overrides::default()).unwrap_err().to_string();
        assert!(error.contains("seed.pem"), "{error}");
    }

    #[test]
    fn only_a_seed_is_begun_with_an_empty_store() {
        let over = Overrides { init_empty: true, ..Overrides::default() };
        let error = Settings::new(ConfigFile::default(), over.clone()).unwrap_err().to_string();
        assert!(error.starts_with("--init-empty: "), "{error}");
        let over = Overrides { role: Some(PeerRole::Seed), identity: Some("seed.pem".into()), ..over };
        assert!(Settings::new(ConfigFile::default(), over).unwrap().init_empty);
    }

    #[test]
    fn pins_are_patterns_of_keys_and_not_too_many() {
        let pins = |count: usize| Some(vec!["ci/main/**".parse().unwrap(); count]);
        let over = |count| Overrides { pins: pins(count), ..Overrides::default() };
        let settings = Settings::new(ConfigFile::default(), over(1)).unwrap();
        assert_eq!(Some(settings.pins), pins(1));
        let error = Settings::new(ConfigFile::default(), over(PINS_MAX + 1)).unwrap_err().to_string();
        assert!(error.starts_with("store.pins: "), "{error}");
        let file = "[store]\npins = [\"ci/**/npm\"]";
        assert!(toml::from_str::<ConfigFile>(file).is_err(), "no pattern");
    }

    #[test]
    fn a_node_that_nobody_can_reach_is_refused() {
        let file = ConfigFile { listen: Some(Vec::new()), ..ConfigFile::default() };
        let error = Settings::new(file, Overrides::default()).unwrap_err().to_string();
        assert!(error.starts_with("listen: "), "{error}");
    }

    #[test]
    fn the_defaults_are_what_the_manual_says() {
        let settings = Settings::new(ConfigFile::default(), Overrides::default()).unwrap();
        assert_eq!(settings.role, PeerRole::Node);
        assert_eq!(settings.pool, PathBuf::from("/etc/pollux/pool.json"));
        assert_eq!(settings.listen, ["0.0.0.0:4480".parse().unwrap()]);
        assert_eq!(settings.socket, PathBuf::from("/run/pollux/pollux.sock"));
        assert_eq!((settings.socket_mode, settings.socket_users), (0o666, Vec::new()));
        assert_eq!(settings.limits, Limits { nice: 5, ..Limits::default() });
        assert_eq!((settings.store_bytes_max, settings.store_free_bytes_min), (None, 2 << 30));
        assert_eq!((settings.log_format, settings.log.as_str()), (LogFormat::Human, "info"));
        assert_eq!((settings.metrics, settings.zone), (None, None));
    }

    #[test]
    fn a_seed_keeps_its_store_where_nothing_cleans_up() {
        let over = Overrides {
            role: Some(PeerRole::Seed),
            identity: Some("/etc/pollux/seed.pem".into()),
            ..Overrides::default()
        };
        let settings = Settings::new(ConfigFile::default(), over).unwrap();
        assert_eq!(settings.store, PathBuf::from("/var/lib/pollux"));
    }

    #[test]
    fn what_is_left_to_the_job_is_as_configured() {
        let limits =
            LimitsSection { upload_bytes_per_second: Some(7), nice: Some(19), ..LimitsSection::default() };
        let file = ConfigFile { limits, ..ConfigFile::default() };
        let over = Overrides { cpu_threads: NonZeroU32::new(3), ..Overrides::default() };
        let settings = Settings::new(file.clone(), over).unwrap();
        let limits = settings.limits;
        assert_eq!((limits.upload_bytes_per_second, limits.nice), (Some(7), 19));
        assert_eq!(limits.cpu_threads, NonZeroU32::new(3));
        let over = Overrides { nice: Some(20), ..Overrides::default() };
        let error = Settings::new(file, over).unwrap_err().to_string();
        assert!(error.starts_with("limits.nice: "), "{error}");
        let seed = ConfigFile {
            role: Some(PeerRole::Seed),
            identity: Some("seed.pem".into()),
            ..ConfigFile::default()
        };
        assert_eq!(Settings::new(seed.clone(), Overrides::default()).unwrap().limits, Limits::default());
        let over = Overrides { upload_bytes_per_second: Some(0), ..Overrides::default() };
        let error = Settings::new(seed, over).unwrap_err().to_string();
        assert!(error.starts_with("limits.upload_bytes_per_second: "), "{error}");
    }

    #[test]
    fn a_store_that_holds_nothing_is_refused() {
        let over = |bytes| Overrides { store_bytes_max: Some(bytes), ..Overrides::default() };
        for bytes in [0, 10] {
            let error = Settings::new(ConfigFile::default(), over(bytes)).unwrap_err().to_string();
            assert!(error.starts_with("store.bytes_max: ") && error.contains("not one chunk"), "{error}");
        }
        assert!(Settings::new(ConfigFile::default(), over(1_000_000)).is_ok());
    }

    #[test]
    fn a_role_is_one_of_two() {
        assert_eq!(parse_role("seed"), Ok(PeerRole::Seed));
        assert_eq!(parse_role("node"), Ok(PeerRole::Node));
        assert!(parse_role("tracker").is_err());
    }

    #[test]
    fn modes_are_octal_and_bounded() {
        assert_eq!(parse_mode("0660").unwrap(), 0o660);
        assert!(parse_mode("4755").is_err());
        assert!(parse_mode("rw").is_err());
    }
}
