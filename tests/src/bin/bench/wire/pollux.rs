//! The node's own wire, between two of its handles.

use super::chunks::{CHUNK_BYTES, Chunks};
use super::line::{Gave, Listening, Took};
use super::meter::Meter;
use crate::BenchError;
use pollux_core::engine::FetchId;
use pollux_core::message::{Control, Decline};
use pollux_core::{ChunkId, ChunkRef, Frame, FrameKind, KeyPair, PeerId, PeerRole};
use pollux_node::net::{NetConfig, NetEvent, NetHandle};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::sync::mpsc::Receiver;

/// Chunks asked for ahead.
pub(super) const UNDER_WAY: u64 = 16;
/// Chunks that are asked for together: a megabyte, as the engine does.
const TOGETHER: u64 = 4;
/// Says that the giver has let the taker in; a node says hello, from which the other end learns the same.
const ADMITTED: Control = Control::OfferProgress { offer: 0, have: 0, of: 1 };

async fn start(number: u8) -> Result<(NetHandle, Receiver<NetEvent>, PeerId), BenchError> {
    let identity = KeyPair::from_seed([number; 32]);
    let id = PeerId::new(identity.public());
    let listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
    let config = NetConfig { identity, role: PeerRole::Node, listen };
    let (handle, events) = NetHandle::start(config).await.map_err(failed)?;
    Ok((handle, events, id))
}

/// Gives until the taker hangs up.
pub(super) async fn give(chunks: &Arc<Chunks>, tell: impl FnOnce(Listening)) -> Result<Gave, BenchError> {
    let (handle, mut events, id) = start(1).await?;
    tell(Listening { address: listens(&mut events).await?.to_string(), proof: id.to_string() });
    let mut meter = None;
    loop {
        let event = next(&mut events).await?;
        if let NetEvent::Connected { peer, .. } = event {
            handle.admit(peer);
            handle.send(peer, &ADMITTED);
        } else if let NetEvent::Asked { chunks: asked, .. } = event {
            meter.get_or_insert_with(Meter::start);
            asked.iter().for_each(|(ask, id)| handle.answer(*ask, frame(chunks, id)));
        } else if matches!(event, NetEvent::Disconnected { .. }) {
            break;
        }
    }
    meter.map(|meter| meter.gave()).ok_or_else(|| failed("nothing was asked for"))
}

/// As the store would hand it over: in a buffer of its own.
fn frame(chunks: &Chunks, id: &ChunkId) -> Result<Frame, Decline> {
    let bytes = chunks.bytes_of(id).ok_or(Decline::Missing)?.to_vec();
    Ok(Frame { kind: FrameKind::Raw, bytes })
}

/// Takes everything.
pub(super) async fn take(
    chunks: &Arc<Chunks>,
    count: u64,
    listening: &Listening,
) -> Result<Took, BenchError> {
    let (handle, mut events, _) = start(2).await?;
    let peer: PeerId = listening.proof.parse().map_err(failed)?;
    handle.dial(peer, vec![listening.address.parse().map_err(failed)?]);
    admitted(&handle, &mut events).await?;
    let meter = Meter::start();
    let bytes = fetch(&handle, &mut events, peer, (chunks, count)).await?;
    let took = meter.took(bytes, count);
    handle.shutdown();
    while events.recv().await.is_some() {}
    took
}

/// Waits until both have let the other in.
async fn admitted(handle: &NetHandle, events: &mut Receiver<NetEvent>) -> Result<(), BenchError> {
    loop {
        let event = next(events).await?;
        if let NetEvent::Connected { peer, .. } = event {
            handle.admit(peer);
        } else if let NetEvent::DialFailed { why, .. } = event {
            return Err(failed(why));
        } else if matches!(event, NetEvent::Message { .. }) {
            return Ok(());
        }
    }
}

async fn fetch(
    handle: &NetHandle,
    events: &mut Receiver<NetEvent>,
    peer: PeerId,
    (chunks, count): (&Chunks, u64),
) -> Result<u64, BenchError> {
    let ask = |from: u64| {
        let numbers = from..from.saturating_add(TOGETHER).min(count);
        let wanted =
            numbers.map(|number| (FetchId(number), ChunkRef { id: chunks.id(number), bytes: CHUNK_BYTES }));
        handle.fetch(peer, wanted.collect());
    };
    let mut asked = 0;
    let (mut arrived, mut bytes): (u64, u64) = (0, 0);
    while arrived < count {
        while asked < count && asked.saturating_add(TOGETHER) <= arrived.saturating_add(UNDER_WAY) {
            ask(asked);
            asked = asked.saturating_add(TOGETHER);
        }
        let event = next(events).await?;
        if let NetEvent::FrameArrived { fetch, frame } = event {
            arrived = arrived.saturating_add(1);
            chunks.check(fetch.0, &frame.bytes)?;
            bytes = bytes.saturating_add(CHUNK_BYTES.into());
        } else if let NetEvent::FetchFailed { why, .. } = event {
            return Err(failed(format!("{why:?}")));
        }
    }
    Ok(bytes)
}

async fn listens(events: &mut Receiver<NetEvent>) -> Result<SocketAddr, BenchError> {
    loop {
        if let NetEvent::Listening { address } = next(events).await? {
            return Ok(address);
        }
    }
}

async fn next(events: &mut Receiver<NetEvent>) -> Result<NetEvent, BenchError> {
    events.recv().await.ok_or_else(|| failed("it has stopped"))
}

fn failed(why: impl ToString) -> BenchError {
    BenchError::step("the wire", why)
}
