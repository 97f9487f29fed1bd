//! The metadata of a package: its versions, in Composer 2 minified, that is, each told by what differs from the one before.

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Versions of a package at most: those that have most have some thousand.
const VERSIONS_MAX: usize = 100_000;

/// What is known of a version.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) version: String,
    /// Where its archive is.
    pub(super) url: String,
    /// The SHA-1 of the archive, or nothing.
    pub(super) shasum: String,
    /// The file that says so.
    pub(super) by: String,
}

/// The versions of a package that have an archive.
pub(super) fn versions(json: &[u8], package: &str, by: &str) -> serde_json::Result<Vec<Version>> {
    let told: Told = serde_json::from_slice(json)?;
    let mut found = Vec::new();
    for (_, versions) in told.packages.0.into_iter().filter(|(name, _)| name == package) {
        let mut dist = Archive::default();
        for entry in versions.0 {
            match entry.dist {
                Change::To(next) => dist = next,
                Change::Unset => dist = Archive::default(),
                // Without minifying, every version tells its own.
                Change::None if told.minified.is_none() => dist = Archive::default(),
                Change::None => {}
            }
            if let (Some(version), Some(url)) = (entry.version, dist.url.clone()) {
                let shasum = dist.shasum.clone().unwrap_or_default();
                found.push(Version { version, url, shasum, by: by.to_owned() });
            }
        }
    }
    Ok(found)
}

#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    packages: Packages,
    minified: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    version: Option<String>,
    #[serde(default)]
    dist: Change,
}

#[derive(Clone, Default, Deserialize)]
struct Archive {
    url: Option<String>,
    shasum: Option<String>,
}

/// What a version says of its archive.
#[derive(Default)]
enum Change {
    To(Archive),
    /// It has none, and the one before had.
    Unset,
    /// Nothing.
    #[default]
    None,
}

/// By name. An empty list, if there are none.
#[derive(Default)]
struct Packages(Vec<(String, Versions)>);

/// A list in Composer 2; by their numbers in Composer 1.
struct Versions(Vec<Entry>);

struct PackagesVisitor;
struct VersionsVisitor;
struct ChangeVisitor;

impl<'de> Visitor<'de> for PackagesVisitor {
    type Value = Packages;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("packages by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Packages, A::Error> {
        let mut packages = Vec::new();
        while let Some(entry) = map.next_entry()? {
            packages.push(entry);
            if packages.len() > VERSIONS_MAX {
                return Err(A::Error::custom("too many packages"));
            }
        }
        Ok(Packages(packages))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Packages, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Packages::default())
    }
}

impl<'de> Visitor<'de> for VersionsVisitor {
    type Value = Versions;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("versions")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Versions, A::Error> {
        let mut versions = Vec::new();
        while let Some((_, entry)) = map.next_entry::<IgnoredAny, _>()? {
            versions.push(entry);
            if versions.len() > VERSIONS_MAX {
                return Err(A::Error::custom("too many versions"));
            }
        }
        Ok(Versions(versions))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Versions, A::Error> {
        let mut versions = Vec::new();
        while let Some(entry) = list.next_element()? {
            versions.push(entry);
            if versions.len() > VERSIONS_MAX {
                return Err(A::Error::custom("too many versions"));
            }
        }
        Ok(Versions(versions))
    }
}

impl<'de> Visitor<'de> for ChangeVisitor {
    type Value = Change;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an archive")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Change, A::Error> {
        Archive::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(Change::To)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Change, E> {
        Ok(Change::Unset)
    }

    fn visit_unit<E: Error>(self) -> Result<Change, E> {
        Ok(Change::Unset)
    }
}

impl<'de> Deserialize<'de> for Packages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PackagesVisitor)
    }
}

impl<'de> Deserialize<'de> for Versions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(VersionsVisitor)
    }
}

impl<'de> Deserialize<'de> for Change {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ChangeVisitor)
    }
}
