//! One job's connection: what it says is read here, what it is told is written by [`Writer`].

use super::SocketParts;
use super::limits::{DELIVER_BYTES, FRAME_TIMEOUT, HELLO_TIMEOUT, IDLE_TIMEOUT, REPLIES_MAX};
use super::pending::Pending;
use super::places::Seat;
use super::turns::Turns;
use super::uploads::Uploads;
use super::writer::Writer;
use crate::driver::DriverEvent;
use pollux_client::protocol::{
    ChunkHead, FrameError, FrameHead, FrameType, Place, Reply, Request, VERSION, VERSION_OLDEST, decode,
};
use pollux_core::engine::JobId;
use pollux_core::{Envelope, Frame, PeerId, PeerRole};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::{OwnedRwLockReadGuard, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// What does not change while the node runs.
#[derive(Clone, Debug)]
pub struct NodeFacts {
    /// Program and version.
    pub software: String,
    /// The pool's name.
    pub pool: String,
    /// The node's peer id.
    pub peer: PeerId,
    /// Node or seed.
    pub role: PeerRole,
    /// When the node started.
    pub started: Instant,
    /// Where its things are.
    pub place: Place,
    /// The pool's join token.
    pub token: Option<Envelope>,
    /// Bytes that the store leaves free on its file system.
    pub store_free_bytes_min: u64,
}

/// Who has connected.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    /// The connection's number.
    pub(super) id: JobId,
    /// The user that the system names.
    pub(super) uid: u32,
}

/// Why a session ends before its job hangs up.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionEnd {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("the job said nothing for too long")]
    Silent,
    #[error("{0}")]
    Refused(String),
    #[error("the node is stopping")]
    Stopping,
    #[error("another job needs the place")]
    Displaced,
}

/// A frame that a job sent.
enum Incoming {
    Request(Request),
    Chunk(ChunkHead, Frame),
    HungUp,
}

/// One job's connection.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) parts: SocketParts,
    pub(super) job: JobId,
    pub(super) uid: u32,
    pub(super) pending: Arc<Pending>,
    pub(super) uploads: Uploads,
    pub(super) turns: Turns,
    seat: Arc<Seat>,
    /// Once it saves, nothing that it relies on is swept.
    saving: Option<OwnedRwLockReadGuard<()>>,
    /// Replies that this side makes itself.
    pub(super) replies: mpsc::Sender<Reply>,
    outgoing: Option<mpsc::Receiver<Reply>>,
}

impl Session {
    pub(super) fn new(parts: SocketParts, turns: Turns, job: Job, seat: Arc<Seat>) -> Self {
        let (replies, outgoing) = mpsc::channel(REPLIES_MAX);
        let uploads = Uploads::new(parts.store.clone(), turns.clone());
        let (pending, outgoing) = (seat.pending(), Some(outgoing));
        let Job { id: job, uid } = job;
        Self { parts, job, uid, pending, uploads, turns, seat, saving: None, replies, outgoing }
    }

    /// Serves the job until it hangs up or breaks a rule. Dropping the future hangs up.
    pub(super) async fn run(mut self, stream: UnixStream) {
        let (reader, socket) = stream.into_split();
        let Some(replies) = self.outgoing.take() else { return };
        // Bounded by the bytes granted to the job and by its own requests.
        let (items_in, items) = mpsc::unbounded_channel();
        let job = self.job;
        let driver = self.parts.driver.clone();
        let pending = Arc::clone(&self.pending);
        let writer = Writer::new(socket, self.parts.clone(), job, (pending, self.turns.clone()));
        // Dropped, it ends the writer.
        let mut writing = JoinSet::new();
        writing.spawn(writer.run(items, replies));
        let opened = DriverEvent::Opened { job, items: items_in, bytes: DELIVER_BYTES };
        let seat = Arc::clone(&self.seat);
        let ended = tokio::select! {
            ended = self.serve(reader, opened) => ended,
            _ = writing.join_next() => Ok(()),
            () = seat.must_leave() => Err(SessionEnd::Displaced),
        };
        // Whoever waits for the place does not wait for this job to listen.
        let displaced = matches!(ended, Err(SessionEnd::Displaced));
        if let Err(end) = ended {
            self.say_why(end).await;
        }
        self.saving = None;
        if driver.tell(DriverEvent::Closed { job }).await.is_err() {
            tracing::trace!(job = job.0, "the driver has stopped before the session");
        }
        drop(self);
        if !displaced && timeout(FRAME_TIMEOUT, writing.join_next()).await.is_err() {
            tracing::debug!(job = job.0, "job does not take its last answers");
        }
    }

    async fn say_why(&self, end: SessionEnd) {
        tracing::debug!(job = self.job.0, reason = %end, "session ended early");
        if !matches!(end, SessionEnd::Io(_) | SessionEnd::Displaced) {
            let refused = Reply::Refused { why: end.to_string() };
            // A job that does not listen hears nothing.
            drop(timeout(FRAME_TIMEOUT, self.replies.send(refused)).await);
        }
    }

    async fn serve(&mut self, reader: OwnedReadHalf, opened: DriverEvent) -> Result<(), SessionEnd> {
        let mut reader = BufReader::with_capacity(64 * 1024, reader);
        self.greet(&mut reader).await?;
        self.parts.driver.tell(opened).await.map_err(|_| SessionEnd::Stopping)?;
        loop {
            self.pending.room().await;
            let incoming = self.next(&mut reader, IDLE_TIMEOUT).await?;
            self.seat.heard();
            match incoming {
                Incoming::HungUp => return Ok(()),
                Incoming::Chunk(head, frame) => {
                    self.may_save()?;
                    self.saves().await;
                    self.uploads.put(head.chunk, frame).await;
                }
                Incoming::Request(request) => self.answer(request).await?,
            }
        }
    }

    /// Whatever the store is said to hold from now on stays until the job has left.
    pub(super) async fn saves(&mut self) {
        if self.saving.is_none() {
            self.saving = Some(self.parts.driver.saving().await);
        }
    }

    async fn greet(&self, reader: &mut BufReader<OwnedReadHalf>) -> Result<(), SessionEnd> {
        let first = self.next(reader, HELLO_TIMEOUT).await?;
        let Incoming::Request(Request::Hello { oldest, newest, software }) = first else {
            return Err(SessionEnd::Refused("a job says hello first".to_owned()));
        };
        if oldest > VERSION || newest < VERSION_OLDEST {
            return Err(SessionEnd::Refused(format!(
                "the node speaks versions {VERSION_OLDEST} to {VERSION} of the socket protocol, {software} speaks \
                 {oldest} to {newest}: use programs of the same release"
            )));
        }
        let facts = &self.parts.facts;
        let (software, pool) = (facts.software.clone(), facts.pool.clone());
        self.reply(Reply::Welcome { version: newest.min(VERSION), software, pool }).await
    }

    pub(super) async fn reply(&self, reply: Reply) -> Result<(), SessionEnd> {
        self.replies.send(reply).await.map_err(|_| SessionEnd::Stopping)
    }

    /// The next frame. Waiting for its first byte may take `patience` (longer while the job waits for something);
    /// once begun, it must go on.
    async fn next(
        &self,
        reader: &mut BufReader<OwnedReadHalf>,
        patience: Duration,
    ) -> Result<Incoming, SessionEnd> {
        let mut head = [0; FrameHead::BYTES];
        let (first, rest) = head.split_at_mut(1);
        loop {
            match timeout(patience, reader.read(first)).await {
                Ok(Ok(0)) => return Ok(Incoming::HungUp),
                Ok(read) => break read.map(drop)?,
                Err(_) if self.pending.any() => {}
                Err(_) => return Err(SessionEnd::Silent),
            }
        }
        timeout(FRAME_TIMEOUT, reader.read_exact(rest)).await.map_err(|_| SessionEnd::Silent)??;
        let head = FrameHead::from_bytes(head)?;
        timeout(FRAME_TIMEOUT, read_body(reader, head)).await.map_err(|_| SessionEnd::Silent)?
    }
}

async fn read_body(reader: &mut BufReader<OwnedReadHalf>, head: FrameHead) -> Result<Incoming, SessionEnd> {
    let body_bytes = usize::try_from(head.body_bytes).map_err(|_| FrameError::TooLong)?;
    match head.frame_type {
        FrameType::Message => {
            let mut body = vec![0; body_bytes];
            reader.read_exact(&mut body).await?;
            Ok(Incoming::Request(decode(&body)?))
        }
        FrameType::Chunk => {
            let mut chunk_head = [0; ChunkHead::BYTES];
            let frame_bytes = body_bytes.checked_sub(ChunkHead::BYTES).ok_or(FrameError::Malformed)?;
            reader.read_exact(&mut chunk_head).await?;
            let chunk_head = ChunkHead::from_bytes(&chunk_head)?;
            let bytes = read_bytes(reader, frame_bytes).await?;
            Ok(Incoming::Chunk(chunk_head, Frame { kind: chunk_head.kind, bytes }))
        }
    }
}

/// So many bytes, into memory that is not filled with zeros first.
async fn read_bytes(reader: &mut BufReader<OwnedReadHalf>, bytes: usize) -> io::Result<Vec<u8>> {
    let mut buffer = Vec::with_capacity(bytes);
    reader.take(u64::try_from(bytes).unwrap_or(u64::MAX)).read_to_end(&mut buffer).await?;
    if buffer.len() == bytes { Ok(buffer) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
