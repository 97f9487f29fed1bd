//! Policies and yanks: handed out, handed in, and what they took back of what jobs restored.

use super::saves::Saves;
use super::*;
use crate::driver::TrustQuestion;
use pollux_client::pool::{self, InitRequest};
use pollux_client::protocol::{PAPERS_BYTES_MAX, TakenBack, USED_MAX};
use pollux_client::{clock, key_file};
use pollux_core::limits::{SEEDS_MAX, YANK_MANIFESTS_MAX};
use pollux_core::{Envelope, Key, Papers, PoolFile, Trust, Used, Yank, Yanked};

/// A pool with so many yanks, each as long as one may be.
fn trust(yanks: u16) -> Trust {
    let directory = tempfile::tempdir().unwrap();
    let now = clock::now();
    let request = InitRequest::new(directory.path().join("pool"), vec!["127.0.0.1:1".to_owned()], now);
    pool::init(&request).unwrap();
    let text = std::fs::read_to_string(request.directory.join("pool.json")).unwrap();
    let key = key_file::read(&request.directory.join("yank.pem")).unwrap();
    let manifests: Vec<ManifestId> = (0..YANK_MANIFESTS_MAX).map(id).collect();
    let yank = |number: u16| Yank {
        pool: "ci".to_owned(),
        serial: format!("y-{number}"),
        what: Yanked::Grant("g".to_owned()),
        reason: "r".repeat(200),
        cascade: true,
        time: now,
        manifests: manifests.clone(),
    };
    let yanks: Vec<Envelope> = (0..yanks).map(|number| Envelope::sign(&yank(number), &key)).collect();
    Trust::open(&PoolFile::from_json(&text).unwrap(), now).unwrap().hear(&yanks, now)
}

fn id(number: usize) -> ManifestId {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&u64::try_from(number).unwrap().to_le_bytes());
    ManifestId::from_bytes(bytes)
}

fn key() -> Key {
    "a/b".parse().unwrap()
}

/// What was handed out, and in how many parts.
async fn handed_out(trust: &Trust) -> (Papers, usize) {
    let (mut job, _items) = Job::greeted().await;
    job.say(&Request::Papers).await;
    let DriverEvent::Trust(TrustQuestion(answer)) = job.event().await else { panic!("asked") };
    answer.send(Arc::new(trust.clone())).unwrap();
    let (mut all, mut parts) = (Papers::default(), 0);
    loop {
        let Reply::Papers { papers, digest, more } = job.reply().await else { panic!("papers") };
        assert!(papers.encoded_bytes() <= PAPERS_BYTES_MAX);
        assert_eq!(digest, trust.papers_digest());
        parts += 1;
        all.policy = papers.policy.or(all.policy);
        all.yanks.extend(papers.yanks);
        if !more {
            return (all, parts);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_node_goes_by_is_handed_out_in_parts() {
    let small = trust(0);
    assert_eq!(handed_out(&small).await, (small.papers(), 1));
    let large = trust(300);
    let (papers, parts) = handed_out(&large).await;
    assert_eq!(papers, large.papers());
    assert!(parts > 1, "{} bytes", papers.encoded_bytes());
}

#[tokio::test(start_paused = true)]
async fn what_is_to_be_spread_goes_to_the_engine_and_is_a_question_like_others() {
    let (mut job, items) = Job::greeted().await;
    let papers = trust(2).papers();
    let spread = Request::Spread { papers: papers.clone(), deadline_ms: 1000 };
    job.say(&spread).await;
    let DriverEvent::Request { request: JobRequest::Spread { papers: asked, .. }, .. } = job.event().await
    else {
        panic!("spread")
    };
    assert_eq!(asked, papers);
    let refused = Some("a document is not believed".to_owned());
    let answer = JobReply::Spread { held: 1, needed: 2, of: 3, refused: refused.clone() };
    items.send(SessionItem::Reply(Box::new(answer))).unwrap();
    assert_eq!(job.reply().await, Reply::Spread { held: 1, needed: 2, of: 3, refused });
    job.say(&spread).await;
    job.event().await;
    job.say(&spread).await;
    job.ends_refused("one thing at a time").await;
}

#[tokio::test(start_paused = true)]
async fn a_question_has_nonces_for_every_seed_that_may_come() {
    let (mut job, _items) = Job::greeted().await;
    job.say(&Request::Resolve { key: key(), fallbacks: vec![], deadline_ms: 1000 }).await;
    let DriverEvent::Request { request: JobRequest::Resolve { nonces, .. }, .. } = job.event().await else {
        panic!("resolve")
    };
    assert_eq!(nonces.len(), SEEDS_MAX);
}

/// Asks, and answers as the driver that those of `gone` were taken back, and that it goes by this; gives what was asked of
/// it, and the reply.
async fn used(
    job: &mut Job,
    named: Vec<ManifestId>,
    (gone, trust): (&[ManifestId], &Trust),
) -> (Vec<ManifestId>, Reply) {
    job.say(&Request::Used { manifests: named }).await;
    let DriverEvent::Withdrawn { manifests, answer } = job.event().await else { panic!("asked") };
    let gone = manifests.iter().filter(|id| gone.contains(id));
    answer.send(gone.map(|id| (*id, "ü".repeat(1000))).collect()).unwrap();
    let DriverEvent::Trust(TrustQuestion(answer)) = job.event().await else { panic!("asked") };
    answer.send(Arc::new(trust.clone())).unwrap();
    (manifests, job.reply().await)
}

#[tokio::test(start_paused = true)]
async fn a_job_is_told_what_was_taken_back_of_what_its_user_restored() {
    let (mut job, _items) = Job::greeted().await;
    let saves = Saves::new();
    let (one, trust) = (saves.used(1), &saves.trust);
    let manifest = restores(&mut job, &one).await;
    let (asked, reply) = used(&mut job, vec![], (&[manifest], trust)).await;
    assert_eq!(asked, [manifest]);
    let Reply::Used { yanked } = reply else { panic!("used") };
    let [TakenBack { manifest: taken, key: Some(named), why }] = &yanked[..] else { panic!("{yanked:?}") };
    assert_eq!((*taken, named, why.len()), (manifest, &key(), 400), "the reason is cut where a letter ends");
    let (asked, reply) = used(&mut job, vec![id(1), manifest], (&[id(1)], trust)).await;
    assert_eq!(asked, [id(1), manifest], "only those that are named");
    assert!(matches!(reply, Reply::Used { yanked } if yanked[0].key.is_none() && yanked.len() == 1));
}

/// Fetches a chunk of it before it was resolved, which is no restore, and after.
async fn restores(job: &mut Job, what: &Arc<Used>) -> ManifestId {
    let (chunk, manifest) = (chunk(1).chunk(), what.manifest());
    let fetch = Request::Fetch { manifest, chunks: vec![chunk] };
    job.say(&fetch).await;
    job.event().await;
    let none = Reply::Used { yanked: vec![] };
    assert_eq!(used(job, vec![], (&[], &trust(0))).await, (vec![], none), "not resolved here");
    job.seat.pending().found(Used::clone(what));
    job.say(&fetch).await;
    manifest
}

/// It was evicted, or its certificate came to lack receipts, before it was taken back.
#[tokio::test(start_paused = true)]
async fn what_the_engine_has_forgotten_is_told_of_when_it_is_taken_back() {
    let (mut job, _items) = Job::greeted().await;
    let saves = Saves::new();
    let manifest = restores(&mut job, &saves.used(1)).await;
    let (_, reply) = used(&mut job, vec![], (&[], &saves.trust)).await;
    assert_eq!(reply, Reply::Used { yanked: vec![] });
    let build = |build: &str| Yanked::Build { ci: String::new(), build: build.to_owned() };
    let (_, reply) = used(&mut job, vec![], (&[], &saves.after_yank(build("b2")))).await;
    assert_eq!(reply, Reply::Used { yanked: vec![] });
    let (_, reply) = used(&mut job, vec![manifest], (&[], &saves.after_yank(build("b1")))).await;
    let Reply::Used { yanked } = reply else { panic!("used") };
    let [TakenBack { manifest: taken, key: Some(named), why }] = &yanked[..] else { panic!("{yanked:?}") };
    assert_eq!((*taken, named), (manifest, &key()));
    assert!(why.ends_with("it held a miner"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn as_many_as_are_remembered_fit_into_an_answer_and_no_more_may_be_named() {
    let (mut job, _items) = Job::greeted().await;
    let all: Vec<ManifestId> = (0..USED_MAX).map(id).collect();
    let (asked, reply) = used(&mut job, all.clone(), (&all, &trust(0))).await;
    assert_eq!(asked, all);
    assert!(matches!(reply, Reply::Used { yanked } if yanked.len() == USED_MAX));
    job.say(&Request::Used { manifests: (0..=USED_MAX).map(id).collect() }).await;
    job.ends_refused("1024 at most").await;
}

#[tokio::test(start_paused = true)]
async fn a_chunk_of_what_was_taken_back_is_refused_with_the_reason() {
    let (mut job, items) = Job::greeted().await;
    let chunk = chunk(1).chunk();
    let failed = JobReply::FetchFailed { chunk, why: FetchEnd::Yanked };
    items.send(SessionItem::Reply(Box::new(failed))).unwrap();
    assert_eq!(job.reply().await, Reply::ChunkFailed { chunk, why: MissReason::Yanked });
}
