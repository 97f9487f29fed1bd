//! What goes before a save: packages that no job has used for some saves, and what is too much.
//!
//! How long something is unused is counted in saves that changed something: each such save raises the count of what its job
//! did not read. So a cache in which nothing changes stays the same to the byte, and one that grows sheds what nobody reads.

use super::inspect::remove;
use pollux_packages::list::{Listed, PackageList};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

/// What a save keeps and what goes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// What is left, with new counts.
    pub kept: PackageList,
    /// What goes, for nobody used it.
    pub unused: Vec<Listed>,
    /// What goes, for it is too much.
    pub too_much: Vec<Listed>,
    /// Even without those it is too much: so many bytes.
    pub over: u64,
}

/// What a cache may be.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Saves that something unused survives; none: it survives all.
    pub generations: Option<u32>,
    /// Bytes of all packages.
    pub bytes_max: u64,
}

/// Decides.
///
/// `before` is the list that was restored, if any; `now` what is there; `used` the files that the job used, if that is known.
#[must_use]
pub fn prune(
    before: Option<&PackageList>,
    now: &PackageList,
    used: Option<&BTreeSet<&str>>,
    bounds: Bounds,
) -> Pruned {
    let counted = count(before, now, used);
    let goes = |package: &Listed| bounds.generations.is_some_and(|most| package.unused > most);
    let (unused, mut kept): (Vec<Listed>, Vec<Listed>) = counted.into_iter().partition(goes);
    // What was not used longest goes first, of that the largest; what this job used stays.
    kept.sort_by_key(|package| (package.unused, package.bytes));
    let mut bytes: u64 = kept.iter().map(|package| package.bytes).sum();
    let mut too_much = Vec::new();
    while bytes > bounds.bytes_max && kept.last().is_some_and(|last| last.unused > 0) {
        if let Some(last) = kept.pop() {
            bytes = bytes.saturating_sub(last.bytes);
            too_much.push(last);
        }
    }
    Pruned { kept: PackageList::new(kept), unused, too_much, over: bytes.saturating_sub(bounds.bytes_max) }
}

/// The packages of now with their counts. Where nothing was added, changed or removed, the counts stay.
fn count(before: Option<&PackageList>, now: &PackageList, used: Option<&BTreeSet<&str>>) -> Vec<Listed> {
    let nothing = PackageList::default();
    let before = before.unwrap_or(&nothing);
    let stays = before.compare(now).is_empty();
    let known: BTreeMap<_, u32> =
        before.packages().iter().map(|package| ((&package.purl, &package.files), package.unused)).collect();
    let unused = |package: &Listed| {
        let had = known.get(&(&package.purl, &package.files)).copied();
        let is_used = used.is_none_or(|used| package.files.iter().any(|file| used.contains(file.as_str())));
        match had {
            Some(count) if stays => count,
            Some(count) if !is_used => count.saturating_add(1),
            Some(_) | None => 0,
        }
    };
    now.packages().iter().map(|package| Listed { unused: unused(package), ..package.clone() }).collect()
}

/// Removes the files of what goes, but those that something kept needs, too; gives their bytes.
///
/// # Errors
/// What the system says.
pub fn drop_packages(base: &Path, pruned: &Pruned) -> io::Result<u64> {
    let needed: BTreeSet<&str> =
        pruned.kept.packages().iter().flat_map(|package| &package.files).map(String::as_str).collect();
    let mut bytes = 0;
    for package in pruned.unused.iter().chain(&pruned.too_much) {
        let goes = package.files.iter().filter(|file| !needed.contains(file.as_str()));
        goes.clone().try_for_each(|file| remove(base, file))?;
        bytes += if goes.count() > 0 { package.bytes } else { 0 };
    }
    Ok(bytes)
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

    const BOUNDS: Bounds = Bounds { generations: Some(2), bytes_max: 1000 };

    #[test]
    fn what_nobody_used_for_some_saves_goes() {
        let before = list(&[("a", 2), ("b", 1), ("c", 2)]);
        let now = list(&[("a", 0), ("b", 0), ("c", 0), ("new", 0)]);
        let pruned = prune(Some(&before), &now, Some(&BTreeSet::from(["a"])), BOUNDS);
        assert_eq!(pruned.kept, list(&[("a", 0), ("b", 2), ("new", 0)]));
        assert_eq!(pruned.unused, [package("c", 10, 3)]);
    }

    #[test]
    fn where_nothing_changed_nothing_is_counted() {
        let before = list(&[("a", 2), ("b", 1)]);
        let now = list(&[("a", 0), ("b", 0)]);
        let pruned = prune(Some(&before), &now, Some(&BTreeSet::new()), BOUNDS);
        assert_eq!((pruned.kept, pruned.unused.len()), (before, 0));
    }

    #[test]
    fn where_nobody_can_tell_everything_is_used() {
        let before = list(&[("a", 2)]);
        let pruned = prune(Some(&before), &list(&[("a", 0), ("new", 0)]), None, BOUNDS);
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
        let pruned = prune(Some(&before), &now, Some(&used), Bounds { bytes_max: 800, ..BOUNDS });
        assert_eq!(pruned.too_much, [package("b", 500, 2)]);
        let pruned = prune(Some(&before), &now, Some(&used), Bounds { bytes_max: 5, ..BOUNDS });
        assert_eq!((pruned.too_much.len(), pruned.over), (2, 305), "what the job used stays");
    }

    #[test]
    fn files_that_something_kept_needs_stay() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["shared", "own"] {
            std::fs::write(directory.path().join(name), "x").unwrap();
        }
        let gone = Listed { files: vec!["own".to_owned(), "shared".to_owned()], ..package("gone", 7, 9) };
        let pruned = Pruned { kept: list(&[("shared", 0)]), unused: vec![gone], ..Pruned::default() };
        assert_eq!(drop_packages(directory.path(), &pruned).unwrap(), 7);
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
            let pruned = prune(Some(&before), &list, Some(&used), Bounds { bytes_max, ..BOUNDS });
            let stays = before.compare(&list).is_empty();
            let gone: Vec<&Listed> = pruned.unused.iter().chain(&pruned.too_much).collect();
            prop_assert_eq!(gone.len() + pruned.kept.packages().len(), now.len());
            if !stays {
                prop_assert!(gone.iter().all(|package| !used.contains(package.files[0].as_str())));
            }
        }
    }
}
