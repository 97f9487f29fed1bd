//! What a wheel or a source archive says of itself, read without unpacking it.

use super::{NAME_BYTES_MAX, TAGS_MAX, headers, purl_of_metadata};
use crate::purl::Purl;
use crate::strict_zip::{StrictZip, ZipError};
use flate2::read::GzDecoder;
use std::collections::BTreeSet;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

/// Bytes of a member that are read: metadata with a long description has a tenth.
const MEMBER_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Bytes of a compressed source archive that are looked through for its metadata.
const UNPACKED_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Members of an archive at most.
const MEMBERS_MAX: usize = 200_000;
/// Bytes that are read of a zip: its directory, a little of each of its files, and two of them.
const ZIP_BYTES_READ_MAX: u64 = 1024 * 1024 * 1024;

/// What an archive says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) purl: Purl,
    /// For which machines a wheel is; of a source archive `None`.
    pub(crate) tags: Option<BTreeSet<String>>,
}

/// Part of a file, as a file.
#[derive(Debug)]
pub(crate) struct Part<R> {
    inner: R,
    start: u64,
    bytes: u64,
    at: u64,
}

impl<R: Read + Seek> Part<R> {
    /// The bytes from `start` on.
    pub(crate) fn new(mut inner: R, start: u64, bytes: u64) -> io::Result<Self> {
        inner.seek(SeekFrom::Start(start))?;
        Ok(Self { inner, start, bytes, at: 0 })
    }
}

impl<R: Read> Read for Part<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(self.bytes.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(rest);
        let read = self.inner.read(buffer.get_mut(..wanted).unwrap_or_default())?;
        self.at += u64::try_from(read).unwrap_or_default();
        Ok(read)
    }
}

impl<R: Seek> Seek for Part<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.bytes.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        let at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let inner = self.start.checked_add(at).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        self.inner.seek(SeekFrom::Start(inner))?;
        self.at = at;
        Ok(at)
    }
}

/// A file of which only so many bytes are read, wherever they lie.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let left = self.left.checked_sub(u64::try_from(read).unwrap_or(u64::MAX));
        self.left = left.ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))?;
        Ok(read)
    }
}

impl<R: Seek> Seek for Bounded<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

/// What an archive says of itself; `None` if it is no Python package.
///
/// # Errors
/// A zip that whoever installs it may read otherwise: then it is not known what it is. Wheels are written by Python's
/// `zipfile` and its like, and Python's own index refuses what its installers read in two ways.
pub(crate) fn said<R: Read + Seek>(mut archive: R) -> Result<Option<Said>, ZipError> {
    let mut magic = [0; 4];
    if archive.read_exact(&mut magic).is_err() {
        return Ok(None);
    }
    archive.rewind()?;
    match magic {
        [b'P', b'K', 3, 4] => of_zip(archive),
        [0x1f, 0x8b, ..] => Ok(of_tar(GzDecoder::new(BufReader::new(archive)))),
        _ => Ok(None),
    }
}

fn of_zip<R: Read + Seek>(archive: R) -> Result<Option<Said>, ZipError> {
    let mut zip = StrictZip::open(Bounded { inner: archive, left: ZIP_BYTES_READ_MAX })?;
    let Some(metadata) = at_top(&zip, ".dist-info/METADATA") else {
        let Some(info) = at_top(&zip, "/PKG-INFO") else { return Ok(None) };
        return Ok(purl_of_metadata(&text(zip.body(info)?)?).map(|purl| Said { purl, tags: None }));
    };
    let Some(purl) = purl_of_metadata(&text(zip.body(metadata)?)?) else { return Ok(None) };
    let wheel = match at_top(&zip, ".dist-info/WHEEL") {
        Some(wheel) => text(zip.body(wheel)?)?,
        None => String::new(),
    };
    let tags = headers(&wheel, "Tag").filter(|tag| tag.len() <= NAME_BYTES_MAX).take(TAGS_MAX);
    Ok(Some(Said { purl, tags: Some(tags.map(str::to_owned).collect()) }))
}

/// The first file in a directory at the top whose path ends so.
fn at_top<R: Read + Seek>(zip: &StrictZip<R>, ending: &str) -> Option<usize> {
    let is_it = |name: &[u8]| {
        name.ends_with(ending.as_bytes()) && name.iter().filter(|byte| **byte == b'/').count() == 1
    };
    (0..zip.len()).find(|number| zip.name(*number).is_some_and(is_it))
}

fn text<R: Read>(member: R) -> io::Result<String> {
    let mut bytes = Vec::new();
    member.take(MEMBER_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// `NAME-VERSION/PKG-INFO`; other files of that name lie deeper.
fn of_tar<R: Read>(unpacked: R) -> Option<Said> {
    let mut tar = tar::Archive::new(unpacked.take(UNPACKED_BYTES_MAX));
    for entry in tar.entries().ok()?.take(MEMBERS_MAX) {
        let entry = entry.ok()?;
        let path = entry.path_bytes().into_owned();
        let path = String::from_utf8_lossy(&path);
        let path = path.trim_start_matches("./");
        if path.matches('/').count() == 1 && path.ends_with("/PKG-INFO") {
            return Some(Said { purl: purl_of_metadata(&text(entry).ok()?)?, tags: None });
        }
    }
    None
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::digest::{Algorithm, Digest};
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;
    use std::io::{Cursor, Write};
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    /// A zip of some files.
    pub(crate) fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in files {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    /// As `RECORD` writes it.
    pub(crate) fn record_digest(bytes: &[u8]) -> String {
        let hex = Digest::of(Algorithm::Sha256, bytes).hex();
        let digest = data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap();
        format!("sha256={}", data_encoding::BASE64URL_NOPAD.encode(&digest))
    }

    /// The files of a wheel with one module.
    pub(crate) fn wheel_files(name: &str, version: &str) -> Vec<(String, String)> {
        let info = format!("{name}-{version}.dist-info");
        let mut files = vec![
            (format!("{name}/__init__.py"), format!("# {name}\n")),
            (
                format!("{info}/METADATA"),
                format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nText\n"),
            ),
            (
                format!("{info}/WHEEL"),
                "Wheel-Version: 1.0\nTag: py2-none-any\nTag: py3-none-any\n".to_owned(),
            ),
        ];
        let row = |(path, text): &(String, String)| {
            format!("{path},{},{}\n", record_digest(text.as_bytes()), text.len())
        };
        let rows: String = files.iter().map(row).collect();
        files.push((format!("{info}/RECORD"), format!("{rows}{info}/RECORD,,\n")));
        files
    }

    pub(crate) fn wheel(name: &str, version: &str) -> Vec<u8> {
        let files = wheel_files(name, version);
        zipped(&files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>())
    }

    /// A source archive.
    pub(crate) fn sdist(name: &str, version: &str) -> Vec<u8> {
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
        let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
        for (path, text) in
            [("tests/x/PKG-INFO", "Name: wrong\nVersion: 9\n"), ("PKG-INFO", metadata.as_str())]
        {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len().try_into().unwrap());
            header.set_mode(0o644);
            tar.append_data(&mut header, format!("{name}-{version}/{path}"), text.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap()
    }

    #[test]
    fn archives_say_what_they_are() {
        let found = said(Cursor::new(wheel("A_b", "1.0"))).unwrap().unwrap();
        assert_eq!(found.purl.to_string(), "pkg:pypi/a-b@1.0");
        assert_eq!(found.tags.unwrap().into_iter().collect::<Vec<_>>(), ["py2-none-any", "py3-none-any"]);
        let found = said(Cursor::new(sdist("a.b", "1.0"))).unwrap().unwrap();
        assert_eq!((found.purl.to_string().as_str(), found.tags), ("pkg:pypi/a-b@1.0", None));
        let found = said(Cursor::new(zipped(&[("a-1/PKG-INFO", "Name: a\nVersion: 1\n")]))).unwrap().unwrap();
        assert_eq!(found.purl.to_string(), "pkg:pypi/a@1");
        assert_eq!(said(Cursor::new(zipped(&[("x", "y")]))).unwrap(), None);
        let two_ends = [wheel("a", "1"), wheel("b", "1")].concat();
        assert!(said(Cursor::new(two_ends)).unwrap_err().to_string().contains("reads alike"));
    }

    #[test]
    fn a_part_of_a_file_is_a_file() {
        let archive = wheel("a", "1");
        let all: Vec<u8> = b"before".iter().chain(&archive).chain(b"after").copied().collect();
        let part = Part::new(Cursor::new(all), 6, archive.len().try_into().unwrap()).unwrap();
        assert_eq!(said(part).unwrap().unwrap().purl.to_string(), "pkg:pypi/a@1");
    }

    #[test]
    fn of_a_zip_only_so_much_is_read() {
        let mut bounded = Bounded { inner: Cursor::new(vec![0; 10]), left: 9 };
        assert!(bounded.read_to_end(&mut Vec::new()).is_err());
    }

    proptest! {
        #[test]
        fn no_archive_is_too_odd(
            at in 0_usize..2000, byte in any::<u8>(), cut in 0_usize..2000, is_wheel in any::<bool>(),
        ) {
            let mut archive = if is_wheel { wheel("a", "1") } else { sdist("a", "1") };
            if let Some(place) = archive.get_mut(at) {
                *place = byte;
            }
            drop(said(Cursor::new(archive.clone())));
            archive.truncate(cut);
            drop(said(Cursor::new(archive)));
        }

        #[test]
        fn no_bytes_are_too_odd(bytes in any::<Vec<u8>>(), is_zip in any::<bool>()) {
            let magic: &[u8] = if is_zip { b"PK\x03\x04" } else { b"\x1f\x8b\x08\0" };
            drop(said(Cursor::new([magic, &bytes].concat())));
        }
    }
}
