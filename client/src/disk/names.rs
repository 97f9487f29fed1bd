//! What a directory holds.
use rustix::{
    fd::{AsFd, OwnedFd},
    fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, openat, statat},
    io::{Errno, Result},
};
use std::ffi::CString;

/// The names in an open directory, in order of their bytes, without `.` and `..`.
pub(super) fn names_in(dir: impl AsFd) -> Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Opens a directory by its name in another, without following a link.
pub(super) fn open_dir_at(dir: impl AsFd, name: impl rustix::path::Arg) -> Result<OwnedFd> {
    openat(dir, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// What stands under a name in a directory, links not followed; nothing is `None`.
pub(super) fn stat_at(dir: impl AsFd, name: impl rustix::path::Arg) -> Result<Option<Stat>> {
    match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Whether this is a directory (and no link to one).
pub(super) fn is_dir(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}
