//! What an encrypted connection becomes: yamux, as other libp2p programs speak it, or one stream ([`Solo`]). Who dials for
//! bulk offers only the latter, who dials for anything else only the former; who accepts takes both.
//!
//! libp2p's own wrapper of yamux fixes frames of 16 KiB, each flushed in two writes, and lets a connection grow windows of a
//! gigabyte. Here a frame fills a buffer, and a connection's windows are bounded to what a local network needs.

use super::address::is_bulk;
use super::buffered::{BUFFER_BYTES, WriteBehind};
use super::solo::Solo;
use super::strangers::{Ration, Rationed, Strangers};
use futures::future::{Either, Ready, ready};
use futures::{AsyncRead, AsyncWrite};
use libp2p::PeerId;
use libp2p::core::muxing::{StreamMuxer, StreamMuxerEvent};
use libp2p::core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade};
use libp2p::core::{ConnectedPoint, UpgradeInfo};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::Sleep;
use yamux::{Connection, ConnectionError, Mode, Stream};

/// The upgrades' names in the negotiation.
const YAMUX: &str = "/yamux/1.0.0";
const SOLO: &str = "/pollux/solo/1";

/// Bytes of a frame's header.
const HEADER_BYTES: usize = 12;

/// Streams of one connection at most: it uses three.
const STREAMS_MAX: usize = 16;

/// Bytes that peers may send on all streams of a connection before they are read, at most: 256 KiB for each stream
/// is the protocol's minimum, and as much again for the one that is busy, which fills 10 Gbit/s at 3 ms.
const WINDOWS_BYTES_MAX: usize = 2 * STREAMS_MAX * 256 * 1024;

/// How long the last bytes may take when a connection is closed: a peer that reads nothing must not hold it.
pub(super) const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// The upgrade of an encrypted connection to one with streams.
#[derive(Clone, Debug)]
pub(super) struct Muxing {
    peer: PeerId,
    strangers: Strangers,
    /// The names that are offered, or accepted.
    names: &'static [&'static str],
}

/// A multiplexed connection.
pub(super) struct Muxer<S> {
    connection: Connection<WriteBehind<Rationed<S>>>,
    /// Streams that the peer opened while nobody asked for one; bounded by the streams of the connection.
    opened: VecDeque<Stream>,
    /// Who asks for them.
    asker: Option<Waker>,
    close_limit: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Muxer<S> {
    fn new(socket: S, ration: Ration, mode: Mode) -> Self {
        let mut config = yamux::Config::default();
        config.set_max_num_streams(STREAMS_MAX);
        config.set_max_connection_receive_window(Some(WINDOWS_BYTES_MAX));
        config.set_split_send_size(BUFFER_BYTES.saturating_sub(HEADER_BYTES));
        let connection = Connection::new(WriteBehind::new(Rationed::new(socket, ration)), config, mode);
        Self { connection, opened: VecDeque::new(), asker: None, close_limit: None }
    }

    /// Reads and writes for all streams; ready with a stream that the peer opened.
    fn poll_connection(&mut self, cx: &mut Context<'_>) -> Poll<Result<Stream, ConnectionError>> {
        self.connection.poll_next_inbound(cx).map(|next| next.unwrap_or(Err(ConnectionError::Closed)))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> StreamMuxer for Muxer<S> {
    type Substream = Stream;
    type Error = ConnectionError;

    fn poll_inbound(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Stream, ConnectionError>> {
        let this = self.get_mut();
        if let Some(stream) = this.opened.pop_front() {
            return Poll::Ready(Ok(stream));
        }
        let next = this.poll_connection(cx);
        if next.is_pending() {
            this.asker = Some(cx.waker().clone());
        }
        next
    }

    fn poll_outbound(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Stream, ConnectionError>> {
        self.get_mut().connection.poll_new_outbound(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        let this = self.get_mut();
        let limit = this.close_limit.get_or_insert_with(|| Box::pin(tokio::time::sleep(CLOSE_PATIENCE)));
        if limit.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(ConnectionError::Io(std::io::ErrorKind::TimedOut.into())));
        }
        this.connection.poll_close(cx)
    }

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<StreamMuxerEvent, ConnectionError>> {
        let this = self.get_mut();
        while let Poll::Ready(opened) = this.poll_connection(cx) {
            this.opened.push_back(opened?);
            if let Some(asker) = this.asker.take() {
                asker.wake();
            }
        }
        Poll::Pending
    }
}

impl Muxing {
    /// For a connection of this peer, which is a stranger until it is admitted.
    pub(super) fn new(peer: PeerId, strangers: &Strangers, end: &ConnectedPoint) -> Self {
        let names: &[&str] = match end {
            ConnectedPoint::Listener { .. } => &[YAMUX, SOLO],
            ConnectedPoint::Dialer { address, .. } if is_bulk(address) => &[SOLO],
            ConnectedPoint::Dialer { .. } => &[YAMUX],
        };
        Self { peer, strangers: strangers.clone(), names }
    }

    fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(&self, socket: S, name: &str, mode: Mode) -> Streams<S> {
        let ration = self.strangers.ration(self.peer);
        if name == SOLO {
            Either::Right(Solo::new(socket, ration, mode == Mode::Client))
        } else {
            Either::Left(Muxer::new(socket, ration, mode))
        }
    }
}

/// What the upgrade comes to.
type Streams<S> = Either<Muxer<S>, Solo<S>>;

impl UpgradeInfo for Muxing {
    type Info = &'static str;
    type InfoIter = std::iter::Copied<std::slice::Iter<'static, &'static str>>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.names.iter().copied()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> InboundConnectionUpgrade<S> for Muxing {
    type Output = Streams<S>;
    type Error = Infallible;
    type Future = Ready<Result<Streams<S>, Infallible>>;

    fn upgrade_inbound(self, socket: S, name: &'static str) -> Self::Future {
        ready(Ok(self.upgrade(socket, name, Mode::Server)))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> OutboundConnectionUpgrade<S> for Muxing {
    type Output = Streams<S>;
    type Error = Infallible;
    type Future = Ready<Result<Streams<S>, Infallible>>;

    fn upgrade_outbound(self, socket: S, name: &'static str) -> Self::Future {
        ready(Ok(self.upgrade(socket, name, Mode::Client)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::address::{for_bulk, to_multiaddr};
    use crate::net::bounds::STRANGER_SOCKET_BYTES_MAX;
    use futures::io::Cursor;
    use libp2p::core::Endpoint;
    use libp2p::core::transport::PortUse;

    fn muxer(arrives: Vec<u8>, strangers: &Strangers) -> Muxer<Cursor<Vec<u8>>> {
        Muxer::new(Cursor::new(arrives), strangers.ration(PeerId::random()), Mode::Server)
    }

    #[test]
    fn what_is_no_yamux_is_an_error() {
        let mut cx = Context::from_waker(Waker::noop());
        for garbage in [vec![0xff; 100], vec![0; 11], b"GET / HTTP/1.1\r\n\r\n".to_vec(), Vec::new()] {
            let mut muxer = muxer(garbage, &Strangers::default());
            let end = Pin::new(&mut muxer).poll(&mut cx);
            assert!(matches!(end, Poll::Ready(Err(_))), "{end:?}");
        }
    }

    /// What arrives, then silence; what is written goes nowhere.
    struct Socket(Cursor<Vec<u8>>);

    impl AsyncRead for Socket {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            into: &mut [u8],
        ) -> Poll<std::io::Result<usize>> {
            match Pin::new(&mut self.0).poll_read(cx, into) {
                Poll::Ready(Ok(0)) => Poll::Pending,
                read @ (Poll::Ready(_) | Poll::Pending) => read,
            }
        }
    }

    impl AsyncWrite for Socket {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<std::io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// A frame that opens a stream and fills its window.
    fn flood(stream: u32) -> Vec<u8> {
        let bytes = 256 * 1024_u32;
        let header = [&[0, 0, 0, 1][..], &stream.to_be_bytes(), &bytes.to_be_bytes()].concat();
        [header, vec![7; usize::try_from(bytes).expect("small")]].concat()
    }

    #[test]
    fn windows_of_a_stranger_are_not_filled() {
        let arrives: Vec<u8> = (0..8).flat_map(|number| flood(2 * number + 1)).collect();
        let all = u64::try_from(arrives.len()).expect("small");
        let most = u64::try_from(STRANGER_SOCKET_BYTES_MAX).expect("small");
        let (peer, strangers) = (PeerId::random(), Strangers::default());
        for (admitted, expected) in [(false, (0, most)), (true, (8, all))] {
            let mut socket = Socket(Cursor::new(arrives.clone()));
            let mut muxer = Muxer::new(&mut socket, strangers.ration(peer), Mode::Server);
            if admitted {
                strangers.admit(&peer);
            }
            let mut cx = Context::from_waker(Waker::noop());
            assert!(Pin::new(&mut muxer).poll(&mut cx).is_pending());
            let opened = muxer.opened.len();
            drop(muxer);
            assert_eq!((opened, socket.0.position()), expected);
        }
    }

    #[test]
    fn only_a_dial_for_bulk_wants_one_stream() {
        let address = to_multiaddr(([127, 0, 0, 1], 4001).into());
        let dialled = |address| ConnectedPoint::Dialer {
            address,
            role_override: Endpoint::Dialer,
            port_use: PortUse::New,
        };
        let accepted =
            ConnectedPoint::Listener { local_addr: address.clone(), send_back_addr: address.clone() };
        let offered = |end: &ConnectedPoint| {
            Muxing::new(PeerId::random(), &Strangers::default(), end).protocol_info().collect::<Vec<_>>()
        };
        assert_eq!(offered(&dialled(for_bulk(&address))), [SOLO]);
        assert_eq!(offered(&dialled(address)), [YAMUX]);
        assert_eq!(offered(&accepted), [YAMUX, SOLO]);
    }

    #[test]
    fn the_windows_leave_every_stream_its_minimum() {
        // The library asserts it when the configuration is made.
        drop(muxer(Vec::new(), &Strangers::default()));
    }
}
