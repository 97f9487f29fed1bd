//! Peers of a later release: what they say that is not known here is no offence, and ends nothing.
use super::bench::Bench;
use crate::belief::fixture::{node, yank, yank_envelope};
use crate::engine::bounds::MESSAGE_BURST;
use crate::engine::{Event, JobReply, JobRequest, Offence, PublishFailure};
use crate::message::{Control, OfferRefusal, PapersRefusal, Refusal};
use crate::{Papers, PeerId, Yanked};
use core::time::Duration;

const UNKNOWN: Control = Control::Unknown { kind: 77 };

/// The kinds that were not known, and whether somebody was let go.
fn heard(bench: &mut Bench, from: PeerId) -> (Vec<u32>, bool) {
    let kinds = bench.events().into_iter().filter_map(|event| match event {
        Event::UnknownMessage { peer, kind } if peer == from => Some(kind),
        Event::Offended { .. } | Event::Banned { .. } => panic!("{event:?}"),
        _ => None,
    });
    (kinds.collect(), !bench.dropped().is_empty())
}

#[test]
fn an_unknown_message_is_counted_and_not_heard() {
    let mut bench = Bench::node(1);
    for peer in [bench.admitted_by(0), bench.member(1)] {
        bench.clear();
        bench.say(peer, UNKNOWN);
        assert_eq!(heard(&mut bench, peer), (vec![77], false));
        assert_eq!(bench.sent(peer), [], "nothing is answered");
    }
    assert_eq!(bench.engine.status().peers, 1);
}

#[test]
fn a_stranger_gets_nothing_for_an_unknown_message() {
    for mut bench in [Bench::node(1), Bench::seed(1)] {
        let stranger = node(9);
        bench.connect(stranger, "10.0.2.9:9");
        bench.clear();
        bench.say(stranger, UNKNOWN);
        assert_eq!(heard(&mut bench, stranger), (vec![77], false));
        assert_eq!(bench.sent(stranger), []);
    }
}

#[test]
fn unknown_messages_are_a_flood_as_any_are() {
    let mut bench = Bench::seed(1);
    let member = bench.member(1);
    (0..=MESSAGE_BURST).for_each(|_| bench.say(member, UNKNOWN));
    let events = bench.events();
    let flood = |event: &Event| matches!(event, Event::Offended { offence: Offence::Flood, .. });
    assert!(events.iter().any(flood));
    assert_eq!(bench.engine.status().banned, 1);
}

#[test]
fn an_unknown_refusal_to_join_is_told_and_tried_again() {
    let mut bench = Bench::node(1);
    let seed = bench.meets_seed(0);
    bench.clear();
    bench.say(seed, Control::Refused { why: Refusal::Unknown(17) });
    assert_eq!(bench.engine.status().refused, Some(Refusal::Unknown(17)));
    bench.pass(Duration::from_secs(120));
    assert!(bench.sent(seed).iter().any(|said| matches!(said, Control::Join { .. })));
}

#[test]
fn an_unknown_refusal_of_an_offer_is_final_for_that_seed() {
    let mut bench = Bench::node(1);
    let seed = bench.admitted_by(0);
    let (manifest, content) = bench.saved("core/main/npm/1", 7, 3);
    let manifest = bench.pool.sign(&manifest);
    bench.job(1, JobRequest::Publish { manifest, deadline: Duration::from_secs(20) });
    bench.holds_all(&content);
    assert_eq!(bench.sync(Ok(())), 1);
    let offer = bench.sent(seed).into_iter().find_map(|said| match said {
        Control::Offer { offer, .. } => Some(offer),
        _ => None,
    });
    let why = OfferRefusal::Unknown(17);
    bench.say(seed, Control::OfferRefused { offer: offer.unwrap(), why, standing: None, highest: 0 });
    let replies = bench.replies(1);
    let refused = |reply: &JobReply| matches!(reply, JobReply::PublishFailed(PublishFailure::Refused(told)) if *told == why);
    assert!(replies.iter().any(refused), "{replies:?}");
}

#[test]
fn papers_that_a_seed_refuses_for_an_unknown_reason_are_not_kept_there() {
    let mut bench = Bench::node(1);
    let seed = bench.admitted_by(0);
    let (manifest, _) = bench.saved("core/main/npm/1", 7, 3);
    let taken = yank_envelope(&yank("y", Yanked::Manifest(bench.pool.sign(&manifest).id())));
    let papers = Papers { yanks: vec![taken], ..Papers::default() };
    bench.job(1, JobRequest::Spread { papers, deadline: Duration::from_secs(20) });
    bench.work();
    let bring = bench.sent(seed).into_iter().find_map(|said| match said {
        Control::KeepPapers { bring, .. } => Some(bring),
        _ => None,
    });
    let refused = Some(PapersRefusal::Unknown(17));
    bench.say(seed, Control::PapersKept { bring: bring.unwrap(), refused });
    let replies = bench.replies(1);
    let told = |reply: &JobReply| match reply {
        JobReply::Spread { held: 0, refused: Some(why), .. } => why.contains("does not know (17)"),
        _ => false,
    };
    assert!(replies.iter().any(told), "{replies:?}");
}
