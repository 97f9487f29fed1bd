//! Which paths and symlink targets a tree may hold, and in which order.
//!
//! The scanner of a save asks here first, to name and skip what no restore would take.

use crate::limits::{NAME_BYTES_MAX, PATH_DEPTH_MAX, SYMLINK_BYTES_MAX};
use core::cmp::Ordering;

/// Why a path cannot stand in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// It is empty.
    #[error("the path is empty")]
    Empty,
    /// It begins with a slash.
    #[error("the path is absolute")]
    Absolute,
    /// Two slashes follow each other, or one stands at the end.
    #[error("the path has an empty name in it")]
    EmptyName,
    /// A name is `.` or `..`.
    #[error("the path has `.` or `..` in it")]
    Dots,
    /// A name holds a zero byte.
    #[error("the path has a zero byte in it")]
    Nul,
    /// A name has more than [`NAME_BYTES_MAX`] bytes.
    #[error("the path has a name of more than {NAME_BYTES_MAX} bytes in it")]
    NameTooLong,
    /// There are more than [`PATH_DEPTH_MAX`] names.
    #[error("the path is nested more than {PATH_DEPTH_MAX} deep")]
    TooDeep,
}

/// Why a symlink cannot stand in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetFault {
    /// It is empty.
    #[error("the symlink has no target")]
    Empty,
    /// It begins with a slash.
    #[error("the symlink's target is absolute")]
    Absolute,
    /// It holds a zero byte.
    #[error("the symlink's target has a zero byte in it")]
    Nul,
    /// It has more than [`SYMLINK_BYTES_MAX`] bytes.
    #[error("the symlink's target has more than {SYMLINK_BYTES_MAX} bytes")]
    TooLong,
    /// It leads out of the base directory.
    #[error("the symlink leads out of the saved directory")]
    Leaves,
    /// `..` stands behind a name.
    #[error("the symlink's target has `..` behind a name")]
    UpBehindName,
}

/// Whether a path can stand in a tree: relative, its names joined by single slashes.
///
/// # Errors
///
/// The first rule that it breaks.
pub fn check_path(path: &str) -> Result<(), PathFault> {
    if path.is_empty() {
        return Err(PathFault::Empty);
    }
    if path.starts_with('/') {
        return Err(PathFault::Absolute);
    }
    path.split('/').try_for_each(check_name)?;
    if depth(path) > PATH_DEPTH_MAX { Err(PathFault::TooDeep) } else { Ok(()) }
}

fn check_name(name: &str) -> Result<(), PathFault> {
    match name {
        "" => Err(PathFault::EmptyName),
        "." | ".." => Err(PathFault::Dots),
        _ if name.len() > NAME_BYTES_MAX => Err(PathFault::NameTooLong),
        _ if name.contains('\0') => Err(PathFault::Nul),
        _ => Ok(()),
    }
}

/// Whether a symlink at `link` (a path that [`check_path`] allows) may have this target.
///
/// The target is relative, and its `..` stand at its beginning only, no more of them than there are directories above the
/// link. That is enough for following it, and every further link on the way, to stay under the base: the directories above
/// a link are real ones (a tree lists no entry below a symlink), so the leading `..` climb exactly as far as they seem to,
/// and behind a name, which may be another symlink of the tree, nothing climbs. `a/../b` is refused for that reason: it
/// looks harmless, but leads elsewhere where `a` is a symlink.
///
/// # Errors
///
/// The first rule that it breaks.
pub fn check_target(link: &str, target: &str) -> Result<(), TargetFault> {
    if target.is_empty() {
        return Err(TargetFault::Empty);
    }
    if target.starts_with('/') {
        return Err(TargetFault::Absolute);
    }
    if target.len() > SYMLINK_BYTES_MAX {
        return Err(TargetFault::TooLong);
    }
    if target.contains('\0') {
        return Err(TargetFault::Nul);
    }
    let mut steps = target.split('/').filter(|step| !matches!(*step, "" | "."));
    let up = steps.by_ref().take_while(|step| *step == "..").count();
    if up >= depth(link) {
        return Err(TargetFault::Leaves);
    }
    if steps.any(|step| step == "..") { Err(TargetFault::UpBehindName) } else { Ok(()) }
}

/// The order of a tree's entries: name by name, names by their bytes. So everything below a directory follows it at once,
/// unlike in the order of whole strings, where `a.b` comes between `a` and `a/c`.
#[must_use]
pub fn path_order(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('/'), right.split('/'));
    loop {
        match (left.next(), right.next()) {
            (Some(one), Some(other)) if one == other => {}
            (one, other) => return one.cmp(&other),
        }
    }
}

/// The directory that a path lies in, or `None` directly under the base.
pub(super) fn parent(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(parent, _)| parent)
}

/// Whether `path` is `above` or lies below it. The base, "", is above everything.
pub(super) fn is_within(path: &str, above: &str) -> bool {
    above.is_empty() || path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// How many names a path has.
pub(super) fn depth(path: &str) -> usize {
    path.split('/').count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ordinary_paths() {
        for path in ["a", "a/b", ".hidden", "...", "a b/ü\n\t\\", "..a", "-"] {
            assert_eq!(check_path(path), Ok(()), "{path:?}");
        }
        assert_eq!(check_path(&"n".repeat(255)), Ok(()));
        assert_eq!(check_path(&["d"; 64].join("/")), Ok(()));
    }

    #[test]
    fn dotdot() {
        for path in ["..", "../a", "a/..", "a/../b", ".", "./a", "a/.", "a/./b"] {
            assert_eq!(check_path(path), Err(PathFault::Dots), "{path:?}");
        }
    }

    #[test]
    fn absolute_path() {
        for path in ["/", "/etc/passwd", "//a"] {
            assert_eq!(check_path(path), Err(PathFault::Absolute), "{path:?}");
        }
    }

    #[test]
    fn empty_names() {
        assert_eq!(check_path(""), Err(PathFault::Empty));
        for path in ["a//b", "a/", "a/b//"] {
            assert_eq!(check_path(path), Err(PathFault::EmptyName), "{path:?}");
        }
    }

    #[test]
    fn zero_byte_in_a_name() {
        assert_eq!(check_path("a/b\0c"), Err(PathFault::Nul));
    }

    #[test]
    fn name_too_long() {
        assert_eq!(check_path(&format!("a/{}", "n".repeat(256))), Err(PathFault::NameTooLong));
        // 128 letters of two bytes.
        assert_eq!(check_path(&"ü".repeat(128)), Err(PathFault::NameTooLong));
    }

    #[test]
    fn too_deep() {
        assert_eq!(check_path(&["d"; 65].join("/")), Err(PathFault::TooDeep));
    }

    #[test]
    fn ordinary_targets() {
        for (link, target) in [
            ("a", "b"),
            ("a", "./b"),
            ("a", "b/c/"),
            ("a/b", ".."),
            ("a/b", "../c"),
            ("a/b", ".././c"),
            ("a/b/c", "../../d/e"),
            ("a/b", "..c/d"),
            ("a", "."),
            ("node_modules/.bin/tsc", "../typescript/bin/tsc"),
        ] {
            assert_eq!(check_target(link, target), Ok(()), "{link} to {target}");
        }
        assert_eq!(check_target("a", &"t".repeat(4095)), Ok(()));
    }

    #[test]
    fn symlink_out() {
        for (link, target) in [
            ("a", ".."),
            ("a", "../b"),
            ("a", "./../b"),
            ("a/b", "../../etc"),
            ("a/b", "..//../etc"),
            ("a/b/c", "../../.."),
        ] {
            assert_eq!(check_target(link, target), Err(TargetFault::Leaves), "{link} to {target}");
        }
    }

    #[test]
    fn symlink_out_through_another() {
        // Where `x` is a symlink to a shallower directory, these leave the base although they seem not to.
        for (link, target) in [("a", "x/.."), ("a", "x/../../b"), ("a/b", "../x/../c"), ("a/b", "x/y/../z")] {
            assert_eq!(check_target(link, target), Err(TargetFault::UpBehindName), "{link} to {target}");
        }
    }

    #[test]
    fn target_that_no_link_may_have() {
        assert_eq!(check_target("a", ""), Err(TargetFault::Empty));
        assert_eq!(check_target("a", "/etc/passwd"), Err(TargetFault::Absolute));
        assert_eq!(check_target("a", "b\0"), Err(TargetFault::Nul));
        assert_eq!(check_target("a", &"t".repeat(4096)), Err(TargetFault::TooLong));
    }

    #[test]
    fn order_is_by_names() {
        let ordered = ["A", "a", "a/b", "a/b/c", "a/b.c", "a/c", "a b", "a.b", "a0", "b", "ü"];
        assert!(ordered.is_sorted_by(|left, right| path_order(left, right) == Ordering::Less));
    }

    #[test]
    fn within() {
        for (path, above) in [("a", ""), ("a", "a"), ("a/b", "a"), ("a/b/c", "a/b")] {
            assert!(is_within(path, above), "{path} in {above}");
        }
        for (path, above) in [("a", "a/b"), ("ab", "a"), ("a.b", "a"), ("b/a", "a")] {
            assert!(!is_within(path, above), "{path} in {above}");
        }
    }

    proptest! {
        #[test]
        fn order_is_that_of_lists_of_names(left in "[a./ü]{0,8}", right in "[a./ü]{0,8}") {
            let names = |path: &str| path.split('/').map(|name| name.as_bytes().to_vec()).collect::<Vec<_>>();
            prop_assert_eq!(path_order(&left, &right), names(&left).cmp(&names(&right)));
        }

        #[test]
        fn allowed_targets_stay_inside(link in "[ab]{1}(/[ab]{1}){0,4}", target in "(\\.\\./|\\./|a/|b//){0,6}[ab.]{1,2}") {
            if check_target(&link, &target).is_ok() {
                let mut place = link.split('/').collect::<Vec<_>>();
                place.pop();
                for step in target.split('/').filter(|step| !matches!(*step, "" | ".")) {
                    if step == ".." {
                        prop_assert!(place.pop().is_some(), "{} to {} leaves", link, target);
                    } else {
                        place.push(step);
                    }
                }
            }
        }
    }
}
