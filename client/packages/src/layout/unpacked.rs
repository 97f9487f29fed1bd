//! Files that were unpacked from an archive, compared with it: `.tar.gz`, all below one directory, whose name is left away.
//!
//! Both are read in pieces, and of the archive no more than a bound says. What the archive has twice counts as it stood there
//! last, as it does for who unpacks. Long names may be GNU's or POSIX's; who else extends tar is not understood.

use crate::effort::{RATIO_MAX, Spent, Unpacking};
use crate::files::Files;
use flate2::read::GzDecoder;
use std::collections::BTreeMap;
use std::fs::{File, read_link};
use std::io::{self, BufRead, BufReader, Read};
use tar::{Archive, Entry, EntryType, PaxExtensions};

/// Bytes of all that is in an archive at most: Cargo unpacks so much, or twenty times what is compressed. What of that is
/// more than twenty times is taken from what all archives of a cache share.
const UNPACKED_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Entries of an archive at most.
const ENTRIES_MAX: usize = 200_000;
/// Bytes of a long name and what goes with it at most.
const EXTENSION_BYTES_MAX: u64 = 64 * 1024;
/// What is compared at once.
const BUFFER_BYTES: usize = 64 * 1024;

/// An archive, and where it was unpacked.
pub(super) struct Unpacked<'a> {
    pub(super) files: &'a Files,
    /// The archive.
    pub(super) archive: &'a str,
    /// The directory that has what the archive has in its one directory.
    pub(super) directory: &'a str,
    /// Names that belong to the program: wherever they are, in the archive and unpacked, they do not count. After a slash
    /// only right in the directory.
    pub(super) own: &'a [&'a str],
}

/// What differs: a path, and what is wrong with it.
pub(super) type Differences = Vec<(String, String)>;

/// What an archive's entry is, unpacked.
enum Found {
    Same,
    Missing,
    Changed,
}

impl Unpacked<'_> {
    /// What is not as the archive has it. Where that would be too much to unpack, this is what is wrong.
    ///
    /// # Errors
    /// Why the archive cannot be read, or not to its end: then nothing is known.
    pub(super) fn differences(&self) -> Result<Differences, String> {
        let mut unpacking = self.files.unpacking(self.archive, None);
        let found = self.found(&mut unpacking);
        match unpacking.spent() {
            None => {}
            Some(Spent::Interrupted) => return Err(Spent::Interrupted.to_string()),
            Some(spent) => return Ok(vec![(self.archive.to_owned(), spent.to_string())]),
        }
        let found = found.map_err(|error| error.to_string())?;
        let mut differences: Differences = Vec::new();
        for (name, found) in &found {
            let why = match found {
                Found::Same => continue,
                Found::Missing => "is missing, and the archive has it",
                Found::Changed => "is not what the archive has",
            };
            differences.push((self.unpacked(name), format!("what was unpacked {why}")));
        }
        for path in self.files.all_under(self.directory) {
            let name = path.get(self.directory.len() + 1..).unwrap_or_default();
            if !self.is_own(name) && !found.contains_key(name) {
                differences.push((path.to_owned(), "the archive has no such file".to_owned()));
            }
        }
        Ok(differences)
    }

    fn unpacked(&self, name: &str) -> String {
        format!("{}/{name}", self.directory)
    }

    fn found(&self, unpacking: &mut Unpacking<'_>) -> io::Result<BTreeMap<String, Found>> {
        let packed = self.files.bytes_of(self.archive).unwrap_or_default();
        let most = packed.saturating_mul(RATIO_MAX).max(UNPACKED_BYTES_MAX);
        let unpacked =
            GzDecoder::new(BufReader::new(self.files.reader(self.archive).map_err(io::Error::other)?));
        // What is cut off there is an archive that does not end, and so an error.
        let mut archive = Archive::new(unpacking.read(unpacked.take(most)));
        let (mut found, mut long) = (BTreeMap::new(), None);
        for (number, entry) in archive.entries()?.raw(true).enumerate() {
            let mut entry = entry?;
            if number >= ENTRIES_MAX {
                return Err(io::Error::other("more entries than anybody packs"));
            }
            let kind = entry.header().entry_type();
            if kind.is_gnu_longname() || kind.is_pax_local_extensions() {
                long = extended(&mut entry)?.or(long);
                continue;
            }
            if kind.is_gnu_longlink() || kind.is_pax_global_extensions() {
                continue;
            }
            let whole = long.take().unwrap_or_else(|| entry.path_bytes().into_owned());
            let Some(name) = below_first(&String::from_utf8_lossy(&whole)) else { continue };
            self.enter(name, entry, &mut found)?;
        }
        Ok(found)
    }

    fn enter<R: Read>(
        &self,
        name: String,
        entry: Entry<'_, R>,
        found: &mut BTreeMap<String, Found>,
    ) -> io::Result<()> {
        let kind = entry.header().entry_type();
        if kind.is_dir() || self.is_own(&name) {
            return Ok(());
        }
        let compared =
            if kind.is_file() { self.compare(&name, entry)? } else { self.compare_link(&name, &entry) };
        found.insert(name, compared);
        Ok(())
    }

    fn is_own(&self, name: &str) -> bool {
        let last = name.rsplit('/').next().unwrap_or(name);
        self.own.iter().any(|own| own.strip_prefix('/').map_or(*own == last, |own| own == name))
    }

    fn compare<R: Read>(&self, name: &str, entry: Entry<'_, R>) -> io::Result<Found> {
        let path = self.unpacked(name);
        match (self.files.bytes_of(&path), self.files.reader(&path)) {
            (None, _) => Ok(Found::Missing),
            (Some(bytes), Ok(file)) if bytes == entry.size() => Ok(same(entry, file)?),
            _ => Ok(Found::Changed),
        }
    }

    /// A symlink must point where it does in the archive. Of a hard link it is only known that there is one.
    fn compare_link<R: Read>(&self, name: &str, entry: &Entry<'_, R>) -> Found {
        let path = self.unpacked(name);
        let target = read_link(self.files.base().join(&path)).ok();
        match (entry.header().entry_type(), entry.link_name().ok().flatten()) {
            (EntryType::Symlink, packed) if target.as_deref() != packed.as_deref() => Found::Changed,
            (_, _) => Found::Same,
        }
    }
}

/// `NAME` of `DIRECTORY/NAME`.
fn below_first(path: &str) -> Option<String> {
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    let below: Vec<&str> = parts.skip(1).collect();
    (!below.is_empty()).then(|| below.join("/"))
}

/// The name that an extension gives the next entry.
fn extended<R: Read>(entry: &mut Entry<'_, R>) -> io::Result<Option<Vec<u8>>> {
    if entry.size() > EXTENSION_BYTES_MAX {
        return Err(io::Error::other("a name that is too long"));
    }
    let mut bytes = Vec::new();
    entry.take(EXTENSION_BYTES_MAX).read_to_end(&mut bytes)?;
    if entry.header().entry_type().is_gnu_longname() {
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        bytes.truncate(end);
        return Ok(Some(bytes));
    }
    let mut name = None;
    for extension in PaxExtensions::new(&bytes) {
        let extension = extension?;
        match extension.key_bytes() {
            b"path" => name = Some(extension.value_bytes().to_vec()),
            b"size" => return Err(io::Error::other("a length that its header does not tell")),
            _ => {}
        }
    }
    Ok(name)
}

/// Compares two of one length. An archive that cannot be read is an error; a file that cannot is another one.
fn same<R: Read>(entry: Entry<'_, R>, file: File) -> io::Result<Found> {
    let mut entry = BufReader::with_capacity(BUFFER_BYTES, entry);
    let mut file = BufReader::with_capacity(BUFFER_BYTES, file);
    loop {
        let packed = entry.fill_buf()?;
        let Ok(unpacked) = file.fill_buf() else { return Ok(Found::Changed) };
        let count = packed.len().min(unpacked.len());
        if count == 0 {
            return Ok(if packed.len() == unpacked.len() { Found::Same } else { Found::Changed });
        }
        if packed.get(..count) != unpacked.get(..count) {
            return Ok(Found::Changed);
        }
        entry.consume(count);
        file.consume(count);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::effort::Limits;
    use crate::layout::testing::put;
    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    /// A `.tar.gz` of some files.
    pub(crate) fn packed(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
        for (path, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len().try_into().unwrap());
            header.set_mode(0o644);
            tar.append_data(&mut header, path, *content).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap()
    }

    fn compared(base: &Path) -> Result<Differences, String> {
        let files = Files::below(base, &[""]).unwrap();
        Unpacked { files: &files, archive: "a.tgz", directory: "a", own: &[".own"] }.differences()
    }

    #[test]
    fn what_is_too_much_for_all_archives_together_is_wrong() {
        let directory = tempfile::tempdir().unwrap();
        let zeros = vec![0; 1 << 20];
        for name in ["a", "b"] {
            put(directory.path(), &format!("{name}.tgz"), packed(&[("x/zeros", &zeros)]));
            put(directory.path(), &format!("{name}/zeros"), &zeros);
        }
        // One of them fits, with what is around its only file.
        let limits = Limits { unpacked_bytes_max: (1 << 20) + 4096, ..Limits::default() };
        let files = Files::below(directory.path(), &[""]).unwrap().within(limits);
        let compared =
            |archive, directory| Unpacked { files: &files, archive, directory, own: &[] }.differences();
        assert_eq!(compared("a.tgz", "a"), Ok(vec![]));
        let wrong = ("b.tgz".to_owned(), "too much when it is unpacked".to_owned());
        assert_eq!(compared("b.tgz", "b"), Ok(vec![wrong]));
    }

    fn long() -> String {
        format!("{}/{}", "d".repeat(90), "f".repeat(90))
    }

    fn unpacked() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let long = format!("x/{}", long());
        let files: [(&str, &[u8]); 5] =
            [("x/a", b"old"), ("x/a", b"new"), ("x/.own", b"1"), ("x/b/c", &[7; 200_000]), (&long, b"l")];
        put(directory.path(), "a.tgz", packed(&files));
        put(directory.path(), "a/a", b"new");
        put(directory.path(), "a/.own", b"2");
        put(directory.path(), "a/b/c", [7; 200_000]);
        put(directory.path(), &format!("a/{}", self::long()), b"l");
        directory
    }

    #[test]
    fn what_is_as_the_archive_has_it_has_no_differences() {
        assert_eq!(compared(unpacked().path()), Ok(vec![]));
    }

    #[test]
    fn changed_missing_and_added_files_are_named() {
        let directory = unpacked();
        let base = directory.path();
        let mut changed = [7; 200_000];
        changed[199_999] = 8;
        put(base, "a/b/c", changed);
        put(base, "a/added", b"");
        symlink("/etc/passwd", base.join("a/link")).unwrap();
        fs::remove_file(base.join("a/a")).unwrap();
        let found = compared(base).unwrap();
        let found: Vec<(&str, &str)> =
            found.iter().map(|(path, why)| (path.as_str(), why.as_str())).collect();
        let expected = [
            ("a/a", "what was unpacked is missing, and the archive has it"),
            ("a/b/c", "what was unpacked is not what the archive has"),
            ("a/added", "the archive has no such file"),
            ("a/link", "the archive has no such file"),
        ];
        assert_eq!(found, expected);
        put(base, &format!("a/{}", long()), b"k");
        assert_eq!(compared(base).unwrap().len(), 5, "a long name is read whole");
    }

    #[test]
    fn a_file_that_became_a_link_has_changed() {
        let directory = unpacked();
        fs::rename(directory.path().join("a/a"), directory.path().join("elsewhere")).unwrap();
        symlink("../elsewhere", directory.path().join("a/a")).unwrap();
        assert_eq!(compared(directory.path()).unwrap().len(), 1);
    }

    #[test]
    fn symlinks_point_where_they_do_in_the_archive() {
        let directory = tempfile::tempdir().unwrap();
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(EntryType::Symlink);
        header.set_size(0);
        tar.append_link(&mut header, "x/l", "b").unwrap();
        put(directory.path(), "a.tgz", tar.into_inner().unwrap().finish().unwrap());
        for (target, differences) in [("b", 0), ("c", 1)] {
            fs::create_dir_all(directory.path().join("a")).unwrap();
            symlink(target, directory.path().join("a/l")).unwrap();
            assert_eq!(compared(directory.path()).unwrap().len(), differences, "{target}");
            fs::remove_file(directory.path().join("a/l")).unwrap();
        }
    }

    #[test]
    fn of_an_archive_that_is_cut_short_nothing_is_known() {
        let directory = unpacked();
        let whole = fs::read(directory.path().join("a.tgz")).unwrap();
        put(directory.path(), "a.tgz", &whole[..whole.len() / 2]);
        assert!(compared(directory.path()).is_err());
        put(directory.path(), "a.tgz", b"no archive");
        assert!(compared(directory.path()).is_err());
    }

    proptest! {
        #[test]
        fn no_archive_is_too_odd(at in 0_usize..400, byte in any::<u8>()) {
            let directory = unpacked();
            let archive = directory.path().join("a.tgz");
            let mut bytes = fs::read(&archive).unwrap();
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            fs::write(&archive, bytes).unwrap();
            drop(compared(directory.path()));
        }
    }
}
