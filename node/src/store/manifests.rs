//! Every manifest that a seed's records name, certified or voted for, read a page at a time: there may be many, and the
//! records are needed by others meanwhile.
use super::{
    StoreError,
    records::{CERTIFIED, Records, VOTES, Vote, decode, fault},
};
use pollux_core::{CertifiedEnvelope, Envelope};
use redb::ReadableDatabase;
use std::ops::Bound;

/// Rows of a page: some megabytes.
const PAGE_ROWS: usize = 1024;

/// Where a page ends.
type Place<K> = Option<K>;

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
