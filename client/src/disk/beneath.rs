//! Opening what lies beneath a directory, so that no link and no `..` leads out of it.
//!
//! The kernel does it in one call (`openat2`). Where that call is forbidden or unknown (sandboxes, old kernels) the path
//! is walked component by component, each opened without following links.
use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2},
    io::{Errno, Result},
};
use std::sync::OnceLock;

/// How often a walk that raced with a rename is tried again.
const RETRIES_MAX: usize = 16;

/// Which way paths are walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walk {
    /// By the kernel.
    Kernel,
    /// Component by component.
    Steps,
}

impl Walk {
    /// What this process may do: it is tried once. Old kernels do not know the call, sandboxes forbid it.
    pub(super) fn possible() -> Self {
        static POSSIBLE: OnceLock<Walk> = OnceLock::new();
        *POSSIBLE.get_or_init(|| {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            match openat2(CWD, ".", flags, Mode::empty(), RESOLVE) {
                Err(Errno::NOSYS | Errno::PERM) => Self::Steps,
                Ok(_) | Err(_) => Self::Kernel,
            }
        })
    }
}

const RESOLVE: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

/// A directory, and what lies beneath it. Paths are relative, components joined by `/`; the empty path is the directory.
#[derive(Debug)]
pub(super) struct Beneath {
    dir: OwnedFd,
    walk: Walk,
}

impl AsFd for Beneath {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }
}

impl Beneath {
    /// Beneath this directory.
    pub(super) fn new(dir: OwnedFd, walk: Walk) -> Self {
        Self { dir, walk }
    }

    /// The directory itself.
    pub(super) fn dir(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    /// Opens a directory for listing and as a place for the `…at` calls.
    pub(super) fn open_dir(&self, path: &str) -> Result<OwnedFd> {
        self.open(path, OFlags::RDONLY | OFlags::DIRECTORY)
    }

    /// Opens something that is there. A link anywhere on the way, also as the last component, is `ELOOP` or `ENOTDIR`.
    pub(super) fn open(&self, path: &str, flags: OFlags) -> Result<OwnedFd> {
        let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        match self.walk {
            Walk::Kernel => self.open_by_kernel(path, flags),
            Walk::Steps => self.open_by_steps(path, flags),
        }
    }

    fn open_by_kernel(&self, path: &str, flags: OFlags) -> Result<OwnedFd> {
        let path = if path.is_empty() { "." } else { path };
        let mut result = Err(Errno::AGAIN);
        for _ in 0..RETRIES_MAX {
            result = openat2(&self.dir, path, flags, Mode::empty(), RESOLVE);
            if !matches!(result, Err(Errno::AGAIN | Errno::INTR)) {
                break;
            }
        }
        result
    }

    fn open_by_steps(&self, path: &str, flags: OFlags) -> Result<OwnedFd> {
        if path.is_empty() {
            return openat(&self.dir, ".", flags, Mode::empty());
        }
        let (way, last) = split(path);
        let mut at: Option<OwnedFd> = None;
        for name in way.split('/').filter(|_| !way.is_empty()) {
            let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            at = Some(openat(self.or_dir(at.as_ref()), plain(name)?, step, Mode::empty())?);
        }
        openat(self.or_dir(at.as_ref()), plain(last)?, flags, Mode::empty())
    }

    fn or_dir<'a>(&'a self, at: Option<&'a OwnedFd>) -> BorrowedFd<'a> {
        at.map_or(self.dir.as_fd(), AsFd::as_fd)
    }
}

/// The directory that a path lies in (empty: at the top), and its last component.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// A path from a directory's path and a name in it.
pub(super) fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") }
}

/// Refuses what is not the name of something in a directory.
fn plain(name: &str) -> Result<&str> {
    match name {
        "" | "." | ".." => Err(Errno::XDEV),
        _ => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn beneath(dir: &std::path::Path, walk: Walk) -> Beneath {
        Beneath::new(std::fs::File::open(dir).unwrap().into(), walk)
    }

    #[test]
    fn opens_what_lies_beneath_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("in/deep")).unwrap();
        std::fs::create_dir_all(dir.path().join("out")).unwrap();
        std::fs::write(dir.path().join("in/deep/file"), "x").unwrap();
        std::fs::write(dir.path().join("out/secret"), "x").unwrap();
        symlink("../out", dir.path().join("in/link")).unwrap();
        symlink("deep/file", dir.path().join("in/inside")).unwrap();
        for walk in [Walk::Kernel, Walk::Steps] {
            let beneath = beneath(&dir.path().join("in"), walk);
            for good in ["deep/file", "deep", ""] {
                assert!(beneath.open(good, OFlags::RDONLY).is_ok(), "{walk:?} {good}");
            }
            for bad in
                ["link/secret", "inside", "link", "../out/secret", "deep/../../out/secret", "/etc/passwd"]
            {
                assert!(beneath.open(bad, OFlags::RDONLY).is_err(), "{walk:?} {bad}");
            }
        }
    }

    #[test]
    fn joins_and_splits() {
        assert_eq!(split("a/b/c"), ("a/b", "c"));
        assert_eq!(split("a"), ("", "a"));
        assert_eq!((join("", "a"), join("a/b", "c")), ("a".into(), "a/b/c".into()));
    }
}
