//! TCP, not encrypted.

use super::chunks::Chunks;
use super::line::{Gave, Listening, Took};
use super::streams::{self, BUFFER_BYTES};
use crate::BenchError;
use std::sync::Arc;
use tokio::io::BufReader;

/// Gives until the taker has everything.
pub(super) async fn give(
    chunks: &Arc<Chunks>,
    count: u64,
    tell: impl FnOnce(Listening),
) -> Result<Gave, BenchError> {
    let listener = streams::listen().await?;
    tell(Listening { address: listener.local_addr()?.to_string(), proof: String::new() });
    streams::give(streams::accept(listener).await?, chunks, count).await
}

/// Takes everything.
pub(super) async fn take(
    chunks: &Arc<Chunks>,
    count: u64,
    listening: &Listening,
) -> Result<Took, BenchError> {
    let sockets = streams::connect(&listening.address).await?.into_iter();
    let streams = sockets.map(|socket| BufReader::with_capacity(BUFFER_BYTES, socket)).collect();
    streams::take(streams, chunks, count).await
}
