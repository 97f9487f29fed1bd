//! The directory where a restore is made ready before anybody sees it.
//!
//! `.NAME.pollux-XXXXXX` beside the target (or `.pollux-XXXXXX` inside it), mode 0700, so that nobody else walks in. It
//! holds `new`, where the tree is written, and `old`, where what is replaced is put before it is deleted. Its lock is held
//! as long as its process lives: one whose lock can be taken was left by a killed process, and the next restore removes it.
use super::{
    names::{names_in, open_dir_at, stat_at},
    remove::{DESCRIPTORS_MIN, remove_all},
};
use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    fs::{AtFlags, FlockOperation, Mode, OFlags, flock, fstat, mkdirat, openat, unlinkat},
    io::{Errno, Result, fcntl_dupfd_cloexec},
    process::geteuid,
};
use std::ffi::CStr;

/// Where the tree is written.
pub(super) const NEW: &str = "new";
/// Where what it replaces is put.
pub(super) const OLD: &str = "old";
/// What every staging directory has in its name.
const MARK: &str = ".pollux-";
/// Random letters behind the mark.
const LETTERS: usize = 6;
/// Bytes of the target's name that are repeated: a name has 255 at most.
const NAME_BYTES_MAX: usize = 200;
/// Names tried before giving up: 32^6 are possible, so the second try is rare already.
const TRIES_MAX: usize = 16;

/// A staging directory. Dropped, it is removed with all that it holds, best effort.
#[derive(Debug)]
pub(super) struct Staging {
    place: OwnedFd,
    name: String,
    inside: bool,
    /// The staging directory itself; it carries the lock.
    dir: OwnedFd,
    /// Descriptors kept for the removal: a restore that has run out of them leaves no litter either.
    reserve: Vec<OwnedFd>,
}

impl Staging {
    /// Makes one in `place`, for a target of this name (empty: `place` is the target), after removing what killed
    /// processes left there.
    pub(super) fn make(place: OwnedFd, target: &str) -> Result<Self> {
        let beginning = beginning(target);
        remove_stale_like(&place, &beginning);
        let reserve = (0..DESCRIPTORS_MIN).map(|_| fcntl_dupfd_cloexec(&place, 0)).collect::<Result<_>>()?;
        for _ in 0..TRIES_MAX {
            let name = format!("{beginning}{}", random_letters()?);
            match mkdirat(&place, &*name, Mode::RWXU) {
                Err(Errno::EXIST) => continue,
                done => done?,
            }
            let taken = take(&place, &name).inspect_err(|_| {
                let _ = unlinkat(&place, &*name, AtFlags::REMOVEDIR);
            });
            if let Some(dir) = taken? {
                let staging = Self { place, name, inside: target.is_empty(), dir, reserve };
                staging.furnish()?;
                return Ok(staging);
            }
        }
        Err(Errno::EXIST)
    }

    /// The directory that `new` and `old` are in.
    pub(super) fn dir(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    /// Whether it stands in the target, not beside it.
    pub(super) fn is_inside(&self) -> bool {
        self.inside
    }

    /// `new` gets the mode that any directory made here would get: what the umask and default ACLs leave of 0777.
    fn furnish(&self) -> Result<()> {
        mkdirat(&self.dir, NEW, Mode::from_raw_mode(0o777))?;
        mkdirat(&self.dir, OLD, Mode::RWXU)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        self.reserve.clear();
        // Nobody is left who could do more about a failure; the next restore tries again.
        let _ = remove_all(&self.place, &*self.name);
    }
}

/// Whether something of this name is a staging directory, as far as a name can tell.
pub(super) fn is_staging(name: &[u8]) -> bool {
    let behind = name.len().checked_sub(MARK.len() + LETTERS).and_then(|at| name.get(at..));
    let letters = behind.and_then(|end| end.strip_prefix(MARK.as_bytes()));
    name.starts_with(b".") && letters.is_some_and(|letters| letters.iter().all(u8::is_ascii_alphanumeric))
}

/// Removes what killed restores of a target of this name (empty: the place itself) left in a place, best effort.
pub(super) fn remove_stale(place: &OwnedFd, target: &str) {
    remove_stale_like(place, &beginning(target));
}

fn beginning(target: &str) -> String {
    if target.is_empty() {
        return MARK.to_owned();
    }
    let end = target.floor_char_boundary(NAME_BYTES_MAX);
    format!(".{}{MARK}", target.get(..end).unwrap_or_default())
}

fn random_letters() -> Result<String> {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut random = [0; LETTERS];
    crate::random::fill(&mut random).map_err(|_| Errno::IO)?;
    let letter = |byte: &u8| ALPHABET.get(usize::from(byte % 32)).map_or('a', |letter| char::from(*letter));
    Ok(random.iter().map(letter).collect())
}

/// Opens and locks a directory just made. `None`: another restore took it for a stale one in the moment before the lock.
fn take(place: &OwnedFd, name: &str) -> Result<Option<OwnedFd>> {
    let dir = match open_dir_at(place, name) {
        Err(Errno::NOENT) => return Ok(None),
        dir => dir?,
    };
    // A file system without locks has no stale directories removed either.
    if flock(&dir, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
        return Ok(None);
    }
    let made = fstat(&dir)?;
    let there = stat_at(place, name)?;
    Ok(there.filter(|there| (there.st_dev, there.st_ino) == (made.st_dev, made.st_ino)).map(|_| dir))
}

fn remove_stale_like(place: &OwnedFd, beginning: &str) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(names) = openat(place, ".", flags, Mode::empty()).and_then(names_in) else {
        return;
    };
    for name in &names {
        let letters = name.to_bytes().strip_prefix(beginning.as_bytes());
        if letters.is_some_and(|letters| letters.len() == LETTERS) && is_staging(name.to_bytes()) {
            let _ = remove_if_stale(place, name);
        }
    }
}

fn remove_if_stale(place: &OwnedFd, name: &CStr) -> Result<()> {
    let dir = open_dir_at(place, name)?;
    if fstat(&dir)?.st_uid != geteuid().as_raw() {
        return Ok(());
    }
    flock(&dir, FlockOperation::NonBlockingLockExclusive)?;
    remove_all(place, name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn place(dir: &tempfile::TempDir) -> OwnedFd {
        fs::File::open(dir.path()).unwrap().into()
    }

    fn listing(dir: &tempfile::TempDir) -> Vec<String> {
        names_in(place(dir)).unwrap().into_iter().map(|name| name.into_string().unwrap()).collect()
    }

    #[test]
    fn is_private_and_gone_when_dropped() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let staging = Staging::make(place(&dir), "cache").unwrap();
        let path = dir.path().join(&staging.name);
        assert!(staging.name.starts_with(".cache.pollux-"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o700);
        fs::write(path.join("new/file"), "x").unwrap();
        drop(staging);
        assert!(listing(&dir).is_empty());
    }

    #[test]
    fn what_a_killed_restore_left_is_removed_and_what_is_in_use_is_not() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join(".cache.pollux-aaaaaa/new/d")).unwrap();
        fs::create_dir_all(dir.path().join(".other.pollux-aaaaaa")).unwrap();
        fs::create_dir_all(dir.path().join(".cache.pollux-aaaaaa-mine")).unwrap();
        let first = Staging::make(place(&dir), "cache").unwrap();
        let second = Staging::make(place(&dir), "cache").unwrap();
        let mut expected = [".cache.pollux-aaaaaa-mine", ".other.pollux-aaaaaa", &first.name, &second.name];
        expected.sort_unstable();
        assert_eq!(listing(&dir), expected);
    }

    #[test]
    fn knows_its_own_by_name() {
        for name in [".pollux-a2b3c4", ".cache.pollux-abcdef", ".pollux-.pollux-abcdef"] {
            assert!(is_staging(name.as_bytes()), "{name}");
        }
        for name in ["", ".pollux-", "pollux-abcdef", ".pollux-abcde/", ".pollux-abcdefg", "x.pollux-abcdef"]
        {
            assert!(!is_staging(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_name_at_the_limit_still_fits() {
        let dir = tempfile::tempdir().unwrap();
        let staging = Staging::make(place(&dir), &"ü".repeat(127)).unwrap();
        assert!(staging.name.len() <= 255);
    }
}
