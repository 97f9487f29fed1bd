//! A job asks what is newest: seeds that answer, are late, lie or are away; and members that hand on what seeds said.
use super::bench::Bench;
use crate::belief::fixture::{node, query};
use crate::engine::bounds::{JOB_WAIT_MAX, RELAYED_WAIT, SEED_PATIENCE};
use crate::engine::{Event, Input, JobId, JobReply, JobRequest, Matched, MissReason};
use crate::limits::{ANSWER_TIMEOUT, FALLBACKS_MAX, JOBS_MAX};
use crate::message::Control;
use crate::{Asked, CertifiedEnvelope, Envelope, Nonce, PeerId, Query};
use core::time::Duration;

const KEY: &str = "core/main/npm/1";
const DEADLINE: Duration = Duration::from_secs(3);

/// A question as a seed got it.
type Heard = (u32, Nonce, Query);

struct Reader {
    bench: Bench,
    seeds: Vec<PeerId>,
}

/// A node that so many of four seeds have let in; three of them have to answer.
fn reader(admitted: usize) -> Reader {
    let mut bench = Bench::node(4);
    let seeds = (0..admitted).map(|seed| bench.admitted_by(seed)).collect();
    bench.clear();
    Reader { bench, seeds }
}

impl Reader {
    fn ask(&mut self, job: u64, fallbacks: &[&str]) {
        self.ask_within(job, query(KEY, fallbacks), DEADLINE);
    }

    fn ask_within(&mut self, job: u64, query: Query, deadline: Duration) {
        let nonces = (0..4_u8).map(|seed| Nonce::from_bytes([seed + 1; 32])).collect();
        self.bench.job(job, JobRequest::Resolve { query, nonces, deadline });
    }

    fn heard(&mut self, seed: usize) -> Heard {
        let sent = self.bench.sent(self.seeds[seed]).into_iter();
        let mut asks = sent.filter_map(|said| match said {
            Control::Ask { ask, nonce, query } => Some((ask, nonce, query)),
            _ => None,
        });
        asks.next_back().expect("it was asked")
    }

    fn answer(&self, seed: usize, heard: &Heard, known: &[CertifiedEnvelope]) -> Control {
        let (ask, nonce, query) = heard.clone();
        let asked = Asked { seed: self.seeds[seed], nonce, query };
        let answer = self.bench.pool.by_seed(seed, &self.bench.pool.answer(&asked, known));
        Control::Answer { ask, answer, beside: known.to_vec() }
    }

    fn answers(&mut self, seed: usize, known: &[CertifiedEnvelope]) {
        let heard = self.heard(seed);
        let answer = self.answer(seed, &heard, known);
        self.bench.say(self.seeds[seed], answer);
    }

    fn certified(&self, key: &str, sequence: u64) -> CertifiedEnvelope {
        self.bench.certified(&self.bench.pool.manifest(key, sequence))
    }

    fn reply(&mut self, job: u64) -> Option<JobReply> {
        self.bench.replies(job).pop()
    }

    fn miss(&mut self) -> Option<MissReason> {
        if let Some(JobReply::Miss(why)) = self.reply(1) { Some(why) } else { None }
    }

    fn found(&mut self) -> Option<(u64, Matched, bool)> {
        let Some(JobReply::Found { certified, matched, relayed }) = self.reply(1) else { return None };
        Some((certified.manifest().sequence, matched, relayed))
    }
}

#[test]
fn three_answers_of_four_decide_and_the_highest_sequence_wins() {
    let mut reader = reader(4);
    reader.ask(1, &[]);
    let (old, new) = (reader.certified(KEY, 1), reader.certified(KEY, 2));
    reader.answers(0, std::slice::from_ref(&old));
    reader.answers(1, &[new, old]);
    assert!(reader.reply(1).is_none(), "two are too few");
    reader.answers(2, &[]);
    assert_eq!(reader.found(), Some((2, Matched::Exact, false)));
    reader.answers(3, &[]);
    assert!(reader.reply(1).is_none(), "one reply to one question");
}

#[test]
fn three_seeds_that_know_nothing_say_so() {
    let mut reader = reader(3);
    reader.ask(1, &["core/main/npm"]);
    (0..3).for_each(|seed| reader.answers(seed, &[]));
    assert_eq!(reader.miss(), Some(MissReason::NothingSaved));
}

#[test]
fn one_seed_that_answers_three_times_is_one() {
    let mut reader = reader(4);
    reader.ask(1, &[]);
    let heard = reader.heard(0);
    for _ in 0..3 {
        let answer = reader.answer(0, &heard, &[]);
        reader.bench.say(reader.seeds[0], answer);
    }
    assert!(reader.reply(1).is_none());
    // Nor may it answer what others were asked.
    let heard = reader.heard(1);
    let answer = reader.answer(0, &heard, &[]);
    reader.bench.say(reader.seeds[0], answer);
    (2..4).for_each(|seed| reader.answers(seed, &[]));
    assert_eq!(reader.miss(), Some(MissReason::NothingSaved));
}

#[test]
fn each_seed_is_asked_with_a_nonce_of_its_own() {
    let mut reader = reader(4);
    reader.ask(1, &[]);
    let nonces: std::collections::BTreeSet<Nonce> = (0..4).map(|seed| reader.heard(seed).1).collect();
    assert_eq!(nonces.len(), 4);
}

#[test]
fn a_late_answer_does_not_count() {
    let mut reader = reader(3);
    reader.ask(1, &[]);
    (0..2).for_each(|seed| reader.answers(seed, &[]));
    reader.bench.pass(ANSWER_TIMEOUT);
    reader.answers(2, &[]);
    assert!(reader.reply(1).is_none());
    reader.bench.pass(DEADLINE);
    assert_eq!(reader.miss(), Some(MissReason::SeedsSilent));
}

#[test]
fn a_seed_that_comes_meanwhile_is_asked_too() {
    let mut reader = reader(2);
    reader.ask(1, &[]);
    (0..2).for_each(|seed| reader.answers(seed, &[]));
    reader.bench.pass(Duration::from_secs(1));
    let seed = reader.bench.admitted_by(2);
    reader.seeds.push(seed);
    reader.answers(2, &[]);
    assert_eq!(reader.miss(), Some(MissReason::NothingSaved));
}

#[test]
fn a_seed_that_goes_and_comes_back_is_asked_again() {
    let mut reader = reader(3);
    reader.ask(1, &[]);
    let before = reader.heard(0);
    reader.bench.give(Input::Disconnected { peer: reader.seeds[0] });
    reader.bench.admitted_by(0);
    let answer = reader.answer(0, &before, &[]);
    let after = reader.heard(0);
    assert_ne!(before.0, after.0);
    (1..3).for_each(|seed| reader.answers(seed, &[]));
    reader.bench.say(reader.seeds[0], answer);
    assert!(reader.reply(1).is_some(), "it is the same question, and its answer is as fresh");
}

#[test]
fn lies_count_for_nothing_and_are_told_of() {
    let lies: [fn(&Reader, &Heard) -> Control; 6] = [
        // Somebody else's signature.
        |reader, heard| {
            let Control::Answer { ask, beside, .. } = reader.answer(0, heard, &[]) else {
                panic!("an answer")
            };
            let asked = Asked { seed: reader.seeds[0], nonce: heard.1, query: heard.2.clone() };
            let answer = reader.bench.pool.by_seed(1, &reader.bench.pool.answer(&asked, &[]));
            Control::Answer { ask, answer, beside }
        },
        // An old answer.
        |reader, heard| reader.answer(0, &(heard.0, Nonce::from_bytes([99; 32]), heard.2.clone()), &[]),
        // To another question.
        |reader, heard| reader.answer(0, &(heard.0, heard.1, query("core/main/npm/2", &[])), &[]),
        // A manifest without its certificate.
        |reader, heard| {
            let mut bare = reader.certified(KEY, 5);
            bare.receipts.clear();
            reader.answer(0, heard, &[bare])
        },
        // A candidate that does not come with the answer.
        |reader, heard| {
            let answer = reader.answer(0, heard, &[reader.certified(KEY, 5)]);
            let Control::Answer { ask, answer, .. } = answer else { panic!("an answer") };
            Control::Answer { ask, answer, beside: Vec::new() }
        },
        // No answer at all.
        |reader, heard| Control::Answer {
            ask: heard.0,
            answer: reader.bench.pool.sign(&reader.bench.pool.manifest(KEY, 1)),
            beside: Vec::new(),
        },
    ];
    for (number, lie) in lies.into_iter().enumerate() {
        let mut reader = reader(4);
        reader.ask(1, &[]);
        let heard = reader.heard(0);
        let said = lie(&reader, &heard);
        reader.bench.say(reader.seeds[0], said);
        let doubted = |event: &Event| matches!(event, Event::Disbelieved { from: Some(_), .. });
        assert!(reader.bench.events().iter().any(doubted), "{number}");
        (1..3).for_each(|seed| reader.answers(seed, &[]));
        assert!(reader.reply(1).is_none(), "{number}: two have answered");
        let known = [reader.certified(KEY, 1)];
        reader.answers(3, &known);
        assert_eq!(reader.found(), Some((1, Matched::Exact, false)), "{number}");
    }
}

#[test]
fn enough_lies_are_a_miss_by_the_deadline() {
    let mut reader = reader(4);
    reader.ask(1, &[]);
    for seed in 0..2 {
        let (ask, _, query) = reader.heard(seed);
        let old = reader.answer(seed, &(ask, Nonce::from_bytes([99; 32]), query), &[]);
        reader.bench.say(reader.seeds[seed], old);
    }
    (2..4).for_each(|seed| reader.answers(seed, &[]));
    reader.bench.pass(DEADLINE);
    assert_eq!(reader.miss(), Some(MissReason::NotBelieved));
}

#[test]
fn what_is_below_what_this_node_has_seen_is_not_used() {
    let mut reader = reader(3);
    let (manifest, content) = reader.bench.saved(KEY, 5, 1);
    reader.bench.remembers(&manifest, &content);
    reader.ask(1, &[]);
    let old = [reader.certified(KEY, 4)];
    (0..3).for_each(|seed| reader.answers(seed, &old));
    assert_eq!(reader.miss(), Some(MissReason::NotBelieved));
    let below = |event: &Event| matches!(event, Event::BelowFloor { sequence: 4, floor: 5, .. });
    assert!(reader.bench.events().iter().any(below));
}

#[test]
fn the_next_question_of_a_job_takes_the_place_of_the_last() {
    let mut reader = reader(3);
    reader.ask(1, &[]);
    let heard: Vec<Heard> = (0..3).map(|seed| reader.heard(seed)).collect();
    reader.ask(1, &["core/main/npm"]);
    for (seed, heard) in heard.iter().enumerate() {
        let answer = reader.answer(seed, heard, &[]);
        reader.bench.say(reader.seeds[seed], answer);
    }
    assert!(reader.reply(1).is_none());
    (0..3).for_each(|seed| reader.answers(seed, &[]));
    assert_eq!(reader.miss(), Some(MissReason::NothingSaved));
}

#[test]
fn two_jobs_ask_each_for_itself() {
    let mut reader = reader(3);
    reader.ask(1, &[]);
    let first: Vec<Heard> = (0..3).map(|seed| reader.heard(seed)).collect();
    reader.ask(2, &[]);
    (0..3).for_each(|seed| reader.answers(seed, &[]));
    assert!(reader.reply(1).is_none() && reader.reply(2).is_some());
    for (seed, heard) in first.iter().enumerate() {
        let answer = reader.answer(seed, heard, &[]);
        reader.bench.say(reader.seeds[seed], answer);
    }
    assert!(reader.reply(1).is_some());
}

#[test]
fn a_job_that_leaves_is_not_answered() {
    let mut reader = reader(3);
    reader.ask(1, &[]);
    (0..2).for_each(|seed| reader.answers(seed, &[]));
    reader.bench.give(Input::JobLeft { job: JobId(1) });
    reader.answers(2, &[]);
    reader.bench.pass(DEADLINE);
    assert!(reader.bench.replies(1).is_empty());
    assert_eq!(reader.bench.engine.status().jobs, 0);
}

#[test]
fn jobs_fallbacks_and_waits_are_bounded() {
    let mut reader = reader(1);
    let many = vec!["core/main/npm"; FALLBACKS_MAX + 5];
    reader.ask(1, &many);
    assert_eq!(reader.heard(0).2.fallbacks.len(), FALLBACKS_MAX);
    let most = u64::try_from(JOBS_MAX).unwrap();
    (2..=most).for_each(|job| reader.ask(job, &[]));
    reader.ask(most + 1, &[]);
    let refused = reader.reply(most + 1);
    assert!(matches!(refused, Some(JobReply::Miss(MissReason::TooSlow))), "{refused:?}");
    assert_eq!(reader.bench.engine.status().jobs, u32::try_from(JOBS_MAX).unwrap());
    reader.bench.give(Input::JobLeft { job: JobId(2) });
    reader.ask_within(most + 1, query(KEY, &[]), Duration::MAX);
    reader.bench.pass(JOB_WAIT_MAX);
    let reply = reader.reply(most + 1);
    assert!(
        matches!(reply, Some(JobReply::Miss(MissReason::SeedsSilent | MissReason::NotJoined))),
        "{reply:?}"
    );
}

#[test]
fn a_seed_that_has_not_let_us_in_yet_is_waited_for_a_moment() {
    let mut reader = reader(1);
    let member = reader.bench.member(1);
    for seed in 1..3 {
        reader.bench.meets_seed(seed);
    }
    reader.bench.clear();
    reader.ask(1, &[]);
    let asked =
        |bench: &mut Bench| bench.sent(member).iter().any(|said| matches!(said, Control::AskRelayed { .. }));
    reader.bench.pass(SEED_PATIENCE - Duration::from_millis(1));
    assert!(!asked(&mut reader.bench));
    reader.bench.pass(Duration::from_millis(1));
    assert!(asked(&mut reader.bench));
}

/// A node that has joined, whose seeds are away, and its members.
fn alone(members: u8) -> (Reader, Vec<PeerId>) {
    let mut reader = reader(3);
    for seed in reader.seeds.clone() {
        reader.bench.give(Input::Disconnected { peer: seed });
    }
    let members = (1..=members).map(|number| reader.bench.member(number)).collect();
    reader.bench.clear();
    (reader, members)
}

fn asked_relayed(bench: &mut Bench, member: PeerId) -> u32 {
    let sent = bench.sent(member).into_iter();
    let mut asks =
        sent.filter_map(|said| if let Control::AskRelayed { ask, .. } = said { Some(ask) } else { None });
    asks.next_back().expect("members are asked")
}

/// What these seeds said of a lineage.
fn relays(
    bench: &Bench,
    seeds: &[usize],
    lineage: &str,
    known: &[CertifiedEnvelope],
) -> Vec<(Envelope, Vec<CertifiedEnvelope>)> {
    let by = |seed: &usize| {
        let answer = bench.pool.by_seed(*seed, &bench.pool.relayed(*seed, lineage, known));
        (answer, known.to_vec())
    };
    seeds.iter().map(by).collect()
}

#[test]
fn what_three_seeds_said_is_found_through_members() {
    let (mut reader, members) = alone(2);
    reader.ask(1, &[]);
    let known = [reader.certified(KEY, 3)];
    let (first, second) = (
        relays(&reader.bench, &[0, 1], "core/main/npm", &known),
        relays(&reader.bench, &[2], "core/main/npm", &known),
    );
    let ask = asked_relayed(&mut reader.bench, members[0]);
    reader.bench.say(members[0], Control::Relayed { ask, answers: first });
    assert!(reader.reply(1).is_none(), "two seeds are too few");
    let ask = asked_relayed(&mut reader.bench, members[1]);
    reader.bench.say(members[1], Control::Relayed { ask, answers: second });
    assert_eq!(reader.found(), Some((3, Matched::Exact, true)));
}

#[test]
fn a_silent_member_holds_up_the_others_for_a_moment_only() {
    let (mut reader, members) = alone(2);
    reader.ask(1, &[]);
    let known = [reader.certified(KEY, 3)];
    let answers = relays(&reader.bench, &[0, 1, 2], "core/main/npm", &known);
    let ask = asked_relayed(&mut reader.bench, members[0]);
    reader.bench.say(members[0], Control::Relayed { ask, answers });
    reader.bench.pass(RELAYED_WAIT - Duration::from_millis(1));
    assert!(reader.reply(1).is_none(), "somebody may know of something newer");
    reader.bench.pass(Duration::from_millis(1));
    assert_eq!(reader.found(), Some((3, Matched::Exact, true)));
}

#[test]
fn a_member_that_goes_is_not_waited_for() {
    let (mut reader, members) = alone(2);
    reader.ask(1, &[]);
    let known = [reader.certified(KEY, 3)];
    let answers = relays(&reader.bench, &[0, 1, 2], "core/main/npm", &known);
    let ask = asked_relayed(&mut reader.bench, members[0]);
    reader.bench.say(members[0], Control::Relayed { ask, answers });
    reader.bench.give(Input::Disconnected { peer: members[1] });
    assert_eq!(reader.found(), Some((3, Matched::Exact, true)));
}

#[test]
fn relayed_answers_too_few_too_old_or_of_other_lineages_are_a_miss() {
    let known = |reader: &Reader| [reader.certified(KEY, 3)];
    type Told = Vec<(Envelope, Vec<CertifiedEnvelope>)>;
    type Case = fn(&Reader, &[CertifiedEnvelope]) -> Told;
    let cases: [(Case, MissReason); 5] = [
        (|reader, known| relays(&reader.bench, &[0, 1], "core/main/npm", known), MissReason::SeedsSilent),
        (|reader, known| relays(&reader.bench, &[0, 0, 0], "core/main/npm", known), MissReason::SeedsSilent),
        (|_, _| Vec::new(), MissReason::SeedsSilent),
        (|reader, _| relays(&reader.bench, &[0, 1, 2], "core/main/pip", &[]), MissReason::NotBelieved),
        (
            |reader, known| {
                let mut told = relays(&reader.bench, &[0, 1, 2], "core/main/npm", known);
                told.iter_mut().for_each(|(answer, _)| answer.payload[3] ^= 1);
                told
            },
            MissReason::NotBelieved,
        ),
    ];
    for (number, (told, why)) in cases.into_iter().enumerate() {
        let (mut reader, members) = alone(1);
        reader.ask(1, &[]);
        let answers = told(&reader, &known(&reader));
        let ask = asked_relayed(&mut reader.bench, members[0]);
        reader.bench.say(members[0], Control::Relayed { ask, answers });
        reader.bench.pass(DEADLINE);
        let miss = reader.miss();
        assert!(
            miss == Some(why) || (number == 3 && miss == Some(MissReason::SeedsSilent)),
            "{number}: {miss:?}"
        );
    }
    // Too old: the policy allows ten minutes.
    let (mut reader, members) = alone(1);
    reader.bench.pass(Duration::from_secs(601));
    reader.ask(1, &[]);
    let answers = relays(&reader.bench, &[0, 1, 2], "core/main/npm", &known(&reader));
    let ask = asked_relayed(&mut reader.bench, members[0]);
    reader.bench.say(members[0], Control::Relayed { ask, answers });
    reader.bench.pass(DEADLINE);
    assert_eq!(reader.miss(), Some(MissReason::NotBelieved));
}

#[test]
fn what_this_node_was_given_itself_counts_as_well() {
    let mut reader = reader(3);
    let known = [reader.certified(KEY, 3)];
    for seed in 0..3 {
        let (answer, beside) = relays(&reader.bench, &[seed], "core/main/npm", &known).remove(0);
        reader.bench.say(reader.seeds[seed], Control::Relay { answer, beside });
    }
    let member = reader.bench.member(1);
    reader.bench.say(member, Control::AskRelayed { ask: 9, query: query(KEY, &[]) });
    let handed = reader.bench.sent(member).into_iter().find_map(|said| match said {
        Control::Relayed { ask: 9, answers } => Some(answers.len()),
        _ => None,
    });
    assert_eq!(handed, Some(3), "and it hands them on");
    for seed in reader.seeds.clone() {
        reader.bench.give(Input::Disconnected { peer: seed });
    }
    reader.bench.give(Input::Disconnected { peer: member });
    reader.ask(1, &[]);
    assert_eq!(reader.found(), Some((3, Matched::Exact, true)));
}

#[test]
fn who_was_not_asked_relays_nothing() {
    let (mut reader, members) = alone(1);
    reader.ask(1, &[]);
    let known = [reader.certified(KEY, 3)];
    let answers = relays(&reader.bench, &[0, 1, 2], "core/main/npm", &known);
    let late = reader.bench.member(2);
    let ask = asked_relayed(&mut reader.bench, members[0]);
    for number in [ask, ask + 1, 0] {
        reader.bench.say(late, Control::Relayed { ask: number, answers: answers.clone() });
    }
    reader.bench.pass(DEADLINE);
    assert_eq!(reader.miss(), Some(MissReason::SeedsSilent));
}

#[test]
fn strangers_are_not_told_what_was_relayed() {
    let (mut reader, _) = alone(0);
    let stranger = node(9);
    reader.bench.connect(stranger, "10.0.2.9:9");
    reader.bench.say(stranger, reader.bench.hello(None));
    reader.bench.clear_sent(stranger);
    reader.bench.say(stranger, Control::AskRelayed { ask: 1, query: query(KEY, &[]) });
    assert!(reader.bench.sent(stranger).is_empty());
}
