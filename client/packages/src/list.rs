//! The list of packages that a save records: a file of JSON at the base of the cache, whose BLAKE3 hash the signed manifest
//! names.
//!
//! ```text
//! {"version":1,"packages":[
//! {"program":"npm","purl":"pkg:npm/left-pad@1.3.0","digest":"sha512:…","source":"https://…","files":["_cacache/…"],"bytes":2811},
//! …
//! ],"unused":{"_cacache/index-v5/…":2}}
//! ```
//!
//! `unused` tells of registries' answers, which are no packages, how many saves they have not been used for; what is not there
//! was used. A list names at most so many files, packages and answers as a cache may have files. One package a line, in the order of program, name and files, so that the same cache gives the same bytes, and a change
//! is a changed line. Readers pass over fields that they do not know.

use crate::audit::Audit;
use crate::digest::Digest;
use crate::files::FILES_MAX;
use crate::program::Program;
use crate::purl::Purl;
use crate::words::plain;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use crate::files::LIST_NAME;
/// Bytes of a list at most: some 200 for each of a few hundred thousand packages.
pub const LIST_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The version of the format that is written.
const VERSION: u32 = 1;

/// The packages of a cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackageList {
    packages: Vec<Listed>,
    unused: BTreeMap<String, u32>,
}

/// A package in a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Listed {
    /// Whose cache holds it.
    pub program: Program,
    /// Its name.
    pub purl: Purl,
    /// The files that hold it, relative to the base.
    #[serde(deserialize_with = "files")]
    pub files: Vec<String>,
    /// Of what the registry gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Where it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Bytes of its files.
    #[serde(default)]
    pub bytes: u64,
    /// So many saves that changed something were made since a job used it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unused: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it a reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A list that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// See [`LIST_BYTES_MAX`].
    #[error("a list of packages of more than {LIST_BYTES_MAX} bytes")]
    TooLong,
    /// It was written by a later release.
    #[error("a list of packages in version {0} of the format; this program reads version {VERSION}")]
    Newer(u32),
    /// It is no such list.
    #[error("no list of packages: {0}")]
    Malformed(String),
}

impl From<serde_json::Error> for ListError {
    fn from(error: serde_json::Error) -> Self {
        Self::Malformed(plain(&error.to_string()))
    }
}

/// What two lists differ in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Of its name this version went, and that one came, and no other.
    pub updated: Vec<Changed>,
    /// Only the second has it.
    pub added: Vec<Listed>,
    /// Both have it, with different digests.
    pub changed: Vec<Changed>,
    /// Only the first has it.
    pub removed: Vec<Listed>,
}

/// A package that two lists have with different digests, or in different versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// In the first.
    pub before: Listed,
    /// In the second.
    pub after: Listed,
}

#[derive(Deserialize)]
struct Head {
    version: u32,
}

#[derive(Deserialize)]
struct Written {
    #[serde(deserialize_with = "packages")]
    packages: Vec<Listed>,
    #[serde(default, deserialize_with = "unused")]
    unused: BTreeMap<String, u32>,
}

fn files<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    deserializer.deserialize_seq(Bounded::<String> { names: |_| 1 })
}

fn packages<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Listed>, D::Error> {
    deserializer.deserialize_seq(Bounded::<Listed> { names: |package| package.files.len() + 1 })
}

fn unused<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, u32>, D::Error> {
    deserializer.deserialize_map(Answers)
}

fn too_many<E: Error>() -> E {
    E::custom(format_args!("more than {FILES_MAX} files"))
}

/// A list whose entries stand for so many names each; it is read no further than names may be.
struct Bounded<T> {
    names: fn(&T) -> usize,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Bounded<T> {
    type Value = Vec<T>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let (mut entries, mut left) = (Vec::new(), FILES_MAX);
        while let Some(entry) = list.next_element()? {
            left = left.checked_sub((self.names)(&entry)).ok_or_else(too_many)?;
            entries.push(entry);
        }
        Ok(entries)
    }
}

/// Answers, by name, no more than there may be files.
struct Answers;

impl<'de> Visitor<'de> for Answers {
    type Value = BTreeMap<String, u32>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("numbers by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut answers = BTreeMap::new();
        while let Some((answer, unused)) = map.next_entry()? {
            answers.insert(answer, unused);
            if answers.len() > FILES_MAX {
                return Err(too_many());
            }
        }
        Ok(answers)
    }
}

impl PackageList {
    /// Packages, put in order; what stands there twice stands there once.
    #[must_use]
    pub fn new(packages: impl IntoIterator<Item = Listed>) -> Self {
        let packages: BTreeSet<Listed> = packages.into_iter().collect();
        Self { packages: packages.into_iter().collect(), unused: BTreeMap::new() }
    }

    /// What audits found.
    #[must_use]
    pub fn of_audits<'a>(audits: impl IntoIterator<Item = &'a Audit>) -> Self {
        let of_audit = |audit: &'a Audit| {
            let program = audit.program;
            audit.packages.iter().map(move |package| Listed {
                program,
                purl: package.purl.clone(),
                digest: package.digest.clone(),
                source: package.source.clone(),
                files: package.files.clone(),
                bytes: package.bytes,
                unused: 0,
            })
        };
        Self::new(audits.into_iter().flat_map(of_audit))
    }

    /// The packages, in order.
    #[must_use]
    pub fn packages(&self) -> &[Listed] {
        &self.packages
    }

    /// With what is known of registries' answers, by their first files: for how many saves nobody used them.
    #[must_use]
    pub fn with_unused(self, answers: impl IntoIterator<Item = (String, u32)>) -> Self {
        Self { unused: answers.into_iter().filter(|(_, unused)| *unused > 0).collect(), ..self }
    }

    /// For how many saves nobody used an answer.
    #[must_use]
    pub fn unused(&self, answer: &str) -> u32 {
        self.unused.get(answer).copied().unwrap_or_default()
    }

    /// All that is known of answers that were not used.
    pub fn counts(&self) -> impl Iterator<Item = (String, u32)> {
        self.unused.iter().map(|(answer, unused)| (answer.clone(), *unused))
    }

    /// As a file.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut text = format!("{{\"version\":{VERSION},\"packages\":[");
        for (number, package) in self.packages.iter().enumerate() {
            text.push_str(if number == 0 { "\n" } else { ",\n" });
            // Texts, numbers and lists of them: there is nothing in it that JSON has not.
            text.push_str(&serde_json::to_string(package).unwrap_or_default());
        }
        text.push_str("\n]");
        if !self.unused.is_empty() {
            text.push_str(",\"unused\":");
            text.push_str(&serde_json::to_string(&self.unused).unwrap_or_default());
        }
        text.push_str("}\n");
        text.into_bytes()
    }

    /// From a file.
    ///
    /// # Errors
    /// What is no list, of a later version, or too long.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ListError> {
        if bytes.len() > LIST_BYTES_MAX {
            return Err(ListError::TooLong);
        }
        let head: Head = serde_json::from_slice(bytes)?;
        if head.version != VERSION {
            return Err(ListError::Newer(head.version));
        }
        let written: Written = serde_json::from_slice(bytes)?;
        Ok(Self::new(written.packages).with_unused(written.unused))
    }

    /// What `after` has changed.
    #[must_use]
    pub fn compare(&self, after: &Self) -> Difference {
        let (mut old, mut new) = (self.by_name(), after.by_name());
        let mut difference = Difference::default();
        for (name, mut befores) in core::mem::take(&mut old) {
            let mut afters = new.remove(&name).unwrap_or_default();
            befores.retain(|before| {
                let same = afters.iter().position(|after| after.digest == before.digest);
                same.map(|place| afters.remove(place)).is_none()
            });
            let pairs = befores.len().min(afters.len());
            let changed = befores.drain(..pairs).zip(afters.drain(..pairs));
            difference.changed.extend(
                changed.map(|(before, after)| Changed { before: before.clone(), after: after.clone() }),
            );
            difference.removed.extend(befores.into_iter().cloned());
            difference.added.extend(afters.into_iter().cloned());
        }
        difference.added.extend(new.into_values().flatten().cloned());
        difference.added.sort();
        difference.pair_versions();
        difference
    }

    fn by_name(&self) -> BTreeMap<(Program, &Purl), Vec<&Listed>> {
        let mut named: BTreeMap<_, Vec<&Listed>> = BTreeMap::new();
        for package in &self.packages {
            named.entry((package.program, &package.purl)).or_default().push(package);
        }
        named
    }
}

fn by_any_version(packages: &[Listed]) -> BTreeMap<(Program, Purl), Vec<&Listed>> {
    let mut named: BTreeMap<_, Vec<&Listed>> = BTreeMap::new();
    for package in packages.iter().filter(|package| package.purl.version_text().is_some()) {
        named.entry((package.program, package.purl.unversioned())).or_default().push(package);
    }
    named
}

impl Difference {
    /// Finds what was added and removed that is one package in two versions.
    fn pair_versions(&mut self) {
        let (went, came) = (by_any_version(&self.removed), by_any_version(&self.added));
        let pairs =
            went.iter().filter_map(|(name, went)| Some((went.as_slice(), came.get(name)?.as_slice())));
        let updated = pairs.filter_map(|pair| match pair {
            (&[before], &[after]) => Some(Changed { before: before.clone(), after: after.clone() }),
            _ => None,
        });
        self.updated = updated.collect();
        let (went, came): (BTreeSet<&Listed>, BTreeSet<&Listed>) =
            self.updated.iter().map(|Changed { before, after }| (before, after)).unzip();
        self.removed.retain(|package| !went.contains(package));
        self.added.retain(|package| !came.contains(package));
    }

    /// Whether both are the same.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.updated.is_empty() && self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

#[cfg(test)]
mod tests;
