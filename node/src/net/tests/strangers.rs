//! Whoever connects and is nobody yet: silence, garbage, asks before a control stream, and other programs.

use super::hostile::{VICTIM, VILLAIN, is_well, write};
use super::node::{Node, chunk};
use super::raw::Raw;
use crate::net::NetEvent;
use crate::net::bounds::Patience;
use crate::net::plane::Plane;
use crate::net::transport::Transport;
use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::core::transport::Transport as _;
use pollux_core::message::{BulkOutcome, BulkReply, BulkRequest, Decline};
use std::time::Duration;

#[tokio::test]
async fn a_connection_that_is_never_used_is_closed() {
    let patience = Patience { first_use: Duration::from_millis(50), ..Patience::default() };
    let mut victim = Node::start_with(VICTIM, patience).await;
    let mut silent = Raw::dial(VILLAIN, victim.address).await;
    assert!(silent.is_closed().await);
    is_well(&mut victim).await;
}

#[tokio::test]
async fn a_stranger_that_asks_for_a_chunk_is_told_that_we_are_busy() {
    let mut victim = Node::start(VICTIM).await;
    let villain = Raw::dial(VILLAIN, victim.address).await;
    let mut stream = villain.open(Plane::Bulk).await;
    write(&mut stream, &BulkRequest { request: 9, chunk: chunk(0, 10).0.id }.to_bytes()).await;
    let mut bytes = [0; BulkReply::BYTES];
    stream.read_exact(&mut bytes).await.expect("an answer");
    let expected = BulkReply { request: 9, outcome: BulkOutcome::Declined(Decline::Busy) };
    assert_eq!(BulkReply::from_bytes(&bytes), Ok(expected));
    is_well(&mut victim).await;
}

#[tokio::test]
async fn an_ask_that_overtakes_the_control_connection_waits_for_it() {
    let mut victim = Node::start(VICTIM).await;
    let first = Raw::dial(VILLAIN, victim.address).await;
    let second = Raw::dial(VILLAIN, victim.address).await;
    let mut stream = first.open(Plane::Bulk).await;
    write(&mut stream, &BulkRequest { request: 9, chunk: chunk(0, 10).0.id }.to_bytes()).await;
    is_well(&mut victim).await;
    let _control = second.control(victim.id).await;
    let mut connected = false;
    let ask = loop {
        match victim.next().await {
            NetEvent::Connected { peer, .. } if peer == second.id => connected = true,
            NetEvent::Asked { ask, peer, .. } => {
                assert!(connected && peer == first.id);
                break ask;
            }
            _ => {}
        }
    };
    victim.handle.answer(ask, Ok(chunk(0, 10).1));
    let mut bytes = [0; BulkReply::BYTES + 10];
    stream.read_exact(&mut bytes).await.expect("the frame");
    assert_eq!(bytes[BulkReply::BYTES..], chunk(0, 10).1.bytes);
}

#[tokio::test]
async fn an_ask_is_declined_when_no_control_connection_comes() {
    let victim = Node::start(VICTIM).await;
    let first = Raw::dial(VILLAIN, victim.address).await;
    let second = Raw::dial(VILLAIN, victim.address).await;
    let mut stream = first.open(Plane::Bulk).await;
    // By the time that this is negotiated, the victim knows of both connections.
    let beside = second.open(Plane::Bulk).await;
    write(&mut stream, &BulkRequest { request: 9, chunk: chunk(0, 10).0.id }.to_bytes()).await;
    drop((second, beside));
    let mut bytes = [0; BulkReply::BYTES];
    stream.read_exact(&mut bytes).await.expect("an answer");
    let expected = BulkReply { request: 9, outcome: BulkOutcome::Declined(Decline::Busy) };
    assert_eq!(BulkReply::from_bytes(&bytes), Ok(expected));
}

#[tokio::test]
async fn garbage_instead_of_a_handshake_is_closed() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut victim = Node::start(VICTIM).await;
    let mut socket = tokio::net::TcpStream::connect(victim.address).await.expect("it listens");
    socket.write_all(&[0x16; 5000]).await.expect("it listens");
    let mut rest = Vec::new();
    // Either an end or a reset, after at most a greeting.
    drop(socket.read_to_end(&mut rest).await);
    is_well(&mut victim).await;
}

/// As any libp2p program builds it.
fn stock(identity: &libp2p::identity::Keypair) -> Transport {
    let tls = libp2p::tls::Config::new(identity).expect("an identity");
    libp2p::tcp::tokio::Transport::default()
        .upgrade(libp2p::core::upgrade::Version::V1)
        .authenticate(tls)
        .multiplex(libp2p::yamux::Config::default())
        .boxed()
}

/// More than any peer has a use for, and nobody says what they are for.
#[tokio::test]
async fn a_flood_of_streams_without_a_purpose_ends_the_connection() {
    let minute = Duration::from_secs(60);
    // Not because it is never used.
    let patience = Patience { first_use: minute * 60, ..Patience::default() };
    let mut victim = Node::start_with(VICTIM, patience).await;
    let mut villain = Raw::dial_with(VILLAIN, victim.address, stock).await;
    let mut streams = Vec::new();
    for _ in 0..200 {
        let Some(mut stream) = villain.stream().await else { break };
        if stream.write_all(&[19]).await.is_err() || stream.flush().await.is_err() {
            break;
        }
        streams.push(stream);
    }
    let closed = tokio::time::timeout(minute, villain.is_closed()).await;
    assert_eq!(closed, Ok(true));
    is_well(&mut victim).await;
}

#[tokio::test]
async fn a_stock_libp2p_peer_can_connect_and_fetch() {
    let mut node = Node::start(VICTIM).await;
    let stock = Raw::dial_with(VILLAIN, node.address, stock).await;
    let _control = stock.control(node.id).await;
    assert_eq!(node.connected().await, stock.id);
    let mut stream = stock.open(Plane::Bulk).await;
    let (chunk, frame) = chunk(0, 1024 * 1024);
    write(&mut stream, &BulkRequest { request: 1, chunk: chunk.id }.to_bytes()).await;
    let (ask, _) = node.asked().await;
    node.handle.answer(ask, Ok(frame.clone()));
    let mut bytes = vec![0; BulkReply::BYTES + frame.bytes.len()];
    stream.read_exact(&mut bytes).await.expect("the frame");
    assert_eq!(bytes[BulkReply::BYTES..], frame.bytes);
}
