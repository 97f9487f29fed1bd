//! The paths under a base that belong to a cache, as a person writes them and as a tree names them.
use super::DiskError;
use pollux_core::path_order;
use std::path::{Component, Path};

/// The paths as a tree names them; the empty one is the base.
pub(super) fn named(paths: &[String]) -> Result<Vec<String>, DiskError> {
    paths.iter().map(|path| root(path)).collect()
}

/// In order of components, without one that lies in another; the empty path alone where all of the base is meant.
pub(super) fn distinct(mut roots: Vec<String>) -> Vec<String> {
    if roots.is_empty() || roots.iter().any(String::is_empty) {
        return vec![String::new()];
    }
    roots.sort_unstable_by(|left, right| path_order(left, right));
    // What lies in a path follows it at once in this order.
    roots.dedup_by(|inner, outer| is_within(inner, outer));
    roots
}

/// Whether a path is another one, or lies below it. Both are relative, their components joined by `/`; all lie below the empty one.
#[must_use]
pub fn is_within(inner: &str, outer: &str) -> bool {
    outer.is_empty() || inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn root(path: &str) -> Result<String, DiskError> {
    let bad = |why| DiskError::BadPath { path: path.to_owned(), why };
    if path.is_empty() {
        return Err(bad("it is empty"));
    }
    let mut names = Vec::new();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => names.push(name.to_string_lossy()),
            Component::CurDir => {}
            Component::ParentDir => return Err(bad("it has a `..`")),
            Component::RootDir | Component::Prefix(_) => return Err(bad("it is absolute")),
        }
    }
    Ok(names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(paths: &[&str]) -> Vec<String> {
        distinct(named(&paths.iter().map(|&path| path.to_owned()).collect::<Vec<_>>()).unwrap())
    }

    #[test]
    fn are_ordered_and_none_lies_in_another() {
        assert_eq!(of(&[]), [""]);
        assert_eq!(of(&["registry", "./git/"]), ["git", "registry"]);
        assert_eq!(of(&["a/b", "a", "a.b", "a/c", "a"]), ["a", "a.b"]);
        assert_eq!(of(&["a/b", "."]), [""]);
        assert_eq!(of(&["a//b"]), ["a/b"]);
    }

    #[test]
    fn absolute_path_and_dotdot_are_refused() {
        for bad in ["/etc", "..", "a/../b", ""] {
            assert!(matches!(named(&[bad.to_owned()]), Err(DiskError::BadPath { .. })), "{bad}");
        }
    }
}
