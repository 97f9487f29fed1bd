//! What a job asks of its node, without the command around it.

use crate::BenchError;
use pollux_client::connection::Connection;
use pollux_client::flow::{Found, Resolution, resolve, tree_of};
use pollux_core::{ManifestId, Tree};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// For every single answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A cache that was found, and its tree.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) connection: Connection,
    pub(crate) manifest: ManifestId,
    pub(crate) tree: Tree,
}

/// Asks a node for a cache until its tree is there, which is in chunks as everything is.
///
/// # Errors
/// No node, no cache, or no answer in time.
pub(crate) fn ask(socket: &Path, key: &str) -> Result<Asked, BenchError> {
    let connection = Connection::open(socket, PATIENCE, Arc::default()).map_err(failed)?;
    let key = key.parse().map_err(failed)?;
    let found = resolve(&connection, &key, &[], Instant::now() + PATIENCE).map_err(failed)?;
    let Resolution::Found(found) = found else { return Err(failed("the node has no such cache")) };
    let Found { id, manifest, .. } = *found;
    let tree = tree_of(&connection, id, &manifest, PATIENCE).map_err(failed)?;
    Ok(Asked { connection, manifest: id, tree })
}

/// Asking did not go well.
pub(crate) fn failed(why: impl ToString) -> BenchError {
    BenchError::step("the node's socket", why)
}
