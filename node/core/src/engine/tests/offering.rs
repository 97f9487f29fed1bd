//! A seed is offered manifests: every refusal, and what becomes of the place that an offer had claimed.
use super::bench::Bench;
use crate::belief::fixture::{key_pair, node};
use crate::engine::bounds::{OFFERS_MAX, OFFERS_PER_PEER_MAX, SEQUENCE_AHEAD_MAX};
use crate::engine::{Credit, Event, FetchFailure, Input, Output, Record, StoreFailure, TreeFault};
use crate::message::{Control, Decline, OfferRefusal};
use crate::{ChunkRef, Envelope, PeerId, Receipt};
use core::time::Duration;

const KEY: &str = "core/main/npm/1";

/// A seed with members that it has let in.
fn seed(members: u8) -> (Bench, Vec<PeerId>) {
    let mut bench = Bench::seed(1);
    let members = (1..=members).map(|number| bench.member(number)).collect();
    bench.give(Input::Credit(Credit::Checks(9)));
    bench.give(Input::Credit(Credit::Writes(9)));
    bench.clear();
    (bench, members)
}

fn signed(bench: &Bench, sequence: u64, chunks: u8) -> (Envelope, Vec<ChunkRef>) {
    let (manifest, content) = bench.saved(KEY, sequence, chunks);
    (bench.pool.sign(&manifest), content)
}

fn offers(bench: &mut Bench, from: PeerId, offer: u32, manifest: &Envelope) {
    bench.say(from, Control::Offer { offer, manifest: manifest.clone() });
}

fn refusals(bench: &mut Bench, peer: PeerId) -> Vec<(u32, OfferRefusal, u64)> {
    let refused = |said| match said {
        Control::OfferRefused { offer, why, highest, .. } => Some((offer, why, highest)),
        _ => None,
    };
    bench.sent(peer).into_iter().filter_map(refused).collect()
}

fn receipts(bench: &mut Bench, peer: PeerId) -> Vec<Envelope> {
    let receipt = |said| if let Control::OfferReceipt { receipt, .. } = said { Some(receipt) } else { None };
    bench.sent(peer).into_iter().filter_map(receipt).collect()
}

/// Pulls everything: the seed holds nothing yet.
fn pulls(bench: &mut Bench, content: &[ChunkRef]) {
    bench.look(|_| false);
    bench.move_chunks(Ok(()));
    bench.open(Ok(content.to_vec()));
    bench.look(|_| false);
    bench.move_chunks(Ok(()));
}

/// How far an offer is led before something happens.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Stage {
    Judging,
    Looking,
    PullingTree,
    Opening,
    LookingContent,
    PullingContent,
    Counting,
    Syncing,
    JudgingAgain,
    Signing,
    Recording,
}

const STAGES: [Stage; 11] = [
    Stage::Judging,
    Stage::Looking,
    Stage::PullingTree,
    Stage::Opening,
    Stage::LookingContent,
    Stage::PullingContent,
    Stage::Counting,
    Stage::Syncing,
    Stage::JudgingAgain,
    Stage::Signing,
    Stage::Recording,
];

/// Leads the only offer to a stage and no further.
fn lead(bench: &mut Bench, content: &[ChunkRef], stage: Stage) {
    type Step<'a> = &'a dyn Fn(&mut Bench);
    let steps: [(Stage, Step); 10] = [
        (Stage::Looking, &|bench| bench.work()),
        (Stage::PullingTree, &|bench| assert_ne!(bench.look(|_| false), 0)),
        (Stage::Opening, &|bench| assert_ne!(bench.move_chunks(Ok(())), 0)),
        (Stage::LookingContent, &|bench| assert_eq!(bench.open(Ok(content.to_vec())), 1)),
        (Stage::PullingContent, &|bench| assert_ne!(bench.look(|_| false), 0)),
        (Stage::Counting, &|bench| assert_ne!(bench.move_chunks(Ok(())), 0)),
        (Stage::Syncing, &|bench| assert!(matches!(bench.record(Ok(()))[..], [Record::Share(_)]))),
        (Stage::JudgingAgain, &|bench| assert_eq!(bench.sync(Ok(())), 1)),
        (Stage::Signing, &|bench| assert!(bench.work_once())),
        (Stage::Recording, &|bench| bench.work()),
    ];
    for (reached, step) in steps {
        if reached <= stage {
            step(bench);
        }
    }
}

/// Leads on to the end whatever there is.
fn finish(bench: &mut Bench, content: &[ChunkRef]) {
    for _ in 0..6 {
        bench.work();
        bench.look(|_| true);
        bench.move_chunks(Ok(()));
        bench.open(Ok(content.to_vec()));
        bench.sync(Ok(()));
        bench.record(Ok(()));
    }
}

#[test]
fn an_offer_is_pulled_synced_signed_recorded_and_only_then_answered() {
    for stage in STAGES {
        let (mut bench, members) = seed(1);
        let (manifest, content) = signed(&bench, 1, 3);
        bench.prompt = false;
        offers(&mut bench, members[0], 5, &manifest);
        lead(&mut bench, &content, stage);
        assert!(receipts(&mut bench, members[0]).is_empty(), "{stage:?}");
    }
    let (mut bench, members) = seed(1);
    let (manifest, content) = signed(&bench, 1, 3);
    bench.prompt = false;
    offers(&mut bench, members[0], 5, &manifest);
    lead(&mut bench, &content, Stage::Recording);
    let recorded = bench.record(Ok(()));
    let [Record::Vote { sequence: 1, receipt, .. }] = &recorded[..] else { panic!("{recorded:?}") };
    let given = receipts(&mut bench, members[0]);
    assert_eq!(given, std::slice::from_ref(receipt));
    assert_eq!(given[0].body::<Receipt>().unwrap().manifest, manifest.id());
}

#[test]
fn a_holder_that_vanishes_frees_the_place_until_the_receipt_is_signed() {
    for stage in STAGES {
        let (mut bench, members) = seed(2);
        let (manifest, content) = signed(&bench, 1, 3);
        let (rival, other) = signed(&bench, 1, 4);
        bench.prompt = false;
        offers(&mut bench, members[0], 5, &manifest);
        lead(&mut bench, &content, stage);
        bench.give(Input::Disconnected { peer: members[0] });
        finish(&mut bench, &content);
        assert_eq!(bench.engine.swarms.len(), 0, "{stage:?}: nothing is pulled for nobody");
        offers(&mut bench, members[1], 6, &rival);
        finish(&mut bench, &other);
        let refused = refusals(&mut bench, members[1]);
        if stage == Stage::Recording {
            assert_eq!(refused, [(6, OfferRefusal::Conflict, 1)], "{stage:?}: the vote may be on the disk");
        } else {
            assert_eq!(refused, [], "{stage:?}");
            assert!(bench.engine.votes.has(&rival.id()), "{stage:?}");
        }
    }
}

#[test]
fn a_holder_that_comes_back_on_another_connection_offers_anew() {
    let (mut bench, members) = seed(1);
    let (manifest, content) = signed(&bench, 1, 3);
    bench.prompt = false;
    offers(&mut bench, members[0], 5, &manifest);
    lead(&mut bench, &content, Stage::Signing);
    bench.give(Input::Disconnected { peer: members[0] });
    bench.prompt = true;
    bench.member(1);
    bench.work();
    finish(&mut bench, &content);
    assert!(receipts(&mut bench, members[0]).is_empty(), "the offer died with its connection");
    offers(&mut bench, members[0], 6, &manifest);
    finish(&mut bench, &content);
    assert_eq!(receipts(&mut bench, members[0]).len(), 1);
}

type Refused = (PeerId, Option<(String, u64)>, OfferRefusal);
fn refused_events(bench: &mut Bench) -> Vec<Refused> {
    let refused = |event| match event {
        Event::OfferRefused { from, place, why, .. } => {
            Some((from, place.map(|(key, sequence)| (key.to_string(), sequence)), why))
        }
        _ => None,
    };
    bench.events().into_iter().filter_map(refused).collect()
}

#[test]
fn every_refusal_is_an_event_with_its_place() {
    let (mut bench, members) = seed(2);
    let place = |sequence| Some((KEY.to_owned(), sequence));
    let (manifest, content) = signed(&bench, 1, 3);
    offers(&mut bench, members[0], 1, &manifest);
    finish(&mut bench, &content);
    assert_eq!(refused_events(&mut bench), [], "a receipt is no refusal");
    let (rival, _) = signed(&bench, 1, 4);
    offers(&mut bench, members[1], 2, &rival);
    bench.work();
    assert_eq!(refused_events(&mut bench), [(members[1], place(1), OfferRefusal::Conflict)]);
    let (far, _) = signed(&bench, SEQUENCE_AHEAD_MAX + 1, 4);
    offers(&mut bench, members[1], 3, &far);
    bench.work();
    let refused = (members[1], place(SEQUENCE_AHEAD_MAX + 1), OfferRefusal::SequenceTooFar);
    assert_eq!(refused_events(&mut bench), [refused]);
    let nonsense = Envelope { payload: b"no manifest".to_vec(), ..rival };
    offers(&mut bench, members[0], 4, &nonsense);
    bench.work();
    assert_eq!(refused_events(&mut bench), [(members[0], None, OfferRefusal::NotBelieved)]);
}

#[test]
fn a_store_that_fails_is_said_to_be_full_and_keeps_the_place_of_a_signed_receipt() {
    for why in [StoreFailure::Full, StoreFailure::Broken] {
        let (mut bench, members) = seed(1);
        let (manifest, content) = signed(&bench, 1, 2);
        let (rival, _) = signed(&bench, 1, 3);
        // While it pulls.
        offers(&mut bench, members[0], 1, &manifest);
        bench.look(|_| false);
        bench.move_chunks(Err(why));
        assert_eq!(refusals(&mut bench, members[0]), [(1, OfferRefusal::Full, 0)]);
        // While it counts what its publisher takes: it is counted the next time, when all is here.
        offers(&mut bench, members[0], 6, &manifest);
        pulls(&mut bench, &content);
        assert_eq!(bench.record(Err(why)).len(), 1);
        assert_eq!(refusals(&mut bench, members[0]), [(6, OfferRefusal::Full, 0)]);
        // While it syncs.
        offers(&mut bench, members[0], 2, &manifest);
        pulls(&mut bench, &content);
        bench.record(Ok(()));
        assert_eq!(bench.sync(Err(why)), 1);
        assert_eq!(refusals(&mut bench, members[0]), [(2, OfferRefusal::Full, 0)]);
        // While it records.
        offers(&mut bench, members[0], 3, &manifest);
        bench.holds_all(&content);
        bench.sync(Ok(()));
        assert_eq!(bench.record(Err(why)).len(), 1);
        assert_eq!(refusals(&mut bench, members[0]), [(3, OfferRefusal::Full, 0)]);
        assert!(!bench.engine.votes.has(&manifest.id()));
        offers(&mut bench, members[0], 4, &rival);
        assert_eq!(refusals(&mut bench, members[0]), [(4, OfferRefusal::Conflict, 1)]);
        // The same manifest gets the same receipt once the disk can take it.
        offers(&mut bench, members[0], 5, &manifest);
        bench.holds_all(&content);
        bench.sync(Ok(()));
        bench.record(Ok(()));
        assert_eq!(receipts(&mut bench, members[0]).len(), 1);
    }
}

#[test]
fn a_manifest_that_ends_meanwhile_gets_no_receipt() {
    let (mut bench, members) = seed(1);
    let (manifest, content) = signed(&bench, 1, 2);
    offers(&mut bench, members[0], 1, &manifest);
    bench.holds_all(&content);
    bench.instant = bench.instant.after(Duration::from_secs(3_600));
    bench.sync(Ok(()));
    assert_eq!(refusals(&mut bench, members[0]), [(1, OfferRefusal::NotBelieved, 0)]);
    assert!(bench.record(Ok(())).is_empty());
    assert_eq!(bench.engine.votes.highest(&KEY.parse().unwrap()), 0, "the place is free");
}

#[test]
fn a_manifest_of_a_stranger_is_not_believed() {
    let (mut bench, members) = seed(1);
    let forged = Envelope::sign(&bench.saved(KEY, 1, 2).0, &key_pair(66));
    offers(&mut bench, members[0], 1, &forged);
    assert_eq!(refusals(&mut bench, members[0]), [(1, OfferRefusal::NotBelieved, 0)]);
    assert!(bench.events().iter().any(|event| matches!(event, Event::Disbelieved { from: Some(_), .. })));
    assert_eq!(bench.look(|_| true), 0, "nothing of it is looked for");
}

#[test]
fn a_tree_that_breaks_a_rule_is_refused() {
    for fault in [Err(TreeFault::Broken), Err(TreeFault::DiffersFromManifest), Ok(Vec::new())] {
        let (mut bench, members) = seed(1);
        let (manifest, _) = signed(&bench, 1, 2);
        offers(&mut bench, members[0], 1, &manifest);
        bench.look(|_| true);
        bench.open(fault);
        assert_eq!(refusals(&mut bench, members[0]), [(1, OfferRefusal::BadTree, 0)]);
        assert_eq!(bench.engine.swarms.len(), 0);
    }
}

#[test]
fn sequences_are_taken_within_reach_of_what_is_certified() {
    let (mut bench, members) = seed(1);
    let (standing, content) = bench.saved(KEY, 10, 2);
    bench.remembers(&standing, &content);
    let cases = [
        (10 + SEQUENCE_AHEAD_MAX, None),
        (11 + SEQUENCE_AHEAD_MAX, Some(OfferRefusal::SequenceTooFar)),
        (u64::MAX, Some(OfferRefusal::SequenceTooFar)),
        (10, Some(OfferRefusal::Conflict)),
        (1, Some(OfferRefusal::Conflict)),
    ];
    for (offer, (sequence, why)) in (1..).zip(cases) {
        // Another tree than the one that stands.
        let (manifest, _) = signed(&bench, sequence, 9);
        offers(&mut bench, members[0], offer, &manifest);
        let refused = refusals(&mut bench, members[0]).pop().map(|(_, why, _)| why);
        assert_eq!(refused, why, "{sequence}");
        if why.is_none() {
            bench.give(Input::Disconnected { peer: members[0] });
            bench.member(1);
        }
    }
    bench.pass(Duration::from_secs(60));
}

#[test]
fn a_conflict_names_what_stands_and_the_highest_vote() {
    let (mut bench, members) = seed(2);
    let (standing, content) = bench.saved(KEY, 10, 2);
    let id = bench.remembers(&standing, &content);
    let (claimed, _) = signed(&bench, 15, 4);
    offers(&mut bench, members[1], 1, &claimed);
    for sequence in [10, 12, 15] {
        let (manifest, _) = signed(&bench, sequence, 9);
        offers(&mut bench, members[0], 2, &manifest);
        let said = bench.sent(members[0]).pop();
        let Some(Control::OfferRefused { why: OfferRefusal::Conflict, standing, highest: 15, .. }) = said
        else {
            panic!("{sequence}: {said:?}")
        };
        assert_eq!(standing.unwrap().manifest.id(), id);
    }
}

#[test]
fn one_member_and_all_together_make_a_few_offers_at_once() {
    let (mut bench, members) = seed(20);
    let mut number = 0;
    let (mut busy, mut taken) = (0, 0);
    for member in members {
        for _ in 0..OFFERS_PER_PEER_MAX + 2 {
            number += 1;
            let manifest = bench.pool.sign(&bench.saved(&format!("core/main/npm/{number}"), 1, 2).0);
            offers(&mut bench, member, number, &manifest);
        }
        let refused = refusals(&mut bench, member);
        assert!(refused.iter().all(|(_, why, _)| *why == OfferRefusal::Busy));
        busy += refused.len();
        taken += OFFERS_PER_PEER_MAX + 2 - refused.len();
    }
    assert_eq!((taken, busy), (OFFERS_MAX, 20 * (OFFERS_PER_PEER_MAX + 2) - OFFERS_MAX));
}

#[test]
fn a_seed_that_is_not_ready_is_busy() {
    let (mut bench, members) = seed(1);
    let (manifest, _) = signed(&bench, 1, 2);
    bench.prompt = false;
    let remembered = bench.certified(&bench.pool.manifest("core/main/pip/1", 1));
    bench.give(Input::Recovered(remembered));
    offers(&mut bench, members[0], 1, &manifest);
    assert_eq!(refusals(&mut bench, members[0]), [(1, OfferRefusal::Busy, 0)]);
}

#[test]
fn a_holder_that_does_not_give_is_told_that_it_cannot_be_pulled_from() {
    let (mut bench, members) = seed(1);
    let (manifest, _) = signed(&bench, 1, 2);
    offers(&mut bench, members[0], 1, &manifest);
    bench.look(|_| false);
    for (fetch, _, _) in bench.fetches() {
        bench.give(Input::FetchFailed { fetch, why: FetchFailure::Declined(Decline::Missing) });
    }
    bench.pass(Duration::from_secs(11));
    assert_eq!(refusals(&mut bench, members[0]), [(1, OfferRefusal::CannotPull, 0)]);
    assert_eq!(bench.engine.votes.highest(&KEY.parse().unwrap()), 0);
}

#[test]
fn a_second_holder_is_pulled_from_when_the_first_does_not_give() {
    let (mut bench, members) = seed(2);
    let (manifest, content) = signed(&bench, 1, 2);
    offers(&mut bench, members[0], 1, &manifest);
    offers(&mut bench, members[1], 2, &manifest);
    bench.look(|_| false);
    let asked: Vec<_> = bench.fetches();
    let first = asked[0].1;
    for (fetch, peer, _) in asked {
        assert_eq!(peer, first, "one of them is pulled from");
        bench.give(Input::FetchFailed { fetch, why: FetchFailure::Declined(Decline::Missing) });
    }
    bench.pass(Duration::from_secs(11));
    assert_eq!(refusals(&mut bench, first).len(), 1);
    finish(&mut bench, &content);
    let given: Vec<usize> = members.iter().map(|peer| receipts(&mut bench, *peer).len()).collect();
    assert_eq!(given.iter().sum::<usize>(), 1, "the other gets the receipt");
}

#[test]
fn the_same_manifest_gets_the_same_receipt_and_is_signed_once() {
    let (mut bench, members) = seed(2);
    let (manifest, content) = signed(&bench, 1, 2);
    offers(&mut bench, members[0], 1, &manifest);
    finish(&mut bench, &content);
    let first = receipts(&mut bench, members[0]);
    bench.pass(Duration::from_secs(5));
    bench.prompt = false;
    offers(&mut bench, members[1], 2, &manifest);
    bench.work();
    bench.holds_all(&content);
    bench.sync(Ok(()));
    assert!(bench.work_once());
    assert!(bench.take(|output| matches!(output, Output::Sign { .. }).then_some(())).is_empty());
    assert_eq!(receipts(&mut bench, members[1]), first);
}

#[test]
fn a_certificate_is_kept_before_it_counts() {
    let (mut bench, members) = seed(2);
    let (manifest, content) = bench.saved(KEY, 3, 2);
    let certified = bench.certified(&manifest);
    let id = certified.manifest.id();
    bench.say(members[0], Control::Certify { certified: certified.clone() });
    assert!(bench.engine.catalogue.get(&id).is_none());
    assert_eq!(bench.record(Err(StoreFailure::Full)).len(), 1);
    assert!(bench.engine.catalogue.get(&id).is_none() && bench.sent(members[0]).is_empty());
    bench.say(members[0], Control::Certify { certified: certified.clone() });
    assert_eq!(bench.record(Ok(())).len(), 1);
    assert_eq!(bench.sent(members[0]), [Control::Certified { manifest: id }]);
    // The chunks are pulled from whoever brought it.
    pulls(&mut bench, &content);
    assert!(bench.engine.catalogue.get(&id).unwrap().complete);
    // Known already: answered at once, and recorded no more.
    bench.record(Ok(()));
    bench.say(members[1], Control::Certify { certified });
    assert!(bench.sent(members[1]).contains(&Control::Certified { manifest: id }));
    assert!(bench.record(Ok(())).is_empty());
}

#[test]
fn a_certificate_that_does_not_hold_is_not_kept() {
    let (mut bench, members) = seed(1);
    let mut certified = bench.certified(&bench.saved(KEY, 3, 2).0);
    certified.receipts.clear();
    bench.say(members[0], Control::Certify { certified });
    assert!(bench.record(Ok(())).is_empty() && bench.sent(members[0]).is_empty());
    assert!(bench.events().iter().any(|event| matches!(event, Event::Disbelieved { .. })));
}

#[test]
fn strangers_offer_nothing() {
    let (mut bench, _) = seed(1);
    let (manifest, _) = signed(&bench, 1, 2);
    bench.connect(node(9), "10.0.2.9:9");
    bench.say(node(9), bench.hello(None));
    offers(&mut bench, node(9), 1, &manifest);
    assert_eq!(bench.dropped(), [(node(9), crate::engine::DropReason::NotAMember)]);
}
