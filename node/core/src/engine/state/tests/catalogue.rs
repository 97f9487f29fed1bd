//! The catalogue beside a plain list of what it was told, whatever the order.
use super::super::catalogue::{Candidates, Catalogue, Rows};
use crate::belief::fixture::{Pool, WALL, earlier, query};
use crate::engine::bounds::CANDIDATES_EACH_MAX;
use crate::message::ListQuery;
use crate::{CertifiedManifest, Key, Lineage, ManifestId, Timestamp};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Two lineages with three keys each, four sequences of each; signed once, for signing takes the time.
static ALL: LazyLock<Vec<CertifiedManifest>> = LazyLock::new(|| {
    let pool = Pool::new(1);
    let keys = ["core/a/k1", "core/a/k2", "core/a/q1", "core/b/k1", "core/b/k2", "core/b/q1"];
    let places = keys.iter().flat_map(|key| (1..=4).map(move |sequence| (*key, sequence)));
    // Ages neither follow the sequences nor repeat within a lineage.
    let aged = places.zip(0_u64..).map(|((key, sequence), n)| (key, sequence, n * 7 % 24));
    aged.map(|(key, sequence, age)| pool.witness(key, sequence, earlier(age))).collect()
});

#[derive(Clone, Copy, Debug)]
enum Step {
    Insert(usize),
    Remove(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0_usize..24).prop_map(Step::Insert),
        1 => (0_usize..24).prop_map(Step::Remove),
    ];
    prop::collection::vec(step, 0..50)
}

fn key(certified: &CertifiedManifest) -> &Key {
    &certified.manifest().key
}

fn sequence(certified: &CertifiedManifest) -> u64 {
    certified.manifest().sequence
}

fn place(certified: &CertifiedManifest) -> (Timestamp, ManifestId) {
    (certified.median(), certified.id())
}

struct Model {
    catalogue: Catalogue,
    known: BTreeSet<usize>,
}

impl Model {
    fn new(entries_max: usize) -> Self {
        Self { catalogue: Catalogue::new(entries_max), known: BTreeSet::new() }
    }

    fn after(steps: &[Step]) -> Self {
        let mut model = Self::new(1_000);
        steps.iter().for_each(|step| model.run(*step));
        model
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Insert(n) => {
                let is_new = self.known.insert(n);
                let newest = self.by_time(&key(&ALL[n]).lineage().unwrap()).first() == Some(&ALL[n].id());
                assert_eq!(self.catalogue.insert(ALL[n].clone()), is_new && newest);
            }
            Step::Remove(n) => {
                let removed = self.catalogue.remove(&ALL[n].id()).map(|entry| entry.certified.id());
                assert_eq!(removed, self.known.remove(&n).then(|| ALL[n].id()));
            }
        }
    }

    fn all(&self) -> impl Iterator<Item = &'static CertifiedManifest> {
        self.known.iter().map(|n| &ALL[*n])
    }

    /// A key's, the highest sequence first.
    fn by_sequence(&self, of: &Key) -> Vec<ManifestId> {
        let mut found: Vec<_> = self.all().filter(|certified| key(certified) == of).collect();
        found.sort_by_key(|certified| core::cmp::Reverse(sequence(certified)));
        found.into_iter().map(CertifiedManifest::id).collect()
    }

    /// A lineage's, the newest first.
    fn by_time(&self, of: &Lineage) -> Vec<ManifestId> {
        let mut found: Vec<_> =
            self.all().filter(|certified| key(certified).lineage().as_ref() == Some(of)).collect();
        found.sort_by_key(|certified| core::cmp::Reverse(place(certified)));
        found.into_iter().map(CertifiedManifest::id).collect()
    }

    /// What stands: each key's highest, keys in order.
    fn standing(&self) -> Vec<ManifestId> {
        let keys: BTreeSet<&Key> = self.all().map(key).collect();
        keys.into_iter().map(|key| self.by_sequence(key)[0]).collect()
    }

    fn check(&self) {
        assert_eq!(self.catalogue.len(), self.known.len());
        for certified in ALL.iter() {
            let highest = self.by_sequence(key(certified)).first().copied();
            let standing = self.catalogue.standing(key(certified));
            assert_eq!(standing.map(|entry| entry.certified.id()), highest);
            let sequence = standing.map(|entry| sequence(&entry.certified));
            assert_eq!(self.catalogue.highest(key(certified)), sequence);
        }
        for lineage in ["core/a", "core/b"].map(|lineage| lineage.parse().unwrap()) {
            let here: BTreeSet<_> = self.catalogue.in_lineage(&lineage).copied().collect();
            assert_eq!(here, self.by_time(&lineage).into_iter().collect());
        }
    }
}

fn named(candidates: &Candidates) -> Vec<ManifestId> {
    candidates.refs.iter().map(|named| named.manifest).collect()
}

fn ids(rows: &Rows) -> Vec<ManifestId> {
    rows.rows.iter().map(CertifiedManifest::id).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_highest_stands_whatever_the_order(steps in steps()) {
        let mut model = Model::new(1_000);
        for step in steps {
            model.run(step);
            model.check();
        }
    }

    #[test]
    fn candidates_are_those_of_a_plain_search(steps in steps(), asked in 0_usize..24) {
        let model = Model::after(&steps);
        let asked = key(&ALL[asked]);
        let question = query(asked.as_str(), &["core/a/k*", "core/b"]);
        let mut expected: Vec<ManifestId> =
            model.by_sequence(asked).into_iter().take(CANDIDATES_EACH_MAX).collect();
        for fallback in &question.fallbacks {
            let matching = model.by_time(fallback.lineage()).into_iter().filter(|id| {
                let found = model.all().find(|certified| certified.id() == *id).map(key);
                found.is_some_and(|key| key != asked && fallback.matches(key))
            });
            expected.extend(matching.take(CANDIDATES_EACH_MAX));
        }
        let first: Vec<_> = expected.into_iter().take(crate::limits::CANDIDATES_MAX).collect();
        prop_assert_eq!(named(&model.catalogue.candidates(&question, WALL)), first);
    }

    #[test]
    fn the_newest_of_a_lineage_come_first(steps in steps()) {
        let model = Model::after(&steps);
        let lineage: Lineage = "core/a".parse().unwrap();
        let newest: Vec<_> = model.by_time(&lineage).into_iter().take(crate::limits::CANDIDATES_MAX).collect();
        prop_assert_eq!(named(&model.catalogue.newest(&lineage, WALL)), newest);
    }

    #[test]
    fn a_listing_that_goes_on_names_each_key_once(steps in steps()) {
        let model = Model::after(&steps);
        let (mut after, mut listed) = (None, Vec::new());
        for _ in 0..=ALL.len() {
            let rows = model.catalogue.list(&ListQuery::Pattern { pattern: None, after });
            // One row at a time: the next listing begins after it.
            let Some(row) = rows.rows.first() else { break };
            listed.push(row.id());
            after = Some(key(row).clone());
        }
        prop_assert_eq!(&listed, &model.standing());
        let whole = model.catalogue.list(&ListQuery::Pattern { pattern: None, after: None });
        prop_assert_eq!((ids(&whole), whole.more), (listed, false));
    }

    #[test]
    fn it_never_grows_over_its_bound_and_the_oldest_goes(
        order in Just((0_usize..24).collect::<Vec<_>>()).prop_shuffle(),
        entries_max in 1_usize..24,
        spared in 0_usize..24,
    ) {
        let mut model = Model::new(entries_max);
        let spared = ALL[spared].id();
        for n in order {
            model.run(Step::Insert(n));
            while let Some(id) = model.catalogue.overflow(|id| *id == spared) {
                let others = model.all().filter(|certified| certified.id() != spared);
                prop_assert_eq!(Some(id), others.map(place).min().map(|(_, id)| id));
                let gone = ALL.iter().position(|certified| certified.id() == id).unwrap();
                model.run(Step::Remove(gone));
            }
            prop_assert!(model.catalogue.len() <= entries_max);
            model.check();
        }
        prop_assert_eq!(model.catalogue.len(), entries_max);
        prop_assert!(model.catalogue.get(&spared).is_some());
    }
}

#[test]
fn what_is_complete_is_said_with_a_candidate() {
    let mut model = Model::new(10);
    model.run(Step::Insert(0));
    model.run(Step::Insert(1));
    assert_eq!(model.catalogue.complete().count(), 0);
    model.catalogue.get_mut(&ALL[0].id()).unwrap().complete = true;
    assert!(model.catalogue.complete().eq([ALL[0].id()]));
    let candidates = model.catalogue.candidates(&query("core/a/k1", &[]), WALL);
    let complete: Vec<bool> = candidates.refs.iter().map(|named| named.complete).collect();
    assert_eq!(complete, [false, true], "the higher sequence comes first");
}

#[test]
fn the_newest_save_of_each_lineage_and_those_saved_last_first() {
    let mut catalogue = Catalogue::new(1_000);
    assert_eq!(catalogue.newest_saves(5), (Vec::new(), 0));
    for certified in ALL.iter() {
        catalogue.insert(certified.clone());
    }
    let newest = |lineage: &str, except: Option<ManifestId>| {
        let of_it = ALL.iter().filter(|one| key(one).lineage().is_some_and(|it| it.as_str() == lineage));
        of_it.filter(|one| Some(one.id()) != except).max_by_key(|one| place(one)).unwrap()
    };
    let mut expected = ["core/a", "core/b"].map(|lineage| {
        let found = newest(lineage, None);
        (key(found).lineage().unwrap(), found.median())
    });
    expected.sort_by_key(|(_, time)| core::cmp::Reverse(*time));
    assert_eq!(catalogue.newest_saves(5), (expected.to_vec(), 0));
    assert_eq!(catalogue.newest_saves(1), (expected[..1].to_vec(), 1));

    let (lineage, _) = &expected[0];
    let taken = newest(lineage.as_str(), None).id();
    catalogue.get_mut(&taken).unwrap().withdrawn = true;
    let next = newest(lineage.as_str(), Some(taken)).median();
    assert!(catalogue.newest_saves(5).0.contains(&(lineage.clone(), next)), "it was taken back");
}
