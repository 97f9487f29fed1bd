//! Fewer, larger reads and writes: ahead of TLS, which reads a few kilobytes at a time, and behind yamux, which
//! writes each header apart. A connection that is quiet holds no buffer: a seed has tens of thousands of them.

use futures::{AsyncRead, AsyncWrite};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// One buffer: four TLS records, which is also what the kernel hands over at once under load.
pub(super) const BUFFER_BYTES: usize = 64 * 1024;

/// The buffer of a connection that begins to read: enough for requests and small messages, and cheap to make.
const SMALL_BUFFER_BYTES: usize = 4 * 1024;

/// A connection whose last flush, or last few reads, were of less is quiet: its buffer is given back.
const QUIET_BYTES: usize = BUFFER_BYTES / 4;

/// Reads in a row of less than that. Under load the kernel hands over what is there, now and then little.
const QUIET_READS: u8 = 4;

/// Reads ahead; writes go straight through.
#[derive(Debug)]
pub(super) struct ReadAhead<S> {
    inner: S,
    buffer: Vec<u8>,
    /// Where the unread bytes begin and end in the buffer.
    start: usize,
    end: usize,
    /// Reads in a row that were small.
    small_reads: u8,
}

impl<S> ReadAhead<S> {
    /// Around a socket.
    pub(super) fn new(inner: S) -> Self {
        Self { inner, buffer: Vec::new(), start: 0, end: 0, small_reads: 0 }
    }
}

impl<S: AsyncRead + Unpin> ReadAhead<S> {
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let was_filled = self.end > 0 && self.end == self.buffer.len();
        let least = if was_filled { BUFFER_BYTES } else { SMALL_BUFFER_BYTES };
        if self.buffer.len() < least {
            self.buffer.resize(least, 0);
        }
        let count = match Pin::new(&mut self.inner).poll_read(cx, &mut self.buffer) {
            Poll::Ready(count) => count?,
            Poll::Pending => {
                if self.small_reads >= QUIET_READS || self.buffer.len() <= SMALL_BUFFER_BYTES {
                    (self.buffer, self.start, self.end) = (Vec::new(), 0, 0);
                }
                return Poll::Pending;
            }
        };
        (self.start, self.end) = (0, count);
        self.small_reads = if count < QUIET_BYTES { self.small_reads.saturating_add(1) } else { 0 };
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ReadAhead<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.start == this.end {
            ready!(this.poll_fill(cx))?;
        }
        let mut unread = this.buffer.get(this.start..this.end).unwrap_or_default();
        let count = io::Read::read(&mut unread, into)?;
        this.start = this.start.saturating_add(count);
        Poll::Ready(Ok(count))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ReadAhead<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write_vectored(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_close(cx)
    }
}

/// Gathers what is written until it is flushed; reads go straight through.
#[derive(Debug)]
pub(super) struct WriteBehind<S> {
    inner: S,
    buffer: Vec<u8>,
    /// How much of the buffer is written.
    written: usize,
}

impl<S> WriteBehind<S> {
    /// Around a stream.
    pub(super) fn new(inner: S) -> Self {
        Self { inner, buffer: Vec::new(), written: 0 }
    }
}

impl<S: AsyncWrite + Unpin> WriteBehind<S> {
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.buffer.get(self.written..).filter(|rest| !rest.is_empty()) {
            let count = ready!(Pin::new(&mut self.inner).poll_write(cx, rest))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written = self.written.saturating_add(count);
        }
        self.written = 0;
        self.buffer.clear();
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteBehind<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.buffer.len() >= BUFFER_BYTES {
            ready!(this.poll_drain(cx))?;
        }
        if this.buffer.capacity() == 0 {
            this.buffer.reserve_exact(BUFFER_BYTES);
        }
        let room = BUFFER_BYTES.saturating_sub(this.buffer.len());
        let taken = bytes.get(..room).unwrap_or(bytes);
        this.buffer.extend_from_slice(taken);
        Poll::Ready(Ok(taken.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let quiet = this.buffer.len() < QUIET_BYTES;
        ready!(this.poll_drain(cx))?;
        if quiet {
            this.buffer = Vec::new();
        }
        Pin::new(&mut this.inner).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_drain(cx))?;
        Pin::new(&mut this.inner).poll_close(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteBehind<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_read(cx, into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use futures::io::Cursor;
    use futures::{AsyncReadExt, AsyncWriteExt};
    use proptest::prelude::*;
    use std::collections::VecDeque;

    /// Takes and gives a few bytes at a time, and is not ready every other time.
    #[derive(Default)]
    struct Fitful {
        taken: Vec<u8>,
        sizes: VecDeque<usize>,
        resting: bool,
        flushes: usize,
    }

    impl AsyncWrite for Fitful {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.resting = !self.resting;
            if self.resting {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let size = self.sizes.pop_front().unwrap_or(usize::MAX).min(bytes.len());
            self.taken.extend_from_slice(&bytes[..size]);
            Poll::Ready(Ok(size))
        }

        fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.flushes += 1;
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_written_comes_out_in_order(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..100_000), 0..6),
            sizes in prop::collection::vec(1..50_000_usize, 0..20),
        ) {
            let mut behind = WriteBehind::new(Fitful { sizes: sizes.into(), ..Fitful::default() });
            block_on(async {
                for piece in &pieces {
                    behind.write_all(piece).await.expect("it takes everything");
                }
                behind.flush().await.expect("it takes everything");
                behind.flush().await.expect("there is nothing to take");
            });
            prop_assert_eq!(&behind.inner.taken, &pieces.concat());
            prop_assert_eq!(behind.buffer.capacity(), 0);
        }

        #[test]
        fn what_is_read_ahead_comes_out_in_order(
            bytes in prop::collection::vec(any::<u8>(), 0..200_000),
            sizes in prop::collection::vec(1..100_000_usize, 1..20),
        ) {
            let mut ahead = ReadAhead::new(Cursor::new(bytes.clone()));
            let read = block_on(async {
                let mut read = Vec::new();
                for size in sizes.iter().cycle() {
                    let mut piece = vec![0; *size];
                    let count = ahead.read(&mut piece).await.expect("a cursor");
                    if count == 0 {
                        break;
                    }
                    read.extend_from_slice(&piece[..count]);
                }
                read
            });
            prop_assert_eq!(read, bytes);
        }
    }

    #[test]
    fn headers_and_bodies_leave_together() {
        let mut behind = WriteBehind::new(Fitful::default());
        block_on(async {
            for _ in 0..100 {
                behind.write_all(&[1; 12]).await.expect("it takes everything");
                behind.write_all(&[2; 100]).await.expect("it takes everything");
            }
        });
        assert_eq!((behind.inner.taken.len(), behind.inner.flushes), (0, 0));
        block_on(behind.flush()).expect("it takes everything");
        assert_eq!((behind.inner.taken.len(), behind.inner.flushes), (11_200, 1));
    }

    #[test]
    fn a_quiet_connection_holds_no_buffer() {
        struct Quiet(VecDeque<usize>);
        impl AsyncRead for Quiet {
            fn poll_read(
                mut self: Pin<&mut Self>,
                _: &mut Context<'_>,
                _: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                self.0.pop_front().map_or(Poll::Pending, |count| Poll::Ready(Ok(count)))
            }
        }
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let mut into = [0; BUFFER_BYTES];

        let mut ahead = ReadAhead::new(Quiet([100].into()));
        assert!(Pin::new(&mut ahead).poll_read(&mut cx, &mut into).is_ready());
        assert!(Pin::new(&mut ahead).poll_read(&mut cx, &mut into).is_pending());
        assert_eq!(ahead.buffer.capacity(), 0);

        let after = [SMALL_BUFFER_BYTES, BUFFER_BYTES].into_iter().chain([100; 4]);
        let mut ahead = ReadAhead::new(Quiet(after.collect()));
        while Pin::new(&mut ahead).poll_read(&mut cx, &mut into).is_ready() {}
        assert_eq!(ahead.buffer.capacity(), 0, "it was busy once");

        let mut ahead = ReadAhead::new(Quiet([SMALL_BUFFER_BYTES, BUFFER_BYTES].into()));
        assert!(Pin::new(&mut ahead).poll_read(&mut cx, &mut into).is_ready());
        assert_eq!(ahead.buffer.len(), SMALL_BUFFER_BYTES);
        assert!(Pin::new(&mut ahead).poll_read(&mut cx, &mut into).is_ready());
        assert!(Pin::new(&mut ahead).poll_read(&mut cx, &mut into).is_pending());
        assert_eq!(ahead.buffer.len(), BUFFER_BYTES, "it was filled, and more");
    }
}
