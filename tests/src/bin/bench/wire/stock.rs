//! libp2p as it comes: TCP, Noise and yamux with their defaults, one connection, one stream.
//!
//! A request is a chunk's name; the answer is the chunk with a head. Requests go out ahead of the answers.

use super::chunks::{CHUNK_BYTES, Chunks, HEAD_BYTES};
use super::line::{Gave, Listening, Took};
use super::meter::Meter;
use super::pollux::UNDER_WAY;
use crate::BenchError;
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::swarm::SwarmEvent;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::{Multiaddr, PeerId, Stream, StreamProtocol, Swarm, SwarmBuilder, tcp, yamux};
use libp2p_stream::Behaviour;
use pollux_core::ChunkId;
use std::io;
use std::sync::Arc;
use std::time::Duration;

const PROTOCOL: StreamProtocol = StreamProtocol::new("/bench/chunks");
/// A connection without a stream lives as long.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Gives until the taker has everything.
pub(super) async fn give(
    chunks: &Arc<Chunks>,
    count: u64,
    tell: impl FnOnce(Listening),
) -> Result<Gave, BenchError> {
    let mut swarm = swarm()?;
    let mut streams = swarm.behaviour().new_control().accept(PROTOCOL).map_err(failed)?;
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse().map_err(failed)?).map_err(failed)?;
    let address = listens(&mut swarm).await;
    tell(Listening { address: address.to_string(), proof: swarm.local_peer_id().to_string() });
    let driver = drive(swarm);
    let (_, stream) = streams.next().await.ok_or_else(|| failed("no stream"))?;
    let gave = answer(stream, chunks, count).await;
    driver.abort();
    Ok(gave?)
}

async fn answer(mut stream: Stream, chunks: &Chunks, count: u64) -> io::Result<Gave> {
    let mut asked = [0; 32];
    stream.read_exact(&mut asked).await?;
    let meter = Meter::start();
    for number in 0..count {
        let framed = chunks.framed_of(&ChunkId::from_bytes(asked)).ok_or(io::ErrorKind::NotFound)?;
        stream.write_all(framed).await?;
        stream.flush().await?;
        if number + 1 < count {
            stream.read_exact(&mut asked).await?;
        }
    }
    stream.close().await?;
    // The taker hangs up when it has everything.
    stream.read_to_end(&mut Vec::new()).await?;
    Ok(meter.gave())
}

/// Takes everything.
pub(super) async fn take(
    chunks: &Arc<Chunks>,
    count: u64,
    listening: &Listening,
) -> Result<Took, BenchError> {
    let (mut swarm, peer) = (swarm()?, listening.proof.parse::<PeerId>().map_err(failed)?);
    let address: Multiaddr = listening.address.parse().map_err(failed)?;
    swarm.dial(DialOpts::peer_id(peer).addresses(vec![address]).build()).map_err(failed)?;
    connected(&mut swarm).await?;
    let mut control = swarm.behaviour().new_control();
    let driver = drive(swarm);
    let stream = control.open_stream(peer, PROTOCOL).await.map_err(failed)?;
    let took = ask(stream, chunks, count).await;
    driver.abort();
    took
}

async fn ask(mut stream: Stream, chunks: &Chunks, count: u64) -> Result<Took, BenchError> {
    let meter = Meter::start();
    for number in 0..count.min(UNDER_WAY) {
        stream.write_all(chunks.id(number).as_bytes()).await?;
    }
    stream.flush().await?;
    let mut buffer = vec![0; usize::try_from(CHUNK_BYTES).unwrap_or_default()];
    let mut bytes: u64 = 0;
    for number in 0..count {
        let mut head = [0; HEAD_BYTES];
        stream.read_exact(&mut head).await?;
        stream.read_exact(&mut buffer).await?;
        let ahead = number + UNDER_WAY;
        if ahead < count {
            stream.write_all(chunks.id(ahead).as_bytes()).await?;
            stream.flush().await?;
        }
        chunks.check(number, &buffer)?;
        bytes = bytes.saturating_add(CHUNK_BYTES.into());
    }
    let took = meter.took(bytes, count);
    stream.close().await?;
    took
}

fn swarm() -> Result<Swarm<Behaviour>, BenchError> {
    let swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), libp2p_noise::Config::new, yamux::Config::default)
        .map_err(failed)?
        .with_behaviour(|_| Behaviour::new())
        .map_err(failed)?
        .with_swarm_config(|config| config.with_idle_connection_timeout(IDLE_TIMEOUT))
        .build();
    Ok(swarm)
}

async fn listens(swarm: &mut Swarm<Behaviour>) -> Multiaddr {
    loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            return address;
        }
    }
}

async fn connected(swarm: &mut Swarm<Behaviour>) -> Result<(), BenchError> {
    loop {
        let event = swarm.select_next_some().await;
        if let SwarmEvent::OutgoingConnectionError { error, .. } = event {
            return Err(failed(error));
        }
        if matches!(event, SwarmEvent::ConnectionEstablished { .. }) {
            return Ok(());
        }
    }
}

/// Lets it run in a task of its own.
fn drive(mut swarm: Swarm<Behaviour>) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            swarm.select_next_some().await;
        }
    })
}

fn failed(why: impl ToString) -> BenchError {
    BenchError::step("libp2p", why)
}
