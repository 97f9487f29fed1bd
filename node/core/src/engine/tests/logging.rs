//! What seeds write to their logs, and who reads it.
use super::bench::Bench;
use super::world::World;
use crate::belief::fixture::{WALL, key_pair, yank, yank_envelope};
use crate::engine::bounds::{LOG_GIVEN_MAX, LOG_READS_MAX, LOG_WINDOW, REFUSALS_LOGGED_MAX, REFUSALS_WINDOW};
use crate::engine::{Input, JobId, JobReply, JobRequest, Output};
use crate::message::{Control, LogLine, LogPage, LogPlace, LogQuery, OfferRefusal};
use crate::{CertifiedEnvelope, Envelope, LogEntry, Logged, ManifestId, Papers, PeerId, Yank, Yanked};
use core::time::Duration;

const KEY: &str = "core/main/npm/1";
const DEADLINE: Duration = Duration::from_secs(2);

fn certify(bench: &mut Bench, from: PeerId, certified: &CertifiedEnvelope) {
    bench.say(from, Control::Certify { certified: certified.clone() });
}

fn published(entries: &[LogEntry]) -> Vec<ManifestId> {
    let id = |entry: &LogEntry| match &entry.what {
        Logged::Published(publish) => Some(publish.manifest),
        _ => None,
    };
    entries.iter().filter_map(id).collect()
}

/// A seed, two members, and a certificate.
fn seed() -> (Bench, [PeerId; 2], CertifiedEnvelope) {
    let mut bench = Bench::seed(1);
    let members = [bench.member(1), bench.member(2)];
    let certified = bench.certified(&bench.saved(KEY, 3, 1).0);
    bench.clear();
    (bench, members, certified)
}

#[test]
fn a_certificate_is_logged_before_its_record_and_once() {
    let (mut bench, members, certified) = seed();
    for member in members {
        certify(&mut bench, member, &certified);
    }
    let log = bench.peek().iter().position(|output| matches!(output, Output::Log(_))).unwrap();
    let record = bench.peek().iter().position(|output| matches!(output, Output::Record { .. })).unwrap();
    assert!(log < record);
    let logged = bench.logged();
    assert_eq!(published(&logged), [certified.manifest.id()], "two bring it, one line");
    assert_eq!(logged[0].time, WALL);
    bench.record(Ok(()));
    certify(&mut bench, members[0], &certified);
    assert!(bench.logged().is_empty());
}

#[test]
fn what_another_seed_brings_is_logged_too() {
    let mut bench = Bench::seed(4);
    let other = bench.meets_seed(1);
    let made = bench.certified(&bench.saved(KEY, 1, 3).0);
    let id = made.manifest.id();
    let names = vec![crate::message::RecordName::Certified { manifest: id, complete: false }];
    bench.say(other, Control::Known { epoch: 9, seen: 0, life: 7, next: 1, more: false, names });
    bench.say(other, Control::Brought { certified: vec![made], votes: Vec::new() });
    assert_eq!(published(&bench.logged()), [id]);
}

#[test]
fn what_a_seed_remembers_is_not_logged_again_and_a_node_logs_nothing() {
    let (mut bench, _, certified) = seed();
    bench.give(Input::Recovered(certified));
    assert!(bench.logged().is_empty());
    let mut node = Bench::node(1);
    node.admitted_by(0);
    let (manifest, content) = node.saved(KEY, 1, 1);
    node.remembers(&manifest, &content);
    assert!(node.logged().is_empty());
}

fn refusals(entries: &[LogEntry]) -> Vec<(OfferRefusal, String, u64)> {
    let refusal = |entry: &LogEntry| match &entry.what {
        Logged::Refused(refusal) => Some((refusal.why, refusal.words.clone(), refusal.unlogged)),
        _ => None,
    };
    entries.iter().filter_map(refusal).collect()
}

#[test]
fn a_refusal_is_logged_with_its_reason_in_words() {
    let (mut bench, members, _) = seed();
    let manifest = Envelope::sign(&bench.pool.manifest(KEY, 1), &key_pair(50));
    bench.say(members[0], Control::Offer { offer: 1, manifest: manifest.clone() });
    let logged = bench.logged();
    let [(OfferRefusal::NotBelieved, words, 0)] = &refusals(&logged)[..] else { panic!("{logged:?}") };
    assert!(words.contains("no publisher of the policy signed"), "{words}");
    let Logged::Refused(refusal) = &logged[0].what else { panic!("a refusal") };
    assert_eq!((refusal.from, refusal.manifest, refusal.sequence), (members[0], manifest.id(), Some(1)));
}

#[test]
fn that_a_seed_is_busy_is_not_logged_and_nobody_fills_the_log() {
    let mut bench = Bench::new_seed(4);
    let member = bench.member(1);
    let manifest = bench.pool.sign(&bench.pool.manifest(KEY, 1));
    bench.say(member, Control::Offer { offer: 1, manifest });
    assert!(bench.logged().is_empty(), "it has no marker, and signs nothing yet");

    let (mut bench, members, _) = seed();
    let manifest = Envelope::sign(&bench.pool.manifest(KEY, 1), &key_pair(50));
    for offer in 0..REFUSALS_LOGGED_MAX + 5 {
        bench.say(members[0], Control::Offer { offer, manifest: manifest.clone() });
    }
    assert_eq!(bench.logged().len(), usize::try_from(REFUSALS_LOGGED_MAX).unwrap());
    bench.say(members[1], Control::Offer { offer: 1, manifest });
    assert_eq!(bench.logged().len(), 1);
}

#[test]
fn many_members_at_one_address_have_one_share_of_the_log_and_the_rest_is_summed_up() {
    let (mut bench, members, _) = seed();
    let manifest = Envelope::sign(&bench.pool.manifest(KEY, 1), &key_pair(50));
    let address = "10.9.9.9:4480";
    let many = crate::engine::bounds::REFUSALS_PER_ADDRESS_MAX + 9;
    for number in 0..many {
        let mut seed = [9; 32];
        seed[..4].copy_from_slice(&number.to_le_bytes());
        let peer = PeerId::new(crate::KeyPair::from_seed(seed).public());
        bench.connect(peer, address);
        let membership = bench.membership(peer, address);
        let hello = bench.hello(Some(membership));
        bench.say(peer, hello);
        bench.say(peer, Control::Offer { offer: 1, manifest: manifest.clone() });
        bench.give(Input::Disconnected { peer });
    }
    assert_eq!(refusals(&bench.logged()).len(), usize::try_from(many - 9).unwrap());
    bench.say(members[0], Control::Offer { offer: 1, manifest });
    assert_eq!(refusals(&bench.logged()).len(), 1, "elsewhere there is room");
    bench.pass(REFUSALS_WINDOW);
    let more = |entry: &LogEntry| match &entry.what {
        Logged::MoreRefused(more) => Some((more.address, more.count, more.since)),
        _ => None,
    };
    let told: Vec<_> = bench.logged().iter().filter_map(more).collect();
    assert_eq!(told, [(Some([10, 9, 9, 9].into()), 9, WALL)]);
    bench.pass(2 * REFUSALS_WINDOW);
    assert!(bench.logged().is_empty());
}

#[test]
fn a_yank_is_logged_when_it_is_first_heard_and_a_policy_when_it_comes_into_force() {
    let (mut bench, members, _) = seed();
    let statement = yank("y-1", Yanked::Grant("g-1".to_owned()));
    let papers = Papers { yanks: vec![yank_envelope(&statement)], ..Papers::default() };
    for bring in 0..2 {
        bench.say(members[0], Control::KeepPapers { bring, papers: papers.clone() });
        bench.record(Ok(()));
    }
    let logged = bench.logged();
    let [LogEntry { what: Logged::Yanked(heard), .. }] = &logged[..] else { panic!("{logged:?}") };
    assert_eq!((&heard.yank, heard.id), (&statement, papers.yanks[0].digest()));

    bench.pool.policy.version += 1;
    let papers = Papers { policy: Some(bench.pool.file().policy), ..Papers::default() };
    bench.say(members[0], Control::KeepPapers { bring: 3, papers });
    bench.record(Ok(()));
    let logged = bench.logged();
    let [LogEntry { what: Logged::Policy(policy), .. }] = &logged[..] else { panic!("{logged:?}") };
    assert_eq!((policy.root, policy.policy), (1, bench.pool.policy.version));
}

fn place(offset: u64) -> LogPlace {
    LogPlace { file: 1, offset }
}

fn page(text: &str, next: Option<LogPlace>) -> LogPage {
    LogPage { lines: vec![LogLine::new(text.to_owned()).unwrap()], next }
}

fn ask(bench: &mut Bench, job: u64, at: Option<(PeerId, LogPlace)>) {
    bench.job(job, JobRequest::Log { what: LogQuery::default(), at, deadline: DEADLINE });
}

fn asked(bench: &mut Bench, seed: PeerId) -> Option<(u32, Option<LogPlace>)> {
    let sent = bench.sent(seed).into_iter();
    sent.filter_map(|said| match said {
        Control::AskLog { ask, after, .. } => Some((ask, after)),
        _ => None,
    })
    .next_back()
}

fn told(bench: &mut Bench, job: u64) -> Option<(Option<PeerId>, LogPage)> {
    let Some(JobReply::Log { seed, page }) = bench.replies(job).pop() else { return None };
    Some((seed, page))
}

#[test]
fn a_job_hears_a_page_from_one_seed_and_which_it_was() {
    let mut bench = Bench::node(4);
    let seeds: Vec<PeerId> = (0..2).map(|seed| bench.admitted_by(seed)).collect();
    ask(&mut bench, 1, None);
    let asks: Vec<_> = seeds.iter().map(|seed| asked(&mut bench, *seed)).collect();
    let first = asks.iter().position(Option::is_some).unwrap();
    assert_eq!(asks.iter().flatten().count(), 1, "one is enough");
    let (number, after) = asks[first].unwrap();
    assert_eq!(after, None);
    let answer = page("{}", Some(place(7)));
    bench.say(seeds[1 - first], Control::Log { ask: number, page: answer.clone() });
    assert_eq!(told(&mut bench, 1), None, "it was not asked");
    bench.say(seeds[first], Control::Log { ask: number, page: answer.clone() });
    assert_eq!(told(&mut bench, 1), Some((Some(seeds[first]), answer.clone())));
    bench.say(seeds[first], Control::Log { ask: number, page: answer });
    assert_eq!(told(&mut bench, 1), None, "an answer is heard once");

    ask(&mut bench, 1, Some((seeds[1], place(7))));
    assert_eq!(asked(&mut bench, seeds[0]), None);
    assert_eq!(asked(&mut bench, seeds[1]).unwrap().1, Some(place(7)));
}

#[test]
fn another_seed_is_asked_when_the_first_is_gone_unless_a_place_was_named() {
    let mut bench = Bench::node(4);
    let seeds: Vec<PeerId> = (0..2).map(|seed| bench.admitted_by(seed)).collect();
    ask(&mut bench, 1, None);
    let first = usize::from(asked(&mut bench, seeds[0]).is_none());
    ask(&mut bench, 2, Some((seeds[first], place(7))));
    bench.clear();
    bench.give(Input::Disconnected { peer: seeds[first] });
    let (number, after) = asked(&mut bench, seeds[1 - first]).unwrap();
    assert_eq!(after, None, "only the first job's");
    bench.say(seeds[1 - first], Control::Log { ask: number, page: page("{}", None) });
    assert!(told(&mut bench, 1).is_some());
    bench.pass(DEADLINE);
    assert_eq!(told(&mut bench, 2), Some((None, LogPage::default())));
}

#[test]
fn by_its_deadline_a_job_hears_that_nobody_answered_and_one_that_waits_is_served_when_a_seed_comes() {
    let mut bench = Bench::node(1);
    ask(&mut bench, 1, None);
    bench.pass(DEADLINE);
    assert_eq!(told(&mut bench, 1), Some((None, LogPage::default())));
    ask(&mut bench, 1, None);
    let seed = bench.admitted_by(0);
    let (number, _) = asked(&mut bench, seed).unwrap();
    bench.give(Input::JobLeft { job: JobId(1) });
    bench.say(seed, Control::Log { ask: number, page: page("{}", None) });
    assert_eq!(told(&mut bench, 1), None, "it has left");
}

#[test]
fn a_seed_reads_its_log_for_members_and_for_its_own_jobs() {
    let (mut bench, members, _) = seed();
    let question = Control::AskLog { ask: 5, what: LogQuery::default(), after: Some(place(3)) };
    bench.say(members[0], question);
    let [(task, Some(after))] = bench.log_reads()[..] else { panic!("one page") };
    assert_eq!(after, place(3));
    bench.give(Input::LogRead { task, page: page("{}", None) });
    assert_eq!(bench.sent(members[0]), [Control::Log { ask: 5, page: page("{}", None) }]);

    ask(&mut bench, 1, None);
    let [(task, None)] = bench.log_reads()[..] else { panic!("one page") };
    bench.give(Input::LogRead { task, page: page("{}", None) });
    let me = bench.pool.seed_id(0);
    assert_eq!(told(&mut bench, 1), Some((Some(me), page("{}", None))));
    ask(&mut bench, 1, Some((members[0], place(1))));
    assert_eq!(
        told(&mut bench, 1),
        Some((None, LogPage::default())),
        "of another seed's log it knows nothing"
    );
}

#[test]
fn a_member_cannot_make_a_seed_read_without_end() {
    let (mut bench, members, _) = seed();
    let question = |ask| Control::AskLog { ask, what: LogQuery::default(), after: Some(place(3)) };
    for number in 0..20 {
        bench.say(members[0], question(number));
    }
    let reads = bench.log_reads();
    assert_eq!(reads.len(), 1, "one page at a time");
    let again = LogPage { lines: Vec::new(), next: Some(place(3)) };
    let refused = bench.sent(members[0]);
    assert_eq!(refused.len(), 19);
    assert_eq!(refused[0], Control::Log { ask: 1, page: again }, "ask again");
    bench.say(members[1], question(1));
    assert_eq!(bench.log_reads().len(), LOG_READS_MAX - 1, "the other has its turn");

    bench.give(Input::LogRead { task: reads[0].0, page: page("{}", None) });
    let mut read = 1;
    for number in 0..LOG_GIVEN_MAX * 2 {
        bench.say(members[0], question(number));
        for (task, _) in bench.log_reads() {
            read += 1;
            bench.give(Input::LogRead { task, page: page("{}", None) });
        }
    }
    assert_eq!(read, LOG_GIVEN_MAX);
    bench.pass(LOG_WINDOW);
    bench.say(members[0], question(1));
    assert_eq!(bench.log_reads().len(), 1);
}

#[test]
fn a_page_for_who_has_left_goes_nowhere_and_the_next_is_read() {
    let (mut bench, members, _) = seed();
    let others: Vec<PeerId> = (3..6).map(|number| bench.member(number)).collect();
    let question = Control::AskLog { ask: 1, what: LogQuery::default(), after: None };
    for member in [members[0], members[1], others[0], others[1]] {
        bench.say(member, question.clone());
    }
    let reads = bench.log_reads();
    assert_eq!(reads.len(), LOG_READS_MAX);
    bench.give(Input::Disconnected { peer: members[0] });
    bench.give(Input::Disconnected { peer: others[0] });
    bench.clear();
    bench.give(Input::LogRead { task: reads[0].0, page: page("{}", None) });
    let next = bench.log_reads();
    assert_eq!(next.len(), 1);
    bench.give(Input::LogRead { task: next[0].0, page: page("{}", None) });
    assert_eq!(bench.sent(others[1]).len(), 1, "who left while waiting was passed over");
}

/// The lines of a log from its beginning to its end, as a job of this host hears them.
fn whole_log(world: &mut World, host: usize, what: &LogQuery) -> Vec<LogEntry> {
    let (mut at, mut entries, mut job) = (None, Vec::new(), 100);
    loop {
        job += 1;
        let request = JobRequest::Log { what: what.clone(), at, deadline: DEADLINE };
        world.input(host, Input::Job { job: JobId(job), request });
        let mine = |world: &World| world.hosts[host].replies.iter().any(|(to, _)| *to == JobId(job));
        assert!(world.until(mine));
        let Some((_, JobReply::Log { seed, page })) = world.hosts[host].replies.pop() else {
            panic!("a page")
        };
        entries.extend(page.lines.iter().map(|line| LogEntry::from_line(line.as_str()).unwrap()));
        at = page.next.map(|place| (seed.unwrap(), place));
        if at.is_none() {
            return entries;
        }
    }
}

#[test]
fn every_seed_logs_every_publish_and_yank_and_any_node_reads_it_page_by_page() {
    let (mut world, nodes) = World::with_nodes(4, 2);
    world.run(Duration::from_secs(1));
    let saves: Vec<_> = (1..=5).map(|sequence| world.published(nodes[0], KEY, sequence, 2)).collect();
    let ids: Vec<ManifestId> = saves.iter().map(|saved| world.id(saved)).collect();
    world.run(Duration::from_secs(20));
    for seed in 0..4 {
        let mut logged = published(&world.hosts[seed].disk.log);
        logged.sort_unstable();
        let mut expected = ids.clone();
        expected.sort_unstable();
        assert_eq!(logged, expected, "each once");
    }
    let statement = Yank { cascade: true, ..yank("y-1", Yanked::Manifest(ids[1])) };
    let papers = Papers { yanks: vec![yank_envelope(&statement)], ..Papers::default() };
    let request = JobRequest::Spread { papers, deadline: DEADLINE };
    world.input(nodes[0], Input::Job { job: JobId(7), request });
    world.run(Duration::from_secs(40));

    let query = LogQuery { pattern: Some("core/**".parse().unwrap()), ..LogQuery::default() };
    let entries = whole_log(&mut world, nodes[1], &query);
    assert_eq!(published(&entries).len(), 5);
    let yanked = |entry: &&LogEntry| matches!(&entry.what, Logged::Yanked(heard) if heard.yank == statement);
    assert_eq!(entries.iter().filter(yanked).count(), 1);
    world.kill(0);
    world.boot(0);
    world.run(Duration::from_secs(30));
    assert_eq!(published(&world.hosts[0].disk.log).len(), 5, "a restart writes none of it again");
}
