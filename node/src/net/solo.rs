//! A connection that is one stream: what a bulk connection is.
//!
//! A bulk connection carries requests one way and frames the other, and nothing else. A multiplexer would copy each byte twice
//! more on each side and keep windows of its own beside TCP's; without one, frames are read from TLS into their own memory,
//! and a peer that takes nothing is felt at once. Only who dialled opens the stream, once. The connection ends with it.

use super::muxer::CLOSE_PATIENCE;
use super::strangers::{Ration, Rationed};
use futures::{AsyncRead, AsyncWrite};
use libp2p::core::muxing::{StreamMuxer, StreamMuxerEvent};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::time::Sleep;

/// The connection.
pub(super) struct Solo<S> {
    /// The stream, until it is opened.
    unopened: Option<Whole<S>>,
    dialled: bool,
    returned: Arc<Returned<S>>,
    close_limit: Option<Pin<Box<Sleep>>>,
}

/// The stream: the whole connection.
pub(super) struct Whole<S> {
    /// None only while it is dropped.
    socket: Option<Rationed<S>>,
    returned: Arc<Returned<S>>,
}

/// Where the stream leaves its socket when it is dropped, so that the connection can be closed in good order.
struct Returned<S>(Mutex<(Option<Rationed<S>>, Option<Waker>)>);

impl<S> Returned<S> {
    fn put(&self, socket: Rationed<S>) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.0 = Some(socket);
        if let Some(waiting) = inner.1.take() {
            waiting.wake();
        }
    }

    /// Ready once the stream was dropped.
    fn poll_put(&self, cx: &Context<'_>) -> Poll<()> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.0.is_some() {
            return Poll::Ready(());
        }
        if !inner.1.as_ref().is_some_and(|waiting| waiting.will_wake(cx.waker())) {
            inner.1 = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    fn with<R>(&self, act: impl FnOnce(&mut Rationed<S>) -> R) -> Option<R> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.as_mut().map(act)
    }
}

impl<S> Solo<S> {
    /// Around an encrypted connection, which this node dialled or accepted.
    pub(super) fn new(socket: S, ration: Ration, dialled: bool) -> Self {
        let returned = Arc::new(Returned(Mutex::new((None, None))));
        let socket = Some(Rationed::new(socket, ration));
        let unopened = Some(Whole { socket, returned: Arc::clone(&returned) });
        Self { unopened, dialled, returned, close_limit: None }
    }

    fn open(&mut self, by_dialler: bool) -> Poll<io::Result<Whole<S>>> {
        let stream = if self.dialled == by_dialler { self.unopened.take() } else { None };
        stream.map_or(Poll::Pending, |stream| Poll::Ready(Ok(stream)))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> StreamMuxer for Solo<S> {
    type Substream = Whole<S>;
    type Error = io::Error;

    fn poll_inbound(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<Whole<S>>> {
        self.get_mut().open(false)
    }

    fn poll_outbound(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<Whole<S>>> {
        self.get_mut().open(true)
    }

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<StreamMuxerEvent>> {
        self.returned.poll_put(cx).map(|()| Err(io::ErrorKind::UnexpectedEof.into()))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let limit = this.close_limit.get_or_insert_with(|| Box::pin(tokio::time::sleep(CLOSE_PATIENCE)));
        if limit.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        drop(this.unopened.take());
        this.returned.with(|socket| Pin::new(socket).poll_close(cx)).unwrap_or(Poll::Ready(Ok(())))
    }
}

impl<S> Whole<S> {
    fn socket(self: Pin<&mut Self>) -> io::Result<Pin<&mut Rationed<S>>>
    where
        S: Unpin,
    {
        self.get_mut().socket.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl<S> Drop for Whole<S> {
    fn drop(&mut self) {
        if let Some(socket) = self.socket.take() {
            self.returned.put(socket);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Whole<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        self.socket()?.poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Whole<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.socket()?.poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.socket()?.poll_write_vectored(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_close(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::bounds::STRANGER_SOCKET_BYTES_MAX;
    use crate::net::strangers::Strangers;
    use futures::executor::block_on;
    use futures::io::Cursor;
    use futures::{AsyncReadExt, AsyncWriteExt};
    use libp2p::PeerId;
    use libp2p::core::muxing::StreamMuxerExt;

    type Socket = Cursor<Vec<u8>>;

    fn solo(dialled: bool) -> Solo<Socket> {
        let arrives = vec![7; 2 * STRANGER_SOCKET_BYTES_MAX];
        Solo::new(Cursor::new(arrives), Strangers::default().ration(PeerId::random()), dialled)
    }

    fn cx() -> Context<'static> {
        Context::from_waker(Waker::noop())
    }

    /// Whether the stream was opened so.
    fn opens(solo: &mut Solo<Socket>, outbound: bool) -> bool {
        let mut cx = cx();
        let opened =
            if outbound { solo.poll_outbound_unpin(&mut cx) } else { solo.poll_inbound_unpin(&mut cx) };
        opened.is_ready()
    }

    #[test]
    fn who_dialled_opens_the_stream_once() {
        for dialled in [false, true] {
            let mut solo = solo(dialled);
            assert!(!opens(&mut solo, !dialled), "the other side's");
            assert!(opens(&mut solo, dialled));
            assert!(!opens(&mut solo, dialled), "a second");
        }
    }

    #[test]
    fn it_ends_with_its_stream_and_is_closed_in_good_order() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let _guard = runtime.enter();
        let mut solo = solo(true);
        let Poll::Ready(Ok(mut stream)) = solo.poll_outbound_unpin(&mut cx()) else { panic!("no stream") };
        block_on(stream.write_all(&[1, 2, 3])).expect("a cursor");
        assert!(solo.poll_unpin(&mut cx()).is_pending());
        drop(stream);
        assert!(matches!(solo.poll_unpin(&mut cx()), Poll::Ready(Err(_))));
        assert!(matches!(solo.poll_close_unpin(&mut cx()), Poll::Ready(Ok(()))));
        let written = solo.returned.with(|socket| socket.inner().get_ref()[..4].to_vec());
        assert_eq!(written.as_deref(), Some(&[1, 2, 3, 7][..]));
    }

    #[test]
    fn of_a_stranger_no_more_is_read_than_of_any() {
        let mut solo = solo(false);
        let Poll::Ready(Ok(mut stream)) = solo.poll_inbound_unpin(&mut cx()) else { panic!("no stream") };
        let mut read = vec![0; STRANGER_SOCKET_BYTES_MAX];
        block_on(stream.read_exact(&mut read)).expect("so much is read");
        assert!(Pin::new(&mut stream).poll_read(&mut cx(), &mut [0; 1]).is_pending());
    }
}
