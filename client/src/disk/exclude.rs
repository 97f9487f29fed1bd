//! What a save leaves out.
use super::DiskError;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// Globs over relative paths. `*` stays within one component, `**` does not. A glob without `/` means a name at any depth,
/// as with `rsync` and `tar`; one with `/` (also a leading one) is a path from the base.
#[derive(Clone, Debug)]
pub struct Exclude {
    globs: GlobSet,
    /// What is saved whatever matches.
    always: Option<String>,
}

impl Exclude {
    /// From globs; and what is saved whatever matches.
    ///
    /// # Errors
    /// A glob that is empty, or none.
    pub fn new(globs: &[String], always: Option<&str>) -> Result<Self, DiskError> {
        let mut set = GlobSetBuilder::new();
        for glob in globs {
            if glob.trim_matches('/').is_empty() {
                let why = "it is empty, which would leave out everything: is a variable unset?".to_owned();
                return Err(DiskError::BadGlob { glob: glob.clone(), why });
            }
            let bad =
                |error: globset::Error| DiskError::BadGlob { glob: glob.clone(), why: error.to_string() };
            set.add(GlobBuilder::new(&from_base(glob)).literal_separator(true).build().map_err(bad)?);
        }
        let bad =
            |error: globset::Error| DiskError::BadGlob { glob: globs.join(" "), why: error.to_string() };
        let globs = set.build().map_err(bad)?;
        Ok(Self { globs, always: always.map(str::to_owned) })
    }

    /// Whether the entry of this path, and what lies below it, is left out.
    pub(super) fn matches(&self, path: &str) -> bool {
        self.globs.is_match(path) && self.always.as_deref() != Some(path)
    }

    /// Whether the entry of this path is left out, or a directory that it lies in. The base itself never is.
    #[must_use]
    pub fn covers(&self, path: &str) -> bool {
        let mut directories = path.match_indices('/').filter_map(|(end, _)| path.get(..end));
        !path.is_empty() && (self.matches(path) || directories.any(|directory| self.matches(directory)))
    }
}

fn from_base(glob: &str) -> String {
    let glob = glob.strip_suffix('/').unwrap_or(glob);
    match glob.strip_prefix('/') {
        Some(anchored) => anchored.to_owned(),
        None if glob.contains('/') => glob.to_owned(),
        None => format!("**/{glob}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excludes(glob: &str, path: &str) -> bool {
        Exclude::new(&[glob.to_owned()], None).unwrap().matches(path)
    }

    #[test]
    fn a_name_at_any_depth_and_a_path_from_the_base() {
        for (glob, path, expected) in [
            ("*.log", "a.log", true),
            ("*.log", "deep/down/a.log", true),
            ("*.log", "a.log.d", false),
            ("tmp/", "x/tmp", true),
            ("/tmp", "tmp", true),
            ("/tmp", "x/tmp", false),
            ("a/*/c", "a/b/c", true),
            ("a/*/c", "a/b/b/c", false),
            ("a/**/c", "a/b/b/c", true),
            ("registry/src", "registry/src", true),
            ("registry/src", "x/registry/src", false),
        ] {
            assert_eq!(excludes(glob, path), expected, "{glob} {path}");
        }
    }

    #[test]
    fn a_path_is_covered_with_any_directory_that_it_lies_in() {
        let globs = ["/a/b".to_owned(), "*.log".to_owned(), "**".to_owned()];
        let few = Exclude::new(&globs[..2], None).unwrap();
        for path in ["a/b", "a/b/c/d", "x.log", "deep/x.log/in"] {
            assert!(few.covers(path), "{path}");
        }
        for path in ["", "a", "a/bc", "x/a/b", "log"] {
            assert!(!few.covers(path), "{path}");
        }
        let all = Exclude::new(&globs, Some("list")).unwrap();
        assert!(all.covers("a/list") && !all.covers("list") && !all.covers(""));
    }

    #[test]
    fn says_which_glob_is_bad() {
        let error = Exclude::new(&["ok".into(), "[z-a]".into()], None).unwrap_err();
        assert!(matches!(error, DiskError::BadGlob { glob, .. } if glob == "[z-a]"));
    }

    #[test]
    fn an_empty_glob_does_not_leave_out_everything() {
        for glob in ["", "/", "//"] {
            assert!(
                matches!(Exclude::new(&[glob.to_owned()], None), Err(DiskError::BadGlob { .. })),
                "{glob:?}"
            );
        }
    }
}
