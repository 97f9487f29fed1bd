//! Lists of packages: paragraphs of `Field: value`, of which only those are kept whose archive is there.

use super::Archive;
use crate::digest::{Algorithm, Digest};
use crate::files::Files;
use flate2::read::MultiGzDecoder;
use lz4_flex::frame::FrameDecoder;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

/// Bytes of all lists, unpacked, at most; the largest of Debian's have some sixty million, those of a few suites 200 million.
pub(super) const LISTS_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Bytes of a line at most; what a package depends on can be some ten thousand.
const LINE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// What is hashed at once.
const BUFFER_BYTES: usize = 64 * 1024;
const TOO_LONG: &str = "not read to its end: lists are too long, all together";
/// Digests that lists may have of one archive; from each only the strongest counts.
const FIELDS: [(&str, Algorithm); 4] = [
    ("MD5sum", Algorithm::Md5),
    ("SHA1", Algorithm::Sha1),
    ("SHA256", Algorithm::Sha256),
    ("SHA512", Algorithm::Sha512),
];

/// What lists offer of the archives that are there.
pub(super) struct Offers {
    by_archive: BTreeMap<Archive, BTreeMap<Digest, String>>,
    /// Bytes of lists that may still be read.
    bytes_left: u64,
}

/// What was read of a paragraph.
#[derive(Default)]
struct Paragraph {
    name: Option<String>,
    version: Option<String>,
    arch: Option<String>,
    digests: BTreeSet<Digest>,
}

impl Offers {
    /// Of these archives nothing is offered yet. Of all lists together so many bytes are read.
    pub(super) fn of<'a>(archives: impl Iterator<Item = &'a Archive>, bytes_max: u64) -> Self {
        let by_archive = archives.map(|archive| (archive.clone(), BTreeMap::new())).collect();
        Self { by_archive, bytes_left: bytes_max }
    }

    /// The digests of an archive, each with a list that has it.
    pub(super) fn digests(&self, archive: &Archive) -> impl Iterator<Item = (&Digest, &str)> {
        self.by_archive.get(archive).into_iter().flatten().map(|(digest, list)| (digest, list.as_str()))
    }

    /// The digest of what a list unpacks to.
    pub(super) fn digest(&self, files: &Files, path: &str, compression: &str) -> Result<Digest, String> {
        let file = files.reader(path).map_err(|error| error.to_string())?;
        let mut limited = unpacked(&file, compression)?.take(self.bytes_left.saturating_add(1));
        let text = |error: io::Error| error.to_string();
        let made =
            Digest::of_reader(&[Algorithm::Sha256], &mut limited, &mut [0; BUFFER_BYTES]).map_err(text)?;
        if limited.limit() == 0 {
            return Err(TOO_LONG.to_owned());
        }
        // A reader may stop at what it takes for the end, and another one not.
        if (&file).read(&mut [0]).map_err(text)? > 0 {
            return Err("there is more in it than one list".to_owned());
        }
        made.into_iter().next().ok_or_else(|| "it cannot be hashed".to_owned())
    }

    /// Reads a list.
    pub(super) fn read(&mut self, files: &Files, path: &str, compression: &str) -> Result<(), String> {
        if self.by_archive.is_empty() {
            return Ok(()); // nothing is looked for
        }
        let file = files.reader(path).map_err(|error| error.to_string())?;
        // One more tells that there is more.
        let mut limited = unpacked(&file, compression)?.take(self.bytes_left.saturating_add(1));
        let read = self.read_lines(BufReader::new(&mut limited), path);
        let left = limited.limit().checked_sub(1);
        self.bytes_left = left.unwrap_or_default();
        if left.is_none() {
            return Err(TOO_LONG.to_owned());
        }
        read
    }

    fn read_lines(&mut self, mut reader: impl BufRead, path: &str) -> Result<(), String> {
        let (mut line, mut paragraph) = (Vec::new(), Paragraph::default());
        loop {
            line.clear();
            let limited = &mut (&mut reader).take(LINE_BYTES_MAX);
            let bytes = limited.read_until(b'\n', &mut line).map_err(|error| error.to_string())?;
            if u64::try_from(bytes).is_ok_and(|bytes| bytes == LINE_BYTES_MAX) {
                return Err("a line in it is too long".to_owned());
            }
            if bytes == 0 || line == b"\n" {
                self.keep(std::mem::take(&mut paragraph), path);
            } else {
                paragraph.add(&line);
            }
            if bytes == 0 {
                return Ok(());
            }
        }
    }

    fn keep(&mut self, paragraph: Paragraph, path: &str) {
        let (Some(name), Some(version), Some(arch)) = (paragraph.name, paragraph.version, paragraph.arch)
        else {
            return;
        };
        if let (Some(offers), Some(digest)) = (
            self.by_archive.get_mut(&Archive { name, version, arch }),
            paragraph.digests.into_iter().next_back(),
        ) {
            offers.entry(digest).or_insert_with(|| path.to_owned());
        }
    }
}

fn unpacked<'a>(file: &'a File, compression: &str) -> Result<Box<dyn Read + 'a>, String> {
    Ok(match compression {
        "" => Box::new(file),
        ".lz4" => Box::new(FrameDecoder::new(file)),
        ".gz" => Box::new(MultiGzDecoder::new(BufReader::new(file))),
        ".zst" => Box::new(zstd::Decoder::new(file).map_err(|error| error.to_string())?),
        other => return Err(format!("compressed as `{other}`, and not read")),
    })
}

impl Paragraph {
    fn add(&mut self, line: &[u8]) {
        // What goes on from the line before begins with a space.
        let Some((field, value)) = str::from_utf8(line).ok().and_then(|line| line.split_once(':')) else {
            return;
        };
        let value = value.trim();
        match field {
            "Package" => self.name = Some(value.to_owned()),
            "Version" => self.version = Some(value.to_owned()),
            "Architecture" => self.arch = Some(value.to_owned()),
            _ => {
                let known = FIELDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(field));
                self.digests.extend(known.and_then(|(_, algorithm)| Digest::from_hex(*algorithm, value)));
            }
        }
    }
}
