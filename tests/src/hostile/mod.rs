//! Hostile peers, for stories and attacks. Each speaks the real protocol over the node's own wire, with an identity of its
//! own, joins as any node does, and then behaves as it is told.
//!
//! ```text
//! mod      what a story tells it, and what it hears back
//! conduct  how it behaves
//! peer     the peer itself: a task that takes the wire's events
//! ```
//!
//! It is no node: it keeps nothing, asks no seed for answers and believes everything. What the wire itself refuses to say
//! (broken frames, unasked chunks, garbage) is tried by the wire's own tests instead.

mod conduct;
mod peer;

pub use conduct::{Announcement, Conduct, Gives, Reads};

use crate::daemon::Daemon;
use crate::lan::Host;
use crate::pool::Pool;
use peer::Peer;
use pollux_core::{KeyPair, PeerId, PeerRole, PoolFile};
use pollux_node::net::{NetConfig, NetHandle};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// What it waits for in vain does not happen any more.
const PATIENCE: Duration = Duration::from_secs(30);

/// What such a peer has seen so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// A seed has let it in.
    pub joined: bool,
    /// A seed has answered its announcement: from now on it is named to others.
    pub listed: bool,
    /// Chunks that it was asked for.
    pub asked: u32,
    /// Frames that it got.
    pub frames: u64,
    /// Fetches that came to nothing.
    pub failed: u64,
    /// How often somebody hung up.
    pub hung_up: u32,
}

/// A hostile peer that runs. Dropped, it is gone without a farewell.
#[derive(Debug)]
pub struct HostilePeer {
    /// Its name.
    pub peer: PeerId,
    runtime: Runtime,
    seen: watch::Receiver<Seen>,
}

impl HostilePeer {
    /// Starts one on loopback, which connects to this seed; `identity` tells several apart.
    ///
    /// # Errors
    /// The pool file cannot be read, or the system gives no port.
    pub fn start(pool: &Pool, seed: &Daemon, identity: u8, conduct: Conduct) -> io::Result<Self> {
        Self::start_on(None, (pool, seed), identity, conduct)
    }

    /// The same, on a host of its own.
    ///
    /// # Errors
    /// Like [`Self::start`].
    pub fn start_on(
        host: Option<&Host>,
        (pool, seed): (&Pool, &Daemon),
        identity: u8,
        conduct: Conduct,
    ) -> io::Result<Self> {
        let file =
            PoolFile::from_json(&std::fs::read_to_string(pool.pool_file())?).map_err(io::Error::other)?;
        let address: SocketAddr = seed.listen.parse().map_err(io::Error::other)?;
        let seed: PeerId = seed.peer.parse().map_err(io::Error::other)?;
        let key = KeyPair::from_seed([identity; 32]);
        let peer = PeerId::new(key.public());
        let runtime = runtime(host.cloned())?;
        let (told, seen) = watch::channel(Seen::default());
        let listen = host.map_or(Ipv4Addr::LOCALHOST, |host| host.address);
        // On the runtime's thread, which is on that host.
        let started = runtime.spawn(async move {
            let listen = vec![SocketAddr::from((listen, 0))];
            let config = NetConfig { identity: key, role: PeerRole::Node, listen };
            let (net, events) = NetHandle::start(config).await.map_err(io::Error::other)?;
            let task = Peer::new(net, (seed, address), file.token, conduct, told);
            tokio::spawn(task.run(events));
            Ok::<_, io::Error>(())
        });
        runtime.block_on(started).map_err(io::Error::other)??;
        Ok(Self { peer, runtime, seen })
    }

    /// What it has seen so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }

    /// Waits until it has seen something.
    ///
    /// # Errors
    /// Half a minute was not enough; the error says what it has seen instead.
    pub fn until(&self, what: &str, holds: impl Fn(&Seen) -> bool) -> io::Result<()> {
        let mut seen = self.seen.clone();
        let waited = self
            .runtime
            .block_on(async { tokio::time::timeout(PATIENCE, seen.wait_for(|seen| holds(seen))).await });
        match waited {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => {
                Err(io::Error::other(format!("waited in vain for: {what}; {:?}", self.seen())))
            }
        }
    }
}

/// One thread, on that host. If it cannot get there, the address to listen at is not there either.
fn runtime(host: Option<Host>) -> io::Result<Runtime> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(host) = host {
        runtime.on_thread_start(move || drop(host.enter()));
    }
    runtime.worker_threads(1).enable_all().build()
}
