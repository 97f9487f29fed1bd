//! What a store remembers, and what a seed hands out: votes, certificates, relayed answers, neighbours.
use super::bench::Bench;
use crate::belief::fixture::{key_pair, later, node};
use crate::engine::{Event, Input, Output, Record};
use crate::limits::{NEIGHBOURS_MAX, RELAY_INTERVAL};
use crate::message::{ChunkSet, Control, OfferRefusal};
use crate::{Envelope, Manifest, ManifestId, PeerId};
use core::time::Duration;

const KEY: &str = "core/main/npm/1";

fn whole(manifest: ManifestId) -> Control {
    Control::Enter { manifest, have: ChunkSet::range(0, 4) }
}

fn relays(bench: &mut Bench, peer: PeerId) -> usize {
    bench.sent(peer).iter().filter(|said| matches!(said, Control::Relay { .. })).count()
}

fn vote(bench: &Bench, seed: usize, manifest: &Manifest) -> Input {
    let manifest = bench.pool.sign(manifest);
    let receipt = bench.pool.receipt(seed, &manifest, bench.now().wall);
    Input::RecoveredVote { manifest, receipt }
}

/// What a seed says to an offer.
fn offered(bench: &mut Bench, manifest: &Manifest) -> Option<OfferRefusal> {
    let (member, signed) = (bench.member(1), bench.pool.sign(manifest));
    bench.clear_sent(member);
    bench.say(member, Control::Offer { offer: 1, manifest: signed });
    let refusal = bench.sent(member).into_iter().find_map(|said| match said {
        Control::OfferRefused { why, .. } => Some(why),
        _ => None,
    });
    bench.give(Input::Disconnected { peer: member });
    refusal
}

#[test]
fn a_vote_that_is_remembered_holds_its_place() {
    let mut bench = Bench::seed(1);
    let (voted, rival) = (bench.saved(KEY, 3, 2).0, bench.saved(KEY, 3, 5).0);
    bench.give(vote(&bench, 0, &voted));
    assert_eq!(offered(&mut bench, &rival), Some(OfferRefusal::Conflict));
    assert_eq!(offered(&mut bench, &voted), None);
}

#[test]
fn another_seeds_vote_and_a_forged_one_are_none_of_ours() {
    let mut bench = Bench::seed(4);
    let (voted, rival) = (bench.saved(KEY, 3, 2).0, bench.saved(KEY, 3, 5).0);
    bench.give(vote(&bench, 1, &voted));
    let manifest = bench.pool.sign(&voted);
    let Input::RecoveredVote { mut receipt, .. } = vote(&bench, 0, &voted) else { panic!("a vote") };
    receipt.payload[20] ^= 1;
    bench.give(Input::RecoveredVote { manifest, receipt });
    assert!(bench.events().iter().any(|event| matches!(event, Event::Disbelieved { from: None, .. })));
    assert_eq!(bench.engine.recovering, 0, "and it goes on");
    assert_eq!(offered(&mut bench, &rival), None);
}

#[test]
fn a_vote_outlives_its_manifest_and_its_publisher() {
    let mut bench = Bench::seed(1);
    let (mut voted, rival) = (bench.saved(KEY, 3, 2).0, bench.saved(KEY, 3, 5).0);
    voted.expires = later(1);
    let input = vote(&bench, 0, &voted);
    bench.pass(Duration::from_secs(60));
    bench.give(input);
    assert_eq!(offered(&mut bench, &rival), Some(OfferRefusal::Conflict));
}

#[test]
fn a_node_forgets_what_does_not_hold_and_a_seed_keeps_the_record() {
    for (mut bench, forgets) in [(Bench::node(1), true), (Bench::seed(1), false)] {
        let mut certified = bench.certified(&bench.saved(KEY, 1, 2).0);
        certified.receipts.clear();
        let id = certified.manifest.id();
        bench.give(Input::Recovered(certified));
        let records = bench.record(Ok(()));
        let forgot =
            records.iter().any(|record| matches!(record, Record::Forget(manifest) if *manifest == id));
        assert_eq!((forgot, bench.engine.catalogue.len()), (forgets, 0));
    }
}

#[test]
fn a_seed_looks_for_what_it_remembers_a_few_at_a_time() {
    let mut bench = Bench::seed(1);
    for number in 0..100 {
        let certified = bench.certified(&bench.pool.manifest(&format!("core/a/{number}"), 1));
        bench.give(Input::Recovered(certified));
    }
    let mut rounds = Vec::new();
    loop {
        assert!(bench.engine.swarms.len() <= 16);
        match bench.look(|_| false) {
            0 => break,
            looked => rounds.push(looked),
        }
    }
    assert_eq!(rounds.iter().sum::<usize>(), 100);
    assert_eq!(bench.engine.catalogue.complete().count(), 0);
}

#[test]
fn nobody_is_let_in_or_answered_before_all_is_verified() {
    let mut bench = Bench::seed(1);
    bench.prompt = false;
    let certified = bench.certified(&bench.saved(KEY, 1, 2).0);
    bench.give(Input::Recovered(certified));
    bench.give(vote(&bench, 0, &bench.pool.manifest(KEY, 2)));
    let peer = node(1);
    bench.connect(peer, &Bench::address(1));
    bench.say(peer, bench.hello(None));
    bench.say(peer, Control::Join { token: bench.pool.token(later(100)) });
    bench.say(peer, Control::Join { token: bench.pool.token(later(100)) });
    assert_eq!(bench.engine.joins_waiting.len(), 1);
    assert!(bench.work_once());
    assert_eq!(bench.engine.recovering, 1);
    bench.work();
    let sent = bench.sent(peer);
    assert!(sent.iter().any(|said| matches!(said, Control::Welcome { .. })), "{sent:?}");
}

#[test]
fn who_waits_to_be_let_in_and_goes_is_forgotten() {
    let mut bench = Bench::seed(1);
    bench.prompt = false;
    let certified = bench.certified(&bench.saved(KEY, 1, 2).0);
    bench.give(Input::Recovered(certified));
    bench.connect(node(1), &Bench::address(1));
    bench.say(node(1), bench.hello(None));
    bench.say(node(1), Control::Join { token: bench.pool.token(later(100)) });
    bench.give(Input::Disconnected { peer: node(1) });
    assert!(bench.engine.joins_waiting.is_empty());
}

/// A seed that holds a manifest of four chunks, the tree's included.
fn seed() -> (Bench, ManifestId) {
    let mut bench = Bench::seed(1);
    let (manifest, content) = bench.saved(KEY, 1, 3);
    let id = bench.remembers(&manifest, &content);
    bench.clear();
    (bench, id)
}

#[test]
fn only_who_has_everything_hears_what_is_newest_and_anew_every_while() {
    let (mut bench, id) = seed();
    let (holder, reader) = (bench.member(1), bench.member(2));
    bench.say(holder, whole(id));
    bench.say(reader, Control::Enter { manifest: id, have: ChunkSet::range(0, 2) });
    assert_eq!((relays(&mut bench, holder), relays(&mut bench, reader)), (1, 0));
    bench.say(reader, Control::Have { manifest: id, chunks: ChunkSet::range(2, 4) });
    assert_eq!((relays(&mut bench, holder), relays(&mut bench, reader)), (0, 1), "it has everything now");
    bench.pass(RELAY_INTERVAL);
    assert_eq!((relays(&mut bench, holder), relays(&mut bench, reader)), (1, 1));
    bench.say(reader, Control::Leave { manifest: id });
    bench.pass(RELAY_INTERVAL);
    assert_eq!((relays(&mut bench, holder), relays(&mut bench, reader)), (1, 0));
    bench.give(Input::Disconnected { peer: holder });
    bench.clear();
    bench.pass(RELAY_INTERVAL * 2);
    assert!(bench.take(|output| matches!(output, Output::Sign { .. }).then_some(())).is_empty());
}

#[test]
fn many_holders_that_come_together_cost_one_signature() {
    let (mut bench, id) = seed();
    let members: Vec<PeerId> = (1..20).map(|number| bench.member(number)).collect();
    bench.prompt = false;
    members.iter().for_each(|member| bench.say(*member, whole(id)));
    assert!(bench.work_once() && !bench.work_once());
    assert!(members.iter().all(|member| relays(&mut bench, *member) == 1));
}

#[test]
fn something_newer_is_told_at_once() {
    let (mut bench, id) = seed();
    let holder = bench.member(1);
    bench.say(holder, whole(id));
    bench.clear_sent(holder);
    let newer = bench.pool.certified_at(&bench.pool.manifest("core/main/npm/2", 1), &[later(1)]);
    bench.pass(Duration::from_secs(1));
    let (publisher, late) = (bench.member(2), bench.member(3));
    bench.say(publisher, Control::Certify { certified: newer });
    bench.prompt = false;
    bench.record(Ok(()));
    // Who comes while the new answer is being signed hears the new one, and not what was right before.
    bench.say(late, whole(id));
    bench.work();
    for peer in [holder, late] {
        let told: Vec<usize> = bench
            .sent(peer)
            .into_iter()
            .filter_map(|said| match said {
                Control::Relay { beside, .. } => Some(beside.len()),
                _ => None,
            })
            .collect();
        assert_eq!(told, [2], "both manifests of the lineage, once");
    }
}

#[test]
fn who_enters_hears_of_a_few_neighbours_that_can_be_reached() {
    let (mut bench, id) = seed();
    for number in 1..60 {
        let member = bench.member(number);
        bench.say(member, Control::Enter { manifest: id, have: ChunkSet::new() });
    }
    let newcomer = bench.member(61);
    bench.clear_sent(newcomer);
    bench.say(newcomer, Control::Enter { manifest: id, have: ChunkSet::new() });
    let sent = bench.sent(newcomer);
    let named = sent.iter().find_map(|said| match said {
        Control::Neighbours { peers, .. } => Some(peers),
        _ => None,
    });
    let named = named.unwrap();
    assert!(named.len() > NEIGHBOURS_MAX / 2 && named.len() <= NEIGHBOURS_MAX, "{}", named.len());
    assert!(named.iter().all(|peer| peer.peer != newcomer));
    assert!(sent.contains(&whole(id)), "the seed has everything");
}

#[test]
fn a_manifest_that_the_seed_does_not_know_has_no_swarm() {
    let (mut bench, _) = seed();
    let member = bench.member(1);
    bench.clear_sent(member);
    bench.say(member, whole(crate::belief::fixture::NO_MANIFEST));
    assert!(bench.sent(member).is_empty());
}

#[test]
fn a_seed_enters_no_swarm_of_another_seed() {
    let mut bench = Bench::seed(4);
    let (manifest, content) = bench.saved(KEY, 1, 3);
    let id = bench.remembers(&manifest, &content);
    let other = bench.meets_seed(1);
    bench.clear_sent(other);
    bench.say(other, whole(id));
    assert_eq!(bench.engine.tracker.members(&id).count(), 0, "seeds are named by the policy");
}

#[test]
fn a_relay_in_somebody_elses_name_is_not_kept() {
    let mut bench = Bench::node(4);
    let seed = bench.admitted_by(0);
    let certified = bench.certified(&bench.pool.manifest(KEY, 1));
    for wrong in [
        bench.pool.by_seed(0, &bench.pool.relayed(1, "core/main/npm", std::slice::from_ref(&certified))),
        Envelope::sign(&bench.pool.manifest(KEY, 1), &key_pair(9)),
    ] {
        bench.say(seed, Control::Relay { answer: wrong, beside: vec![certified.clone()] });
    }
    assert!(bench.engine.relays.answering(&crate::belief::fixture::query(KEY, &[])).is_empty());
}
