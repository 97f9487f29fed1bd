//! A crowd: sixteen real nodes, each behind a shaped link of its own, restore one cache at once. How long that takes is for
//! `calibrate` to say; here it has to go well, and the seed's link has to carry few copies and not sixteen.

use crate::scene::is_root;
use pollux_tests::crowd::{Crowd, CrowdPlan, Wave};
use pollux_tests::hostile::{Announcement, Conduct, Gives, HostilePeer};
use pollux_tests::lan::{Lan, Link};
use pollux_tests::{Daemon, Programs};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

const NODES: u16 = 16;
const CACHE_BYTES: usize = 24_000_000;
/// Slow enough for two cores with sixteen daemons as tests build them.
const LINK: Link = Link { up: 100_000_000, down: 100_000_000 };

/// Two crowds at once would be too many for any machine.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The crowd, unless this machine cannot make it; that is said.
fn crowd(story: &str, nodes: u16) -> Option<(Crowd, MutexGuard<'static, ()>)> {
    if !is_root(story) {
        return None;
    }
    if let Err(why) = Lan::open() {
        println!("{story}: skipped, since this machine makes no network namespaces: {why}");
        return None;
    }
    let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let plan =
        CrowdPlan { nodes, cache_bytes: CACHE_BYTES, link: LINK, seed_link: LINK, rng_seed: 1, work: None };
    Some((Crowd::start(&Programs::beside_this_one().unwrap(), &plan).unwrap(), alone))
}

/// With the headers of the wire and what is sent twice. A crowd that did not share would take sixteen copies.
const TENTHS_OF_A_COPY_MAX: u64 = 20;

fn tenths_of_a_copy(wave: &Wave, bytes: u64) -> u64 {
    bytes * 10 / wave.copy_bytes()
}

#[test]
fn a_crowd_takes_few_copies_from_the_seed() {
    let Some((crowd, _alone)) = crowd("a crowd", NODES) else { return };
    let wave = crowd.restore(0..NODES.into()).unwrap();
    let sent = tenths_of_a_copy(&wave, wave.seed_sent());
    assert!((10..=TENTHS_OF_A_COPY_MAX).contains(&sent), "{sent} tenths of a copy: {wave:?}");
    assert!(tenths_of_a_copy(&wave, wave.duplicates()) <= 10, "{wave:?}");
}

/// One node has all of it; the seed dies when half of what the others want is there.
#[test]
fn a_crowd_whose_seed_dies_half_way_goes_on() {
    let Some((mut crowd, _alone)) = crowd("a crowd whose seed dies", NODES) else { return };
    let first = crowd.restore(0..1).unwrap();
    let half = first.copy_bytes() * (u64::from(NODES) - 1) / 2;
    let before = crowd.nodes_received().unwrap();
    let wave = thread::scope(|scope| {
        let wave = scope.spawn(|| crowd.restore(1..NODES.into()));
        while crowd.nodes_received().unwrap() - before < half {
            assert!(!wave.is_finished(), "it ended before half of it was there: {:?}", wave.join());
            thread::sleep(Duration::from_millis(20));
        }
        crowd.seed.signal(rustix::process::Signal::KILL).unwrap();
        assert!(!wave.is_finished(), "the seed was to die before the crowd is done");
        wave.join().unwrap().unwrap()
    });
    assert_eq!(wave.jobs.len(), usize::from(NODES) - 1);
    assert!(!crowd.seed.wait(Duration::from_secs(5)).unwrap().success());
}

/// Two of sixteen send junk and two send nothing, and all four say that they have everything.
#[test]
fn a_crowd_with_liars_restores_what_was_saved_and_bans_nobody_honest() {
    let honest = NODES - 4;
    let Some((mut crowd, _alone)) = crowd("a crowd with liars", honest) else { return };
    let announces = Some(Announcement { manifest: crowd.cached.manifest, chunks: crowd.cached.chunks });
    let liars: Vec<HostilePeer> = [Gives::Junk, Gives::Junk, Gives::Silence, Gives::Silence]
        .into_iter()
        .zip(200..)
        .map(|(gives, identity)| {
            let host = crowd.further_host(LINK).unwrap();
            let conduct = Conduct { announces, gives, ..Conduct::default() };
            HostilePeer::start_on(Some(&host), (&crowd.pool, &crowd.seed), identity, conduct).unwrap()
        })
        .collect();
    liars.iter().for_each(|liar| liar.until("listed", |seen| seen.listed).unwrap());
    let wave = crowd.restore(0..honest.into()).unwrap();
    assert_eq!(wave.jobs.len(), usize::from(honest));
    assert!(liars.iter().all(|liar| liar.seen().asked > 0), "each was asked for something");
    let junk = |node| crowd.pollux(node).status().unwrap()["engine"]["junk_chunks"].as_u64().unwrap();
    assert!(crowd.nodes.iter().map(junk).sum::<u64>() > 0, "somebody got junk");
    let logs: String = crowd.nodes.iter().chain([&crowd.seed]).map(Daemon::log_text).collect();
    let banned: Vec<&str> = logs.lines().filter(|line| line.contains("peer banned")).collect();
    let is_banned = |peer: &str| banned.iter().any(|line| line.contains(peer));
    assert!(liars.iter().any(|liar| is_banned(&liar.peer.to_string())), "{banned:?}");
    assert!(!crowd.nodes.iter().any(|node| is_banned(&node.peer)), "{banned:?}");
}
