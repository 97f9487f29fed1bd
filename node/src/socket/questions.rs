//! What a job asks, answered here or handed to the engine.

use super::limits::{DEADLINE_MAX, WHY_BYTES_MAX};
use super::refusals::Publishing;
use super::session::{Session, SessionEnd};
use crate::driver::{DriverEvent, UNPUBLISHED_MARKS};
use pollux_client::protocol::{
    CHUNKS_PER_MESSAGE_MAX, PAPERS_BYTES_MAX, PutFailure, Reply, Request, TakenBack, USED_MAX,
};
use pollux_client::random;
use pollux_core::engine::JobRequest;
use pollux_core::limits::{FALLBACKS_MAX, SEEDS_MAX};
use pollux_core::{ChunkId, ChunkRef, Envelope, ManifestId, Nonce, PeerRole, Query, Trust, Used};
use std::collections::BTreeMap;
use std::time::Duration;

impl Session {
    pub(super) async fn answer(&mut self, request: Request) -> Result<(), SessionEnd> {
        match request {
            Request::Hello { .. } => Err(refused("a job says hello once")),
            Request::Status => self.tell_status().await,
            Request::Overview => self.tell_overview().await,
            Request::Lacks { chunks } => self.lacks(chunks).await,
            Request::Flush => {
                self.may_save()?;
                self.flush().await
            }
            Request::Fetch { manifest, chunks } => {
                bounded(chunks.len(), CHUNKS_PER_MESSAGE_MAX)?;
                self.fetch(manifest, chunks).await
            }
            Request::Resolve { key, fallbacks, deadline_ms } => {
                bounded(fallbacks.len(), FALLBACKS_MAX)?;
                // The policy may change, and with it the seeds, while the question is under way.
                let nonces = fresh_nonces(SEEDS_MAX)?;
                let query = Query { key, fallbacks };
                self.question(JobRequest::Resolve { query, nonces, deadline: deadline(deadline_ms) }).await
            }
            Request::Publish { manifest, deadline_ms } => self.publish(manifest, deadline(deadline_ms)).await,
            Request::List { what, deadline_ms } => {
                may_be_asked(what.is_bounded())?;
                self.question(JobRequest::List { what, deadline: deadline(deadline_ms) }).await
            }
            Request::Papers => self.papers().await,
            Request::Spread { papers, deadline_ms } => {
                self.question(JobRequest::Spread { papers, deadline: deadline(deadline_ms) }).await
            }
            Request::Log { what, at, deadline_ms } => {
                may_be_asked(what.is_bounded())?;
                self.question(JobRequest::Log { what, at, deadline: deadline(deadline_ms) }).await
            }
            Request::Used { manifests } => {
                bounded(manifests.len(), USED_MAX)?;
                self.used(manifests).await
            }
        }
    }

    /// A seed offers nothing: a save would wait for its deadline there. The job is told so with its first chunk.
    pub(super) fn may_save(&self) -> Result<(), SessionEnd> {
        match self.parts.facts.role {
            PeerRole::Node => Ok(()),
            PeerRole::Seed => Err(refused(
                "this is a seed, where nothing is saved: name the socket of a node with --socket",
            )),
        }
    }

    /// If it is refused, the log says what it was.
    async fn publish(&mut self, manifest: Envelope, deadline: Duration) -> Result<(), SessionEnd> {
        self.may_save()?;
        self.saves().await;
        let read = self.turns.run(move || (Publishing::read(&manifest), manifest)).await;
        let (what, manifest) = read.ok_or(SessionEnd::Stopping)?;
        self.pending.publishing(what);
        self.question(JobRequest::Publish { manifest, deadline }).await
    }

    /// In parts, each of which waits until the job has taken the one before.
    async fn papers(&self) -> Result<(), SessionEnd> {
        let trust = self.parts.driver.trust().await.map_err(|_| SessionEnd::Stopping)?;
        let (parts, digest) = (trust.papers().split(PAPERS_BYTES_MAX), trust.papers_digest());
        let last = parts.len().saturating_sub(1);
        for (number, papers) in parts.into_iter().enumerate() {
            self.reply(Reply::Papers { papers, digest, more: number < last }).await?;
        }
        Ok(())
    }

    /// Those that the job names; or, if it names none, those that jobs of its user restored.
    async fn used(&self, manifests: Vec<ManifestId>) -> Result<(), SessionEnd> {
        let restored = self.parts.restored.of(self.uid);
        let asked = if manifests.is_empty() {
            restored.iter().map(|used| used.manifest()).collect()
        } else {
            manifests
        };
        let driver = &self.parts.driver;
        let withdrawn = driver.withdrawn(asked.clone()).await.map_err(|_| SessionEnd::Stopping)?;
        let trust = driver.trust().await.map_err(|_| SessionEnd::Stopping)?;
        let restored = restored.iter().map(|used| (used.manifest(), &**used)).collect();
        let known = Known { withdrawn: withdrawn.into_iter().collect(), restored, trust: &trust };
        self.reply(Reply::Used { yanked: asked.iter().filter_map(|id| known.taken_back(id)).collect() }).await
    }

    /// What is under way already is not asked of the engine again: each answer to this job waits in memory.
    async fn fetch(&self, manifest: ManifestId, chunks: Vec<ChunkRef>) -> Result<(), SessionEnd> {
        if let Some(used) = self.pending.used(&manifest) {
            self.parts.restored.note(self.uid, used);
        }
        let chunks = self.pending.add_chunks(chunks);
        if !chunks.is_empty() {
            return self.ask(JobRequest::Fetch { manifest, chunks }).await;
        }
        if self.pending.any_chunk() {
            return Ok(());
        }
        self.reply(Reply::FetchDone).await
    }

    async fn flush(&mut self) -> Result<(), SessionEnd> {
        let flushed = self.uploads.flush().await;
        if matches!(flushed, Reply::PutFailed { why: PutFailure::Full, .. }) {
            self.tell(DriverEvent::Full).await?;
        }
        self.reply(flushed).await
    }

    /// What is held is kept for a while, as what is handed in.
    async fn lacks(&mut self, chunks: Vec<ChunkId>) -> Result<(), SessionEnd> {
        bounded(chunks.len(), CHUNKS_PER_MESSAGE_MAX)?;
        self.saves().await;
        let store = self.parts.store.clone();
        let held = self.turns.run(move || store.keep(&chunks, UNPUBLISHED_MARKS)).await;
        let held = held.ok_or(SessionEnd::Stopping)?;
        let lacking = (0_u32..).zip(held).filter(|(_, held)| !held);
        self.reply(Reply::Lacking { indices: lacking.map(|(index, _)| index).collect() }).await
    }

    /// One of these at a time, so that it is clear what a reply belongs to; and all jobs together at a pace that no seed takes
    /// for a flood.
    async fn question(&self, request: JobRequest) -> Result<(), SessionEnd> {
        if !self.pending.begin_question() {
            return Err(refused("a job asks one thing at a time"));
        }
        self.parts.pace.turn(self.uid).await;
        self.ask(request).await
    }

    async fn ask(&self, request: JobRequest) -> Result<(), SessionEnd> {
        self.tell(DriverEvent::Request { job: self.job, request }).await
    }

    async fn tell(&self, event: DriverEvent) -> Result<(), SessionEnd> {
        self.parts.driver.tell(event).await.map_err(|_| SessionEnd::Stopping)
    }
}

/// What is known of manifests that were used.
struct Known<'a> {
    /// What the engine has withdrawn while it knew it, and why.
    withdrawn: BTreeMap<ManifestId, String>,
    restored: BTreeMap<ManifestId, &'a Used>,
    trust: &'a Trust,
}

impl Known<'_> {
    /// Whether it was taken back, perhaps after the engine had forgotten it.
    fn taken_back(&self, manifest: &ManifestId) -> Option<TakenBack> {
        let used = self.restored.get(manifest);
        let later = || Some(self.trust.used_yanked(used?)?.to_string());
        let why = self.withdrawn.get(manifest).cloned().or_else(later)?;
        let key = used.map(|used| used.key().clone());
        Some(TakenBack { manifest: *manifest, key, why: within(why, WHY_BYTES_MAX) })
    }
}

fn refused(why: &str) -> SessionEnd {
    SessionEnd::Refused(why.to_owned())
}

/// A seed would ban the node that asks it something else.
fn may_be_asked(bounded: bool) -> Result<(), SessionEnd> {
    let why = "a manifest's name begins with 4 to 64 hexadecimal digits";
    if bounded { Ok(()) } else { Err(refused(why)) }
}

fn bounded(count: usize, most: usize) -> Result<(), SessionEnd> {
    if count > most {
        return Err(SessionEnd::Refused(format!("{count} in one message, {most} at most")));
    }
    Ok(())
}

/// The words, or as many as fit.
pub(super) fn within(mut words: String, bytes_max: usize) -> String {
    words.truncate(words.floor_char_boundary(bytes_max));
    words
}

fn deadline(milliseconds: u32) -> Duration {
    Duration::from_millis(milliseconds.into()).min(DEADLINE_MAX)
}

fn fresh_nonces(count: usize) -> Result<Vec<Nonce>, SessionEnd> {
    let fresh = |_| {
        let mut nonce = [0; 32];
        random::fill(&mut nonce)?;
        Ok(Nonce::from_bytes(nonce))
    };
    (0..count).map(fresh).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_are_fresh() {
        let nonces = fresh_nonces(3).unwrap();
        assert_eq!(nonces.len(), 3);
        assert!(nonces.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn a_deadline_is_bounded() {
        assert_eq!(deadline(3000), Duration::from_secs(3));
        assert_eq!(deadline(u32::MAX), DEADLINE_MAX);
    }

    #[test]
    fn the_bound_of_a_message_is_in_its_refusal() {
        let chunk = ChunkRef { id: ChunkId::of(b"x"), bytes: 1 };
        let fetch = Request::Fetch { manifest: ManifestId::from_bytes([0; 32]), chunks: vec![chunk; 3] };
        let Request::Fetch { chunks, .. } = fetch else { panic!("a fetch") };
        assert!(bounded(chunks.len(), 3).is_ok());
        assert!(bounded(chunks.len(), 2).unwrap_err().to_string().contains("2 at most"));
    }
}
