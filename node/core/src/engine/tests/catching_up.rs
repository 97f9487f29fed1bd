//! One seed that catches up with others: what it asks, what it believes of what they bring, and what it answers.
use super::bench::Bench;
use crate::belief::fixture::{NO_MANIFEST, later, node};
use crate::engine::bounds::{CATCH_UP_INTERVAL, CATCH_UP_PAUSE};
use crate::engine::{DropReason, Event, Input, Record, Silence, StoreFailure};
use crate::limits::BROUGHT_MAX;
use crate::message::{Control, RecordName, VoteEnvelope};
use crate::{CertifiedEnvelope, Manifest, ManifestId, PeerId};
use core::time::Duration;

const KEY: &str = "core/main/npm/1";

const fn certified(manifest: ManifestId) -> RecordName {
    RecordName::Certified { manifest, complete: false }
}

/// A page of names in the first life of a seed whose store is whole, as far as can be seen.
fn known(next: u64, more: bool, names: Vec<RecordName>) -> Control {
    Control::Known { epoch: 9, seen: 0, life: 7, next, more, names }
}

fn brings(certified: Vec<CertifiedEnvelope>) -> Control {
    Control::Brought { certified, votes: Vec::new() }
}

fn asked(bench: &mut Bench, seed: PeerId) -> Vec<(u64, u64)> {
    let sent = bench.sent(seed).into_iter();
    sent.filter_map(|said| match said {
        Control::CatchUp { life, after, .. } => Some((life, after)),
        _ => None,
    })
    .collect()
}

fn wanted(bench: &mut Bench, seed: PeerId) -> Vec<RecordName> {
    let sent = bench.sent(seed).into_iter();
    sent.flat_map(|said| match said {
        Control::Bring { names } => names,
        _ => Vec::new(),
    })
    .collect()
}

fn vote(bench: &Bench, seed: usize, manifest: &Manifest) -> VoteEnvelope {
    let manifest = bench.pool.sign(manifest);
    let receipt = bench.pool.receipt(seed, &manifest, bench.now().wall);
    VoteEnvelope { manifest, receipt }
}

#[test]
fn a_seed_asks_each_other_one_at_once_and_every_few_seconds() {
    let mut bench = Bench::seed(4);
    let other = bench.meets_seed(1);
    assert_eq!(asked(&mut bench, other), [(0, 0)]);
    bench.say(other, known(3, false, Vec::new()));
    bench.pass(Duration::from_secs(60));
    let later = asked(&mut bench, other);
    assert_eq!(later, vec![(7, 3); 12], "two small messages in five seconds are all that it costs");
    bench.give(Input::Disconnected { peer: other });
    bench.pass(Duration::from_secs(60));
    assert!(asked(&mut bench, other).is_empty());
}

#[test]
fn what_is_lacking_is_brought_judged_recorded_and_only_then_counts() {
    let mut bench = Bench::seed(4);
    let other = bench.meets_seed(1);
    let made = bench.certified(&bench.saved(KEY, 1, 3).0);
    let id = made.manifest.id();
    bench.say(other, known(1, false, vec![certified(id)]));
    assert_eq!(wanted(&mut bench, other), [certified(id)]);
    bench.say(other, brings(vec![made.clone()]));
    assert_eq!(bench.engine.catalogue.len(), 0);
    let kept = |record: &Record| matches!(record, Record::Certified(kept) if kept.manifest == made.manifest);
    assert!(bench.record(Ok(())).iter().any(kept));
    assert_eq!(bench.engine.catalogue.len(), 1);
    assert!(bench.events().iter().any(|event| matches!(event, Event::Certified { .. })));
    bench.pass(CATCH_UP_INTERVAL);
    assert_eq!(asked(&mut bench, other), [(7, 1)], "from where it ended");
    bench.say(other, known(2, false, vec![certified(id)]));
    assert!(wanted(&mut bench, other).is_empty(), "it is here");
}

#[test]
fn a_disk_that_refuses_is_tried_again() {
    let mut bench = Bench::seed(4);
    let other = bench.meets_seed(1);
    let made = bench.certified(&bench.saved(KEY, 1, 3).0);
    let id = made.manifest.id();
    bench.say(other, known(1, false, vec![certified(id)]));
    bench.say(other, brings(vec![made]));
    bench.record(Err(StoreFailure::Full));
    assert_eq!(bench.engine.catalogue.len(), 0);
    bench.clear_sent(other);
    bench.pass(CATCH_UP_INTERVAL);
    assert_eq!(asked(&mut bench, other), [(0, 0)], "the page is asked for once more");
}

#[test]
fn what_is_not_believed_is_reported_and_the_rest_goes_on() {
    let mut bench = Bench::seed(4);
    let other = bench.meets_seed(1);
    let mut bare = bench.certified(&bench.saved(KEY, 1, 3).0);
    bare.receipts.truncate(1);
    let good = bench.certified(&bench.saved(KEY, 2, 3).0);
    let names = [&bare, &good].map(|made| certified(made.manifest.id())).to_vec();
    bench.say(other, known(2, false, names));
    bench.say(other, brings(vec![bare, good]));
    bench.record(Ok(()));
    let events = bench.events();
    assert!(events.iter().any(|event| matches!(event, Event::Disbelieved { from: Some(_), .. })));
    assert_eq!(bench.engine.catalogue.len(), 1);
    bench.clear_sent(other);
    bench.pass(CATCH_UP_INTERVAL);
    assert_eq!(asked(&mut bench, other), [(7, 2)]);
}

#[test]
fn nothing_is_taken_that_was_not_asked_for() {
    let mut bench = Bench::seed(4);
    let other = bench.meets_seed(1);
    let made = bench.certified(&bench.saved(KEY, 1, 3).0);
    bench.say(other, brings(vec![made.clone()]));
    bench.say(other, known(1, false, vec![certified(NO_MANIFEST)]));
    bench.say(other, brings(vec![made]));
    assert!(bench.record(Ok(())).iter().all(|record| matches!(record, Record::Seen { .. })));
    assert_eq!(bench.engine.catalogue.len(), 0);
}

#[test]
fn a_name_that_is_told_twice_holds_nothing_up() {
    let mut bench = Bench::seed(4);
    let other = bench.meets_seed(1);
    let made = bench.certified(&bench.saved(KEY, 1, 3).0);
    bench.say(other, known(1, false, vec![certified(made.manifest.id()); 3]));
    bench.say(other, brings(vec![made]));
    bench.record(Ok(()));
    bench.clear_sent(other);
    bench.pass(CATCH_UP_INTERVAL);
    assert_eq!(asked(&mut bench, other), [(7, 1)]);
}

#[test]
fn who_asks_without_end_is_told_names_now_and_then() {
    let mut bench = Bench::seed(4);
    let (manifest, content) = bench.saved(KEY, 1, 3);
    bench.remembers(&manifest, &content);
    let other = bench.meets_seed(1);
    bench.clear_sent(other);
    let ask = |bench: &mut Bench, after| {
        bench.say(other, Control::CatchUp { epoch: 9, seen: 0, life: 0, after });
        bench.sent(other).len()
    };
    assert_eq!((0..20).map(|_| ask(&mut bench, 0)).sum::<usize>(), 1);
    bench.pass(CATCH_UP_PAUSE);
    assert_eq!(ask(&mut bench, 0), 1);
}

#[test]
fn a_disk_that_is_full_is_not_pulled_to_again_and_again() {
    let mut bench = Bench::seed(4);
    let other = bench.meets_seed(1);
    let saved: Vec<_> = (1..60).map(|n| bench.saved(&format!("core/a/{n}"), 1, 2)).collect();
    let made: Vec<_> = saved.iter().map(|(manifest, _)| bench.certified(manifest)).collect();
    let complete =
        |made: &CertifiedEnvelope| RecordName::Certified { manifest: made.manifest.id(), complete: true };
    bench.say(other, known(9, false, made.iter().map(complete).collect()));
    bench.say(other, brings(made));
    bench.record(Ok(()));
    bench.give(Input::Credit(crate::engine::Credit::Checks(9)));
    bench.give(Input::Credit(crate::engine::Credit::Writes(9)));
    let mut tried = 0;
    while bench.look(|_| false) + bench.move_chunks(Err(StoreFailure::Full)) > 0 {
        tried += 1;
        assert!(tried < 10, "it rests until the next question");
    }
    assert_eq!(bench.engine.swarms.len(), 0);
}

#[test]
fn what_could_not_be_pulled_is_tried_again_after_the_next_question() {
    let mut bench = Bench::seed(4);
    let other = bench.meets_seed(1);
    let made = bench.certified(&bench.saved(KEY, 1, 2).0);
    let name = RecordName::Certified { manifest: made.manifest.id(), complete: true };
    bench.say(other, known(1, false, vec![name]));
    bench.say(other, brings(vec![made]));
    bench.record(Ok(()));
    assert_eq!(bench.look(|_| false), 1);
    for (fetch, peer, _) in bench.fetches() {
        assert_eq!(peer, other);
        let why = crate::engine::FetchFailure::Declined(crate::message::Decline::Missing);
        bench.give(Input::FetchFailed { fetch, why });
    }
    bench.pass(Duration::from_secs(60));
    assert_eq!((bench.engine.swarms.len(), bench.look(|_| false)), (0, 0), "nobody else has it");
    bench.say(other, known(1, false, Vec::new()));
    assert_eq!(bench.look(|_| false), 1);
    assert_eq!(bench.fetches().len(), 1);
}

#[test]
fn many_names_are_asked_for_in_bounded_pieces() {
    let mut bench = Bench::seed(4);
    let other = bench.meets_seed(1);
    let name = |n: u8| certified(ManifestId::from_bytes([n; 32]));
    bench.say(other, known(200, true, (0..200).map(name).collect()));
    for _ in 0..3 {
        assert_eq!(wanted(&mut bench, other).len(), BROUGHT_MAX);
        bench.say(other, brings(Vec::new()));
    }
    assert_eq!(wanted(&mut bench, other).len(), 200 - 3 * BROUGHT_MAX);
    bench.say(other, brings(Vec::new()));
    assert!(asked(&mut bench, other).is_empty());
    bench.pass(CATCH_UP_PAUSE);
    assert_eq!(asked(&mut bench, other), [(7, 200)], "the next page, after a breath");
}

#[test]
fn votes_hold_their_place_while_nothing_is_certified_there() {
    let mut bench = Bench::seed(3);
    let other = bench.meets_seed(1);
    let (voted, rival) = (bench.saved(KEY, 3, 2).0, bench.saved(KEY, 3, 5).0);
    let (cast, id) = (vote(&bench, 2, &voted), bench.pool.sign(&voted).id());
    let name = RecordName::Vote { manifest: id, seed: bench.pool.seed_id(2) };
    bench.say(other, known(1, false, vec![name]));
    assert_eq!(wanted(&mut bench, other), [name]);
    bench.say(other, Control::Brought { certified: Vec::new(), votes: vec![cast.clone()] });
    let recorded = bench.record(Ok(()));
    assert!(recorded.iter().any(|record| matches!(record, Record::Ballot { vote, .. } if *vote == cast)));
    let member = bench.member(1);
    bench.clear_sent(member);
    bench.say(member, Control::Offer { offer: 1, manifest: bench.pool.sign(&rival) });
    let refused = bench.sent(member).into_iter().find_map(|said| match said {
        Control::OfferRefused { why, highest, .. } => Some((why, highest)),
        _ => None,
    });
    assert_eq!(refused, Some((crate::message::OfferRefusal::Conflict, 3)));
    bench.say(member, Control::Offer { offer: 2, manifest: bench.pool.sign(&voted) });
    assert!(!bench.sent(member).iter().any(|said| matches!(said, Control::OfferRefused { .. })));
    // Whoever asks here hears of it, and gets it.
    bench.say(other, Control::CatchUp { epoch: 9, seen: 0, life: 0, after: 0 });
    bench.say(other, Control::Bring { names: vec![name] });
    let sent = bench.sent(other);
    assert!(sent.iter().any(|said| matches!(said, Control::Known { names, .. } if *names == [name])));
    assert!(
        sent.iter().any(|said| matches!(said, Control::Brought { votes, .. } if *votes == [cast.clone()]))
    );
}

#[test]
fn a_vote_of_nobody_or_for_something_else_is_not_kept() {
    let mut bench = Bench::seed(4);
    let other = bench.meets_seed(1);
    let (voted, another) = (bench.saved(KEY, 3, 2).0, bench.saved(KEY, 3, 5).0);
    let mut swapped = vote(&bench, 2, &voted);
    swapped.manifest = bench.pool.sign(&another);
    let name = RecordName::Vote { manifest: swapped.manifest.id(), seed: bench.pool.seed_id(2) };
    bench.say(other, known(1, false, vec![name]));
    bench.say(other, Control::Brought { certified: Vec::new(), votes: vec![swapped] });
    assert!(bench.record(Ok(())).iter().all(|record| matches!(record, Record::Seen { .. })));
    assert!(bench.events().iter().any(|event| matches!(event, Event::Disbelieved { .. })));
}

#[test]
fn a_vote_that_has_expired_is_remembered_and_not_told() {
    let mut bench = Bench::seed(4);
    let mut voted = bench.saved(KEY, 3, 2).0;
    voted.expires = later(1);
    let VoteEnvelope { manifest, receipt } = vote(&bench, 0, &voted);
    bench.pass(Duration::from_secs(60));
    bench.give(Input::RecoveredVote { manifest, receipt });
    let other = bench.meets_seed(1);
    bench.say(other, Control::CatchUp { epoch: 9, seen: 0, life: 0, after: 0 });
    let names = bench.sent(other).into_iter().find_map(|said| match said {
        Control::Known { names, .. } => Some(names),
        _ => None,
    });
    assert_eq!(names, Some(Vec::new()));
    assert_eq!(bench.engine.votes.highest(&voted.key), 3);
}

#[test]
fn votes_of_other_seeds_are_remembered() {
    let mut bench = Bench::seed(4);
    let (voted, rival) = (bench.saved(KEY, 3, 2).0, bench.saved(KEY, 3, 5).0);
    bench.give(Input::RecoveredBallot(vote(&bench, 2, &voted)));
    let mut forged = vote(&bench, 1, &rival);
    forged.receipt.payload[20] ^= 1;
    bench.give(Input::RecoveredBallot(forged));
    assert_eq!(bench.engine.recovering, 0);
    assert!(bench.engine.ballots.taken((&rival.key, 3), &bench.pool.sign(&rival).id(), 0));
    bench.remembers(&voted, &[]);
    assert!(!bench.engine.ballots.taken((&rival.key, 3), &NO_MANIFEST, 0), "its certificate says more");
}

#[test]
fn a_large_answer_stays_within_one_message_and_the_rest_is_asked_for_again() {
    let mut bench = Bench::seed(4);
    let mut names = Vec::new();
    for number in 0..20 {
        let (mut manifest, content) = bench.saved(&format!("core/a/{number}"), 1, 2);
        // Some forty kilobytes each.
        manifest.tree.chunks = vec![manifest.tree.chunks[0]; 400];
        names.push(certified(bench.remembers(&manifest, &content)));
    }
    let other = bench.meets_seed(1);
    bench.clear_sent(other);
    bench.say(other, Control::Bring { names });
    let [brought] = &bench.sent(other)[..] else { panic!("one answer") };
    assert!(brought.encoded_bytes() <= crate::limits::CONTROL_BYTES_MAX);
    let Control::Brought { certified, votes } = brought else { panic!("{brought:?}") };
    assert!((2..20).contains(&certified.len()) && votes.is_empty(), "{}", certified.len());
}

#[test]
fn only_seeds_catch_up_with_each_other() {
    for (mut bench, seed) in [(Bench::seed(4), true), (Bench::node(4), false)] {
        let who = if seed { bench.member(1) } else { bench.admitted_by(0) };
        bench.say(who, Control::Bring { names: Vec::new() });
        assert_eq!(bench.dropped(), [(who, DropReason::Misbehaved)]);
    }
}

#[test]
fn who_asks_before_the_memory_is_verified_is_answered_after() {
    let mut bench = Bench::seed(4);
    bench.prompt = false;
    let made = bench.certified(&bench.saved(KEY, 1, 2).0);
    let id = made.manifest.id();
    bench.give(Input::Recovered(made));
    let other = bench.meets_seed(1);
    bench.say(other, Control::CatchUp { epoch: 9, seen: 0, life: 0, after: 0 });
    assert!(
        !bench.sent(other).iter().any(|said| matches!(said, Control::Known { .. } | Control::CatchUp { .. }))
    );
    bench.work();
    let sent = bench.sent(other);
    assert!(
        sent.iter().any(|said| matches!(said, Control::Known { names, .. } if *names == [certified(id)]))
    );
    assert!(sent.iter().any(|said| matches!(said, Control::CatchUp { .. })));
}

#[test]
fn chunks_are_pulled_from_seeds_that_have_them_all_a_few_manifests_at_a_time() {
    let mut bench = Bench::seed(4);
    let other = bench.meets_seed(1);
    let made: Vec<_> =
        (1..10).map(|n| bench.certified(&bench.saved(&format!("core/a/{n}"), 1, 2).0)).collect();
    let complete =
        |made: &CertifiedEnvelope| RecordName::Certified { manifest: made.manifest.id(), complete: true };
    bench.say(other, known(9, false, made.iter().map(complete).collect()));
    bench.say(other, brings(made));
    bench.record(Ok(()));
    assert_eq!(bench.engine.catalogue.len(), 9);
    let mut rounds = 0;
    while bench.engine.swarms.len() > 0 {
        assert!(bench.engine.swarms.len() <= 4);
        bench.look(|_| true);
        bench.open(Err(crate::engine::TreeFault::Broken));
        rounds += 1;
        assert!(rounds < 100);
    }
    assert!(rounds >= 3, "{rounds}");
}

#[test]
fn epochs_of_others_are_recorded_when_they_are_news() {
    let mut bench = Bench::seed(4);
    let other = bench.meets_seed(1);
    let seen = |bench: &mut Bench| -> Vec<u64> {
        let records = bench.record(Ok(())).into_iter();
        records
            .filter_map(|record| if let Record::Seen { epoch, .. } = record { Some(epoch) } else { None })
            .collect()
    };
    bench.say(other, known(1, false, Vec::new()));
    bench.say(other, known(1, false, Vec::new()));
    assert_eq!(seen(&mut bench), [9]);
    bench.say(other, Control::CatchUp { epoch: 8, seen: 0, life: 0, after: 0 });
    assert!(seen(&mut bench).is_empty());
    bench.give(Input::RecoveredSeen { seed: node(9), epoch: 4 });
    assert_eq!(bench.engine.wholeness.seen(&node(9)), 4);
}

#[test]
fn a_marker_that_the_disk_refuses_keeps_the_seed_silent() {
    let mut bench = Bench::new_seed(2);
    let other = bench.meets_seed(1);
    bench.say(other, known(1, false, Vec::new()));
    bench.record(Err(StoreFailure::Full));
    assert_eq!(bench.engine.status().silent, Some(Silence::NoMarker));
    bench.pass(CATCH_UP_INTERVAL);
    bench.say(other, known(1, false, Vec::new()));
    let records = bench.record(Ok(()));
    assert!(records.iter().any(|record| matches!(record, Record::Marker { .. })), "{records:?}");
    assert_eq!(bench.engine.status().silent, None);
    assert!(bench.events().iter().any(|event| matches!(event, Event::Whole { others: 1 })));
}
