//! A disk that takes nothing more: what comes in meanwhile is bounded.

use super::cache::{Cache, KEY, noise};
use super::node::{Act, Node};
use super::restore::{LONG, SHORT, content};
use crate::connection::Connection;
use crate::disk::{Repeats, Restore, RestoreOptions, TargetMode, Times};
use crate::flow::ask::find;
use crate::flow::deadlines::Clocked;
use crate::flow::fetch::{Fetcher, Sources};
use crate::flow::write::{Stop, Watched, write_all};
use crate::flow::{Deadlines, Miss, Observer};
use crate::protocol::ChunkSource;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

/// Chunks that wait for each thread that writes, and the one that it has in hand.
const PER_THREAD: usize = 3;
/// The reader's four, the one that it has in hand, and what fits into the socket and the reader's buffer.
const ON_THE_WAY_MAX: usize = 5 + 8;

/// Counts the chunks that were taken from the connection.
struct Taken<'a>(&'a AtomicUsize);

impl Observer for Taken<'_> {
    fn advance(&mut self, _: u64) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Restores to a disk that stands still until the restore gives up, or has taken everything. The chunks that were taken from the connection, and those
/// that the node has got rid of, and how it ends.
fn stand_still(cache: &Arc<Cache>, threads: usize) -> (usize, usize, Result<(), Miss>) {
    let (serving, (test, handed_out)) = (Arc::clone(cache), mpsc::channel());
    let node = Node::start(move |heard| match content(&serving, heard) {
        Some(wanted) => {
            let chunks = serving.asked(wanted);
            let give = |chunk| [Act::give(chunk, ChunkSource::Local), Act::Tell(test.clone())];
            chunks.iter().flat_map(give).collect()
        }
        None => serving.serve(heard),
    });
    let connection = Connection::open(&node.socket, LONG, Arc::default()).unwrap();
    let clocked = Clocked::start(Deadlines { answer: LONG, progress: SHORT, total: LONG });
    let found = find(&connection, &KEY.parse().unwrap(), &[], clocked.answer()).unwrap();
    let options = RestoreOptions { mode: TargetMode::Fresh, times: Times::Saved, repeats: Repeats::Write };
    let restore = Restore::begin(&cache.beside("target"), cache.listing.clone(), options).unwrap();
    let wanted = restore.wanted();
    let fetcher = Fetcher::new(&connection, &clocked, found.id, &wanted);
    let (interrupted, taken) = (AtomicBool::new(false), AtomicUsize::new(0));
    let stop = Stop::new(clocked, &interrupted);
    let written = thread::scope(|scope| {
        let standing_still = restore.stand_still();
        let writing = scope.spawn(|| {
            let watched = Watched { observer: &mut Taken(&taken), sources: &mut Sources::default() };
            write_all(&restore, fetcher, watched, &stop, threads)
        });
        while stop.check().is_ok() && taken.load(Ordering::Relaxed) < wanted.len() {
            thread::yield_now();
        }
        drop(standing_still);
        writing.join().unwrap()
    });
    drop(connection);
    node.heard();
    (taken.into_inner(), handed_out.iter().count(), written)
}

#[test]
fn a_disk_that_stands_still_holds_back_the_node() {
    let cache = Arc::new(Cache::of(|base| fs::write(base.join("large"), noise(24 << 20)).unwrap()));
    let all = cache.listing.chunks().len();
    for threads in [1, 2, 3, 8] {
        let (taken, handed_out, written) = stand_still(&cache, threads);
        let taken_max = threads * PER_THREAD + 1;
        assert!(taken <= taken_max, "{taken} were taken with {threads} threads, {taken_max} at most");
        let handed_out_max = taken_max + ON_THE_WAY_MAX;
        assert!(handed_out <= handed_out_max && handed_out_max < all, "{handed_out} of {all} are handed out");
        assert!(matches!(written, Err(Miss::TooSlow)), "{written:?}");
        assert_eq!(cache.names(), ["base"]);
    }
}
