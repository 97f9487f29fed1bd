//! A job's queue and its members, and the pipeline of a peer, for all orders of what can happen.
use super::super::Wanter;
use super::super::limits::{AHEAD_BYTES, BACKOFF_MAX, BACKOFF_MIN, BUFFERED_BYTES, HAVE_BYTES_PER_PEER_MAX};
use super::super::peers::Peers;
use super::super::slab::{ChunkNo, PeerNo};
use super::super::wants::{Lane, Queued, Wants};
use crate::engine::{JobId, Source};
use crate::limits::FETCHES_PER_PEER_MAX;
use crate::{Instant, PeerId, PublicKey};
use core::time::Duration;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

fn peer(number: u8) -> PeerId {
    PeerId::new(PublicKey::from_bytes([number; 32]))
}

fn source() -> impl Strategy<Value = Source> {
    prop_oneof![Just(Source::Peer), Just(Source::Seed)]
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Arrived { after: u64, asked_before: u64 },
    Troubled,
    Slow(u64),
    Asked,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u64..3_000_000, 0_u64..3_000_000)
            .prop_map(|(after, asked_before)| Step::Arrived { after, asked_before }),
        1 => Just(Step::Troubled),
        1 => (0_u64..30_000_000).prop_map(Step::Slow),
        2 => Just(Step::Asked),
    ]
}

proptest! {
    #[test]
    fn chunks_are_delivered_in_order_and_only_within_the_credit(
        steps in prop::collection::vec((0_u32..20, 0_u64..20), 0..40),
    ) {
        let (mut wants, mut waiting) = (Wants::new(Instant::ZERO), VecDeque::new());
        for (number, (bytes, credit)) in (0_u32..).zip(steps) {
            wants.enqueue(Queued { chunk: ChunkNo::from(number), bytes, source: Source::Local });
            waiting.push_back((number, u64::from(bytes)));
            wants.credit += credit;
            while wants.can_deliver() {
                let next = wants.dequeue().unwrap();
                let (number, bytes) = waiting.pop_front().unwrap();
                prop_assert_eq!((u32::from(next.chunk), u64::from(next.bytes)), (number, bytes));
                wants.credit = wants.credit.checked_sub(bytes).expect("never more than the credit");
            }
            prop_assert!(waiting.front().is_none_or(|(_, bytes)| *bytes > wants.credit), "what fits goes");
            prop_assert_eq!(wants.queued_bytes, waiting.iter().map(|(_, bytes)| bytes).sum::<u64>());
        }
    }

    #[test]
    fn what_is_fetched_for_a_job_is_little_more_than_it_takes(
        queued in 0..2 * AHEAD_BYTES,
        ahead in 0..2 * AHEAD_BYTES,
        coming in 0..2 * BUFFERED_BYTES,
        kept in 0..BUFFERED_BYTES,
        credit in 0..2 * BUFFERED_BYTES,
        store_refuses: bool,
    ) {
        let mut wants = Wants::new(Instant::ZERO);
        (wants.queued_bytes, wants.ahead_bytes, wants.credit) = (queued, ahead, credit);
        (wants.coming_bytes, wants.buffered_bytes) = (coming, coming + kept);
        let more = wants.bytes_more(Wanter::Job(JobId(1)), store_refuses);
        if store_refuses {
            prop_assert_eq!(more, credit.saturating_sub(queued + coming));
        } else {
            let in_memory = (credit + BUFFERED_BYTES).saturating_sub(coming + kept);
            prop_assert_eq!(more, in_memory.min((credit + AHEAD_BYTES).saturating_sub(ahead + coming)));
        }
    }

    #[test]
    fn ready_members_are_sorted_and_each_once(
        steps in prop::collection::vec((any::<bool>(), 0_u32..8, source()), 0..40),
    ) {
        let (mut lane, mut model) = (Lane::new(10), BTreeMap::<bool, BTreeSet<u32>>::new());
        for (ready, number, source) in steps {
            if ready {
                lane.make_ready(PeerNo::from(number), source);
                model.entry(source == Source::Seed).or_default().insert(number);
            } else {
                lane.forget_peer(PeerNo::from(number));
                model.values_mut().for_each(|ready| ready.retain(|member| *member != number));
            }
            for of in [Source::Peer, Source::Seed] {
                let ready: Vec<u32> = lane.ready_mut(of).iter().copied().map(u32::from).collect();
                let expected = model.get(&(of == Source::Seed)).into_iter().flatten().copied();
                prop_assert_eq!(ready, expected.collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn a_pipeline_stays_within_its_bounds(source in source(), steps in prop::collection::vec(step(), 0..200)) {
        let mut peers = Peers::new();
        peers.add(peer(1), source);
        let no = peers.find(peer(1)).unwrap();
        let found = peers.get_mut(no).unwrap();
        let mut now = 10_000_000;
        for step in steps {
            let before = found.expected();
            match step {
                Step::Arrived { after, asked_before } => {
                    now += after;
                    found.note_arrival(Instant::from_micros(now), Instant::from_micros(now - asked_before));
                    found.queue = found.queue.saturating_sub(1);
                    prop_assert_eq!(found.stalls, 0);
                }
                Step::Troubled => {
                    now += 1;
                    let now = Instant::from_micros(now);
                    let pause = found.note_trouble(now, now).unwrap().since(now);
                    prop_assert!(pause >= BACKOFF_MIN && pause <= BACKOFF_MAX, "{pause:?}");
                }
                Step::Slow(micros) => {
                    found.note_slow(Duration::from_micros(micros));
                    prop_assert!(found.expected() >= before, "it is at least that slow");
                }
                Step::Asked => {
                    prop_assert_eq!(found.has_place(), found.queue < found.window);
                    prop_assert!(found.has_place() || !found.is_free());
                    prop_assert!(found.is_free() || found.queue * 4 > found.window * 3);
                    found.queue += u32::from(found.has_place());
                    prop_assert!(found.expected() >= before);
                }
            }
            prop_assert!((1..=FETCHES_PER_PEER_MAX).contains(&usize::try_from(found.window).unwrap()));
        }
    }

    #[test]
    fn memory_is_given_back_with_the_peer(
        steps in prop::collection::vec((0_u8..4, 0_usize..2 * HAVE_BYTES_PER_PEER_MAX, any::<bool>()), 0..40),
    ) {
        let (mut peers, mut taken) = (Peers::new(), BTreeMap::<u8, usize>::new());
        for (who, bytes, goes) in steps {
            peers.add(peer(who), Source::Peer);
            let no = peers.find(peer(who)).unwrap();
            let mine = taken.entry(who).or_default();
            let room = *mine + bytes <= HAVE_BYTES_PER_PEER_MAX;
            prop_assert_eq!(peers.has_room(no, bytes), room);
            if room {
                peers.account(no, *mine, *mine + bytes);
                *mine += bytes;
            }
            if goes {
                prop_assert!(peers.remove(no).is_some() && peers.remove(no).is_none());
                taken.remove(&who);
            }
            prop_assert_eq!(peers.is_empty(), taken.is_empty());
        }
    }
}

#[test]
fn who_is_paused_or_distrusted_is_not_free() {
    let mut peers = Peers::new();
    peers.add(peer(1), Source::Peer);
    let found = peers.get_mut(PeerNo::from(0)).unwrap();
    assert!(found.is_free());
    found.paused_until = Some(Instant::ZERO);
    assert!(!found.is_free());
    found.paused_until = None;
    found.distrusted = true;
    assert!(!found.is_free());
}
