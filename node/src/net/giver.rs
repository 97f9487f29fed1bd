//! A bulk stream's answering end: requests come in, and each is answered when the driver answers it. Those that are there
//! at once were asked for together, and are reported so.

use super::bounds::{ASKS_PER_STREAM_MAX, Patience};
use super::transfer::{Filling, Outbox};
use super::upload::Pace;
use futures::{AsyncRead, AsyncWrite};
use pollux_core::engine::AskId;
use pollux_core::message::{BulkOutcome, BulkReply, BulkRequest, Decline};
use pollux_core::{ChunkId, Frame};
use std::collections::BTreeMap;
use std::task::{Context, Poll};

/// The answering end.
#[derive(Debug)]
pub(super) struct Giver<S> {
    stream: S,
    outbox: Outbox<Answered>,
    unanswered: BTreeMap<AskId, u32>,
    unwritten: usize,
    reading: Filling,
    /// Nothing more can be read.
    ended: bool,
}

/// The end of an answer in the outbox; with the frame's length, unless it was declined.
#[derive(Debug)]
struct Answered {
    ask: AskId,
    frame_bytes: Option<u32>,
}

/// What happens on it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum GiverEvent {
    /// The peer wants chunks, at least one; to be entered with [`Giver::accept`].
    Asked(Vec<BulkRequest>),
    /// A frame of so many bytes was written.
    Served(AskId, u32),
    /// The stream ended, or the peer takes nothing.
    Gone,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Giver<S> {
    /// A negotiated stream.
    pub(super) fn new(stream: S, patience: &Patience, pace: Pace) -> Self {
        let reading = Filling::new(BulkRequest::BYTES);
        Self {
            stream,
            outbox: Outbox::paced(patience.stall, pace),
            unanswered: BTreeMap::new(),
            unwritten: 0,
            reading,
            ended: false,
        }
    }

    /// Names requests that were read.
    pub(super) fn accept(
        &mut self,
        requests: Vec<BulkRequest>,
        mut name: impl FnMut() -> AskId,
    ) -> Vec<(AskId, ChunkId)> {
        let accepted = requests.into_iter().map(|request| {
            let ask = name();
            self.unanswered.insert(ask, request.request);
            (ask, request.chunk)
        });
        accepted.collect()
    }

    /// Answers a request, if it is one of this stream; else the answer comes back.
    pub(super) fn answer(
        &mut self,
        ask: AskId,
        result: Result<Frame, Decline>,
    ) -> Result<(), Result<Frame, Decline>> {
        let Some(request) = self.unanswered.remove(&ask) else { return Err(result) };
        self.unwritten = self.unwritten.saturating_add(1);
        match result {
            Ok(frame) => self.push_frame(ask, request, frame),
            Err(why) => {
                let reply = BulkReply { request, outcome: BulkOutcome::Declined(why) };
                self.outbox.push(reply.to_bytes().to_vec(), Some(Answered { ask, frame_bytes: None }));
            }
        }
        Ok(())
    }

    fn push_frame(&mut self, ask: AskId, request: u32, frame: Frame) {
        let bytes = u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX);
        let outcome = BulkOutcome::Frame { kind: frame.kind, bytes };
        self.outbox.push(BulkReply { request, outcome }.to_bytes().to_vec(), None);
        self.outbox.push(frame.bytes, Some(Answered { ask, frame_bytes: Some(bytes) }));
    }

    /// Whether the peer waits for something.
    pub(super) fn is_busy(&self) -> bool {
        self.under_way() > 0
    }

    fn under_way(&self) -> usize {
        self.unanswered.len().saturating_add(self.unwritten)
    }

    /// The asks whose frames were given and not written.
    pub(super) fn into_unserved(self) -> impl Iterator<Item = AskId> {
        self.outbox
            .into_marks()
            .filter(|answered| answered.frame_bytes.is_some())
            .map(|answered| answered.ask)
    }

    /// What happens next. After `Gone` it is not polled again.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<GiverEvent> {
        while let Poll::Ready(written) = self.outbox.poll(cx, &mut self.stream) {
            let Ok(Answered { ask, frame_bytes }) = written else { return Poll::Ready(GiverEvent::Gone) };
            self.unwritten = self.unwritten.saturating_sub(1);
            if let Some(bytes) = frame_bytes {
                return Poll::Ready(GiverEvent::Served(ask, bytes));
            }
        }
        self.poll_read(cx)
    }

    /// A peer that has too much under way is not read: its requests wait on its own side.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<GiverEvent> {
        let room = ASKS_PER_STREAM_MAX.saturating_sub(self.under_way());
        let mut requests = Vec::new();
        while requests.len() < room
            && !self.ended
            && let Poll::Ready(read) = self.poll_header(cx)
        {
            self.ended = read.is_none();
            requests.extend(read);
        }
        if !requests.is_empty() {
            return Poll::Ready(GiverEvent::Asked(requests));
        }
        if self.ended { Poll::Ready(GiverEvent::Gone) } else { Poll::Pending }
    }

    /// The next request; none: the stream has ended.
    fn poll_header(&mut self, cx: &mut Context<'_>) -> Poll<Option<BulkRequest>> {
        let read = std::task::ready!(self.reading.poll(cx, &mut self.stream));
        let header = std::mem::replace(&mut self.reading, Filling::new(BulkRequest::BYTES));
        let request = header.header().map(BulkRequest::from_bytes);
        Poll::Ready(request.filter(|_| read.is_ok()))
    }
}
