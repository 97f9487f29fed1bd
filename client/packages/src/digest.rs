//! Digests, as package managers write them: in hexadecimal, in base64 after the algorithm's name (Subresource Integrity), or,
//! for Go's modules, `h1:` and base64.

use core::fmt;
use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use md5::Md5;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::digest::Digest as _;
use sha2::{Sha256, Sha384, Sha512};
use std::io::{self, Read};

/// Digits of a digest that people are shown: as many as two that differ by chance never share.
const DIGITS_SHOWN: usize = 16;

/// How bytes were hashed. The weak ones are what some programs still declare: they find accidents, not attacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// Broken, and in old metadata.
    Md5,
    /// Broken, and in Maven's, Composer's and old npm metadata.
    Sha1,
    /// The usual.
    Sha256,
    /// Of some integrity texts.
    Sha384,
    /// npm's.
    Sha512,
}

impl Algorithm {
    /// All of them, the weakest first.
    pub const ALL: [Self; 5] = [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// As integrity texts name it: `sha512`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// How many bytes its digests have.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// By its name, in any case, with or without a hyphen (`SHA-256`).
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let name = name.replace('-', "").to_ascii_lowercase();
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

/// A digest. Written `sha256:` and hexadecimal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Digest {
    algorithm: Algorithm,
    bytes: Vec<u8>,
}

/// A text is no digest of any algorithm here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no digest")]
pub struct NoDigest;

impl Digest {
    /// From its bytes, if they are as many as the algorithm has.
    #[must_use]
    pub fn new(algorithm: Algorithm, bytes: &[u8]) -> Option<Self> {
        (bytes.len() == algorithm.bytes()).then(|| Self { algorithm, bytes: bytes.to_vec() })
    }

    /// From hexadecimal, in either case.
    #[must_use]
    pub fn from_hex(algorithm: Algorithm, text: &str) -> Option<Self> {
        Self::new(algorithm, &HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok()?)
    }

    /// From hexadecimal whose length tells the algorithm.
    #[must_use]
    pub fn from_any_hex(text: &str) -> Option<Self> {
        let bytes = text.trim().len() / 2;
        Algorithm::ALL
            .into_iter()
            .find(|algorithm| algorithm.bytes() == bytes)
            .and_then(|a| Self::from_hex(a, text))
    }

    /// From base64, of either alphabet, with or without padding.
    #[must_use]
    pub fn from_base64(algorithm: Algorithm, text: &str) -> Option<Self> {
        let text = text.trim().as_bytes();
        let plain = [BASE64.decode(text), BASE64_NOPAD.decode(text), BASE64URL_NOPAD.decode(text)];
        Self::new(algorithm, &plain.into_iter().find_map(Result::ok)?)
    }

    /// All digests of an integrity text: `sha512-… sha1-…`. What is not understood is left out.
    #[must_use]
    pub fn from_integrity(text: &str) -> Vec<Self> {
        let one = |part: &str| {
            let (name, value) = part.split_once('-')?;
            // Options follow a question mark.
            let (value, _) = value.split_once('?').unwrap_or((value, ""));
            Self::from_base64(Algorithm::named(name)?, value)
        };
        text.split_ascii_whitespace().filter_map(one).collect()
    }

    /// The algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The digest's bytes in hexadecimal, without the algorithm.
    #[must_use]
    pub fn hex(&self) -> String {
        HEXLOWER.encode(&self.bytes)
    }

    /// Of bytes in memory.
    #[must_use]
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut hashers = Hashers::new([algorithm]);
        hashers.update(bytes);
        let made = hashers.finish().pop();
        made.unwrap_or(Self { algorithm, bytes: Vec::new() })
    }

    /// Of all that a reader gives, once for each algorithm, in their order.
    ///
    /// # Errors
    /// What the reader says.
    pub fn of_reader(
        algorithms: &[Algorithm],
        reader: &mut impl Read,
        buffer: &mut [u8],
    ) -> io::Result<Vec<Self>> {
        let mut hashers = Hashers::new(algorithms.iter().copied());
        loop {
            match reader.read(buffer) {
                Ok(0) => return Ok(hashers.finish()),
                Ok(count) => hashers.update(buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Several algorithms at work on the same bytes.
struct Hashers(Vec<Hasher>);

enum Hasher {
    Md5(Md5),
    Sha1(Sha1),
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Hashers {
    fn new(algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        let hasher = |algorithm| match algorithm {
            Algorithm::Md5 => Hasher::Md5(Md5::new()),
            Algorithm::Sha1 => Hasher::Sha1(Sha1::new()),
            Algorithm::Sha256 => Hasher::Sha256(Sha256::new()),
            Algorithm::Sha384 => Hasher::Sha384(Sha384::new()),
            Algorithm::Sha512 => Hasher::Sha512(Sha512::new()),
        };
        Self(algorithms.into_iter().map(hasher).collect())
    }

    fn update(&mut self, bytes: &[u8]) {
        for hasher in &mut self.0 {
            match hasher {
                Hasher::Md5(hasher) => hasher.update(bytes),
                Hasher::Sha1(hasher) => hasher.update(bytes),
                Hasher::Sha256(hasher) => hasher.update(bytes),
                Hasher::Sha384(hasher) => hasher.update(bytes),
                Hasher::Sha512(hasher) => hasher.update(bytes),
            }
        }
    }

    fn finish(self) -> Vec<Digest> {
        let finish = |hasher| match hasher {
            Hasher::Md5(hasher) => Digest { algorithm: Algorithm::Md5, bytes: hasher.finalize().to_vec() },
            Hasher::Sha1(hasher) => Digest { algorithm: Algorithm::Sha1, bytes: hasher.finalize().to_vec() },
            Hasher::Sha256(hasher) => {
                Digest { algorithm: Algorithm::Sha256, bytes: hasher.finalize().to_vec() }
            }
            Hasher::Sha384(hasher) => {
                Digest { algorithm: Algorithm::Sha384, bytes: hasher.finalize().to_vec() }
            }
            Hasher::Sha512(hasher) => {
                Digest { algorithm: Algorithm::Sha512, bytes: hasher.finalize().to_vec() }
            }
        };
        self.0.into_iter().map(finish).collect()
    }
}

/// A text in which of each digest only the algorithm and the first digits stand, for people.
#[must_use]
pub fn shortened(text: &str) -> String {
    text.split(' ').map(shortened_word).collect::<Vec<_>>().join(" ")
}

fn shortened_word(word: &str) -> String {
    let digest = word.trim_end_matches([',', ';', '.', ')']);
    let short = || {
        let (name, value) = digest.split_once(':')?;
        let is_digest = match name {
            // Of Go's modules.
            "h1" => Digest::from_base64(Algorithm::Sha256, value).is_some(),
            _ => Digest::try_from(digest.to_owned()).is_ok(),
        };
        let first: String = value.chars().take(DIGITS_SHOWN).collect();
        is_digest.then(|| format!("{name}:{first}…{}", word.strip_prefix(digest).unwrap_or_default()))
    };
    short().unwrap_or_else(|| word.to_owned())
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.algorithm.name(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = NoDigest;

    fn try_from(text: String) -> Result<Self, NoDigest> {
        let (name, hex) = text.split_once(':').ok_or(NoDigest)?;
        Algorithm::named(name).and_then(|algorithm| Self::from_hex(algorithm, hex)).ok_or(NoDigest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The digests of "abc" that FIPS 180 and RFC 1321 print.
    const ABC: [(Algorithm, &str); 3] = [
        (Algorithm::Md5, "900150983cd24fb0d6963f7d28e17f72"),
        (Algorithm::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (Algorithm::Sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ];

    #[test]
    fn digests_are_those_of_the_standards() {
        for (algorithm, hex) in ABC {
            assert_eq!(Digest::of(algorithm, b"abc").hex(), hex);
            assert_eq!(Digest::from_any_hex(hex).unwrap(), Digest::of(algorithm, b"abc"));
        }
    }

    #[test]
    fn integrity_texts_are_read() {
        let both = Digest::from_integrity(
            "sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0= sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=?x md9-x",
        );
        assert_eq!(both, [Digest::of(Algorithm::Sha1, b"abc"), Digest::of(Algorithm::Sha256, b"abc")]);
        assert!(Digest::from_integrity("sha512-AAAA").is_empty(), "too short");
    }

    #[test]
    fn one_reading_makes_all_digests() {
        let mut bytes = &b"abc"[..];
        let made = Digest::of_reader(&Algorithm::ALL, &mut bytes, &mut [0; 2]).unwrap();
        assert_eq!(made, Algorithm::ALL.map(|algorithm| Digest::of(algorithm, b"abc")));
    }

    #[test]
    fn for_people_only_the_beginning_of_a_digest_stands() {
        let digest = Digest::of(Algorithm::Sha256, b"abc");
        let go = format!("h1:{}", BASE64.encode(&digest.bytes));
        let short = "sha256:ba7816bf8f01cfea…";
        for (text, expected) in [
            (format!("it is {digest}, and not {digest}"), format!("it is {short}, and not {short}")),
            (format!("{digest}"), short.to_owned()),
            (format!("is {go}, not"), "is h1:ungWv48Bz+pBQUDe…, not".to_owned()),
            ("a: b  sha256:12 https://x h1:x".to_owned(), "a: b  sha256:12 https://x h1:x".to_owned()),
        ] {
            assert_eq!(shortened(&text), expected);
        }
    }

    #[test]
    fn a_digest_that_is_written_is_read_again() {
        for algorithm in Algorithm::ALL {
            let digest = Digest::of(algorithm, b"x");
            assert_eq!(Digest::try_from(digest.to_string()), Ok(digest));
        }
        for wrong in ["", "sha256", "sha256:12", "md9:00", "sha1:zz"] {
            assert_eq!(Digest::try_from(wrong.to_owned()), Err(NoDigest));
        }
    }
}
