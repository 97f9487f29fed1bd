//! The metadata of a package: its versions, in Composer 2 minified, that is, each told by what differs from the one before.

use crate::digest::{Algorithm, Digest};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::rc::Rc;

/// Versions of a package at most: those that have most have some thousand.
const VERSIONS_MAX: usize = 100_000;

/// What is known of a version.
#[derive(Debug)]
pub(super) struct Version<'a> {
    pub(super) version: String,
    /// Its archive. Where metadata is minified, many versions share one.
    pub(super) dist: Rc<Dist>,
    /// The file that says so.
    pub(super) by: &'a str,
}

/// An archive, as metadata names it.
#[derive(Debug)]
pub(super) struct Dist {
    /// Where it is.
    pub(super) url: String,
    /// The SHA-1 of that, in hexadecimal: what its file is called.
    pub(super) key: String,
    /// The SHA-1 of the archive, or nothing.
    pub(super) shasum: String,
}

/// The versions of a package that have an archive.
pub(super) fn versions<'a>(json: &[u8], package: &str, by: &'a str) -> serde_json::Result<Vec<Version<'a>>> {
    let mut json = serde_json::Deserializer::from_slice(json);
    let told = json.deserialize_map(ToldVisitor(package))?;
    json.end()?;
    let (mut found, mut dist) = (Vec::new(), None);
    for entry in told.versions.0 {
        match entry.dist {
            Change::To(next) => dist = next.named(),
            Change::Unset => dist = None,
            // Without minifying, every version tells its own.
            Change::None if told.minified.is_none() => dist = None,
            Change::None => {}
        }
        if let (Some(version), Some(dist)) = (entry.version, &dist) {
            found.push(Version { version, dist: Rc::clone(dist), by });
        }
    }
    Ok(found)
}

/// What is told of one package; of others nothing is kept.
#[derive(Default)]
struct Told {
    versions: Versions,
    minified: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    version: Option<String>,
    #[serde(default)]
    dist: Change,
}

#[derive(Default, Deserialize)]
struct Archive {
    url: Option<String>,
    shasum: Option<String>,
}

impl Archive {
    fn named(self) -> Option<Rc<Dist>> {
        let url = self.url?;
        let key = Digest::of(Algorithm::Sha1, url.as_bytes()).hex();
        Some(Rc::new(Dist { url, key, shasum: self.shasum.unwrap_or_default() }))
    }
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

/// A list in Composer 2; by their numbers in Composer 1.
#[derive(Default)]
struct Versions(Vec<Entry>);

/// What is told of the package of this name.
struct ToldVisitor<'a>(&'a str);
/// Packages by name, of which that one is kept. An empty list, if there are none.
struct PackagesSeed<'a>(&'a str);
struct VersionsVisitor;
struct ChangeVisitor;

impl<'de> Visitor<'de> for ToldVisitor<'_> {
    type Value = Told;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("metadata of packages")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Told, A::Error> {
        let mut told = Told::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "packages" => told.versions = map.next_value_seed(PackagesSeed(self.0))?,
                "minified" => told.minified = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(told)
    }
}

impl<'de> DeserializeSeed<'de> for PackagesSeed<'_> {
    type Value = Versions;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Versions, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for PackagesSeed<'_> {
    type Value = Versions;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("packages by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Versions, A::Error> {
        let mut versions = Versions::default();
        while let Some(name) = map.next_key::<String>()? {
            if name == self.0 {
                // Whoever names it twice means the last, as PHP reads it.
                versions = map.next_value()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(versions)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Versions, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Versions::default())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_one_archive_share_its_address() {
        let many = r#",{"version":"1"}"#.repeat(1000);
        let dist = format!(r#"{{"version":"2","dist":{{"url":"{}"}}}}"#, "u".repeat(10_000));
        let json =
            format!(r#"{{"packages":{{"a/b":[{dist}{many}],"c/d":[{{}}]}},"minified":"composer/2.0"}}"#);
        let found = versions(json.as_bytes(), "a/b", "p").unwrap();
        assert_eq!(found.len(), 1001);
        assert_eq!(Rc::strong_count(&found[0].dist), 1001, "the address is there once");
        assert!(versions(json.as_bytes(), "e/f", "p").unwrap().is_empty());
    }

    #[test]
    fn a_package_has_not_more_versions_than_anybody_makes() {
        let json = format!(r#"{{"packages":{{"a/b":[{{}}{}]}}}}"#, ",{}".repeat(VERSIONS_MAX));
        assert!(versions(json.as_bytes(), "a/b", "p").unwrap_err().to_string().contains("too many versions"));
        assert!(versions(json.as_bytes(), "c/d", "p").unwrap().is_empty(), "of others nothing is kept");
    }
}
