//! Go's own hash of a module: `h1:` and base64 of the SHA-256 of lines `SHA-256  NAME`, sorted by name, one for each file.
//! Names begin with `MODULE@VERSION/`. Source: Go's `x/mod/sumdb/dirhash` (`Hash1`, `HashZip`, `HashDir`).

use crate::digest::{Algorithm, Digest};
use crate::files::Files;
use crate::strict_zip::StrictZip;
use data_encoding::BASE64;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io::Read;

/// Bytes of an archive, and of all that is in it, at most: what Go itself takes.
const ZIP_BYTES_MAX: u64 = 500 * 1024 * 1024;
/// What is hashed at once.
const BUFFER_BYTES: usize = 64 * 1024;

/// The SHA-256 of each file, in hexadecimal, by its name.
pub(crate) type Sums = BTreeMap<Vec<u8>, String>;

/// Go's own hash of a module: of its archive, or of its tree, unpacked, whose path is `MODULE@VERSION`.
pub(crate) fn module_hash(files: &Files, path: &str) -> Result<String, String> {
    let sums = if files.has(path) { of_zip(files, path, ZIP_BYTES_MAX)? } else { of_tree(files, path)? };
    let mut hasher = Sha256::new();
    for (name, sum) in &sums {
        if name.contains(&b'\n') {
            return Err("a name in it has a line break".to_owned());
        }
        hasher.update(sum.as_bytes());
        hasher.update(b"  ");
        hasher.update(name);
        hasher.update(b"\n");
    }
    Ok(format!("h1:{}", BASE64.encode(&hasher.finalize())))
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

/// Hashes what a reader gives, and takes its length off what is left.
pub(crate) fn sum(files: &Files, reader: impl Read, left: &mut u64) -> Result<String, String> {
    let mut limited = reader.take(*left + 1);
    let made = files.hash(&[Algorithm::Sha256], &mut limited, &mut [0; BUFFER_BYTES]).map_err(text)?;
    let taken = *left + 1 - limited.limit();
    *left = left.checked_sub(taken).ok_or_else(|| "more bytes are in it than anybody packs".to_owned())?;
    made.first().map(Digest::hex).ok_or_else(|| "it cannot be hashed".to_owned())
}

/// The files of a zip archive of which there is one reading. Directories are among them, with a slash at their end.
pub(crate) fn of_zip(files: &Files, path: &str, bytes_max: u64) -> Result<Sums, String> {
    if files.bytes_of(path).is_some_and(|bytes| bytes > bytes_max) {
        return Err(format!("longer than {bytes_max} bytes"));
    }
    let (mut sums, mut left) = (Sums::new(), bytes_max);
    let mut unpacking = files.unpacking(path, None);
    let mut zip = StrictZip::open(files.reader(path).map_err(text)?).map_err(text)?;
    for number in 0..zip.len() {
        let name = zip.name(number).unwrap_or_default().to_vec();
        let body = zip.body(number).map_err(text)?;
        sums.insert(name, sum(files, unpacking.read(body), &mut left)?);
    }
    Ok(sums)
}

fn of_tree(files: &Files, path: &str) -> Result<Sums, String> {
    let module = super::unescape(path).ok_or_else(|| "it is no module's name".to_owned())?;
    let (mut sums, mut left) = (Sums::new(), ZIP_BYTES_MAX);
    for (file, _) in files.under(path) {
        let below = file.get(path.len()..).unwrap_or_default();
        let sum = sum(files, files.reader(file).map_err(text)?, &mut left)?;
        sums.insert(format!("{module}{below}").into_bytes(), sum);
    }
    if sums.is_empty() { Err("it is not there".to_owned()) } else { Ok(sums) }
}
