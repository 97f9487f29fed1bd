//! From a TCP connection to an authenticated, multiplexed one.

use super::bounds::Patience;
use super::muxer::Muxing;
use super::strangers::Strangers;
use super::tls::{Tls, TlsError};
use libp2p::core::Transport as _;
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::Boxed;
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::{PeerId, tcp};
use std::time::Duration;

/// An idle connection is probed after this time.
const PROBE_AFTER: Duration = Duration::from_secs(10);
/// Between two probes.
const PROBE_EVERY: Duration = Duration::from_secs(5);
/// Probes without an answer, after which the peer is gone.
const PROBES_MAX: u32 = 4;
/// Milliseconds after which sent bytes that are not acknowledged end the connection: the same time in all.
const UNACKNOWLEDGED_MS_MAX: u32 = 30_000;

/// The transport of a swarm.
pub(super) type Transport = Boxed<(PeerId, StreamMuxerBox)>;

/// TCP, TLS 1.3 with libp2p's identities, yamux or one stream; a dial or an accept that takes longer than the handshake may is given up. Of
/// each connection no more is read than of a stranger, until its peer is admitted among `strangers`.
pub(super) fn build(
    identity: &Keypair,
    patience: &Patience,
    strangers: &Strangers,
) -> Result<Transport, TlsError> {
    let sockets = tcp::tokio::Transport::new(tcp::Config::new().nodelay(true));
    let sockets = sockets.map(|stream, _| {
        notice_dead_peers(&stream.0);
        stream
    });
    let secure = Tls::new(identity)?;
    let strangers = strangers.clone();
    let transport = sockets
        .upgrade(Version::V1Lazy)
        .authenticate(secure)
        .multiplex_ext(move |peer, end| Muxing::new(*peer, &strangers, end));
    Ok(transport.timeout(patience.handshake).boxed())
}

/// A peer whose machine vanished sends no end of connection: the kernel finds out. Without these options the
/// connection still works, and requests time out, so a failure to set them is nothing to act on.
fn notice_dead_peers(stream: &tokio::net::TcpStream) {
    use rustix::net::sockopt;
    let set = sockopt::set_socket_keepalive(stream, true)
        .and_then(|()| sockopt::set_tcp_keepidle(stream, PROBE_AFTER))
        .and_then(|()| sockopt::set_tcp_keepintvl(stream, PROBE_EVERY))
        .and_then(|()| sockopt::set_tcp_keepcnt(stream, PROBES_MAX))
        .and_then(|()| sockopt::set_tcp_user_timeout(stream, UNACKNOWLEDGED_MS_MAX));
    if let Err(error) = set {
        tracing::debug!(%error, "no probes for dead peers on a connection");
    }
}
