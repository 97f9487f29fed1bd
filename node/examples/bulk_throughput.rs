//! How fast chunks travel between two wires on loopback, and what they cost. For measuring, not for CI:
//! `cargo run --release --example bulk_throughput -- give`, then `… -- take ADDRESS PEER GIGABYTES`.
//!
//! With glibc's defaults a third of the CPU goes into giving buffers back to the kernel and getting them again;
//! `GLIBC_TUNABLES=glibc.malloc.mmap_threshold=67108864:glibc.malloc.trim_threshold=268435456` shows the rest.
#![expect(
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "a measuring tool for developers: it may stop where something is wrong, and prints its result"
)]

use pollux_core::engine::FetchId;
use pollux_core::{ChunkId, ChunkRef, Frame, FrameKind, KeyPair, PeerId, PeerRole};
use pollux_node::net::{NetConfig, NetEvent, NetHandle};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

const CHUNK_BYTES: u32 = 256 * 1024;
const CHUNKS: u8 = 64;
const UNDER_WAY: u64 = 16;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    match arguments.as_slice() {
        [verb] if verb == "give" => runtime.block_on(give()),
        [verb, address, peer, gigabytes] if verb == "take" => runtime.block_on(take(
            address.parse().expect("an address"),
            peer.parse().expect("a peer id"),
            gigabytes.parse().expect("a number"),
        )),
        _ => panic!("give | take ADDRESS PEER GIGABYTES"),
    }
}

fn frame(number: u8) -> Vec<u8> {
    (0..CHUNK_BYTES).map(|at| number ^ u8::try_from(at % 251).unwrap_or(0)).collect()
}

async fn start(number: u8) -> (NetHandle, tokio::sync::mpsc::Receiver<NetEvent>, PeerId) {
    let identity = KeyPair::from_seed([number; 32]);
    let id = PeerId::new(identity.public());
    let listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
    let config = NetConfig { identity, role: PeerRole::Node, listen };
    let (handle, events) = NetHandle::start(config).await.expect("loopback has a free port");
    (handle, events, id)
}

async fn give() {
    let (handle, mut events, id) = start(1).await;
    let frames: BTreeMap<ChunkId, Vec<u8>> =
        (0..CHUNKS).map(frame).map(|bytes| (ChunkId::of(&bytes), bytes)).collect();
    while let Some(event) = events.recv().await {
        match event {
            NetEvent::Listening { address } => println!("{address} {id}"),
            NetEvent::Asked { chunks, .. } => {
                for (ask, chunk) in chunks {
                    handle.answer(ask, Ok(Frame { kind: FrameKind::Raw, bytes: frames[&chunk].clone() }));
                }
            }
            NetEvent::Disconnected { .. } => break,
            _ => {}
        }
    }
    println!("giver: {:.2?} of CPU", cpu());
}

async fn take(address: SocketAddr, peer: PeerId, gigabytes: u64) {
    let (handle, mut events, _) = start(2).await;
    let ids: Vec<ChunkId> = (0..CHUNKS).map(|number| ChunkId::of(&frame(number))).collect();
    handle.dial(peer, vec![address]);
    while !matches!(events.recv().await, Some(NetEvent::Connected { .. })) {}
    let before = (Instant::now(), cpu());
    let total = gigabytes * 1_000_000_000 / u64::from(CHUNK_BYTES);
    let ask = |number: u64| {
        let id = ids[usize::try_from(number).unwrap_or(0) % ids.len()];
        handle.fetch(peer, vec![(FetchId(number), ChunkRef { id, bytes: CHUNK_BYTES })]);
    };
    (0..UNDER_WAY).for_each(ask);
    let mut arrived = 0;
    while arrived < total {
        match events.recv().await {
            Some(NetEvent::FrameArrived { fetch, frame }) => {
                ask(arrived + UNDER_WAY);
                arrived += 1;
                let wanted = ids[usize::try_from(fetch.0).unwrap_or(0) % ids.len()];
                assert_eq!(ChunkId::of(&frame.bytes), wanted);
            }
            Some(NetEvent::Listening { .. } | NetEvent::SendCredit { .. }) => {}
            event => panic!("{event:?}"),
        }
    }
    let wall = before.0.elapsed().as_secs_f64();
    let gigabytes = (total * u64::from(CHUNK_BYTES)) as f64 / 1e9;
    println!(
        "{:.2} GB/s, taker {:.2} CPU-s per GB",
        gigabytes / wall,
        (cpu() - before.1).as_secs_f64() / gigabytes
    );
    handle.shutdown();
    while events.recv().await.is_some() {}
}

fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
