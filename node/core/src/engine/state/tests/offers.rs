//! Offers that a seed works on: bounded for each member and in all, and progress that is worth a message.
use super::super::offers::{Offer, Offers};
use super::super::peers::Contact;
use super::super::tasks::OfferId;
use super::{at, peer};
use crate::Envelope;
use crate::engine::bounds::{OFFERS_MAX, OFFERS_PER_PEER_MAX, PROGRESS_INTERVAL};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn offer(who: u16, manifest: u8) -> Offer {
    let envelope = Envelope { payload_type: "t".into(), payload: vec![manifest], signatures: Vec::new() };
    Offer::new(Contact { peer: peer(who), session: 1 }, 7, envelope)
}

proptest! {
    #[test]
    fn room_is_counted_by_member_and_in_all(
        steps in prop::collection::vec((0_u16..20, 0_u8..3, prop::option::of(0_u64..100)), 0..150),
    ) {
        let (mut offers, mut model) = (Offers::default(), BTreeMap::new());
        for (id, (who, manifest, ends)) in (0_u64..).zip(steps) {
            let ended = ends.map(OfferId);
            if let Some(ended) = ended {
                prop_assert_eq!(offers.remove(ended).is_some(), model.remove(&ended).is_some());
            }
            let of_peer = model.values().filter(|(of, _)| *of == who).count();
            let room = of_peer < OFFERS_PER_PEER_MAX && model.len() < OFFERS_MAX;
            prop_assert_eq!(offers.has_room(&peer(who)), room);
            if room {
                offers.insert(OfferId(id), offer(who, manifest));
                model.insert(OfferId(id), (who, manifest));
            }
            let mine = model.iter().filter(|(_, (of, _))| *of == who).map(|(id, _)| *id);
            prop_assert_eq!(offers.of_peer(&peer(who)), mine.collect::<Vec<_>>());
            let named = model.values().any(|(_, of)| *of == manifest);
            prop_assert_eq!(offers.names(&offer(0, manifest).manifest), named);
            prop_assert_eq!(offers.count(), model.len());
        }
    }

    #[test]
    fn progress_never_goes_back_the_end_is_told_and_messages_are_few(
        mut heard in prop::collection::vec((0_u32..=1_000, 0_u64..400_000), 1..100),
    ) {
        let (mut offer, mut now, mut told) = (offer(1, 1), 0, Vec::new());
        heard.push((1_000, 0));
        for (have, wait) in &heard {
            now += wait;
            if offer.worth_telling(at(now), *have, 1_000) {
                told.push(*have);
            }
        }
        prop_assert!(told.windows(2).all(|pair| pair[0] < pair[1]), "{told:?}");
        prop_assert_eq!(told.last(), Some(&1_000));
        let intervals = usize::try_from(u128::from(now) / PROGRESS_INTERVAL.as_micros()).unwrap();
        prop_assert!(told.len() <= 102 + intervals, "{} messages", told.len());
    }
}

#[test]
fn a_manifest_of_few_chunks_is_told_chunk_by_chunk() {
    let mut offer = offer(1, 1);
    let told = (0..=5).filter(|have| offer.worth_telling(at(0), *have, 5)).count();
    assert_eq!(told, 6);
}

#[test]
fn a_manifest_without_chunks_has_an_end_too() {
    let mut offer = offer(1, 1);
    assert!(offer.worth_telling(at(0), 0, 0));
    assert!(!offer.worth_telling(at(0), 0, 0));
}
