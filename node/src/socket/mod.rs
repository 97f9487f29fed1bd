//! The socket that jobs talk to.
//!
//! Anybody whom its mode (and the list of users, where there is one) lets may connect: the socket grants no right that
//! root on the instance lacks, since only signatures bind keys. So what is bounded here is what a job may cost.

mod ahead;
mod limits;
mod overview;
mod pace;
mod pending;
mod places;
mod questions;
mod refusals;
mod restored;
mod session;
mod tally;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_memory;
mod turns;
mod uploads;
mod writer;

use crate::config::Settings;
use crate::driver::DriverHandle;
use crate::store::Store;
use limits::SESSION_WIND_UP;
pub use pace::Pace;
use places::Places;
use pollux_client::protocol::{Reply, encode};
use pollux_core::engine::JobId;
pub use refusals::Refusals;
pub use restored::Restored;
pub use session::NodeFacts;
use session::{Job, Session};
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
pub use tally::Tally;
use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use turns::Turns;

/// What every session works with.
#[derive(Clone, Debug)]
pub struct SocketParts {
    /// To the engine.
    pub driver: DriverHandle,
    /// The chunk store.
    pub store: Store,
    /// What `Welcome` and `Status` tell.
    pub facts: Arc<NodeFacts>,
    /// User ids that may connect; empty: all.
    pub users: Arc<[u32]>,
    /// What jobs restored.
    pub restored: Restored,
    /// What is said of refused saves.
    pub refusals: Refusals,
    /// What jobs asked.
    pub tally: Tally,
    /// How fast they may ask.
    pub pace: Pace,
}

impl SocketParts {
    /// Parts of a node that has just started; without users, everybody may connect.
    #[must_use]
    pub fn new((driver, store): (DriverHandle, Store), facts: Arc<NodeFacts>, users: &[u32]) -> Self {
        let (restored, refusals, tally) = (Restored::default(), Refusals::default(), Tally::default());
        let pace = Pace::default();
        Self { driver, store, facts, users: users.into(), restored, refusals, tally, pace }
    }
}

/// A bound socket. Dropped, it removes its path.
#[derive(Debug)]
pub struct JobSocket {
    listener: UnixListener,
    path: PathBuf,
    parts: SocketParts,
    turns: Turns,
}

impl JobSocket {
    /// Binds the path; one that a dead node left behind is taken over.
    ///
    /// # Errors
    /// A path that cannot be bound, or that another node listens on.
    pub fn bind(settings: &Settings, parts: SocketParts) -> io::Result<Self> {
        let path = settings.socket.clone();
        remove_stale(&path)?;
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(settings.socket_mode))?;
        Ok(Self { listener, path, parts, turns: Turns::default() })
    }

    /// Serves jobs until `stop` says so, then gives those under way a moment to finish. Dropping the future ends
    /// every session at once.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut places = Places::default();
        let mut sessions = JoinSet::new();
        let mut number = 0;
        loop {
            let accepted = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                Some(_) = sessions.join_next() => continue,
                accepted = self.listener.accept() => accepted,
            };
            number += 1;
            match accepted {
                Ok((stream, _)) => self.admit(&mut sessions, &mut places, stream, JobId(number)),
                Err(error) => {
                    tracing::warn!(%error, "a job could not connect");
                    tokio::time::sleep(limits::ACCEPT_PAUSE).await;
                }
            }
        }
        let finish = async { while sessions.join_next().await.is_some() {} };
        drop(tokio::time::timeout(SESSION_WIND_UP, finish).await);
    }

    fn admit(&self, sessions: &mut JoinSet<()>, places: &mut Places, stream: UnixStream, job: JobId) {
        let user = match stream.peer_cred() {
            Ok(user) if self.lets_in(user.uid()) => user,
            Ok(_) => {
                return refuse(
                    stream,
                    "this user may not use the node; see socket.users in its configuration",
                );
            }
            Err(_) => return refuse(stream, "the system does not tell who connects"),
        };
        let Some(seat) = places.admit(user.pid()) else {
            return refuse(stream, "too many jobs are connected to this node");
        };
        tracing::debug!(job = job.0, uid = user.uid(), pid = user.pid(), "job connected");
        let job = Job { id: job, uid: user.uid() };
        let session = Session::new(self.parts.clone(), self.turns.clone(), job, Arc::clone(&seat));
        sessions.spawn(async move {
            let Some(place) = seat.taken().await else { return };
            session.run(stream).await;
            drop(place);
        });
    }

    fn lets_in(&self, uid: u32) -> bool {
        self.parts.users.is_empty() || self.parts.users.contains(&uid)
    }
}

impl Drop for JobSocket {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, "the socket's path was not removed");
        }
    }
}

/// Says why, without waiting for a job that does not read.
fn refuse(mut stream: UnixStream, why: &str) {
    tracing::debug!(why, "job refused");
    let Ok(bytes) = encode(&Reply::Refused { why: why.to_owned() }) else { return };
    tokio::spawn(async move { tokio::time::timeout(limits::ACCEPT_PAUSE, stream.write_all(&bytes)).await });
}

/// A socket that nobody answers on is litter of a node that was killed. Anything but a socket is somebody's.
fn remove_stale(path: &Path) -> io::Result<()> {
    if std::fs::symlink_metadata(path).is_ok_and(|found| !found.file_type().is_socket()) {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "something else than a socket is there"));
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another node answers on this socket")),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
