//! What is counted.

use super::super::counters::{Class, Counters, Totals};
use super::Pool;
use pollux_core::engine::{
    AskId, Event, FetchEnd, JobId, JobReply, JobRequest, MissReason, Offence, PublishFailure, ServeFailure,
    Source,
};
use pollux_core::message::{OfferRefusal, Refusal};
use pollux_core::{ChunkId, ChunkRef, Instant, KeyPair, ManifestId, Matched, PeerId, Query};
use std::time::Duration;

const JOB: JobId = JobId(1);

fn at(seconds: u64) -> Instant {
    Instant::ZERO.after(Duration::from_secs(seconds))
}

fn resolve() -> JobRequest {
    let query = Query { key: "a/b".parse().unwrap(), fallbacks: Vec::new() };
    JobRequest::Resolve { query, nonces: Vec::new(), deadline: Duration::from_secs(3) }
}

fn found() -> JobReply {
    let certified = Box::new(Pool::new().certified());
    JobReply::Found { certified, matched: Matched::Exact, relayed: false }
}

fn fetch_failed(why: FetchEnd) -> JobReply {
    JobReply::FetchFailed { chunk: ChunkRef { id: ChunkId::of(b"x"), bytes: 1 }, why }
}

fn peer(number: u8) -> PeerId {
    PeerId::new(KeyPair::from_seed([number; 32]).public())
}

#[test]
fn a_restore_lasts_from_its_question_to_its_last_chunk() {
    let mut counters = Counters::default();
    counters.request(at(1), JOB, &resolve());
    counters.reply(at(2), JOB, &found());
    counters.reply(at(4), JOB, &JobReply::FetchDone);
    counters.reply(at(9), JOB, &JobReply::FetchDone);
    assert_eq!(counters.totals().restores.count(), 0, "it may want more");
    counters.left(JOB);
    counters.left(JOB);
    let totals = counters.totals();
    assert_eq!((totals.hits, totals.answers.count(), totals.restores.count()), (1, 1, 1));
    assert!((totals.answers.sum() - 1.0).abs() < 1e-9 && (totals.restores.sum() - 8.0).abs() < 1e-9);
}

#[test]
fn what_ends_as_a_miss_is_no_restore() {
    let mut counters = Counters::default();
    for (job, ends) in [
        (1, vec![JobReply::Miss(MissReason::SeedsSilent)]),
        (2, vec![found(), fetch_failed(FetchEnd::NoHolder), JobReply::FetchDone]),
        (3, vec![found()]),
    ] {
        counters.request(at(0), JobId(job), &resolve());
        ends.iter().for_each(|reply| counters.reply(at(3), JobId(job), reply));
        counters.left(JobId(job));
    }
    let totals = counters.totals();
    assert_eq!((totals.answers.count(), totals.restores.count()), (3, 0));
    assert_eq!(totals.misses.get("seeds-silent"), Some(&1));
    assert_eq!(totals.chunks_failed.get("no-holder"), Some(&1));
}

#[test]
fn replies_to_nobody_are_counted_and_not_measured() {
    let mut counters = Counters::default();
    counters.reply(at(1), JOB, &JobReply::Miss(MissReason::Yanked));
    counters.reply(at(1), JOB, &JobReply::FetchDone);
    counters.left(JOB);
    let totals = counters.totals();
    assert_eq!((totals.misses.get("yanked"), totals.answers.count()), (Some(&1), 0));
}

#[test]
fn bytes_are_counted_by_where_they_come_from_and_go_to() {
    let mut counters = Counters::default();
    for (source, bytes) in [(Source::Local, 1), (Source::Peer, 20), (Source::Seed, 300), (Source::Peer, 4000)]
    {
        counters.delivered(source, bytes);
    }
    counters.received(7);
    counters.received(8);
    for (ask, class) in [(1, Class::Node), (2, Class::Seed), (3, Class::Node), (4, Class::Node)] {
        counters.asked(AskId(ask), peer(1), class);
    }
    counters.served(AskId(1), Ok(50));
    counters.served(AskId(1), Ok(50));
    counters.served(AskId(2), Ok(600));
    counters.served(AskId(3), Err(ServeFailure::PeerGone));
    counters.declined(AskId(4));
    counters.served(AskId(4), Ok(1));
    let totals = counters.totals();
    let expected = [("peer", 4020), ("seed", 300), ("store", 1)];
    assert_eq!(totals.delivered.into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(totals.served.into_iter().collect::<Vec<_>>(), [("node", 50), ("seed", 600)]);
    assert_eq!(totals.received, 15);
}

#[test]
fn nothing_is_left_of_a_peer_that_is_gone() {
    let mut counters = Counters::default();
    counters.asked(AskId(1), peer(1), Class::Node);
    counters.asked(AskId(2), peer(2), Class::Node);
    counters.gone(peer(1));
    counters.served(AskId(1), Ok(50));
    counters.served(AskId(2), Ok(60));
    assert_eq!(counters.totals().served.get("node"), Some(&60));
}

#[test]
fn events_and_ends_of_publishes_are_counted() {
    let mut counters = Counters::default();
    let (manifest, peer) = (ManifestId::from_bytes([1; 32]), peer(1));
    for event in [
        Event::JoinRefused { seed: peer, why: Refusal::Full },
        Event::JoinRefused { seed: peer, why: Refusal::Unknown(17) },
        Event::JoinRefused { seed: peer, why: Refusal::Unknown(18) },
        Event::OfferRefused { from: peer, manifest, place: None, why: OfferRefusal::Conflict },
        Event::UnknownMessage { peer, kind: 77 },
        Event::Offended { peer, offence: Offence::Flood },
        Event::Banned { peer },
        Event::Receipt { manifest },
        Event::Certified { manifest },
        Event::Joined { seed: peer },
        Event::LetGo { manifest, key: None, newest: false },
        Event::PapersNotKept,
    ] {
        counters.event(&event);
    }
    counters.reply(at(0), JOB, &JobReply::PublishFailed(PublishFailure::Timeout));
    let one = |name| std::iter::once((name, 1)).collect();
    let expected = Totals {
        join_refusals: [("full", 1), ("unknown", 2)].into_iter().collect(),
        offers_refused: one("conflict"),
        publishes: one("timeout"),
        offences: 1,
        unknown_messages: 1,
        bans: 1,
        receipts: 1,
        certified: 1,
        let_go: 1,
        housework: counters.housework().done(),
        ..Totals::default()
    };
    assert_eq!(counters.totals(), expected);
}
