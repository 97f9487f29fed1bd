//! The writing half of a job's connection.

use super::SocketParts;
use super::ahead::{Ahead, Loaded, Waiting};
use super::limits::{TAKEN_IN_TIME, TAKEN_TOLD_BYTES, WRITE_TIMEOUT};
use super::pending::Pending;
use super::turns::Turns;
use crate::driver::{DriverEvent, SessionItem};
use pollux_client::protocol::{ChunkHead, ChunkSource, PublishEnd, Reply, encode};
use pollux_core::engine::{FetchEnd, JobId, JobReply, Matched, MissReason, PublishFailure, Source};
use pollux_core::{ChunkRef, Frame, Used};
use std::io::{self, IoSlice};
use std::pin::pin;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Writes what the job is told.
#[derive(Debug)]
pub(super) struct Writer {
    socket: OwnedWriteHalf,
    parts: SocketParts,
    job: JobId,
    pending: Arc<Pending>,
    ahead: Ahead,
    /// Bytes that the job took and the driver was not told of.
    taken: u32,
}

impl Writer {
    pub(super) fn new(
        socket: OwnedWriteHalf,
        parts: SocketParts,
        job: JobId,
        (pending, turns): (Arc<Pending>, Turns),
    ) -> Self {
        let ahead = Ahead::new(parts.store.clone(), turns);
        Self { socket, parts, job, pending, ahead, taken: 0 }
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
            while self.ahead.has_room()
                && let Ok(item) = items.try_recv()
            {
                self.take(item).await?;
            }
            if let Some(next) = self.ahead.pop() {
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
                self.ahead.push(chunk, source, delivery);
                Ok(())
            }
            SessionItem::Reply(reply) => {
                while let Some(next) = self.ahead.pop() {
                    self.write_chunk(next).await?;
                }
                self.write_engine_reply(*reply).await
            }
        }
    }

    async fn write_chunk(&mut self, next: Waiting) -> io::Result<()> {
        let Waiting { chunk, source, .. } = next;
        self.pending.chunk_done(&chunk);
        match self.ahead.load(next).await {
            Loaded::Buffer(buffer) => self.write_frame(chunk, source, buffer.frame()).await?,
            Loaded::Frame(frame) => self.write_frame(chunk, source, &frame).await?,
            Loaded::Other => self.failed(chunk).await?,
            Loaded::Lost => self.lost(chunk).await?,
        }
        self.taken = self.taken.saturating_add(chunk.bytes);
        if self.taken >= TAKEN_TOLD_BYTES || self.ahead.is_empty() {
            let bytes = std::mem::take(&mut self.taken);
            self.tell(DriverEvent::Taken { job: self.job, bytes }).await?;
        }
        Ok(())
    }

    async fn write_frame(&mut self, chunk: ChunkRef, source: Source, frame: &Frame) -> io::Result<()> {
        let head = ChunkHead::before(chunk, wire_source(source), frame);
        let socket = &mut self.socket;
        let mut writing =
            pin!(
                async move { write_all(socket, &mut [IoSlice::new(&head), IoSlice::new(&frame.bytes)]).await }
            );
        match timeout(TAKEN_IN_TIME, &mut writing).await {
            Ok(written) => {
                self.ahead.taken_in_time();
                written
            }
            Err(_) => {
                self.ahead.give_back();
                writing.await
            }
        }
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
        self.parts.tally.note(&reply);
        match &reply {
            JobReply::FetchFailed { chunk, .. } => self.pending.chunk_done(chunk),
            JobReply::FetchDone | JobReply::PublishProgress { .. } => {}
            JobReply::Found { certified, .. } => {
                self.pending.found(Used::from(&**certified));
                self.pending.answered();
            }
            JobReply::PublishFailed(why) => {
                self.parts.refusals.note(self.pending.take_publishing(), why);
                self.pending.answered();
            }
            JobReply::Miss(_)
            | JobReply::Published { .. }
            | JobReply::Listing { .. }
            | JobReply::Log { .. }
            | JobReply::Spread { .. } => self.pending.answered(),
        }
        self.write(&wire_reply(reply)).await
    }

    async fn write(&mut self, reply: &Reply) -> io::Result<()> {
        let bytes = encode(reply).map_err(io::Error::other)?;
        write_all(&mut self.socket, &mut [IoSlice::new(&bytes)]).await
    }
}

/// Every write must make progress; how long a whole frame takes is the job's affair.
async fn write_all(socket: &mut OwnedWriteHalf, mut bytes: &mut [IoSlice<'_>]) -> io::Result<()> {
    IoSlice::advance_slices(&mut bytes, 0);
    while !bytes.is_empty() {
        let written = match socket.try_write_vectored(bytes) {
            // Only who has to wait needs a timer.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                timeout(WRITE_TIMEOUT, socket.write_vectored(bytes)).await??
            }
            written => written?,
        };
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        IoSlice::advance_slices(&mut bytes, written);
    }
    Ok(())
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
        JobReply::Listing { rows, more, from_seed, taken } => {
            let rows = rows.iter().map(pollux_core::CertifiedManifest::to_envelope).collect();
            Reply::Listing { rows, more, from_seed, taken }
        }
        JobReply::Log { seed, page } => Reply::Log { seed, page },
        JobReply::Spread { held, needed, of, refused } => Reply::Spread { held, needed, of, refused },
    }
}

const fn miss_reason(why: FetchEnd) -> MissReason {
    match why {
        FetchEnd::NoHolder => MissReason::NoHolder,
        FetchEnd::NoProgress => MissReason::TooSlow,
        FetchEnd::UnknownManifest => MissReason::NotBelieved,
        FetchEnd::Yanked => MissReason::Yanked,
    }
}

pub(super) fn publish_end(why: PublishFailure) -> PublishEnd {
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
