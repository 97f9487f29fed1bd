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

/// What requests come to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Accepted {
    /// The peer wants these, together.
    pub(super) asked: Vec<(AskId, ChunkId)>,
    /// It takes these back, and waits for the driver's answer.
    pub(super) taken_back: Vec<AskId>,
    /// It took these back before their frames were begun.
    pub(super) unwanted: Vec<AskId>,
}

/// The answering end.
#[derive(Debug)]
pub(super) struct Giver<S> {
    stream: S,
    outbox: Outbox<Answered>,
    unanswered: BTreeMap<AskId, Waiting>,
    unwritten: usize,
    reading: Filling,
    /// Nothing more can be read.
    ended: bool,
}

/// A request that the driver is to answer.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    request: u32,
    /** the peer took it back: a frame that comes all the same is not sent */
    taken_back: bool,
}

/// The end of an answer in the outbox; with the frame's length, unless it was declined.
#[derive(Debug)]
struct Answered {
    ask: AskId,
    request: u32,
    frame_bytes: Option<u32>,
}

/// What happens on it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum GiverEvent {
    /// The peer wants chunks, or takes back what it wanted, at least one; to be entered with [`Giver::accept`].
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
    pub(super) fn accept(&mut self, requests: Vec<BulkRequest>, mut name: impl FnMut() -> AskId) -> Accepted {
        let mut accepted = Accepted::default();
        for request in requests {
            if request.takes_back() {
                self.take_back(request.request, &mut accepted);
            } else {
                let ask = name();
                self.unanswered.insert(ask, Waiting { request: request.request, taken_back: false });
                accepted.asked.push((ask, request.chunk));
            }
        }
        accepted
    }

    fn take_back(&mut self, request: u32, accepted: &mut Accepted) {
        let waiting = self.unanswered.iter_mut().find(|(_, waiting)| waiting.request == request);
        if let Some((&ask, waiting)) = waiting {
            if !core::mem::replace(&mut waiting.taken_back, true) {
                accepted.taken_back.push(ask);
            }
            return;
        }
        let is_frame = |answered: &Answered| answered.request == request && answered.frame_bytes.is_some();
        if let Some(Answered { ask, .. }) = self.outbox.take_unbegun(is_frame) {
            accepted.unwanted.push(ask);
            self.push_decline(ask, request, Decline::Busy);
        }
    }

    /// Answers a request, if it is one of this stream; else the answer comes back. Says whether the frame is one that nobody
    /// wants any more, and is not sent.
    pub(super) fn answer(
        &mut self,
        ask: AskId,
        result: Result<Frame, Decline>,
    ) -> Result<bool, Result<Frame, Decline>> {
        let Some(Waiting { request, taken_back }) = self.unanswered.remove(&ask) else { return Err(result) };
        self.unwritten = self.unwritten.saturating_add(1);
        let is_unwanted = taken_back && result.is_ok();
        match result {
            Ok(_) if taken_back => self.push_decline(ask, request, Decline::Busy),
            Ok(frame) => self.push_frame(ask, request, frame),
            Err(why) => self.push_decline(ask, request, why),
        }
        Ok(is_unwanted)
    }

    fn push_decline(&mut self, ask: AskId, request: u32, why: Decline) {
        let reply = BulkReply { request, outcome: BulkOutcome::Declined(why) };
        self.outbox.push(reply.to_bytes().to_vec(), Some(Answered { ask, request, frame_bytes: None }));
    }

    fn push_frame(&mut self, ask: AskId, request: u32, frame: Frame) {
        let bytes = u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX);
        let outcome = BulkOutcome::Frame { kind: frame.kind, bytes };
        self.outbox.push(BulkReply { request, outcome }.to_bytes().to_vec(), None);
        self.outbox.push(frame.bytes, Some(Answered { ask, request, frame_bytes: Some(bytes) }));
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
            let Ok(Answered { ask, frame_bytes, request: _ }) = written else {
                return Poll::Ready(GiverEvent::Gone);
            };
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

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_core::FrameKind;
    use std::io;
    use std::pin::Pin;
    use std::task::Waker;

    /// Gives what is in it, and takes so many bytes.
    #[derive(Debug, Default)]
    struct Far {
        said: Vec<u8>,
        room: usize,
        heard: Vec<u8>,
    }

    impl AsyncRead for Far {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            into: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            let count = into.len().min(self.said.len());
            if count == 0 {
                return Poll::Pending;
            }
            into[..count].copy_from_slice(&self.said[..count]);
            self.said.drain(..count);
            Poll::Ready(Ok(count))
        }
    }

    impl AsyncWrite for Far {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let count = bytes.len().min(self.room);
            if count == 0 {
                return Poll::Pending;
            }
            self.room -= count;
            self.heard.extend(&bytes[..count]);
            Poll::Ready(Ok(count))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn poll(giver: &mut Giver<Far>) -> Poll<GiverEvent> {
        giver.poll(&mut Context::from_waker(Waker::noop()))
    }

    /// What the peer says now, as it is accepted; asks are named from this number on.
    fn say(giver: &mut Giver<Far>, requests: &[BulkRequest], first: u64) -> Accepted {
        giver.stream.said = requests.iter().flat_map(|request| request.to_bytes()).collect();
        let Poll::Ready(GiverEvent::Asked(read)) = poll(giver) else { panic!("nothing was read") };
        let mut names = first..;
        giver.accept(read, || AskId(names.next().unwrap()))
    }

    fn ask(request: u32) -> BulkRequest {
        BulkRequest { request, chunk: ChunkId::of(&request.to_le_bytes()) }
    }

    fn frame() -> Frame {
        Frame { kind: FrameKind::Raw, bytes: vec![9; 100] }
    }

    /// Asked for three chunks, under the requests 1 to 3.
    fn giver() -> Giver<Far> {
        let mut giver = Giver::new(Far::default(), &Patience::default(), Pace::default());
        let asked = say(&mut giver, &[ask(1), ask(2), ask(3)], 1).asked;
        assert_eq!(asked.iter().map(|(ask, _)| ask.0).collect::<Vec<_>>(), [1, 2, 3]);
        giver
    }

    #[tokio::test(start_paused = true)]
    async fn a_frame_that_was_not_begun_is_not_sent_once_its_request_is_taken_back() {
        let mut giver = giver();
        giver.stream.room = 50;
        for number in 1..=2 {
            giver.answer(AskId(number), Ok(frame())).unwrap();
        }
        assert!(poll(&mut giver).is_pending());
        let back: Vec<_> = (1..=3).map(BulkRequest::take_back).collect();
        let accepted = say(&mut giver, &back, 10);
        let expected = Accepted { asked: vec![], taken_back: vec![AskId(3)], unwanted: vec![AskId(2)] };
        assert_eq!(accepted, expected, "the first was begun, the third waits for the driver");
        assert_eq!(say(&mut giver, &[BulkRequest::take_back(3)], 10), Accepted::default(), "it is said once");
        assert_eq!(giver.answer(AskId(3), Ok(frame())), Ok(true), "it was read, and is not sent");
        giver.stream.room = 1000;
        assert_eq!(poll(&mut giver), Poll::Ready(GiverEvent::Served(AskId(1), 100)));
        assert!(poll(&mut giver).is_pending());
        assert_eq!(giver.stream.heard.len(), 12 + 100 + 12 + 12, "a frame and two declines");
        assert!(!giver.is_busy(), "each had its one reply");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_answered_or_never_asked_for_is_taken_back_without_effect() {
        let mut giver = giver();
        giver.stream.room = 1000;
        giver.answer(AskId(1), Ok(frame())).unwrap();
        assert!(matches!(poll(&mut giver), Poll::Ready(GiverEvent::Served(..))));
        let accepted = say(&mut giver, &[BulkRequest::take_back(1), BulkRequest::take_back(77)], 10);
        assert_eq!(accepted, Accepted::default());
        assert_eq!(giver.under_way(), 2);
    }
}
