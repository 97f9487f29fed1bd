//! Reading up to a known length, and writing with a deadline: what all streams of the wire are made of.

use super::upload::Pace;
use futures::{AsyncRead, AsyncWrite};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// How much a buffer grows at once, so that a peer must send what it announces before memory is spent on it.
const GROWTH_BYTES: usize = 64 * 1024;

/// Pieces that are written at once at most: a few headers and frames.
const PIECES_MAX: usize = 8;

/// Bytes that are being read, up to a length known beforehand.
#[derive(Debug)]
pub(super) struct Filling {
    bytes: Vec<u8>,
    filled: usize,
    target: usize,
}

impl Filling {
    /// Reads so many bytes; memory follows what arrives.
    pub(super) fn new(target: usize) -> Self {
        Self { bytes: Vec::new(), filled: 0, target }
    }

    /// Reads so many bytes, which were asked for: the memory is reserved at once, so that nothing is moved.
    pub(super) fn asked(target: usize) -> Self {
        Self { bytes: Vec::with_capacity(target), filled: 0, target }
    }

    /// Goes on until all bytes are there. An end before that is an error.
    pub(super) fn poll<S>(&mut self, cx: &mut Context<'_>, stream: &mut S) -> Poll<io::Result<()>>
    where
        S: AsyncRead + Unpin,
    {
        while self.filled < self.target {
            let count = ready!(Pin::new(&mut *stream).poll_read(cx, self.room()))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            self.filled = self.filled.saturating_add(count);
        }
        Poll::Ready(Ok(()))
    }

    fn room(&mut self) -> &mut [u8] {
        if self.filled == self.bytes.len() {
            let grown = self.filled.saturating_add(GROWTH_BYTES).min(self.target);
            self.bytes.resize(grown, 0);
        }
        self.bytes.get_mut(self.filled..).unwrap_or_default()
    }

    /// What was read.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// What was read, when it is a header of this length.
    pub(super) fn header<const N: usize>(&self) -> Option<&[u8; N]> {
        self.bytes.as_slice().try_into().ok()
    }
}

/// Goes off when nothing happened for some time. Cheap to touch: the timer moves only when it goes off.
#[derive(Debug)]
pub(super) struct Watch {
    since: Instant,
    limit: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Watch {
    /// Begins now.
    pub(super) fn new(limit: Duration) -> Self {
        Self { since: Instant::now(), limit, timer: None }
    }

    /// Something happened.
    pub(super) fn touch(&mut self) {
        self.since = Instant::now();
    }

    /// From now on it goes off after another time.
    pub(super) fn set_limit(&mut self, limit: Duration) {
        if self.limit != limit {
            self.limit = limit;
            self.timer = None;
        }
    }

    /// Ready once nothing happened for the whole time.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let due = self.since + self.limit;
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
            ready!(timer.as_mut().poll(cx));
            if due <= timer.deadline() {
                return Poll::Ready(());
            }
            timer.as_mut().reset(due);
        }
    }
}

/// What waits to be written to one stream, in order. Whoever pushes bounds it; a peer that takes nothing for
/// the given time ends it.
#[derive(Debug)]
pub(super) struct Outbox<M> {
    pieces: VecDeque<Piece<M>>,
    /** from the begin of the first piece on; it may reach into others */
    written: usize,
    /** a part was written of what ends with the next mark */
    begun: bool,
    unflushed: bool,
    watch: Watch,
    pace: Pace,
}

#[derive(Debug)]
struct Piece<M> {
    bytes: Vec<u8>,
    mark: Option<M>,
}

impl<M> Outbox<M> {
    /// Empty; gives up on a peer that takes nothing for `stall`.
    pub(super) fn new(stall: Duration) -> Self {
        Self::paced(stall, Pace::default())
    }

    /// The same; writes no faster than its pace.
    pub(super) fn paced(stall: Duration, pace: Pace) -> Self {
        let watch = Watch::new(stall);
        Self { pieces: VecDeque::new(), written: 0, begun: false, unflushed: false, watch, pace }
    }

    /// Appends bytes. The mark comes back from [`Outbox::poll`] when they are written.
    pub(super) fn push(&mut self, bytes: Vec<u8>, mark: Option<M>) {
        if self.pieces.is_empty() {
            self.watch.touch();
        }
        self.pieces.push_back(Piece { bytes, mark });
    }

    /// Takes out what ends with such a mark and begins after the mark before, unless a part of it was written.
    pub(super) fn take_unbegun(&mut self, is_such: impl Fn(&M) -> bool) -> Option<M> {
        let end = self.pieces.iter().position(|piece| piece.mark.as_ref().is_some_and(&is_such))?;
        let before = self.pieces.iter().take(end).rposition(|piece| piece.mark.is_some());
        let begin = before.map_or(0, |before| before + 1);
        let before: usize = self.pieces.iter().take(begin).map(|piece| piece.bytes.len()).sum();
        if self.written > before || (begin == 0 && self.begun) {
            return None;
        }
        self.pieces.drain(begin..=end).last().and_then(|piece| piece.mark)
    }

    /// Whether everything was handed to the stream.
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty() && !self.unflushed
    }

    /// The marks of what was not written.
    pub(super) fn into_marks(self) -> impl Iterator<Item = M> {
        self.pieces.into_iter().filter_map(|piece| piece.mark)
    }

    /// Writes what the stream takes. Ready with the next mark that was reached; pending when all is written too.
    pub(super) fn poll<S>(&mut self, cx: &mut Context<'_>, stream: &mut S) -> Poll<io::Result<M>>
    where
        S: AsyncWrite + Unpin,
    {
        loop {
            match self.poll_front(cx, stream) {
                Poll::Ready(Ok(Some(mark))) => return Poll::Ready(Ok(mark)),
                Poll::Ready(Ok(None)) => self.watch.touch(),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if self.is_empty() => return Poll::Pending,
                Poll::Pending => {
                    ready!(self.watch.poll(cx));
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
            }
        }
    }

    /// One step: a write, the end of a piece, or the flush after the last.
    fn poll_front<S>(&mut self, cx: &mut Context<'_>, stream: &mut S) -> Poll<io::Result<Option<M>>>
    where
        S: AsyncWrite + Unpin,
    {
        let Some(piece) = self.pieces.front() else { return self.poll_flush(cx, stream) };
        if let Some(more) = self.written.checked_sub(piece.bytes.len()) {
            self.written = more;
            let mark = self.pieces.pop_front().and_then(|piece| piece.mark);
            self.begun = mark.is_none() || more > 0;
            return Poll::Ready(Ok(mark));
        }
        let bytes: usize = self.pieces.iter().take(PIECES_MAX).map(|piece| piece.bytes.len()).sum();
        let rest = bytes.saturating_sub(self.written);
        let Poll::Ready(turn) = self.pace.poll(cx, rest) else { return self.poll_turn(cx, stream) };
        let count = ready!(Pin::new(stream).poll_write_vectored(cx, &self.next(turn)))?;
        if count == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.pace.wrote(count);
        self.written = self.written.saturating_add(count);
        (self.begun, self.unflushed) = (true, true);
        Poll::Ready(Ok(None))
    }

    /// So many of the next bytes at most.
    fn next(&self, most: usize) -> [IoSlice<'_>; PIECES_MAX] {
        let (mut skip, mut left) = (self.written, most);
        let mut pieces = self.pieces.iter();
        std::array::from_fn(|_| {
            let piece = pieces.next().map_or(&[][..], |piece| &piece.bytes);
            let rest = piece.get(skip..).unwrap_or_default();
            let rest = rest.get(..left).unwrap_or(rest);
            (skip, left) = (skip.saturating_sub(piece.len()), left.saturating_sub(rest.len()));
            IoSlice::new(rest)
        })
    }

    /// It is not this stream's turn: what was written goes out meanwhile, and that nothing more is taken is not the peer's
    /// fault.
    fn poll_turn<S>(&mut self, cx: &mut Context<'_>, stream: &mut S) -> Poll<io::Result<Option<M>>>
    where
        S: AsyncWrite + Unpin,
    {
        if !self.unflushed {
            self.watch.touch();
        }
        self.poll_flush(cx, stream)
    }

    fn poll_flush<S>(&mut self, cx: &mut Context<'_>, stream: &mut S) -> Poll<io::Result<Option<M>>>
    where
        S: AsyncWrite + Unpin,
    {
        if self.pieces.is_empty() {
            self.pace.rest();
        }
        if !self.unflushed {
            return Poll::Pending;
        }
        ready!(Pin::new(stream).poll_flush(cx))?;
        self.unflushed = false;
        Poll::Ready(Ok(None))
    }
}

#[cfg(test)]
mod tests {
    use super::super::upload::Upload;
    use super::*;
    use futures::io::Cursor;
    use pollux_core::{PeerId, PublicKey};
    use proptest::prelude::*;
    use std::num::NonZeroU64;
    use std::sync::Arc;
    use std::task::Waker;

    fn cx() -> Context<'static> {
        Context::from_waker(Waker::noop())
    }

    /// Takes so many bytes, then no more; of several pieces at once, if it is told so.
    #[derive(Default)]
    struct Narrow {
        room: usize,
        taken: Vec<u8>,
        gathers: bool,
    }

    impl AsyncWrite for Narrow {
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
            self.taken.extend(&bytes[..count]);
            Poll::Ready(Ok(count))
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            pieces: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let some = if self.gathers { pieces } else { &pieces[..1] };
            self.poll_write(cx, &some.iter().flat_map(|piece| piece.iter().copied()).collect::<Vec<u8>>())
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn so_many_bytes_are_read_and_no_more() {
        let mut stream = Cursor::new(vec![5; 300_000]);
        for mut filling in [Filling::new(200_000), Filling::asked(100_000)] {
            let target = filling.target;
            assert!(matches!(filling.poll(&mut cx(), &mut stream), Poll::Ready(Ok(()))));
            assert_eq!(filling.into_bytes(), vec![5; target]);
        }
        let mut more = Filling::new(1);
        let Poll::Ready(Err(error)) = more.poll(&mut cx(), &mut stream) else { panic!("there is no more") };
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn memory_follows_what_arrives() {
        let mut stream = Cursor::new(vec![5; 10]);
        let mut filling = Filling::new(1 << 40);
        assert!(matches!(filling.poll(&mut cx(), &mut stream), Poll::Ready(Err(_))));
        assert!(filling.bytes.capacity() <= 2 * GROWTH_BYTES);
    }

    #[test]
    fn nothing_at_all_is_read_at_once() {
        let mut filling = Filling::new(0);
        assert!(filling.poll(&mut cx(), &mut Cursor::new(Vec::new())).is_ready());
        assert_eq!(filling.header::<0>(), Some(&[]));
        assert_eq!(filling.header::<1>(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn marks_come_back_in_order_when_their_bytes_are_written() {
        let mut stream = Narrow { room: 5, ..Narrow::default() };
        let mut outbox = Outbox::new(Duration::from_secs(1));
        outbox.push(vec![1; 2], None);
        outbox.push(vec![2; 2], Some('a'));
        outbox.push(Vec::new(), Some('b'));
        outbox.push(vec![3; 2], Some('c'));
        assert!(matches!(outbox.poll(&mut cx(), &mut stream), Poll::Ready(Ok('a'))));
        assert!(matches!(outbox.poll(&mut cx(), &mut stream), Poll::Ready(Ok('b'))));
        assert!(outbox.poll(&mut cx(), &mut stream).is_pending());
        assert!(!outbox.is_empty());
        stream.room = 9;
        assert!(matches!(outbox.poll(&mut cx(), &mut stream), Poll::Ready(Ok('c'))));
        assert!(outbox.poll(&mut cx(), &mut stream).is_pending());
        assert!(outbox.is_empty());
        assert_eq!(stream.taken, [1, 1, 2, 2, 3, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_begun_can_be_taken_out_whole() {
        let mut stream = Narrow { room: 0, ..Narrow::default() };
        let mut outbox = Outbox::new(Duration::from_secs(1));
        for number in 1..=3 {
            outbox.push(vec![number; 2], None);
            outbox.push(vec![number * 10; 2], Some(number));
        }
        // The first part of the first is written.
        stream.room = 2;
        assert!(outbox.poll(&mut cx(), &mut stream).is_pending());
        assert_eq!(outbox.take_unbegun(|mark| *mark == 1), None);
        assert_eq!(outbox.take_unbegun(|mark| *mark == 2), Some(2));
        assert_eq!(outbox.take_unbegun(|mark| *mark == 2), None);
        stream.room = 2;
        assert!(matches!(outbox.poll(&mut cx(), &mut stream), Poll::Ready(Ok(1))));
        assert_eq!(outbox.take_unbegun(|mark| *mark == 3), Some(3), "nothing of it is written yet");
        assert!(outbox.poll(&mut cx(), &mut stream).is_pending());
        assert!(outbox.is_empty());
        assert_eq!(stream.taken, [1, 1, 10, 10]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_write_reached_into_is_begun_and_stays() {
        let mut stream = Narrow { room: 9, gathers: true, ..Narrow::default() };
        let mut outbox = Outbox::new(Duration::from_secs(1));
        for number in 1..=4 {
            outbox.push(vec![number; 2], None);
            outbox.push(vec![number * 10; 2], Some(number));
        }
        // One write takes two and a part of the third, and only the first is told yet.
        assert!(matches!(outbox.poll(&mut cx(), &mut stream), Poll::Ready(Ok(1))));
        assert_eq!(stream.taken, [1, 1, 10, 10, 2, 2, 20, 20, 3]);
        assert_eq!(outbox.take_unbegun(|mark| *mark == 2), None);
        assert_eq!(outbox.take_unbegun(|mark| *mark == 3), None);
        assert_eq!(outbox.take_unbegun(|mark| *mark == 4), Some(4));
        stream.room = 9;
        assert!(matches!(outbox.poll(&mut cx(), &mut stream), Poll::Ready(Ok(2))));
        assert!(matches!(outbox.poll(&mut cx(), &mut stream), Poll::Ready(Ok(3))));
        assert!(outbox.poll(&mut cx(), &mut stream).is_pending());
        assert!(outbox.is_empty());
        assert_eq!(stream.taken, [1, 1, 10, 10, 2, 2, 20, 20, 3, 3, 30, 30]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn pieces_come_out_whole_and_in_order_however_they_are_taken(
            pieces in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..50), any::<bool>()), 0..40),
            rooms in prop::collection::vec(1..200_usize, 1..20),
            gathers: bool,
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let _guard = runtime.enter();
            let mut stream = Narrow { gathers, ..Narrow::default() };
            let mut outbox = Outbox::new(Duration::from_secs(3600));
            let marks = pieces.iter().enumerate().filter(|(_, (_, marked))| *marked).map(|(at, _)| at);
            let marks: Vec<usize> = marks.collect();
            for (at, (bytes, marked)) in pieces.iter().enumerate() {
                outbox.push(bytes.clone(), marked.then_some(at));
            }
            let mut told = Vec::new();
            for room in rooms.iter().cycle().take(3000) {
                stream.room = *room;
                while let Poll::Ready(mark) = outbox.poll(&mut cx(), &mut stream) {
                    told.push(mark.unwrap());
                }
            }
            prop_assert!(outbox.is_empty());
            prop_assert_eq!(told, marks);
            let all: Vec<u8> = pieces.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
            prop_assert_eq!(stream.taken, all);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_takes_nothing_is_given_up_and_a_slow_one_is_not() {
        let mut stream = Narrow { room: 1, ..Narrow::default() };
        let mut outbox = Outbox::new(Duration::from_secs(30));
        outbox.push(vec![1; 10], Some(()));
        for _ in 0..5 {
            stream.room = 1;
            assert!(outbox.poll(&mut cx(), &mut stream).is_pending());
            tokio::time::advance(Duration::from_secs(29)).await;
        }
        assert!(outbox.poll(&mut cx(), &mut stream).is_pending());
        tokio::time::advance(Duration::from_secs(2)).await;
        let Poll::Ready(Err(error)) = outbox.poll(&mut cx(), &mut stream) else { panic!("not given up") };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(outbox.into_marks().count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_its_turn_is_not_given_up() {
        let upload = Arc::new(Upload::new(NonZeroU64::new(100).unwrap()));
        let peer = PeerId::new(PublicKey::from_bytes([1; 32]));
        let mut stream = Narrow { room: 20_000, ..Narrow::default() };
        let mut outbox = Outbox::paced(Duration::from_secs(1), Pace::new(Some(upload), peer));
        outbox.push(vec![1; 8192], Some(()));
        let began = Instant::now();
        let written = std::future::poll_fn(|cx| outbox.poll(cx, &mut stream)).await;
        assert!(written.is_ok());
        assert!(began.elapsed() >= Duration::from_secs(40), "4096 bytes take that long");
        assert_eq!(stream.taken.len(), 8192);
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_outbox_is_not_given_up() {
        let mut stream = Narrow { room: 100, ..Narrow::default() };
        let mut outbox = Outbox::<()>::new(Duration::from_secs(1));
        tokio::time::advance(Duration::from_secs(100)).await;
        assert!(outbox.poll(&mut cx(), &mut stream).is_pending());
        stream.room = 0;
        outbox.push(vec![1], None);
        assert!(outbox.poll(&mut cx(), &mut stream).is_pending());
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_goes_off_once_nothing_happened_for_long_enough() {
        let mut watch = Watch::new(Duration::from_secs(10));
        for _ in 0..3 {
            assert!(watch.poll(&mut cx()).is_pending());
            tokio::time::advance(Duration::from_secs(9)).await;
            watch.touch();
        }
        tokio::time::advance(Duration::from_secs(9)).await;
        assert!(watch.poll(&mut cx()).is_pending());
        watch.set_limit(Duration::from_secs(5));
        assert!(watch.poll(&mut cx()).is_ready());
    }
}
