//! What goes before a save: packages and registries' answers that no job has used for some saves, and what is too much.
//!
//! How long something is unused is counted in saves that changed something: each such save raises the count of what its job
//! did not read, and every save forgets the count of what its job read. So a cache in which nothing changes stays the same to the
//! byte, and one that grows sheds what nobody reads.

use crate::disk::Place;
use pollux_packages::list::{Listed, PackageList};
use pollux_packages::purl::Purl;
use pollux_packages::reading::Answer;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

/// What is there before a save.
#[derive(Clone, Copy, Debug)]
pub struct There<'a> {
    /// The list that was restored, if any.
    pub before: Option<&'a PackageList>,
    /// The packages.
    pub packages: &'a PackageList,
    /// What registries answered, each with its bytes.
    pub answers: &'a [(Answer, u64)],
    /// The files that the job used, if that is known.
    pub used: Option<&'a BTreeSet<&'a str>>,
    /// The packages that the project's lock files name, without qualifiers: they count as used.
    pub wanted: &'a BTreeSet<Purl>,
}

/// What a save keeps and what goes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// What is left, with new counts.
    pub kept: PackageList,
    /// What goes, for nobody used it.
    pub unused: Vec<Listed>,
    /// What goes, for it is too much.
    pub too_much: Vec<Listed>,
    /// Answers that go, for one or the other.
    pub answers: Vec<(Answer, u64)>,
    /// Even without those it is too much: so many bytes.
    pub over: u64,
}

/// What a cache may be.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Saves that something unused survives; none: it survives all.
    pub generations: Option<u32>,
    /// Bytes of all packages and answers.
    pub bytes_max: u64,
}

/// A package or an answer, with its count.
enum Item {
    Package(Listed),
    Answer(Answer, u64, u32),
}

impl Item {
    const fn unused(&self) -> u32 {
        match self {
            Self::Package(package) => package.unused,
            Self::Answer(_, _, unused) => *unused,
        }
    }

    const fn bytes(&self) -> u64 {
        match self {
            Self::Package(package) => package.bytes,
            Self::Answer(_, bytes, _) => *bytes,
        }
    }
}

/// Decides.
#[must_use]
pub fn prune(there: There<'_>, bounds: Bounds) -> Pruned {
    let goes = |item: &Item| bounds.generations.is_some_and(|most| item.unused() > most);
    let (unused, mut kept): (Vec<Item>, Vec<Item>) = count(there).into_iter().partition(goes);
    // What was not used longest goes first, of that the largest; what this job used stays.
    kept.sort_by_key(|item| (item.unused(), item.bytes()));
    let mut bytes: u64 = kept.iter().map(Item::bytes).sum();
    let mut too_much = Vec::new();
    while bytes > bounds.bytes_max && kept.last().is_some_and(|last| last.unused() > 0) {
        if let Some(last) = kept.pop() {
            bytes = bytes.saturating_sub(last.bytes());
            too_much.push(last);
        }
    }
    let mut pruned = Pruned { over: bytes.saturating_sub(bounds.bytes_max), ..Pruned::default() };
    let mut counts = Vec::new();
    let packages = kept.into_iter().filter_map(|item| match item {
        Item::Package(package) => Some(package),
        Item::Answer(answer, _, unused) => {
            counts.extend(answer.files.into_iter().next().map(|file| (file, unused)));
            None
        }
    });
    pruned.kept = PackageList::new(packages.collect::<Vec<_>>());
    pruned.kept = pruned.kept.with_unused(counts);
    pruned.unused = packages_of(unused, &mut pruned.answers);
    pruned.too_much = packages_of(too_much, &mut pruned.answers);
    pruned
}

fn packages_of(items: Vec<Item>, answers: &mut Vec<(Answer, u64)>) -> Vec<Listed> {
    let package = |item| match item {
        Item::Package(package) => Some(package),
        Item::Answer(answer, bytes, _) => {
            answers.push((answer, bytes));
            None
        }
    };
    items.into_iter().filter_map(package).collect()
}

/// All of now with their counts. Where no package was added, changed or removed, none is raised.
fn count(there: There<'_>) -> Vec<Item> {
    let nothing = PackageList::default();
    let before = there.before.unwrap_or(&nothing);
    let stays = before.compare(there.packages).is_empty();
    let is_used = |files: &[String]| {
        there.used.is_none_or(|used| files.iter().any(|file| used.contains(file.as_str())))
    };
    let next = |had: Option<u32>, is_used: bool| match had {
        Some(count) if !is_used => count.saturating_add(u32::from(!stays)),
        Some(_) | None => 0,
    };
    let known: BTreeMap<_, u32> =
        before.packages().iter().map(|package| ((&package.purl, &package.files), package.unused)).collect();
    let packages = there.packages.packages().iter().map(|package| {
        let had = known.get(&(&package.purl, &package.files)).copied();
        let is_used = is_used(&package.files) || there.wanted.contains(&package.purl.bare());
        Item::Package(Listed { unused: next(had, is_used), ..package.clone() })
    });
    // Of an answer it is not known whether it was there before: one that is new was used by this job.
    let answers = there.answers.iter().map(|(answer, bytes)| {
        let had = there.before.zip(answer.files.first()).map(|(before, first)| before.unused(first));
        Item::Answer(answer.clone(), *bytes, next(had, is_used(&answer.files)))
    });
    packages.chain(answers).collect()
}

/// Removes the files of what goes, but those that something kept needs, too; gives their bytes.
///
/// # Errors
/// What the system says.
pub fn drop_pruned(base: &Path, pruned: &Pruned) -> io::Result<u64> {
    let needed: BTreeSet<&str> =
        pruned.kept.packages().iter().flat_map(|package| &package.files).map(String::as_str).collect();
    let packages = pruned.unused.iter().chain(&pruned.too_much);
    let packages = packages.map(|package| (&package.files, package.bytes));
    let answers = pruned.answers.iter().map(|(answer, bytes)| (&answer.files, *bytes));
    let (mut gone, place) = (0, Place::open(base)?);
    for (files, bytes) in packages.chain(answers) {
        let goes = files.iter().filter(|file| !needed.contains(file.as_str()));
        goes.clone().try_for_each(|file| place.remove(file))?;
        gone += if goes.count() > 0 { bytes } else { 0 };
    }
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_packages::Program;
    use pollux_packages::purl::Purl;
    use proptest::prelude::*;

    fn package(name: &str, bytes: u64, unused: u32) -> Listed {
        Listed {
            program: Program::Npm,
            purl: Purl::new("npm", name),
            files: vec![name.to_owned()],
            digest: None,
            source: None,
            bytes,
            unused,
        }
    }

    fn list(packages: &[(&str, u32)]) -> PackageList {
        PackageList::new(packages.iter().map(|(name, unused)| package(name, 10, *unused)))
    }

    fn there<'a>(
        before: Option<&'a PackageList>,
        packages: &'a PackageList,
        used: Option<&'a BTreeSet<&'a str>>,
    ) -> There<'a> {
        There { before, packages, answers: &[], used, wanted: &NOTHING }
    }

    fn answer(name: &str, bytes: u64) -> (Answer, u64) {
        (Answer { files: vec![name.to_owned(), format!("{name}.body")] }, bytes)
    }

    static NOTHING: BTreeSet<Purl> = BTreeSet::new();
    const BOUNDS: Bounds = Bounds { generations: Some(2), bytes_max: 1000 };

    #[test]
    fn what_nobody_used_for_some_saves_goes() {
        let before = list(&[("a", 2), ("b", 1), ("c", 2)]);
        let now = list(&[("a", 0), ("b", 0), ("c", 0), ("new", 0)]);
        let pruned = prune(there(Some(&before), &now, Some(&BTreeSet::from(["a"]))), BOUNDS);
        assert_eq!(pruned.kept, list(&[("a", 0), ("b", 2), ("new", 0)]));
        assert_eq!(pruned.unused, [package("c", 10, 3)]);
    }

    #[test]
    fn where_nothing_changed_nothing_is_counted() {
        let before = list(&[("a", 2), ("b", 1)]);
        let now = list(&[("a", 0), ("b", 0)]);
        let pruned = prune(there(Some(&before), &now, Some(&BTreeSet::new())), BOUNDS);
        assert_eq!((pruned.kept, pruned.unused.len()), (before.clone(), 0));
        let pruned = prune(there(Some(&before), &now, Some(&BTreeSet::from(["a"]))), BOUNDS);
        assert_eq!(pruned.kept, list(&[("a", 0), ("b", 1)]), "but what was read is in use");
    }

    #[test]
    fn what_a_lock_file_names_is_in_use() {
        let before = list(&[("a", 2), ("b", 2)]);
        let (now, used) = (list(&[("a", 0), ("b", 0), ("new", 0)]), BTreeSet::new());
        let wanted = BTreeSet::from([Purl::new("npm", "a")]);
        let there = There { wanted: &wanted, ..there(Some(&before), &now, Some(&used)) };
        assert_eq!(prune(there, BOUNDS).kept, list(&[("a", 0), ("new", 0)]));
    }

    #[test]
    fn where_nobody_can_tell_everything_is_used() {
        let before = list(&[("a", 2)]);
        let pruned = prune(there(Some(&before), &list(&[("a", 0), ("new", 0)]), None), BOUNDS);
        assert_eq!(pruned.kept, list(&[("a", 0), ("new", 0)]));
    }

    #[test]
    fn what_is_too_much_goes_by_its_use() {
        let before = PackageList::new([package("a", 400, 1), package("b", 500, 1), package("c", 300, 0)]);
        let now = PackageList::new([
            package("a", 400, 0),
            package("b", 500, 0),
            package("c", 300, 0),
            package("n", 10, 0),
        ]);
        let used = BTreeSet::from(["c"]);
        let pruned = prune(there(Some(&before), &now, Some(&used)), Bounds { bytes_max: 800, ..BOUNDS });
        assert_eq!(pruned.too_much, [package("b", 500, 2)]);
        let pruned = prune(there(Some(&before), &now, Some(&used)), Bounds { bytes_max: 5, ..BOUNDS });
        assert_eq!((pruned.too_much.len(), pruned.over), (2, 305), "what the job used stays");
    }

    #[test]
    fn answers_that_nobody_used_go_and_are_counted_by_their_first_file() {
        let before = list(&[("a", 0)]).with_unused([("old".to_owned(), 2), ("read".to_owned(), 2)]);
        let (now, used) = (list(&[("a", 0), ("new", 0)]), BTreeSet::from(["a", "read.body"]));
        let answers = [answer("old", 10), answer("read", 20), answer("known", 30)];
        let all = There { answers: &answers, ..there(Some(&before), &now, Some(&used)) };
        let pruned = prune(all, BOUNDS);
        assert_eq!(pruned.answers, [answer("old", 10)]);
        assert_eq!(["read", "known"].map(|name| pruned.kept.unused(name)), [0, 1]);
        assert_eq!((pruned.kept.packages().len(), pruned.unused.len()), (2, 0));
        let pruned = prune(all, Bounds { bytes_max: 45, ..BOUNDS });
        assert_eq!(pruned.answers, [answer("old", 10), answer("known", 30)], "what is too much");
        assert_eq!(prune(There { before: None, ..all }, BOUNDS).answers, [], "all is new");
        let same = There { packages: &list(&[("a", 0)]), ..all };
        assert_eq!(prune(same, BOUNDS).kept.unused("old"), 2, "nothing changed");
    }

    #[test]
    fn files_that_something_kept_needs_stay() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["shared", "own"] {
            std::fs::write(directory.path().join(name), "x").unwrap();
        }
        let gone = Listed { files: vec!["own".to_owned(), "shared".to_owned()], ..package("gone", 7, 9) };
        let pruned = Pruned { kept: list(&[("shared", 0)]), unused: vec![gone], ..Pruned::default() };
        assert_eq!(drop_pruned(directory.path(), &pruned).unwrap(), 7);
        assert!(directory.path().join("shared").exists() && !directory.path().join("own").exists());
    }

    proptest! {
        #[test]
        fn nothing_that_is_used_ever_goes(
            before in prop::collection::btree_map("[a-d]", 0_u32..9, 0..4),
            now in prop::collection::btree_set("[a-f]", 0..6),
            used in prop::collection::btree_set("[a-f]", 0..6),
            bytes_max in 0_u64..80,
        ) {
            let before = PackageList::new(before.iter().map(|(name, unused)| package(name, 10, *unused)));
            let list = PackageList::new(now.iter().map(|name| package(name, 10, 0)));
            let used: BTreeSet<&str> = used.iter().map(String::as_str).collect();
            let pruned = prune(there(Some(&before), &list, Some(&used)), Bounds { bytes_max, ..BOUNDS });
            let stays = before.compare(&list).is_empty();
            let gone: Vec<&Listed> = pruned.unused.iter().chain(&pruned.too_much).collect();
            prop_assert_eq!(gone.len() + pruned.kept.packages().len(), now.len());
            if !stays {
                prop_assert!(gone.iter().all(|package| !used.contains(package.files[0].as_str())));
            }
        }
    }
}
