//! The last steps of a node.

use crate::journal::Journal;
use crate::net::NetEvent;
use crate::store::Store;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinError;

/// For what waits to be sent when the node stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// A task that panicked has said so on standard error already; the log gets it too.
pub(super) fn log_failure<R>(ended: Result<R, JoinError>) -> Option<R> {
    ended.inspect_err(|error| tracing::error!(%error, "a part of the node has failed")).ok()
}

/// The end of the wire's events says that what waited is sent.
pub(super) async fn drain(mut wire: mpsc::Receiver<NetEvent>) {
    let end = async { while wire.recv().await.is_some() {} };
    if tokio::time::timeout(SHUTDOWN_TIMEOUT, end).await.is_err() {
        tracing::debug!("the wire does not stop in time");
    }
}

/// Makes durable what is not yet.
pub(super) async fn sync(store: Store, journal: Option<Journal>) {
    let last = move || {
        if let Some(journal) = journal {
            journal.write();
        }
        store.sync()
    };
    match tokio::task::spawn_blocking(last).await {
        Ok(Ok(())) => tracing::info!("stopped"),
        Ok(Err(error)) => tracing::error!(%error, "the store could not be synced"),
        Err(error) => tracing::error!(%error, "the store could not be synced"),
    }
}
