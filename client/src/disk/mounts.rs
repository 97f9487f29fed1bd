//! What is mounted where: a mount must never be moved aside and emptied with what a restore replaces.
use rustix::{
    fd::AsFd,
    fs::{AtFlags, StatxAttributes, StatxFlags, statx},
};
use std::{
    ffi::OsString,
    fs,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

/// Whether something is mounted on this directory. Kernels before 5.8 do not tell.
pub(super) fn is_mount_root(dir: impl AsFd) -> bool {
    let told = statx(dir, "", AtFlags::EMPTY_PATH, StatxFlags::empty());
    told.is_ok_and(|told| told.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// What is mounted on or below a path without links, as far as this process can see.
pub(super) fn mounted_in(path: &Path) -> Vec<PathBuf> {
    let table = fs::read("/proc/self/mountinfo").unwrap_or_default();
    table
        .split(|byte| *byte == b'\n')
        .filter_map(mount_point)
        .filter(|point| point.starts_with(path))
        .collect()
}

/// The fifth field of a line of mountinfo.
fn mount_point(line: &[u8]) -> Option<PathBuf> {
    let field = line.split(|byte| *byte == b' ').nth(4)?;
    Some(PathBuf::from(OsString::from_vec(unescape(field))))
}

/// Blanks, tabs, line ends and backslashes stand as `\` and three octal digits.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((byte, behind)) = rest.split_first() {
        let digits = behind.first_chunk::<3>().filter(|_| *byte == b'\\');
        let octal = digits.and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 8).ok());
        plain.push(octal.unwrap_or(*byte));
        rest = behind.get(if octal.is_some() { 3 } else { 0 }..).unwrap_or_default();
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_line_of_mountinfo() {
        let line =
            br"36 35 98:0 /mnt1 /mnt\0402/a\134b rw,noatime master:1 - ext3 /dev/root rw,errors=continue";
        assert_eq!(mount_point(line), Some(PathBuf::from(r"/mnt 2/a\b")));
        assert_eq!(mount_point(b""), None);
        assert_eq!(unescape(br"a\04"), br"a\04");
    }

    #[test]
    fn the_root_is_mounted_and_a_new_directory_is_not() {
        let dir = tempfile::tempdir().unwrap();
        assert!(mounted_in(Path::new("/")).contains(&PathBuf::from("/")));
        assert!(mounted_in(dir.path()).is_empty());
        assert!(!is_mount_root(fs::File::open(dir.path()).unwrap()));
    }
}
