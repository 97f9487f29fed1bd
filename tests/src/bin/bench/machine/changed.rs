//! What the second version of an input changes.

use pollux_tests::Listing;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Files that are new, or are not as they were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changed {
    paths: Vec<PathBuf>,
    runs: u64,
}

/// What of `next` is not the same in `before`; times alone are no change.
pub(super) fn between(before: &Listing, next: &Listing) -> Changed {
    let mut changed = Changed::default();
    let mut was_changed = false;
    for path in next.files() {
        let is_changed = !next.has_same_file(before, path);
        if is_changed {
            changed.paths.push(path.to_owned());
            changed.runs += u64::from(!was_changed);
        }
        was_changed = is_changed;
    }
    changed
}

impl Changed {
    /// As `tar --null -T` reads them.
    pub(super) fn names(&self) -> Vec<u8> {
        self.paths.iter().flat_map(|path| [path.as_os_str().as_bytes(), &[0]].concat()).collect()
    }

    /// Files that change and are neighbours in the order of paths are one change.
    pub(super) const fn runs(&self) -> u64 {
        self.runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    fn tree(at: &Path, files: &[(&str, &str)]) -> Listing {
        for (name, text) in files {
            let path = at.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Listing::of(at).unwrap()
    }

    #[test]
    fn neighbours_that_change_are_one_change() {
        let work = tempfile::tempdir().unwrap();
        let before =
            tree(&work.path().join("1"), &[("a", "1"), ("b", "1"), ("c/d", "1"), ("e", "1"), ("g", "1")]);
        let next =
            tree(&work.path().join("2"), &[("a", "1"), ("b", "2"), ("c/d", "2"), ("e", "1"), ("f", "1")]);
        let changed = between(&before, &next);
        assert_eq!(changed.names(), b"b\0c/d\0f\0");
        assert_eq!(changed.runs(), 2);
        assert_eq!(between(&before, &before), Changed::default());
    }
}
