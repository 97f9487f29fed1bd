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
use serde::Deserialize;
use std::collections::BTreeMap;

/// Before the address of an answer, in its key.
const ANSWER: &str = "make-fetch-happen:request-cache:";

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
    /// Of what it names; `None` for an answer without body, and for an algorithm that is not known.
    pub(super) digest: Option<Digest>,
    /// Where that came from, if it is an answer to a request.
    pub(super) address: Option<String>,
    /// What kind of thing that is, as the server said.
    pub(super) media: Option<String>,
    /// Whether it says nothing but that, and when it was stored.
    pub(super) is_plain: bool,
}

/// A file of the index.
#[derive(Debug, Default)]
pub(super) struct Bucket<'a> {
    /// The lines that count.
    pub(super) lines: Vec<Line<'a>>,
    /// How many lines are broken, for cacache too.
    pub(super) broken: usize,
    /// How many lines are whole, and not understood here.
    pub(super) unknown: usize,
}

impl<'a> Bucket<'a> {
    /// Reads a file's text.
    pub(super) fn of(text: &'a str, seal: Seal) -> Self {
        let mut bucket = Self::default();
        let mut kept = Kept::default();
        for line in text.split('\n').filter(|line| !line.is_empty()) {
            let Some(json) = sealed(line, seal) else {
                bucket.broken += 1;
                continue;
            };
            match serde_json::from_str::<Entry>(json).ok().map(|entry| entry.line(line)) {
                Some(Ok(line)) => kept.lines.push(line),
                Some(Err(TakenBack(key))) => kept.take_back(key),
                None => bucket.unknown += 1,
            }
        }
        bucket.lines = kept.of(|line| &line.key);
        bucket
    }
}

/// Lines, less those that were taken back. All of them are looked at once, in the end.
struct Kept<L, K> {
    lines: Vec<L>,
    /// How many lines there were when a key was taken back last.
    taken_back: BTreeMap<K, usize>,
}

impl<L, K> Default for Kept<L, K> {
    fn default() -> Self {
        Self { lines: Vec::new(), taken_back: BTreeMap::new() }
    }
}

impl<L, K: Ord> Kept<L, K> {
    fn take_back(&mut self, key: K) {
        self.taken_back.insert(key, self.lines.len());
    }

    fn of(self, key: impl Fn(&L) -> &K) -> Vec<L> {
        let stays = |(number, line): &(usize, L)| {
            self.taken_back.get(key(line)).is_none_or(|before| number >= before)
        };
        self.lines.into_iter().enumerate().filter(stays).map(|(_, line)| line).collect()
    }
}

/// The JSON of a line, if its seal is right.
fn sealed(line: &str, seal: Seal) -> Option<&str> {
    let mut pieces = line.split('\t');
    let (sealed, json) = (pieces.next()?, pieces.next()?);
    let is_whole = match seal {
        Seal::Sha1 => Digest::of(Algorithm::Sha1, json.as_bytes()).hex() == sealed,
        Seal::Length => sealed.parse() == Ok(json.encode_utf16().count()),
    };
    is_whole.then_some(json)
}

/// A line's JSON; what is not wanted of it is passed over, and takes no memory.
#[derive(Deserialize)]
struct Entry {
    key: String,
    integrity: Option<String>,
    digest: Option<String>,
    #[serde(rename = "hashAlgorithm")]
    algorithm: Option<String>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    url: Option<String>,
    #[serde(rename = "resHeaders", default)]
    headers: Headers,
}

#[derive(Default, Deserialize)]
struct Headers {
    #[serde(rename = "content-type")]
    media: Option<Media>,
}

/// Old versions wrote lists.
#[derive(Deserialize)]
#[serde(untagged)]
enum Media {
    One(String),
    Many(Vec<String>),
}

/// All of a key is taken back.
struct TakenBack(String);

impl Entry {
    fn line(self, text: &str) -> Result<Line<'_>, TakenBack> {
        if self.integrity.is_none() && self.digest.is_none() && self.metadata.is_none() {
            return Err(TakenBack(self.key));
        }
        let (digest, is_plain) = (self.named(), self.metadata.is_none());
        let (url, media) = self.metadata.map(|metadata| (metadata.url, metadata.headers.media)).unzip();
        let media = media.flatten().and_then(|media| match media {
            Media::One(media) => Some(media),
            Media::Many(media) => media.into_iter().next(),
        });
        let address = self.key.strip_prefix(ANSWER).and_then(|address| {
            // Old keys have the method before the address.
            if address.contains("://") { Some(address.to_owned()) } else { url.flatten() }
        });
        Ok(Line { text, key: self.key, digest, address, media, is_plain })
    }

    /// The digest that a line names. The first of the strongest: that tells the content's path.
    fn named(&self) -> Option<Digest> {
        if let Some(integrity) = &self.integrity {
            return javascript::strongest(Digest::from_integrity(integrity)).into_iter().next();
        }
        let algorithm = self.algorithm.as_deref().map_or(Some(Algorithm::Sha512), Algorithm::named);
        Digest::from_hex(algorithm?, self.digest.as_deref()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use std::cell::Cell;
    use std::cmp::Ordering;

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
        assert_eq!((bucket.lines.len(), bucket.broken, bucket.unknown), (1, 0, 0));
        let first = &bucket.lines[0];
        assert_eq!(first.address.as_deref(), Some("https://registry.example.org/a"));
        assert_eq!(first.media.as_deref(), Some("x/json"));
        assert_eq!(first.digest, Digest::new(Algorithm::Sha512, &[7; 64]));
        let broken = text.replace("json", "yaml");
        assert_eq!(Bucket::of(&broken, Seal::Sha1).broken, 1);
    }

    #[test]
    fn lines_of_old_versions_are_sealed_with_their_length() {
        let json = json!({ "key": "ä", "digest": "07".repeat(64), "hashAlgorithm": "sha512" }).to_string();
        let text = format!("\n{}\t{json}", json.encode_utf16().count());
        assert_eq!(Bucket::of(&text, Seal::Length).lines[0].digest, Digest::new(Algorithm::Sha512, &[7; 64]));
        assert_eq!(Bucket::of(&format!("\n1\t{json}"), Seal::Length).broken, 1);
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

    /// A key that counts how often it is compared.
    #[derive(Clone)]
    struct Counted<'a>(usize, &'a Cell<usize>);

    impl Ord for Counted<'_> {
        fn cmp(&self, other: &Self) -> Ordering {
            self.1.set(self.1.get() + 1);
            self.0.cmp(&other.0)
        }
    }

    impl PartialOrd for Counted<'_> {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }

    impl PartialEq for Counted<'_> {
        fn eq(&self, other: &Self) -> bool {
            self.cmp(other).is_eq()
        }
    }

    impl Eq for Counted<'_> {}

    #[test]
    fn many_lines_that_are_taken_back_are_each_looked_at_a_few_times() {
        let (count, compared) = (4000, Cell::new(0));
        let mut kept = Kept::default();
        for number in 0..count {
            kept.lines.push(Counted(number, &compared));
            kept.take_back(Counted(count - number, &compared));
        }
        let left: Vec<usize> = kept.of(|key| key).iter().map(|key| key.0).collect();
        let stays = |number: &usize| *number == 0 || *number > count - number;
        assert_eq!(left, (0..count).filter(stays).collect::<Vec<_>>());
        assert!(compared.get() < 100 * count, "{} comparisons", compared.get());
    }

    #[test]
    fn a_line_that_is_whole_and_not_understood_is_told_apart() {
        let text = line(&json!({ "key": 7, "integrity": integrity() }));
        let bucket = Bucket::of(&text, Seal::Sha1);
        assert_eq!((bucket.lines.len(), bucket.broken, bucket.unknown), (0, 0, 1));
        let text = line(&json!({ "key": "a", "integrity": "sha9-AAAA" }));
        assert_eq!(Bucket::of(&text, Seal::Sha1).lines[0].digest, None);
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
