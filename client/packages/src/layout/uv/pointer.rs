//! Pointers: what tells which archive or revision is meant, and which digests it has.

use crate::digest::{Algorithm, Digest};
use crate::files::Files;
use crate::layout::msgpack::{self, Value};
use std::io::BufReader;

/// Which archive or revision is meant.
#[derive(Clone, Debug)]
pub(super) struct Pointer {
    pub(super) path: String,
    pub(super) id: String,
    pub(super) digests: Vec<Digest>,
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
        let value = msgpack::read(BufReader::new(file));
        let value = value.map_err(|error| format!("a pointer that cannot be read: {error}"))?;
        let (id, digests) = target(&value).ok_or("a pointer that points at nothing")?;
        Ok(Self {
            path: path.to_owned(),
            id: id.to_owned(),
            digests: digests.items().filter_map(digest).collect(),
        })
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

/// An algorithm's name, and hexadecimal.
fn digest(value: &Value) -> Option<Digest> {
    let mut items = value.items();
    let (name, hex) = (items.next()?.text()?, items.next()?.text()?);
    Digest::from_hex(Algorithm::named(name)?, hex)
}
