//! A bulk stream's asking end: requests go out, replies come back in any order.
//!
//! On the wire: [`BulkRequest`]s one way; the other way [`BulkReply`]s, each followed by the frame that it
//! announces. A request's number names it until its reply came; both ends of the stream forget it then. A fetch that is
//! cancelled is taken back, and what comes of it all the same is dropped.
//!
//! What is asked for together is several headers in a row in one write, which the other end finds in one read. A header of
//! its own for that would save some bytes for each chunk and nothing else, and each reply would still be for one chunk.

use super::bounds::{Patience, REQUESTS_PER_LANE_MAX};
use super::transfer::{Filling, Outbox};
use futures::{AsyncRead, AsyncWrite};
use pollux_core::engine::{FetchFailure, FetchId, Offence};
use pollux_core::message::{BulkOutcome, BulkReply, BulkRequest};
use pollux_core::{ChunkRef, Frame, FrameKind};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::task::{Context, Poll, ready};

/// The asking end.
#[derive(Debug)]
pub(super) struct Lane<S> {
    stream: S,
    outbox: Outbox<Infallible>,
    asked: BTreeMap<u32, Asked>,
    next_request: u32,
    reading: Reading,
}

/// A request whose reply has not come.
#[derive(Debug)]
struct Asked {
    /// None once it was cancelled: its reply is read and dropped.
    fetch: Option<FetchId>,
    /// A frame is never longer than the plain bytes.
    bytes_max: u32,
}

#[derive(Debug)]
enum Reading {
    Header(Filling),
    Frame { fetch: Option<FetchId>, kind: FrameKind, bytes: Filling },
}

/// What happens on it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LaneEvent {
    /// The frame of a fetch.
    Arrived(FetchId, Frame),
    /// A fetch got no frame; the lane goes on.
    Failed(FetchId, FetchFailure),
    /// The peer broke the protocol, perhaps with the reply to this fetch; the lane cannot be used any more.
    Offence(Offence, Option<FetchId>),
    /// The stream ended.
    Gone,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Lane<S> {
    /// A negotiated stream.
    pub(super) fn new(stream: S, patience: &Patience) -> Self {
        let outbox = Outbox::new(patience.stall);
        Self { stream, outbox, asked: BTreeMap::new(), next_request: 0, reading: Reading::header() }
    }

    /// Asks for chunks, with one write. Those that are not asked for, as the peer leaves too many requests unanswered, come
    /// back.
    pub(super) fn fetch(&mut self, mut chunks: Vec<(FetchId, ChunkRef)>) -> Vec<(FetchId, ChunkRef)> {
        let room = REQUESTS_PER_LANE_MAX.saturating_sub(self.asked.len());
        let refused = chunks.split_off(room.min(chunks.len()));
        let headers: Vec<u8> = chunks.into_iter().flat_map(|(fetch, chunk)| self.ask(fetch, chunk)).collect();
        if !headers.is_empty() {
            self.outbox.push(headers, None);
        }
        refused
    }

    fn ask(&mut self, fetch: FetchId, chunk: ChunkRef) -> [u8; BulkRequest::BYTES] {
        let request = self.next_request;
        self.next_request = request.wrapping_add(1);
        self.asked.insert(request, Asked { fetch: Some(fetch), bytes_max: chunk.bytes });
        BulkRequest { request, chunk: chunk.id }.to_bytes()
    }

    /// Forgets a fetch, if it is one of this lane, and tells the peer so if it has not begun to answer.
    pub(super) fn cancel(&mut self, fetch: FetchId) {
        let asked = self.asked.iter_mut().find(|(_, asked)| asked.fetch == Some(fetch));
        if let Some((&request, asked)) = asked {
            asked.fetch = None;
            self.outbox.push(BulkRequest::take_back(request).to_bytes().to_vec(), None);
        }
        if let Reading::Frame { fetch: current, .. } = &mut self.reading
            && *current == Some(fetch)
        {
            *current = None;
        }
    }

    /// Whether replies are owed.
    pub(super) fn is_busy(&self) -> bool {
        !self.asked.is_empty() || matches!(self.reading, Reading::Frame { .. })
    }

    /// The fetches that it leaves behind.
    pub(super) fn into_fetches(self) -> impl Iterator<Item = FetchId> {
        let current = match self.reading {
            Reading::Frame { fetch, .. } => fetch,
            Reading::Header(_) => None,
        };
        self.asked.into_values().filter_map(|asked| asked.fetch).chain(current)
    }

    /// What happens next. After `Offence` and `Gone` it is not polled again.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<LaneEvent> {
        if let Poll::Ready(Err(_)) = self.outbox.poll(cx, &mut self.stream) {
            return Poll::Ready(LaneEvent::Gone);
        }
        loop {
            let (Reading::Header(part) | Reading::Frame { bytes: part, .. }) = &mut self.reading;
            if ready!(part.poll(cx, &mut self.stream)).is_err() {
                return Poll::Ready(LaneEvent::Gone);
            }
            if let Some(event) = self.on_read() {
                return Poll::Ready(event);
            }
        }
    }

    fn on_read(&mut self) -> Option<LaneEvent> {
        match std::mem::replace(&mut self.reading, Reading::header()) {
            Reading::Header(header) => match BulkReply::from_bytes(header.header()?) {
                Ok(reply) => self.on_reply(reply),
                Err(_) => Some(LaneEvent::Offence(Offence::BadMessage, None)),
            },
            Reading::Frame { fetch, kind, bytes } => {
                let frame = Frame { kind, bytes: bytes.into_bytes() };
                fetch.map(|fetch| LaneEvent::Arrived(fetch, frame))
            }
        }
    }

    fn on_reply(&mut self, reply: BulkReply) -> Option<LaneEvent> {
        let Some(asked) = self.asked.remove(&reply.request) else {
            return Some(LaneEvent::Offence(Offence::UnaskedChunk, None));
        };
        match reply.outcome {
            BulkOutcome::Declined(why) => {
                asked.fetch.map(|fetch| LaneEvent::Failed(fetch, FetchFailure::Declined(why)))
            }
            BulkOutcome::Frame { bytes, .. } if bytes > asked.bytes_max => {
                Some(LaneEvent::Offence(Offence::TooLong, asked.fetch))
            }
            BulkOutcome::Frame { kind, bytes } => {
                let bytes = Filling::asked(usize::try_from(bytes).ok()?);
                self.reading = Reading::Frame { fetch: asked.fetch, kind, bytes };
                None
            }
        }
    }
}

impl Reading {
    fn header() -> Self {
        Self::Header(Filling::new(BulkReply::BYTES))
    }
}
