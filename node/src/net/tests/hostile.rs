//! Peers that break the protocol, and what it costs them.

use super::node::{Node, chunk, say};
use super::raw::Raw;
use crate::net::NetEvent;
use crate::net::bounds::{ASKS_PER_STREAM_MAX, EVENTS_MAX, Patience};
use crate::net::plane::Plane;
use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::core::muxing::SubstreamBox;
use pollux_core::FrameKind;
use pollux_core::engine::{FetchFailure, FetchId, Offence, ServeFailure};
use pollux_core::limits::CONTROL_BYTES_MAX;
use pollux_core::message::{BulkOutcome, BulkReply, BulkRequest, Control, Decline, Refusal};
use std::time::Duration;

pub(super) const VICTIM: u8 = 1;
pub(super) const VILLAIN: u8 = 2;

/// A victim, and a villain that is connected to it as any peer is.
async fn connected() -> (Node, Raw, SubstreamBox) {
    connected_with(Patience::default()).await
}

async fn connected_with(patience: Patience) -> (Node, Raw, SubstreamBox) {
    let mut victim = Node::start_with(VICTIM, patience).await;
    let villain = Raw::dial(VILLAIN, victim.address).await;
    let mut control = villain.control(victim.id).await;
    assert_eq!(victim.connected().await, villain.id);
    // The connection has heard that the villain belongs once this is out.
    victim.handle.send(villain.id, &say(0));
    let mut said = vec![0; 4 + say(0).encode().len()];
    control.read_exact(&mut said).await.expect("the victim speaks");
    (victim, villain, control)
}

async fn offence(victim: &mut Node) -> Offence {
    victim
        .until(|event| match event {
            NetEvent::Misbehaved { offence, .. } => Some(offence),
            NetEvent::Message { message, .. } => panic!("{message:?}"),
            _ => None,
        })
        .await
}

pub(super) async fn write(stream: &mut SubstreamBox, bytes: &[u8]) {
    stream.write_all(bytes).await.expect("the victim listens");
    stream.flush().await.expect("the victim listens");
}

/// The victim still serves an honest peer.
pub(super) async fn is_well(victim: &mut Node) {
    let mut honest = Node::start(3).await;
    honest.handle.dial(victim.id, vec![victim.address]);
    honest.connected().await;
    honest.handle.send(victim.id, &say(1));
    assert_eq!(victim.message().await, (honest.id, say(1)));
    victim.handle.send(honest.id, &say(2));
    assert_eq!(honest.message().await, (victim.id, say(2)));
}

#[tokio::test]
async fn a_raw_peer_that_behaves_is_a_peer() {
    let (mut victim, villain, mut control) = connected().await;
    let message = say(5).encode();
    write(&mut control, &u32::try_from(message.len()).expect("short").to_le_bytes()).await;
    write(&mut control, &message).await;
    assert_eq!(victim.message().await, (villain.id, say(5)));
    victim.handle.send(villain.id, &say(6));
    let mut back = vec![0; 4 + say(6).encode().len()];
    control.read_exact(&mut back).await.expect("an answer");
    assert_eq!(&back[4..], say(6).encode());
}

#[tokio::test]
async fn a_control_message_over_the_bound_is_an_offence() {
    let (mut victim, _villain, mut control) = connected().await;
    write(&mut control, &u32::try_from(CONTROL_BYTES_MAX + 1).expect("small").to_le_bytes()).await;
    assert_eq!(offence(&mut victim).await, Offence::TooLong);
    victim.disconnected().await;
    is_well(&mut victim).await;
}

#[tokio::test]
async fn a_control_message_that_is_none_is_an_offence() {
    let (mut victim, _villain, mut control) = connected().await;
    write(&mut control, &[3, 0, 0, 0, 0xff, 0xff, 0xff]).await;
    assert_eq!(offence(&mut victim).await, Offence::BadMessage);
    victim.disconnected().await;
    is_well(&mut victim).await;
}

#[tokio::test]
async fn a_control_message_of_a_later_release_is_no_offence() {
    let (mut victim, villain, mut control) = connected().await;
    write(&mut control, &[3, 0, 0, 0, 77, 0xff, 0xff]).await;
    assert_eq!(victim.message().await, (villain.id, Control::Unknown { kind: 77 }));
    write(&mut control, &[2, 0, 0, 0, 3, 17]).await;
    let refused = Control::Refused { why: Refusal::Unknown(17) };
    assert_eq!(victim.message().await, (villain.id, refused), "and the stream goes on");
}

#[tokio::test]
async fn an_empty_control_message_is_an_offence() {
    let (mut victim, _villain, mut control) = connected().await;
    write(&mut control, &[0; 4]).await;
    assert_eq!(offence(&mut victim).await, Offence::BadMessage);
    victim.disconnected().await;
}

#[tokio::test]
async fn half_a_control_message_is_just_an_end() {
    let (mut victim, villain, mut control) = connected().await;
    write(&mut control, &[100, 0, 0, 0, 1, 2]).await;
    drop(control);
    assert_eq!(victim.disconnected().await, villain.id);
    is_well(&mut victim).await;
}

#[tokio::test]
async fn a_second_control_stream_is_an_offence_and_changes_nothing() {
    let (mut victim, villain, mut control) = connected().await;
    let _second = villain.open(Plane::Control).await;
    assert_eq!(offence(&mut victim).await, Offence::Flood);
    let message = say(5).encode();
    write(&mut control, &u32::try_from(message.len()).expect("short").to_le_bytes()).await;
    write(&mut control, &message).await;
    assert_eq!(victim.message().await, (villain.id, say(5)));
}

#[tokio::test]
async fn stream_flood() {
    let (mut victim, villain, _control) = connected().await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(villain.open(Plane::Bulk).await);
    }
    assert_eq!(offence(&mut victim).await, Offence::Flood);
    is_well(&mut victim).await;
}

/// The victim asks the villain for a chunk of so many bytes, on the only connection there is.
async fn asks_for(
    victim: &Node,
    villain: &mut Raw,
    fetches: u64,
    bytes: usize,
) -> (SubstreamBox, Vec<BulkRequest>) {
    for number in 0..fetches {
        victim.handle.fetch(villain.id, vec![(FetchId(number), chunk(0, bytes).0)]);
    }
    let mut stream = villain.accept().await;
    let mut requests = Vec::new();
    for _ in 0..fetches {
        let mut request = [0; BulkRequest::BYTES];
        stream.read_exact(&mut request).await.expect("a request");
        requests.push(BulkRequest::from_bytes(&request));
    }
    (stream, requests)
}

fn reply(request: u32, bytes: u32) -> [u8; BulkReply::BYTES] {
    BulkReply { request, outcome: BulkOutcome::Frame { kind: FrameKind::Raw, bytes } }.to_bytes()
}

/// The next outcome of a fetch, and the offences on the way to it.
async fn failure(victim: &mut Node) -> (FetchId, FetchFailure) {
    victim
        .until(|event| match event {
            NetEvent::FetchFailed { fetch, why } => Some((fetch, why)),
            NetEvent::FrameArrived { fetch, .. } => panic!("{fetch:?} arrived"),
            _ => None,
        })
        .await
}

#[tokio::test]
async fn unasked_chunk() {
    let (mut victim, mut villain, _control) = connected().await;
    let (mut stream, requests) = asks_for(&victim, &mut villain, 1, 1000).await;
    write(&mut stream, &reply(requests[0].request.wrapping_add(1), 10)).await;
    assert_eq!(offence(&mut victim).await, Offence::UnaskedChunk);
    assert_eq!(failure(&mut victim).await, (FetchId(0), FetchFailure::Broken));
    is_well(&mut victim).await;
}

#[tokio::test]
async fn a_second_reply_to_one_request_is_an_offence() {
    let (mut victim, mut villain, _control) = connected().await;
    let (mut stream, requests) = asks_for(&victim, &mut villain, 1, 1000).await;
    let frame = chunk(0, 1000).1;
    write(&mut stream, &reply(requests[0].request, 1000)).await;
    write(&mut stream, &frame.bytes).await;
    assert_eq!(victim.arrived().await, (FetchId(0), frame));
    write(&mut stream, &reply(requests[0].request, 1000)).await;
    assert_eq!(offence(&mut victim).await, Offence::UnaskedChunk);
}

#[tokio::test]
async fn a_frame_longer_than_the_chunk_is_an_offence() {
    let (mut victim, mut villain, _control) = connected().await;
    let (mut stream, requests) = asks_for(&victim, &mut villain, 2, 1000).await;
    write(&mut stream, &reply(requests[0].request, 1001)).await;
    assert_eq!(failure(&mut victim).await, (FetchId(0), FetchFailure::TooLong));
    assert_eq!(offence(&mut victim).await, Offence::TooLong);
    assert_eq!(failure(&mut victim).await, (FetchId(1), FetchFailure::Broken));
    is_well(&mut victim).await;
}

#[tokio::test]
async fn a_frame_of_four_gigabytes_is_an_offence_before_a_byte_of_it() {
    let (mut victim, mut villain, _control) = connected().await;
    let (mut stream, requests) = asks_for(&victim, &mut villain, 1, 1024 * 1024).await;
    write(&mut stream, &reply(requests[0].request, u32::MAX)).await;
    assert_eq!(offence(&mut victim).await, Offence::BadMessage);
    assert_eq!(failure(&mut victim).await, (FetchId(0), FetchFailure::Broken));
}

#[tokio::test]
async fn an_endless_frame_ends_where_it_was_said_to() {
    let (mut victim, mut villain, _control) = connected().await;
    let (mut stream, requests) = asks_for(&victim, &mut villain, 2, 1000).await;
    write(&mut stream, &reply(requests[0].request, 1000)).await;
    // Goes on and on, until the victim hangs up.
    let endless =
        async { while stream.write_all(&[0xee; 4096]).await.is_ok() && stream.flush().await.is_ok() {} };
    let watch = async {
        let (fetch, frame) = victim.arrived().await;
        assert_eq!((fetch, frame.bytes), (FetchId(0), vec![0xee; 1000]));
        assert!(matches!(offence(&mut victim).await, Offence::BadMessage | Offence::UnaskedChunk));
        assert_eq!(failure(&mut victim).await, (FetchId(1), FetchFailure::Broken));
    };
    tokio::join!(endless, watch);
    is_well(&mut victim).await;
}

#[tokio::test]
async fn a_peer_that_refuses_the_bulk_plane_fails_the_fetch() {
    let (mut victim, mut villain, _control) = connected().await;
    victim.handle.fetch(villain.id, vec![(FetchId(0), chunk(0, 1000).0)]);
    drop(villain.accept().await);
    assert_eq!(failure(&mut victim).await, (FetchId(0), FetchFailure::Broken));
}

#[tokio::test]
async fn a_peer_that_never_answers_gets_no_more_requests_than_its_bound() {
    let (mut victim, mut villain, _control) = connected().await;
    let (_stream, _) = asks_for(&victim, &mut villain, 1, 1000).await;
    for number in 1..=64 {
        victim.handle.cancel(FetchId(number - 1));
        victim.handle.fetch(villain.id, vec![(FetchId(number), chunk(0, 1000).0)]);
    }
    assert_eq!(failure(&mut victim).await, (FetchId(64), FetchFailure::Broken));
}

#[tokio::test]
async fn a_peer_that_asks_without_end_is_not_read() {
    let (mut victim, villain, _control) = connected().await;
    let mut stream = villain.open(Plane::Bulk).await;
    let count = 4 * ASKS_PER_STREAM_MAX;
    for number in 0..count {
        let request =
            BulkRequest { request: u32::try_from(number).expect("small"), chunk: chunk(0, 10).0.id };
        write(&mut stream, &request.to_bytes()).await;
    }
    let mut asks = Vec::new();
    for _ in 0..ASKS_PER_STREAM_MAX {
        asks.push(victim.asked().await.0);
    }
    // The honest peer's message comes, and no further ask before it.
    let mut honest = Node::start(3).await;
    honest.handle.dial(victim.id, vec![victim.address]);
    honest.connected().await;
    honest.handle.send(victim.id, &say(1));
    loop {
        match victim.next().await {
            NetEvent::Message { .. } => break,
            NetEvent::Asked { chunks, .. } => panic!("{chunks:?} over the bound"),
            _ => {}
        }
    }
    // One answer makes room for one more.
    victim.handle.answer(asks[0], Ok(chunk(0, 10).1));
    victim.asked().await;
}

#[tokio::test]
async fn what_is_asked_for_behind_many_take_backs_of_nothing_is_read() {
    let (mut victim, villain, _control) = connected().await;
    let mut stream = villain.open(Plane::Bulk).await;
    let most = u32::try_from(ASKS_PER_STREAM_MAX).expect("few");
    let nothing = (0..most).flat_map(|number| BulkRequest::take_back(number).to_bytes());
    let ask = BulkRequest { request: 99, chunk: chunk(0, 10).0.id };
    let bytes: Vec<u8> = nothing.chain(ask.to_bytes()).collect();
    write(&mut stream, &bytes).await;
    assert_eq!(victim.asked().await.1, ask.chunk);
}

#[tokio::test]
async fn a_slow_reader_loses_its_stream_and_holds_nobody_up() {
    let patience = Patience { stall: Duration::from_millis(300), ..Patience::default() };
    let (mut victim, villain, _control) = connected_with(patience).await;
    let mut stream = villain.open(Plane::Bulk).await;
    for number in 0..8 {
        let request = BulkRequest { request: number, chunk: chunk(0, 10).0.id };
        write(&mut stream, &request.to_bytes()).await;
    }
    let frame = chunk(0, 1024 * 1024).1;
    for _ in 0..8 {
        let (ask, _) = victim.asked().await;
        victim.handle.answer(ask, Ok(frame.clone()));
    }
    is_well(&mut victim).await;
    // The villain never reads: what does not fit in its window is given up.
    let mut gone = 0;
    while gone == 0 {
        if let NetEvent::Served { result: Err(ServeFailure::PeerGone), .. } = victim.next().await {
            gone += 1;
        }
    }
    drop(stream);
}

#[tokio::test]
async fn what_was_given_to_a_peer_that_is_let_go_is_reported_once() {
    let (mut victim, villain, _control) = connected().await;
    let mut stream = villain.open(Plane::Bulk).await;
    let mut waiting = std::collections::BTreeSet::new();
    for number in 0..8 {
        write(&mut stream, &BulkRequest { request: number, chunk: chunk(0, 10).0.id }.to_bytes()).await;
        waiting.insert(victim.asked().await.0);
    }
    for ask in &waiting {
        victim.handle.answer(*ask, Ok(chunk(0, 1024 * 1024).1));
    }
    victim.handle.disconnect(villain.id);
    victim.handle.answer(*waiting.first().expect("eight"), Err(Decline::Busy));
    while !waiting.is_empty() {
        if let NetEvent::Served { ask, .. } = victim.next().await {
            assert!(waiting.remove(&ask), "{ask:?} twice");
        }
    }
    // The villain never hangs up, so the farewell takes its time; nothing else is said.
    loop {
        match victim.next().await {
            NetEvent::Disconnected { .. } => break,
            NetEvent::Served { ask, .. } => panic!("{ask:?} twice"),
            _ => {}
        }
    }
    is_well(&mut victim).await;
}

#[tokio::test]
async fn a_driver_that_does_not_listen_stops_the_peer() {
    let (mut victim, villain, mut control) = connected().await;
    let message = say(5).encode();
    let mut bytes = u32::try_from(message.len()).expect("short").to_le_bytes().to_vec();
    bytes.extend(&message);
    // Without anybody to take the events, the villain's writes come to a stand.
    let many: Vec<u8> = bytes.repeat(1000);
    let mut written = 0_usize;
    while let Ok(result) = tokio::time::timeout(Duration::from_millis(500), control.write(&many)).await {
        written += result.expect("the victim is there");
        assert!(written < 64 * 1024 * 1024, "nothing holds the villain up");
        drop(tokio::time::timeout(Duration::from_millis(500), control.flush()).await);
    }
    assert!(victim.events.len() <= EVENTS_MAX);
    // And go on when it listens again.
    for _ in 0..2 * EVENTS_MAX {
        assert_eq!(victim.message().await, (villain.id, say(5)));
    }
}
