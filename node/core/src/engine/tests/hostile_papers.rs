//! Seeds that lie about papers, and members that bring junk, fill queues or plant what nobody signed.
use super::bench::Bench;
use crate::belief::fixture::{Pool, WALL, key_pair, node, query, signed, yank, yank_envelope};
use crate::engine::bounds::{PAPERS_FROM_SEED_MAX, PAPERS_PATIENCE, SEND_BYTES_MAX};
use crate::engine::{DropReason, Input, JobReply, JobRequest, Output, Record, Work};
use crate::message::{Control, LogLine, LogPage, LogPlace, LogQuery, PapersRefusal};
use crate::{
    Asked, CertifiedEnvelope, Digest, Envelope, KeyPair, Nonce, Papers, PapersDigest, PeerId, PeerRole,
    Policy, Root, Seed, Yanked,
};
use core::time::Duration;

const KEY: &str = "core/main/npm/1";
/// How often a test looks for what happened.
const TICK: Duration = Duration::from_millis(100);

/// What nobody has: other yanks than this bench goes by.
fn made_up(bench: &Bench, number: u8) -> PapersDigest {
    let mine = bench.engine.config.trust.papers_digest();
    PapersDigest { yanks: Digest::from_bytes([number; 32]), yanks_count: 1, ..mine }
}

fn known(papers: PapersDigest, ends: bool) -> Control {
    Control::PapersKnown { version: 1, papers, next: None, ends }
}

/// Yanks that nobody may sign.
fn junk(count: usize) -> Papers {
    let forged = Envelope::sign(&yank("y", Yanked::Grant("g".to_owned())), &key_pair(200));
    Papers { yanks: vec![forged; count], ..Papers::default() }
}

fn real_yank() -> Papers {
    let real = yank_envelope(&yank("y-1", Yanked::Grant("g-1".to_owned())));
    Papers { yanks: vec![real], ..Papers::default() }
}

/// Every seed answers the question that it was asked; the first goes by made-up papers, as it says.
fn all_answer(bench: &mut Bench, seeds: &[PeerId], made: &CertifiedEnvelope) {
    for (number, seed) in seeds.iter().enumerate() {
        let asked = bench.sent(*seed).into_iter().find_map(|said| match said {
            Control::Ask { ask, nonce, query } => Some((ask, Asked { seed: *seed, nonce, query })),
            _ => None,
        });
        let (ask, asked) = asked.expect("it is asked");
        let mut answer = bench.pool.answer(&asked, core::slice::from_ref(made));
        let papers =
            if number == 0 { made_up(bench, 200) } else { bench.engine.config.trust.papers_digest() };
        answer.papers = Some(papers);
        let answer = bench.pool.by_seed(number, &answer);
        bench.say(*seed, Control::Answer { ask, answer, beside: vec![made.clone()] });
    }
}

/// How long a question waits after all have answered. Whenever the liar is asked for its papers it names others.
fn waits(bench: &mut Bench, job: u64, liar: PeerId, words: &mut u8) -> Duration {
    let mut waited = Duration::ZERO;
    while waited < Duration::from_secs(4) {
        match bench.replies(job).pop() {
            Some(JobReply::Found { .. }) => return waited,
            Some(other) => panic!("{other:?}"),
            None => {}
        }
        bench.pass(TICK);
        waited += TICK;
        if bench.sent(liar).iter().any(|said| matches!(said, Control::AskPapers { .. })) {
            *words += 1;
            bench.say(liar, known(made_up(bench, *words), true));
        }
    }
    panic!("the question is never answered");
}

#[test]
fn a_seed_that_lies_about_papers_again_and_again_delays_a_question_once() {
    let mut bench = Bench::node(4);
    let seeds: Vec<PeerId> = (0..4).map(|seed| bench.admitted_by(seed)).collect();
    bench.clear();
    let made = bench.certified(&bench.pool.manifest(KEY, 1));
    let mut words = 0;
    for job in 1..=5 {
        let nonces = (0..4_u8).map(|seed| Nonce::from_bytes([seed + 1; 32])).collect();
        let deadline = Duration::from_secs(3);
        bench.job(job, JobRequest::Resolve { query: query(KEY, &[]), nonces, deadline });
        all_answer(&mut bench, &seeds, &made);
        let waited = waits(&mut bench, job, seeds[0], &mut words);
        assert!(waited <= PAPERS_PATIENCE + TICK, "question {job} waited {waited:?}");
    }
}

#[test]
fn junk_of_one_seed_keeps_nobody_from_hearing_a_yank() {
    let mut bench = Bench::node(4);
    let seeds: Vec<PeerId> = (0..4).map(|seed| bench.admitted_by(seed)).collect();
    bench.clear();
    let claim = made_up(&bench, 7);
    bench.say(seeds[0], known(claim, false));
    bench.prompt = false;
    for _ in 0..=PAPERS_FROM_SEED_MAX {
        bench.say(seeds[0], Control::Papers { papers: junk(40) });
    }
    let real = real_yank();
    let heard = bench.engine.config.trust.as_ref().clone().hear(&real.yanks, bench.now().wall);
    let theirs = heard.papers_digest();
    for seed in &seeds[1..] {
        bench.say(*seed, known(theirs, false));
        bench.say(*seed, Control::Papers { papers: real.clone() });
        bench.say(*seed, known(theirs, true));
    }
    bench.work();
    assert_eq!(bench.engine.config.trust.yanks().len(), 1);
}

#[test]
fn a_seed_that_was_asked_once_may_not_send_papers_for_ever() {
    let mut bench = Bench::node(4);
    let seed = bench.admitted_by(0);
    let claim = made_up(&bench, 7);
    bench.say(seed, known(claim, false));
    bench.pass(Duration::from_secs(11));
    bench.say(seed, Control::Papers { papers: real_yank() });
    assert_eq!(bench.engine.config.trust.yanks().len(), 0, "an answer is over after ten seconds");
}

/// Brings papers; whether they are confirmed as kept.
fn keeps(bench: &mut Bench, from: PeerId, bring: u32, papers: Papers) -> bool {
    bench.clear_sent(from);
    bench.say(from, Control::KeepPapers { bring, papers });
    bench.record(Ok(()));
    let kept =
        |said: &Control| matches!(said, Control::PapersKept { bring: to, refused: None } if *to == bring);
    bench.sent(from).iter().any(kept)
}

#[test]
fn a_confirmed_yank_by_a_coming_key_outlives_a_still_newer_policy() {
    let mut bench = Bench::seed(4);
    let operator = bench.member(1);
    let wanted = key_pair(77);
    let policy = |version: u64, bench: &Bench| {
        let mut policy = Policy { version, ..bench.pool.policy.clone() };
        policy.yank.push(wanted.public());
        Papers { policy: Some(signed(&policy, &bench.pool.roots[..2])), ..Papers::default() }
    };
    let (second, third) = (policy(2, &bench), policy(3, &bench));
    assert!(keeps(&mut bench, operator, 1, second));
    let taken = Envelope::sign(&yank("y-1", Yanked::Grant("g-1".to_owned())), &wanted);
    assert!(keeps(&mut bench, operator, 2, Papers { yanks: vec![taken], ..Papers::default() }));
    assert!(keeps(&mut bench, operator, 3, third));
    let next = bench.engine.spreading.next.clone().unwrap();
    assert_eq!(next.policy().version, 3);
    assert_eq!(next.yanks().len(), 1);
}

/// Papers that wait to be judged are: their verdicts, to be handed in later.
fn hold_papers_back(bench: &mut Bench) -> Vec<Input> {
    bench.take(|out| match out {
        Output::Verify { task, work, trust } if matches!(**work, Work::Papers { .. }) => {
            Some(Input::Verified { task: *task, verdict: Box::new(work.clone().run(trust)) })
        }
        _ => None,
    })
}

#[test]
fn a_member_that_connects_again_and_again_takes_one_place_of_the_queue() {
    let mut bench = Bench::seed(4);
    let (one, operator) = (bench.member(1), bench.member(2));
    let mut verdicts = Vec::new();
    for bring in 0..100 {
        // Its papers are judged slowly, its memberships at once.
        bench.prompt = false;
        bench.say(one, Control::KeepPapers { bring, papers: junk(1) });
        verdicts.extend(hold_papers_back(&mut bench));
        bench.prompt = true;
        bench.give(Input::Disconnected { peer: one });
        bench.member(1);
    }
    bench.clear_sent(operator);
    bench.say(operator, Control::KeepPapers { bring: 9, papers: real_yank() });
    let busy =
        |said: &Control| matches!(said, Control::PapersKept { refused: Some(PapersRefusal::Busy), .. });
    assert!(!bench.sent(operator).iter().any(busy));
    assert_eq!(verdicts.len(), 1, "one is judged at a time");
    verdicts.into_iter().for_each(|verdict| bench.give(verdict));
    bench.record(Ok(()));
    let kept = |said: &Control| matches!(said, Control::PapersKept { bring: 9, refused: None });
    assert!(bench.sent(operator).iter().any(kept));
    assert_eq!(bench.engine.config.trust.yanks().len(), 1);
}

#[test]
fn a_member_that_does_not_read_is_let_go_before_its_pages_fill_the_memory() {
    let mut bench = Bench::seed(4);
    let (peer, address) = (node(1), Bench::address(1));
    // No credit: nothing that it is sent leaves.
    bench.give(Input::Connected { peer, address: address.parse().unwrap(), dialled: false });
    let hello = bench.hello(Some(bench.membership(peer, &address)));
    bench.say(peer, hello);
    let line = LogLine::new("x".repeat(16_000)).unwrap();
    let page = LogPage { lines: vec![line; 24], next: Some(LogPlace::default()) };
    let (mut pages, mut ask) = (0_usize, 0_u32);
    while bench.dropped().is_empty() {
        ask += 1;
        assert!(ask < 500, "it is never let go");
        bench.say(peer, Control::AskLog { ask, what: LogQuery::default(), after: None });
        for (task, _) in bench.log_reads() {
            pages += 1;
            bench.give(Input::LogRead { task, page: page.clone() });
        }
        bench.pass(Duration::from_millis(250));
    }
    assert!(pages > 8, "it was given some");
    assert!((pages - 2) * 24 * 16_000 <= SEND_BYTES_MAX, "{pages} pages");
}

/// A pool whose file pins the third root, with the second, and what somebody made up in its place.
fn former_roots() -> (Pool, Pool, [Envelope; 3]) {
    let pool = Pool::new(4);
    let root = |version: u64| Root { version, ..pool.root.clone() };
    let (second, third) = (signed(&root(2), &pool.roots[..2]), signed(&root(3), &pool.roots[..2]));
    let forged = Envelope::sign(&root(2), &key_pair(200));
    let newer = Pool { root: root(3), ..Pool::new(4) };
    (pool, newer, [second, third, forged])
}

#[test]
fn a_made_up_former_root_is_not_kept_and_the_true_one_is() {
    let (pool, newer, [second, third, forged]) = former_roots();
    let policy = Policy { version: 2, ..pool.policy.clone() };
    let policy = Some(signed(&policy, &pool.roots[..2]));
    let brought = |former: &Envelope| Papers {
        roots: vec![former.clone(), third.clone()],
        policy: policy.clone(),
        yanks: Vec::new(),
    };
    let fooled = newer.trust().follow(&brought(&forged), WALL).unwrap();
    assert!(!fooled.papers().roots.contains(&forged));
    let told = fooled.follow(&brought(&second), WALL).unwrap_or(fooled);
    assert_eq!(told.papers().roots, [second, third.clone()]);
    assert!(pool.trust().follow(&told.papers(), WALL).is_ok(), "who has the first pool file follows");
}

#[test]
fn nobody_plants_a_former_root_beside_somebody_elses_yank() {
    let (_, newer, [_, third, forged]) = former_roots();
    let key = KeyPair::from_seed(*newer.seeds[0].seed());
    let mut bench = Bench::of(newer, key, PeerRole::Seed);
    let attacker = bench.member(1);
    let papers = Papers { roots: vec![forged.clone(), third], ..real_yank() };
    bench.say(attacker, Control::KeepPapers { bring: 1, papers });
    let kept = bench.record(Ok(()));
    let taken = kept.into_iter().find_map(|record| match record {
        Record::Papers { taken, .. } => Some(taken),
        _ => None,
    });
    let taken = taken.expect("the yank is recorded");
    assert_eq!(taken.yanks.len(), 1);
    assert!(!taken.roots.contains(&forged));
    assert!(!bench.engine.config.trust.papers().roots.contains(&forged));
}

/// The same policy with other contents, as papers, and its digest.
fn policy_of(bench: &Bench, policy: &Policy) -> (Papers, Digest) {
    let envelope = signed(policy, &bench.pool.roots[..2]);
    let digest = envelope.digest();
    (Papers { policy: Some(envelope), ..Papers::default() }, digest)
}

#[test]
fn a_seed_of_a_policy_that_never_took_over_loses_its_standing() {
    let mut bench = Bench::seed(4);
    let operator = bench.member(1);
    let stolen = PeerId::new(key_pair(77).public());
    let mut second = Policy { version: 2, ..bench.pool.policy.clone() };
    second.seeds.push(Seed { peer: stolen, addresses: vec!["10.0.1.9:4001".to_owned()] });
    (second.write, second.read, second.faulty) = (4, 3, 1);
    let (second, _) = policy_of(&bench, &second);
    let (third, digest) = policy_of(&bench, &Policy { version: 3, ..bench.pool.policy.clone() });
    assert!(keeps(&mut bench, operator, 1, second));
    bench.connect(stolen, "10.0.1.9:4001");
    let hello = bench.hello(None);
    bench.say(stolen, hello);
    assert!(bench.dropped().is_empty(), "it counts as a seed while it is to come");
    assert!(keeps(&mut bench, operator, 2, third));
    for seed in 1..4 {
        let seed = bench.meets_seed(seed);
        let papers = PapersDigest { policy: digest, ..bench.engine.config.trust.papers_digest() };
        bench.say(seed, Control::PapersKnown { version: 3, papers, next: None, ends: false });
    }
    bench.record(Ok(()));
    assert_eq!(bench.engine.status().policy_version, 3, "the one without it is in force");
    assert!(bench.dropped().contains(&(stolen, DropReason::NotAMember)));
    bench.clear_sent(stolen);
    bench.say(stolen, Control::CatchUp { epoch: 1, seen: 0, life: 0, after: 0 });
    assert!(bench.sent(stolen).is_empty());
}

/// Not everything that does not hold is a lie: a seed keeps yanks that have lapsed for this node.
#[test]
fn a_seed_that_gives_what_has_lapsed_is_heard_on_and_one_that_gives_junk_is_not() {
    for (what, heard) in [("lapsed", 1), ("junk", 0)] {
        let mut pool = Pool::new(1);
        pool.policy.manifest_life_max = 60;
        let mut bench = Bench::of(pool, key_pair(100), PeerRole::Node);
        let seed = bench.admitted_by(0);
        let lapsed = crate::Yank {
            time: crate::belief::fixture::earlier(5_000),
            ..yank("y-0", Yanked::Grant("g-0".to_owned()))
        };
        let lapsed = Papers { yanks: vec![yank_envelope(&lapsed)], ..Papers::default() };
        let news = known(made_up(&bench, 9), false);
        bench.say(seed, news);
        bench.say(seed, Control::Papers { papers: if what == "junk" { junk(1) } else { lapsed } });
        bench.say(seed, Control::Papers { papers: real_yank() });
        assert_eq!(bench.engine.status().yanks, heard, "{what}");
    }
}
