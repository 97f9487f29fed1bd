//! Jobs fetch: what they are told, what is forgotten when they leave, and how swarms make room.
use super::bench::Bench;
use crate::belief::fixture::node;
use crate::engine::bounds::{CATALOGUE_NODE_MAX, MINGLE_FIRST, MINGLE_INTERVAL, SWARMS_MAX};
use crate::engine::{
    FetchEnd, FetchFailure, Input, JobId, JobReply, JobRequest, Record, StoreFailure, TreeFault,
};
use crate::message::{ChunkSet, Control, Decline};
use crate::{ChunkRef, ManifestId, PeerId};
use core::time::Duration;

const KEY: &str = "core/main/npm/1";

/// A node that knows a manifest of which it holds nothing, a seed and a member that has everything.
struct Reader {
    bench: Bench,
    manifest: ManifestId,
    all: Vec<ChunkRef>,
    holder: PeerId,
}

fn reader(chunks: u8) -> Reader {
    let mut bench = Bench::node(1);
    bench.admitted_by(0);
    let (manifest, content) = bench.saved(KEY, 1, chunks);
    let certified = bench.certified(&manifest);
    let id = certified.manifest.id();
    bench.give(Input::Recovered(certified));
    bench.look(|_| false);
    let holder = bench.member(1);
    let have = ChunkSet::range(0, u32::from(chunks) + 1);
    bench.say(holder, Control::Enter { manifest: id, have });
    let all = manifest.tree.chunks.iter().copied().chain(content).collect();
    bench.clear();
    Reader { bench, manifest: id, all, holder }
}

impl Reader {
    fn fetch(&mut self, job: u64) {
        let (manifest, chunks) = (self.manifest, self.all.clone());
        self.bench.job(job, JobRequest::Fetch { manifest, chunks });
    }

    fn content(&self) -> Vec<ChunkRef> {
        self.all[1..].to_vec()
    }

    /// Everything is fetched that can be.
    fn finish(&mut self) {
        self.bench.move_chunks(Ok(()));
        self.bench.open(Ok(self.content()));
        self.bench.look(|_| false);
        self.bench.move_chunks(Ok(()));
    }

    fn done(&mut self, job: u64) -> bool {
        self.bench.replies(job).iter().any(|reply| matches!(reply, JobReply::FetchDone))
    }

    fn failed(&mut self, job: u64) -> Vec<FetchEnd> {
        let replies = self.bench.replies(job).into_iter();
        replies
            .filter_map(|reply| if let JobReply::FetchFailed { why, .. } = reply { Some(why) } else { None })
            .collect()
    }
}

#[test]
fn the_tree_is_fetched_first_then_the_content() {
    let mut reader = reader(5);
    reader.fetch(1);
    let first: Vec<ChunkRef> = reader
        .bench
        .fetches()
        .into_iter()
        .map(|(fetch, _, chunk)| {
            reader.bench.give(Input::FetchFailed { fetch, why: FetchFailure::Broken });
            chunk
        })
        .collect();
    assert_eq!(first, [reader.all[0]]);
    reader.bench.pass(Duration::from_secs(1));
    reader.finish();
    assert!(reader.done(1));
}

#[test]
fn a_job_that_leaves_at_any_stage_leaves_nothing_under_way() {
    for stage in 0..4 {
        let mut reader = reader(5);
        reader.fetch(1);
        if stage >= 1 {
            reader.bench.move_chunks(Ok(()));
        }
        if stage >= 2 {
            let content = reader.content();
            reader.bench.open(Ok(content));
        }
        if stage >= 3 {
            reader.bench.look(|_| false);
        }
        reader.bench.give(Input::JobLeft { job: JobId(1) });
        let mut left = reader.bench.engine.status();
        assert_eq!(left.jobs, 0, "{stage}");
        // The pull of the tree goes on: it is small, and says what the rest of the swarm is.
        if stage > 0 {
            assert_eq!(left.fetches, 0, "{stage}");
        }
        reader.finish();
        left = reader.bench.engine.status();
        assert_eq!((left.fetches, reader.bench.replies(1).len()), (0, 0), "{stage}");
        // Another job finds it all the same.
        reader.fetch(2);
        reader.finish();
        assert!(reader.done(2), "{stage}");
    }
}

#[test]
fn two_jobs_one_of_which_leaves() {
    let mut reader = reader(5);
    reader.fetch(1);
    reader.fetch(2);
    reader.bench.move_chunks(Ok(()));
    reader.bench.give(Input::JobLeft { job: JobId(1) });
    reader.bench.open(Ok(reader.content()));
    reader.bench.look(|_| false);
    assert_eq!(reader.bench.move_chunks(Ok(())), 5, "each once");
    assert!(reader.done(2) && !reader.done(1));
}

#[test]
fn a_tree_that_cannot_be_read_does_not_hold_up_what_is_wanted() {
    for fault in [TreeFault::Missing, TreeFault::Broken, TreeFault::DiffersFromManifest] {
        let mut reader = reader(5);
        reader.fetch(1);
        reader.bench.move_chunks(Ok(()));
        reader.bench.open(Err(fault));
        assert_eq!(reader.bench.move_chunks(Ok(())), 5, "the job knows what it wants, and checks it itself");
        assert!(reader.done(1));
    }
}

#[test]
fn a_store_that_takes_nothing_is_passed_by() {
    let mut reader = reader(5);
    reader.fetch(1);
    reader.bench.move_chunks(Err(StoreFailure::Full));
    // The tree cannot be opened from the store; what is wanted is fetched for the job alone.
    reader.bench.move_chunks(Err(StoreFailure::Full));
    assert!(reader.done(1));
    assert!(!reader.bench.engine.catalogue.get(&reader.manifest).unwrap().complete);
}

#[test]
fn nobody_has_it() {
    let mut reader = reader(2);
    reader.bench.give(Input::Disconnected { peer: reader.holder });
    reader.fetch(1);
    reader.bench.pass(Duration::from_secs(11));
    let failed = reader.failed(1);
    assert!(!failed.is_empty() && failed.iter().all(|why| *why == FetchEnd::NoHolder), "{failed:?}");
}

#[test]
fn while_a_job_waits_the_seed_is_asked_for_neighbours_again() {
    let mut reader = reader(2);
    let seed = reader.bench.pool.seed_id(0);
    reader.fetch(1);
    let enters = |reader: &mut Reader| {
        reader.bench.sent(seed).iter().filter(|said| matches!(said, Control::Enter { .. })).count()
    };
    enters(&mut reader);
    for wait in [1, 2, 4, 8, 16].map(|times| MINGLE_FIRST * times) {
        reader.bench.pass(wait - Duration::from_millis(1));
        assert_eq!(enters(&mut reader), 0, "{wait:?}");
        reader.bench.pass(Duration::from_millis(1));
        assert_eq!(enters(&mut reader), 1, "there are few, so soon again");
    }
    reader.bench.give(Input::JobLeft { job: JobId(1) });
    reader.bench.pass(MINGLE_INTERVAL * 3);
    assert_eq!(enters(&mut reader), 0, "nobody waits");
}

#[test]
fn while_a_seed_is_busy_it_is_asked_for_neighbours_sooner() {
    let entered_late = |why: Decline| {
        let mut reader = reader(2);
        let (manifest, seed) = (reader.manifest, reader.bench.pool.seed_id(0));
        reader.bench.say(seed, Control::Enter { manifest, have: ChunkSet::range(0, 3) });
        reader.fetch(1);
        // Without that it would be after 250, 750, 1750, 3750, 7750 and 15,750 ms.
        reader.bench.pass(Duration::from_millis(7_800));
        reader.bench.clear_sent(seed);
        for _ in 0..40 {
            for (fetch, _, _) in reader.bench.fetches() {
                reader.bench.give(Input::FetchFailed { fetch, why: FetchFailure::Declined(why) });
            }
            reader.bench.pass(Duration::from_millis(50));
        }
        reader.bench.sent(seed).iter().filter(|said| matches!(said, Control::Enter { .. })).count()
    };
    assert_eq!((entered_late(Decline::Busy), entered_late(Decline::NotAMember)), (1, 0));
}

#[test]
fn swarms_in_use_stay_open_and_one_more_finds_no_room() {
    let mut bench = Bench::node(1);
    let mut remember = |number: usize| {
        let (manifest, _) = bench.saved(&format!("core/a/{number}"), 1, 1);
        let certified = bench.certified(&manifest);
        bench.give(Input::Recovered(certified.clone()));
        (certified.manifest.id(), manifest.tree.chunks[0])
    };
    let known: Vec<_> = (0..=SWARMS_MAX).map(&mut remember).collect();
    assert_eq!(bench.engine.swarms.len(), SWARMS_MAX, "the first has made room");
    for (manifest, chunk) in &known {
        bench.job(1, JobRequest::Fetch { manifest: *manifest, chunks: vec![*chunk] });
    }
    assert_eq!(bench.engine.swarms.len(), SWARMS_MAX);
    let refused = bench
        .replies(1)
        .iter()
        .filter(|reply| matches!(reply, JobReply::FetchFailed { why: FetchEnd::NoProgress, .. }))
        .count();
    assert_eq!(refused, 1);
}

#[test]
fn a_node_forgets_the_oldest_manifests_and_tells_its_store() {
    let mut bench = Bench::node(1);
    let (first, content) = bench.saved("core/a/first", 1, 1);
    let mut times = bench.pool.certified_at(&first, &[crate::belief::fixture::earlier(500)]);
    times.receipts.truncate(1);
    let id = times.manifest.id();
    bench.give(Input::Recovered(times));
    bench.holds_all(&content);
    for number in 0..CATALOGUE_NODE_MAX {
        let certified = bench.certified(&bench.pool.manifest(&format!("core/a/{number}"), 1));
        bench.give(Input::Recovered(certified));
    }
    assert_eq!(bench.engine.catalogue.len(), CATALOGUE_NODE_MAX);
    assert!(bench.engine.catalogue.get(&id).is_none() && bench.engine.swarms.get(&id).is_none());
    let forgotten = bench.record(Ok(())).into_iter().find_map(|record| match record {
        Record::Forget(manifest) => Some(manifest),
        _ => None,
    });
    assert_eq!(forgotten, Some(id));
}

#[test]
fn a_manifest_that_is_complete_is_recorded_and_told_once() {
    let mut reader = reader(3);
    reader.fetch(1);
    reader.finish();
    assert!(reader.done(1));
    let complete = reader.bench.events().into_iter().filter(
        |event| matches!(event, crate::engine::Event::Complete { manifest } if *manifest == reader.manifest),
    );
    assert_eq!(complete.count(), 1);
    reader.fetch(2);
    reader.finish();
    assert!(reader.done(2) && reader.bench.events().is_empty());
}

#[test]
fn what_is_newly_held_is_told_once_to_who_takes_part_and_not_to_others() {
    let mut reader = reader(4);
    let (holder, bystander, other) = (reader.holder, reader.bench.member(2), reader.bench.member(3));
    reader.fetch(1);
    reader.bench.say(other, Control::Enter { manifest: reader.manifest, have: ChunkSet::range(2, 3) });
    reader.finish();
    reader.bench.pass(Duration::from_secs(1));
    let told = |bench: &mut Bench, peer: PeerId| {
        let mut indices: Vec<u32> = Vec::new();
        for said in bench.sent(peer) {
            if let Control::Have { chunks, .. } | Control::Enter { have: chunks, .. } = said {
                indices.extend(chunks.iter());
            }
        }
        indices.sort_unstable();
        indices
    };
    assert_eq!(told(&mut reader.bench, other), [0, 1, 3, 4], "without what it has");
    assert!(told(&mut reader.bench, holder).is_empty(), "it has everything");
    let strange = told(&mut reader.bench, bystander);
    assert!(strange.is_empty() || strange == [0, 1, 2, 3, 4], "{strange:?}");
    assert!(reader.bench.sent(node(9)).is_empty());
}

#[test]
fn who_has_everything_at_once_says_so_once() {
    let mut bench = Bench::node(1);
    let seed = bench.admitted_by(0);
    let (manifest, content) = bench.saved(KEY, 1, 6);
    bench.remembers(&manifest, &content);
    bench.pass(Duration::from_secs(1));
    let said: Vec<u32> = bench
        .sent(seed)
        .iter()
        .filter_map(|said| match said {
            Control::Enter { have, .. } => Some(have.len()),
            Control::Have { chunks, .. } => Some(chunks.len()),
            _ => None,
        })
        .collect();
    assert_eq!(said, [7], "and not again as news");
}

#[test]
fn who_leaves_a_swarm_is_asked_no_more() {
    let mut reader = reader(3);
    reader.bench.say(reader.holder, Control::Leave { manifest: reader.manifest });
    reader.fetch(1);
    assert!(reader.bench.fetches().is_empty());
    let have = ChunkSet::range(0, 4);
    reader.bench.say(reader.holder, Control::Enter { manifest: reader.manifest, have });
    reader.finish();
    assert!(reader.done(1));
}
