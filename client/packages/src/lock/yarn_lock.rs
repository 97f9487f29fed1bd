//! `yarn.lock`, of Yarn 1 and of later ones.
//!
//! ```text
//! # yarn lockfile v1                          | __metadata:
//!                                             |   version: 8
//! "@babel/core@^7.0.0", "@babel/core@^7.1":   |   cacheKey: 10c0
//!   version "7.2.0"                           |
//!   resolved "https://…/core-7.2.0.tgz#<sha1>"| "@babel/core@npm:^7.0.0, @babel/core@npm:^7.1":
//!   integrity sha512-…                        |   version: 7.2.0
//!   dependencies:                             |   resolution: "@babel/core@npm:7.2.0"
//!     x "^1"                                  |   checksum: 10c0/<sha512>
//!                                             |   languageName: node
//! ```
//!
//! Later ones write a narrow part of YAML, and read their files with a parser of their own that takes both. Both are read
//! here by lines as well: a block begins at the margin, its fields are two spaces in, what is deeper is of no interest. So
//! there is nothing that could nest, refer to itself or grow. A key longer than 1024 characters is written after `? `, and
//! its colon on the next line.
//!
//! A digest of version 1 is of the tarball; a checksum of later ones is of the zip archive that Yarn makes of it, and holds
//! for one version of Yarn's cache, its key, only. An archive's name has a hash of the whole resolution, by which it is found; of
//! what is patched, or comes from elsewhere, it has no version, and such a package is named without one, too. From the sources of Yarn 1.22 (`src/lockfile`) and Yarn 4
//! (`yarnpkg-parsers/sources/syml.ts`, `yarnpkg-core/sources/Project.ts`).

use super::{LockError, Locked, LockedDigest};
use crate::digest::{Algorithm, Digest};
use crate::javascript;
use crate::purl::Purl;
use std::collections::{BTreeMap, BTreeSet};

/// The newest format of later Yarns that is known.
const VERSION: u32 = 10;

/// Reads one.
pub(crate) fn read(text: &str) -> Result<Vec<Locked>, LockError> {
    let blocks = blocks(text)?;
    let metadata = blocks.iter().find(|block| block.key == "__metadata");
    let mut found: Vec<Locked> = match metadata {
        Some(metadata) => {
            let key = metadata.field("cacheKey").unwrap_or_default();
            blocks.iter().filter_map(|block| block.later(&key)).flatten().collect()
        }
        None => blocks.iter().filter_map(Block::classic).collect(),
    };
    if found.is_empty() && !blocks.is_empty() {
        check_version(text, metadata)?;
    }
    found.sort_by(|one, other| one.purl.cmp(&other.purl));
    found.dedup();
    Ok(found)
}

/// Where nothing was understood: whether that is for its version.
fn check_version(text: &str, metadata: Option<&Block<'_>>) -> Result<(), LockError> {
    let later = metadata.and_then(|metadata| metadata.field("version"));
    let classic = text.lines().find_map(|line| line.strip_prefix("# yarn lockfile v"));
    let version = later.or_else(|| classic.map(str::to_owned)).unwrap_or_default();
    let number: Option<u32> = version.trim().parse().ok();
    let is_known = number.is_some_and(|number| number <= if metadata.is_some() { VERSION } else { 1 });
    let error = || LockError::whole(format!("version {version:?} of Yarn's lock files is not known here"));
    if is_known { Ok(()) } else { Err(error()) }
}

/// What begins at the margin.
struct Block<'a> {
    /// The first of its keys.
    key: String,
    fields: BTreeMap<&'a str, &'a str>,
}

/// A text without its quotes.
fn plain(text: &str) -> String {
    let is_quoted = text.starts_with('"');
    is_quoted
        .then(|| serde_json::from_str(text).ok())
        .flatten()
        .unwrap_or_else(|| text.trim_matches('"').to_owned())
}

fn blocks(text: &str) -> Result<Vec<Block<'_>>, LockError> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let (indent, rest) =
            line.split_at_checked(line.len() - line.trim_start_matches(' ').len()).unwrap_or_default();
        let rest = rest.trim_end();
        if rest.is_empty() || rest.starts_with('#') {
            continue;
        }
        match (indent.len(), blocks.last_mut()) {
            (0, _) if rest == ":" => {}
            (0, _) => blocks.push(Block { key: key(number, rest)?, fields: BTreeMap::new() }),
            (2, Some(block)) => {
                let (name, value) = rest.split_once([' ', ':']).unwrap_or((rest, ""));
                block.fields.insert(name, value.trim_start_matches([':', ' ']));
            }
            (_, Some(_)) => {}
            (_, None) => return Err(LockError::at(number, "a field of nothing")),
        }
    }
    Ok(blocks)
}

/// The first key of a line at the margin.
fn key(number: u64, line: &str) -> Result<String, LockError> {
    let keys = line.strip_prefix("? ").or_else(|| line.strip_suffix(':'));
    let keys = keys.ok_or_else(|| LockError::at(number, "neither a package nor a field of one"))?;
    let mut is_inside = false;
    let mut first = keys.split(|letter| {
        is_inside ^= letter == '"';
        letter == ',' && !is_inside
    });
    let keys = plain(first.next().unwrap_or_default().trim());
    // Later Yarns quote all keys together.
    Ok(keys.split(", ").next().unwrap_or_default().to_owned())
}

impl Block<'_> {
    fn field(&self, name: &str) -> Option<String> {
        self.fields.get(name).map(|value| plain(value))
    }

    /// A package of Yarn 1.
    fn classic(&self) -> Option<Locked> {
        let (name, range) = javascript::split_name(&self.key)?;
        if range.starts_with("link:") {
            return None;
        }
        // Under another name: `alias@npm:real@^1.0.0`.
        let real =
            range.strip_prefix("npm:").and_then(|real| javascript::split_name(real).map(|(name, _)| name));
        let purl = javascript::purl(real.unwrap_or(name), &self.field("version")?)?;
        let digests = match self.field("integrity") {
            Some(integrity) => javascript::strongest(Digest::from_integrity(&integrity)),
            None => self.field("resolved").and_then(|resolved| hash(&resolved)).into_iter().collect(),
        };
        Some(Locked { purl, digests: digests.into_iter().map(LockedDigest::Artifact).collect() })
    }

    /// A package of a later Yarn, or several names of it; `default` is the key of checksums that tell none.
    fn later(&self, default: &str) -> Option<Vec<Locked>> {
        let resolution = self.field("resolution")?;
        let (name, reference) = javascript::split_name(&resolution)?;
        let (protocol, version) = reference.split_once(':')?;
        if matches!(protocol, "workspace" | "link" | "portal" | "virtual") {
            return None;
        }
        let checksum = self.field("checksum");
        let digest = checksum.as_deref().and_then(|checksum| {
            let (key, hex) = checksum.split_once('/').unwrap_or((default, checksum));
            let (key, locator) = (key.to_owned(), javascript::locator(name, reference));
            let digest = Digest::from_hex(Algorithm::Sha512, hex)?;
            Some(LockedDigest::YarnArchive { locator, key, digest })
        });
        let digests: Vec<LockedDigest> = digest.into_iter().collect();
        // Where it is fetched from may follow the version.
        let (plain, is_plain) = version.split_once("::").map_or((version, true), |(plain, _)| (plain, false));
        let told = match protocol {
            "npm" => Some(javascript::purl(name, plain)?),
            "patch" => None,
            _ => Some(javascript::purl(name, &self.field("version").unwrap_or_default())?),
        };
        // The name of an archive of what is more than a version tells less.
        let likely = javascript::likely_name(&name.replacen('/', "-", 1));
        let of_archive = javascript::purl(&likely, if protocol == "npm" { plain } else { "" });
        let is_told = digests.is_empty() || (protocol == "npm" && is_plain);
        let of_archive = of_archive.filter(|_| !is_told);
        let names = told.into_iter().chain(of_archive).collect::<BTreeSet<Purl>>();
        Some(names.into_iter().map(|purl| Locked { purl, digests: digests.clone() }).collect())
    }
}

/// The SHA-1 of a tarball after its address; after a repository's there is a commit.
fn hash(resolved: &str) -> Option<Digest> {
    let (address, hash) = resolved.split_once('#')?;
    let is_web = address.starts_with("https://") || address.starts_with("http://");
    let is_file = address.ends_with(".tgz") || address.ends_with(".tar.gz");
    Digest::from_hex(Algorithm::Sha1, hash).filter(|_| is_web && is_file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(text: &str) -> Vec<String> {
        let line = |locked: &Locked| format!("{} {:?}", locked.purl, locked.digests);
        read(text).unwrap().iter().map(line).collect()
    }

    #[test]
    fn files_of_yarn_one_are_read() {
        let sha512 = data_encoding::BASE64.encode(&[7; 64]);
        let sha1 = "01".repeat(20);
        let text = format!(
            r#"# THIS IS AN AUTOGENERATED FILE. DO NOT EDIT THIS FILE DIRECTLY.
# yarn lockfile v1


"@babel/core@^7.0.0", "@babel/core@>=7, <8":
  version "7.2.0"
  resolved "https://registry.example.org/@babel/core/-/core-7.2.0.tgz#{sha1}"
  integrity sha512-{sha512}
  dependencies:
    "@babel/x" "^7.0.0"
    version "1"

alias@npm:real@^1:
  version "1.0.0"
  resolved "https://registry.example.org/real/-/real-1.0.0.tgz#{sha1}"

mine@link:./mine:
  version "0.0.0"
  uid ""

git@git+https://code.example.org/git.git:
  version "2.0.0"
  resolved "git+https://code.example.org/git.git#{sha1}"
"#
        );
        let strong = format!("[Artifact(sha512:{})]", "07".repeat(64));
        assert_eq!(
            lines(&text),
            [
                "pkg:npm/git@2.0.0 []".to_owned(),
                format!("pkg:npm/real@1.0.0 [Artifact(sha1:{sha1})]"),
                format!("pkg:npm/%40babel/core@7.2.0 {strong}"),
            ]
        );
    }

    fn later(version: u32) -> String {
        let long = "x".repeat(1100);
        format!(
            r#"# This file is generated by running "yarn install" inside your project.

__metadata:
  version: {version}
  cacheKey: 10c0

"@babel/core@npm:^7.0.0, @babel/core@npm:^7.1":
  version: 7.2.0
  resolution: "@babel/core@npm:7.2.0"
  dependencies:
    "@babel/x": "npm:^7.0.0"
  checksum: 8/{hex}
  languageName: node
  linkType: hard

? "left-pad@npm:1.3.0, left-pad@npm:{long}"
:
  version: 1.3.0
  resolution: "left-pad@npm:1.3.0::__archiveUrl=https%3A%2F%2Fregistry.example.org"
  checksum: {hex}

"project@workspace:.":
  version: 0.0.0-use.local
  resolution: "project@workspace:."

"typescript@patch:typescript@npm%3A5.0.0#x":
  version: 5.0.0
  resolution: "typescript@patch:typescript@npm%3A5.0.0#x"
  checksum: 10c0/{hex}

"git@https://code.example.org/git.git":
  version: 2.0.0
  resolution: "git@https://code.example.org/git.git#commit=0123"
  checksum: 10c0/{hex}
"#,
            hex = "07".repeat(64)
        )
    }

    #[test]
    fn files_of_later_yarns_are_read_also_of_versions_not_known_yet() {
        let archive = |name: &str, reference: &str, key: &str| {
            let (locator, hex) = (javascript::locator(name, reference), "07".repeat(64));
            format!("[YarnArchive {{ locator: {locator:?}, key: \"{key}\", digest: sha512:{hex} }}]")
        };
        let git = archive("git", "https://code.example.org/git.git#commit=0123", "10c0");
        let pad = "npm:1.3.0::__archiveUrl=https%3A%2F%2Fregistry.example.org";
        for version in [4, 8, 10, 99] {
            assert_eq!(
                lines(&later(version)),
                [
                    format!("pkg:npm/git {git}"),
                    format!("pkg:npm/git@2.0.0 {git}"),
                    format!("pkg:npm/left-pad@1.3.0 {}", archive("left-pad", pad, "10c0")),
                    format!(
                        "pkg:npm/typescript {}",
                        archive("typescript", "patch:typescript@npm%3A5.0.0#x", "10c0")
                    ),
                    format!("pkg:npm/%40babel/core@7.2.0 {}", archive("@babel/core", "npm:7.2.0", "8")),
                ]
            );
        }
    }

    #[test]
    fn what_is_no_lock_file_is_an_error() {
        let text = "# yarn lockfile v1\n\n<<<<<<< HEAD\nx@1:\n";
        assert_eq!(read(text).unwrap_err(), LockError::at(3, "neither a package nor a field of one"));
        assert_eq!(read("\n  version \"1\"").unwrap_err().line, Some(2));
        for text in ["__metadata:\n  version: 11\nthings:\n  x: y", "# yarn lockfile v11\nthings:\n  x y"] {
            assert!(read(text).unwrap_err().what.contains("version \"11\""), "{text}");
        }
        assert_eq!(
            (read("# yarn lockfile v1\n"), read("__metadata:\n  version: 8\n")),
            (Ok(vec![]), Ok(vec![]))
        );
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in any::<String>(), lines in proptest::collection::vec("( {0,3})[\"?:,@#a-z0-9 ]{0,20}", 0..8)) {
            drop(read(&text));
            drop(read(&lines.join("\n")));
            drop(read(&format!("__metadata:\n{}", lines.join("\n"))));
        }
    }
}
