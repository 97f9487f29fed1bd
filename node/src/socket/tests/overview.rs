//! What an operator is told, by jobs of this version and of the one before.

use super::saves::Saves;
use super::*;
use crate::driver::{StatusQuestion, TrustQuestion};
use pollux_client::protocol::{Ending, NodeStatus, Overview, VERSION_OLDEST};
use pollux_core::engine::{EngineStatus, Matched, SeedView, Surroundings};
use pollux_core::{Timestamp, Used};
use std::time::Duration;

fn surroundings() -> Surroundings {
    let seed = SeedView {
        peer: PeerId::new(KeyPair::from_seed([2; 32]).public()),
        addresses: vec!["192.0.2.1:4480".to_owned()],
        is_self: false,
        connected: true,
        admits: true,
        software: "pollux-node 0".to_owned(),
        policy_version: Some(3),
        agrees: Some(false),
        clock_ahead_ms: Some(-7),
        clock_heard: Some(Duration::from_secs(2)),
    };
    let membership_left = Some(Duration::from_secs(60));
    Surroundings { membership_left, unwelcome: Some("too old".to_owned()), seeds: vec![seed] }
}

/// Asks, and answers as the driver.
async fn overview(job: &mut Job, saves: &Saves) -> Overview {
    job.say(&Request::Overview).await;
    let DriverEvent::Status(StatusQuestion(answer)) = job.event().await else { panic!("status") };
    answer.send(EngineStatus { policy_version: 3, ..EngineStatus::default() }).unwrap();
    let DriverEvent::Surroundings(answer) = job.event().await else { panic!("surroundings") };
    answer.send((surroundings(), Timestamp::from_millis(1_000))).unwrap();
    let DriverEvent::Trust(TrustQuestion(answer)) = job.event().await else { panic!("trust") };
    answer.send(Arc::new(saves.trust.clone())).unwrap();
    let Reply::Overview(overview) = job.reply().await else { panic!("an overview") };
    *overview
}

#[tokio::test(start_paused = true)]
async fn seeds_ends_and_what_jobs_asked_are_told() {
    let (mut job, items) = Job::greeted().await;
    let saves = Saves::new();
    job.say(&Request::Resolve { key: "a/b".parse().unwrap(), fallbacks: vec![], deadline_ms: 1000 }).await;
    job.event().await;
    items.send(SessionItem::Reply(Box::new(JobReply::Miss(MissReason::NotJoined)))).unwrap();
    job.reply().await;
    let Overview { status, more } = overview(&mut job, &saves).await;
    assert_eq!((status.policy_version, status.role.as_str()), (3, "node"));
    assert_eq!((more.clock_ms, more.membership_left_ms), (1_000, Some(60_000)));
    assert_eq!(more.unwelcome.as_deref(), Some("too old"));
    let [seed] = &more.seeds[..] else { panic!("one seed") };
    assert_eq!((seed.connected, seed.agrees, seed.policy_version), (true, Some(false), Some(3)));
    assert_eq!((seed.clock_ahead_ms, seed.clock_heard_ms), (Some(-7), Some(2_000)));
    let whats: Vec<Ending> = more.ends.iter().map(|end| end.what).collect();
    assert_eq!(whats, [Ending::Policy, Ending::Root]);
    assert_eq!((more.asked.hits, more.asked.misses.get("not-joined")), (0, Some(&1)));
    assert!(!more.store_broken);
}

/// Found is told to the job, counted, and remembered for yanks.
#[tokio::test(start_paused = true)]
async fn a_hit_is_counted_and_may_be_judged_later() {
    let (mut job, items) = Job::greeted().await;
    let saves = Saves::new();
    job.say(&Request::Resolve { key: "a/b".parse().unwrap(), fallbacks: vec![], deadline_ms: 1000 }).await;
    job.event().await;
    let certified = Box::new(saves.certified(1));
    let used = Used::from(&*certified);
    let found = JobReply::Found { certified, matched: Matched::Exact, relayed: false };
    items.send(SessionItem::Reply(Box::new(found))).unwrap();
    assert!(matches!(job.reply().await, Reply::Found { .. }));
    assert_eq!(job.seat.pending().used(&used.manifest()).as_deref(), Some(&used));
    assert_eq!(overview(&mut job, &saves).await.more.asked.hits, 1);
}

/// One release back: it asks as it always did, and hears what it knows.
#[tokio::test(start_paused = true)]
async fn a_job_of_the_version_before_is_served() {
    let mut job = Job::connect();
    job.say(&hello(VERSION_OLDEST, VERSION_OLDEST)).await;
    assert!(matches!(job.reply().await, Reply::Welcome { version: VERSION_OLDEST, .. }));
    assert!(matches!(job.event().await, DriverEvent::Opened { .. }));
    job.say(&Request::Status).await;
    let DriverEvent::Status(StatusQuestion(answer)) = job.event().await else { panic!("status") };
    answer.send(EngineStatus { joined: true, ..EngineStatus::default() }).unwrap();
    let Reply::Status(status) = job.reply().await else { panic!("a status") };
    let NodeStatus { engine, .. } = *status;
    assert!(engine.joined);
}
