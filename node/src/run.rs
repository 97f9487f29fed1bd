//! Starts a node from its settings, and stops it.

mod ending;
mod error;
mod ground;

use crate::admission::Admission;
use crate::clock::Clock;
use crate::config::Settings;
use crate::driver::{Driver, DriverHandle, DriverParts, WorkerBounds};
use crate::ends::Ends;
use crate::journal::Journal;
use crate::metrics::{MetricsParts, MetricsServer};
use crate::net::{NetConfig, NetEvent, NetHandle};
use crate::socket::{JobSocket, NodeFacts, SocketParts};
use crate::store::Store;
use crate::{identity, logging};
use ending::{drain, log_failure, sync};
use ground::{Ground, check_role, make_directory, open_journal, open_pool};
use pollux_core::engine::EngineConfig;
use pollux_core::{KeyPair, PeerId, Token};
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

pub use error::StartError;
pub(crate) use ground::{check_owner, open_store, store_error};

/// Program and version, for people.
pub const SOFTWARE: &str = concat!("pollux-node ", env!("CARGO_PKG_VERSION"));
/// A listener that does not come up by then never will.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(5);

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
/// A key file that cannot be read or made, or that others can read; root in the directory of another user.
pub fn peer_id(settings: &Settings) -> Result<PeerId, StartError> {
    check_owner(&settings.runtime)?;
    make_directory(&settings.runtime)?;
    let identity = identity::open(settings.identity.as_deref(), &settings.runtime)?;
    Ok(PeerId::new(identity.public()))
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
        let parts =
            MetricsParts { driver: handle, store: store.clone(), role: settings.role, token_expires, clock };
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

    /// Runs until `stop` says so: jobs under way get a moment, peers what only this node has, and what was stored is made
    /// durable. Dropping the future is as good as a crash, which loses nothing that was acknowledged.
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
        let outcome = if failed.is_some() { Err(DriverFailed) } else { Ok(()) };
        let ended = match failed {
            Some(ended) => Some(ended),
            // It hands over what only this node has before the wire is closed.
            None => driver.join_next().await,
        };
        self.net.shutdown();
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
        zone: settings.zone.clone(),
        pins: settings.pins.clone(),
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
