//! The writing half of a job's connection.

use super::SocketParts;
use super::limits::{READS_AHEAD, WRITE_TIMEOUT};
use super::pending::Pending;
use super::turns::Turns;
use crate::driver::{Delivery, DriverEvent, SessionItem};
use pollux_client::protocol::{ChunkHead, ChunkSource, PublishEnd, Reply, encode};
use pollux_core::engine::{FetchEnd, JobId, JobReply, Matched, MissReason, PublishFailure, Source};
use pollux_core::{ChunkRef, Frame, VerifiedChunk};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A chunk on its way: in memory, or being read from the store.
#[derive(Debug)]
struct Ahead {
    chunk: ChunkRef,
    source: Source,
    bytes: Bytes,
}

#[derive(Debug)]
enum Bytes {
    Buffer(Arc<VerifiedChunk>),
    Reading(JoinHandle<Option<(ChunkRef, Frame)>>),
}

/// Writes what the job is told.
#[derive(Debug)]
pub(super) struct Writer {
    socket: OwnedWriteHalf,
    parts: SocketParts,
    job: JobId,
    pending: Arc<Pending>,
    turns: Turns,
    ahead: VecDeque<Ahead>,
}

impl Writer {
    pub(super) fn new(
        socket: OwnedWriteHalf,
        parts: SocketParts,
        job: JobId,
        (pending, turns): (Arc<Pending>, Turns),
    ) -> Self {
        Self { socket, parts, job, pending, turns, ahead: VecDeque::new() }
    }

    /// Writes until both sides have nothing more to say, or the job takes nothing any more.
    pub(super) async fn run(
        mut self,
        mut items: mpsc::UnboundedReceiver<SessionItem>,
        mut replies: mpsc::Receiver<Reply>,
    ) {
        let ended = self.write_all(&mut items, &mut replies).await;
        if let Err(error) = ended {
            tracing::debug!(job = self.job.0, %error, "job takes nothing any more");
        }
    }

    async fn write_all(
        &mut self,
        items: &mut mpsc::UnboundedReceiver<SessionItem>,
        replies: &mut mpsc::Receiver<Reply>,
    ) -> io::Result<()> {
        loop {
            while self.ahead.len() < READS_AHEAD
                && let Ok(item) = items.try_recv()
            {
                self.take(item).await?;
            }
            if let Some(next) = self.ahead.pop_front() {
                self.write_chunk(next).await?;
                self.write_waiting(replies).await?;
                continue;
            }
            tokio::select! {
                biased;
                Some(item) = items.recv() => self.take(item).await?,
                reply = replies.recv() => match reply {
                    Some(reply) => self.write(&reply).await?,
                    None => return Ok(()),
                },
            }
        }
    }

    /// Replies do not wait for the end of a stream of chunks.
    async fn write_waiting(&mut self, replies: &mut mpsc::Receiver<Reply>) -> io::Result<()> {
        match replies.try_recv() {
            Ok(reply) => self.write(&reply).await,
            Err(_) => Ok(()),
        }
    }

    /// Chunks are begun ahead; a reply keeps its place behind the chunks before it.
    async fn take(&mut self, item: SessionItem) -> io::Result<()> {
        match item {
            SessionItem::Chunk { chunk, source, delivery } => {
                let bytes = match delivery {
                    Delivery::Buffer(buffer) => Bytes::Buffer(buffer),
                    Delivery::Store => self.read_ahead(chunk),
                };
                self.ahead.push_back(Ahead { chunk, source, bytes });
                Ok(())
            }
            SessionItem::Reply(reply) => {
                while let Some(next) = self.ahead.pop_front() {
                    self.write_chunk(next).await?;
                }
                self.write_engine_reply(*reply).await
            }
        }
    }

    fn read_ahead(&self, chunk: ChunkRef) -> Bytes {
        let (store, turns) = (self.parts.store.clone(), self.turns.clone());
        Bytes::Reading(tokio::spawn(async move {
            turns.run(move || store.get(&chunk.id).ok().flatten()).await.flatten()
        }))
    }

    async fn write_chunk(&mut self, ahead: Ahead) -> io::Result<()> {
        let Ahead { chunk, source, bytes } = ahead;
        self.pending.chunk_done(&chunk);
        match bytes {
            Bytes::Buffer(buffer) => self.write_frame(chunk, source, buffer.frame()).await?,
            Bytes::Reading(reading) => match reading.await.ok().flatten() {
                Some((found, frame)) if found == chunk => self.write_frame(chunk, source, &frame).await?,
                Some(_) => self.failed(chunk).await?,
                None => self.lost(chunk).await?,
            },
        }
        self.tell(DriverEvent::Taken { job: self.job, bytes: chunk.bytes }).await
    }

    async fn write_frame(&mut self, chunk: ChunkRef, source: Source, frame: &Frame) -> io::Result<()> {
        let head = ChunkHead::before(chunk, wire_source(source), frame);
        self.write_bytes(&head).await?;
        self.write_bytes(&frame.bytes).await
    }

    /// The store was believed to hold it: the job may ask again, and peers will be asked.
    async fn lost(&mut self, chunk: ChunkRef) -> io::Result<()> {
        self.tell(DriverEvent::Lost { chunk: chunk.id }).await?;
        self.failed(chunk).await
    }

    /// Also where the job thinks that the chunk has another length than it has.
    async fn failed(&mut self, chunk: ChunkRef) -> io::Result<()> {
        self.write(&Reply::ChunkFailed { chunk, why: MissReason::NoHolder }).await
    }

    async fn tell(&self, event: DriverEvent) -> io::Result<()> {
        self.parts.driver.tell(event).await.map_err(io::Error::other)
    }

    async fn write_engine_reply(&mut self, reply: JobReply) -> io::Result<()> {
        match &reply {
            JobReply::FetchFailed { chunk, .. } => self.pending.chunk_done(chunk),
            JobReply::FetchDone | JobReply::PublishProgress { .. } => {}
            JobReply::Found { .. }
            | JobReply::Miss(_)
            | JobReply::Published { .. }
            | JobReply::PublishFailed(_)
            | JobReply::Listing { .. } => self.pending.answered(),
        }
        self.write(&wire_reply(reply)).await
    }

    async fn write(&mut self, reply: &Reply) -> io::Result<()> {
        let bytes = encode(reply).map_err(io::Error::other)?;
        self.write_bytes(&bytes).await
    }

    /// Every write must make progress; how long a whole frame takes is the job's affair.
    async fn write_bytes(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = timeout(WRITE_TIMEOUT, self.socket.write(bytes)).await??;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = bytes.get(written..).unwrap_or_default();
        }
        Ok(())
    }
}

const fn wire_source(source: Source) -> ChunkSource {
    match source {
        Source::Local => ChunkSource::Local,
        Source::Peer => ChunkSource::Peer,
        Source::Seed => ChunkSource::Seed,
    }
}

fn wire_reply(reply: JobReply) -> Reply {
    match reply {
        JobReply::Found { certified, matched, relayed } => {
            let fallback = match matched {
                Matched::Exact => None,
                Matched::Fallback(index) => Some(index),
            };
            Reply::Found { certified: Box::new(certified.to_envelope()), fallback, relayed }
        }
        JobReply::Miss(reason) => Reply::Miss { reason },
        JobReply::FetchDone => Reply::FetchDone,
        JobReply::FetchFailed { chunk, why } => Reply::ChunkFailed { chunk, why: miss_reason(why) },
        JobReply::PublishProgress { have, of } => Reply::PublishProgress { have, of },
        JobReply::Published { certified } => Reply::Published { certified },
        JobReply::PublishFailed(why) => Reply::PublishFailed { why: publish_end(why) },
        JobReply::Listing { rows, more, from_seed } => {
            let rows = rows.iter().map(pollux_core::CertifiedManifest::to_envelope).collect();
            Reply::Listing { rows, more, from_seed }
        }
    }
}

const fn miss_reason(why: FetchEnd) -> MissReason {
    match why {
        FetchEnd::NoHolder => MissReason::NoHolder,
        FetchEnd::NoProgress => MissReason::TooSlow,
        FetchEnd::UnknownManifest => MissReason::NotBelieved,
    }
}

fn publish_end(why: PublishFailure) -> PublishEnd {
    match why {
        PublishFailure::NotBelieved(why) => PublishEnd::NotBelieved(why.to_string()),
        PublishFailure::Incomplete { missing } => PublishEnd::Incomplete { missing },
        PublishFailure::BadTree => PublishEnd::BadTree,
        PublishFailure::LostRace { standing, highest } => PublishEnd::LostRace { standing, highest },
        PublishFailure::Refused(why) => PublishEnd::Refused(why.to_string()),
        PublishFailure::SeedsSilent => PublishEnd::SeedsSilent,
        PublishFailure::Timeout => PublishEnd::Timeout,
    }
}
