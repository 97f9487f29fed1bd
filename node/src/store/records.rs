//! What must be transactional and small: certified manifests, votes, a seed's marker, what publishers' caches
//! take, and the places of damaged records.
//! In redb.
//!
//! | table | key | value |
//! |---|---|---|
//! | `certified` | manifest id, 32 bytes | 1, then postcard of `CertifiedEnvelope` |
//! | `votes` | key as text, sequence | 1, then postcard of (manifest `Envelope`, receipt `Envelope`) |
//! | `ballots` | manifest id, 32 bytes; seed, 32 bytes | 1, then postcard of `VoteEnvelope` |
//! | `seen` | seed, 32 bytes | the highest epoch of its store that was seen |
//! | `marker` | `epoch` | the epoch of this store; absent: it has no marker |
//! | `shares` | publisher's key, 32 bytes; end of a day, milliseconds since the Unix epoch | bytes that its caches take until then |
//! | `papers` | `papers` | 1, then postcard of the `Papers` in force and, as an option, those with a newer policy |
//! | `uses` | manifest id, 32 bytes | when it was last used, milliseconds since the Unix epoch; 0: its content was let go |
//! | `quarantined` | segment number, offset in it | chunk id, 32 bytes; zeros: the record's header is gone |
//!
//! The leading 1 is the value's version. A vote that cannot be read still forbids another one. Where there
//! is a marker, whatever enters `certified`, `votes` or `ballots` raises its epoch by one in the same transaction.
use super::{
    KeptPapers, StoreError,
    disk::{DiskFile, SegmentNumber},
    error::is_full,
    records_file::RecordsFile,
};
use pollux_core::engine::Share;
use pollux_core::message::VoteEnvelope;
use pollux_core::{CertifiedEnvelope, ChunkId, Envelope, Key, ManifestId, PeerId, PublicKey, Timestamp};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use serde::{Serialize, de::DeserializeOwned};
use std::sync::{Arc, Mutex, PoisonError, atomic::AtomicBool};

pub(super) const CERTIFIED: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("certified");
pub(super) const VOTES: TableDefinition<'_, (&str, u64), &[u8]> = TableDefinition::new("votes");
const BALLOTS: TableDefinition<'_, (&[u8], &[u8]), &[u8]> = TableDefinition::new("ballots");
const SEEN: TableDefinition<'_, &[u8], u64> = TableDefinition::new("seen");
const MARKER: TableDefinition<'_, &str, u64> = TableDefinition::new("marker");
const EPOCH: &str = "epoch";
const SHARES: TableDefinition<'_, (&[u8], u64), u64> = TableDefinition::new("shares");
const PAPERS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("papers");
/// The one name in [`PAPERS`].
const KEPT: &str = "papers";
pub(super) const USES: TableDefinition<'_, &[u8], u64> = TableDefinition::new("uses");
/// Stands in [`USES`] for what was let go.
pub(super) const LET_GO: u64 = 0;
const QUARANTINED: TableDefinition<'_, (u32, u32), &[u8]> = TableDefinition::new("quarantined");
const VALUE_VERSION: u8 = 1;
/// Pages that redb may keep in memory, in bytes: records are read once, at start.
const CACHE_BYTES: usize = 4 * 1024 * 1024;

/// A seed's vote, as it is stored.
pub(super) type Vote = (Envelope, Envelope);

/// Where a damaged record lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Quarantined {
    /// The segment.
    pub(super) segment: SegmentNumber,
    /// Where in it the record begins.
    pub(super) offset: u32,
}

/// All records.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// Certified manifests.
    pub(super) certified: Vec<CertifiedEnvelope>,
    /// Votes: manifest and receipt.
    pub(super) votes: Vec<Vote>,
    /// Votes of other seeds.
    pub(super) ballots: Vec<VoteEnvelope>,
    /// Highest epochs of other seeds' stores.
    pub(super) seen: Vec<(PeerId, u64)>,
    /// The epoch of this store, if it has a marker.
    pub(super) marker: Option<u64>,
    /// What publishers' caches take.
    pub(super) shares: Vec<Share>,
    /// When manifests were last used; none: a seed has let the content go.
    pub(super) uses: Vec<(ManifestId, Option<Timestamp>)>,
    /// What everything is judged by.
    pub(super) papers: Option<KeptPapers>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Records {
    file: Arc<dyn DiskFile>,
    broken: Arc<AtomicBool>,
    /// None after an error: redb then refuses everything until it is opened again.
    database: Mutex<Option<Database>>,
}

impl Records {
    /// Opens the records in this file; a sync that fails sets `broken`.
    pub(super) fn open(file: Arc<dyn DiskFile>, broken: Arc<AtomicBool>) -> Result<Self, StoreError> {
        let records = Self { file, broken, database: Mutex::new(None) };
        records.write(|transaction| {
            transaction.open_table(CERTIFIED).map_err(fault)?;
            transaction.open_table(VOTES).map_err(fault)?;
            transaction.open_table(BALLOTS).map_err(fault)?;
            transaction.open_table(SEEN).map_err(fault)?;
            transaction.open_table(MARKER).map_err(fault)?;
            transaction.open_table(SHARES).map_err(fault)?;
            transaction.open_table(PAPERS).map_err(fault)?;
            transaction.open_table(USES).map_err(fault)?;
            transaction.open_table(QUARANTINED).map_err(fault)?;
            Ok(())
        })?;
        Ok(records)
    }

    /// Reads everything but what is quarantined; what cannot be read is left out, and logged.
    pub(super) fn load(&self) -> Result<Loaded, StoreError> {
        self.with(|database| {
            let transaction = database.begin_read().map_err(fault)?;
            let mut loaded = Loaded::default();
            for row in transaction.open_table(CERTIFIED).map_err(fault)?.iter().map_err(fault)? {
                loaded.certified.extend(decode(row.map_err(fault)?.1.value()));
            }
            for row in transaction.open_table(VOTES).map_err(fault)?.iter().map_err(fault)? {
                loaded.votes.extend(decode::<Vote>(row.map_err(fault)?.1.value()));
            }
            for row in transaction.open_table(BALLOTS).map_err(fault)?.iter().map_err(fault)? {
                loaded.ballots.extend(decode::<VoteEnvelope>(row.map_err(fault)?.1.value()));
            }
            for row in transaction.open_table(SEEN).map_err(fault)?.iter().map_err(fault)? {
                let (seed, epoch) = row.map_err(fault)?;
                loaded.seen.extend(peer(seed.value()).map(|seed| (seed, epoch.value())));
            }
            for row in transaction.open_table(SHARES).map_err(fault)?.iter().map_err(fault)? {
                let (place, bytes) = row.map_err(fault)?;
                loaded.shares.extend(share(place.value(), bytes.value()));
            }
            for row in transaction.open_table(USES).map_err(fault)?.iter().map_err(fault)? {
                let (manifest, used) = row.map_err(fault)?;
                loaded.uses.extend(usage(manifest.value(), used.value()));
            }
            let marker = transaction.open_table(MARKER).map_err(fault)?;
            loaded.marker = marker.get(EPOCH).map_err(fault)?.map(|epoch| epoch.value());
            let papers = transaction.open_table(PAPERS).map_err(fault)?;
            loaded.papers = papers.get(KEPT).map_err(fault)?.and_then(|papers| decode(papers.value()));
            Ok(loaded)
        })
    }

    /// The places of damaged records.
    pub(super) fn quarantined(&self) -> Result<Vec<Quarantined>, StoreError> {
        self.with(|database| {
            let transaction = database.begin_read().map_err(fault)?;
            let mut places = Vec::new();
            for row in transaction.open_table(QUARANTINED).map_err(fault)?.iter().map_err(fault)? {
                let (segment, offset) = row.map_err(fault)?.0.value();
                places.push(Quarantined { segment: SegmentNumber(segment), offset });
            }
            Ok(places)
        })
    }

    /// Keeps a certified manifest, in the stead of an earlier certificate of the same and of the votes of other seeds.
    pub(super) fn certify(&self, certified: &CertifiedEnvelope) -> Result<(), StoreError> {
        let value = encode(certified)?;
        let id = certified.manifest.id();
        self.write(|transaction| {
            let mut table = transaction.open_table(CERTIFIED).map_err(fault)?;
            table.insert(id.as_bytes().as_slice(), value.as_slice()).map_err(fault)?;
            let mut ballots = transaction.open_table(BALLOTS).map_err(fault)?;
            let votes = (id.as_bytes().as_slice(), [0; 32].as_slice())
                ..=(id.as_bytes().as_slice(), [0xff; 32].as_slice());
            ballots.retain_in(votes, |_, _| false).map_err(fault)?;
            drop((table, ballots));
            raise_epoch(transaction)
        })
    }

    /// Keeps a vote, unless another manifest has it. The first receipt for a manifest stays.
    pub(super) fn vote(&self, key: &Key, sequence: u64, vote: &Vote) -> Result<(), StoreError> {
        let value = encode(vote)?;
        self.write(|transaction| {
            let mut table = transaction.open_table(VOTES).map_err(fault)?;
            let standing = table.get((key.as_str(), sequence)).map_err(fault)?;
            let standing =
                standing.map(|value| decode::<Vote>(value.value()).map(|(manifest, _)| manifest.id()));
            match standing {
                None => {}
                Some(Some(manifest)) if manifest == vote.0.id() => return raise_epoch(transaction),
                Some(_) => return Err(StoreError::VoteConflict { key: key.clone(), sequence }),
            }
            table.insert((key.as_str(), sequence), value.as_slice()).map_err(fault)?;
            raise_epoch(transaction)
        })
    }

    /// Keeps another seed's vote.
    pub(super) fn ballot(&self, seed: &PeerId, vote: &VoteEnvelope) -> Result<(), StoreError> {
        let (value, manifest) = (encode(vote)?, vote.manifest.id());
        let name = (manifest.as_bytes().as_slice(), seed.key().as_bytes().as_slice());
        self.write(|transaction| {
            let mut table = transaction.open_table(BALLOTS).map_err(fault)?;
            table.insert(name, value.as_slice()).map_err(fault)?;
            raise_epoch(transaction)
        })
    }

    /// Remembers the epoch of another seed's store.
    pub(super) fn see(&self, seed: &PeerId, epoch: u64) -> Result<(), StoreError> {
        self.write(|transaction| {
            let mut table = transaction.open_table(SEEN).map_err(fault)?;
            table.insert(seed.key().as_bytes().as_slice(), epoch).map_err(fault)?;
            Ok(())
        })
    }

    /// Keeps what a publisher's caches take, unless more is known; nothing is forgotten.
    pub(super) fn take(&self, share: &Share) -> Result<(), StoreError> {
        let place = (share.publisher.as_bytes().as_slice(), share.until.as_millis());
        self.write(|transaction| {
            let mut table = transaction.open_table(SHARES).map_err(fault)?;
            if share.bytes == 0 {
                table.remove(place).map_err(fault)?;
                return Ok(());
            }
            let standing = table.get(place).map_err(fault)?.map_or(0, |bytes| bytes.value());
            table.insert(place, standing.max(share.bytes)).map_err(fault)?;
            Ok(())
        })
    }

    /// Makes the marker, or raises its epoch to this one.
    pub(super) fn mark(&self, epoch: u64) -> Result<(), StoreError> {
        self.write(|transaction| {
            let mut table = transaction.open_table(MARKER).map_err(fault)?;
            let standing = table.get(EPOCH).map_err(fault)?.map_or(0, |epoch| epoch.value());
            table.insert(EPOCH, standing.max(epoch)).map_err(fault)?;
            Ok(())
        })
    }

    /// Raises the epoch by one, if there is a marker.
    pub(super) fn raise_epoch(&self) -> Result<(), StoreError> {
        self.write(raise_epoch)
    }

    /// Keeps papers, in place of those before. How large they may be is bounded by their documents and lists.
    pub(super) fn keep_papers(&self, papers: &KeptPapers) -> Result<(), StoreError> {
        let value = encode(papers)?;
        self.write(|transaction| {
            let mut table = transaction.open_table(PAPERS).map_err(fault)?;
            table.insert(KEPT, value.as_slice()).map_err(fault)?;
            Ok(())
        })
    }

    /// Lets a certified manifest go; its votes stay.
    pub(super) fn forget(&self, manifest: &ManifestId) -> Result<(), StoreError> {
        self.write(|transaction| {
            let mut table = transaction.open_table(CERTIFIED).map_err(fault)?;
            table.remove(manifest.as_bytes().as_slice()).map_err(fault)?;
            transaction
                .open_table(USES)
                .map_err(fault)?
                .remove(manifest.as_bytes().as_slice())
                .map_err(fault)?;
            Ok(())
        })
    }

    /// Remembers when a manifest was last used, which a clock that went back does not change; none: its content is let go.
    pub(super) fn use_at(&self, manifest: &ManifestId, used: Option<Timestamp>) -> Result<(), StoreError> {
        let millis = used.map_or(LET_GO, |used| used.as_millis().max(1));
        self.write(|transaction| {
            let mut table = transaction.open_table(USES).map_err(fault)?;
            let name = manifest.as_bytes().as_slice();
            let standing = table.get(name).map_err(fault)?.map_or(LET_GO, |used| used.value());
            let last = if millis == LET_GO { LET_GO } else { standing.max(millis) };
            table.insert(name, last).map_err(fault)?;
            Ok(())
        })
    }

    /// Remembers that the record there is damaged.
    pub(super) fn quarantine(&self, place: Quarantined, chunk: &ChunkId) -> Result<(), StoreError> {
        self.quarantine_all(&[(place, *chunk)])
    }

    /// The same for several.
    pub(super) fn quarantine_all(&self, places: &[(Quarantined, ChunkId)]) -> Result<(), StoreError> {
        self.write(|transaction| {
            let mut table = transaction.open_table(QUARANTINED).map_err(fault)?;
            for (place, chunk) in places {
                let place = (place.segment.0, place.offset);
                table.insert(place, chunk.as_bytes().as_slice()).map_err(fault)?;
            }
            Ok(())
        })
    }

    /// Forgets these places: other records may come to lie there.
    pub(super) fn release(&self, places: &[Quarantined]) -> Result<(), StoreError> {
        if places.is_empty() {
            return Ok(());
        }
        self.write(|transaction| {
            let mut table = transaction.open_table(QUARANTINED).map_err(fault)?;
            for place in places {
                table.remove((place.segment.0, place.offset)).map_err(fault)?;
            }
            Ok(())
        })
    }

    /// Puts any bytes in a vote's place.
    #[cfg(test)]
    pub(super) fn put_raw_vote(&self, key: &str, sequence: u64, value: &[u8]) {
        let put = self.write(|transaction| {
            let mut table = transaction.open_table(VOTES).map_err(fault)?;
            table.insert((key, sequence), value).map_err(fault)?;
            Ok(())
        });
        assert!(put.is_ok());
    }

    /// Puts any bytes in the papers' place.
    #[cfg(test)]
    pub(super) fn put_raw_papers(&self, value: &[u8]) {
        let put = self.write(|transaction| {
            transaction.open_table(PAPERS).map_err(fault)?.insert(KEPT, value).map_err(fault)?;
            Ok(())
        });
        assert!(put.is_ok());
    }

    fn write(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.with(|database| {
            let transaction = database.begin_write().map_err(fault)?;
            work(&transaction)?;
            transaction.commit().map_err(fault)
        })
    }

    /// Works on the database; opens it first where an error has closed it.
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut slot = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_broken() {
            return Err(StoreError::Broken);
        }
        let database = match slot.take() {
            Some(database) => database,
            None => self.open_database()?,
        };
        let result = work(&database);
        if self.is_broken() {
            return Err(StoreError::Broken);
        }
        if matches!(result, Ok(_) | Err(StoreError::VoteConflict { .. })) {
            *slot = Some(database);
        }
        result
    }

    fn open_database(&self) -> Result<Database, StoreError> {
        let file = RecordsFile::new(Arc::clone(&self.file), Arc::clone(&self.broken));
        redb::Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(file).map_err(fault)
    }

    fn is_broken(&self) -> bool {
        self.broken.load(std::sync::atomic::Ordering::SeqCst)
    }
}

fn raise_epoch(transaction: &WriteTransaction) -> Result<(), StoreError> {
    let mut table = transaction.open_table(MARKER).map_err(fault)?;
    let standing = table.get(EPOCH).map_err(fault)?.map(|epoch| epoch.value());
    if let Some(epoch) = standing {
        table.insert(EPOCH, epoch.saturating_add(1)).map_err(fault)?;
    }
    Ok(())
}

fn peer(name: &[u8]) -> Option<PeerId> {
    name.try_into().ok().map(|name| PeerId::new(PublicKey::from_bytes(name)))
}

fn usage(manifest: &[u8], used: u64) -> Option<(ManifestId, Option<Timestamp>)> {
    let used = Some(Timestamp::from_millis(used)).filter(|_| used != LET_GO);
    manifest.try_into().ok().map(|manifest| (ManifestId::from_bytes(manifest), used))
}

fn share((publisher, until): (&[u8], u64), bytes: u64) -> Option<Share> {
    let publisher = PublicKey::from_bytes(publisher.try_into().ok()?);
    Some(Share { publisher, until: Timestamp::from_millis(until), bytes })
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    let encoded = postcard::to_extend(value, vec![VALUE_VERSION]);
    encoded.map_err(|error| StoreError::Records(error.to_string()))
}

pub(super) fn decode<T: DeserializeOwned>(value: &[u8]) -> Option<T> {
    let (version, rest) = value.split_first()?;
    let decoded = (*version == VALUE_VERSION).then(|| postcard::from_bytes(rest).ok()).flatten();
    if decoded.is_none() {
        tracing::warn!(version, bytes = rest.len(), "a record cannot be read");
    }
    decoded
}

pub(super) fn fault(error: impl Into<redb::Error>) -> StoreError {
    let error = error.into();
    if let redb::Error::Io(source) = &error
        && is_full(source)
    {
        return StoreError::Full;
    }
    StoreError::Records(error.to_string())
}
