//! A job on a node, as the client runs it: ask for the newest manifest, fetch the tree's chunks, then the content's, in
//! messages of a bounded length; or publish.

use crate::content::Content;
use crate::numbered::{ChunkNo, VersionNo};
use pollux_core::engine::{FetchEnd, JobId, MissReason, PublishFailure};
use pollux_core::{ChunkRef, Instant, ManifestId};
use std::collections::{BTreeMap, VecDeque};

/// Chunks named by one message at most, as in the client's protocol.
const CHUNKS_PER_MESSAGE_MAX: usize = 16 * 1024;
/// A chunk that the node failed to give is asked for so often in all.
const TRIES_MAX: u8 = 2;

/// How a job ends.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Every chunk was delivered.
    Restored,
    /// The certificate is there.
    Published,
    /// No manifest.
    Missed(MissReason),
    /// A chunk could not be had.
    Lacked(FetchEnd),
    /// A deadline passed.
    TooSlow,
    /// The publish failed.
    NotPublished(PublishFailure),
    /// Enough seeds keep the papers.
    Spread,
    /// Too few do.
    NotSpread,
    /// Its node went before it was over.
    Gone,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: JobId,
    /// What it restores or publishes, by its place in the scenario.
    pub(crate) cache: usize,
    pub(crate) began: Instant,
    /// When and how it ended.
    pub(crate) ended: Option<(Instant, Outcome)>,
    /// When it last got something.
    pub(crate) progress: Instant,
    /// Which version it found.
    pub(crate) version: Option<VersionNo>,
    /// By an answer that was handed on, seeds being away.
    pub(crate) relayed: bool,
    /// Bytes of it that the node lacked then.
    pub(crate) lacked: u64,
    /// How often it has published in vain.
    pub(crate) tries: u32,
    /// Which manifest it found.
    pub(crate) manifest: Option<ManifestId>,
    stage: Stage,
    queue: VecDeque<ChunkNo>,
    outstanding: BTreeMap<ChunkNo, u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Asking,
    Tree,
    Content,
}

/// What a job asks its node for next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) manifest: ManifestId,
    pub(crate) chunks: Vec<ChunkRef>,
}

/// A chunk that was not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unasked;

impl Job {
    pub(crate) const fn new(id: JobId, cache: usize, now: Instant) -> Self {
        Self {
            id,
            cache,
            began: now,
            ended: None,
            progress: now,
            version: None,
            relayed: false,
            tries: 0,
            lacked: 0,
            manifest: None,
            stage: Stage::Asking,
            queue: VecDeque::new(),
            outstanding: BTreeMap::new(),
        }
    }

    /// The manifest is known, and of which version it is.
    pub(crate) fn found(
        &mut self,
        now: Instant,
        (manifest, version): (ManifestId, VersionNo),
        content: &Content,
    ) -> Option<Wish> {
        if self.is_over() || self.stage != Stage::Asking {
            return None;
        }
        (self.progress, self.manifest, self.stage) = (now, Some(manifest), Stage::Tree);
        self.version = Some(version);
        self.queue = content.version(version).tree_numbers.iter().copied().collect();
        self.ask_more(content)
    }

    /// A chunk is here.
    pub(crate) fn take(
        &mut self,
        now: Instant,
        chunk: ChunkNo,
        content: &Content,
    ) -> Result<Option<Wish>, Unasked> {
        if self.is_over() {
            return Ok(None);
        }
        self.outstanding.remove(&chunk).ok_or(Unasked)?;
        self.progress = now;
        if !self.outstanding.is_empty() || !self.queue.is_empty() {
            return Ok(self.ask_more(content));
        }
        if self.stage == Stage::Tree {
            self.stage = Stage::Content;
            let version = self.version.map(|version| content.version(version));
            self.queue = version.iter().flat_map(|version| &version.content_numbers).copied().collect();
            return Ok(self.ask_more(content));
        }
        self.end(now, Outcome::Restored);
        Ok(None)
    }

    /// A chunk cannot be had; it is asked for again, once.
    pub(crate) fn lacks(
        &mut self,
        now: Instant,
        chunk: ChunkNo,
        why: FetchEnd,
        content: &Content,
    ) -> Option<Wish> {
        let tries = self.outstanding.get_mut(&chunk)?;
        if *tries >= TRIES_MAX {
            self.end(now, Outcome::Lacked(why));
            return None;
        }
        *tries += 1;
        self.manifest.map(|manifest| Wish { manifest, chunks: vec![content.chunk(chunk)] })
    }

    /// It is over, unless it was before.
    pub(crate) fn end(&mut self, now: Instant, outcome: Outcome) {
        if self.ended.is_none() {
            self.ended = Some((now, outcome));
            self.queue.clear();
            self.outstanding.clear();
        }
    }

    pub(crate) const fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    /// Whether the manifest is known.
    pub(crate) const fn is_answered(&self) -> bool {
        self.manifest.is_some() || self.is_over()
    }

    /// Keeps the node busy with one message's worth ahead, in content order.
    fn ask_more(&mut self, content: &Content) -> Option<Wish> {
        if self.queue.is_empty() || self.outstanding.len() > CHUNKS_PER_MESSAGE_MAX {
            return None;
        }
        let count = self.queue.len().min(CHUNKS_PER_MESSAGE_MAX);
        let numbers: Vec<ChunkNo> = self.queue.drain(..count).collect();
        self.outstanding.extend(numbers.iter().map(|no| (*no, 1)));
        let chunks = numbers.iter().map(|no| content.chunk(*no)).collect();
        self.manifest.map(|manifest| Wish { manifest, chunks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::tests::one;

    const MANIFEST: ManifestId = ManifestId::from_bytes([1; 32]);

    fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    const VERSION: VersionNo = VersionNo(0);

    fn begun() -> (Content, Job) {
        let cache = one(3 * 65_536, 65_536);
        let mut job = Job::new(JobId(1), 0, at(0));
        let wish = job.found(at(1), (MANIFEST, VERSION), &cache).unwrap();
        assert_eq!((wish.manifest, wish.chunks), (MANIFEST, cache.version(VERSION).tree.chunks.clone()));
        (cache, job)
    }

    #[test]
    fn the_tree_comes_first_then_the_content_then_the_end() {
        let (cache, mut job) = begun();
        let wish = job.take(at(2), ChunkNo(0), &cache).unwrap().unwrap();
        assert_eq!(wish.chunks, cache.version(VERSION).content);
        for (time, no) in [(3, 2), (4, 1), (5, 3)] {
            assert!(!job.is_over());
            assert_eq!(job.take(at(time), ChunkNo(no), &cache), Ok(None));
        }
        assert_eq!(job.ended, Some((at(5), Outcome::Restored)));
    }

    #[test]
    fn a_chunk_that_was_not_asked_for_is_noticed() {
        let (cache, mut job) = begun();
        assert_eq!(job.take(at(2), ChunkNo(1), &cache), Err(Unasked));
        assert!(job.take(at(2), ChunkNo(0), &cache).is_ok());
        assert_eq!(job.take(at(3), ChunkNo(0), &cache), Err(Unasked), "twice");
    }

    #[test]
    fn a_chunk_that_is_lacking_is_asked_for_once_more() {
        let (cache, mut job) = begun();
        let again = job.lacks(at(2), ChunkNo(0), FetchEnd::NoHolder, &cache).unwrap();
        assert_eq!(again.chunks, [cache.chunk(ChunkNo(0))]);
        assert_eq!(job.lacks(at(3), ChunkNo(0), FetchEnd::NoHolder, &cache), None);
        assert_eq!(job.ended, Some((at(3), Outcome::Lacked(FetchEnd::NoHolder))));
        assert_eq!(job.take(at(4), ChunkNo(0), &cache), Ok(None), "what comes late is nothing");
    }

    #[test]
    fn the_first_end_counts() {
        let mut job = Job::new(JobId(1), 0, at(0));
        assert!(!job.is_answered());
        job.end(at(1), Outcome::Missed(MissReason::NothingSaved));
        job.end(at(2), Outcome::TooSlow);
        assert_eq!(job.ended, Some((at(1), Outcome::Missed(MissReason::NothingSaved))));
        assert!(job.is_answered());
    }
}
