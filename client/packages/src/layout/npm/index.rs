//! Lines of cacache's index. A file of the index holds what is known of one key, a line for each time that something was
//! stored, the newest last:
//!
//! ```text
//! <sha1 of the JSON, hexadecimal> TAB {"key":…,"integrity":"sha512-…","time":…,"size":…,"metadata":{…}}     index-v5
//! <length of the JSON in UTF-16 units> TAB {"key":…,"digest":"<hexadecimal>","hashAlgorithm":"sha512",…}     before
//! ```
//!
//! A line whose seal is wrong is skipped by cacache. A line with `null` for integrity and without metadata takes back all
//! earlier ones of its key; with metadata it is an answer that has no body.

use crate::digest::{Algorithm, Digest};
use crate::javascript;
use serde_json::Value;

/// What stands before a line's JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seal {
    /// Its SHA-1, since version 5.
    Sha1,
    /// Its length, before.
    Length,
}

/// A line.
#[derive(Debug)]
pub(super) struct Line<'a> {
    /// As it stands there.
    pub(super) text: &'a str,
    /// What was stored.
    pub(super) key: String,
    /// Of what it names; `None` for an answer without body.
    pub(super) digest: Option<Digest>,
    /// Where that came from, if it is an answer to a request.
    pub(super) address: Option<String>,
    /// What kind of thing that is, as the server said.
    pub(super) media: Option<String>,
}

/// A file of the index.
#[derive(Debug, Default)]
pub(super) struct Bucket<'a> {
    /// The lines that count.
    pub(super) lines: Vec<Line<'a>>,
    /// How many lines are not understood.
    pub(super) odd: usize,
}

/// What a line says.
enum Said<'a> {
    Stored(Line<'a>),
    TakenBack(String),
}

impl<'a> Bucket<'a> {
    /// Reads a file's text.
    pub(super) fn of(text: &'a str, seal: Seal) -> Self {
        let mut bucket = Self::default();
        for line in text.split('\n').filter(|line| !line.is_empty()) {
            match said(line, seal) {
                Some(Said::Stored(line)) => bucket.lines.push(line),
                Some(Said::TakenBack(key)) => bucket.lines.retain(|line| line.key != key),
                None => bucket.odd += 1,
            }
        }
        bucket
    }
}

fn said(text: &str, seal: Seal) -> Option<Said<'_>> {
    let mut pieces = text.split('\t');
    let (sealed, json) = (pieces.next()?, pieces.next()?);
    let is_whole = match seal {
        Seal::Sha1 => Digest::of(Algorithm::Sha1, json.as_bytes()).hex() == sealed,
        Seal::Length => sealed.parse() == Ok(json.encode_utf16().count()),
    };
    let value: Value = is_whole.then(|| serde_json::from_str(json).ok())??;
    let key = value.get("key")?.as_str()?.to_owned();
    let metadata = value.get("metadata").filter(|metadata| metadata.is_object());
    let digest = match digest(&value) {
        Some(digest) => Some(digest?),
        None if metadata.is_none() => return Some(Said::TakenBack(key)),
        None => None,
    };
    let (address, media) = (address(&key, metadata), metadata.and_then(media));
    Some(Said::Stored(Line { text, key, digest, address, media }))
}

/// The digest that a line names: none, one that is not understood, or one. The first of the strongest: the content's path.
fn digest(line: &Value) -> Option<Option<Digest>> {
    let text = |name: &str| line.get(name).and_then(Value::as_str);
    if let Some(integrity) = text("integrity") {
        return Some(javascript::strongest(Digest::from_integrity(integrity)).into_iter().next());
    }
    let hex = text("digest")?;
    let algorithm = text("hashAlgorithm").map_or(Some(Algorithm::Sha512), Algorithm::named);
    Some(algorithm.and_then(|algorithm| Digest::from_hex(algorithm, hex)))
}

fn address(key: &str, metadata: Option<&Value>) -> Option<String> {
    let of_key = key.strip_prefix("make-fetch-happen:request-cache:")?;
    let of_metadata = || metadata?.get("url")?.as_str();
    // Old keys have the method before the address.
    let address = if of_key.contains("://") { Some(of_key) } else { of_metadata() };
    address.map(str::to_owned)
}

fn media(metadata: &Value) -> Option<String> {
    let header = metadata.get("resHeaders")?.get("content-type")?;
    // Old versions wrote lists.
    header.as_str().or_else(|| header.get(0)?.as_str()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn line(json: &Value) -> String {
        let json = json.to_string();
        format!("\n{}\t{json}", Digest::of(Algorithm::Sha1, json.as_bytes()).hex())
    }

    fn integrity() -> String {
        format!("sha512-{}", data_encoding::BASE64.encode(&[7; 64]))
    }

    #[test]
    fn a_line_is_read_if_its_seal_is_right() {
        let metadata =
            json!({ "url": "https://registry.example.org/a", "resHeaders": { "content-type": ["x/json"] } });
        let stored = json!({ "key": "make-fetch-happen:request-cache:GET", "integrity": integrity(), "metadata": metadata });
        let text = line(&stored);
        let bucket = Bucket::of(&text, Seal::Sha1);
        assert_eq!((bucket.lines.len(), bucket.odd), (1, 0));
        let first = &bucket.lines[0];
        assert_eq!(first.address.as_deref(), Some("https://registry.example.org/a"));
        assert_eq!(first.media.as_deref(), Some("x/json"));
        assert_eq!(first.digest, Digest::new(Algorithm::Sha512, &[7; 64]));
        let broken = text.replace("json", "yaml");
        assert_eq!(Bucket::of(&broken, Seal::Sha1).odd, 1);
    }

    #[test]
    fn lines_of_old_versions_are_sealed_with_their_length() {
        let json = json!({ "key": "ä", "digest": "07".repeat(64), "hashAlgorithm": "sha512" }).to_string();
        let text = format!("\n{}\t{json}", json.encode_utf16().count());
        assert_eq!(Bucket::of(&text, Seal::Length).lines[0].digest, Digest::new(Algorithm::Sha512, &[7; 64]));
        assert_eq!(Bucket::of(&format!("\n1\t{json}"), Seal::Length).odd, 1);
    }

    #[test]
    fn what_is_taken_back_does_not_count_and_what_has_no_body_does() {
        let stored = |key: &str| line(&json!({ "key": key, "integrity": integrity() }));
        let text =
            stored("a") + &stored("b") + &line(&json!({ "key": "a", "integrity": null })) + &stored("a");
        let bucket = Bucket::of(&text, Seal::Sha1);
        assert_eq!(bucket.lines.iter().map(|line| line.key.as_str()).collect::<Vec<_>>(), ["b", "a"]);
        let text = line(&json!({ "key": "a", "integrity": null, "metadata": { "status": 204 } }));
        assert_eq!(Bucket::of(&text, Seal::Sha1).lines[0].digest, None);
    }

    #[test]
    fn an_integrity_that_is_not_understood_is_counted() {
        let text = line(&json!({ "key": "a", "integrity": "sha9-AAAA" }));
        assert_eq!(Bucket::of(&text, Seal::Sha1).odd, 1);
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in any::<String>(), json in "[\\[\\]{}\":,a-z0-9]{0,60}") {
            drop(Bucket::of(&text, Seal::Sha1));
            let sealed = format!("{}\t{json}", json.len());
            drop(Bucket::of(&sealed, Seal::Length));
        }
    }
}
