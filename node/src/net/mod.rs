//! The wire: one libp2p identity and port, a control plane and a bulk plane. No decisions.
//!
//! Every connection is TCP and TLS 1.3, and proves both peers' ids. The first connection of a pair is *control*: one
//! long-lived stream of small messages, on yamux. Chunks travel on *bulk* connections of their own, dialled by the side that
//! fetches, up to two for a busy peer, so that they never hold up control, each of them one stream; a peer that cannot be
//! dialled is asked on a further stream of the connection that it dialled. All reading and writing happens in the connections' own
//! tasks; the swarm's task moves commands and events.
//!
//! Everything is bounded. The driver sends what it was granted; when it does not take events, nothing is read from
//! any peer; a peer that takes nothing for half a minute loses the stream. A peer can only cost what `bounds` says.
//!
//! ```text
//! mod            what the driver sees
//! task           owns the swarm
//! behaviour      how the swarm calls what follows
//! wire   gate    the books, and who may connect
//! peer           one peer: which connection is control, when to dial for bulk
//! fetches asks   what this node asks of peers, and they of it, until it has its outcome
//! handler        one connection
//! control lane giver    one stream: messages; asking for chunks; giving chunks
//! transport    TCP, tls, muxer, solo, buffered; strangers: how much is read of whom
//! plane  transfer  upload  address  bounds
//! ```

mod address;
mod asks;
mod behaviour;
mod bounds;
mod buffered;
mod control;
mod fetches;
mod gate;
mod giver;
mod handler;
mod lane;
mod muxer;
mod peer;
mod plane;
mod solo;
mod strangers;
mod task;
mod tls;
mod transfer;
mod transport;
mod upload;
mod wire;

#[cfg(test)]
mod tests;

use pollux_core::engine::{AskId, FetchFailure, FetchId, Offence, ServeFailure};
use pollux_core::message::{Control, Decline};
use pollux_core::{ChunkId, ChunkRef, Frame, KeyPair, PeerId, PeerRole};
use std::net::SocketAddr;
use std::num::NonZeroU64;
use tokio::sync::mpsc;

/// How the wire is set up.
#[derive(Debug)]
pub struct NetConfig {
    /// The node's identity.
    pub identity: KeyPair,
    /// Bounds differ: a seed keeps more peers.
    pub role: PeerRole,
    /// Where to listen; port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
}

/// What the wire reports.
#[derive(Debug)]
pub enum NetEvent {
    /// Peers can reach this node here.
    Listening {
        /// With the port that was taken.
        address: SocketAddr,
    },
    /// A control connection is up. Said once, until it is gone again.
    Connected {
        /// Whose.
        peer: PeerId,
        /// Where the other end is.
        address: SocketAddr,
        /// Whether this node dialled it; otherwise the port of `address` is not where the peer listens.
        dialled: bool,
        /// Control messages that may be sent to it for now.
        messages: u32,
    },
    /// It is gone, with every bulk connection of that peer, and every fetch was reported before.
    Disconnected {
        /// Whose.
        peer: PeerId,
    },
    /// No address of a dial answered with the right identity.
    DialFailed {
        /// Who was dialled.
        peer: PeerId,
        /// What stands there, or why nothing answers; of one address at least, a line for people.
        why: String,
    },
    /// A control message.
    Message {
        /// Who says it.
        peer: PeerId,
        /// What.
        message: Box<Control>,
    },
    /// Room for more control messages.
    SendCredit {
        /// To whom.
        peer: PeerId,
        /// So many more.
        messages: u32,
    },
    /// A fetched frame; nothing about it is believed but that it is no longer than the chunk's plain bytes.
    FrameArrived {
        /// Which fetch ends so. One that was cancelled a moment ago may still be reported.
        fetch: FetchId,
        /// The bytes.
        frame: Frame,
    },
    /// A fetch ended without one.
    FetchFailed {
        /// Which.
        fetch: FetchId,
        /// Why.
        why: FetchFailure,
    },
    /// A peer asks for chunks, whose requests came together; each is to be answered with [`NetHandle::answer`].
    Asked {
        /// Who asks.
        peer: PeerId,
        /// The name of each ask, never used again, and for what, in the order asked; sixteen at most.
        chunks: Vec<(AskId, ChunkId)>,
    },
    /// A peer takes back what it asked for. It is to be answered all the same, best with a decline.
    TakenBack {
        /// Who.
        peer: PeerId,
        /// Which ask.
        ask: AskId,
    },
    /// What became of a frame that was given as an answer: sent (bytes of the frame), or not. Said once for each
    /// frame given, never for a decline.
    Served {
        /// Which ask.
        ask: AskId,
        /// Bytes of the frame.
        result: Result<u32, ServeFailure>,
    },
    /// A peer broke the protocol. The stream where it did is closed; the rest is the engine's decision.
    Misbehaved {
        /// Who.
        peer: PeerId,
        /// How.
        offence: Offence,
    },
}

/// The wire's handle: every method returns at once; outcomes come as events.
///
/// The queue of commands has no bound of its own. It needs none, because each command spends something that the
/// driver was granted, and that is bounded: a message of a peer's window, one of the fetches that limits allow,
/// an answer to an ask that was reported, a cancel of a fetch, a dial or disconnect of a known peer.
#[derive(Clone, Debug)]
pub struct NetHandle {
    commands: mpsc::UnboundedSender<Command>,
}

/// What the driver wants.
#[derive(Debug)]
enum Command {
    Dial { peer: PeerId, addresses: Vec<SocketAddr> },
    Admit { peer: PeerId },
    Disconnect { peer: PeerId },
    Send { peer: PeerId, message: Vec<u8> },
    Fetch { peer: PeerId, chunks: Vec<(FetchId, ChunkRef)> },
    Cancel { fetch: FetchId },
    Answer { ask: AskId, result: Result<Frame, Decline> },
    Shutdown,
}

/// Why the wire cannot start.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The address is taken or not ours.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, String),
    /// The key cannot prove a peer id.
    #[error("cannot make a certificate for the node's identity: {0}")]
    Identity(String),
}

impl NetHandle {
    /// Starts the wire on the current tokio runtime. Dropping every handle stops it, as [`NetHandle::shutdown`] does.
    ///
    /// # Errors
    /// When it cannot listen where it should, or the identity does not work.
    #[expect(clippy::unused_async, reason = "an await here says that a runtime must be running")]
    pub async fn start(config: NetConfig) -> Result<(Self, mpsc::Receiver<NetEvent>), NetError> {
        let (commands, events) = task::start(&config, bounds::Patience::default(), None)?;
        Ok((Self { commands }, events))
    }

    /// The same, giving peers so many bytes of chunks each second at most, all together; none: as many as they take.
    ///
    /// # Errors
    /// As for [`NetHandle::start`].
    #[expect(clippy::unused_async, reason = "an await here says that a runtime must be running")]
    pub async fn start_bounded(
        config: NetConfig,
        upload_bytes_per_second: Option<NonZeroU64>,
    ) -> Result<(Self, mpsc::Receiver<NetEvent>), NetError> {
        let (commands, events) = task::start(&config, bounds::Patience::default(), upload_bytes_per_second)?;
        Ok((Self { commands }, events))
    }

    /// Opens a control connection to this peer at one of these addresses, of which the first sixteen are tried at
    /// once. The outcome is `Connected` or `DialFailed`. Of a peer that is connected, because it dialled this node,
    /// this only says where it can be dialled for bulk, and there is no outcome.
    pub fn dial(&self, peer: PeerId, addresses: Vec<SocketAddr>) {
        self.command(Command::Dial { peer, addresses });
    }

    /// The peer has proven that it belongs. Before that it gets one stream, of which no more is read than a hello and a
    /// join need, and no chunks; see `bounds`. Forgotten when its control connection is gone.
    pub fn admit(&self, peer: PeerId) {
        self.command(Command::Admit { peer });
    }

    /// Closes everything with this peer, after what was sent before is out (or shortly after). A dial under way is
    /// given up, and fails.
    pub fn disconnect(&self, peer: PeerId) {
        self.command(Command::Disconnect { peer });
    }

    /// Sends a control message; the caller spends a message that was granted to it. Without one, or a
    /// connection, the message is dropped.
    pub fn send(&self, peer: PeerId, message: &Control) {
        self.command(Command::Send { peer, message: message.encode() });
    }

    /// Asks a peer for chunks on the bulk plane, on one stream and with one write, so that they come to it together. The
    /// outcome of each is `FrameArrived` or `FetchFailed`, unless it is cancelled. There is no time limit but the
    /// connection's own: the engine cancels what takes too long.
    pub fn fetch(&self, peer: PeerId, chunks: Vec<(FetchId, ChunkRef)>) {
        self.command(Command::Fetch { peer, chunks });
    }

    /// Forgets a fetch that is under way.
    pub fn cancel(&self, fetch: FetchId) {
        self.command(Command::Cancel { fetch });
    }

    /// Answers a peer's ask. A frame is followed by `Served`.
    pub fn answer(&self, ask: AskId, result: Result<Frame, Decline>) {
        self.command(Command::Answer { ask, result });
    }

    /// Sends what waits, closes every connection and stops. The end of the events says that it is done, after
    /// four seconds at most.
    pub fn shutdown(&self) {
        self.command(Command::Shutdown);
    }

    /// After the wire has stopped there is nobody to command.
    fn command(&self, command: Command) {
        drop(self.commands.send(command));
    }
}
