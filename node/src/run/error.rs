//! Why a node does not start, and what to do about it.

use crate::identity::IdentityError;
use crate::net::NetError;
use crate::store::StoreError;
use pollux_client::pool::is_of_two_pools;
use pollux_core::{Disbelief, DocumentError, PeerId, PeerRole};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

const ONE_POOL: &str = "take the pool.json of one pool as it is: a node belongs to one, and its file is never put together of several";

const IN_USE: &str = "a node runs on this store: stop it first (`systemctl stop pollux-node`, a seed: pollux-seed), or name \
                      another directory";

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
    /// The pool file cannot be read.
    #[error("{path}: {source}")]
    NoPoolFile {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What root makes in the directory of another user, that user cannot use.
    #[error(
        "{path}: this directory belongs to another user (uid {owner}), who could not use what root makes in it"
    )]
    NotRoots {
        /// The directory.
        path: PathBuf,
        /// Its owner.
        owner: u32,
    },
    /// The pool file is none.
    #[error("{path}: {source}")]
    PoolFile {
        /// Which.
        path: PathBuf,
        /// Why.
        source: DocumentError,
    },
    /// Two pool files stand in one.
    #[error("{path}: there are two pools in this file, one after the other")]
    TwoPools {
        /// Which.
        path: PathBuf,
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
    /// This key is of a seed, which a node may not use.
    #[error(
        "the policy names {0} as a seed, and this is the configuration of a node: set role = \"seed\", or take another key"
    )]
    IsASeed(PeerId),
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
            Self::TwoPools { .. } => Some(ONE_POOL),
            Self::Pool { source, .. } => of_pool(source),
            Self::NoPoolFile { source, .. } => Some(of_pool_file(source)),
            Self::NotRoots { .. } => Some(
                "run it as that user: `runuser -u pollux -- pollux-node …`. What root has made there already: \
                 `chown -R pollux: DIRECTORY`",
            ),
            Self::Store(StoreError::InUse { .. }) => Some(IN_USE),
            Self::Store(StoreError::BeingChecked(_)) => Some("wait until pollux-node check has ended"),
            Self::Store(StoreError::Full) => Some(
                "its file system has no room, or no file may grow: make room (`df`, `quota`), and start again; nothing is lost",
            ),
            Self::Io { source, .. } | Self::Store(StoreError::Disk { source, .. }) if is_denied(source) => {
                Some(
                    "it belongs to another user, as after a command that root ran: `chown -R pollux: DIRECTORY` gives it to the \
                 user whom the units run as; or run this as its owner",
                )
            }
            Self::NodeHasNoMarker | Self::IsASeed(_) => None,
            Self::Identity(error) => error.hint(),
            Self::PoolFile { .. } => Some("put the pool's pool.json there, as `pollux pool init` made it"),
            Self::Net(NetError::Listen(..)) => Some(
                "another program has that port (`ss -ltnp` names it), or the address is not this machine's: change `listen` \
                 here or there. A node beside a seed needs a port of its own",
            ),
            Self::Metrics { .. } => Some(
                "another program has that port (`ss -ltnp` names it), or the address is not this machine's: change `listen` \
                 under [metrics]",
            ),
            Self::Net(NetError::Identity(_)) | Self::Io { .. } | Self::Deaf => None,
            Self::NotASeed(_) | Self::Store(_) | Self::Log(_) => None,
        }
    }

    /// Whether it stays so until somebody does something. What the system said no to, an address that is taken and a clock
    /// that is behind may mend by themselves.
    #[must_use]
    pub fn lasts(&self) -> bool {
        match self {
            Self::Pool { source, .. } => !matches!(**source, Disbelief::FromTheFuture { .. }),
            Self::Store(StoreError::NewerFormat { .. } | StoreError::OlderFormat { .. }) => true,
            Self::Store(StoreError::Disk { source, .. }) | Self::Io { source, .. } => is_denied(source),
            Self::Store(error) => matches!(error, StoreError::NotAStore(_) | StoreError::Absent(_)),
            Self::NoPoolFile { source, .. } => ABSENT.contains(&source.kind()) || is_denied(source),
            Self::PoolFile { .. }
            | Self::TwoPools { .. }
            | Self::Identity(_)
            | Self::NotASeed(_)
            | Self::IsASeed(_)
            | Self::NotRoots { .. }
            | Self::Log(_) => true,
            Self::NoMarker { .. } | Self::HasMarker { .. } | Self::NotEmpty { .. } => true,
            Self::NodeHasNoMarker | Self::Records { .. } => true,
            Self::Net(_) | Self::Deaf | Self::Metrics { .. } => false,
        }
    }
}

/// It is not there, or something else is.
const ABSENT: [io::ErrorKind; 4] = [
    io::ErrorKind::NotFound,
    io::ErrorKind::IsADirectory,
    io::ErrorKind::NotADirectory,
    io::ErrorKind::InvalidData,
];

fn is_denied(why: &io::Error) -> bool {
    why.kind() == io::ErrorKind::PermissionDenied
}

/// What can be done about a pool file that cannot be read.
fn of_pool_file(why: &io::Error) -> &'static str {
    if is_denied(why) {
        return "let everybody read it, it holds nothing secret: `chmod 644` it, and its directory 755";
    }
    "put the pool's pool.json there, as `pollux pool init` made it; or name it: `pool` in the configuration, or --pool"
}

/// What can be done about a pool file that is not believed.
fn of_pool(why: &Disbelief) -> Option<&'static str> {
    if is_of_two_pools(why) {
        return Some(ONE_POOL);
    }
    matches!(why, Disbelief::Expired { .. }).then_some(
        "`pollux pool renew` signs a policy anew: give this instance the new pool file. Where the pool has gone by a newer \
         policy already, its pool file is the one to give",
    )
}
