//! Every manifest that a seed's records name, certified or voted for, read a page at a time: there may be many, and the
//! records are needed by others meanwhile.
use super::{
    StoreError,
    records::{CERTIFIED, LET_GO, Records, USES, VOTES, Vote, decode, fault},
};
use pollux_core::{CertifiedEnvelope, Envelope};
use redb::ReadableDatabase;
use std::ops::Bound;

/// Rows of a page: some megabytes.
const PAGE_ROWS: usize = 1024;

/// Rows of a part that is kept in memory while trees are read.
const PART_ROWS: usize = 64;

/// Where a page ends.
type Place<K> = Option<K>;

/// Some of the certified manifests.
#[derive(Debug, Default)]
pub(super) struct CertifiedPart {
    /// Manifests, and whether their content was let go.
    pub(super) rows: Vec<(Envelope, bool)>,
    /// How many more cannot be read.
    pub(super) unreadable: u64,
    /// Where the next part goes on; none: this was the last, and empty.
    pub(super) end: Place<Vec<u8>>,
}

impl Records {
    /// Shows every certified manifest, then every one that was voted for, as they are; most come twice. One that cannot be
    /// read is left out: nobody can use it.
    pub(super) fn each_manifest(&self, show: &mut dyn FnMut(&Envelope)) -> Result<(), StoreError> {
        let mut last = None;
        while let Some(next) = self.certified_page(last, show)? {
            last = Some(next);
        }
        let mut last = None;
        while let Some(next) = self.votes_page(last, show)? {
            last = Some(next);
        }
        Ok(())
    }

    /// The certified manifests behind this place.
    pub(super) fn certified_part(&self, last: Option<&[u8]>) -> Result<CertifiedPart, StoreError> {
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        self.with(|database| {
            let transaction = database.begin_read().map_err(fault)?;
            let table = transaction.open_table(CERTIFIED).map_err(fault)?;
            let uses = transaction.open_table(USES).map_err(fault)?;
            let mut part = CertifiedPart::default();
            for row in table.range::<&[u8]>((from, Bound::Unbounded)).map_err(fault)?.take(PART_ROWS) {
                let (name, value) = row.map_err(fault)?;
                let used = uses.get(name.value()).map_err(fault)?.map(|used| used.value());
                match decode::<CertifiedEnvelope>(value.value()) {
                    Some(certified) => part.rows.push((certified.manifest, used == Some(LET_GO))),
                    None => part.unreadable += 1,
                }
                part.end = Some(name.value().to_vec());
            }
            Ok(part)
        })
    }

    fn certified_page(
        &self,
        last: Place<Vec<u8>>,
        show: &mut dyn FnMut(&Envelope),
    ) -> Result<Place<Vec<u8>>, StoreError> {
        let from = last.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        self.with(|database| {
            let table = database.begin_read().map_err(fault)?.open_table(CERTIFIED).map_err(fault)?;
            let mut end = None;
            for row in table.range::<&[u8]>((from, Bound::Unbounded)).map_err(fault)?.take(PAGE_ROWS) {
                let (name, value) = row.map_err(fault)?;
                decode::<CertifiedEnvelope>(value.value()).iter().for_each(|row| show(&row.manifest));
                end = Some(name.value().to_vec());
            }
            Ok(end)
        })
    }

    fn votes_page(
        &self,
        last: Place<(String, u64)>,
        show: &mut dyn FnMut(&Envelope),
    ) -> Result<Place<(String, u64)>, StoreError> {
        let from = last.as_ref().map(|(key, sequence)| (key.as_str(), *sequence));
        let from = from.map_or(Bound::Unbounded, Bound::Excluded);
        self.with(|database| {
            let table = database.begin_read().map_err(fault)?.open_table(VOTES).map_err(fault)?;
            let mut end = None;
            for row in table.range::<(&str, u64)>((from, Bound::Unbounded)).map_err(fault)?.take(PAGE_ROWS) {
                let (place, value) = row.map_err(fault)?;
                decode::<Vote>(value.value()).iter().for_each(|(manifest, _)| show(manifest));
                let (key, sequence) = place.value();
                end = Some((key.to_owned(), sequence));
            }
            Ok(end)
        })
    }
}
