//! A cached response.

use crate::digest::{Algorithm, Digest};
use crate::files::Files;
use crate::layout::msgpack::{self, Value};
use crate::purl::Purl;
use crate::python::archive::{self, Part, Said};
use crate::python::{is_name, purl, purl_of_file};
use std::collections::BTreeMap;
use std::io::{BufReader, Read};

/// What a serialized response begins with.
const SERIALIZED: &[u8; 5] = b"cc=4,";
/// Bytes of a body that tell whether it is a page.
const PEEKED_BYTES: u64 = 64;
/// Headers that tell something; the others are not kept.
const HEADERS: [&str; 11] = [
    "content-disposition",
    "content-encoding",
    "content-length",
    "content-md5",
    "content-type",
    "x-artifactory-filename",
    "x-checksum-md5",
    "x-checksum-sha1",
    "x-checksum-sha256",
    "x-pypi-file-project",
    "x-pypi-file-version",
];
/// Bytes of a header at most; a longer one tells nothing here.
const HEADER_BYTES_MAX: usize = 1024;

/// Where a body is.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) path: String,
    pub(super) start: u64,
    pub(super) bytes: u64,
}

/// What a body is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Of an index.
    Page,
    /// A wheel or a source archive, with what it says of itself.
    Package(Option<Said>),
    /// An archive that pip may read otherwise, and why.
    Odd(String),
    /// Metadata that the registry gives apart from the wheel.
    Metadata,
    /// A redirection, or an error.
    Nothing,
    Other,
}

/// A response.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) path: String,
    /// The SHA-224 of its address.
    pub(super) key: String,
    pub(super) body: Body,
    headers: BTreeMap<String, String>,
    pub(super) content: Content,
    /// What the file is called, by the headers.
    pub(super) file: Option<String>,
    purl: Option<Purl>,
    /// What the body must hash to, by the headers.
    pub(super) digests: Vec<Digest>,
}

impl Response {
    /// Reads a response, but of its body only what tells what it is; `None` if it has no body and should have one.
    pub(super) fn read(files: &Files, path: &str, key: &str, is_split: bool) -> Result<Option<Self>, String> {
        let (status, headers, inside) = head(files, path)?;
        let beside = format!("{path}.body");
        let body = match (is_split, files.bytes_of(&beside)) {
            (true, Some(bytes)) => Body { path: beside, start: 0, bytes },
            (true, None) if status == Some(200) => return Ok(None),
            (true, None) => Body { path: path.to_owned(), start: 0, bytes: 0 },
            (false, _) => Body { path: path.to_owned(), start: inside.0, bytes: inside.1 },
        };
        let file = file_name(&headers);
        let digests = digests(&headers);
        let content = if status == Some(200) { content(files, &body, &headers) } else { Content::Nothing };
        let said = if let Content::Package(Some(said)) = &content { Some(said.purl.clone()) } else { None };
        let purl =
            said.or_else(|| file.as_deref().and_then(purl_of_file)).or_else(|| purl_of_headers(&headers));
        Ok(Some(Self {
            path: path.to_owned(),
            key: key.to_owned(),
            body,
            headers,
            content,
            file,
            purl,
            digests,
        }))
    }

    /// The package that it is or claims to be.
    pub(super) const fn purl(&self) -> Option<&Purl> {
        self.purl.as_ref()
    }

    /// Whether the body is a file of its own.
    pub(super) fn is_split(&self) -> bool {
        self.body.path != self.path
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// A body is stored as it was sent, and so has the length that was announced.
    pub(super) fn wrong_length(&self) -> Option<String> {
        let announced: u64 = self.header("content-length")?.trim().parse().ok()?;
        let found = self.body.bytes;
        (announced != found).then(|| format!("it has {found} bytes, and must have {announced}"))
    }
}

/// Whether a source archive of this name is stored as it came, and looked into: gzip and zip.
pub(super) fn is_source(file: &str) -> bool {
    file.ends_with(".tar.gz") || file.ends_with(".tgz") || file.ends_with(".zip")
}

type Head = (Option<u64>, BTreeMap<String, String>, (u64, u64));

fn head(files: &Files, path: &str) -> Result<Head, String> {
    let file = files.reader(path).map_err(|error| error.to_string())?;
    let mut file = BufReader::new(file);
    let mut begins = [0; SERIALIZED.len()];
    let read = file.read_exact(&mut begins);
    if read.is_err() || begins != *SERIALIZED {
        let version =
            begins.strip_prefix(b"cc=").and_then(|rest| rest.first()).filter(|byte| byte.is_ascii_digit());
        return Err(version.map_or_else(
            || "no response of a registry".to_owned(),
            |version| {
                format!("a response serialized as cc={}, of which nothing is known", char::from(*version))
            },
        ));
    }
    let value = msgpack::read(file).map_err(|error| format!("a response that cannot be read: {error}"))?;
    let response = value.get("response").ok_or("a response without its fields")?;
    let status = match response.get("status") {
        Some(Value::Number(status)) => Some(*status),
        _ => None,
    };
    let inside = match response.get("body") {
        Some(Value::Bytes { start, bytes }) => (*start, *bytes),
        _ => (0, 0),
    };
    let mut headers = BTreeMap::new();
    if let Some(Value::Map(pairs)) = response.get("headers") {
        let texts = pairs.iter().filter_map(|(name, value)| Some((name.text()?, value.text()?)));
        let texts = texts.map(|(name, value)| (name.to_ascii_lowercase(), value));
        let wanted =
            texts.filter(|(name, value)| HEADERS.contains(&name.as_str()) && value.len() <= HEADER_BYTES_MAX);
        headers.extend(wanted.map(|(name, value)| (name, value.to_owned())));
    }
    Ok((status, headers, inside))
}

fn content(files: &Files, body: &Body, headers: &BTreeMap<String, String>) -> Content {
    let part = || files.reader(&body.path).ok().and_then(|file| Part::new(file, body.start, body.bytes).ok());
    let kind = headers.get("content-type").map(String::as_str).unwrap_or_default();
    let mut begins = Vec::new();
    if part().is_none_or(|part| part.take(PEEKED_BYTES).read_to_end(&mut begins).is_err()) {
        return Content::Other;
    }
    let begins_with = |begin: &[u8]| begins.trim_ascii_start().starts_with(begin);
    if kind.contains("html") || kind.contains("json") {
        Content::Page
    } else if begins_with(b"PK\x03\x04") || begins_with(b"\x1f\x8b") {
        part().map_or(Content::Other, |part| match archive::said(part) {
            Ok(said) => Content::Package(said),
            Err(why) => Content::Odd(why.to_string()),
        })
    } else if begins_with(b"Metadata-Version:") {
        Content::Metadata
    } else if begins_with(b"{") || begins_with(b"<") {
        Content::Page
    } else if file_name(headers)
        .as_deref()
        .and_then(purl_of_file)
        .or_else(|| purl_of_headers(headers))
        .is_some()
    {
        Content::Package(None)
    } else {
        Content::Other
    }
}

/// What some registries call the file.
fn file_name(headers: &BTreeMap<String, String>) -> Option<String> {
    let named = headers.get("x-artifactory-filename").map(String::as_str);
    let disposed = headers.get("content-disposition").and_then(|value| {
        let (_, name) = value.split_once("filename=")?;
        let (name, _) = name.split_once(';').unwrap_or((name, ""));
        Some(name.trim().trim_matches('"'))
    });
    named.or(disposed).filter(|name| purl_of_file(name).is_some()).map(str::to_owned)
}

/// What some registries call the package.
fn purl_of_headers(headers: &BTreeMap<String, String>) -> Option<Purl> {
    let name = headers.get("x-pypi-file-project").filter(|name| is_name(name))?;
    Some(purl(name, headers.get("x-pypi-file-version")?))
}

/// Digests that some registries state; of a body that was compressed on its way they say nothing.
fn digests(headers: &BTreeMap<String, String>) -> Vec<Digest> {
    if headers.get("content-encoding").is_some_and(|encoding| encoding != "identity") {
        return Vec::new();
    }
    let hex = [
        ("x-checksum-md5", Algorithm::Md5),
        ("x-checksum-sha1", Algorithm::Sha1),
        ("x-checksum-sha256", Algorithm::Sha256),
    ];
    let mut digests: Vec<Digest> = hex
        .into_iter()
        .filter_map(|(name, algorithm)| Digest::from_hex(algorithm, headers.get(name)?))
        .collect();
    let md5 = headers.get("content-md5").and_then(|value| Digest::from_base64(Algorithm::Md5, value));
    digests.extend(md5);
    digests.dedup();
    digests
}
