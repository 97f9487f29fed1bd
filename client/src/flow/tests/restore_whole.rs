//! Whole directories, by any number of threads and in any order.

use super::cache::Cache;
use super::node::{Act, Heard, Node};
use super::restore::{content, hit, request, run};
use crate::disk::tests::{sample, snapshot};
use crate::flow::RestoreRequest;
use crate::protocol::{ChunkSource, Reply};
use pollux_core::{ChunkRef, VerifiedChunk};
use std::collections::HashSet;
use std::sync::Arc;

/// In which order a node gives what it is asked for.
const ORDERS: [fn(&mut Vec<VerifiedChunk>); 3] =
    [|_| {}, |chunks| chunks.reverse(), |chunks| chunks.sort_unstable_by_key(|chunk| chunk.chunk())];

/// The distinct chunks of the files, in content order.
fn distinct(cache: &Cache) -> Vec<ChunkRef> {
    let mut seen = HashSet::new();
    cache.listing.chunks().iter().copied().filter(|chunk| seen.insert(*chunk)).collect()
}

/// The chunks in the order of the question.
fn as_asked(cache: &Cache, wanted: &[ChunkRef]) -> Vec<VerifiedChunk> {
    wanted.iter().flat_map(|chunk| cache.asked(&[*chunk])).collect()
}

fn asked_for(cache: &Cache, heard: &[Heard]) -> Vec<ChunkRef> {
    heard.iter().filter_map(|heard| content(cache, heard)).flatten().copied().collect()
}

#[test]
fn any_number_of_threads_and_any_order_make_the_same_directory() {
    let cache = Arc::new(Cache::of(sample));
    for threads in [1, 2, 3, 8] {
        for (number, order) in ORDERS.iter().enumerate() {
            let serving = Arc::clone(&cache);
            let node = Node::start(move |heard| match content(&serving, heard) {
                Some(wanted) => {
                    let mut chunks = as_asked(&serving, wanted);
                    order(&mut chunks);
                    let given = chunks.iter().map(|chunk| Act::give(chunk, ChunkSource::Local));
                    given.chain([Act::Say(Reply::FetchDone)]).collect()
                }
                None => serving.serve(heard),
            });
            let target = cache.beside(&format!("target-{threads}-{number}"));
            let hit = hit(run(&RestoreRequest { threads, ..request(&node.socket, target.clone()) }));
            assert_eq!(snapshot(&target), snapshot(&cache.base()), "{threads} threads, order {number}");
            assert_eq!(hit.restored.files, cache.tree.totals.files);
            assert_eq!(hit.restored.bytes, cache.tree.totals.bytes);
            assert_eq!(asked_for(&cache, &node.heard()), distinct(&cache));
        }
    }
}
