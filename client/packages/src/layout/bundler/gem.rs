//! A gem: a tar archive of `metadata.gz`, `data.tar.gz` and `checksums.yaml.gz`, which has digests of the other two.
//!
//! The text of that is YAML of one shape, `ALGORITHM:` and below it `  FILE: HEX`, and is read as such lines.

use super::metadata;
use crate::digest::{Algorithm, Digest};
use crate::files::Files;
use flate2::read::GzDecoder;
use std::collections::BTreeMap;
use std::fs::{File, read_link};
use std::io::{Read, Seek, SeekFrom};
use tar::{Archive, Entry};

/// Files in a gem at most: three, and a signature of each.
const ENTRIES_MAX: usize = 64;
/// Bytes of its checksums at most; some hundred are usual.
const CHECKSUMS_BYTES_MAX: u64 = 64 * 1024;
/// What is hashed at once.
const BUFFER_BYTES: usize = 64 * 1024;
/// What every gem has.
const PARTS: [&str; 2] = [METADATA, DATA];
const METADATA: &str = "metadata.gz";
/// Bytes of that at most, unpacked: it has the names of all files.
const METADATA_BYTES_MAX: u64 = 16 * 1024 * 1024;
const CHECKSUMS: &str = "checksums.yaml.gz";

/// Bytes of all files of a gem, unpacked, at most.
const TREE_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
const DATA: &str = "data.tar.gz";
/// What is compiled and, meanwhile, written to.
const COMPILED: &str = "ext/";

/// Where a file of a gem is.
struct Place {
    at: u64,
    bytes: u64,
}

/// What is wrong with a gem.
pub(super) fn faults(files: &Files, path: &str) -> Vec<String> {
    files.reader(path).map_err(|error| error.to_string()).and_then(find).unwrap_or_else(|why| vec![why])
}

/// Name, version and platform, as a gem itself tells them.
pub(super) fn named(files: &Files, path: &str) -> Result<[String; 3], String> {
    let mut file = files.reader(path).map_err(|error| error.to_string())?;
    let places = places(&mut file)?;
    let place = places.get(METADATA).ok_or_else(|| format!("{METADATA} is not in it"))?;
    let unpacked = GzDecoder::new(part(&mut file, place)?).take(METADATA_BYTES_MAX);
    let (mut unpacking, mut bytes) = (files.unpacking(path, Some(place.bytes)), Vec::new());
    unpacking.read(unpacked).read_to_end(&mut bytes).map_err(|error| format!("{METADATA}: {error}"))?;
    let told = metadata::named(&String::from_utf8_lossy(&bytes));
    told.ok_or_else(|| format!("{METADATA} in it does not tell plainly which gem it is"))
}

/// An unpacked gem beside its archive.
#[derive(Default)]
pub(super) struct Compared {
    /// Files that are not what the gem has by their names. What is missing, or was added, is not judged.
    pub(super) changed: Vec<String>,
    /// Symlinks that the gem has as well.
    pub(super) links: Vec<String>,
}

/// Compares an unpacked gem with its archive.
pub(super) fn compare(files: &Files, path: &str, tree: &str) -> Result<Compared, String> {
    let mut file = files.reader(path).map_err(|error| error.to_string())?;
    let places = places(&mut file)?;
    let place = places.get(DATA).ok_or_else(|| format!("{DATA} is not in it"))?;
    let unpacked = GzDecoder::new(part(&mut file, place)?).take(TREE_BYTES_MAX);
    let mut unpacking = files.unpacking(path, None);
    let (mut archive, mut compared) = (Archive::new(unpacking.read(unpacked)), Compared::default());
    for entry in archive.entries().map_err(|error| error.to_string())?.raw(true) {
        let mut entry = entry.map_err(|error| error.to_string())?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = name.strip_prefix("./").unwrap_or(&name);
        let unpacked = format!("{tree}/{name}");
        if entry.header().entry_type().is_symlink() && is_same_link(files, &unpacked, &entry) {
            compared.links.push(unpacked);
            continue;
        }
        if !entry.header().entry_type().is_file() || name.starts_with(COMPILED) || !files.has(&unpacked) {
            continue;
        }
        let found =
            files.reader(&unpacked).map_err(|error| error.to_string()).and_then(|mut file| sha256(&mut file));
        if found != sha256(&mut entry) {
            compared.changed.push(unpacked);
        }
    }
    Ok(compared)
}

fn is_same_link<R: Read>(files: &Files, path: &str, entry: &Entry<'_, R>) -> bool {
    let packed = entry.link_name().ok().flatten();
    packed.is_some_and(|packed| read_link(files.base().join(path)).is_ok_and(|target| target == packed))
}

fn sha256(reader: &mut impl Read) -> Result<Digest, String> {
    let made = Digest::of_reader(&[Algorithm::Sha256], reader, &mut [0; BUFFER_BYTES]);
    made.map_err(|error| error.to_string())?.pop().ok_or_else(|| "it cannot be hashed".to_owned())
}

fn find(mut file: File) -> Result<Vec<String>, String> {
    let places = places(&mut file)?;
    let bytes = file.metadata().map_err(|error| error.to_string())?.len();
    let is_whole = |place: &Place| place.at.checked_add(place.bytes).is_some_and(|end| end <= bytes);
    if !PARTS.iter().all(|part| places.get(*part).is_some_and(is_whole)) {
        return Err("it is no gem, or not a whole one".to_owned());
    }
    let Some(place) = places.get(CHECKSUMS) else {
        return Ok(Vec::new()); // older than RubyGems 2.0
    };
    let mut text = String::new();
    let unpacked =
        GzDecoder::new(part(&mut file, place)?).take(CHECKSUMS_BYTES_MAX).read_to_string(&mut text);
    unpacked.map_err(|error| format!("{CHECKSUMS}: {error}"))?;
    let mut faults = Vec::new();
    for (name, expected) in checksums(&text) {
        match places.get(name) {
            None => faults.push(format!("{name} is not in it")),
            Some(place) => {
                let found = hash(&mut file, place, expected.algorithm())?;
                if found != expected {
                    faults.push(format!("{name} in it is {found}, and must be {expected}"));
                }
            }
        }
    }
    Ok(faults)
}

fn places(file: &mut File) -> Result<BTreeMap<String, Place>, String> {
    let text = |error: std::io::Error| format!("it is no gem: {error}");
    let mut places = BTreeMap::new();
    let mut archive = Archive::new(file);
    // Raw: what a header says, without following it to longer names.
    for entry in archive.entries_with_seek().map_err(text)?.raw(true) {
        let entry = entry.map_err(text)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let place = Place { at: entry.raw_file_position(), bytes: entry.size() };
        if places.insert(name, place).is_some() || places.len() > ENTRIES_MAX {
            return Err("it is no gem: a name in it is there twice, or there are too many".to_owned());
        }
    }
    Ok(places)
}

fn part<'a>(file: &'a mut File, place: &Place) -> Result<impl Read + use<'a>, String> {
    file.seek(SeekFrom::Start(place.at)).map_err(|error| error.to_string())?;
    Ok(file.take(place.bytes))
}

fn hash(file: &mut File, place: &Place, algorithm: Algorithm) -> Result<Digest, String> {
    let made = Digest::of_reader(&[algorithm], &mut part(file, place)?, &mut [0; BUFFER_BYTES]);
    made.map_err(|error| error.to_string())?.pop().ok_or_else(|| "it cannot be hashed".to_owned())
}

/// Which file must have which digest. Algorithms that are not known are left out.
fn checksums(text: &str) -> Vec<(&str, Digest)> {
    let (mut found, mut algorithm) = (Vec::new(), None);
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        if !line.starts_with(' ') {
            algorithm = Algorithm::named(key);
        } else if let Some(algorithm) = algorithm {
            let value = value.trim().trim_matches(|quote| matches!(quote, '\'' | '"'));
            found.extend(Digest::from_hex(algorithm, value).map(|digest| (key.trim(), digest)));
        }
    }
    found
}
