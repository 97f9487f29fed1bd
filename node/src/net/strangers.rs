//! How much is read of a connection before its peer is known to belong, whatever that peer says on however many streams.
//!
//! The multiplexer keeps what arrives for a stream until somebody takes it, up to a window of 256 KiB each, and it knows
//! nobody's standing. So its socket is on a ration: past [`STRANGER_SOCKET_BYTES_MAX`] nothing is read, the kernel's buffers
//! fill, and the peer waits, until it is admitted or the engine lets it go. Who belongs is not slowed by it.

use super::bounds::STRANGER_SOCKET_BYTES_MAX;
use futures::task::AtomicWaker;
use futures::{AsyncRead, AsyncWrite};
use libp2p::PeerId;
use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

/// All connections whose peers are not known to belong: as many as there are connections at most. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Strangers {
    waiting: Arc<Mutex<BTreeMap<PeerId, Vec<Arc<Admission>>>>>,
}

/// Whether the peer of one connection belongs, and who waits to hear it.
#[derive(Debug, Default)]
struct Admission {
    granted: AtomicBool,
    waiting: AtomicWaker,
}

impl Strangers {
    /// The peer belongs: everything that it says on the connections that it has now is read.
    pub(super) fn admit(&self, peer: &PeerId) {
        let admissions = self.lock().remove(peer);
        for admission in admissions.into_iter().flatten() {
            admission.granted.store(true, Ordering::Release);
            admission.waiting.wake();
        }
    }

    /// A new connection of this peer.
    pub(super) fn ration(&self, peer: PeerId) -> Ration {
        let admission = Arc::new(Admission::default());
        self.lock().entry(peer).or_default().push(Arc::clone(&admission));
        Ration { left: STRANGER_SOCKET_BYTES_MAX, peer, admission, strangers: self.clone() }
    }

    fn forget(&self, peer: &PeerId, gone: &Arc<Admission>) {
        let mut waiting = self.lock();
        let Some(admissions) = waiting.get_mut(peer) else { return };
        admissions.retain(|admission| !Arc::ptr_eq(admission, gone));
        if admissions.is_empty() {
            waiting.remove(peer);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PeerId, Vec<Arc<Admission>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What may still be read of one connection.
#[derive(Debug)]
pub(super) struct Ration {
    left: usize,
    peer: PeerId,
    admission: Arc<Admission>,
    strangers: Strangers,
}

impl Ration {
    fn is_lifted(&self) -> bool {
        self.admission.granted.load(Ordering::Acquire)
    }

    /// Ready with the bytes that may be read; none: as many as there are.
    fn poll(&self, cx: &Context<'_>) -> Poll<Option<usize>> {
        if self.is_lifted() {
            return Poll::Ready(None);
        }
        if self.left > 0 {
            return Poll::Ready(Some(self.left));
        }
        self.admission.waiting.register(cx.waker());
        // It may have been granted just before.
        if self.is_lifted() { Poll::Ready(None) } else { Poll::Pending }
    }
}

impl Drop for Ration {
    fn drop(&mut self) {
        self.strangers.forget(&self.peer, &self.admission);
    }
}

/// A socket that is read no further than its ration.
#[derive(Debug)]
pub(super) struct Rationed<S> {
    inner: S,
    /// None: the peer belongs.
    ration: Option<Ration>,
}

impl<S> Rationed<S> {
    /// Around a socket.
    pub(super) fn new(inner: S, ration: Ration) -> Self {
        Self { inner, ration: Some(ration) }
    }

    #[cfg(test)]
    pub(super) fn inner(&self) -> &S {
        &self.inner
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Rationed<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let most = match &this.ration {
            Some(ration) => ready!(ration.poll(cx)),
            None => None,
        };
        let Some(most) = most else {
            this.ration = None;
            return Pin::new(&mut this.inner).poll_read(cx, into);
        };
        let room = into.len().min(most);
        let count =
            ready!(Pin::new(&mut this.inner).poll_read(cx, into.get_mut(..room).unwrap_or_default()))?;
        if let Some(ration) = &mut this.ration {
            ration.left = ration.left.saturating_sub(count);
        }
        Poll::Ready(Ok(count))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rationed<S> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use futures::io::Cursor;
    use futures::task::{ArcWake, waker};
    use std::sync::atomic::AtomicUsize;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl ArcWake for Wakes {
        fn wake_by_ref(this: &Arc<Self>) {
            this.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Reads until nothing more comes for now; how much that is.
    fn drain(socket: &mut Rationed<Cursor<Vec<u8>>>, wakes: &Arc<Wakes>) -> (usize, bool) {
        let waker = waker(Arc::clone(wakes));
        let (mut cx, mut total) = (Context::from_waker(&waker), 0);
        loop {
            match Pin::new(&mut *socket).poll_read(&mut cx, &mut [0; 1000]) {
                Poll::Ready(Ok(0)) => return (total, true),
                Poll::Ready(count) => total += count.expect("a cursor"),
                Poll::Pending => return (total, false),
            }
        }
    }

    fn socket(strangers: &Strangers, peer: PeerId) -> Rationed<Cursor<Vec<u8>>> {
        Rationed::new(Cursor::new(vec![0; 3 * STRANGER_SOCKET_BYTES_MAX]), strangers.ration(peer))
    }

    #[test]
    fn a_stranger_waits_past_its_ration_and_is_read_on_once_it_belongs() {
        let (strangers, peer, wakes) = (Strangers::default(), PeerId::random(), Arc::new(Wakes::default()));
        let mut sockets = [socket(&strangers, peer), socket(&strangers, peer)];
        assert_eq!(drain(&mut sockets[0], &wakes), (STRANGER_SOCKET_BYTES_MAX, false));
        strangers.admit(&PeerId::random());
        assert_eq!(drain(&mut sockets[0], &wakes), (0, false), "another was admitted");
        assert_eq!(wakes.0.load(Ordering::Relaxed), 0);
        strangers.admit(&peer);
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1, "the one that waits");
        assert_eq!(drain(&mut sockets[0], &wakes), (2 * STRANGER_SOCKET_BYTES_MAX, true));
        assert_eq!(drain(&mut sockets[1], &wakes), (3 * STRANGER_SOCKET_BYTES_MAX, true));
        assert_eq!(
            drain(&mut socket(&strangers, peer), &wakes),
            (STRANGER_SOCKET_BYTES_MAX, false),
            "a later one"
        );
    }

    #[test]
    fn nothing_is_left_of_connections_that_are_gone() {
        let (strangers, peer) = (Strangers::default(), PeerId::random());
        let (first, second) = (socket(&strangers, peer), socket(&strangers, peer));
        drop(first);
        assert_eq!(strangers.lock().get(&peer).map(Vec::len), Some(1));
        drop(second);
        assert!(strangers.lock().is_empty());
    }
}
