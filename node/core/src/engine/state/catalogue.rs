//! The certified manifests that this node knows: by id, by key, by lineage.
use crate::engine::bounds::{BESIDE_BYTES_MAX, CANDIDATES_EACH_MAX, FALLBACK_SCAN_MAX, LINEAGE_KEPT};
use crate::limits::{CANDIDATES_MAX, LISTING_ROWS_MAX};
use crate::message::ListQuery;
use crate::{
    CandidateRef, CertifiedEnvelope, CertifiedManifest, Envelope, Fallback, Key, Lineage, ManifestId,
    Pattern, Query, Timestamp,
};
use core::ops::Bound;
use std::collections::{BTreeMap, BTreeSet};

/// One manifest.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The witness.
    pub certified: CertifiedManifest,
    /// Every chunk is in the store.
    pub complete: bool,
    /// The store remembers it, or was told to.
    pub recorded: bool,
    /// What it takes of the disk was counted, or will not be: chunks that are pulled again cost nothing.
    pub paid: bool,
    /// It was believed and is not any more: it keeps its place, and answers name it to nobody.
    pub withdrawn: bool,
    /// A seed has let its content go: it keeps its place, and answers name it to nobody.
    pub let_go: bool,
}

/// What a seed may let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thrift {
    /// What has expired: nobody can restore it any more.
    Expired,
    /// That, and what nobody has used, but for the newest of each lineage.
    Unused,
}

/// See the module. Bounded: the manifest that was certified first, and that is not spared, makes room.
#[derive(Debug)]
pub(crate) struct Catalogue {
    entries_max: usize,
    by_id: BTreeMap<ManifestId, Entry>,
    by_key: BTreeMap<Key, BTreeMap<u64, ManifestId>>,
    by_lineage: BTreeMap<Lineage, BTreeSet<(Timestamp, ManifestId)>>,
    by_age: BTreeSet<(Timestamp, ManifestId)>,
}

/// Candidates of an answer and the manifests that travel beside it, in the same order.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    /// By name.
    pub refs: Vec<CandidateRef>,
    /// In full.
    pub beside: Vec<CertifiedEnvelope>,
    bytes: usize,
}

/// Rows of a listing; `more` follow.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// At most [`LISTING_ROWS_MAX`], together below a message's bound; what is believed no more is among them.
    pub rows: Vec<CertifiedManifest>,
    /// Whether something was left out.
    pub more: bool,
    bytes: usize,
}

impl Catalogue {
    /// An empty catalogue.
    pub(crate) fn new(entries_max: usize) -> Self {
        Self {
            entries_max,
            by_id: BTreeMap::new(),
            by_key: BTreeMap::new(),
            by_lineage: BTreeMap::new(),
            by_age: BTreeSet::new(),
        }
    }

    /// Adds a manifest, unless it is known. True when it is now its lineage's newest.
    pub(crate) fn insert(&mut self, certified: CertifiedManifest) -> bool {
        let (id, median) = (certified.id(), certified.median());
        if self.by_id.contains_key(&id) {
            return false;
        }
        let key = certified.manifest().key.clone();
        let sequence = certified.manifest().sequence;
        self.by_key.entry(key.clone()).or_default().insert(sequence, id);
        self.by_age.insert((median, id));
        let unknown = Entry {
            certified,
            complete: false,
            recorded: false,
            paid: false,
            withdrawn: false,
            let_go: false,
        };
        self.by_id.insert(id, unknown);
        let Some(lineage) = key.lineage() else { return false };
        let members = self.by_lineage.entry(lineage).or_default();
        members.insert((median, id));
        members.last() == Some(&(median, id))
    }

    /// What goes, one at a time, while there are too many; never one that is spared.
    pub(crate) fn overflow(&self, spared: impl Fn(&ManifestId) -> bool) -> Option<ManifestId> {
        if self.by_id.len() <= self.entries_max {
            return None;
        }
        self.by_age.iter().map(|(_, id)| *id).find(|id| !spared(id))
    }

    /// Lets a manifest go.
    pub(crate) fn remove(&mut self, id: &ManifestId) -> Option<Entry> {
        let entry = self.by_id.remove(id)?;
        let (key, place) = (&entry.certified.manifest().key, (entry.certified.median(), *id));
        self.by_age.remove(&place);
        if let Some(sequences) = self.by_key.get_mut(key) {
            sequences.retain(|_, found| found != id);
            if sequences.is_empty() {
                self.by_key.remove(key);
            }
        }
        if let Some(lineage) = key.lineage()
            && let Some(members) = self.by_lineage.get_mut(&lineage)
        {
            members.remove(&place);
            if members.is_empty() {
                self.by_lineage.remove(&lineage);
            }
        }
        Some(entry)
    }

    /// A manifest by its id.
    pub(crate) fn get(&self, id: &ManifestId) -> Option<&Entry> {
        self.by_id.get(id)
    }

    /// The same, to change what is known of its chunks.
    pub(crate) fn get_mut(&mut self, id: &ManifestId) -> Option<&mut Entry> {
        self.by_id.get_mut(id)
    }

    /// Those of which every chunk is believed to be here.
    pub(crate) fn complete(&self) -> impl Iterator<Item = ManifestId> + '_ {
        self.by_id.iter().filter(|(_, entry)| entry.complete).map(|(id, _)| *id)
    }

    /// Every manifest, in the order of their names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ManifestId, &Entry)> {
        self.by_id.iter()
    }

    /// Manifests whose content may go, and whether each is the newest of its lineage. A key that is in no lineage is one of
    /// its own. What is spared stays unless it has expired.
    pub(crate) fn surplus(
        &self,
        wall: Timestamp,
        thrift: Thrift,
        spared: impl Fn(&ManifestId) -> bool,
    ) -> Vec<(ManifestId, bool)> {
        let alone = self.by_key.iter().filter(|(key, _)| key.lineage().is_none());
        let alone = alone.map(|(_, sequences)| sequences.values().rev().collect::<Vec<_>>());
        let lineages = self.by_lineage.values();
        let lineages = lineages.map(|members| members.iter().rev().map(|(_, id)| id).collect());
        let goes = |(entry, newer): &(&Entry, usize)| {
            let expired = entry.certified.manifest().expires <= wall;
            let unused = *newer >= LINEAGE_KEPT && !spared(&entry.certified.id());
            !entry.let_go && (expired || (thrift == Thrift::Unused && unused))
        };
        let members = lineages.chain(alone).flat_map(|members| self.counted(members));
        members.filter(goes).map(|(entry, newer)| (entry.certified.id(), newer == 0)).collect()
    }

    /// Each of these with the number of those before it that are still believed.
    fn counted<'a>(&'a self, newest_first: Vec<&'a ManifestId>) -> impl Iterator<Item = (&'a Entry, usize)> {
        let mut newer = 0_usize;
        let entries = newest_first.into_iter().filter_map(|id| self.by_id.get(id));
        entries.map(move |entry| {
            let before = newer;
            newer = newer.saturating_add(usize::from(!entry.withdrawn));
            (entry, before)
        })
    }

    /// So many manifests that follow this one, in the order of their names.
    pub(crate) fn after(&self, manifest: Option<&ManifestId>, count: usize) -> Vec<ManifestId> {
        let from = manifest.map_or(Bound::Unbounded, Bound::Excluded);
        let following = self.by_id.range::<ManifestId, _>((from, Bound::Unbounded));
        following.take(count).map(|(id, _)| *id).collect()
    }

    /// How many manifests are known.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// The highest certified sequence of a key.
    pub(crate) fn highest(&self, key: &Key) -> Option<u64> {
        self.by_key.get(key)?.last_key_value().map(|(sequence, _)| *sequence)
    }

    /// What is certified at a place.
    pub(crate) fn at(&self, key: &Key, sequence: u64) -> Option<ManifestId> {
        self.by_key.get(key)?.get(&sequence).copied()
    }

    /// The certified manifest with a key's highest sequence.
    pub(crate) fn standing(&self, key: &Key) -> Option<&Entry> {
        let (_, id) = self.by_key.get(key)?.last_key_value()?;
        self.by_id.get(id)
    }

    /// What answers a query now: the exact key's newest first, then each fallback's, in the asked order.
    pub(crate) fn candidates(&self, query: &Query, wall: Timestamp) -> Candidates {
        let mut candidates = Candidates::default();
        let exact = self.by_key.get(&query.key);
        let exact = exact.into_iter().flat_map(|sequences| sequences.values().rev());
        self.collect(&mut candidates, exact, CANDIDATES_EACH_MAX, wall);
        for fallback in &query.fallbacks {
            let matching = self.matching(fallback, &query.key);
            self.collect(&mut candidates, matching, CANDIDATES_EACH_MAX, wall);
        }
        candidates
    }

    /// The newest of a key that is believed no more and has not expired.
    pub(crate) fn withdrawn(&self, key: &Key, wall: Timestamp) -> Option<&Entry> {
        let entries = self.by_key.get(key)?.values().rev().filter_map(|id| self.by_id.get(id));
        let mut gone = entries.filter(|entry| entry.withdrawn);
        gone.find(|entry| entry.certified.manifest().expires > wall)
    }

    /// The newest of a lineage, for a relayed answer.
    pub(crate) fn newest(&self, lineage: &Lineage, wall: Timestamp) -> Candidates {
        let mut candidates = Candidates::default();
        let members = self.by_lineage.get(lineage).into_iter().flatten().rev().map(|(_, id)| id);
        self.collect(&mut candidates, members, CANDIDATES_MAX, wall);
        candidates
    }

    /// So many lineages, those that were saved last first, each with the time of its newest save that is believed; and how
    /// many others there are.
    pub(crate) fn newest_saves(&self, count: usize) -> (Vec<(Lineage, Timestamp)>, u64) {
        let believed = |id: &ManifestId| self.by_id.get(id).is_some_and(|entry| !entry.withdrawn);
        let newest = |members: &BTreeSet<(Timestamp, ManifestId)>| {
            members.iter().rev().find(|(_, id)| believed(id)).map(|(time, _)| *time)
        };
        let lineages = self.by_lineage.iter();
        let mut found: Vec<(Timestamp, &Lineage)> =
            lineages.filter_map(|(lineage, members)| Some((newest(members)?, lineage))).collect();
        let left_out = found.len().saturating_sub(count);
        found.sort_unstable_by(|a, b| b.cmp(a));
        let kept = found.into_iter().take(count);
        (
            kept.map(|(time, lineage)| (lineage.clone(), time)).collect(),
            u64::try_from(left_out).unwrap_or(u64::MAX),
        )
    }

    /// Every manifest of a lineage.
    pub(crate) fn in_lineage(&self, lineage: &Lineage) -> impl Iterator<Item = &ManifestId> {
        self.by_lineage.get(lineage).into_iter().flatten().map(|(_, id)| id)
    }

    /// Rows that a listing asks for, keys in order.
    pub(crate) fn list(&self, what: &ListQuery) -> Rows {
        let mut rows = Rows::default();
        match what {
            ListQuery::Manifest(id) => rows.fill(self.by_id.get(id).into_iter()),
            ListQuery::Prefix(digits) => rows.fill(self.with_prefix(digits)),
            ListQuery::Pattern { pattern, after } => {
                rows.fill(self.covered(pattern.as_ref(), after.as_ref()));
            }
        }
        rows
    }

    fn matching<'a>(
        &'a self,
        fallback: &'a Fallback,
        asked: &'a Key,
    ) -> impl Iterator<Item = &'a ManifestId> {
        let members = self.by_lineage.get(fallback.lineage()).into_iter().flatten().rev();
        members.take(FALLBACK_SCAN_MAX).map(|(_, id)| id).filter(move |id| {
            let key = self.by_id.get(id).map(|entry| &entry.certified.manifest().key);
            key.is_some_and(|key| key != asked && fallback.matches(key))
        })
    }

    fn collect<'a>(
        &self,
        candidates: &mut Candidates,
        ids: impl Iterator<Item = &'a ManifestId>,
        each_max: usize,
        wall: Timestamp,
    ) {
        let entries = ids.filter_map(|id| self.by_id.get(id));
        let believed = entries.filter(|entry| !entry.withdrawn && !entry.let_go);
        let alive = believed.filter(|entry| entry.certified.manifest().expires > wall);
        for entry in alive.take(each_max) {
            candidates.push(entry);
        }
    }

    fn with_prefix<'a>(&'a self, digits: &'a str) -> impl Iterator<Item = &'a Entry> {
        let digits = digits.to_ascii_lowercase();
        self.by_id.iter().filter(move |(id, _)| id.to_string().starts_with(&digits)).map(|(_, entry)| entry)
    }

    fn covered<'a>(
        &'a self,
        pattern: Option<&'a Pattern>,
        after: Option<&'a Key>,
    ) -> impl Iterator<Item = &'a Entry> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let keys = self.by_key.range::<Key, _>((from, Bound::Unbounded));
        let covered = keys.filter(move |(key, _)| pattern.is_none_or(|pattern| pattern.covers(key)));
        covered.flat_map(|(_, sequences)| self.newest_of(sequences))
    }

    /// The newest that is believed, and before it the newest of all if that is another one.
    fn newest_of<'a>(&'a self, sequences: &'a BTreeMap<u64, ManifestId>) -> impl Iterator<Item = &'a Entry> {
        let entries = || sequences.values().rev().filter_map(|id| self.by_id.get(id));
        let gone = entries().next().filter(|entry| entry.withdrawn);
        let believed = entries().find(|entry| !entry.withdrawn);
        gone.into_iter().chain(believed)
    }
}

impl Candidates {
    /// Names one more, if there is room.
    pub(crate) fn push(&mut self, entry: &Entry) {
        let manifest = entry.certified.manifest();
        let known = self.refs.iter().any(|named| named.manifest == entry.certified.id());
        if known || self.refs.len() >= CANDIDATES_MAX {
            return;
        }
        let envelope = entry.certified.to_envelope();
        self.bytes = self.bytes.saturating_add(certified_bytes(&envelope));
        if self.bytes > BESIDE_BYTES_MAX && !self.refs.is_empty() {
            return;
        }
        self.refs.push(CandidateRef {
            manifest: entry.certified.id(),
            key: manifest.key.clone(),
            sequence: manifest.sequence,
            complete: entry.complete,
        });
        self.beside.push(envelope);
    }
}

impl Rows {
    fn fill<'a>(&mut self, entries: impl Iterator<Item = &'a Entry>) {
        for entry in entries {
            let bytes = certified_bytes(&entry.certified.to_envelope());
            let full =
                self.rows.len() >= LISTING_ROWS_MAX || self.bytes.saturating_add(bytes) > BESIDE_BYTES_MAX;
            if full && !self.rows.is_empty() {
                self.more = true;
                return;
            }
            self.bytes = self.bytes.saturating_add(bytes);
            self.rows.push(entry.certified.clone());
        }
    }
}

/// Bytes that an envelope takes in a message, rounded up.
pub(crate) fn envelope_bytes(envelope: &Envelope) -> usize {
    let signatures =
        envelope.signatures.iter().map(|signature| signature.keyid.len() + signature.sig.len() + 16);
    signatures.sum::<usize>() + envelope.payload_type.len() + envelope.payload.len() + 16
}

/// The same for a manifest with its receipts.
pub(crate) fn certified_bytes(certified: &CertifiedEnvelope) -> usize {
    envelope_bytes(&certified.manifest) + certified.receipts.iter().map(envelope_bytes).sum::<usize>()
}

#[cfg(test)]
#[path = "catalogue_tests.rs"]
mod tests;
