//! Whoever connects and is nobody yet: silence, garbage, asks before a control stream, and other programs.

use super::hostile::{VICTIM, VILLAIN, is_well, write};
use super::node::{Node, chunk, say};
use super::raw::Raw;
use crate::net::bounds::{Patience, STRANGER_SOCKET_BYTES_MAX};
use crate::net::plane::Plane;
use crate::net::transport::Transport;
use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::core::transport::Transport as _;
use pollux_core::Envelope;
use pollux_core::limits::STRANGER_BYTES_MAX;
use pollux_core::message::{BulkReply, BulkRequest, Control};
use std::time::Duration;

#[tokio::test]
async fn a_connection_that_is_never_used_is_closed() {
    let patience = Patience { stranger: Duration::from_millis(50), ..Patience::default() };
    let mut victim = Node::start_with(VICTIM, patience).await;
    let mut silent = Raw::dial(VILLAIN, victim.address).await;
    assert!(silent.is_closed().await);
    is_well(&mut victim).await;
}

/// Streams that stay in their negotiation, one after the other, do not keep the connection.
#[tokio::test]
async fn a_stranger_that_opens_streams_and_says_nothing_is_closed() {
    let patience = Patience { stranger: Duration::from_millis(50), ..Patience::default() };
    let victim = Node::start_with(VICTIM, patience).await;
    let mut villain = Raw::dial(VILLAIN, victim.address).await;
    let streams = [villain.stream().await, villain.stream().await];
    for mut stream in streams.into_iter().flatten() {
        write(&mut stream, &[19]).await;
    }
    assert!(villain.is_closed().await);
}

#[tokio::test]
async fn a_stranger_that_asks_for_a_chunk_is_closed() {
    let mut victim = Node::start(VICTIM).await;
    for meets in [false, true] {
        let mut villain = Raw::dial(VILLAIN, victim.address).await;
        let control = if meets { Some(villain.control(victim.id).await) } else { None };
        if meets {
            victim.met().await;
        }
        let stream = villain.propose(Plane::Bulk).await;
        assert!(villain.is_closed().await);
        drop((stream, control));
    }
    is_well(&mut victim).await;
}

/// A connection that is one stream: the stream ends with its socket.
#[tokio::test]
async fn a_stranger_that_connects_for_bulk_is_closed() {
    let mut victim = Node::start(VICTIM).await;
    let mut villain = Raw::dial_for_bulk(VILLAIN, victim.address).await;
    let mut stream = villain.propose(Plane::Bulk).await.expect("the stream");
    drop(stream.write_all(&BulkRequest { request: 1, chunk: chunk(0, 10).0.id }.to_bytes()).await);
    let mut heard = Vec::new();
    drop(stream.read_to_end(&mut heard).await);
    assert!(heard.len() < 100, "no more than the negotiation");
    drop(stream);
    assert!(villain.is_closed().await);
    is_well(&mut victim).await;
}

/// One message, as it is on the wire.
fn framed(message: &Control) -> Vec<u8> {
    let bytes = message.encode();
    let length = u32::try_from(bytes.len()).expect("short").to_le_bytes();
    [&length[..], &bytes].concat()
}

/// A message of so many bytes on the wire.
fn long(bytes: usize) -> Control {
    let token = Envelope { payload_type: String::new(), payload: Vec::new(), signatures: Vec::new() };
    let rest = framed(&Control::Join { token: token.clone() }).len() + 1;
    let message = Control::Join { token: Envelope { payload: vec![7; bytes - rest], ..token } };
    assert_eq!(framed(&message).len(), bytes);
    message
}

#[tokio::test]
async fn of_a_stranger_so_much_is_read_and_the_rest_once_it_belongs() {
    let mut victim = Node::start(VICTIM).await;
    let villain = Raw::dial(VILLAIN, victim.address).await;
    let mut control = villain.control(victim.id).await;
    assert_eq!(victim.met().await, villain.id);
    let (first, second) = (long(STRANGER_BYTES_MAX / 2), long(STRANGER_BYTES_MAX / 2 + 1));
    write(&mut control, &framed(&first)).await;
    write(&mut control, &framed(&second)).await;
    write(&mut control, &framed(&say(3))).await;
    assert_eq!(victim.message().await, (villain.id, first));
    // An honest peer's message comes, and nothing more of the stranger.
    let mut honest = Node::start(3).await;
    honest.handle.dial(victim.id, vec![victim.address]);
    honest.connected().await;
    honest.handle.send(victim.id, &say(1));
    assert_eq!(victim.message().await, (honest.id, say(1)));
    victim.handle.admit(villain.id);
    assert_eq!(victim.message().await, (villain.id, second));
    assert_eq!(victim.message().await, (villain.id, say(3)));
}

/// What it says on other streams, and what nobody would take off them, counts as well.
#[tokio::test]
async fn of_all_streams_of_a_stranger_no_more_is_read_than_the_bound() {
    for surplus in [0, 1] {
        let mut victim = Node::start(VICTIM).await;
        let villain = Raw::dial(VILLAIN, victim.address).await;
        let mut control = villain.control(victim.id).await;
        assert_eq!(victim.met().await, villain.id);
        let mut other = villain.stream().await.expect("a second stream");
        write(&mut other, &[19]).await;
        drop(other.write_all(&vec![7; surplus * STRANGER_SOCKET_BYTES_MAX]).await);
        drop(other.flush().await);
        // The connection's own task puts that on the wire before what follows.
        for _ in 0..16 {
            tokio::task::yield_now().await;
        }
        write(&mut control, &framed(&say(1))).await;
        let mut honest = Node::start(3).await;
        honest.handle.dial(victim.id, vec![victim.address]);
        if surplus == 0 {
            assert_eq!(victim.message().await, (villain.id, say(1)));
        }
        assert_eq!(victim.met().await, honest.id);
        honest.connected().await;
        honest.handle.send(victim.id, &say(2));
        assert_eq!(victim.message().await, (honest.id, say(2)), "the stranger is heard no more");
        victim.handle.admit(villain.id);
        if surplus == 1 {
            assert_eq!(victim.message().await, (villain.id, say(1)));
        }
    }
}

#[tokio::test]
async fn a_stranger_may_say_as_much_as_the_bound_in_all() {
    let mut victim = Node::start(VICTIM).await;
    let villain = Raw::dial(VILLAIN, victim.address).await;
    let mut control = villain.control(victim.id).await;
    victim.met().await;
    for _ in 0..4 {
        write(&mut control, &framed(&long(STRANGER_BYTES_MAX / 4))).await;
    }
    for _ in 0..4 {
        assert_eq!(victim.message().await.1, long(STRANGER_BYTES_MAX / 4));
    }
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
    let patience = Patience { first_use: minute * 60, stranger: minute * 60, ..Patience::default() };
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
    let mut control = stock.control(node.id).await;
    assert_eq!(node.connected().await, stock.id);
    node.handle.send(stock.id, &say(0));
    control.read_exact(&mut vec![0; framed(&say(0)).len()]).await.expect("a message");
    let mut stream = stock.open(Plane::Bulk).await;
    let (chunk, frame) = chunk(0, 1024 * 1024);
    write(&mut stream, &BulkRequest { request: 1, chunk: chunk.id }.to_bytes()).await;
    let (ask, _) = node.asked().await;
    node.handle.answer(ask, Ok(frame.clone()));
    let mut bytes = vec![0; BulkReply::BYTES + frame.bytes.len()];
    stream.read_exact(&mut bytes).await.expect("the frame");
    assert_eq!(bytes[BulkReply::BYTES..], frame.bytes);
}
