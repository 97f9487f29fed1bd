//! Counts chunks once, however many saves have them.

use pollux_core::{ChunkRef, Key, Manifest, ManifestId, Pattern, Timestamp};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Distinct chunks that are told apart at most: half a terabyte of content, in some 200 MB of memory.
const CHUNKS_MAX: usize = 2_000_000;

/// A save, as it was listed.
pub(super) struct Save {
    pub(super) id: ManifestId,
    pub(super) manifest: Manifest,
}

/// What was found.
#[derive(Debug, Serialize)]
pub(super) struct Usage {
    pub(super) pattern: Pattern,
    /// A seed listed them; else only what the node knows.
    pub(super) from_seed: bool,
    /// Keys, of each of which the newest save counts.
    pub(super) saves: usize,
    /// Saves whose chunks were counted.
    pub(super) counted_saves: usize,
    /// Saves whose chunks could not be had.
    pub(super) not_had: usize,
    /// Bytes of all files of all saves.
    pub(super) logical_bytes: u64,
    /// Bytes of the distinct chunks of those that were counted.
    pub(super) unique_bytes: u64,
    /// How many chunks those are.
    pub(super) unique_chunks: usize,
    pub(super) lineages: Vec<Lineage>,
}

/// The saves of one lineage.
#[derive(Debug, Serialize)]
pub(super) struct Lineage {
    /// Empty for keys of one segment.
    pub(super) lineage: String,
    pub(super) logical_bytes: u64,
    /// Bytes of its distinct chunks; none if not all of its saves were counted.
    pub(super) unique_bytes: Option<u64>,
    /// The latest last.
    pub(super) rows: Vec<Row>,
}

/// One save.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) key: Key,
    pub(super) manifest: ManifestId,
    pub(super) created: Timestamp,
    pub(super) logical_bytes: u64,
    /// Bytes of chunks that the save before it in its lineage does not have; none if one of the two was not counted.
    pub(super) added_bytes: Option<u64>,
}

/// A save in its place.
struct Place {
    save: Save,
    lineage: String,
    /// Its chunks are to be counted.
    chosen: bool,
    counted: bool,
    added_bytes: Option<u64>,
}

/// Goes through the saves, lineage by lineage and in order of time.
pub(super) struct Counter {
    places: Vec<Place>,
    next: usize,
    all: BTreeSet<ChunkRef>,
    /// The chunks of this lineage.
    own: (String, BTreeSet<ChunkRef>),
    before: Option<BTreeSet<ChunkRef>>,
    unique: BTreeMap<String, u64>,
}

impl Counter {
    /// The chunks of at most so many saves will be counted, the latest.
    pub(super) fn new(saves: Vec<Save>, most: usize) -> Self {
        let lineage = |key: &Key| key.lineage().map(|lineage| lineage.to_string()).unwrap_or_default();
        let place = |save: Save| Place {
            lineage: lineage(&save.manifest.key),
            save,
            chosen: false,
            counted: false,
            added_bytes: None,
        };
        let mut places: Vec<Place> = saves.into_iter().map(place).collect();
        places.sort_by_key(|place| core::cmp::Reverse((place.save.manifest.created, place.save.id)));
        places.iter_mut().take(most).for_each(|place| place.chosen = true);
        places.sort_by(|one, other| {
            let order = |place: &Place| (place.lineage.clone(), place.save.manifest.created, place.save.id);
            order(one).cmp(&order(other))
        });
        Self {
            places,
            next: 0,
            all: BTreeSet::new(),
            own: (String::new(), BTreeSet::new()),
            before: None,
            unique: BTreeMap::new(),
        }
    }

    /// Saves whose chunks are still to be counted.
    pub(super) fn left(&self) -> usize {
        self.places.iter().skip(self.next).filter(|place| place.chosen).count()
    }

    /// The next save whose chunks are wanted.
    pub(super) fn next(&mut self) -> Option<(ManifestId, Manifest)> {
        while self.places.get(self.next).is_some_and(|place| !place.chosen || self.all.len() >= CHUNKS_MAX) {
            self.next += 1;
            self.before = None;
        }
        let place = self.places.get(self.next)?;
        Some((place.save.id, place.save.manifest.clone()))
    }

    /// Counts the chunks of that save, if they could be had.
    pub(super) fn count(&mut self, chunks: Option<Vec<ChunkRef>>) {
        let before = self.next.checked_sub(1).and_then(|last| self.places.get(last));
        let former = before.map(|place| place.lineage.clone());
        let Some(place) = self.places.get_mut(self.next) else { return };
        self.next += 1;
        let first = former.as_ref() != Some(&place.lineage);
        if self.own.0 != place.lineage {
            self.own = (place.lineage.clone(), BTreeSet::new());
        }
        let Some(chunks) = chunks else {
            self.before = None;
            return;
        };
        let chunks: BTreeSet<ChunkRef> = chunks.into_iter().collect();
        let before = if first { Some(BTreeSet::new()) } else { self.before.take() };
        place.added_bytes = before.map(|before| bytes(chunks.difference(&before)));
        place.counted = true;
        self.own.1.extend(&chunks);
        self.all.extend(&chunks);
        self.unique.insert(place.lineage.clone(), bytes(self.own.1.iter()));
        self.before = Some(chunks);
    }

    /// What was found.
    pub(super) fn finish(self, pattern: Pattern, from_seed: bool) -> Usage {
        let saves = self.places.len();
        let counted_saves = self.places.iter().filter(|place| place.counted).count();
        let chosen = self.places.iter().filter(|place| place.chosen).count();
        let logical_bytes = self.places.iter().map(|place| place.save.manifest.tree.totals.bytes).sum();
        let (unique_bytes, unique_chunks) = (bytes(self.all.iter()), self.all.len());
        let mut lineages: Vec<Lineage> = Vec::new();
        for place in self.places {
            let unique = self.unique.get(&place.lineage).copied();
            join(&mut lineages, place, unique);
        }
        Usage {
            pattern,
            from_seed,
            saves,
            counted_saves,
            not_had: chosen - counted_saves,
            logical_bytes,
            unique_bytes,
            unique_chunks,
            lineages,
        }
    }
}

/// Puts a save to its lineage, which is the last one or a new one.
fn join(lineages: &mut Vec<Lineage>, place: Place, unique_bytes: Option<u64>) {
    if lineages.last().is_none_or(|last| last.lineage != place.lineage) {
        lineages.push(Lineage { lineage: place.lineage, logical_bytes: 0, unique_bytes, rows: Vec::new() });
    }
    let Some(lineage) = lineages.last_mut() else { return };
    let Manifest { key, created, tree, .. } = place.save.manifest;
    lineage.logical_bytes += tree.totals.bytes;
    if !place.counted {
        lineage.unique_bytes = None;
    }
    lineage.rows.push(Row {
        key,
        manifest: place.save.id,
        created,
        logical_bytes: tree.totals.bytes,
        added_bytes: place.added_bytes,
    });
}

fn bytes<'a>(chunks: impl Iterator<Item = &'a ChunkRef>) -> u64 {
    chunks.map(|chunk| u64::from(chunk.bytes)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_core::{ChunkId, Provenance, TreeRef, TreeTotals};

    fn chunk(number: u8) -> ChunkRef {
        ChunkRef { id: ChunkId::of(&[number]), bytes: 10 }
    }

    fn save(key: &str, created: u64, bytes: u64) -> Save {
        let created = Timestamp::from_millis(created);
        let totals = TreeTotals { bytes, ..TreeTotals::default() };
        let manifest = Manifest {
            pool: "ci".to_owned(),
            key: key.parse().unwrap(),
            sequence: 1,
            created,
            expires: created.after(core::time::Duration::from_secs(1)),
            tree: TreeRef { chunks: vec![chunk(0)], totals, roots: vec![String::new()] },
            ancestors: Vec::new(),
            generation: 1,
            provenance: Provenance::default(),
            packages: None,
            grant: None,
        };
        Save { id: ManifestId::from_bytes(*ChunkId::of(key.as_bytes()).as_bytes()), manifest }
    }

    /// What of each save is counted, by its key.
    fn used(saves: Vec<Save>, most: usize, chunks: &[(&str, &[u8])]) -> Usage {
        let mut counter = Counter::new(saves, most);
        while let Some((_, manifest)) = counter.next() {
            let own = chunks.iter().find(|(key, _)| *key == manifest.key.as_str());
            counter.count(own.map(|(_, own)| own.iter().map(|number| chunk(*number)).collect()));
        }
        counter.finish("**".parse().unwrap(), true)
    }

    fn added(usage: &Usage) -> Vec<(&str, Option<u64>)> {
        let rows = usage.lineages.iter().flat_map(|lineage| &lineage.rows);
        rows.map(|row| (row.key.as_str(), row.added_bytes)).collect()
    }

    #[test]
    fn what_saves_share_counts_once_and_growth_is_beside_the_one_before() {
        let saves = || vec![save("a/npm/2", 200, 30), save("a/npm/1", 100, 20), save("b/npm/1", 150, 20)];
        let chunks: [(&str, &[u8]); 3] =
            [("a/npm/1", &[1, 2, 2]), ("a/npm/2", &[2, 3, 4]), ("b/npm/1", &[1, 9])];
        let usage = used(saves(), 10, &chunks);
        assert_eq!(added(&usage), [("a/npm/1", Some(20)), ("a/npm/2", Some(20)), ("b/npm/1", Some(20))]);
        assert_eq!((usage.logical_bytes, usage.unique_bytes, usage.unique_chunks), (70, 50, 5));
        let unique: Vec<Option<u64>> = usage.lineages.iter().map(|lineage| lineage.unique_bytes).collect();
        assert_eq!(unique, [Some(40), Some(20)]);
        assert_eq!((usage.saves, usage.counted_saves, usage.not_had), (3, 3, 0));
    }

    #[test]
    fn the_latest_are_counted_and_what_lacks_its_predecessor_has_no_growth() {
        let saves = vec![save("a/npm/1", 100, 20), save("a/npm/2", 200, 30), save("a/npm/3", 300, 30)];
        let chunks: [(&str, &[u8]); 3] = [("a/npm/1", &[1]), ("a/npm/2", &[1, 2]), ("a/npm/3", &[2, 3])];
        let usage = used(saves, 2, &chunks);
        assert_eq!(added(&usage), [("a/npm/1", None), ("a/npm/2", None), ("a/npm/3", Some(10))]);
        assert_eq!((usage.saves, usage.counted_saves, usage.not_had), (3, 2, 0));
        assert_eq!((usage.lineages[0].unique_bytes, usage.unique_bytes), (None, 30));
    }

    #[test]
    fn what_cannot_be_had_is_said() {
        let saves = vec![save("a/npm/1", 100, 20), save("a/npm/2", 200, 30), save("a/npm/3", 300, 30)];
        let chunks: [(&str, &[u8]); 2] = [("a/npm/1", &[1]), ("a/npm/3", &[1, 3])];
        let usage = used(saves, 10, &chunks);
        assert_eq!(added(&usage), [("a/npm/1", Some(10)), ("a/npm/2", None), ("a/npm/3", None)]);
        assert_eq!((usage.counted_saves, usage.not_had), (2, 1));
    }

    #[test]
    fn keys_of_one_segment_have_a_lineage_of_their_own_kind() {
        let usage = used(vec![save("solo", 1, 5)], 10, &[("solo", &[1])]);
        assert_eq!((usage.lineages.len(), usage.lineages[0].lineage.as_str()), (1, ""));
    }
}
