//! Pointers: what tells which archive or revision is meant, and which digests it has.

use crate::digest::{Algorithm, Digest};
use crate::files::Files;
use crate::layout::address;
use crate::layout::msgpack::{self, Value};
use std::io::{BufReader, Read};

/// Bytes after a pointer in which an address is looked for.
const NOTES_BYTES: u64 = 1024;

/// Which archive or revision is meant.
#[derive(Clone, Debug)]
pub(super) struct Pointer {
    pub(super) path: String,
    pub(super) id: String,
    pub(super) digests: Vec<Digest>,
    /// The address, or what the path tells.
    pub(super) source: Option<String>,
}

/// Whether the file is a pointer: of a response, or of a local file.
pub(super) fn is_one(path: &str) -> bool {
    path.ends_with(".http") || path.ends_with(".rev")
}

/// Where the package of a path in `wheels` or `sdists` came from: the second part of the path is the kind.
pub(super) fn source(path: &str) -> Option<String> {
    let mut parts = path.split('/').skip(1);
    match (parts.next()?, parts.next()?) {
        ("pypi", _) => Some("pypi".to_owned()),
        // Of these only a digest of the address is kept.
        (kind @ ("index" | "url" | "path" | "editable" | "git"), digest) => Some(format!("{kind} {digest}")),
        _ => None,
    }
}

impl Pointer {
    pub(super) fn read(files: &Files, path: &str) -> Result<Self, String> {
        let file = files.reader(path).map_err(|error| error.to_string())?;
        let mut file = BufReader::new(file);
        let value = msgpack::read(&mut file);
        let value = value.map_err(|error| format!("a pointer that cannot be read: {error}"))?;
        let (id, digests) = target(&value).ok_or("a pointer that points at nothing")?;
        let digests = digests.items().filter_map(digest).collect();
        let mut notes = Vec::new();
        let read = path.ends_with(".http") && file.take(NOTES_BYTES).read_to_end(&mut notes).is_ok();
        let source = read.then(|| address(&notes)).flatten().or_else(|| source(path));
        Ok(Self { path: path.to_owned(), id: id.to_owned(), digests, source })
    }
}

/// An identifier, with digests after it: all of the pointer, or with the time of a local file before it.
fn target(value: &Value) -> Option<(&str, &Value)> {
    let mut items = value.items();
    if let (Some(Value::Text(id)), Some(digests @ Value::List(_))) = (items.next(), items.next()) {
        return is_id(id).then_some((id, digests));
    }
    value.items().find_map(target)
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// An algorithm's name, and hexadecimal: as pair, or one under the other.
fn digest(value: &Value) -> Option<Digest> {
    let pair =
        if let Value::Map(pairs) = value { pairs.first().map(|(name, hex)| (name, hex)) } else { None };
    let mut items = value.items();
    let (name, hex) = pair.or_else(|| items.next().zip(items.next()))?;
    Digest::from_hex(Algorithm::named(name.text()?)?, hex.text()?)
}

/// The address in uv's notes on a response, which follow the pointer: in newer versions after zeros up to a multiple of 16
/// and an identifier of 16 bytes. It stands first in them, and what comes next may follow at once, so only one that ends as
/// archives do is believed.
fn address(notes: &[u8]) -> Option<String> {
    let is_one = |notes: &&[u8]| notes.starts_with(b"https://") || notes.starts_with(b"http://");
    let notes = notes.get(notes.iter().take(15).take_while(|byte| **byte == 0).count()..)?;
    let notes = [Some(notes), notes.get(16..)].into_iter().flatten().find(is_one)?;
    let end = notes.iter().position(|byte| !byte.is_ascii_graphic()).unwrap_or(notes.len());
    let text = core::str::from_utf8(notes.get(..end)?).ok()?;
    let ends =
        [".whl", ".tar.gz", ".zip"].iter().filter_map(|ending| Some(text.find(ending)? + ending.len()));
    address::plain(text.get(..ends.min()?)?)
}
