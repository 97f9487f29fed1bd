//! The manifests whose chunks this node looks for, pulls or serves: how much is known of each tree, and who waits.
use super::shares::Payer;
use super::tasks::AfterLook;
use crate::engine::bounds::{LOOK_CHUNKS_MAX, SWARMS_MAX, WAITING_CHUNKS_MAX};
use crate::engine::transfer::PullId;
use crate::engine::{JobId, TreeFault};
use crate::message::ChunkSet;
use crate::{ChunkId, ChunkRef, Instant, ManifestId, PeerId, TreeRef};
use std::collections::{BTreeMap, BTreeSet};

/// What a swarm is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Goal {
    /// To know what the store holds, and serve it.
    Serve,
    /// To open the tree too, pulling it from peers; jobs want the rest.
    Tree,
    /// To hold every chunk.
    All,
}

/// How much is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Which of the tree's chunks does the store hold?
    LookingTree,
    /// Some are missing, and nobody pulls them.
    TreeMissing,
    /// The tree is pulled.
    PullingTree,
    /// The tree is being read.
    Opening,
    /// Which of the content chunks does the store hold?
    LookingContent,
    /// All is known.
    Known,
    /// The content is pulled.
    PullingContent,
    /// The tree is not what the manifest says, or cannot be read.
    Faulty(TreeFault),
}

/// One swarm.
#[derive(Debug)]
pub(crate) struct Swarm {
    /// Tells it from an earlier one of the same manifest.
    pub serial: u64,
    /// The tree's own chunks and totals.
    pub tree: TreeRef,
    /// What it is for.
    pub goal: Goal,
    /// The holder to pull from, whatever it announces.
    pub source: Option<PeerId>,
    /// How much is known.
    pub stage: Stage,
    /// Content chunks, while they are looked for or pulled.
    pub content: Vec<ChunkRef>,
    /// Chunks that the store lacks, of the part that was looked for last.
    pub missing: u32,
    /// Looks under way.
    pub looks: usize,
    /// The store lost something meanwhile: what they find may be wrong.
    pub doubtful: bool,
    /// What is pulled.
    pub pull: Option<PullId>,
    /// Who pays for what was pulled.
    pub payer: Option<Payer>,
    /// What jobs want once more is known.
    pub waiting: BTreeMap<JobId, Vec<ChunkRef>>,
    /// Jobs that fetch.
    pub jobs: BTreeSet<JobId>,
    /// Jobs that publish it.
    pub publishing: BTreeSet<JobId>,
    /// Peers that were told that we take part.
    pub entered: BTreeSet<PeerId>,
    /// Neighbours by name, connected or not.
    pub neighbours: BTreeSet<PeerId>,
    /// Members that were asked for neighbours and have not named any.
    pub asked: BTreeSet<PeerId>,
    /// Peers that take no part, and what they have of it all the same, as seeds say.
    pub kin: Vec<(BTreeSet<PeerId>, ChunkSet)>,
    /// How often neighbours were asked for again while there were few.
    pub mingles: u32,
    /// When it was last used.
    pub used: Instant,
    /// The store holds every chunk.
    pub complete: bool,
}

impl Swarm {
    /// A swarm of which nothing is known.
    pub(crate) fn new(serial: u64, tree: TreeRef, goal: Goal, used: Instant) -> Self {
        Self {
            serial,
            tree,
            goal,
            source: None,
            stage: Stage::LookingTree,
            content: Vec::new(),
            missing: 0,
            looks: 0,
            doubtful: false,
            pull: None,
            payer: None,
            waiting: BTreeMap::new(),
            jobs: BTreeSet::new(),
            publishing: BTreeSet::new(),
            entered: BTreeSet::new(),
            neighbours: BTreeSet::new(),
            asked: BTreeSet::new(),
            kin: Vec::new(),
            mingles: 0,
            used,
            complete: false,
        }
    }

    /// The part that is looked for now.
    pub(crate) fn part(&self) -> &[ChunkRef] {
        if self.stage == Stage::LookingTree { &self.tree.chunks } else { &self.content }
    }

    /// Pieces of the part to look for, as start and chunks; counts them as under way.
    pub(crate) fn begin_looking(&mut self) -> Vec<(usize, Vec<ChunkRef>)> {
        let pieces = self.part().chunks(LOOK_CHUNKS_MAX).map(<[ChunkRef]>::to_vec);
        let pieces: Vec<_> = pieces.enumerate().map(|(n, piece)| (n * LOOK_CHUNKS_MAX, piece)).collect();
        self.missing = 0;
        self.looks = pieces.len();
        pieces
    }

    /// Takes an answer to a look: the chunks that the store holds.
    pub(crate) fn looked(&mut self, look: AfterLook, held: &[bool]) -> Vec<ChunkId> {
        let asked = self.part().iter().skip(look.start).take(look.count);
        let found: Vec<_> = asked.zip(held).filter(|(_, held)| **held).map(|(chunk, _)| chunk.id).collect();
        let missing = look.count.saturating_sub(found.len());
        self.missing = self.missing.saturating_add(u32::try_from(missing).unwrap_or(u32::MAX));
        self.looks = self.looks.saturating_sub(1);
        found
    }

    /// Whether wants of tree chunks can be passed on.
    fn tree_looked(&self) -> bool {
        self.stage != Stage::LookingTree
    }

    /// Whether every want can be passed on: the content is known, or never will be.
    fn content_looked(&self) -> bool {
        match self.stage {
            Stage::LookingTree | Stage::PullingTree | Stage::Opening | Stage::LookingContent => false,
            Stage::TreeMissing | Stage::Known | Stage::PullingContent | Stage::Faulty(_) => true,
        }
    }

    /// Adds a job's wants; false when it has too many waiting.
    pub(crate) fn wait(&mut self, job: JobId, chunks: Vec<ChunkRef>) -> bool {
        let waiting = self.waiting.entry(job).or_default();
        if waiting.len().saturating_add(chunks.len()) > WAITING_CHUNKS_MAX {
            return false;
        }
        waiting.extend(chunks);
        true
    }

    /// Wants that can be passed on now.
    pub(crate) fn release(&mut self) -> Vec<(JobId, Vec<ChunkRef>)> {
        if self.content_looked() {
            return core::mem::take(&mut self.waiting).into_iter().collect();
        }
        if !self.tree_looked() {
            return Vec::new();
        }
        let tree: BTreeSet<ChunkRef> = self.tree.chunks.iter().copied().collect();
        let mut released = Vec::new();
        for (job, chunks) in &mut self.waiting {
            let (now, later): (Vec<_>, Vec<_>) = chunks.iter().partition(|chunk| tree.contains(*chunk));
            *chunks = later;
            if !now.is_empty() {
                released.push((*job, now));
            }
        }
        self.waiting.retain(|_, chunks| !chunks.is_empty());
        released
    }

    /// Whether somebody needs it open.
    pub(crate) fn busy(&self) -> bool {
        !self.jobs.is_empty() || !self.publishing.is_empty() || self.pull.is_some()
    }
}

/// Every swarm; bounded.
#[derive(Debug, Default)]
pub(crate) struct Swarms {
    by_id: BTreeMap<ManifestId, Swarm>,
    pulls: BTreeMap<PullId, ManifestId>,
}

impl Swarms {
    /// A swarm that is open.
    pub(crate) fn get(&self, manifest: &ManifestId) -> Option<&Swarm> {
        self.by_id.get(manifest)
    }

    /// The same, to change it.
    pub(crate) fn get_mut(&mut self, manifest: &ManifestId) -> Option<&mut Swarm> {
        self.by_id.get_mut(manifest)
    }

    /// The swarm, if it is still that one.
    pub(crate) fn on(&mut self, manifest: &ManifestId, serial: u64) -> Option<&mut Swarm> {
        self.by_id.get_mut(manifest).filter(|swarm| swarm.serial == serial)
    }

    /// Opens one.
    pub(crate) fn insert(&mut self, manifest: ManifestId, swarm: Swarm) {
        self.by_id.insert(manifest, swarm);
    }

    /// Closes one.
    pub(crate) fn remove(&mut self, manifest: &ManifestId) -> Option<Swarm> {
        let swarm = self.by_id.remove(manifest)?;
        if let Some(pull) = swarm.pull {
            self.pulls.remove(&pull);
        }
        Some(swarm)
    }

    /// Remembers whose pull it is.
    pub(crate) fn begin_pull(&mut self, manifest: ManifestId, pull: PullId) {
        if let Some(swarm) = self.by_id.get_mut(&manifest) {
            swarm.pull = Some(pull);
            self.pulls.insert(pull, manifest);
        }
    }

    /// Whose pull it is.
    pub(crate) fn pulled(&self, pull: PullId) -> Option<ManifestId> {
        self.pulls.get(&pull).copied()
    }

    /// A pull has ended: whose it was.
    pub(crate) fn end_pull(&mut self, pull: PullId) -> Option<ManifestId> {
        let manifest = self.pulls.remove(&pull)?;
        let swarm = self.by_id.get_mut(&manifest)?;
        swarm.pull = None;
        Some(manifest)
    }

    /// The swarm that has to make room before another can be opened: the one that nobody uses for longest.
    pub(crate) fn crowded(&self) -> Result<Option<ManifestId>, Crowded> {
        if self.by_id.len() < SWARMS_MAX {
            return Ok(None);
        }
        let idle = self.by_id.iter().filter(|(_, swarm)| !swarm.busy());
        let oldest = idle.min_by_key(|(manifest, swarm)| (swarm.used, **manifest));
        oldest.map(|(manifest, _)| Some(*manifest)).ok_or(Crowded)
    }

    /// The store lost something: looks that are under way may have found what is gone.
    pub(crate) fn doubt_looks(&mut self) {
        for swarm in self.by_id.values_mut().filter(|swarm| swarm.looks > 0) {
            swarm.doubtful = true;
        }
    }

    /// Whether a peer takes part in a swarm that is open here, as far as is known.
    pub(crate) fn concern(&self, peer: &PeerId) -> bool {
        self.by_id.values().any(|swarm| swarm.neighbours.contains(peer))
    }

    /// How many are open.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Manifests whose swarms are open.
    pub(crate) fn manifests(&self) -> Vec<ManifestId> {
        self.by_id.keys().copied().collect()
    }

    /// Every swarm.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ManifestId, &Swarm)> {
        self.by_id.iter()
    }

    /// Every swarm, to change it.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&ManifestId, &mut Swarm)> {
        self.by_id.iter_mut()
    }

    /// Swarms where this job has wants waiting.
    pub(crate) fn waits(&self, job: JobId) -> bool {
        self.by_id.values().any(|swarm| swarm.waiting.contains_key(&job))
    }

    /// A peer is gone.
    pub(crate) fn peer_gone(&mut self, peer: &PeerId) {
        for swarm in self.by_id.values_mut() {
            swarm.entered.remove(peer);
            swarm.asked.remove(peer);
        }
    }
}

/// Every swarm that is open is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crowded;

#[cfg(test)]
#[path = "swarms_tests.rs"]
mod tests;
