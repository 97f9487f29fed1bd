//! Seeds that say that others' publishes were certified, or when, to have honest seeds sign what they never took in full.
use super::bench::Bench;
use super::host::Disk;
use super::world::{Saved, World};
use crate::belief::fixture::{Pool, WALL, earlier, grant, key_pair, query, under, yank, yank_envelope};
use crate::engine::{Input, JobReply, Record};
use crate::message::{Control, OfferRefusal, RecordName, VoteEnvelope};
use crate::{
    CertifiedEnvelope, Envelope, Grant, Manifest, Papers, PeerId, Policy, Receipt, Seed, Trust, Weighed,
    Yanked,
};
use core::time::Duration;

const KEY: &str = "core/main/npm/1";
/// The seed that lies, in a pool of four.
const LIAR: usize = 3;

/// The liar holds the chunks, and says that a manifest is certified, with its own receipt and the one of an honest seed.
fn lie(world: &mut World, honest: usize, manifest: &Envelope) {
    let chunks = world.hosts[honest].disk.chunks.clone();
    world.hosts[LIAR].disk.chunks.extend(chunks);
    let own = world.hosts[honest].disk.votes[0].1.clone();
    let lie = world.pool.receipt(LIAR, manifest, world.now().wall);
    let certified = CertifiedEnvelope { manifest: manifest.clone(), receipts: vec![own, lie] };
    world.input(LIAR, Input::Recovered(certified));
}

/// A node publishes where it reaches one seed only, which votes for it; it fails.
fn publish_at_one(world: &mut World, (node, seed): (usize, usize), job: u64, manifest: &Envelope) {
    world.cut.clear();
    assert!(world.until(|world| world.engine(node).status().seeds_connected == 4));
    world.run(Duration::from_secs(1));
    (0..4).filter(|other| *other != seed).for_each(|other| world.cut(node, other));
    world.publish(node, job, manifest.clone());
    assert!(world.until(|world| matches!(world.last(node, job), Some(JobReply::PublishFailed(_)))));
    assert_eq!(world.hosts[seed].disk.votes.len(), 1, "it votes once");
}

#[test]
fn one_seed_does_not_multiply_the_budget_of_a_grant() {
    let (mut world, nodes) = World::with_nodes(4, 1);
    let small = Grant { manifests_max: 1, bytes_max: 10_000_000, ..grant() };
    let keys = ["core/main/npm/1", "core/main/pip/1", "core/main/go/1"];
    let saved: Vec<Saved> = keys.iter().map(|key| world.save(nodes[0], key, 1, 3)).collect();
    let made: Vec<Envelope> = saved.iter().map(|saved| under(&small, &saved.manifest)).collect();
    for (seed, manifest) in made.iter().enumerate() {
        let job = 50 + u64::try_from(seed).unwrap();
        publish_at_one(&mut world, (nodes[0], seed), job, manifest);
    }
    for (seed, manifest) in made.iter().enumerate() {
        lie(&mut world, seed, manifest);
    }
    world.run(Duration::from_secs(30));
    let (trust, wall) = (world.engine(0).config.trust.clone(), world.now().wall);
    for seed in 0..4 {
        let mut kept = world.hosts[seed].disk.certified.values();
        assert!(!kept.any(|certified| trust.certify(certified, wall).is_ok()), "seed {seed}");
        assert!(seed == LIAR || world.hosts[seed].disk.votes.len() == 1, "seed {seed} signed no more");
    }
}

/// A seed that lost its disk comes back; whether it votes again ten minutes later.
fn recovers(lies: bool, apart: bool) -> bool {
    let (mut world, nodes) = World::with_nodes(4, 1);
    let saved = world.save(nodes[0], KEY, 1, 3);
    let manifest = world.pool.sign(&saved.manifest);
    publish_at_one(&mut world, (nodes[0], 0), 1, &manifest);
    world.cut.clear();
    world.kill(nodes[0]);
    world.kill(2);
    world.hosts[2].disk = Disk::default();
    if apart {
        world.cut(LIAR, 0);
        world.cut(LIAR, 1);
    }
    if lies {
        lie(&mut world, 0, &manifest);
    }
    world.run(Duration::from_millis(500));
    // It does not give what it says that it holds.
    world.hosts[LIAR].lies = true;
    world.boot(2);
    world.run(Duration::from_secs(600));
    world.engine(2).status().silent.is_none()
}

#[test]
fn a_seed_that_lost_its_disk_votes_again_whatever_one_other_names() {
    assert!(recovers(false, true) && recovers(false, false));
    assert!(recovers(true, true), "the liar hears nobody else");
    assert!(recovers(true, false));
}

/// A seed states that these are certified and complete, and gives them.
fn brings(bench: &mut Bench, from: PeerId, made: &CertifiedEnvelope) {
    let name = RecordName::Certified { manifest: made.manifest.id(), complete: true };
    bench.pass(Duration::from_secs(6));
    bench.say(from, Control::Known { epoch: 9, seen: 0, life: 7, next: 1, more: false, names: vec![name] });
    bench.say(from, Control::Brought { certified: vec![made.clone()], votes: Vec::new() });
    bench.record(Ok(()));
}

fn certify(bench: &Bench, manifest: &Manifest, seeds: &[usize]) -> CertifiedEnvelope {
    let manifest = bench.pool.sign(manifest);
    let receipts = seeds.iter().map(|seed| bench.pool.receipt(*seed, &manifest, WALL)).collect();
    CertifiedEnvelope { manifest, receipts }
}

/// This seed is new in the place of one that had vouched for the first. Seed 1 lies.
#[test]
fn a_rival_that_never_counted_takes_no_place_when_a_seed_is_replaced() {
    let mut bench = Bench::seed(4);
    let (liar, honest) = (bench.meets_seed(1), bench.meets_seed(2));
    let (first, rival) = (bench.saved(KEY, 1, 2), bench.saved(KEY, 1, 3));
    let gone = key_pair(90);
    let mut first_made = certify(&bench, &first.0, &[1, 2]);
    let receipt: Receipt = first_made.receipts[0].body().unwrap();
    let receipt = Receipt { seed: PeerId::new(gone.public()), ..receipt };
    first_made.receipts.push(Envelope::sign(&receipt, &gone));
    let never = certify(&bench, &rival.0, &[1, 3]);
    for (from, made, content) in [(liar, &never, &rival.1), (honest, &first_made, &first.1)] {
        brings(&mut bench, from, made);
        bench.holds_all(content);
        bench.sync(Ok(()));
        let records = [bench.record(Ok(())), bench.record(Ok(()))].concat();
        assert!(!records.iter().any(|record| matches!(record, Record::Vote { .. })), "it knows neither");
    }
    assert!(bench.engine.shorts.get(&never.manifest.id()).is_none());
    // Seed 3 knew the first, too, and has added its receipt.
    first_made.receipts.push(bench.pool.receipt(3, &first_made.manifest, WALL));
    brings(&mut bench, honest, &first_made);
    bench.holds_all(&first.1);
    bench.record(Ok(()));
    let named = bench.engine.catalogue.candidates(&query(KEY, &[]), bench.now().wall).refs;
    let named: Vec<_> = named.iter().map(|named| named.manifest).collect();
    assert_eq!(named, [first_made.manifest.id()]);
}

/// What a liar voted for under a grant of one manifest that ended forty minutes ago: as many as it likes.
fn late_votes(bench: &Bench) -> Vec<VoteEnvelope> {
    let old = Grant { manifests_max: 1, not_before: earlier(3_000), expires: earlier(2_400), ..grant() };
    let vote = |sequence: u64| {
        let mut manifest = bench.pool.manifest(KEY, sequence);
        manifest.created = earlier(2_900);
        manifest.expires = manifest.created.after(Duration::from_secs(6_000));
        let manifest = under(&old, &manifest);
        let receipt = bench.pool.receipt(1, &manifest, earlier(2_500));
        VoteEnvelope { manifest, receipt }
    };
    (1..=50).map(vote).collect()
}

#[test]
fn votes_of_one_seed_under_an_expired_grant_take_no_sequence() {
    let mut bench = Bench::seed(4);
    let (liar, member) = (bench.meets_seed(1), bench.member(1));
    let votes = late_votes(&bench);
    let seed = bench.pool.seed_id(1);
    let name = |vote: &VoteEnvelope| RecordName::Vote { manifest: vote.manifest.id(), seed };
    let names = votes.iter().map(name).collect();
    bench.say(liar, Control::Known { epoch: 9, seen: 0, life: 7, next: 50, more: false, names });
    bench.say(liar, Control::Brought { certified: Vec::new(), votes });
    bench.record(Ok(()));
    for sequence in 1..=50_u32 {
        let honest = bench.pool.sign(&bench.saved(KEY, sequence.into(), 3).0);
        bench.clear_sent(member);
        bench.say(member, Control::Offer { offer: sequence, manifest: honest });
        let conflict =
            |said: &Control| matches!(said, Control::OfferRefused { why: OfferRefusal::Conflict, .. });
        assert!(!bench.sent(member).iter().any(conflict), "sequence {sequence}");
    }
}

/// A seed whose store has a certificate that lacks receipts, and gets the chunks later: whether it signs again.
fn signs_again(taken_back: bool) -> bool {
    let mut bench = Bench::seed(4);
    let operator = bench.member(1);
    let (manifest, content) = bench.saved(KEY, 1, 2);
    let made = certify(&bench, &manifest, &[1, 2]);
    let id = made.manifest.id();
    bench.give(Input::Recovered(made));
    assert!(bench.engine.shorts.get(&id).is_some());
    if taken_back {
        let yanks = vec![yank_envelope(&yank("y-1", Yanked::Manifest(id)))];
        bench.say(operator, Control::KeepPapers { bring: 1, papers: Papers { yanks, ..Papers::default() } });
        bench.record(Ok(()));
        assert_eq!(bench.engine.config.trust.yanks().len(), 1);
        assert!(bench.engine.shorts.get(&id).is_none());
    }
    bench.holds_all(&content);
    bench.sync(Ok(()));
    bench.record(Ok(())).iter().any(|record| matches!(record, Record::Vote { .. }))
}

#[test]
fn what_was_taken_back_gets_no_receipt() {
    assert!(signs_again(false));
    assert!(!signs_again(true));
}

/// A pool of four whose third seed is replaced.
fn replaced(pool: &Pool) -> Trust {
    let fresh = key_pair(71);
    let mut policy = Policy { version: 2, ..pool.policy.clone() };
    policy.seeds[2] = Seed { peer: PeerId::new(fresh.public()), ..policy.seeds[2].clone() };
    let mut seeds = pool.seeds.clone();
    seeds[2] = fresh;
    Pool { seeds, policy, ..Pool::new(4) }.trust()
}

#[test]
fn a_time_that_one_seed_made_up_loses_no_cache_when_another_is_replaced() {
    let pool = Pool::new(4);
    let made = pool.certified_at(&pool.manifest(KEY, 1), &[earlier(3_000), WALL, WALL]);
    assert_eq!(pool.trust().certify(&made, WALL).unwrap().median(), WALL, "the liar moves nothing");
    let Ok(Weighed::Short(short)) = replaced(&pool).weigh(&made, WALL) else { panic!("it lacks one") };
    assert_eq!(short.stated_median(), WALL, "who knew it signs with the time that it had");
}
