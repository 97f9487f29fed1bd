//! One machine of the world: an engine, its identity, and a disk that is a map.
use crate::engine::{
    AskId, Engine, EngineConfig, Event, FetchId, JobId, JobReply, Output, Record, Share, Source,
    StoreFailure, TreeFault,
};
use crate::message::{LogPage, LogPlace, LogQuery, VoteEnvelope};
use crate::{
    CertifiedEnvelope, ChunkId, ChunkRef, Envelope, Frame, FrameEncoder, KeyPair, LogEntry, ManifestId, Now,
    Papers, PeerId, PeerRole, PoolFile, PublicKey, Timestamp, Tree, TreeRef, Trust, VerifiedChunk,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

/// What survives a restart.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    pub(super) chunks: BTreeMap<ChunkId, VerifiedChunk>,
    pub(super) certified: BTreeMap<ManifestId, CertifiedEnvelope>,
    pub(super) votes: Vec<(Envelope, Envelope)>,
    pub(super) ballots: BTreeMap<(ManifestId, PeerId), VoteEnvelope>,
    pub(super) seen: BTreeMap<PeerId, u64>,
    pub(super) shares: BTreeMap<(PublicKey, Timestamp), u64>,
    pub(super) uses: BTreeMap<ManifestId, Option<Timestamp>>,
    /// The epoch of the store's marker, if it has one.
    pub(super) marker: Option<u64>,
    /// In force, and what comes next.
    pub(super) papers: Option<(Papers, Option<Papers>)>,
    pub(super) full: bool,
    pub(super) syncs: u32,
    pub(super) log: Vec<LogEntry>,
}

impl Disk {
    /// Two lines of the log at most; places count lines.
    pub(super) fn log_page(&self, what: &LogQuery, after: Option<LogPlace>) -> LogPage {
        let start = after.map_or(0, |place| place.offset);
        let numbered = (0..).zip(&self.log).skip_while(|(number, _)| *number < start);
        let part: Vec<_> = numbered.take(2).collect();
        let next = start + 2;
        let more = next < u64::try_from(self.log.len()).unwrap();
        let found = part.iter().filter(|(_, entry)| entry.answers(what));
        LogPage {
            lines: found.map(|(_, entry)| entry.to_line().unwrap()).collect(),
            next: more.then_some(LogPlace { file: 0, offset: next }),
        }
    }
}

/// One machine.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) key: KeyPair,
    pub(super) peer: PeerId,
    pub(super) address: SocketAddr,
    pub(super) role: PeerRole,
    /// What it was installed with.
    pub(super) file: PoolFile,
    pub(super) engine: Option<Engine>,
    /// Counts restarts: what was on its way to an earlier life is lost.
    pub(super) life: u32,
    pub(super) disk: Disk,
    pub(super) linked: BTreeSet<usize>,
    pub(super) frames: BTreeMap<FetchId, Frame>,
    pub(super) checked: BTreeMap<FetchId, ChunkRef>,
    /// Who waits for an ask: host, its fetch, the chunk.
    pub(super) asks: BTreeMap<AskId, (usize, FetchId, ChunkId)>,
    pub(super) replies: Vec<(JobId, JobReply)>,
    pub(super) delivered: Vec<(JobId, ChunkRef, Source)>,
    pub(super) events: Vec<Event>,
    /// Its other threads take so much longer.
    pub(super) slow: core::time::Duration,
    /// Flips a bit of whatever it serves.
    pub(super) lies: bool,
    /// Does not grant credit for messages any more.
    pub(super) deaf: bool,
    /// Chunks that it gave to others.
    pub(super) served: u32,
}

impl Host {
    pub(super) fn boot(&mut self, rng_seed: u64, now: Now) {
        let taken = self.disk.papers.as_ref().map(|(taken, _)| taken.clone()).unwrap_or_default();
        let trust = Trust::open_with(&self.file, &taken, now.wall).unwrap();
        let config = EngineConfig {
            me: self.peer,
            role: self.role,
            software: "test".to_owned(),
            listen_port: self.address.port(),
            token: self.file.token.clone(),
            trust: Arc::new(trust),
            rng_seed: rng_seed + u64::from(self.life) * 1_000_000,
            zone: None,
            pins: Vec::new(),
        };
        self.life += 1;
        self.engine = Some(Engine::new(config, now));
    }

    pub(super) fn put(&mut self, plain: &[u8]) -> ChunkRef {
        let chunk = VerifiedChunk::from_plain(plain, &mut FrameEncoder::new(1));
        self.disk.chunks.insert(chunk.chunk().id, chunk.clone());
        chunk.chunk()
    }

    pub(super) fn holds_all(&self, chunks: &[ChunkRef]) -> bool {
        chunks.iter().all(|chunk| self.disk.chunks.contains_key(&chunk.id))
    }

    pub(super) fn keep(&mut self, chunk: VerifiedChunk) -> Result<(), StoreFailure> {
        if self.disk.full {
            return Err(StoreFailure::Full);
        }
        self.disk.chunks.insert(chunk.chunk().id, chunk);
        Ok(())
    }

    pub(super) fn record(&mut self, record: Record) -> Result<(), StoreFailure> {
        let raises = matches!(record, Record::Certified(_) | Record::Vote { .. } | Record::Ballot { .. });
        if raises && let Some(epoch) = &mut self.disk.marker {
            *epoch += 1;
        }
        match record {
            Record::Ballot { seed, vote } => {
                self.disk.ballots.insert((vote.manifest.id(), seed), vote);
            }
            Record::Marker { epoch } => self.disk.marker = self.disk.marker.max(Some(epoch)),
            Record::Seen { seed, epoch } => drop(self.disk.seen.insert(seed, epoch)),
            Record::Certified(certified) => {
                self.disk.certified.insert(certified.manifest.id(), certified);
            }
            Record::Vote { manifest, receipt, .. } => self.disk.votes.push((manifest, receipt)),
            Record::Forget(manifest) => drop(self.disk.certified.remove(&manifest)),
            Record::Share(Share { publisher, until, bytes: 0 }) => {
                self.disk.shares.remove(&(publisher, until));
            }
            Record::Share(Share { publisher, until, bytes }) => {
                let kept = self.disk.shares.entry((publisher, until)).or_default();
                *kept = bytes.max(*kept);
            }
            Record::Used { manifest, at } => drop(self.disk.uses.insert(manifest, Some(at))),
            Record::LetGo(manifest) => drop(self.disk.uses.insert(manifest, None)),
            Record::Papers { taken, next } => self.disk.papers = Some((taken, next)),
        }
        Ok(())
    }

    pub(super) fn open_tree(&self, tree: &TreeRef) -> Result<Vec<ChunkRef>, TreeFault> {
        let mut bytes = Vec::new();
        for chunk in &tree.chunks {
            let held = self.disk.chunks.get(&chunk.id).ok_or(TreeFault::Missing)?;
            let mut decoder = crate::FrameDecoder::new();
            bytes.extend_from_slice(decoder.open(held.frame(), *chunk).map_err(|_| TreeFault::Broken)?);
        }
        let opened = Tree::decode(&bytes).map_err(|_| TreeFault::Broken)?;
        opened.check_against(&tree.totals, &tree.roots).map_err(|_| TreeFault::DiffersFromManifest)?;
        Ok(opened.chunks().to_vec())
    }

    pub(super) fn poll(&mut self, now: Now) -> Option<Output> {
        self.engine.as_mut()?.poll(now)
    }
}
