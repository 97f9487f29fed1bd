//! The bulk plane between honest wires.

use super::node::{Node, chunk, pair, say};
use crate::net::NetEvent;
use pollux_core::engine::{FetchFailure, FetchId, ServeFailure};
use pollux_core::message::Decline;
use pollux_core::{ChunkId, Frame, PeerId};
use std::collections::{BTreeMap, VecDeque};

const MIB: usize = 1024 * 1024;
const MIB_U32: u32 = 1024 * 1024;

/// Answers everything that is asked, the newer of two asks first, until the given number is served.
async fn serve_swapped(node: &mut Node, frames: &BTreeMap<ChunkId, Frame>) {
    let mut waiting = VecDeque::new();
    let (mut asked, mut served) = (0, 0);
    while served < frames.len() {
        match node.next().await {
            NetEvent::Asked { chunks, .. } => {
                asked += chunks.len();
                waiting.extend(chunks);
            }
            NetEvent::Served { result, .. } => {
                assert_eq!(result, Ok(MIB_U32));
                served += 1;
            }
            _ => {}
        }
        while waiting.len() > 1 || (asked == frames.len() && !waiting.is_empty()) {
            let two: Vec<_> = waiting.drain(..waiting.len().min(2)).collect();
            for (ask, chunk) in two.into_iter().rev() {
                node.handle.answer(ask, frames.get(&chunk).cloned().ok_or(Decline::Missing));
            }
        }
    }
}

/// Fetches all, a few at a time as the engine does.
async fn fetch_all(node: &mut Node, from: PeerId, count: u32) {
    let mut next = 0;
    let mut outstanding = BTreeMap::new();
    let mut arrived = 0;
    while arrived < count {
        while outstanding.len() < 16 && next < count {
            let (chunk, _) = chunk(next, MIB);
            node.handle.fetch(from, vec![(FetchId(u64::from(next)), chunk)]);
            outstanding.insert(FetchId(u64::from(next)), chunk.id);
            next += 1;
        }
        let (fetch, frame) = node.arrived().await;
        let wanted = outstanding.remove(&fetch).expect("asked for");
        assert_eq!(ChunkId::of(&frame.bytes), wanted);
        arrived += 1;
    }
}

async fn a_hundred_chunks(mut asker: Node, mut giver: Node) {
    let frames: BTreeMap<ChunkId, Frame> =
        (0..100).map(|number| chunk(number, MIB)).map(|(c, f)| (c.id, f)).collect();
    let from = giver.id;
    tokio::join!(fetch_all(&mut asker, from, 100), serve_swapped(&mut giver, &frames));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_chunks_come_from_a_peer_that_was_dialled() {
    let (mut one, mut other) = pair().await;
    one.join(&mut other).await;
    a_hundred_chunks(one, other).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_chunks_come_from_a_peer_that_cannot_be_dialled() {
    let (mut one, mut other) = pair().await;
    other.join(&mut one).await;
    a_hundred_chunks(one, other).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_dialled_is_dialled_back_where_it_listens() {
    let (mut one, mut other) = pair().await;
    other.join(&mut one).await;
    one.handle.dial(other.id, vec![other.address]);
    a_hundred_chunks(one, other).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_is_not_where_it_was_said_to_be_is_asked_on_its_own_connection() {
    let (mut one, mut other) = pair().await;
    let third = Node::start(3).await;
    other.join(&mut one).await;
    // Somebody else answers there.
    one.handle.dial(other.id, vec![third.address]);
    a_hundred_chunks(one, other).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_fetch_at_once() {
    let (mut one, mut other) = pair().await;
    one.join(&mut other).await;
    other.handle.dial(one.id, vec![one.address]);
    for number in 0..16 {
        let (chunk, _) = chunk(number, MIB);
        one.handle.fetch(other.id, vec![(FetchId(u64::from(number)), chunk)]);
        other.handle.fetch(one.id, vec![(FetchId(u64::from(number)), chunk)]);
    }
    tokio::join!(swap(&mut one), swap(&mut other));
}

/// Answers sixteen asks and takes sixteen frames, in whatever order they come.
async fn swap(node: &mut Node) {
    let frames: BTreeMap<ChunkId, Frame> =
        (0..16).map(|number| chunk(number, MIB)).map(|(c, f)| (c.id, f)).collect();
    let (mut served, mut arrived) = (0, 0);
    while served < 16 || arrived < 16 {
        match node.next().await {
            NetEvent::Asked { chunks, .. } => chunks
                .into_iter()
                .for_each(|(ask, chunk)| node.handle.answer(ask, Ok(frames[&chunk].clone()))),
            NetEvent::Served { result, .. } => {
                assert_eq!(result, Ok(MIB_U32));
                served += 1;
            }
            NetEvent::FrameArrived { fetch, frame } => {
                let (wanted, _) = chunk(u32::try_from(fetch.0).expect("small"), MIB);
                assert_eq!(ChunkId::of(&frame.bytes), wanted.id);
                arrived += 1;
            }
            NetEvent::SendCredit { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_peer_that_declines_is_a_failed_fetch_each_time() {
    let (mut one, mut other) = pair().await;
    one.join(&mut other).await;
    for (number, why) in [(0, Decline::Missing), (1, Decline::Busy), (2, Decline::NotAMember)] {
        one.handle.fetch(other.id, vec![(FetchId(number), chunk(7, 1000).0)]);
        let (ask, asked) = other.asked().await;
        assert_eq!(asked, chunk(7, 1000).0.id);
        other.handle.answer(ask, Err(why));
        let event = one.next().await;
        let NetEvent::FetchFailed { fetch, why: failure } = event else { panic!("{event:?}") };
        assert_eq!((fetch, failure), (FetchId(number), FetchFailure::Declined(why)));
    }
    // A decline is answered by no event on the giving side: the next is of a frame.
    one.handle.fetch(other.id, vec![(FetchId(3), chunk(8, 1000).0)]);
    let (ask, _) = other.asked().await;
    other.handle.answer(ask, Ok(chunk(8, 1000).1));
    let event = other.next().await;
    assert!(
        matches!(event, NetEvent::Served { ask: served, result: Ok(1000) } if served == ask),
        "{event:?}"
    );
}

#[tokio::test]
async fn a_cancelled_fetch_has_no_outcome_and_the_lane_goes_on() {
    let (mut one, mut other) = pair().await;
    one.join(&mut other).await;
    for number in 0..4 {
        one.handle.fetch(other.id, vec![(FetchId(u64::from(number)), chunk(number, 300_000).0)]);
    }
    let mut asks = Vec::new();
    for _ in 0..4 {
        asks.push(other.asked().await);
    }
    one.handle.cancel(FetchId(0));
    one.handle.cancel(FetchId(2));
    one.handle.cancel(FetchId(77));
    // The peer is told; its answers come nonetheless, and are dropped.
    let taken_back = [other.taken_back().await, other.taken_back().await];
    assert_eq!(taken_back, [asks[0].0, asks[2].0]);
    for (ask, id) in asks {
        let frame =
            (0..4).map(|number| chunk(number, 300_000)).find(|(chunk, _)| chunk.id == id).expect("asked");
        other.handle.answer(ask, Ok(frame.1));
    }
    assert_eq!(one.arrived().await.0, FetchId(1));
    assert_eq!(one.arrived().await.0, FetchId(3));
}

#[tokio::test]
async fn what_is_asked_for_together_comes_to_the_peer_together_and_is_answered_one_by_one() {
    let (mut one, mut other) = pair().await;
    one.join(&mut other).await;
    let chunks: Vec<_> = (0..16).map(|number| (FetchId(u64::from(number)), chunk(number, 1000).0)).collect();
    one.handle.fetch(other.id, chunks.clone());
    let asks = other.asked_together().await;
    let wanted: Vec<ChunkId> = chunks.iter().map(|(_, chunk)| chunk.id).collect();
    assert_eq!(asks.iter().map(|(_, chunk)| *chunk).collect::<Vec<_>>(), wanted, "in the order asked");
    // The peer lacks every other one, and gives the last first.
    for (number, (ask, _)) in (0..16).zip(asks).rev() {
        let answer = if number % 2 == 0 { Ok(chunk(number, 1000).1) } else { Err(Decline::Missing) };
        other.handle.answer(ask, answer);
    }
    for number in (0..16).rev() {
        let wanted = FetchId(number);
        match one.next().await {
            NetEvent::FrameArrived { fetch, .. } => assert_eq!((fetch, number % 2), (wanted, 0)),
            NetEvent::FetchFailed { fetch, .. } => assert_eq!((fetch, number % 2), (wanted, 1)),
            event => panic!("{event:?}"),
        }
    }
}

#[tokio::test]
async fn more_than_a_lane_holds_is_refused_one_by_one() {
    let (mut one, mut other) = pair().await;
    one.join(&mut other).await;
    let most = u64::try_from(crate::net::bounds::REQUESTS_PER_LANE_MAX).expect("few");
    one.handle.fetch(other.id, (0..most + 2).map(|number| (FetchId(number), chunk(0, 1000).0)).collect());
    for number in most..most + 2 {
        let event = one.next().await;
        let NetEvent::FetchFailed { fetch, why: FetchFailure::Broken } = event else { panic!("{event:?}") };
        assert_eq!(fetch, FetchId(number));
    }
    assert_eq!(other.asked_together().await.len(), crate::net::bounds::ASKS_PER_STREAM_MAX);
}

#[tokio::test]
async fn a_fetch_from_a_stranger_fails() {
    let (mut one, other) = pair().await;
    one.handle.fetch(other.id, vec![(FetchId(5), chunk(0, 10).0)]);
    let event = one.next().await;
    let NetEvent::FetchFailed { fetch: FetchId(5), why: FetchFailure::NotConnected } = event else {
        panic!("{event:?}")
    };
}

#[tokio::test]
async fn a_peer_that_vanishes_fails_what_it_was_asked_for() {
    let (mut one, mut other) = pair().await;
    one.join(&mut other).await;
    for number in 0..3 {
        one.handle.fetch(other.id, vec![(FetchId(u64::from(number)), chunk(number, MIB).0)]);
    }
    let (ask, _) = other.asked().await;
    other.handle.answer(ask, Ok(chunk(0, MIB).1));
    assert_eq!(one.arrived().await.0, FetchId(0));
    other.handle.shutdown();
    let mut failed = Vec::new();
    loop {
        match one.next().await {
            NetEvent::FetchFailed { fetch, why: FetchFailure::Broken } => failed.push(fetch),
            NetEvent::Disconnected { peer } => break assert_eq!(peer, other.id),
            event => panic!("{event:?}"),
        }
    }
    failed.sort_unstable();
    assert_eq!(failed, [FetchId(1), FetchId(2)]);
}

#[tokio::test]
async fn an_answer_to_a_peer_that_left_is_not_served() {
    let (mut one, mut other) = pair().await;
    one.join(&mut other).await;
    one.handle.fetch(other.id, vec![(FetchId(0), chunk(0, MIB).0)]);
    let (ask, _) = other.asked().await;
    one.handle.disconnect(other.id);
    assert_eq!(other.disconnected().await, one.id);
    other.handle.answer(ask, Ok(chunk(0, MIB).1));
    let event = other.next().await;
    let NetEvent::Served { ask: served, result: Err(ServeFailure::PeerGone) } = event else {
        panic!("{event:?}")
    };
    assert_eq!(served, ask);
}

#[tokio::test]
async fn an_idle_bulk_connection_is_closed_and_dialled_again_when_needed() {
    let patience = crate::net::bounds::Patience {
        idle: std::time::Duration::from_millis(20),
        ..crate::net::bounds::Patience::default()
    };
    let mut one = Node::start_with(1, patience).await;
    let mut other = Node::start_with(2, patience).await;
    one.join(&mut other).await;
    for round in 0..3 {
        one.handle.fetch(other.id, vec![(FetchId(round), chunk(0, 1000).0)]);
        let (ask, _) = other.asked().await;
        other.handle.answer(ask, Ok(chunk(0, 1000).1));
        assert_eq!(one.arrived().await.0, FetchId(round));
        tokio::time::timeout(std::time::Duration::from_millis(100), one.events.recv())
            .await
            .expect_err("nothing to say");
    }
    one.handle.send(other.id, &say(1));
    assert_eq!(other.message().await.1, say(1));
}
