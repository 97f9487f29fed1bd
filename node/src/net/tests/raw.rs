//! A peer that speaks the transport and yamux honestly, and says on its streams whatever a test wants.

use crate::net::address::{for_bulk, from_libp2p, to_multiaddr};
use crate::net::bounds::Patience;
use crate::net::plane::Plane;
use crate::net::strangers::Strangers;
use crate::net::transport::{self, Transport};
use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::Multiaddr;
use libp2p::core::Endpoint;
use libp2p::core::muxing::{StreamMuxerBox, StreamMuxerExt, SubstreamBox};
use libp2p::core::transport::{DialOpts, PortUse, Transport as _};
use libp2p::identity::Keypair;
use pollux_core::{KeyPair, PeerId};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::task::Poll;
use tokio::sync::{mpsc, oneshot};

/// One connection of such a peer.
pub(super) struct Raw {
    pub(super) id: PeerId,
    /// Who is at the other end.
    other: libp2p::PeerId,
    /// Streams that the other side opened.
    incoming: mpsc::UnboundedReceiver<SubstreamBox>,
    wanted: mpsc::UnboundedSender<oneshot::Sender<SubstreamBox>>,
}

impl Raw {
    /// Connects as the peer of this number.
    pub(super) async fn dial(number: u8, address: SocketAddr) -> Self {
        let strangers = Strangers::default();
        let raw = Self::dial_with(number, address, |identity| {
            transport::build(identity, &Patience::default(), &strangers).expect("an identity")
        })
        .await;
        strangers.admit(&raw.other);
        raw
    }

    /// Connects for bulk.
    pub(super) async fn dial_for_bulk(number: u8, address: SocketAddr) -> Self {
        let build = |identity: &Keypair| {
            transport::build(identity, &Patience::default(), &Strangers::default()).expect("an identity")
        };
        Self::dial_at(number, for_bulk(&to_multiaddr(address)), build).await
    }

    /// The same as [`Raw::dial`] over another transport.
    pub(super) async fn dial_with(
        number: u8,
        address: SocketAddr,
        transport: impl FnOnce(&Keypair) -> Transport,
    ) -> Self {
        Self::dial_at(number, to_multiaddr(address), transport).await
    }

    async fn dial_at(number: u8, address: Multiaddr, transport: impl FnOnce(&Keypair) -> Transport) -> Self {
        let identity = Keypair::ed25519_from_bytes([number; 32]).expect("a seed");
        let id = from_libp2p(&identity.public().to_peer_id()).expect("an Ed25519 key");
        assert_eq!(id, PeerId::new(KeyPair::from_seed([number; 32]).public()));
        let opts = DialOpts { role: Endpoint::Dialer, port_use: PortUse::New };
        let mut transport = transport(&identity);
        let dial = transport.dial(address, opts).expect("a TCP address");
        let (other, muxer) = dial.await.expect("a connection");
        let (incoming_in, incoming) = mpsc::unbounded_channel();
        let (wanted, wanted_out) = mpsc::unbounded_channel();
        tokio::spawn(drive(muxer, incoming_in, wanted_out));
        Self { id, other, incoming, wanted }
    }

    /// Opens a stream and does not say what for; none once the connection has ended.
    pub(super) async fn stream(&self) -> Option<SubstreamBox> {
        let (give, take) = oneshot::channel();
        self.wanted.send(give).ok()?;
        take.await.ok()
    }

    /// Opens a stream of a plane.
    pub(super) async fn open(&self, plane: Plane) -> SubstreamBox {
        let mut stream = self.stream().await.expect("the connection is driven");
        write_line(&mut stream, "/multistream/1.0.0").await;
        write_line(&mut stream, plane.protocol().as_ref()).await;
        assert_eq!(read_line(&mut stream).await, "/multistream/1.0.0");
        assert_eq!(read_line(&mut stream).await, plane.protocol().as_ref());
        stream
    }

    /// Wants a stream of a plane, whether or not the other side is still there.
    pub(super) async fn propose(&self, plane: Plane) -> Option<SubstreamBox> {
        let mut stream = self.stream().await?;
        let name = plane.protocol();
        let length = char::from(u8::try_from(name.as_ref().len() + 1).expect("a short line"));
        let lines = format!("\u{13}/multistream/1.0.0\n{length}{name}\n");
        drop(stream.write_all(lines.as_bytes()).await);
        drop(stream.flush().await);
        Some(stream)
    }

    /// The next stream that the other side opens.
    pub(super) async fn accept(&mut self) -> SubstreamBox {
        let mut stream = self.incoming.recv().await.expect("a stream");
        assert_eq!(read_line(&mut stream).await, "/multistream/1.0.0");
        write_line(&mut stream, "/multistream/1.0.0").await;
        let protocol = read_line(&mut stream).await;
        write_line(&mut stream, &protocol).await;
        stream
    }

    /// Waits until the other side closes the connection.
    pub(super) async fn is_closed(&mut self) -> bool {
        self.incoming.recv().await.is_none()
    }

    /// Opens a control stream and gets past the choice of it.
    pub(super) async fn control(&self, victim: PeerId) -> SubstreamBox {
        let mut stream = self.open(Plane::Control).await;
        if self.id < victim {
            stream.write_all(&[1]).await.expect("it listens");
            stream.flush().await.expect("it listens");
        } else {
            let mut chosen = [0];
            stream.read_exact(&mut chosen).await.expect("it chooses");
            assert_eq!(chosen, [1]);
        }
        stream
    }
}

/// Goes on until the connection breaks, or nobody can want a stream any more.
async fn drive(
    mut muxer: StreamMuxerBox,
    incoming: mpsc::UnboundedSender<SubstreamBox>,
    mut wanted: mpsc::UnboundedReceiver<oneshot::Sender<SubstreamBox>>,
) {
    let mut waiting = VecDeque::new();
    std::future::poll_fn(|cx| {
        loop {
            match wanted.poll_recv(cx) {
                Poll::Ready(Some(give)) => waiting.push_back(give),
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => break,
            }
        }
        while !waiting.is_empty() {
            let Poll::Ready(Ok(stream)) = muxer.poll_outbound_unpin(cx) else { break };
            if let Some(give) = waiting.pop_front() {
                drop(give.send(stream));
            }
        }
        while let Poll::Ready(stream) = muxer.poll_inbound_unpin(cx) {
            let Ok(stream) = stream else { return Poll::Ready(()) };
            drop(incoming.send(stream));
        }
        match muxer.poll_unpin(cx) {
            Poll::Ready(Err(_)) => Poll::Ready(()),
            Poll::Ready(Ok(_)) | Poll::Pending => Poll::Pending,
        }
    })
    .await;
}

/// One line of multistream-select: a length, the text, a line feed.
async fn write_line(stream: &mut SubstreamBox, text: &str) {
    let mut line = vec![u8::try_from(text.len() + 1).expect("a short line")];
    line.extend(text.as_bytes());
    line.push(b'\n');
    stream.write_all(&line).await.expect("it listens");
    stream.flush().await.expect("it listens");
}

async fn read_line(stream: &mut SubstreamBox) -> String {
    let mut length = [0];
    stream.read_exact(&mut length).await.expect("a line");
    let mut line = vec![0; usize::from(length[0])];
    stream.read_exact(&mut line).await.expect("a line");
    assert_eq!(line.pop(), Some(b'\n'));
    String::from_utf8(line).expect("text")
}
