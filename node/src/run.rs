//! Starts a node from its settings, and stops it.

mod ending;

use crate::admission::Admission;
use crate::clock::Clock;
use crate::config::Settings;
use crate::driver::{Driver, DriverHandle, DriverParts, WorkerBounds};
use crate::ends::Ends;
use crate::identity::IdentityError;
use crate::journal::Journal;
use crate::metrics::{MetricsParts, MetricsServer};
use crate::net::{NetConfig, NetError, NetEvent, NetHandle};
use crate::socket::{JobSocket, NodeFacts, SocketParts};
use crate::store::{self, Recovery, Store, StoreError, StoreOptions};
use crate::{identity, logging, marker, papers};
use ending::{drain, log_failure, sync};
use pollux_core::engine::EngineConfig;
use pollux_core::{Disbelief, DocumentError, KeyPair, PeerId, PeerRole, PoolFile, Token, Trust};
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Program and version, for people.
pub const SOFTWARE: &str = concat!("pollux-node ", env!("CARGO_PKG_VERSION"));
/// Bytes of a pool file at most: three documents in base64.
const POOL_FILE_BYTES_MAX: u64 = 2 * 1024 * 1024;
/// A listener that does not come up by then never will.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A directory or file that the system says no to.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The pool file is none.
    #[error("{path}: {source}")]
    PoolFile {
        /// Which.
        path: PathBuf,
        /// Why.
        source: DocumentError,
    },
    /// The pool file's documents are not believed.
    #[error("{path}: {source}")]
    Pool {
        /// Which.
        path: PathBuf,
        /// Why.
        source: Box<Disbelief>,
    },
    /// The identity key is refused.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// This key is not of a seed.
    #[error("the policy names no seed {0}: start with the identity key of a seed, or as a node")]
    NotASeed(PeerId),
    /// A lone seed whose store is new or was lost.
    #[error("{path}: the store of this seed has no marker: it is new, or its disk was lost")]
    NoMarker {
        /// The store.
        path: PathBuf,
    },
    /// A first start was asked for that is none.
    #[error(
        "{path}: an empty beginning is for the very first start of a seed, and this store has been started before"
    )]
    HasMarker {
        /// The store.
        path: PathBuf,
    },
    /// A first start was asked for with a store that is not empty.
    #[error("{path}: this store is not empty: it has manifests or votes, and no marker")]
    NotEmpty {
        /// The store.
        path: PathBuf,
    },
    /// Only a seed has a marker.
    #[error("this is the configuration of a node, and only the store of a seed has a marker")]
    NodeHasNoMarker,
    /// The store is refused.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// The store's records are damaged; its chunks need not be.
    #[error("{path}: {why}")]
    Records {
        /// Their file.
        path: PathBuf,
        /// What the database says.
        why: String,
        /// What is lost depends on it.
        role: PeerRole,
    },
    /// The wire does not come up.
    #[error(transparent)]
    Net(#[from] NetError),
    /// No address to listen on came up.
    #[error("no address to listen on came up")]
    Deaf,
    /// The metrics cannot be served where they should.
    #[error("metrics: cannot listen on {address}: {source}")]
    Metrics {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The log filter makes no sense.
    #[error("{0}")]
    Log(String),
}

impl StartError {
    /// What an operator can do about it, where there is more to say than what is wrong.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Records { role: PeerRole::Node, .. } => Some(
                "delete this file and start again; the chunks stay, and nothing is lost but the list of what this \
                 node had restored, which peers and seeds have",
            ),
            Self::Records { role: PeerRole::Seed, .. } => Some(
                "look after the disk, and keep a copy of this file: it has the votes of this seed and the manifests \
                 certified here. A seed that forgot its votes could vote twice; so delete the file, and among other seeds \
                 this one starts again, merges what they keep, and says nothing before. A lone seed then needs \
                 pollux-node seed recover --accept-loss: the chunks stay, but every key is a miss until it is saved again",
            ),
            Self::NoMarker { .. } => Some(
                "on the very first start of this pool, start once with --init-empty, or run pollux-node seed begin before. After a loss, restore the disk; or \
                 accept that what was published is gone: pollux-node seed recover --accept-loss, and start again",
            ),
            Self::HasMarker { .. } => Some("start without --init-empty"),
            Self::NotEmpty { .. } => Some(
                "among other seeds start without --init-empty: it merges what they keep. A lone seed goes on with what \
                 is there after pollux-node seed recover --accept-loss",
            ),
            Self::Pool { source, .. } if matches!(**source, Disbelief::Expired { .. }) => Some(
                "`pollux pool renew` signs a policy anew: give this instance the new pool file. Where the pool has gone by \
                 a newer policy already, its pool file is the one to give",
            ),
            Self::NodeHasNoMarker => None,
            Self::Identity(error) => error.hint(),
            Self::Io { .. } | Self::PoolFile { .. } | Self::Pool { .. } => None,
            Self::NotASeed(_) | Self::Store(_) | Self::Net(_) | Self::Deaf | Self::Log(_) => None,
            Self::Metrics { .. } => None,
        }
    }

    /// Whether it stays so until somebody does something. What the system said no to, an address that is taken and a clock
    /// that is behind may mend by themselves.
    #[must_use]
    pub fn lasts(&self) -> bool {
        match self {
            Self::Pool { source, .. } => !matches!(**source, Disbelief::FromTheFuture { .. }),
            Self::Store(StoreError::NewerFormat { .. } | StoreError::OlderFormat { .. }) => true,
            Self::Store(error) => matches!(error, StoreError::NotAStore(_)),
            Self::PoolFile { .. } | Self::Identity(_) | Self::NotASeed(_) | Self::Log(_) => true,
            Self::NoMarker { .. } | Self::HasMarker { .. } | Self::NotEmpty { .. } => true,
            Self::NodeHasNoMarker | Self::Records { .. } => true,
            Self::Io { .. } | Self::Net(_) | Self::Deaf | Self::Metrics { .. } => false,
        }
    }
}

/// The driver ended without being told to: a bug. Nothing that was acknowledged is lost; start the node again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node's driver has failed; the log says where")]
pub struct DriverFailed;

/// What a node would run as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// The pool's name.
    pub pool: String,
    /// The node's name; none if its key is made when it starts.
    pub peer: Option<PeerId>,
}

/// Checks the log filter, the pool file and the identity, and makes nothing.
///
/// # Errors
/// Whatever a node cannot start with, as far as can be seen without starting it.
pub fn check(settings: &Settings, clock: Clock) -> Result<Outlook, StartError> {
    logging::check(&settings.log).map_err(StartError::Log)?;
    let trust = open_pool(settings, clock)?;
    let identity = identity::find(settings.identity.as_deref(), &settings.runtime)?;
    let peer = identity.map(|key| PeerId::new(key.public()));
    if let Some(peer) = peer {
        check_role(settings, &trust, peer)?;
    }
    Ok(Outlook { pool: trust.policy().pool.clone(), peer })
}

/// The node's name, for an operator who admits it before it runs. Makes its key where there is none.
///
/// # Errors
/// A key file that cannot be read or made, or that others can read.
pub fn peer_id(settings: &Settings) -> Result<PeerId, StartError> {
    make_directory(&settings.runtime)?;
    let identity = identity::open(settings.identity.as_deref(), &settings.runtime)?;
    Ok(PeerId::new(identity.public()))
}

/// What a node stands on, checked.
#[derive(Debug)]
struct Ground {
    pool: PoolFile,
    trust: Arc<Trust>,
    identity: KeyPair,
    me: PeerId,
    store: Store,
    recovery: Recovery,
}

impl Ground {
    /// Reads and checks the pool file and the identity, and opens the store, which knows what has taken over since; makes
    /// the directories, and a key where there is none.
    fn open(settings: &Settings, clock: Clock) -> Result<Self, StartError> {
        let pool = read_pool(&settings.pool)?;
        make_directory(&settings.runtime)?;
        let identity = identity::open(settings.identity.as_deref(), &settings.runtime)?;
        let me = PeerId::new(identity.public());
        make_directory(&settings.store)?;
        let (store, mut recovery) = open_store(settings)?;
        let trust = papers::open(&pool, &mut recovery.papers, clock.wall())
            .map_err(|source| disbelieved(settings, source))?;
        check_role(settings, &trust, me)?;
        marker::begin(settings, trust.policy(), &store, &mut recovery)?;
        Ok(Self { pool, trust: Arc::new(trust), identity, me, store, recovery })
    }
}

fn open_pool(settings: &Settings, clock: Clock) -> Result<Trust, StartError> {
    let pool = read_pool(&settings.pool)?;
    Trust::open(&pool, clock.wall()).map_err(|source| disbelieved(settings, source))
}

fn disbelieved(settings: &Settings, source: Disbelief) -> StartError {
    StartError::Pool { path: settings.pool.clone(), source: Box::new(source) }
}

fn check_role(settings: &Settings, trust: &Trust, me: PeerId) -> Result<(), StartError> {
    if settings.role == PeerRole::Seed && !trust.is_seed(&me) {
        return Err(StartError::NotASeed(me));
    }
    Ok(())
}

fn read_pool(path: &Path) -> Result<PoolFile, StartError> {
    let io = |source| StartError::Io { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(io)?.len() > POOL_FILE_BYTES_MAX {
        return Err(io(io::Error::other("too long for a pool file")));
    }
    let text = std::fs::read_to_string(path).map_err(io)?;
    PoolFile::from_json(&text).map_err(|source| StartError::PoolFile { path: path.to_owned(), source })
}

pub(crate) fn open_store(settings: &Settings) -> Result<(Store, Recovery), StartError> {
    let options =
        StoreOptions { bytes_max: settings.store_bytes_max, free_bytes_min: settings.store_free_bytes_min };
    Store::open(&settings.store, options).map_err(|error| {
        if let StoreError::Records(why) = error {
            let path = settings.store.join(store::RECORDS);
            return StartError::Records { path, why, role: settings.role };
        }
        StartError::Store(error)
    })
}

/// A seed's log, without what is too old. Whatever its disk says, the seed starts.
fn open_journal(settings: &Settings, clock: Clock) -> Option<Journal> {
    let journal = (settings.role == PeerRole::Seed).then(|| Journal::new(&settings.store))?;
    journal.prune(clock.wall());
    Some(journal)
}

fn make_directory(path: &Path) -> Result<(), StartError> {
    std::fs::create_dir_all(path).map_err(|source| StartError::Io { path: path.to_owned(), source })
}

/// A node that runs.
#[derive(Debug)]
pub struct Node {
    driver: Driver,
    socket: JobSocket,
    wire: mpsc::Receiver<NetEvent>,
    net: NetHandle,
    store: Store,
    admission: Option<Admission>,
    ends: Ends,
    journal: Option<Journal>,
    metrics: Option<MetricsServer>,
    peer: PeerId,
    listen: SocketAddr,
}

impl Node {
    /// Opens the store, the wire and the socket. Dropping the future leaves nothing behind but an opened store.
    ///
    /// # Errors
    /// Whatever does not come up, with what to do.
    pub async fn start(settings: &Settings, clock: Clock) -> Result<Self, StartError> {
        logging::start(settings.log_format, &settings.log).map_err(StartError::Log)?;
        let ground = Ground::open(settings, clock)?;
        let net = NetConfig {
            identity: KeyPair::from_seed(*ground.identity.seed()),
            role: settings.role,
            listen: settings.listen.clone(),
        };
        let upload = settings.limits.upload_bytes_per_second;
        let (net, mut wire) = NetHandle::start_bounded(net, upload.and_then(NonZeroU64::new)).await?;
        let listen = first_address(&mut wire).await.ok_or(StartError::Deaf)?;
        let facts = Arc::new(node_facts(settings, &ground, listen));
        let engine = engine_config(settings, &ground, listen, clock);
        let journal = open_journal(settings, clock);
        let parts = DriverParts {
            engine,
            identity: ground.identity,
            clock,
            store: ground.store.clone(),
            journal: journal.clone(),
            recovery: ground.recovery,
            net: net.clone(),
            bounds: WorkerBounds::of(settings.limits.cpu_threads),
            serves_peers: upload != Some(0),
        };
        let store = ground.store;
        let (driver, handle) = Driver::new(parts);
        let ends = Ends::new(handle.clone(), clock, facts.token.clone());
        let admission = settings.membership.clone().map(|path| Admission::new(path, handle.clone()));
        let socket = bind(settings, handle.clone(), store.clone(), facts)?;
        let token_expires = ground.pool.token.body::<Token>().ok().map(|token| token.expires);
        let parts = MetricsParts { driver: handle, store: store.clone(), role: settings.role, token_expires };
        let metrics = serve_metrics(settings.metrics, parts).await?;
        let peer = ground.me;
        Ok(Self { driver, socket, wire, net, store, admission, ends, journal, metrics, peer, listen })
    }

    /// This node's name.
    #[must_use]
    pub const fn peer(&self) -> PeerId {
        self.peer
    }

    /// Where peers reach it.
    #[must_use]
    pub const fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Where its metrics are served, if anywhere.
    #[must_use]
    pub fn metrics(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().and_then(|server| server.address().ok())
    }

    /// Runs until `stop` says so: jobs under way get a moment, then what they stored is made durable. Dropping the
    /// future is as good as a crash, which loses nothing that was acknowledged.
    ///
    /// # Errors
    /// The driver has failed: the node has stopped itself.
    pub async fn run(self, mut stop: watch::Receiver<bool>) -> Result<(), DriverFailed> {
        let (stop_driver, driver_stopped) = watch::channel(false);
        let (stop_socket, socket_stopped) = watch::channel(false);
        // Dropped, these end what they run.
        let (mut driver, mut jobs, mut beside) = (JoinSet::new(), JoinSet::new(), JoinSet::new());
        if let Some(watching) = self.admission {
            beside.spawn(watching.run());
        }
        if let Some(server) = self.metrics {
            beside.spawn(server.run());
        }
        beside.spawn(self.ends.run());
        driver.spawn(self.driver.run(self.wire, driver_stopped));
        jobs.spawn(self.socket.run(socket_stopped));
        let failed = tokio::select! {
            biased;
            // Whoever could say so is gone: that is a stop too.
            _ = stop.wait_for(|stop| *stop) => None,
            ended = driver.join_next() => ended,
        };
        tracing::info!("stopping");
        stop_socket.send_replace(true);
        jobs.join_next().await.and_then(log_failure);
        stop_driver.send_replace(true);
        self.net.shutdown();
        let outcome = if failed.is_some() { Err(DriverFailed) } else { Ok(()) };
        let ended = match failed {
            Some(ended) => Some(ended),
            None => driver.join_next().await,
        };
        if let Some(wire) = ended.and_then(log_failure) {
            drain(wire).await;
        }
        sync(self.store, self.journal).await;
        outcome
    }
}

async fn first_address(wire: &mut mpsc::Receiver<NetEvent>) -> Option<SocketAddr> {
    let listening = async {
        loop {
            if let NetEvent::Listening { address } = wire.recv().await? {
                return Some(address);
            }
        }
    };
    tokio::time::timeout(LISTEN_TIMEOUT, listening).await.ok().flatten()
}

fn node_facts(settings: &Settings, ground: &Ground, listen: SocketAddr) -> NodeFacts {
    NodeFacts {
        software: SOFTWARE.to_owned(),
        pool: ground.trust.policy().pool.clone(),
        peer: ground.me,
        role: settings.role,
        started: Instant::now(),
        place: settings.place(listen),
        token: Some(ground.pool.token.clone()),
        store_free_bytes_min: settings.store_free_bytes_min,
    }
}

fn engine_config(settings: &Settings, ground: &Ground, listen: SocketAddr, clock: Clock) -> EngineConfig {
    let mut seed = [0; 8];
    // Without randomness from the system, the identity and the time still tell this node from others.
    if pollux_client::random::fill(&mut seed).is_err() {
        seed = clock.wall().as_millis().to_le_bytes();
    }
    EngineConfig {
        me: ground.me,
        role: settings.role,
        software: SOFTWARE.to_owned(),
        listen_port: listen.port(),
        token: ground.pool.token.clone(),
        trust: Arc::clone(&ground.trust),
        rng_seed: u64::from_le_bytes(seed),
    }
}

async fn serve_metrics(
    address: Option<SocketAddr>,
    parts: MetricsParts,
) -> Result<Option<MetricsServer>, StartError> {
    let Some(address) = address else { return Ok(None) };
    let server = MetricsServer::bind(address, parts).await;
    server.map(Some).map_err(|source| StartError::Metrics { address, source })
}

fn bind(
    settings: &Settings,
    driver: DriverHandle,
    store: Store,
    facts: Arc<NodeFacts>,
) -> Result<JobSocket, StartError> {
    if let Some(parent) = settings.socket.parent() {
        make_directory(parent)?;
    }
    let parts = SocketParts::new((driver, store), facts, &settings.socket_users);
    JobSocket::bind(settings, parts)
        .map_err(|source| StartError::Io { path: settings.socket.clone(), source })
}
