//! `pnpm-lock.yaml`, versions 5, 6 and 9 (there are no others between).
//!
//! ```text
//! lockfileVersion: 5.4           | lockfileVersion: '6.0'        | lockfileVersion: '9.0'
//! packages:                      | packages:                     | packages:
//!   /@babel/core/7.0.0_x@1.0.0:  |   /@babel/core@7.0.0(x@1.0.0):|   '@babel/core@7.0.0':
//!     resolution: {integrity: …} |     resolution: {integrity: …}|     resolution: {integrity: …}
//! ```
//!
//! What is not from the default registry has its host before the first slash (version 5), or tells `name` and `version`
//! itself. What follows the version in `_` or `()` are peers; the same package stands there once for each set of them.
//!
//! The file is YAML, and pnpm has written it in several ways (flow and block, quoted or not, long keys after `?`), so a
//! parser reads it: saphyr-parser, for it gives events and makes nothing of them. An alias is one event, however much it
//! stands for; depth is what is counted here. From the sources of pnpm 7 to 10 (`lockfile/types`, `dependency-path`).

use super::{LockError, Locked, LockedDigest};
use crate::digest::Digest;
use crate::javascript;
use crate::purl::Purl;
use saphyr_parser::{Event, Parser};
use std::collections::BTreeSet;

/// Mappings and lists in each other at most; a lock file has five.
const DEPTH_MAX: usize = 32;
/// The newest version that is known.
const VERSION: u32 = 9;

/// Reads one.
pub(crate) fn read(text: &str) -> Result<Vec<Locked>, LockError> {
    let mut walk = Walk::default();
    for event in Parser::new_from_str(text) {
        let (event, span) =
            event.map_err(|error| LockError::at(line(error.marker().line()), error.info().to_owned()))?;
        walk.event(event).map_err(|what| LockError::at(line(span.start.line()), what))?;
    }
    let version = walk.version.ok_or_else(|| LockError::whole("it tells no lockfileVersion"))?;
    let major: Option<u32> = version.split('.').next().and_then(|major| major.parse().ok());
    let major = major.filter(|major| *major >= 5);
    let major = major
        .ok_or_else(|| LockError::whole(format!("version {version:?} of lock files is not known here")))?;
    let found: BTreeSet<(Purl, Vec<Digest>)> =
        walk.packages.iter().filter_map(|package| package.locked(major)).collect();
    if major > VERSION && found.is_empty() && walk.has_content {
        return Err(LockError::whole(format!("version {version:?} of lock files is not known here")));
    }
    let locked = |(purl, digests): (Purl, Vec<Digest>)| {
        let digests = digests.into_iter().map(LockedDigest::Artifact).collect();
        Locked { purl, digests }
    };
    Ok(found.into_iter().map(locked).collect())
}

fn line(line: usize) -> u64 {
    u64::try_from(line).unwrap_or(u64::MAX)
}

/// What is told of a package.
#[derive(Default)]
struct Package {
    key: String,
    name: Option<String>,
    version: Option<String>,
    integrity: Option<String>,
    /// Whether it is a directory of the project.
    is_local: bool,
}

impl Package {
    fn locked(&self, major: u32) -> Option<(Purl, Vec<Digest>)> {
        let (name, version) = if major < 6 { self.by_slashes() } else { self.by_at() };
        let name = self.name.as_deref().or(name).filter(|_| !self.is_local)?;
        let version = self.version.as_deref().or(version).unwrap_or_default();
        let digests = self.integrity.as_deref().map(Digest::from_integrity).unwrap_or_default();
        Some((javascript::purl(name, version)?, javascript::strongest(digests)))
    }

    /// `[host]/[@scope/]name/version[_peers]`.
    fn by_slashes(&self) -> (Option<&str>, Option<&str>) {
        let key = self.key.split_once('/').map_or("", |(_, key)| key);
        let Some((name, version)) = key.rsplit_once('/').filter(|(name, _)| !name.is_empty()) else {
            // Peers may have slashes of their own scopes.
            return (None, None);
        };
        let version = version.split('_').next().filter(|version| javascript::is_version(version));
        (version.and(Some(name)), version)
    }

    /// `[/]name@version[(peers)]`.
    fn by_at(&self) -> (Option<&str>, Option<&str>) {
        let key = self.key.strip_prefix('/').unwrap_or(&self.key);
        let Some((name, version)) = javascript::split_name(key) else { return (None, None) };
        let version = version.split('(').next().filter(|version| javascript::is_version(version));
        (Some(name), version)
    }
}

/// What is open.
enum Open {
    /// A mapping, with the key whose value comes next.
    Mapping { key: Option<String>, is_key: bool },
    /// A list.
    Sequence { is_key: bool },
}

/// Goes through a file.
#[derive(Default)]
struct Walk {
    open: Vec<Open>,
    version: Option<String>,
    packages: Vec<Package>,
    has_content: bool,
}

impl Walk {
    fn event(&mut self, event: Event<'_>) -> Result<(), &'static str> {
        match event {
            Event::Scalar(text, ..) => self.scalar(&text),
            Event::Alias(_) => self.scalar(""),
            Event::MappingStart(..) => {
                let is_key = self.begin()?;
                self.open.push(Open::Mapping { key: None, is_key });
            }
            Event::SequenceStart(..) => {
                let is_key = self.begin()?;
                self.open.push(Open::Sequence { is_key });
            }
            Event::MappingEnd | Event::SequenceEnd => self.end(),
            Event::DocumentStart(_) => self.open.clear(),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    /// Whether what begins stands where a key is expected.
    fn begin(&mut self) -> Result<bool, &'static str> {
        if self.open.len() >= DEPTH_MAX {
            return Err("it is nested too deep");
        }
        if let [root, package] = self.path().as_slice() {
            let key = (*root == "packages").then(|| (*package).to_owned());
            self.packages.extend(key.map(|key| Package { key, ..Package::default() }));
        }
        Ok(matches!(self.open.last(), Some(Open::Mapping { key: None, .. })))
    }

    fn end(&mut self) {
        let ended = self.open.pop();
        let Some(Open::Mapping { is_key, .. } | Open::Sequence { is_key }) = ended else { return };
        if let Some(Open::Mapping { key, .. }) = self.open.last_mut() {
            // A key that is no text names nothing.
            *key = is_key.then(String::new);
        }
    }

    fn scalar(&mut self, text: &str) {
        match self.open.last_mut() {
            Some(Open::Mapping { key: key @ None, .. }) => return *key = Some(text.to_owned()),
            Some(Open::Mapping { .. }) => self.value(text),
            Some(Open::Sequence { .. }) | None => return,
        }
        if let Some(Open::Mapping { key, .. }) = self.open.last_mut() {
            *key = None;
        }
    }

    /// The keys to what comes next; empty within lists.
    fn path(&self) -> Vec<&str> {
        let keys = self.open.iter().map(|open| match open {
            Open::Mapping { key, .. } => key.as_deref(),
            Open::Sequence { .. } => None,
        });
        keys.collect::<Option<_>>().unwrap_or_default()
    }

    fn value(&mut self, text: &str) {
        let path = self.path();
        let kind = match path.as_slice() {
            ["lockfileVersion"] => return self.version = Some(text.to_owned()),
            [_] => return,
            ["packages", _, rest @ ..] => rest.join("."),
            _ => return self.has_content = true,
        };
        self.has_content = true;
        let Some(package) = self.packages.last_mut() else { return };
        // Nothing, as an alias is, takes nothing away.
        let text = Some(text.to_owned()).filter(|text| !text.is_empty());
        match kind.as_str() {
            "name" => package.name = text,
            "version" => package.version = text,
            "resolution.integrity" => package.integrity = text,
            "resolution.directory" => package.is_local = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn integrity() -> String {
        format!("sha512-{}", data_encoding::BASE64.encode(&[7; 64]))
    }

    fn lines(text: &str) -> Vec<String> {
        let line = |locked: &Locked| format!("{} {}", locked.purl, locked.digests.len());
        read(text).unwrap().iter().map(line).collect()
    }

    #[test]
    fn version_five_has_slashes() {
        let text = format!(
            "lockfileVersion: 5.4

specifiers:
  left-pad: ^1.3.0

packages:

  /@babel/core/7.0.0_x@1.0.0:
    resolution: {{integrity: {0}}}
    peerDependencies: {{version: '2'}}
    dev: false

  ? /left-pad/1.3.0
  : resolution:
      integrity: {0}
    engines: {{node: '>=6'}}

  registry.example.org/other/2.0.0:
    resolution: {{integrity: {0}, tarball: other/-/other-2.0.0.tgz}}
    name: other
    version: 2.0.0

  code.example.org/x/y/0123:
    resolution: {{tarball: https://code.example.org/x/y/tar.gz/0123}}
    name: y
    version: 0.1.0
",
            integrity()
        );
        assert_eq!(
            lines(&text),
            [
                "pkg:npm/left-pad@1.3.0 1",
                "pkg:npm/other@2.0.0 1",
                "pkg:npm/y@0.1.0 0",
                "pkg:npm/%40babel/core@7.0.0 1"
            ]
        );
    }

    #[test]
    fn versions_six_and_nine_have_an_at() {
        for (version, slash) in [("6.0", "/"), ("9.0", "")] {
            let text = format!(
                "---
lockfileVersion: '{version}'
importers: {{.: {{dependencies: {{left-pad: {{specifier: ^1, version: 1.3.0}}}}}}}}
packages:
  '{slash}@babel/core@7.0.0(x@1.0.0)(@s/y@2.0.0)':
    resolution: {{integrity: {0}}}
  {slash}left-pad@1.3.0:
    resolution: {{integrity: {0}}}
    cpu: [x64]
    hasBin: true
  y@https://code.example.org/x/y/tar.gz/0123:
    resolution: {{tarball: https://code.example.org/x/y/tar.gz/0123}}
    version: 0.1.0
  file:local:
    resolution: {{directory: local, type: directory}}
    name: local
snapshots:
  left-pad@1.3.0:
    version: 9
",
                integrity()
            );
            assert_eq!(
                lines(&text),
                ["pkg:npm/left-pad@1.3.0 1", "pkg:npm/y@0.1.0 0", "pkg:npm/%40babel/core@7.0.0 1"]
            );
        }
    }

    #[test]
    fn an_alias_stands_for_nothing() {
        let text = "lockfileVersion: '9.0'\na: &a [x, x]\nb: &b [*a, *a]\npackages:\n  x@1.0.0: *b\n  ? {k: v}\n  : {name: z}\n  y@1.0.0:\n    version: *a\n";
        assert_eq!(lines(text), ["pkg:npm/y@1.0.0 0", "pkg:npm/z 0"]);
    }

    #[test]
    fn what_is_no_lock_file_is_an_error_with_its_line() {
        assert_eq!(read("lockfileVersion: 6\npackages: {\n  x: ]").unwrap_err().line, Some(3));
        assert!(read("packages: {}").unwrap_err().what.contains("no lockfileVersion"));
        assert!(read("lockfileVersion: 4").unwrap_err().what.contains("version \"4\""));
        let deep = format!("lockfileVersion: 9\nx: {}", "[".repeat(DEPTH_MAX + 1));
        assert_eq!(read(&deep).unwrap_err(), LockError::at(2, "it is nested too deep"));
    }

    #[test]
    fn newer_versions_are_read_if_their_shape_is_known() {
        assert_eq!(
            lines("lockfileVersion: '10.0'\npackages: {x@1.0.0: {hasBin: true}}"),
            ["pkg:npm/x@1.0.0 0"]
        );
        assert!(read("lockfileVersion: '10.0'\nthings: {x: {y: z}}").unwrap_err().what.contains("\"10.0\""));
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in any::<String>(), lines in proptest::collection::vec("( {0,6})[-\\[\\]{}?:&*'\"a-c0-9@/ ]{0,20}", 0..8)) {
            drop(read(&text));
            drop(read(&format!("lockfileVersion: 9\npackages:\n{}", lines.join("\n"))));
        }
    }
}
